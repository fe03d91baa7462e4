//! Puts anomalies of every kind into the record of a meter, at places that a seed decides: what a plant's load looks like when something is wrong, with what
//! must be found, from when on, and by when. The same seed makes the same anomalies.
//!
//! | kind | what is done to the record | found: this alarm is raised between |
//! | --- | --- | --- |
//! | `stop` | a stop is declared for a day, which has the load of some working day | `production_in_stop`: the first running quarter, and an hour later |
//! | `night` | 3 to 6 hours of a working day's load between 22:00 and 06:00 | `production_at_night`: its begin, and 90 min later |
//! | `contract` | one quarter at 103 to 125 % of the contracted demand | `over_contract`: its begin, and 35 min later |
//! | `loss` | in working hours, after two quarters of 100 kW at least, 1 to 3 hours of what the plant draws at rest | `loss_of_load`: its first reading, and 45 min later |
//! | `surge` | two quarters at 130 % of the feeder's own 99.5th percentile | `surge`: its begin, and 45 min later |
//! | `frozen` | 4 to 10 hours in which power and counter say what they said before | `meter.power.signal`: the first reading that is one again, and 140 min later |
//! | `reversed` | 4 to 24 hours with the sign of the power turned and a counter of imports that stands | `reversed`: its begin, and 45 min later |
//! | `backwards` | the counter goes back by 5 to 60 %, and on from there | `meter.energy.energy_day.signal`: its first reading, and 30 min later |
//! | `gap` | 2 to 12 hours without an answer | `meter.power.signal`: the last reading, and 45 min later |
//!
//! Each has a day of its own, with an untouched day on either side.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Weekday, date};

use crate::data::{self, Row, SLOT_MINUTES, percentile};
use crate::plant;

/// A kind of anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Stop,
    Night,
    Contract,
    Loss,
    Surge,
    Frozen,
    Reversed,
    Backwards,
    Gap,
}

pub(crate) const KINDS: [Kind; 9] = [
    Kind::Stop,
    Kind::Night,
    Kind::Contract,
    Kind::Loss,
    Kind::Surge,
    Kind::Frozen,
    Kind::Reversed,
    Kind::Backwards,
    Kind::Gap,
];

impl Kind {
    /// The alarm that must come.
    pub(crate) const fn alarm(self) -> &'static str {
        match self {
            Self::Stop => "meter.power.production_in_stop",
            Self::Night => "meter.power.production_at_night",
            Self::Contract => "meter.power.demand.over_contract",
            Self::Loss => "meter.power.loss_of_load",
            Self::Surge => "meter.power.surge",
            Self::Frozen | Self::Gap => "meter.power.signal",
            Self::Reversed => "meter.power.reversed",
            Self::Backwards => "meter.energy.energy_day.signal",
        }
    }
}

/// One anomaly that was put in.
#[derive(Debug, Clone)]
pub(crate) struct Injected {
    pub(crate) kind: Kind,
    /// From when on the alarm may come.
    pub(crate) from: DateTime,
    /// By when it must have.
    pub(crate) by: DateTime,
}

/// A record with anomalies in it.
#[derive(Debug)]
pub(crate) struct Spoilt {
    pub(crate) rows: Vec<Row>,
    /// Days for which a stop is to be declared in the site file.
    pub(crate) stops: Vec<Date>,
    pub(crate) injected: Vec<Injected>,
}

/// A line of this load stands when it draws no more, and works when it draws as much: no matter what the gateway makes of it.
const STANDS: f64 = 40.0;
const WORKS: f64 = 100.0;
/// Attempts at a place for one anomaly before the day is given up.
const ATTEMPTS: usize = 40;

/// Puts `each` anomalies of every kind into a record that is untouched, after the first four weeks.
pub(crate) fn inject(untouched: &[Row], each: usize, seed: u64) -> Spoilt {
    let mut injector = Injector {
        untouched,
        dice: fastrand::Rng::with_seed(seed),
        rows: untouched.to_vec(),
        faults: Vec::new(),
        stops: Vec::new(),
        injected: Vec::new(),
        free: every_other_day(untouched),
    };
    for _ in 0..each {
        for kind in KINDS {
            injector.place(kind);
        }
    }
    data::count(&mut injector.rows);
    injector.spoil_meter();
    let Injector { rows, stops, mut injected, .. } = injector;
    injected.sort_by_key(|one| one.from);
    Spoilt { rows, stops, injected }
}

/// The days after the warm-up on which something may be put, by the place of the row that ends their first quarter.
fn every_other_day(rows: &[Row]) -> Vec<usize> {
    let first = rows.iter().position(|row| row.at > plant::WARM).expect("a record longer than the warm-up");
    // Beyond the last there is a whole night.
    (first + 96..rows.len() - 2 * 96).step_by(2 * 96).collect()
}

struct Injector<'r> {
    untouched: &'r [Row],
    dice: fastrand::Rng,
    rows: Vec<Row>,
    /// What is wrong with the meter: to be done when the loads are what they are to be.
    faults: Vec<(Kind, std::ops::Range<usize>)>,
    stops: Vec<Date>,
    injected: Vec<Injected>,
    free: Vec<usize>,
}

impl Injector<'_> {
    /// Puts one in on a day that is free, whichever has room for it.
    fn place(&mut self, kind: Kind) {
        for _ in 0..self.free.len() {
            let place = self.dice.usize(..self.free.len());
            let day = self.free[place];
            if (0..ATTEMPTS).any(|_| self.put(kind, day).is_some()) {
                self.free.swap_remove(place);
                return;
            }
        }
        panic!("no day is left for {kind:?}");
    }

    /// Puts one in on the day whose first row has this place; none if the dice fell badly.
    fn put(&mut self, kind: Kind, day: usize) -> Option<()> {
        let (from, minutes) = match kind {
            Kind::Stop => (self.stop(day)?, 60),
            Kind::Night => (self.night(day)?, 90),
            Kind::Contract => {
                let at = day + self.dice.usize(..96);
                self.rows[at].power = plant::CONTRACT_KW * (1.03 + 0.22 * self.dice.f64());
                (at, 35)
            }
            Kind::Loss => (self.loss(day)?, 45),
            Kind::Surge => {
                let at = day + self.dice.usize(..94);
                let power = 1.3 * percentile(self.untouched, 99.5);
                self.rows[at..at + 2].iter_mut().for_each(|row| row.power = power);
                (at, 45)
            }
            Kind::Frozen => (self.fault(kind, day, 16..40), 140),
            Kind::Reversed => (self.fault(kind, day, 16..96), 45),
            Kind::Backwards => (self.fault(kind, day, 1..2), 30),
            Kind::Gap => (self.fault(kind, day, 8..48), 45),
        };
        let mut from = self.rows[from].at;
        if kind == Kind::Gap {
            from = from.checked_sub(SLOT_MINUTES.minutes()).expect("a time");
        }
        let by = from.checked_add(minutes.minutes()).expect("a time");
        self.injected.push(Injected { kind, from, by });
        Some(())
    }

    /// A stop is declared, and the plant works as on some other day.
    fn stop(&mut self, day: usize) -> Option<usize> {
        let other = self.working_day()?;
        for slot in 0..96 {
            self.rows[day + slot].power = self.untouched[other + slot].power;
        }
        self.stops.push(date_of(&self.rows[day]));
        (day..day + 96).find(|at| self.rows[*at].power >= WORKS)
    }

    fn night(&mut self, day: usize) -> Option<usize> {
        let (at, length) = (day + 88 + self.dice.usize(..16), 12 + self.dice.usize(..13));
        // Until 06:00 of the next day at the latest.
        let end = (at + length).min(day + 96 + 24);
        if plant::is_declared_work(self.rows[at].at) {
            return None;
        }
        let other = self.working_day()?;
        let long = (other + 33..other + 82 - (end - at)).collect::<Vec<_>>();
        let source = *long.get(self.dice.usize(..long.len().max(1)))?;
        let run = source..source + (end - at);
        if self.untouched[run.clone()].iter().any(|row| row.power < WORKS) {
            return None;
        }
        for (row, of) in self.rows[at..end].iter_mut().zip(&self.untouched[run]) {
            row.power = of.power;
        }
        Some(at)
    }

    fn loss(&mut self, day: usize) -> Option<usize> {
        let (at, length) = (day + self.dice.usize(..96), 4 + self.dice.usize(..9));
        let works = |row: &Row| row.power >= WORKS;
        let left = self.rows[at].at.checked_add(30.minutes()).expect("a time");
        let is_working = |time: DateTime| plant::is_working_hour(time);
        if !self.rows[at - 2..at].iter().all(works) || !is_working(self.rows[at].at) || !is_working(left) {
            return None;
        }
        let rest =
            self.untouched[day + 16..day + 24].iter().map(|row| row.power).fold(f64::INFINITY, f64::min);
        for row in &mut self.rows[at..at + length] {
            row.power = rest.min(STANDS) * (0.9 + 0.2 * self.dice.f64());
        }
        Some(at)
    }

    /// A fault of the meter for some quarters of an hour from somewhere in the day on.
    fn fault(&mut self, kind: Kind, day: usize, quarters: std::ops::Range<usize>) -> usize {
        let at = day + self.dice.usize(..96);
        let length = self.dice.usize(quarters);
        self.faults.push((kind, at..(at + length).min(day + 2 * 96 - 8)));
        at
    }

    /// The place of the first row of a day, Monday to Friday, on which the plant worked.
    fn working_day(&mut self) -> Option<usize> {
        let days = self.untouched.len() / 96;
        let day = self.dice.usize(..days) * 96;
        let rows = &self.untouched[day..day + 96];
        let is_weekend = matches!(date_of(&rows[0]).weekday(), Weekday::Saturday | Weekday::Sunday);
        let works = rows.iter().filter(|row| row.power >= WORKS).count();
        (!is_weekend && works >= 32).then_some(day)
    }

    fn spoil_meter(&mut self) {
        // In the order of time: what one does to the counter lasts.
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_unstable_by_key(|(_, span)| span.start);
        for (kind, span) in faults {
            let before = self.rows[span.start - 1].clone();
            let after = self.rows[span.end - 1].energy - before.energy;
            match kind {
                Kind::Frozen => {
                    for row in &mut self.rows[span] {
                        (row.power, row.energy) = (before.power, before.energy);
                    }
                }
                Kind::Reversed => {
                    for row in &mut self.rows[span.clone()] {
                        (row.power, row.energy) = (-row.power, before.energy);
                    }
                    self.rows[span.end..].iter_mut().for_each(|row| row.energy -= after);
                }
                Kind::Backwards => {
                    let back = before.energy * (0.05 + 0.55 * self.dice.f64());
                    self.rows[span.start..].iter_mut().for_each(|row| row.energy -= back);
                }
                _ => self.rows[span].iter_mut().for_each(|row| row.is_missing = true),
            }
        }
    }
}

/// The day that a row's quarter of an hour lies in.
fn date_of(row: &Row) -> Date {
    row.at.checked_sub(1.minute()).expect("a time").date()
}

#[test]
fn the_same_seed_makes_the_same_anomalies_and_another_makes_others() {
    let untouched = data::half_year();
    let [one, again, other] = [7, 7, 8].map(|seed| inject(&untouched, 2, seed));
    assert_eq!((&one.rows, &one.stops), (&again.rows, &again.stops));
    assert_ne!(one.rows, other.rows);
    for kind in KINDS {
        assert_eq!(one.injected.iter().filter(|injected| injected.kind == kind).count(), 2, "{kind:?}");
    }
    let first = date(2018, 1, 29).at(0, 0, 0, 0);
    assert!(one.injected.iter().all(|injected| injected.from > first));
    let same = one.rows.iter().zip(&untouched).take_while(|(row, was)| row == was).count();
    assert!(same >= 28 * 96, "the warm-up is untouched");
}
