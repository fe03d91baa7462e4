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
    /// It may be either.
    Doubted,
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
    /// It is present, and counts from then on if it still is. The last news is `backed` unless it was in doubt.
    Rising { due: Mono, backed: bool },
    /// It counts.
    On,
    /// It counts, but is absent, and no longer counts from then on if it still is.
    Falling { due: Mono },
}

impl Hold {
    /// Takes news of the condition.
    pub(super) fn take(&mut self, news: News, at: Mono, delays: Delays) {
        match news {
            News::Present => self.present(at, delays),
            News::Absent => self.absent(at, delays),
            News::Doubted => self.doubt(),
            News::Unwatched => self.suspend(),
        }
    }

    /// The condition is present.
    pub(super) fn present(&mut self, at: Mono, delays: Delays) {
        *self = match *self {
            Self::Off => Self::Rising { due: at + delays.on, backed: true },
            Self::Rising { due, .. } => Self::Rising { due, backed: true },
            Self::On | Self::Falling { .. } => Self::On,
        };
        self.advance(at);
    }

    /// The condition is absent, beyond doubt.
    pub(super) fn absent(&mut self, at: Mono, delays: Delays) {
        *self = match *self {
            Self::Off | Self::Rising { .. } => Self::Off,
            Self::On => Self::Falling { due: at + delays.off },
            Self::Falling { due } => Self::Falling { due },
        };
        self.advance(at);
    }

    /// The last news does not say whether the condition is present.
    pub(super) fn doubt(&mut self) {
        *self = match *self {
            Self::Rising { due, .. } => Self::Rising { due, backed: false },
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
    pub(super) fn advance(&mut self, at: Mono) {
        if self.deadline().is_some_and(|deadline| deadline <= at) {
            *self = if self.counts() { Self::Off } else { Self::On };
        }
    }

    /// When the running delay completes, unless there is news before.
    pub(super) const fn deadline(self) -> Option<Mono> {
        match self {
            Self::Rising { due, backed: true } | Self::Falling { due } => Some(due),
            Self::Rising { backed: false, .. } | Self::Off | Self::On => None,
        }
    }

    /// When the on-delay that runs is over, whether or not the last news was in doubt.
    pub(super) const fn rising(self) -> Option<Mono> {
        match self {
            Self::Rising { due, .. } => Some(due),
            Self::Off | Self::On | Self::Falling { .. } => None,
        }
    }

    /// An on-delay that ran before a restart goes on; nothing has been heard of the condition since.
    pub(super) fn resume(&mut self, due: Mono) {
        if *self == Self::Off {
            *self = Self::Rising { due, backed: false };
        }
    }

    /// An on-delay that runs is not over before this moment.
    pub(super) fn postpone(&mut self, least: Mono) {
        if let Self::Rising { due, .. } = self {
            *due = least.max(*due);
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
        Hold::Rising { due: s(since) + DELAYS.on, backed }
    }

    fn falling(since: u64) -> Hold {
        Hold::Falling { due: s(since) + DELAYS.off }
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
            assert_eq!(start.deadline(), Some(s(due)));
            let mut hold = start;
            hold.advance(s(due - 1));
            assert_eq!(hold, start);
            hold.advance(s(due));
            assert_eq!(hold, end);
        }
    }

    #[test]
    fn doubt_leaves_an_on_delay_without_a_deadline() {
        let mut hold = rising(3, false);
        assert_eq!(hold.deadline(), None);
        hold.advance(s(1000));
        assert_eq!(hold, rising(3, false));
    }

    #[test]
    fn what_is_resumed_waits_for_news_and_touches_nothing_that_counts() {
        let mut hold = Hold::Off;
        hold.resume(s(4));
        assert_eq!((hold.deadline(), hold.rising()), (None, Some(s(4))));
        hold.present(s(9), DELAYS);
        assert_eq!(hold, Hold::On, "the delay was over long ago");
        hold.resume(s(30));
        assert_eq!(hold, Hold::On);
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
