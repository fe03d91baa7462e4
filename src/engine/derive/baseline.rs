//! What a feeder ordinarily draws in each quarter of an hour, learnt from its own last days. Working days and days of rest are kept apart. A day counts if three
//! quarters of it are known, nothing was to stand still in it, and it is no holiday.
//!
//! What is ordinary in a quarter is the median of the days. The ordinary range is that between a low and a high percentile of all that was drawn in that quarter and within an
//! hour of it: shifts do not begin to the minute. The percentiles are not the same, for a line stands still at some time or other on every day. How
//! far a quarter was off is how far it was outside of that range, in units of a margin: a share of the edge, or a twentieth of the ordinary day's greatest if
//! that is more.
//!
//! Of a kind of day of which too little is known, one thing can be said all the same: what is above the ordinary range of every kind that is known is not ordinary.
//!
//! The days are kept as 96 numbers each, 11 KB a feeder; each day that is over is one memory, the present one another.

use jiff::civil::Date;

use crate::model::limits::{
    BASELINE_DAYS_MAX, BASELINE_FLOOR_PERCENT, BASELINE_HIGH_PERCENT, BASELINE_KNOWN_PERCENT_MIN,
    BASELINE_LOW_PERCENT, BASELINE_NEIGHBOURS, BASELINE_SLOTS,
};
use crate::model::{Now, Reason, Sample, Value, Wall};
use crate::site::{Aspect, Baseline, Calendar, ClockPeriod, Clocked, Figure, Site, Which};

use super::clocked::Clockwork;

/// Length of a slot, in minutes.
const SLOT_MINUTES: u8 = 15;
/// What the key of the present day is called; those of days that are over are numbers.
const TODAY: &str = "today";

/// What is known of one feeder.
#[derive(Debug)]
pub(super) struct Feeder {
    baseline: Baseline,
    /// The mean of each quarter of an hour.
    slot: Clockwork,
    today: Option<Day>,
    /// Days that count, the oldest first.
    days: Vec<Day>,
    /// The greatest of a day in the middle of them.
    peak: f32,
    /// What is ordinary at present, if that is known, and as of when.
    present: (Wall, Option<Ordinary>),
    /// By how many margins the last quarter was outside of the ordinary range, and its last moment.
    deviation: (Wall, Sample),
    /// What is to be remembered: place in the ring, or the present day.
    unkept: Vec<Option<u8>>,
}

/// What is ordinary in a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordinary {
    median: f32,
    low: f32,
    high: f32,
}

/// One day, by quarters of an hour; what is not known is not a number.
#[derive(Debug, Clone, PartialEq)]
struct Day {
    date: Date,
    is_rest: bool,
    /// It is like others of its kind.
    counts: bool,
    /// Under which number it is remembered.
    place: u8,
    slots: Box<[f32; BASELINE_SLOTS]>,
}

impl Feeder {
    pub(super) fn new(baseline: Baseline) -> Self {
        let slot = Clocked {
            of: baseline.of,
            period: ClockPeriod::Minutes(SLOT_MINUTES),
            which: Which::Last,
            figure: Figure::Demand,
            gauge: baseline.gauge,
        };
        Self {
            baseline,
            slot: Clockwork::new(slot),
            today: None,
            days: Vec::new(),
            peak: 0.0,
            present: (Wall(0), None),
            deviation: (Wall(0), Sample::Bad(Reason::NoData)),
            unkept: Vec::new(),
        }
    }

    /// Whether a quarter is over, though no reading from beyond its end has come.
    pub(super) fn is_over(&self, wall: Wall) -> bool {
        self.slot.is_over(wall)
    }

    /// Takes what its point said, or without a sample that time has passed. Whether there is something to tell: a quarter is over.
    pub(super) fn take(
        &mut self,
        now: Now,
        (at, sample): (Wall, Option<Sample>),
        site: &Site,
        is_stopped: impl FnOnce() -> bool,
    ) -> bool {
        let zone = &site.identity.zone;
        match sample {
            Some(sample) => self.slot.take(now, at, sample, zone),
            None => self.slot.lapse(now, zone),
        }
        let Some((of, mean)) = self.slot.tell(now, at) else { return false };
        if of != at {
            self.learn(of, mean, site, is_stopped());
        }
        let local = at.local(zone);
        self.present = (at, self.ordinary(slot_of(local), site.calendar.is_rest_day(local.date())));
        true
    }

    /// What a point that tells of this says, and of which moment.
    pub(super) fn aspect(&self, aspect: Aspect) -> (Wall, Sample) {
        let (at, ordinary) = self.present;
        let said = |part: fn(&Ordinary) -> f32| {
            let value = ordinary.as_ref().map(part);
            value.map_or(Sample::Bad(Reason::NoData), |value| Sample::Good(Value::Float(value.into())))
        };
        match aspect {
            Aspect::Median => (at, said(|ordinary| ordinary.median)),
            Aspect::Low => (at, said(|ordinary| ordinary.low)),
            Aspect::High => (at, said(|ordinary| ordinary.high)),
            Aspect::Deviation => self.deviation,
        }
    }

    /// A quarter is over: it is held against what is ordinary, and then belongs to it.
    fn learn(&mut self, of: Wall, mean: Sample, site: &Site, is_stopped: bool) {
        let local = of.local(&site.identity.zone);
        if self.today.as_ref().is_some_and(|today| today.date != local.date()) {
            self.end_day();
        }
        let (slot, is_rest) = (slot_of(local), site.calendar.is_rest_day(local.date()));
        self.deviation = (of, self.off(mean, slot, is_rest));
        let today = self.today.get_or_insert_with(|| Day::new(local.date(), &site.calendar));
        today.counts &= !is_stopped;
        today.slots[slot] = mean.value().map_or(f32::NAN, |value| value.as_f64() as f32);
        self.unkept.push(None);
    }

    fn end_day(&mut self) {
        let Some(mut today) = self.today.take().filter(Day::is_whole) else { return };
        let is_full = self.days.len() == BASELINE_DAYS_MAX;
        today.place = if is_full { self.days.remove(0).place } else { self.days.len() as u8 };
        self.unkept.push(Some(today.place));
        self.days.push(today);
        self.find_peak();
    }

    fn find_peak(&mut self) {
        let mut peaks: Vec<f32> = self.days.iter().map(Day::peak).collect();
        peaks.sort_unstable_by(f32::total_cmp);
        self.peak = median(&peaks).unwrap_or(0.0);
    }

    fn off(&self, mean: Sample, slot: usize, is_rest: bool) -> Sample {
        let Some(value) = mean.value().map(Value::as_f64) else {
            return Sample::Bad(Reason::NoData);
        };
        let other = || self.ordinary(slot, !is_rest).filter(|other| value > f64::from(other.high));
        let Some(ordinary) = self.ordinary(slot, is_rest).or_else(other) else {
            return Sample::Bad(Reason::NoData);
        };
        let (low, high) = (f64::from(ordinary.low), f64::from(ordinary.high));
        let least = f64::from(self.peak) * BASELINE_FLOOR_PERCENT / 100.0;
        let margins = |edge: f64| {
            (value - edge) / (edge.abs() * self.baseline.percent / 100.0).max(least).max(f64::MIN_POSITIVE)
        };
        let off = if value > high {
            margins(high)
        } else if value < low {
            margins(low)
        } else {
            0.0
        };
        match mean {
            Sample::Uncertain(_, reason) => Sample::Uncertain(Value::Float(off), reason),
            _ => Sample::Good(Value::Float(off)),
        }
    }

    /// What is ordinary in a quarter of a day of this kind; none while too few days are known.
    fn ordinary(&self, slot: usize, is_rest: bool) -> Option<Ordinary> {
        let days = || self.days.iter().filter(|day| day.is_rest == is_rest);
        let known = |slots: std::ops::RangeInclusive<usize>| {
            let all = days().flat_map(move |day| &day.slots[slots.clone()]).copied();
            let mut known: Vec<f32> = all.filter(|value| value.is_finite()).collect();
            known.sort_unstable_by(f32::total_cmp);
            known
        };
        let own = known(slot..=slot);
        if own.len() < usize::from(self.baseline.days_min) {
            return None;
        }
        let near = known(
            slot.saturating_sub(BASELINE_NEIGHBOURS)..=(slot + BASELINE_NEIGHBOURS).min(BASELINE_SLOTS - 1),
        );
        let at = |percent: usize| near[(near.len() * percent / 100).min(near.len() - 1)];
        Some(Ordinary {
            median: median(&own)?,
            low: at(BASELINE_LOW_PERCENT),
            high: at(BASELINE_HIGH_PERCENT),
        })
    }

    /// What is to be remembered now, with the end of its key.
    pub(super) fn keep(&mut self) -> Vec<(String, String)> {
        let unkept = std::mem::take(&mut self.unkept);
        let entry = |place: &Option<u8>| {
            let (key, day) = match place {
                None => (TODAY.to_owned(), self.today.as_ref()?),
                Some(place) => (place.to_string(), self.days.iter().find(|day| day.place == *place)?),
            };
            Some((key, day.write()))
        };
        unkept.iter().filter_map(entry).collect()
    }

    /// Takes up a day that was remembered; none if it can't be read.
    pub(super) fn recall(&mut self, key: &str, body: &str) -> Option<()> {
        let mut day = Day::read(body)?;
        if key == TODAY {
            self.today = Some(day);
            return Some(());
        }
        day.place = key.parse().ok().filter(|place| usize::from(*place) < BASELINE_DAYS_MAX)?;
        let at = self.days.partition_point(|other| other.date < day.date);
        self.days.insert(at, day);
        self.find_peak();
        Some(())
    }
}

impl Day {
    fn new(date: Date, calendar: &Calendar) -> Self {
        let is_holiday = calendar.holidays.iter().any(|days| days.hold(date));
        let slots = Box::new([f32::NAN; BASELINE_SLOTS]);
        Self { date, is_rest: calendar.is_rest_day(date), counts: !is_holiday, place: 0, slots }
    }

    /// Whether others may be held against it.
    fn is_whole(&self) -> bool {
        let known = self.slots.iter().filter(|value| value.is_finite()).count();
        self.counts && known * 100 >= BASELINE_SLOTS * BASELINE_KNOWN_PERCENT_MIN
    }

    fn peak(&self) -> f32 {
        self.slots.iter().copied().filter(|value| value.is_finite()).fold(0.0, f32::max)
    }

    /// The date, `work` or `rest`, whether it counts, and its quarters with commas between them.
    fn write(&self) -> String {
        let slots: Vec<String> = self
            .slots
            .iter()
            .map(|value| if value.is_finite() { value.to_string() } else { String::new() })
            .collect();
        let kind = if self.is_rest { "rest" } else { "work" };
        let counts = if self.counts { "counts" } else { "aside" };
        format!("{} {kind} {counts} {}", self.date, slots.join(","))
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        let date = words.next()?.parse().ok()?;
        let (is_rest, counts) = (words.next()? == "rest", words.next()? == "counts");
        let mut slots = Box::new([f32::NAN; BASELINE_SLOTS]);
        for (slot, text) in slots.iter_mut().zip(words.next()?.split(',')) {
            *slot = text.parse().unwrap_or(f32::NAN);
        }
        Some(Self { date, is_rest, counts, place: 0, slots })
    }
}

/// The slot of a time of day.
fn slot_of(at: jiff::civil::DateTime) -> usize {
    let minutes = usize::from(at.hour().unsigned_abs()) * 60 + usize::from(at.minute().unsigned_abs());
    minutes / usize::from(SLOT_MINUTES)
}

/// The middle one of what is sorted; of an even number the mean of the two. None of nothing.
fn median(sorted: &[f32]) -> Option<f32> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f32::midpoint(sorted[middle - 1], upper) })
}
