//! Reads the files of a site: text, and bounded.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::model::limits::SITE_FILE_BYTES_MAX;

/// The text of a file, or what stands in its way, in words.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| in_words(&error))?;
    let mut bytes = Vec::new();
    file.take(SITE_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| in_words(&error))?;
    if bytes.len() as u64 > SITE_FILE_BYTES_MAX {
        return Err(format!("it is larger than {} MB", SITE_FILE_BYTES_MAX / (1024 * 1024)));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}
