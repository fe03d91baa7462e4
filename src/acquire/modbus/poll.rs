//! One poll of one device: every block is asked for, and every point gets a reading, good or bad. What one
//! block suffers touches that block's points and nobody else's.

use super::dial::Dial;
use super::group::{Ask, Group, Refused};
use super::guard::{Answer, Failure};
use super::health::Outcome;
use super::plan::{Block, Located};
use super::recipe::Making;
use super::unit::Unit;
use super::wire::{Asked, Wire};
use crate::model::limits::{POLL_MISSES_MAX, POLL_SPLITS_MAX};
use crate::model::{Mono, Now, PointId, Reading, Reason, Sample, Text};

/// Complaints that are spelled out; the others are counted.
const COMPLAINTS_SPELLED_MAX: usize = 3;

/// What a poll brought.
#[derive(Debug)]
pub(super) struct Polled {
    /// One reading of each point, good or bad.
    pub(super) readings: Vec<Reading>,
    /// For the device's health.
    pub(super) outcome: Outcome,
    /// Points whose addresses the device was found to refuse, in which words; each is told once.
    pub(super) found: Vec<(PointId, Text)>,
    /// When it was over.
    pub(super) ended: Now,
    /// Why the rest of it could not be asked: there was no connection any more.
    pub(super) cut: Option<Text>,
}

/// There is no connection to be had; why.
#[derive(Debug)]
pub(super) struct Unreachable(pub(super) Text);

/// How far a poll has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How many of the asks, from the front, are still to be asked. Those that were go to the back.
    todo: usize,
    readings: Vec<Reading>,
    making: Making,
    complaints: Vec<Text>,
    answers: usize,
    /// Why nothing came, for each question that nothing came for.
    silences: Vec<Text>,
    /// Questions spent on addresses that are refused.
    splits: usize,
    /// Addresses that were found refused for the first time.
    found: Vec<(PointId, Text)>,
}

/// A poll under way.
struct Poll<'a> {
    unit: &'a mut Unit,
    group: usize,
    rng: &'a mut fastrand::Rng,
    progress: Progress,
}

/// Asks `unit` from `begun` on for everything in `group`, or for what an earlier call left. Nothing comes of it if the poll gave the wire
/// to others before it was over, as `yields` asked for.
pub(super) async fn poll<D: Dial>(
    unit: &mut Unit,
    group: usize,
    wire: &mut Wire<D>,
    begun: Now,
    rng: &mut fastrand::Rng,
    yields: impl Fn(Mono) -> bool,
) -> Result<Option<Polled>, Unreachable> {
    let mut now = begun;
    let mut poll = Poll::begin(unit, group, now, rng);
    while let Some(ask) = poll.next(now) {
        let question = poll.unit.question(ask.block.span);
        let Asked { answer, took, ended } = poll.unit.ask(wire, question, now.mono).await;
        now = ended;
        if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
            poll.unit.heard_after(took);
        }
        if let Err(Unreachable(words)) = poll.take(ask, answer, now) {
            return poll.cut(words, now).map(Some);
        }
        if poll.progress.todo > 0 && yields(now.mono) {
            poll.suspend();
            return Ok(None);
        }
    }
    Ok(Some(poll.end(now)))
}

impl<'a> Poll<'a> {
    fn begin(unit: &'a mut Unit, n: usize, now: Now, rng: &'a mut fastrand::Rng) -> Self {
        let group = &mut unit.groups[n];
        if let Some(progress) = group.progress.take() {
            return Self { unit, group: n, rng, progress };
        }
        group.line_up(&unit.modbus, now.mono);
        let splits = group.asks.iter().filter(|ask| ask.refusals > 0).count();
        let readings = Vec::with_capacity(group.len());
        let progress = Progress { todo: group.asks.len(), readings, splits, ..Progress::default() };
        unit.health.counters().polls += 1;
        Self { unit, group: n, rng, progress }
    }

    fn group(&mut self) -> &mut Group {
        &mut self.unit.groups[self.group]
    }

    /// What to ask for next.
    fn next(&mut self, now: Now) -> Option<Ask> {
        while self.progress.todo > 0 {
            self.progress.todo -= 1;
            let ask = self.group().asks.pop_front()?;
            if let Some(ask) = self.pass_over(ask, now) {
                return Some(ask);
            }
        }
        None
    }

    /// Gives the block back unless it is not to be asked for this time.
    fn pass_over(&mut self, ask: Ask, now: Now) -> Option<Ask> {
        let resting = ask.resting(now.mono);
        if resting.is_none() && self.progress.silences.len() < self.misses_max() {
            return Some(ask);
        }
        self.progress.complaints.extend(resting.cloned());
        self.unread(&ask.block.points, now);
        self.group().asks.push_back(ask);
        None
    }

    /// How many questions may go unanswered: a device that missed its last poll too is not asked twice for nothing.
    fn misses_max(&self) -> usize {
        if self.unit.health.is_missed() && self.progress.answers == 0 { 1 } else { POLL_MISSES_MAX }
    }

    /// Takes what came of asking.
    fn take(&mut self, mut ask: Ask, answer: Result<Answer, Failure>, now: Now) -> Result<(), Unreachable> {
        let failure = match answer {
            Ok(answer) => {
                self.read(answer, &ask.block, now);
                let group = self.group();
                group.relented |= ask.refusals > 0;
                group.disordered |= ask.misses > 0;
                ask.answered();
                group.asks.push_back(ask);
                return Ok(());
            }
            Err(failure) => failure,
        };
        if let Failure::Unreachable(words) = failure {
            self.unread(&ask.block.points, now);
            self.group().asks.push_back(ask);
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
        let Progress { readings, making, answers, .. } = &mut self.progress;
        *answers += 1;
        if let (Some(plain), Answer::Words(words)) = (&block.plain, &answer) {
            readings.extend(plain.readings(words, now.wall));
            return;
        }
        for located in &block.points {
            if let Some(sample) = making.sample(readings.len(), located, &answer, block) {
                readings.push(Reading { point: located.point, at: now.wall, sample });
            }
        }
        making.keep(block, answer);
    }

    fn unread(&mut self, points: &[Located], now: Now) {
        self.progress.readings.extend(points.iter().filter_map(|point| unread(point, now)));
    }

    /// Nothing came for this block.
    fn miss(&mut self, mut ask: Ask, failure: &Failure, now: Now) {
        let words = complaint(failure, &ask.block);
        ask.missed();
        if self.progress.answers > 0 {
            ask.rest_if_hopeless(&words, now.mono, self.rng);
        }
        self.progress.silences.push(failure.words());
        self.progress.complaints.push(words);
        self.unread(&ask.block.points, now);
        self.group().disordered = true;
        self.group().asks.push_back(ask);
    }

    /// The device will not, this time.
    fn decline(&mut self, mut ask: Ask, failure: &Failure, now: Now) {
        self.progress.answers += 1;
        self.progress.complaints.push(complaint(failure, &ask.block));
        self.unread(&ask.block.points, now);
        self.group().disordered |= ask.misses > 0;
        ask.answered();
        self.group().asks.push_back(ask);
    }

    /// The device has no such address, somewhere in the block: each half is asked for by itself, now while the
    /// poll may spend more questions, or next time. An address that stands alone is left alone.
    fn narrow(&mut self, ask: Ask, failure: &Failure, now: Now) {
        self.progress.answers += 1;
        let (words, before) = (complaint(failure, &ask.block), ask.refusals);
        self.group().disordered = true;
        match ask.block.halve() {
            Ok(halves) if self.progress.splits < POLL_SPLITS_MAX => {
                self.progress.splits += halves.len();
                self.progress.todo += halves.len();
                for half in halves.into_iter().rev() {
                    self.group().asks.push_front(Ask::new(half));
                }
            }
            Ok(halves) => {
                for half in &halves {
                    self.unread(&half.points, now);
                }
                self.progress.complaints.push(words);
                self.group().asks.extend(halves.map(Ask::new));
            }
            Err(point) => {
                if before == 0 {
                    self.progress.found.push((point.point, words.clone()));
                }
                self.group().refused.push(Refused::new(point, words, before, now.mono));
            }
        }
    }

    /// There is no connection any more. What the poll has found is not thrown away with it: a device that brings the
    /// connection down each time would never be judged.
    fn cut(mut self, words: Text, now: Now) -> Result<Polled, Unreachable> {
        if self.progress.answers == 0 && self.progress.silences.is_empty() {
            self.unit.abandon();
            return Err(Unreachable(words));
        }
        while self.progress.todo > 0 {
            self.progress.todo -= 1;
            let Some(ask) = self.group().asks.pop_front() else { break };
            self.unread(&ask.block.points, now);
            self.group().asks.push_back(ask);
        }
        self.group().disordered = true;
        self.progress.complaints.push(words.clone());
        Ok(Polled { cut: Some(words), ..self.end(now) })
    }

    /// Keeps what has been read until the poll goes on.
    fn suspend(mut self) {
        let progress = std::mem::take(&mut self.progress);
        self.group().progress = Some(progress);
    }

    fn end(mut self, now: Now) -> Polled {
        for (place, sample) in self.progress.making.finish() {
            self.progress.readings[place].sample = sample;
        }
        for refused in &self.unit.groups[self.group].refused {
            self.progress.readings.extend(unread(&refused.point, now));
            self.progress.complaints.push(refused.words.clone());
        }
        let Progress { readings, complaints, answers, silences, found, .. } = self.progress;
        let outcome = match silences.into_iter().next() {
            Some(words) if answers == 0 => Outcome::Nothing(words),
            _ if complaints.is_empty() => Outcome::Whole,
            _ if answers == 0 => Outcome::Unasked(summary(&complaints)),
            _ => Outcome::Part(summary(&complaints)),
        };
        Polled { readings, outcome, found, ended: now, cut: None }
    }
}

/// That it could not be read; nothing of a register that is read for others alone.
fn unread(located: &Located, now: Now) -> Option<Reading> {
    let reading = Reading { point: located.point, at: now.wall, sample: Sample::Bad(Reason::Comm) };
    (!located.is_part()).then_some(reading)
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
