//! What is known of the wall clock: whether anything vouches for it, and what has become of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::{Now, Wall};

/// How long before a step a stamp may have been made that is handed over after it: the longest poll and then some.
const IN_FLIGHT_MAX: Duration = Duration::from_secs(120);

/// What vouches for a stamp, or for the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockSync {
    /// The system's clock was kept by a time server.
    Synced,
    /// It was not: the stamp may be wrong by any amount.
    Unsynced,
    /// It was not when the stamp was made; the stamp was corrected once it was.
    Restamped,
    /// The system does not say.
    #[default]
    Unknown,
}

/// What has become of the wall clock, or of the trust in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockChange {
    /// When the gateway took it up, with the wall clock as it is since.
    pub at: Now,
    /// By how much the wall clock was put forward, ms; back if negative; 0 if it was not.
    pub by_ms: i64,
    /// How long the computer slept, with everything in it; zero if it did not.
    pub slept: Duration,
    /// What vouches for the clock since.
    pub sync: ClockSync,
    /// What was stamped until now moves along: nothing has vouched for the clock since the computer started.
    pub restamps: bool,
}

impl ClockChange {
    /// Whether what was stamped before the first synchronisation is right from now on.
    pub fn settles(&self) -> bool {
        self.restamps && self.sync == ClockSync::Synced
    }

    /// A stamp of something that was handed over at `arrived`, on the wall clock as it is since the change. Stamps that
    /// were made shortly before are moved along; a source's own stamps, which are not ours, stay.
    pub fn carry_over(&self, stamp: Wall, arrived: Now) -> Wall {
        if self.by_ms == 0 || arrived.mono - self.at.mono > IN_FLIGHT_MAX {
            return stamp;
        }
        let was = self.at.wall.0.saturating_sub(self.by_ms);
        let made_before = (was - IN_FLIGHT_MAX.as_millis() as i64..=was).contains(&stamp.0);
        let made_since = arrived.mono > self.at.mono && (self.at.wall..=arrived.wall).contains(&stamp);
        if made_before && !made_since { Wall(stamp.0 + self.by_ms) } else { stamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mono;

    fn step(by_ms: i64) -> ClockChange {
        let at = Now { mono: Mono::from_start(Duration::from_secs(50)), wall: Wall(1_000_000_000 + by_ms) };
        ClockChange { at, by_ms, slept: Duration::ZERO, sync: ClockSync::Synced, restamps: false }
    }

    fn arrived(change: &ClockChange, after_ms: u64) -> Now {
        Now {
            mono: change.at.mono + Duration::from_millis(after_ms),
            wall: Wall(change.at.wall.0 + after_ms as i64),
        }
    }

    #[test]
    fn p2_a_stamp_that_was_under_way_at_a_step_moves_along_and_others_stay() {
        for by in [7_200_000, -7_200_000] {
            let change = step(by);
            let since = arrived(&change, 700);
            let before = Wall(1_000_000_000 - 300);
            assert_eq!(
                change.carry_over(before, since),
                Wall(before.0 + by),
                "read before, handed over after"
            );
            assert_eq!(change.carry_over(since.wall, since), since.wall, "read and handed over after");
            let sources = Wall(1_000_000_000 - 3_600_000);
            assert_eq!(change.carry_over(sources, since), sources, "a source's own stamp");
            let late = arrived(&change, 200_000);
            assert_eq!(change.carry_over(before, late), before, "nothing is under way for so long");
        }
        let back = step(-5_000);
        let since = arrived(&back, 700);
        assert_eq!(back.carry_over(since.wall, since), since.wall, "a small step back");
    }
}
