//! One file of a site, deserialized: the site file itself or one that it includes.

use super::raw::RawSite;
use super::repair::Kept;
use super::source::{FileId, Spot};

/// A file's tables, and where they stand in it.
pub(super) struct Part {
    /// The file.
    pub(super) file: FileId,
    /// Its tables.
    pub(super) raw: RawSite,
    /// Original numbers of the entries, where some were left out.
    pub(super) kept: Kept,
}

impl Part {
    /// Where the entry `index` of `[[table]]` stands in the file.
    pub(super) fn spot(&self, table: &'static str, index: usize) -> Spot {
        let original = self.kept.get(table).and_then(|kept| kept.get(index)).copied();
        Spot::entry(self.file, table, original.unwrap_or(index))
    }
}
