//! When a value is of. The time in a message is believed if it is near the gateway's; if not, the value is
//! stamped when it arrives and is uncertain, since nobody knows how old it is. What is older than the last, or the same
//! said again, is not taken at all: an old value never stands for a new one.

use std::time::Duration;

use super::payload::{Claim, Spoken};
use crate::model::{Reason, Sample, Text, Wall};

/// The order of a publisher's values.
#[derive(Debug)]
pub(super) struct Order {
    skew_max: Duration,
    /// The last believed moment of each of its points, and what it said then.
    last: Vec<Option<(Wall, Sample)>>,
}

/// What is to be done with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Take it, as of this moment.
    Take(Wall, Sample),
    /// Take it as of this moment, with a doubt, for this reason.
    Doubt(Wall, Sample, Text),
    /// The same moment and value again: nothing new, and no sign that the value still holds.
    Again,
    /// Older than the last.
    Late,
}

impl Order {
    /// For so many points.
    pub(super) fn new(points: usize, skew_max: Duration) -> Self {
        Self { skew_max, last: vec![None; points] }
    }

    /// Judges a value that arrived at `now`.
    pub(super) fn judge(&mut self, spoken: &Spoken, now: Wall) -> Verdict {
        let Some(last) = self.last.get_mut(spoken.which) else { return Verdict::Late };
        let at = match spoken.claim {
            Claim::Arrival => return Verdict::Take(now, spoken.sample),
            Claim::Unreadable => return Verdict::Doubt(now, doubted(spoken.sample), unreadable()),
            Claim::At(at) => at,
        };
        let limit = i64::try_from(self.skew_max.as_millis()).unwrap_or(i64::MAX);
        let ahead = at.0.saturating_sub(now.0);
        if ahead > limit {
            return Verdict::Doubt(now, doubted(spoken.sample), skewed(ahead));
        }
        match *last {
            Some((moment, _)) if at < moment => return Verdict::Late,
            Some(known) if known == (at, spoken.sample) => return Verdict::Again,
            _ => *last = Some((at, spoken.sample)),
        }
        if ahead < -limit {
            return Verdict::Doubt(now, doubted(spoken.sample), skewed(ahead));
        }
        Verdict::Take(at, spoken.sample)
    }
}

/// A value whose age is unknown may raise an alarm, and clears none.
fn doubted(sample: Sample) -> Sample {
    match sample {
        Sample::Good(value) => Sample::Uncertain(value, Reason::Stale),
        other => other,
    }
}

fn unreadable() -> Text {
    Text::new(
        "数据无可识别的时间戳，数据新旧不明",
        "no time that can be read: the age of the values is unknown",
    )
}

fn skewed(ahead_ms: i64) -> Text {
    let (zh, en) = if ahead_ms > 0 { ("超前", "ahead of") } else { ("落后", "behind") };
    let span = span(ahead_ms.unsigned_abs() / 1000);
    Text::new(
        format!("数据时间戳比网关时钟{zh} {}，数据新旧不明", span.zh),
        format!("the time of the values is {} {en} the gateway's clock: their age is unknown", span.en),
    )
}

/// A span as people say it, in its largest unit.
fn span(seconds: u64) -> Text {
    let (count, zh, en) = match seconds {
        0..=119 => (seconds, "秒", "s"),
        120..=7199 => (seconds / 60, "分钟", "min"),
        7200..=172_799 => (seconds / 3600, "小时", "h"),
        _ => (seconds / 86_400, "天", "days"),
    };
    Text::new(format!("{count} {zh}"), format!("{count} {en}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    const MINUTE: i64 = 60_000;
    const NOW: Wall = Wall(1_690_000_000_000);

    fn says(value: i64, claim: Claim) -> Spoken {
        Spoken { which: 0, sample: Sample::Good(Value::Int(value)), claim }
    }

    fn order() -> Order {
        Order::new(1, Duration::from_secs(300))
    }

    fn good(value: i64) -> Sample {
        Sample::Good(Value::Int(value))
    }

    #[test]
    fn a_time_near_the_gateways_is_believed_and_none_means_now() {
        let mut order = order();
        for offset in [-5 * MINUTE, 0, 5 * MINUTE] {
            let at = Wall(NOW.0 + offset);
            assert_eq!(order.judge(&says(1, Claim::At(at)), NOW), Verdict::Take(at, good(1)));
        }
        assert_eq!(order.judge(&says(1, Claim::Arrival), NOW), Verdict::Take(NOW, good(1)));
    }

    #[test]
    fn p2_a_value_of_unknown_age_is_never_good() {
        let doubt = Sample::Uncertain(Value::Int(1), Reason::Stale);
        for (claim, words) in [
            (Claim::At(Wall(0)), "behind the gateway's clock"),
            (Claim::At(Wall(NOW.0 - 5 * MINUTE - 1)), "5 min behind"),
            (Claim::At(Wall(NOW.0 + 5 * MINUTE + 1)), "5 min ahead of"),
            (Claim::At(Wall(i64::MAX)), "days ahead of"),
            (Claim::At(Wall(i64::MIN)), "days behind"),
            (Claim::Unreadable, "no time"),
        ] {
            let Verdict::Doubt(at, sample, why) = order().judge(&says(1, claim), NOW) else {
                panic!("{claim:?}")
            };
            assert_eq!((at, sample), (NOW, doubt), "{claim:?}");
            assert!(why.en.contains(words), "{}", why.en);
        }
    }

    #[test]
    fn p2_an_older_value_never_overwrites_a_newer_one() {
        let mut order = order();
        let at = |seconds: i64| Claim::At(Wall(NOW.0 + seconds * 1000));
        order.judge(&says(1, at(0)), NOW);
        assert_eq!(order.judge(&says(2, at(-1)), NOW), Verdict::Late);
        assert_eq!(order.judge(&says(2, at(-3600)), NOW), Verdict::Late, "too old as well");
        assert_eq!(order.judge(&says(2, at(1)), NOW), Verdict::Take(Wall(NOW.0 + 1000), good(2)));
    }

    #[test]
    fn p2_the_same_said_again_is_no_news_and_another_value_of_the_same_second_is() {
        let mut order = order();
        let at = Claim::At(NOW);
        assert_eq!(order.judge(&says(1, at), NOW), Verdict::Take(NOW, good(1)));
        assert_eq!(order.judge(&says(1, at), NOW), Verdict::Again);
        assert_eq!(order.judge(&says(2, at), NOW), Verdict::Take(NOW, good(2)));
    }

    #[test]
    fn a_time_that_is_not_believed_because_it_lies_ahead_stands_in_nobodys_way() {
        let mut order = order();
        order.judge(&says(1, Claim::At(Wall(NOW.0 + 3_600_000))), NOW);
        assert_eq!(order.judge(&says(2, Claim::At(NOW)), NOW), Verdict::Take(NOW, good(2)));
    }
}
