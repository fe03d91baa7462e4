//! What a power cut leaves of a file: what the disk surely has, and of what was written since any part, down to single sectors that are half
//! old and half new.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What a disk writes whole or not at all, unless the power goes in the middle of it.
const SECTOR: usize = 512;
/// One sector in so many is torn, where sectors are mixed.
const TORN_ONE_IN: u32 = 16;
/// Files that are thrown back.
pub(crate) const FILES: [&str; 2] = ["hazgate.db", "hazgate.db-wal"];

/// Cuts the power under the database in `data`, of which `kept` holds what the disk surely has.
pub(crate) fn cut(data: &Path, kept: &Path, random: &mut fastrand::Rng) {
    for name in FILES {
        let (file, sure) = (data.join(name), kept.join(name));
        let (now, old) = (fs::read(&file).ok(), fs::read(&sure).ok());
        let left = match random.u8(..4) {
            0 => now,
            1 => old,
            _ => now.map(|now| mixed(&now, old.as_deref().unwrap_or_default(), random)),
        };
        // What is there after the power is back, the disk has.
        for path in [file, sure] {
            match &left {
                Some(bytes) => fs::write(path, bytes).expect("written"),
                None => fs::remove_file(path).unwrap_or_default(),
            }
        }
        fs::remove_file(kept.join(format!("{name}.written"))).unwrap_or_default();
    }
    // The log's index is memory.
    fs::remove_file(data.join("hazgate.db-shm")).unwrap_or_default();
}

/// Some of what is new, the rest as it was. A file that has grown may have its length and not what is in it.
fn mixed(new: &[u8], old: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let (least, most) = (new.len().min(old.len()), new.len().max(old.len()));
    let length = match random.u8(..3) {
        0 => new.len(),
        1 => old.len(),
        _ => (random.usize(least..=most) / SECTOR * SECTOR).max(least),
    };
    let (share, mut left) = (random.f64(), vec![0; length]);
    for at in (0..length).step_by(SECTOR) {
        let end = (at + SECTOR).min(length);
        let is_new = random.f64() < share;
        let torn = if random.u32(..TORN_ONE_IN) == 0 { at + random.usize(..SECTOR) } else { end };
        for (byte, place) in left[at..end].iter_mut().zip(at..) {
            let from = if is_new == (place < torn) { new } else { old };
            *byte = from.get(place).copied().unwrap_or(0);
        }
    }
    left
}

/// The layer under the gateway (`layer.c`), built once in `folder`.
pub(crate) fn layer(folder: &Path) -> &'static Path {
    static LAYER: OnceLock<PathBuf> = OnceLock::new();
    LAYER.get_or_init(|| {
        let library = folder.join(format!("layer-{}.so", std::process::id()));
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/layer.c"))
            .status();
        assert!(built.expect("a C compiler").success(), "the layer is not built");
        library
    })
}
