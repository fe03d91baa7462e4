//! One device on a link: the blocks that it is asked for, and what is remembered of them from poll to poll.

use std::time::Duration;

use super::super::backoff::Backoff;
use super::super::complaint::Complaints;
use super::dial::Dial;
use super::guard::{Failure, Question};
use super::health::Health;
use super::plan::{self, Block, Located, Span};
use super::session::Session;
use crate::model::limits::{MISSED_POLLS_MAX, POLL_SPLITS_MAX, REFUSED_FOR_MAX, REFUSED_FOR_MIN};
use crate::model::{DeviceId, Mono, Text};
use crate::site::ModbusDevice;

/// One device.
#[derive(Debug)]
pub(super) struct Unit {
    /// Which.
    pub(super) device: DeviceId,
    /// Its state.
    pub(super) health: Health,
    /// The waits between probes.
    pub(super) backoff: Backoff,
    /// Its skipped polls.
    pub(super) skipped: Complaints,
    /// What it is asked for.
    pub(super) asks: Vec<Ask>,
    /// What it is not asked for, as it has refused it.
    pub(super) refused: Vec<Refused>,
    /// Whether something that it had refused has come.
    pub(super) relented: bool,
    modbus: ModbusDevice,
    points: Vec<Located>,
    probes: usize,
    /// What the last probe got an answer for.
    proven: Option<Span>,
}

/// A block and how it fared.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// The block.
    pub(super) block: Block,
    /// Times in a row that nothing came.
    misses: u32,
    /// Left alone until then, and why.
    rest: Option<(Mono, Text)>,
    backoff: Backoff,
    /// Times in a row that the device refused it, where it is one point.
    pub(super) refusals: u32,
}

/// A point whose address the device refuses.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    /// The point.
    pub(super) point: Located,
    /// In which words.
    pub(super) words: Text,
    /// Until when it is left alone.
    pub(super) until: Mono,
    /// Times in a row that it has been refused.
    times: u32,
}

impl Refused {
    /// The point's address is refused at `now`, and was so `before` in a row. It is left alone, each time for twice as
    /// long: a device that is only booting refuses what it will soon have.
    pub(super) fn new(point: Located, words: Text, before: u32, now: Mono) -> Self {
        let doubled = REFUSED_FOR_MIN.saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX));
        let until = now + doubled.min(REFUSED_FOR_MAX);
        Self { point, words, until, times: before.saturating_add(1) }
    }

    /// The point is to be asked for again.
    fn again(self) -> Ask {
        Ask { refusals: self.times, ..Ask::new(Block::single(self.point)) }
    }
}

impl Ask {
    /// A block that has not been asked for yet.
    pub(super) fn new(block: Block) -> Self {
        Self { block, misses: 0, rest: None, backoff: Backoff::default(), refusals: 0 }
    }

    /// Something came.
    pub(super) fn answered(&mut self) {
        self.misses = 0;
        self.rest = None;
        self.refusals = 0;
        self.backoff.reset();
    }

    /// Nothing came.
    pub(super) fn missed(&mut self) {
        self.misses = self.misses.saturating_add(1);
    }

    /// Nothing came again though the device answers other questions: the block is left alone for a while, so
    /// that it costs the neighbours little.
    pub(super) fn rest_if_hopeless(&mut self, words: &Text, now: Mono, rng: &mut fastrand::Rng) {
        if self.misses >= MISSED_POLLS_MAX {
            self.rest = Some((now + self.backoff.next(rng), words.clone()));
        }
    }

    /// Why it is left alone at `now`, if it is.
    pub(super) fn resting(&self, now: Mono) -> Option<&Text> {
        self.rest.as_ref().and_then(|(until, words)| (now < *until).then_some(words))
    }
}

impl Unit {
    /// The device with its points.
    pub(super) fn new(device: DeviceId, modbus: ModbusDevice, points: Vec<Located>) -> Self {
        let mut unit = Self {
            device,
            health: Health::default(),
            backoff: Backoff::default(),
            skipped: Complaints::default(),
            asks: Vec::new(),
            refused: Vec::new(),
            relented: false,
            modbus,
            points,
            probes: 0,
            proven: None,
        };
        unit.relearn();
        unit
    }

    /// From one poll to the next.
    pub(super) fn interval(&self) -> Duration {
        self.modbus.poll
    }

    /// How many points it has.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The question for `span`.
    pub(super) fn question(&self, span: Span) -> Question {
        Question { unit: self.modbus.unit, span, timeout: self.modbus.timeout }
    }

    /// Forgets what was learned: once it was down, it may come back as another device. What a probe has just got
    /// an answer for is asked for first.
    pub(super) fn relearn(&mut self) {
        self.backoff.reset();
        self.refused.clear();
        self.asks = plan::plan(self.points.clone(), &self.modbus).into_iter().map(Ask::new).collect();
        let Some(proven) = self.proven.take() else { return };
        for ask in &mut self.asks {
            ask.misses = u32::from(ask.block.points.iter().all(|point| point.span != proven));
        }
    }

    /// The device has what it refused before: it was booting, or was changed. So whatever is refused or asked for in
    /// pieces is asked for as at first; what does not answer stays as it is.
    fn make_up(&mut self) {
        let asks = std::mem::take(&mut self.asks);
        let (answering, mut asks): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(|ask| ask.misses == 0);
        let refused = self.refused.drain(..).map(|refused| refused.point);
        let points = answering.into_iter().flat_map(|ask| ask.block.points).chain(refused).collect();
        asks.extend(plan::plan(points, &self.modbus).into_iter().map(Ask::new));
        self.asks = asks;
    }

    /// Takes back into the plan what has been left alone for long enough, a few points at a time, and hands out
    /// everything that is to be asked for, what answered last time first. Something is always asked for, to hear the
    /// device at all.
    pub(super) fn line_up(&mut self, now: Mono) -> Vec<Ask> {
        if std::mem::take(&mut self.relented) {
            self.make_up();
        }
        let due = |refused: &mut Refused| refused.until <= now;
        let again: Vec<Refused> = self.refused.extract_if(.., due).take(POLL_SPLITS_MAX).collect();
        let mut asks = std::mem::take(&mut self.asks);
        asks.extend(again.into_iter().map(Refused::again));
        if asks.is_empty() && !self.refused.is_empty() {
            asks.push(self.refused.remove(0).again());
        }
        asks.sort_by_key(|ask| (ask.misses, ask.block.span.table, ask.block.span.start));
        asks
    }

    /// Whether the device answers one short question, whatever it answers. Each probe asks for another block,
    /// in case one of them is what it cannot answer.
    pub(super) async fn probe<D: Dial>(&mut self, session: &mut Session<D>) -> Result<(), Failure> {
        let Some(ask) = self.asks.get(self.probes % self.asks.len().max(1)) else { return Ok(()) };
        let first = ask.block.points[0].span;
        self.probes = self.probes.wrapping_add(1);
        match session.ask(self.question(first)).await {
            Err(failure) if failure.is_silence() || matches!(failure, Failure::Unreachable(_)) => {
                Err(failure)
            }
            Ok(_) | Err(_) => {
                self.proven = Some(first);
                Ok(())
            }
        }
    }
}
