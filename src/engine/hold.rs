//! On-delay and off-delay of one condition: what must hold for a while before it counts, and be gone for a while
//! before it no longer does. Knows nothing of values, rules or clocks; time is an argument.
//!
//! | told that the condition is | `Off` | `Rising` (on-delay runs) | `On` | `Falling` (off-delay runs) |
//! | --- | --- | --- | --- | --- |
//! | present | → `Rising` | goes on; → `On` when due | – | → `On` |
//! | absent | – | → `Off` | → `Falling` | goes on; → `Off` when due |
//! | in doubt | – | goes on, but is not completed | – | → `On`: starts again from zero |
//! | suspended | – | → `Off` | – | → `On` |
//!
//! A delay of zero completes at once.

use std::time::Duration;

use crate::model::Mono;

/// The two delays of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    /// How long the condition must hold before it counts.
    pub(super) on: Duration,
    /// How long it must be gone before it no longer counts.
    pub(super) off: Duration,
}

/// What is known of a condition that is present or absent beyond doubt, or not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It is present.
    Present,
    /// It is absent.
    Absent,
    /// Nothing can be known for now.
    Unwatched,
}

impl News {
    /// Present or absent.
    pub(super) const fn of(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

/// Where one condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hold {
    /// It does not count.
    #[default]
    Off,
    /// It has been present since then, not yet long enough. The last news is `backed` unless it was in doubt.
    Rising { since: Mono, backed: bool },
    /// It counts.
    On,
    /// It counts, but has been absent since then.
    Falling { since: Mono },
}

impl Hold {
    /// Takes news of the condition.
    pub(super) fn take(&mut self, news: News, at: Mono, delays: Delays) {
        match news {
            News::Present => self.present(at, delays),
            News::Absent => self.absent(at, delays),
            News::Unwatched => self.suspend(),
        }
    }

    /// The condition is present.
    pub(super) fn present(&mut self, at: Mono, delays: Delays) {
        *self = match *self {
            Self::Off => Self::Rising { since: at, backed: true },
            Self::Rising { since, .. } => Self::Rising { since, backed: true },
            Self::On | Self::Falling { .. } => Self::On,
        };
        self.advance(at, delays);
    }

    /// The condition is absent, beyond doubt.
    pub(super) fn absent(&mut self, at: Mono, delays: Delays) {
        *self = match *self {
            Self::Off | Self::Rising { .. } => Self::Off,
            Self::On => Self::Falling { since: at },
            Self::Falling { since } => Self::Falling { since },
        };
        self.advance(at, delays);
    }

    /// The last news does not say whether the condition is present.
    pub(super) fn doubt(&mut self) {
        *self = match *self {
            Self::Rising { since, .. } => Self::Rising { since, backed: false },
            Self::Falling { .. } => Self::On,
            settled @ (Self::Off | Self::On) => settled,
        };
    }

    /// The condition is not watched for now: what counts goes on to count, what was under way is forgotten.
    pub(super) fn suspend(&mut self) {
        *self = match *self {
            Self::Off | Self::Rising { .. } => Self::Off,
            Self::On | Self::Falling { .. } => Self::On,
        };
    }

    /// Completes the delay that is due by `at`.
    pub(super) fn advance(&mut self, at: Mono, delays: Delays) {
        if self.deadline(delays).is_some_and(|deadline| deadline <= at) {
            *self = if self.counts() { Self::Off } else { Self::On };
        }
    }

    /// When the running delay completes, unless there is news before.
    pub(super) fn deadline(self, delays: Delays) -> Option<Mono> {
        match self {
            Self::Rising { since, backed: true } => Some(since + delays.on),
            Self::Falling { since } => Some(since + delays.off),
            Self::Rising { backed: false, .. } | Self::Off | Self::On => None,
        }
    }

    /// Whether the condition counts.
    pub(super) const fn counts(self) -> bool {
        matches!(self, Self::On | Self::Falling { .. })
    }

    /// Whether the condition was present when it was last known.
    pub(super) const fn was_present(self) -> bool {
        matches!(self, Self::Rising { .. } | Self::On)
    }

    /// Whether nothing counts and nothing is under way.
    pub(super) const fn is_idle(self) -> bool {
        matches!(self, Self::Off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYS: Delays = Delays { on: Duration::from_secs(10), off: Duration::from_secs(20) };

    fn s(seconds: u64) -> Mono {
        Mono::from_start(Duration::from_secs(seconds))
    }

    fn rising(since: u64, backed: bool) -> Hold {
        Hold::Rising { since: s(since), backed }
    }

    fn falling(since: u64) -> Hold {
        Hold::Falling { since: s(since) }
    }

    /// The table at the head of this file, cell by cell, with news at second 5 and at the second it is due.
    #[test]
    fn every_cell_of_the_table() {
        type News = fn(&mut Hold, Mono);
        let present: News = |hold, at| hold.present(at, DELAYS);
        let absent: News = |hold, at| hold.absent(at, DELAYS);
        let doubt: News = |hold, _| hold.doubt();
        let suspend: News = |hold, _| hold.suspend();
        for (news, before, at, after) in [
            (present, Hold::Off, 5, rising(5, true)),
            (present, rising(0, true), 5, rising(0, true)),
            (present, rising(0, false), 5, rising(0, true)),
            (present, rising(0, false), 10, Hold::On),
            (present, Hold::On, 5, Hold::On),
            (present, falling(0), 5, Hold::On),
            (absent, Hold::Off, 5, Hold::Off),
            (absent, rising(0, true), 5, Hold::Off),
            (absent, Hold::On, 5, falling(5)),
            (absent, falling(0), 5, falling(0)),
            (absent, falling(0), 20, Hold::Off),
            (doubt, Hold::Off, 5, Hold::Off),
            (doubt, rising(0, true), 15, rising(0, false)),
            (doubt, Hold::On, 5, Hold::On),
            (doubt, falling(0), 25, Hold::On),
            (suspend, Hold::Off, 5, Hold::Off),
            (suspend, rising(0, true), 5, Hold::Off),
            (suspend, Hold::On, 5, Hold::On),
            (suspend, falling(0), 5, Hold::On),
        ] {
            let mut hold = before;
            news(&mut hold, s(at));
            assert_eq!(hold, after, "{before:?} at {at} s");
        }
    }

    #[test]
    fn a_delay_completes_at_its_deadline_and_not_before() {
        for (start, due, end) in [(rising(3, true), 13, Hold::On), (falling(3), 23, Hold::Off)] {
            assert_eq!(start.deadline(DELAYS), Some(s(due)));
            let mut hold = start;
            hold.advance(s(due - 1), DELAYS);
            assert_eq!(hold, start);
            hold.advance(s(due), DELAYS);
            assert_eq!(hold, end);
        }
    }

    #[test]
    fn doubt_leaves_an_on_delay_without_a_deadline() {
        let mut hold = rising(3, false);
        assert_eq!(hold.deadline(DELAYS), None);
        hold.advance(s(1000), DELAYS);
        assert_eq!(hold, rising(3, false));
    }

    #[test]
    fn delays_of_zero_complete_at_once() {
        let none = Delays { on: Duration::ZERO, off: Duration::ZERO };
        let mut hold = Hold::Off;
        hold.present(s(1), none);
        assert_eq!(hold, Hold::On);
        hold.absent(s(1), none);
        assert_eq!(hold, Hold::Off);
    }
}
