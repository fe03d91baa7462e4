//! The recent past of one point, in a fixed number of parts: what it costs in time and memory does not depend on how often the point speaks
//! or how far back is looked. The window moves on by one part at a time, so it holds between all and one part less of its span.
//!
//! A reading adds to the open part, and is told together with what the closed ones come to. That is put together once, when a part is closed, and from two
//! sums, so that it does not take going through all parts: what has come since this lap of the window began, and what is left of the lap before.

use std::time::Duration;

use crate::model::limits::WINDOW_BUCKETS;
use crate::model::{Mono, Reason, Sample};

/// Parts of a window beside the open one.
const LAP: usize = WINDOW_BUCKETS - 1;

/// What is known of a stretch of time. Times are in seconds after its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// Seconds in which the value was known.
    pub(super) known_s: f64,
    /// The value summed up over those seconds.
    pub(super) integral: f64,
    /// Readings.
    pub(super) count: f64,
    /// Sum of the readings.
    pub(super) sum: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// How often a switch went on, or by how much a counter went up.
    pub(super) pulses: f64,
    /// Sums for the straight line through the readings: of times, of their squares, of times by values.
    pub(super) t: f64,
    pub(super) tt: f64,
    pub(super) tv: f64,
    /// Why some of it is in doubt.
    pub(super) doubt: Option<Reason>,
}

impl Stretch {
    const NOTHING: Self = Self {
        known_s: 0.0,
        integral: 0.0,
        count: 0.0,
        sum: 0.0,
        least: f64::INFINITY,
        greatest: f64::NEG_INFINITY,
        pulses: 0.0,
        t: 0.0,
        tt: 0.0,
        tv: 0.0,
        doubt: None,
    };

    /// Adds a stretch that starts `later` seconds after this one.
    fn add(&mut self, other: &Self, later: f64) {
        self.known_s += other.known_s;
        self.integral += other.integral;
        self.count += other.count;
        self.sum += other.sum;
        self.least = lesser(self.least, other.least);
        self.greatest = greater(self.greatest, other.greatest);
        self.pulses += other.pulses;
        self.t += other.t + later * other.count;
        self.tt += other.tt + later * (2.0 * other.t + later * other.count);
        self.tv += other.tv + later * other.sum;
        self.doubt = self.doubt.or(other.doubt);
    }

    /// Adds a reading at a time.
    fn read(&mut self, time: f64, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.least = lesser(self.least, value);
        self.greatest = greater(self.greatest, value);
        self.t += time;
        self.tt += time * time;
        self.tv += time * value;
    }
}

/// The last parts that are closed.
#[derive(Debug)]
struct Closed {
    /// By their number modulo their count. Those of the present lap each by itself; of those left of the lap before, each with all after it.
    parts: [Stretch; LAP],
    /// What the parts of the present lap come to, from its start.
    lap: Stretch,
}

impl Closed {
    const NOTHING: Self = Self { parts: [Stretch::NOTHING; LAP], lap: Stretch::NOTHING };

    /// Puts a part in the place of the oldest, and says what all come to, from the start of the oldest.
    fn close(&mut self, number: u64, part: Stretch, part_s: f64) -> Stretch {
        let place = number as usize % LAP;
        self.parts[place] = part;
        self.lap.add(&part, part_s * place as f64);
        if place + 1 < LAP {
            let mut all = self.parts[place + 1];
            all.add(&self.lap, part_s * (LAP - place - 1) as f64);
            return all;
        }
        for place in (1..LAP).rev() {
            let later = self.parts[place];
            self.parts[place - 1].add(&later, part_s);
        }
        std::mem::replace(&mut self.lap, Stretch::NOTHING)
    }
}

/// The recent past of one point. Moments are in nanoseconds since the start of the run, as every reading comes by here.
#[derive(Debug)]
pub(super) struct Past {
    /// Length of one part; not zero.
    part_ns: u64,
    part_s: f64,
    /// Number of the open part since the start of the run.
    number: u64,
    /// When the open part began.
    open_ns: u64,
    open: Stretch,
    /// What the closed parts come to, from the start of the oldest.
    before: Stretch,
    /// Since when the present value stands; none while it is not known.
    standing: Option<Standing>,
    /// The last value known, whatever has been since: what a counter went up from.
    last: Option<f64>,
    closed: Box<Closed>,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    since_ns: u64,
    value: f64,
    doubt: Option<Reason>,
}

impl Past {
    /// Nothing is known of the past `over`.
    pub(super) fn new(over: Duration) -> Self {
        let part = (over / WINDOW_BUCKETS as u32).max(Duration::from_millis(1));
        Self {
            part_ns: u64::try_from(part.as_nanos()).unwrap_or(u64::MAX),
            part_s: part.as_secs_f64(),
            number: 0,
            open_ns: 0,
            open: Stretch::NOTHING,
            before: Stretch::NOTHING,
            standing: None,
            last: None,
            closed: Box::new(Closed::NOTHING),
        }
    }

    /// Takes what the point says now. A value stands until the next is taken.
    pub(super) fn take(&mut self, now: Mono, sample: Sample) {
        let now_ns = now.nanos();
        self.pass(now_ns);
        let (value, doubt) = match sample {
            Sample::Good(value) => (value.as_f64(), None),
            Sample::Uncertain(value, reason) => (value.as_f64(), Some(reason)),
            Sample::Bad(_) => {
                self.standing = None;
                return;
            }
        };
        let time = seconds(now_ns.saturating_sub(self.open_ns));
        self.open.read(time, value);
        self.open.pulses += self.last.map_or(0.0, |last| (value - last).max(0.0));
        self.open.doubt = self.open.doubt.or(doubt);
        self.last = Some(value);
        self.standing = Some(Standing { since_ns: now_ns, value, doubt });
    }

    /// All that is known of the window; its times count from some moment before.
    pub(super) fn whole(&self) -> Stretch {
        let mut whole = self.before;
        whole.add(&self.open, self.part_s * LAP as f64);
        whole
    }

    /// Lets time pass: the standing value counts for it, and what falls out of the window is forgotten.
    fn pass(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.open_ns) >= self.part_ns {
            self.move_on(now_ns / self.part_ns);
        }
        self.stand(now_ns);
    }

    /// Opens the part of this number.
    fn move_on(&mut self, target: u64) {
        let oldest = target.saturating_sub(WINDOW_BUCKETS as u64);
        if self.number < oldest {
            // Longer than the window: nothing of what was is left, but for what stood all along.
            *self.closed = Closed::NOTHING;
            self.open = Stretch::NOTHING;
            self.number = oldest;
            self.open_ns = oldest * self.part_ns;
        }
        while self.number < target {
            self.stand(self.open_ns + self.part_ns);
            self.before = self.closed.close(self.number, self.open, self.part_s);
            self.open = Stretch::NOTHING;
            self.number += 1;
            self.open_ns += self.part_ns;
        }
    }

    /// Counts the standing value in the open part, up to a moment within it.
    fn stand(&mut self, until_ns: u64) {
        let Some(standing) = &mut self.standing else { return };
        let from_ns = standing.since_ns.max(self.open_ns);
        if until_ns > from_ns {
            let span_s = seconds(until_ns - from_ns);
            self.open.known_s += span_s;
            self.open.integral += span_s * standing.value;
            self.open.doubt = self.open.doubt.or(standing.doubt);
        }
        standing.since_ns = until_ns.max(from_ns);
    }
}

/// Of two numbers that are comparable, as all here are: one instruction, where `f64::min` and `f64::max` ask for NaN first.
fn lesser(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

fn greater(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 * 1e-9
}
