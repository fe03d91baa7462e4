//! Figures for stretches of the clock: the demand of each quarter of an hour, the energy of a day, the greatest demand of a month.
//!
//! How long something lasted is measured by the clock that never steps; where a stretch begins and ends is read from the wall clock, for that is
//! what people and electricity suppliers go by. Between two readings there is a piece of time, which is laid at the wall clock so that it
//! ends at the later of the two, and is divided where a stretch ends.
//!
//! - A level counts for the whole piece, a counter by what it went up in it, shared out by time. If the two readings of a counter stand on either
//!   side of an end and far apart, nobody knows how: as much as lies on the shorter side counts as not known.
//! - A reading that is older than the last one taken is left aside; the same said twice changes nothing.
//! - A stretch is over with the first reading from beyond its end. If none comes for a while it is over without.
//! - Where the wall clock is put forward, what it left out is not known. Where it is put back into a stretch that is over, the present one
//!   goes on until its end has come: nothing is told twice. Only if it is put back by more than that stretch is long, another is begun.
//! - A restart is a gap: what is known of the present stretch, what the last one came to and what the counter said are remembered.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::model::limits::{
    AMOUNT_MISSING_PERCENT_MAX, CLOCKED_TOLD_INTERVAL, CLOCKED_WAIT_MAX, KEPT_INTERVAL_MIN,
    STRADDLE_PERCENT_MAX, WINDOW_KNOWN_PERCENT_MIN,
};
use crate::model::{Now, Reason, Sample, Value, Wall};
use crate::site::{ClockSpan, Clocked, Figure, Gauge, Which};

use super::counter::Counter;
use super::moment::Moment;

const MS_PER_HOUR: f64 = 3_600_000.0;

/// A figure, stretch by stretch.
#[derive(Debug)]
pub(super) struct Clockwork {
    figure: Clocked,
    /// The present stretch; none before the first reading.
    open: Option<ClockSpan>,
    /// What is known of it.
    tally: Tally,
    /// What counts on, and from when; none if what was said last does not stand any more.
    standing: Option<Standing>,
    /// When the last reading was made, in ms of the clock that never steps.
    taken: Option<i64>,
    counter: Option<Counter>,
    /// The last stretch that is over: its last moment, and what it came to.
    last: Option<(Wall, Sample)>,
    /// Something has happened that is to be told.
    is_news: bool,
    /// What was last told, and when, in ms of the clock that never steps.
    told: Option<(Sample, i64)>,
    /// When it was last put out to be remembered, in ms of the clock that never steps, and the stretch that was present then.
    kept: Option<(i64, ClockSpan)>,
}

/// What is remembered over a restart.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    open: ClockSpan,
    tally: Tally,
    /// When the last reading was made.
    at: Wall,
    counter: Option<Counter>,
    last: Option<(Wall, Sample)>,
}

/// What is known of a stretch.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Tally {
    /// Time that something is counted for, in ms.
    covered_ms: i64,
    /// Of that, the time for which it is known.
    known_ms: i64,
    /// Value times hours, or what a counter went up by.
    amount: f64,
    least: Option<f64>,
    greatest: Option<f64>,
    doubt: Option<Reason>,
}

impl Tally {
    const NOTHING: Self =
        Self { covered_ms: 0, known_ms: 0, amount: 0.0, least: None, greatest: None, doubt: None };
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    /// On the clock that never steps, in ms.
    since: i64,
    value: f64,
    doubt: Option<Reason>,
}

/// A piece of time between two readings, and what came together in it.
#[derive(Debug, Clone, Copy)]
struct Piece {
    ends: Moment,
    length_ms: i64,
    amount: f64,
    is_counted: bool,
    doubt: Option<Reason>,
}

impl Clockwork {
    pub(super) const fn new(figure: Clocked) -> Self {
        Self {
            figure,
            open: None,
            tally: Tally::NOTHING,
            standing: None,
            taken: None,
            counter: None,
            last: None,
            is_news: true,
            told: None,
            kept: None,
        }
    }

    /// What is to be remembered now, if so much time has passed since the last time, or a stretch has ended.
    pub(super) fn keep(&mut self, now: Now) -> Option<String> {
        let (open, steady) = (self.open?, now.mono.since_start().as_millis() as i64);
        let is_recent =
            |(when, of): (i64, ClockSpan)| of == open && steady - when < KEPT_INTERVAL_MIN.as_millis() as i64;
        if self.kept.is_some_and(is_recent) {
            return None;
        }
        self.kept = Some((steady, open));
        let at = Wall(now.wall.0 - (steady - self.taken?));
        let kept = Kept { open, tally: self.tally, at, counter: self.counter, last: self.last };
        Some(serde_json::to_string(&kept).expect("plain data always serializes"))
    }

    /// The wall clock was put: what is remembered bears its time.
    pub(super) const fn keep_anew(&mut self) {
        self.kept = None;
    }

    /// Takes up what was remembered. How long ago that was only the wall clock can say. None if it can't be read.
    pub(super) fn recall(&mut self, body: &str, now: Now) -> Option<()> {
        let Kept { open, tally, at, counter, last } = serde_json::from_str(body).ok()?;
        (self.open, self.tally, self.last) = (Some(open), tally, last);
        if let (Gauge::Counter { .. }, Some(counter)) = (self.figure.gauge, counter) {
            let since = Moment::of(now, at).steady;
            self.counter = Some(counter);
            self.standing = Some(Standing { since, value: 0.0, doubt: None });
        }
        Some(())
    }

    /// Takes what its point said at a moment of the wall clock, not later than `now`.
    pub(super) fn take(&mut self, now: Now, at: Wall, sample: Sample, zone: &TimeZone) {
        let moment = Moment::of(now, at);
        // The two clocks are rounded each by itself.
        if self.taken.is_some_and(|taken| moment.steady + 1 < taken) {
            return;
        }
        self.taken = Some(moment.steady);
        let (value, doubt) = match sample {
            Sample::Good(value) => (value.as_f64(), None),
            Sample::Uncertain(value, reason) => (value.as_f64(), Some(reason)),
            Sample::Bad(_) => {
                if !self.is_counted() {
                    self.stand(moment, zone);
                    self.standing = None;
                }
                return;
            }
        };
        let mut standing = value;
        if let Gauge::Counter { modulus } = self.figure.gauge {
            let counter = self.counter.get_or_insert(Counter::new(value));
            let (amount, backwards) = counter.step(value, modulus);
            self.pass(self.piece(moment, amount, doubt.or(backwards)), zone);
        } else {
            let value = match self.figure.gauge {
                Gauge::While { least } => f64::from(u8::from(value >= least)),
                _ => value,
            };
            self.stand(moment, zone);
            standing = value;
            self.tally.least = Some(self.tally.least.map_or(value, |least| least.min(value)));
            self.tally.greatest = Some(self.tally.greatest.map_or(value, |greatest| greatest.max(value)));
            self.tally.doubt = self.tally.doubt.or(doubt);
        }
        let since = self.standing.map_or(moment.steady, |standing| standing.since.max(moment.steady));
        self.standing = Some(Standing { since, value: standing, doubt });
    }

    /// Whether the present stretch is over, though no reading from beyond its end has come.
    pub(super) fn is_over(&self, wall: Wall) -> bool {
        self.open.is_some_and(|open| {
            let wait = (open.length_ms() / 4).min(CLOCKED_WAIT_MAX.as_millis() as i64);
            wall.0 >= open.to.0.saturating_add(wait)
        })
    }

    /// Ends the stretches that are over.
    pub(super) fn lapse(&mut self, now: Now, zone: &TimeZone) {
        let moment = Moment::of(now, now.wall);
        if self.is_counted() {
            self.pass(Piece { length_ms: 0, ..self.piece(moment, 0.0, None) }, zone);
        } else {
            self.stand(moment, zone);
        }
    }

    /// What is to be told now, and of which moment.
    pub(super) fn tell(&mut self, now: Now, at: Wall) -> Option<(Wall, Sample)> {
        let (of, sample) = match self.figure.which {
            Which::Last if !self.is_news => return None,
            Which::Last => self.last.unwrap_or((at, Sample::Bad(Reason::NoData))),
            Which::Present => (at, self.present(at)),
        };
        let steady = now.mono.since_start().as_millis() as i64;
        let is_due = self.told.is_none_or(|(told, when)| {
            told.quality() != sample.quality() || steady - when >= CLOCKED_TOLD_INTERVAL.as_millis() as i64
        });
        if !self.is_news && !is_due {
            return None;
        }
        self.is_news = false;
        self.told = Some((sample, steady));
        Some((of, sample))
    }

    /// Lets what stands count up to a moment.
    fn stand(&mut self, until: Moment, zone: &TimeZone) {
        let (value, doubt) = self.standing.map_or((0.0, None), |standing| (standing.value, standing.doubt));
        let mut piece = self.piece(until, 0.0, doubt);
        piece.amount = value * piece.length_ms as f64 / MS_PER_HOUR;
        self.pass(piece, zone);
        if let Some(standing) = &mut self.standing {
            standing.since = standing.since.max(until.steady);
        }
    }

    /// From the last reading that counts on to a moment; of no length if there is none.
    fn piece(&self, ends: Moment, amount: f64, doubt: Option<Reason>) -> Piece {
        let length_ms = self.standing.map_or(0, |standing| (ends.steady - standing.since).max(0));
        Piece { ends, length_ms, amount, is_counted: self.is_counted(), doubt }
    }

    const fn is_counted(&self) -> bool {
        matches!(self.figure.gauge, Gauge::Counter { .. })
    }

    /// Lays a piece of time at the wall clock, and ends the stretches that it goes beyond.
    fn pass(&mut self, piece: Piece, zone: &TimeZone) {
        self.lay_out(piece, zone);
        if piece.length_ms == 0 {
            // A counter that says something else at the same moment.
            self.tally.amount += piece.amount;
            self.tally.doubt = self.tally.doubt.or(piece.doubt);
        }
    }

    fn lay_out(&mut self, piece: Piece, zone: &TimeZone) {
        let (period, wall) = (self.figure.period, piece.ends.wall);
        let open = *self.open.get_or_insert_with(|| period.around(Wall(wall), zone));
        if wall < open.from.0 && open.from.0 - wall <= open.length_ms() {
            self.tally.add(&piece, piece.length_ms, open);
            return;
        }
        if wall < open.from.0 {
            self.begin(period.around(Wall(wall), zone));
        }
        self.lay(&piece);
        if wall < open.to.0 {
            return;
        }
        self.end();
        let present = period.around(Wall(wall), zone);
        if present.from > open.to {
            // Of all that lie between only the last can ever be asked about.
            self.begin(period.around(Wall(present.from.0 - 1), zone));
            self.lay(&piece);
            self.end();
        }
        self.begin(ClockSpan { from: present.from.max(open.to), ..present });
        self.lay(&piece);
    }

    fn lay(&mut self, piece: &Piece) {
        let Some(open) = self.open else { return };
        let begins = piece.ends.wall - piece.length_ms;
        let inside = piece.ends.wall.min(open.to.0) - begins.max(open.from.0);
        self.tally.add(piece, inside.max(0), open);
    }

    fn begin(&mut self, span: ClockSpan) {
        self.open = Some(span);
        self.tally = Tally::NOTHING;
        self.is_news |= self.figure.which == Which::Present;
    }

    fn end(&mut self) {
        if let Some(open) = self.open {
            let figure = self.tally.whole(self.figure.figure, open);
            self.last = Some((Wall(open.to.0 - 1), figure));
            self.is_news = true;
        }
    }

    fn present(&self, at: Wall) -> Sample {
        let Some(open) = self.open else { return Sample::Bad(Reason::NoData) };
        let passed_ms = (at.0.min(open.to.0) - open.from.0).max(self.tally.covered_ms);
        self.tally.so_far(self.figure.figure, open, passed_ms)
    }
}

impl Tally {
    /// Adds so many ms of a piece.
    fn add(&mut self, piece: &Piece, inside_ms: i64, span: ClockSpan) {
        if inside_ms == 0 {
            return;
        }
        let outside_ms = piece.length_ms - inside_ms;
        let is_far = piece.length_ms > span.length_ms() / 100 * STRADDLE_PERCENT_MAX;
        let unknown_ms = if piece.is_counted && is_far { inside_ms.min(outside_ms) } else { 0 };
        self.covered_ms += inside_ms;
        self.known_ms += inside_ms - unknown_ms;
        self.amount += piece.amount * inside_ms as f64 / piece.length_ms as f64;
        self.doubt = self.doubt.or(piece.doubt);
    }

    /// What a stretch came to that is over.
    fn whole(&self, figure: Figure, span: ClockSpan) -> Sample {
        if self.covered_ms == 0 {
            return Sample::Bad(Reason::NoData);
        }
        self.so_far(if figure == Figure::Demand { Figure::Mean } else { figure }, span, span.length_ms())
    }

    /// What a stretch comes to of which so much has passed.
    fn so_far(&self, figure: Figure, span: ClockSpan, passed_ms: i64) -> Sample {
        let hours = |ms: i64| ms as f64 / MS_PER_HOUR;
        let (length_ms, unknown_ms) = (span.length_ms(), passed_ms - self.known_ms);
        let most_unknown = 100 - i64::from(WINDOW_KNOWN_PERCENT_MIN);
        let (value, may_miss_ms) = match figure {
            Figure::Mean if self.covered_ms == 0 => return Sample::Bad(Reason::NoData),
            Figure::Mean => (self.amount / hours(self.covered_ms), passed_ms / 100 * most_unknown),
            Figure::Demand => (self.amount / hours(length_ms), length_ms / 100 * AMOUNT_MISSING_PERCENT_MAX),
            Figure::Amount => (self.amount, length_ms / 100 * AMOUNT_MISSING_PERCENT_MAX),
            Figure::Least => (self.least.unwrap_or(f64::NAN), length_ms / 100 * most_unknown),
            Figure::Greatest => (self.greatest.unwrap_or(f64::NAN), length_ms / 100 * most_unknown),
        };
        let is_known = unknown_ms <= may_miss_ms;
        if !value.is_finite() || (figure == Figure::Mean && !is_known) {
            return Sample::Bad(Reason::NoData);
        }
        let value = Value::Float(value);
        let unknown = (!is_known).then_some(Reason::NoData);
        self.doubt.or(unknown).map_or(Sample::Good(value), |reason| Sample::Uncertain(value, reason))
    }
}
