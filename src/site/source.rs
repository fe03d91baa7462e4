//! The texts that make up one site, and the way from a key path such as `device[2].poll` back to the bytes that it
//! stands on. Mistakes are collected by key path, which every check knows, and placed only once all are found.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask::mask;
use super::mistake::{Mistake, Mistakes};

/// One text of a [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(usize);

/// The texts of one site, in the order they were drawn in.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<(String, Option<Arc<str>>)>,
    /// Misspelt keys: the path that was meant, and the key as it is written.
    aliases: BTreeMap<(FileId, String), String>,
}

impl Sources {
    /// Takes in a file; `text` is none where it could not be read.
    pub(super) fn add(&mut self, name: &str, text: Option<&str>) -> FileId {
        self.files.push((name.to_owned(), text.map(Arc::from)));
        FileId(self.files.len() - 1)
    }

    /// Notes that the key meant by `path` is written `key`.
    pub(super) fn alias(&mut self, file: FileId, path: String, key: &str) {
        self.aliases.insert((file, path), key.to_owned());
    }

    /// Hex SHA-256 over every text, each with its length before it so that no two sites share a digest by shifting
    /// words from one file to the next. `overrides` stand for one more text.
    pub(super) fn digest(&self, overrides: &BTreeMap<String, String>) -> String {
        let mut hash = Sha256::new();
        let texts = self.files.iter().filter_map(|(_, text)| text.as_deref());
        let changed = overrides.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for text in texts.chain(changed) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

impl Place {
    /// A file as a whole.
    pub(super) fn whole(file: FileId) -> Self {
        Self { file, path: String::new(), or: None }
    }

    /// The same place, or `other` where the file does not have this key.
    pub(super) fn or(mut self, other: Option<Self>) -> Self {
        self.or = other.map(Box::new);
        self
    }
}

/// A key in a file: where a mistake will point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file.
    pub(super) file: FileId,
    /// The key path, such as `device[2].poll`.
    pub(super) path: String,
    /// Where to look if the file does not have that key: the template that the value came from.
    pub(super) or: Option<Box<Place>>,
}

/// One table of a file, such as the third `[[device]]`: what a check holds while it looks at its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    file: FileId,
    table: &'static str,
    index: Option<usize>,
}

impl Spot {
    /// The table `[table]`.
    pub(super) const fn table(file: FileId, table: &'static str) -> Self {
        Self { file, table, index: None }
    }

    /// The entry `index` of `[[table]]`.
    pub(super) const fn entry(file: FileId, table: &'static str, index: usize) -> Self {
        Self { file, table, index: Some(index) }
    }

    /// The whole table.
    pub(super) fn place(self) -> Place {
        let path = match self.index {
            Some(index) => format!("{}[{index}]", self.table),
            None => self.table.to_owned(),
        };
        Place { file: self.file, path, or: None }
    }

    /// A key of the table, such as `poll` or `limits.h`.
    pub(super) fn key(self, key: &str) -> Place {
        let mut place = self.place();
        if !place.path.is_empty() {
            place.path.push('.');
        }
        place.path.push_str(key);
        place
    }
}

/// A mistake that is not placed yet.
#[derive(Debug)]
pub(super) struct Finding {
    place: Place,
    span: Option<Range<usize>>,
    /// The bytes concerned within the text that stands there.
    within: Option<(String, Range<usize>)>,
    message: String,
    hint: Option<String>,
    first: Option<Place>,
}

impl Finding {
    /// Says what would be right.
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which bytes of `text`, which stands at the place, are concerned.
    pub(super) fn within(&mut self, text: &str, bytes: Range<usize>) -> &mut Self {
        self.within = Some((text.to_owned(), bytes));
        self
    }

    /// Names the other place that this one collides with.
    pub(super) fn first(&mut self, first: Place) -> &mut Self {
        self.first = Some(first);
        self
    }
}

/// Mistakes that are given advice which takes a search.
const ADVISED_MAX: usize = 1000;

/// Mistakes as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much is wrong so far.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether so much is wrong that looking for good advice on each would take too long.
    pub(super) fn are_many(&self) -> bool {
        self.0.len() >= ADVISED_MAX
    }

    /// Notes a mistake at a key.
    pub(super) fn add(&mut self, place: Place, message: impl Into<String>) -> &mut Finding {
        let message = message.into();
        self.0.push(Finding { place, span: None, within: None, message, hint: None, first: None });
        self.0.last_mut().expect("just pushed")
    }

    /// Notes a mistake whose bytes are known.
    pub(super) fn add_at(
        &mut self,
        file: FileId,
        path: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Finding {
        let finding = self.add(Place { file, path: path.into(), or: None }, message);
        finding.span = Some(span);
        finding
    }

    /// The mistakes, placed, in the order of the files and their lines; `None` if there are none.
    pub(super) fn into_mistakes(self, sources: &Sources) -> Option<Mistakes> {
        if self.is_empty() {
            return None;
        }
        let maps: Vec<Map<'_>> =
            (0..sources.files.len()).map(|file| Map::new(sources, FileId(file))).collect();
        let mut placed: Vec<(FileId, Mistake)> =
            self.0.into_iter().map(|finding| resolve(&maps, finding)).collect();
        placed.sort_by_key(|(file, mistake)| (*file, mistake.span.as_ref().map(|span| span.start)));
        placed.dedup();
        let texts = sources
            .files
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), Arc::from(mask(text.as_deref()?)))));
        Some(Mistakes::new(placed.into_iter().map(|(_, mistake)| mistake).collect(), texts.collect()))
    }
}

fn resolve(maps: &[Map<'_>], finding: Finding) -> (FileId, Mistake) {
    let (place, span) = match finding.span {
        Some(span) => (finding.place, Some(span)),
        None => settle(maps, finding.place),
    };
    let map = &maps[place.file.0];
    let span = match finding.within {
        Some((text, bytes)) => span.map(|span| map.within(span, &text, bytes)),
        None => span,
    };
    let message = match finding.first {
        Some(first) => format!("{}, first at {}", finding.message, describe(maps, first)),
        None => finding.message,
    };
    let (line, column) = span.as_ref().map(|span| map.position(span.start)).unzip();
    let mistake = Mistake {
        file: map.name.to_owned(),
        line,
        column,
        span,
        key_path: place.path,
        message,
        hint: finding.hint,
    };
    (place.file, mistake)
}

/// The place where the key really stands, and its bytes.
fn settle(maps: &[Map<'_>], place: Place) -> (Place, Option<Range<usize>>) {
    let Some((span, exact)) = maps[place.file.0].find(&place.path) else { return (place, None) };
    if !exact
        && let Some(or) = place.or.clone()
        && let Some((span, true)) = maps[or.file.0].find(&or.path)
    {
        return (*or, Some(span));
    }
    (place, Some(span))
}

fn describe(maps: &[Map<'_>], place: Place) -> String {
    let (place, span) = settle(maps, place);
    let map = &maps[place.file.0];
    match span.map(|span| map.position(span.start)) {
        Some((line, column)) => format!("{}:{line}:{column}", map.name),
        None => map.name.to_owned(),
    }
}

/// Where the keys and lines of one text stand.
struct Map<'a> {
    file: FileId,
    aliases: &'a BTreeMap<(FileId, String), String>,
    name: &'a str,
    text: Option<&'a str>,
    root: Option<Spanned<DeTable<'a>>>,
    line_starts: Vec<usize>,
}

impl<'a> Map<'a> {
    /// The bytes of a string value's text, where it is written as it is; otherwise the whole value.
    fn within(&self, value: Range<usize>, text: &str, bytes: Range<usize>) -> Range<usize> {
        let written = self.text.and_then(|all| all.get(value.clone()));
        match written.and_then(|written| written.find(text)).filter(|_| !text.is_empty()) {
            // The end of the text is the last thing that can be pointed at.
            Some(begin) => {
                let start = value.start + begin;
                start + bytes.start..start + bytes.end.max(bytes.start + 1)
            }
            None => value,
        }
    }

    fn new(sources: &'a Sources, file: FileId) -> Self {
        let (name, text) = &sources.files[file.0];
        let text = text.as_deref();
        let root = text.map(|text| DeTable::parse_recoverable(text).0);
        let newlines = text.unwrap_or_default().match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(newlines).collect();
        Self { file, aliases: &sources.aliases, name, text, root, line_starts }
    }

    /// The bytes of a key path, and whether the whole of it is there; else those of the innermost table that is.
    fn find(&self, path: &str) -> Option<(Range<usize>, bool)> {
        let root = self.root.as_ref()?;
        let mut here = Here::Table(root.get_ref());
        let mut span = 0..0;
        for (start, step) in steps(path) {
            let found = here.step(step).or_else(|| here.step(self.written(&path[..start + step.len()])?));
            let Some(value) = found else { return Some((span, false)) };
            span = value.span();
            here = Here::of(value.get_ref());
        }
        Some((span, true))
    }

    /// How the key at the end of `path` is written, if it is misspelt.
    fn written(&self, path: &str) -> Option<&str> {
        self.aliases.get(&(self.file, path.to_owned())).map(String::as_str)
    }

    /// Line and column of a byte, both from 1, the column in characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts[line - 1];
        let before = self.text.and_then(|text| text.get(start..at)).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// The keys and numbers of a path, each with where it begins.
fn steps(path: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    path.split(['.', '[', ']'])
        .map(move |step| {
            let at = start;
            start += step.len() + 1;
            (at, step)
        })
        .filter(|(_, step)| !step.is_empty())
}

enum Here<'r, 'i> {
    Table(&'r DeTable<'i>),
    List(&'r [Spanned<DeValue<'i>>]),
    Leaf,
}

impl<'r, 'i> Here<'r, 'i> {
    fn of(value: &'r DeValue<'i>) -> Self {
        match value {
            DeValue::Table(table) => Self::Table(table),
            DeValue::Array(list) => Self::List(list),
            _ => Self::Leaf,
        }
    }

    fn step(&self, step: &str) -> Option<&'r Spanned<DeValue<'i>>> {
        match self {
            Self::Table(table) => table.get(step),
            Self::List(list) => list.get(step.parse::<usize>().ok()?),
            Self::Leaf => None,
        }
    }
}
