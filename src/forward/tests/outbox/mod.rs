//! The outbox against a model small enough to be believed, over a disk that cannot be trusted. A life of the real store and of one destination's
//! feed is a process of its own (`life.rs`), on the layer that the judge uses (`tests/judge/layer.c`): writes that stop half way, an fsync that
//! fails and forgets what it should have written, a full disk, deaths, and power cuts that leave any part of what nobody asked the disk to
//! keep. After each death what lies on the disk is held against the model (`model.rs`).
//!
//! `HAZGATE_OUTBOX_SEEDS=1000..2000 cargo test --lib p1_p5_the_outbox` plays those; each prints its seed.

mod life;
#[path = "../../../../tests/judge/mains.rs"]
mod mains;
mod model;
mod play;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs side by side.
const AT_ONCE: usize = 4;
/// The runs of an ordinary test.
const SEEDS: Range<u64> = 1..33;

#[test]
fn p1_p5_the_outbox_keeps_what_it_promised_whatever_the_disk_does() {
    if life::is_one() {
        return life::live();
    }
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    play::Run::new(seed).play();
                }
            });
        }
    });
}

/// The seeds to play: those of the environment, as `17..1017`, or our own.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("HAZGATE_OUTBOX_SEEDS") else { return SEEDS };
    let bound = |text: &str| text.trim().parse().expect("HAZGATE_OUTBOX_SEEDS is as 17..1017");
    let (from, to) = text.split_once("..").expect("HAZGATE_OUTBOX_SEEDS is as 17..1017");
    bound(from)..bound(to)
}
