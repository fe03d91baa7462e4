//! The latest of every point, and what a reading is made into before any rule sees it. The path of a reading that
//! changes nothing ends here.

use std::time::Duration;

use crate::model::{Mono, PointId, PointState, Reading, Reason, Sample, Value, Wall};
use crate::site::{Limits, Point, Range, RuleKind, Site, Stuck};

use super::evaluate::Latest;

/// A sample as rules may see it: no number that is not finite, and none outside `range` that passes for good. A value
/// outside is not bad: a gas detector that is saturated must still raise.
pub(super) fn condition(sample: Sample, range: Range) -> Sample {
    match sample {
        Sample::Good(Value::Float(x)) | Sample::Uncertain(Value::Float(x), _) if !x.is_finite() => {
            Sample::Bad(Reason::SensorFault)
        }
        Sample::Good(value @ (Value::Float(_) | Value::Int(_)))
            if !(range.low..=range.high).contains(&value.as_f64()) =>
        {
            Sample::Uncertain(value, Reason::Range)
        }
        other => other,
    }
}

/// One point. What nearly every reading touches stands here; the rest is behind a pointer.
#[derive(Debug)]
pub(super) struct Slot {
    /// Between these, ends excluded, a good value changes nothing: it is in the range, no limit is crossed, nothing is under way. Empty where
    /// something is.
    ordinary: Range,
    latest: Option<PointState>,
    /// When it was last heard of, by arrival, or since when it is waited for.
    heard: Mono,
    rest: Box<Rest>,
    hearing: Hearing,
}

/// What is known of a point beyond what every reading needs.
#[derive(Debug)]
struct Rest {
    max_age: Duration,
    range: Range,
    /// Between these, ends excluded, no limit on the point is crossed.
    inside: Range,
    /// Nothing is under way for this point: a good reading inside changes nothing.
    calm: bool,
    /// For a signal that never stands still unless something is wrong.
    still: Option<Still>,
}

/// No value lies in it.
const NOWHERE: Range = Range { low: f64::INFINITY, high: f64::NEG_INFINITY };

/// Whether a point is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// It spoke, and is expected to speak again in time.
    Heard,
    /// Its device has come back, and it has not spoken since: it has as long as if it just had. Or it is derived, and what is wrong with it
    /// is told elsewhere.
    Awaited,
    /// Its data is too old, or its device is down: nothing is expected of it.
    Lapsed,
}

/// Every point, by its id.
#[derive(Debug)]
pub(super) struct Points(Vec<Slot>);

impl Points {
    /// All points of the site, none of them heard of.
    pub(super) fn new(site: &Site) -> Self {
        let mut slots: Vec<Slot> = site.points.iter().map(Slot::new).collect();
        for rule in &site.rules {
            match &rule.kind {
                // One that is bound is asked later than the point is looked at.
                RuleKind::Limits(limits) if rule.binding.is_some() => slots[limits.point.index()].close(),
                RuleKind::Limits(limits) => slots[limits.point.index()].narrow(limits),
                RuleKind::Condition(rule) => {
                    rule.points.iter().for_each(|point| slots[point.index()].close());
                }
                _ => {}
            }
        }
        Self(slots)
    }

    pub(super) fn slot(&self, point: PointId) -> &Slot {
        &self.0[point.index()]
    }

    pub(super) fn slot_mut(&mut self, point: PointId) -> &mut Slot {
        &mut self.0[point.index()]
    }

    /// Puts the stamps of the latest forward by so many ms, or back.
    pub(super) fn restamp(&mut self, by_ms: i64) {
        for latest in self.0.iter_mut().filter_map(|slot| slot.latest.as_mut()) {
            latest.at.0 = latest.at.0.saturating_add(by_ms);
        }
    }

    /// The latest of each point, in the order of their ids.
    pub(super) fn latest(&self) -> Vec<Option<PointState>> {
        self.0.iter().map(|slot| slot.latest).collect()
    }
}

impl Latest for Points {
    fn sample(&self, point: PointId) -> Option<Sample> {
        self.slot(point).sample()
    }
}

impl Slot {
    fn new(point: &Point) -> Self {
        let everything = Range { low: f64::NEG_INFINITY, high: f64::INFINITY };
        let rest = Rest {
            max_age: point.max_age,
            range: point.range.unwrap_or(everything),
            inside: everything,
            calm: false,
            still: point.stuck.map(|stuck| Still { stuck, from: None }),
        };
        Self {
            ordinary: NOWHERE,
            latest: None,
            heard: Mono::ZERO,
            rest: Box::new(rest),
            hearing: Hearing::Lapsed,
        }
    }

    fn narrow(&mut self, limits: &Limits) {
        let inside = &mut self.rest.inside;
        for low in [limits.l, limits.ll].into_iter().flatten() {
            inside.low = inside.low.max(low.value);
        }
        for high in [limits.h, limits.hh].into_iter().flatten() {
            inside.high = inside.high.min(high.value);
        }
    }

    /// Any value may matter.
    fn close(&mut self) {
        self.rest.inside = NOWHERE;
    }

    /// Conditions a reading and takes it as the latest; the order of arrival decides, since stamps may step. Returns
    /// whether it may change anything beyond that.
    #[inline]
    pub(super) fn take(&mut self, at: Mono, reading: &mut Reading) -> bool {
        self.heard = at;
        self.hearing = Hearing::Heard;
        // Nearly every reading: what is well inside everything needs no conditioning.
        if let Sample::Good(value) = reading.sample
            && self.ordinary.low < value.as_f64()
            && value.as_f64() < self.ordinary.high
        {
            self.latest = Some(PointState { at: reading.at, sample: reading.sample });
            return false;
        }
        self.take_closely(at, reading)
    }

    fn take_closely(&mut self, at: Mono, reading: &mut Reading) -> bool {
        let rest = &mut *self.rest;
        reading.sample = condition(reading.sample, rest.range);
        if let Some(still) = &mut rest.still {
            reading.sample = still.judge(at, reading.sample);
        }
        self.latest = Some(PointState { at: reading.at, sample: reading.sample });
        let Sample::Good(value) = reading.sample else { return true };
        let value = value.as_f64();
        !(rest.calm && rest.inside.low < value && value < rest.inside.high)
    }

    /// Makes the latest bad for this reason, until the point speaks again. Returns the reading that says so, unless it
    /// was so already.
    pub(super) fn spoil(&mut self, point: PointId, at: Wall, reason: Reason) -> Option<Reading> {
        self.hearing = Hearing::Lapsed;
        let sample = Sample::Bad(reason);
        if self.sample() == Some(sample) {
            return None;
        }
        self.latest = Some(PointState { at, sample });
        Some(Reading { point, at, sample })
    }

    /// Its device is back: from now on it is waited for, and what it said before is not held against it.
    pub(super) fn await_from(&mut self, at: Mono) {
        self.heard = at;
        self.hearing = if self.is_good() { Hearing::Heard } else { Hearing::Awaited };
    }

    /// Whatever is wrong with it is told elsewhere, or no fault yet.
    pub(super) fn excuse(&mut self) {
        self.hearing = Hearing::Awaited;
    }

    /// When its data is too old, if nothing is heard of it before.
    pub(super) fn stale_at(&self) -> Option<Mono> {
        (self.hearing != Hearing::Lapsed).then(|| self.heard + self.rest.max_age)
    }

    /// Tells whether anything is under way for this point.
    pub(super) fn set_calm(&mut self, calm: bool) {
        let rest = &mut *self.rest;
        rest.calm = calm && rest.still.is_none();
        self.ordinary = if rest.calm {
            Range { low: rest.inside.low.max(rest.range.low), high: rest.inside.high.min(rest.range.high) }
        } else {
            NOWHERE
        };
    }

    pub(super) const fn latest(&self) -> Option<PointState> {
        self.latest
    }

    pub(super) fn sample(&self) -> Option<Sample> {
        self.latest.map(|latest| latest.sample)
    }

    pub(super) fn is_good(&self) -> bool {
        matches!(self.sample(), Some(Sample::Good(_)))
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.hearing == Hearing::Awaited
    }
}

/// Whether a value moves.
#[derive(Debug)]
struct Still {
    stuck: Stuck,
    /// The value that it has not moved from since.
    from: Option<(f64, Mono)>,
}

impl Still {
    /// Puts a good value in doubt that has not moved for long.
    fn judge(&mut self, at: Mono, sample: Sample) -> Sample {
        let Sample::Good(value) = sample else { return sample };
        match self.from {
            Some((from, since)) if (value.as_f64() - from).abs() <= self.stuck.band => {
                if at - since >= self.stuck.after { Sample::Uncertain(value, Reason::Stuck) } else { sample }
            }
            _ => {
                self.from = Some((value.as_f64(), at));
                sample
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_reading_touches_fits_into_72_bytes() {
        assert!(size_of::<Slot>() <= 72, "{} bytes", size_of::<Slot>());
    }

    const RANGE: Range = Range { low: 0.0, high: 100.0 };

    fn good(value: f64) -> Sample {
        Sample::Good(Value::Float(value))
    }

    #[test]
    fn the_ends_of_the_range_are_good_and_beyond_them_is_doubt() {
        for (value, expected) in [
            (0.0, good(0.0)),
            (100.0, good(100.0)),
            (-0.1, Sample::Uncertain(Value::Float(-0.1), Reason::Range)),
            (100.1, Sample::Uncertain(Value::Float(100.1), Reason::Range)),
        ] {
            assert_eq!(condition(good(value), RANGE), expected);
        }
        let counted = Sample::Good(Value::Int(101));
        assert_eq!(condition(counted, RANGE), Sample::Uncertain(Value::Int(101), Reason::Range));
    }

    #[test]
    fn what_is_not_a_number_is_a_sensor_fault() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(condition(good(value), RANGE), Sample::Bad(Reason::SensorFault));
            let doubtful = Sample::Uncertain(Value::Float(value), Reason::Stuck);
            assert_eq!(condition(doubtful, RANGE), Sample::Bad(Reason::SensorFault));
        }
    }

    #[test]
    fn a_switch_has_no_range_and_doubt_keeps_its_reason() {
        let narrow = Range { low: 5.0, high: 6.0 };
        let switch = Sample::Good(Value::Bool(true));
        assert_eq!(condition(switch, narrow), switch);
        let stuck = Sample::Uncertain(Value::Float(200.0), Reason::Stuck);
        assert_eq!(condition(stuck, RANGE), stuck);
        assert_eq!(condition(Sample::Bad(Reason::Comm), RANGE), Sample::Bad(Reason::Comm));
    }
}
