//! One poll of one device: every block is asked for, and every point gets a reading, good or bad. What one
//! block suffers touches that block's points and nobody else's.

use std::collections::VecDeque;

use super::dial::Dial;
use super::guard::{Answer, Failure};
use super::health::Outcome;
use super::plan::{Block, Located};
use super::recipe::Making;
use super::session::Session;
use super::unit::{Ask, Refused, Unit};
use crate::clock::Clock;
use crate::model::limits::{POLL_MISSES_MAX, POLL_SPLITS_MAX};
use crate::model::{Now, Reading, Reason, Sample, Text};

/// Complaints that are spelled out; the others are counted.
const COMPLAINTS_SPELLED_MAX: usize = 3;

/// What a poll brought.
#[derive(Debug)]
pub(super) struct Polled {
    /// One reading of each point, good or bad.
    pub(super) readings: Vec<Reading>,
    /// For the device's health.
    pub(super) outcome: Outcome,
}

/// There is no connection to be had; why.
#[derive(Debug)]
pub(super) struct Unreachable(pub(super) Text);

/// A poll under way.
struct Poll<'a> {
    unit: &'a mut Unit,
    rng: &'a mut fastrand::Rng,
    todo: VecDeque<Ask>,
    readings: Vec<Reading>,
    making: Making,
    complaints: Vec<Text>,
    answers: usize,
    /// Why nothing came, for each question that nothing came for.
    silences: Vec<Text>,
    /// Questions spent on addresses that are refused.
    splits: usize,
}

/// Asks `unit` for everything.
pub(super) async fn poll<D: Dial>(
    unit: &mut Unit,
    session: &mut Session<D>,
    clock: Clock,
    rng: &mut fastrand::Rng,
) -> Result<Polled, Unreachable> {
    let mut poll = Poll::begin(unit, clock.now(), rng);
    while let Some(ask) = poll.todo.pop_front() {
        let Some(ask) = poll.pass_over(ask, clock.now()) else { continue };
        let answer = session.ask(poll.unit.question(ask.block.span)).await;
        poll.take(ask, answer, clock.now())?;
    }
    Ok(poll.end(clock.now()))
}

impl<'a> Poll<'a> {
    fn begin(unit: &'a mut Unit, now: Now, rng: &'a mut fastrand::Rng) -> Self {
        unit.health.counters().polls += 1;
        let todo: VecDeque<Ask> = unit.line_up(now.mono).into();
        let splits = todo.iter().filter(|ask| ask.refusals > 0).count();
        let readings = Vec::with_capacity(unit.len());
        Self {
            unit,
            rng,
            todo,
            readings,
            making: Making::default(),
            complaints: Vec::new(),
            answers: 0,
            silences: Vec::new(),
            splits,
        }
    }

    /// Gives the block back unless it is not to be asked for this time.
    fn pass_over(&mut self, ask: Ask, now: Now) -> Option<Ask> {
        let resting = ask.resting(now.mono);
        if resting.is_none() && self.silences.len() < POLL_MISSES_MAX {
            return Some(ask);
        }
        self.complaints.extend(resting.cloned());
        self.unread(&ask.block.points, now);
        self.unit.asks.push(ask);
        None
    }

    /// Takes what came of asking.
    fn take(&mut self, mut ask: Ask, answer: Result<Answer, Failure>, now: Now) -> Result<(), Unreachable> {
        let failure = match answer {
            Ok(answer) => {
                self.read(answer, &ask.block, now);
                self.unit.relented |= ask.refusals > 0;
                ask.answered();
                self.unit.asks.push(ask);
                return Ok(());
            }
            Err(failure) => failure,
        };
        self.unit.health.count(&failure);
        if let Failure::Unreachable(words) = failure {
            self.unit.asks.push(ask);
            self.unit.asks.extend(self.todo.drain(..));
            return Err(Unreachable(words));
        }
        if failure.is_of_address() {
            self.narrow(ask, &failure, now);
        } else if failure.is_silence() {
            self.miss(ask, &failure, now);
        } else {
            self.decline(ask, &failure, now);
        }
        Ok(())
    }

    fn read(&mut self, answer: Answer, block: &Block, now: Now) {
        self.answers += 1;
        for located in &block.points {
            if let Some(sample) = self.making.sample(self.readings.len(), located, &answer, block) {
                self.readings.push(Reading { point: located.point, at: now.wall, sample });
            }
        }
        self.making.keep(block, answer);
    }

    fn unread(&mut self, points: &[Located], now: Now) {
        let sample = Sample::Bad(Reason::Comm);
        let points = points.iter().filter(|located| !located.is_part());
        self.readings.extend(points.map(|p| Reading { point: p.point, at: now.wall, sample }));
    }

    /// Nothing came for this block.
    fn miss(&mut self, mut ask: Ask, failure: &Failure, now: Now) {
        let words = complaint(failure, &ask.block);
        ask.missed();
        if self.answers > 0 {
            ask.rest_if_hopeless(&words, now.mono, self.rng);
        }
        self.silences.push(failure.words());
        self.complaints.push(words);
        self.unread(&ask.block.points, now);
        self.unit.asks.push(ask);
    }

    /// The device will not, this time.
    fn decline(&mut self, mut ask: Ask, failure: &Failure, now: Now) {
        self.answers += 1;
        self.complaints.push(complaint(failure, &ask.block));
        self.unread(&ask.block.points, now);
        ask.answered();
        self.unit.asks.push(ask);
    }

    /// The device has no such address, somewhere in the block: each half is asked for by itself, now while the
    /// poll may spend more questions, or next time. An address that stands alone is left alone.
    fn narrow(&mut self, ask: Ask, failure: &Failure, now: Now) {
        self.answers += 1;
        let (words, before) = (complaint(failure, &ask.block), ask.refusals);
        match ask.block.halve() {
            Ok(halves) if self.splits < POLL_SPLITS_MAX => {
                self.splits += halves.len();
                self.todo.extend(halves.map(Ask::new));
            }
            Ok(halves) => {
                for half in &halves {
                    self.unread(&half.points, now);
                }
                self.complaints.push(words);
                self.unit.asks.extend(halves.map(Ask::new));
            }
            Err(point) => self.unit.refused.push(Refused::new(point, words, before, now.mono)),
        }
    }

    fn end(mut self, now: Now) -> Polled {
        for (place, sample) in self.making.finish() {
            self.readings[place].sample = sample;
        }
        let refused: Vec<Located> = self.unit.refused.iter().map(|refused| refused.point.clone()).collect();
        self.unread(&refused, now);
        self.complaints.extend(self.unit.refused.iter().map(|refused| refused.words.clone()));
        let outcome = match self.silences.first() {
            Some(words) if self.answers == 0 => Outcome::Nothing(words.clone()),
            _ if self.complaints.is_empty() => Outcome::Whole,
            _ => Outcome::Part(summary(&self.complaints)),
        };
        Polled { readings: self.readings, outcome }
    }
}

fn complaint(failure: &Failure, block: &Block) -> Text {
    let (words, span) = (failure.words(), block.span.words());
    let at = if matches!(failure, Failure::Refused(_)) { "at" } else { "for" };
    Text::new(format!("{}（{}）", words.zh, span.zh), format!("{} {at} {}", words.en, span.en))
}

/// A few complaints in full, and how many more there are.
fn summary(complaints: &[Text]) -> Text {
    let (spelled, rest) = complaints.split_at(complaints.len().min(COMPLAINTS_SPELLED_MAX));
    let mut words: Vec<Text> = spelled.to_vec();
    if !rest.is_empty() {
        words.push(Text::new(format!("另有 {} 处", rest.len()), format!("and {} more", rest.len())));
    }
    let (zh, en): (Vec<String>, Vec<String>) = words.into_iter().map(|Text { zh, en }| (zh, en)).unzip();
    Text::new(zh.join("；"), en.join("; "))
}
