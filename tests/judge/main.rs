//! The judge of P1 and P5: random runs of the real daemon, in which everything breaks that may, held against what was acknowledged, what
//! was kept and what was heard. The seed is printed; `HAZGATE_JUDGE_SEEDS=17..1017 cargo test --test judge` plays those, a few at a time.

mod far_end;
mod gateway;
mod mains;
mod meter;
mod midnight;
mod story;
mod verdict;

use std::ops::Range;
use std::time::Duration;

use story::Run;
use tokio::task::JoinSet;

/// How long blows fall in each run.
const BLOWS_FOR: Duration = Duration::from_secs(20);
/// Runs side by side.
const AT_ONCE: usize = 4;
/// The runs of an ordinary test.
const SEEDS: Range<u64> = 1..5;

#[tokio::test(flavor = "multi_thread")]
async fn p1_p5_nothing_kept_is_lost_whatever_happens() {
    let mut seeds = seeds();
    let mut runs: JoinSet<()> = seeds.by_ref().take(AT_ONCE).map(|seed| Run::play(seed, BLOWS_FOR)).collect();
    while let Some(run) = runs.join_next().await {
        if let Err(fallen) = run {
            std::panic::resume_unwind(fallen.into_panic());
        }
        if let Some(seed) = seeds.next() {
            runs.spawn(Run::play(seed, BLOWS_FOR));
        }
    }
}

/// The seeds to play: those of the environment, as `17..1017`, or our own.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("HAZGATE_JUDGE_SEEDS") else { return SEEDS };
    let bound = |text: &str| text.trim().parse().expect("HAZGATE_JUDGE_SEEDS is as 17..1017");
    let (from, to) = text.split_once("..").expect("HAZGATE_JUDGE_SEEDS is as 17..1017");
    bound(from)..bound(to)
}
