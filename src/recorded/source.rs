//! Where the bytes of a CSV file come from: as they are or unpacked, and never more than a named number of them for one row.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::mistake::endless;
use crate::model::limits::RECORDED_ROW_BYTES_MAX;

/// Bytes that may yet come for the row that is being read.
pub(super) struct Source {
    inner: Box<dyn Read>,
    left: usize,
    /// Whether lines end in CR LF; known once the first has been read.
    two_bytes: Option<bool>,
}

impl Source {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let is_packed = path.extension().is_some_and(|end| end == "gz");
        let inner: Box<dyn Read> =
            if is_packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
        Ok(Self::new(inner))
    }

    pub(super) fn new(inner: Box<dyn Read>) -> Self {
        Self { inner, left: RECORDED_ROW_BYTES_MAX, two_bytes: None }
    }

    /// The next row begins.
    pub(super) const fn begin_row(&mut self) {
        self.left = RECORDED_ROW_BYTES_MAX;
    }

    /// The line that the parser is at, which takes CR for the end of one and has not seen LF yet.
    pub(super) fn line(&self, parsed: u64) -> u64 {
        parsed + u64::from(self.two_bytes == Some(true))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(endless());
        }
        let end = buffer.len().min(self.left);
        let count = self.inner.read(&mut buffer[..end])?;
        self.left -= count;
        if self.two_bytes.is_none() {
            let end = buffer[..count].iter().position(|byte| *byte == b'\n');
            self.two_bytes = end.map(|end| buffer[..end].ends_with(b"\r"));
        }
        Ok(count)
    }
}
