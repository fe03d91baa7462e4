//! One day of every line, from rows of telemetry, one after another.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::limits::{AMOUNT_MISSING_PERCENT_MAX, WINDOW_KNOWN_PERCENT_MIN};
use crate::model::{Sample, Value, Wall};
use crate::site::{ClockPeriod, ClockSpan, Shifts};
use crate::store::Row;

use super::counted::Counted;
use super::document::{
    Demand, Energy, Hours, LineDay, LineState, Ordinary, ShiftHours, Stretch, rounded, share,
};
use super::held::Held;
use super::level::{Level, Quarter};
use super::plan::{Line, Plan, Says};
use super::states::{self, Piece, States};

const MS_PER_HOUR: f64 = 3_600_000.0;

/// What is known of a day so far.
#[derive(Debug, Clone)]
pub struct DayFold {
    pub(super) day: Date,
    pub(super) span: ClockSpan,
    lines: Vec<LineFold>,
}

#[derive(Debug, Clone)]
struct LineFold {
    load: Level,
    energy: Option<Counted>,
    state: Option<States>,
    ordinary: [Held; 3],
}

impl DayFold {
    /// A day of which nothing is known yet.
    pub fn new(plan: &Plan, day: Date, span: ClockSpan) -> Self {
        let quarters = Line::quarters(span);
        let fold = |line: &Line| LineFold {
            load: Level::new(line.stands_ms, quarters.clone()),
            energy: line.energy.as_ref().map(|counter| Counted::new(counter.modulus, span)),
            state: line.state.as_ref().map(|_| States::new(line.stands_ms, span)),
            ordinary: [(); 3].map(|()| Held::new(quarters.clone())),
        };
        Self { day, span, lines: plan.lines.iter().map(fold).collect() }
    }

    /// Another day, which begins with what stands at present.
    pub(super) fn other_day(&self, day: Date, span: ClockSpan) -> Self {
        let quarters = Line::quarters(span);
        let next = |line: &LineFold| LineFold {
            load: line.load.next_day(quarters.clone()),
            energy: line.energy.as_ref().map(|energy| energy.next_day(span)),
            state: line.state.as_ref().map(|state| state.next_day(span)),
            ordinary: [(); 3].map(|()| Held::new(quarters.clone())),
        };
        Self { day, span, lines: self.lines.iter().map(next).collect() }
    }

    /// Takes a row. Rows from before the day say what stood when it began, rows from after it until when that stood.
    pub fn take(&mut self, plan: &Plan, row: &Row) {
        for reading in &row.readings {
            let Some(heard) = plan.says.get(&*reading.point) else { continue };
            let value = reading.sample.value().map(Value::as_f64);
            let is_doubtful = matches!(reading.sample, Sample::Uncertain(..));
            for (place, says) in heard {
                self.lines[*place].take(*says, reading.at.0, value, is_doubtful);
            }
        }
    }

    /// What is known of each line, as far as the moment `now`.
    pub fn report(&self, plan: &Plan, now: Wall, zone: &TimeZone, shifts: Option<Shifts>) -> Vec<LineDay> {
        let frame = Frame {
            day: self.day,
            span: self.span,
            until: now.0.clamp(self.span.from.0, self.span.to.0),
            zone,
            shifts,
        };
        plan.lines.iter().zip(&self.lines).map(|(line, fold)| fold.report(line, &frame)).collect()
    }
}

/// What is the same for all lines of a day.
struct Frame<'a> {
    day: Date,
    span: ClockSpan,
    until: i64,
    zone: &'a TimeZone,
    shifts: Option<Shifts>,
}

impl LineFold {
    fn take(&mut self, says: Says, at: i64, value: Option<f64>, is_doubtful: bool) {
        match says {
            Says::Load => self.load.take(at, value),
            Says::Energy => {
                if let Some(energy) = &mut self.energy {
                    energy.take(at, value, is_doubtful);
                }
            }
            Says::State => {
                if let Some(state) = &mut self.state {
                    state.take(at, states::state_of(value));
                }
            }
            Says::Median => self.ordinary[0].take(at, value),
            Says::Low => self.ordinary[1].take(at, value),
            Says::High => self.ordinary[2].take(at, value),
        }
    }

    fn report(&self, line: &Line, frame: &Frame<'_>) -> LineDay {
        let stamp = |ms: i64| Wall(ms).stamp(frame.zone);
        let mut load = self.load.clone();
        load.settle(frame.until);
        let quarters: Vec<(ClockSpan, Quarter)> = load.quarters().collect();
        let known_ms: i64 = quarters.iter().map(|(_, known)| known.known_ms).sum();
        let amount: f64 = quarters.iter().map(|(_, known)| known.amount).sum();
        let passed_ms = frame.until - frame.span.from.0;
        let mean = (known_ms > 0).then(|| rounded(amount / known_ms as f64));
        let profile: Vec<Option<f64>> = quarters.iter().map(|(span, known)| mean_of(*span, *known)).collect();
        let demand = demand(&quarters, &profile, frame);
        let timeline = self.state.as_ref().map(|state| state.timeline(frame.until));
        let hours = timeline.as_ref().map(|timeline| hours(timeline.iter().copied()));
        let shifts = shifts(line, timeline.as_deref(), &quarters, frame);
        let (stretches, timeline_is_coarse) = states::bounded(timeline.unwrap_or_default());
        let stretch =
            |piece: Piece| Stretch { from: stamp(piece.from), to: stamp(piece.to), state: piece.state };
        LineDay {
            v: 1,
            day: frame.day.to_string(),
            line: line.name.clone(),
            title: line.title.clone(),
            hazard: line.hazard.clone(),
            role: line.role.map(str::to_owned),
            parent: line.parent.clone(),
            from: stamp(frame.span.from.0),
            to: stamp(frame.span.to.0),
            until: stamp(frame.until),
            load: line.load.clone(),
            unit: line.unit.clone(),
            coverage: share(known_ms, passed_ms),
            mean,
            energy: self.energy(line, known_ms, amount, passed_ms),
            load_factor: load_factor(mean, demand.as_ref()),
            demand,
            hours,
            shifts,
            timeline: stretches.into_iter().map(stretch).collect(),
            timeline_is_coarse,
            profile,
            ordinary: self.ordinary(),
            anomalies: Vec::new(),
            anomalies_left_out: 0,
        }
    }

    /// By the counter, unless it is known for less of the time than the load is.
    fn energy(&self, line: &Line, known_ms: i64, amount: f64, passed_ms: i64) -> Option<Energy> {
        if let (Some(counter), Some(counted)) = (&line.energy, &self.energy)
            && counted.known_ms > 0
            && known_ms - counted.known_ms <= passed_ms / 100 * AMOUNT_MISSING_PERCENT_MAX
        {
            return Some(Energy {
                value: rounded(counted.amount),
                unit: counter.unit.clone(),
                of: counter.point.clone(),
                coverage: share(counted.known_ms, passed_ms),
                is_doubtful: counted.is_doubtful,
            });
        }
        let unit = line.energy_unit.clone().filter(|_| known_ms > 0)?;
        Some(Energy {
            value: rounded(amount / MS_PER_HOUR),
            unit,
            of: line.load.clone(),
            coverage: share(known_ms, passed_ms),
            is_doubtful: false,
        })
    }

    fn ordinary(&self) -> Option<Ordinary> {
        if self.ordinary.iter().all(Held::is_empty) {
            return None;
        }
        let values = |held: &Held| held.values().map(|value| value.map(rounded)).collect();
        let [median, low, high] = &self.ordinary;
        Some(Ordinary { median: values(median), low: values(low), high: values(high) })
    }
}

/// The mean of a quarter that is known well enough.
fn mean_of(span: ClockSpan, known: Quarter) -> Option<f64> {
    let enough = span.length_ms() / 100 * i64::from(WINDOW_KNOWN_PERCENT_MIN);
    (known.known_ms > 0 && known.known_ms >= enough).then(|| rounded(known.amount / known.known_ms as f64))
}

fn demand(quarters: &[(ClockSpan, Quarter)], profile: &[Option<f64>], frame: &Frame<'_>) -> Option<Demand> {
    let means = || profile.iter().enumerate().filter_map(|(place, mean)| Some((place, (*mean)?)));
    let (place, max) = means().reduce(|greatest, next| if next.1 > greatest.1 { next } else { greatest })?;
    let span = quarters[place].0;
    let begun = quarters.iter().filter(|(span, _)| span.from.0 < frame.until).count();
    Some(Demand {
        max,
        from: span.from.stamp(frame.zone),
        to: span.to.stamp(frame.zone),
        known: means().count() as u32,
        quarters: begun as u32,
    })
}

pub(super) fn load_factor(mean: Option<f64>, demand: Option<&Demand>) -> Option<f64> {
    let (mean, max) = (mean?, demand?.max);
    (max > 0.0).then(|| rounded(mean / max))
}

fn hours(pieces: impl Iterator<Item = Piece>) -> Hours {
    let mut ms = [0_i64; 5];
    for piece in pieces {
        ms[piece.state as usize] += piece.to - piece.from;
    }
    let of = |states: &[LineState]| {
        let ms: i64 = states.iter().map(|state| ms[*state as usize]).sum();
        (ms as f64 / MS_PER_HOUR * 1e4).round() / 1e4
    };
    Hours {
        running: of(&[LineState::Running, LineState::Overload]),
        overload: of(&[LineState::Overload]),
        idle: of(&[LineState::Idle]),
        stopped: of(&[LineState::Stopped]),
        unknown: of(&[LineState::Unknown]),
    }
}

/// The shifts that lie in the day, and of each what was done in it.
fn shifts(
    line: &Line,
    timeline: Option<&[Piece]>,
    quarters: &[(ClockSpan, Quarter)],
    frame: &Frame<'_>,
) -> Vec<ShiftHours> {
    let Some(shifts) = frame.shifts else { return Vec::new() };
    let (mut parts, mut at) = (Vec::new(), frame.span.from);
    while at.0 < frame.until {
        let shift = ClockPeriod::Shift(shifts).around(at, frame.zone);
        let end = shift.to.0.min(frame.until);
        let begun = shift.from.local(frame.zone);
        let inside = timeline.map(|timeline| states::inside(timeline, at, Wall(end)));
        let energy = line.energy_unit.as_ref().map(|_| energy_in(quarters, (at.0, end), frame.until));
        parts.push(ShiftHours {
            shift: format!("{:02}:{:02}", begun.hour(), begun.minute()),
            from: at.stamp(frame.zone),
            to: Wall(end).stamp(frame.zone),
            hours: inside.map(hours),
            energy,
        });
        // A span that does not end after it begins would be one beyond the calendar.
        at = Wall(end.max(at.0 + 1));
    }
    parts
}

/// The energy of the quarters in a span; of one that lies in it in part, a part of what came together in it until now.
fn energy_in(quarters: &[(ClockSpan, Quarter)], (from, to): (i64, i64), until: i64) -> f64 {
    let of = |(span, known): &(ClockSpan, Quarter)| {
        let end = span.to.0.min(until);
        let inside = (end.min(to) - span.from.0.max(from)).max(0);
        known.amount * inside as f64 / (end - span.from.0).max(1) as f64
    };
    rounded(quarters.iter().map(of).sum::<f64>() / MS_PER_HOUR)
}
