//! Space held back on the disk for the day it is full. The log of a full disk's database cannot be folded in where the
//! file would have to grow, and then not even old telemetry can be given up; the reserve, let go, is room for both.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::Mono;

/// Its name in the data directory.
const RESERVE: &str = "hazgate.reserve";
/// Holds a whole log (4 MiB), what the database may grow by, and as much again for a transaction.
const RESERVE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes by which the database may grow once the reserve is let go.
pub(super) const GROWTH_BYTES: u32 = 2 * 1024 * 1024;
/// How long after a failure it is worth trying to hold the reserve again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Lets go the reserve in a data directory that nobody has opened yet; says whether it was held.
pub(super) fn let_go(directory: &Path) -> bool {
    fs::remove_file(directory.join(RESERVE)).is_ok()
}

/// A file that does nothing but take up space.
pub(super) struct Reserve {
    path: PathBuf,
    is_held: bool,
    tried: Mono,
}

impl Reserve {
    /// Holds the reserve in the data directory, if the disk has the room.
    pub(super) fn hold(directory: &Path, now: Mono) -> Self {
        let path = directory.join(RESERVE);
        let mut reserve = Self { path, is_held: false, tried: now };
        let is_there = reserve.path.metadata().is_ok_and(|meta| meta.len() == RESERVE_BYTES);
        reserve.is_held = is_there || reserve.take(RESERVE_BYTES);
        reserve
    }

    /// Whether it is held.
    pub(super) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Lets it go; says whether it was held.
    pub(super) fn release(&mut self, now: Mono) -> bool {
        self.tried = now;
        std::mem::take(&mut self.is_held) && fs::remove_file(&self.path).is_ok()
    }

    /// Holds it again once there is twice the room, so that it does not come and go; says whether that has just happened.
    pub(super) fn restore(&mut self, now: Mono) -> bool {
        if self.is_held || now - self.tried < RETRY_AFTER {
            return false;
        }
        self.tried = now;
        self.is_held = self.take(2 * RESERVE_BYTES);
        self.is_held
    }

    fn take(&self, bytes: u64) -> bool {
        let taken = self.fill(bytes);
        if let Err(error) = &taken {
            tracing::warn!(%error, "the disk has no room for the reserve");
            // What could not be written whole must not take the room that there is.
            drop(fs::remove_file(&self.path));
        }
        taken.is_ok()
    }

    fn fill(&self, bytes: u64) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        let block = vec![0; 64 * 1024];
        for _ in 0..bytes / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.set_len(RESERVE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_let_go_and_held_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(RESERVE);
        let held = || path.metadata().is_ok_and(|meta| meta.len() == RESERVE_BYTES);
        let start = Mono::from_start(Duration::ZERO);
        let mut reserve = Reserve::hold(dir.path(), start);
        assert!(held() && !reserve.restore(start + RETRY_AFTER * 2), "it is held already");
        assert!(reserve.release(start) && !path.exists());
        assert!(!reserve.release(start), "it was let go already");
        assert!(!reserve.restore(start + RETRY_AFTER / 2) && !path.exists(), "too soon");
        assert!(reserve.restore(start + RETRY_AFTER) && held());
        assert!(let_go(dir.path()) && !let_go(dir.path()) && !path.exists());
    }
}
