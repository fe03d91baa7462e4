//! The points of a device that are polled at one rate: the blocks that they are asked for in, and what is remembered of
//! those from poll to poll. What was learned of addresses that the device refuses outlasts every loss of the device.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::backoff::Backoff;
use super::health::{Outcome, Verdict};
use super::plan::{self, Block, Located, Span};
use super::poll::Progress;
use crate::model::limits::{MISSED_POLLS_MAX, POLL_SPLITS_MAX, REFUSED_FOR_MAX, REFUSED_FOR_MIN};
use crate::model::{Mono, Text};
use crate::site::ModbusDevice;

/// Points of one device and one rate.
#[derive(Debug)]
pub(super) struct Group {
    /// From one poll to the next.
    pub(super) interval: Duration,
    /// What is asked for, in the order in which it is asked: what answered last time first.
    pub(super) asks: VecDeque<Ask>,
    /// What is not asked for, as the device has refused it.
    pub(super) refused: Vec<Refused>,
    /// Whether something that had been refused has come.
    pub(super) relented: bool,
    /// Whether the order of the asks may be wrong.
    pub(super) disordered: bool,
    /// A poll that gave the link to others before it was over.
    pub(super) progress: Option<Progress>,
    len: usize,
}

/// A block and how it fared.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// The block.
    pub(super) block: Block,
    /// Times in a row that nothing came.
    pub(super) misses: u32,
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

impl Group {
    /// These points, none of them asked for yet.
    pub(super) fn new(interval: Duration, points: Vec<Located>, modbus: &ModbusDevice) -> Self {
        let len = points.len();
        let asks = plan::plan(points, modbus).into_iter().map(Ask::new).collect();
        let (refused, relented, disordered, progress) = (Vec::new(), false, false, None);
        Self { interval, asks, refused, relented, disordered, progress, len }
    }

    /// How many points it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The device answers again, `proven` for one: that is asked for first. What it refused and what it is asked for in
    /// pieces stays so; whether it still must is found out in due time, as ever.
    pub(super) fn revive(&mut self, proven: Option<Span>) {
        self.abandon();
        for ask in &mut self.asks {
            let is_proven = ask.block.points.iter().any(|point| Some(point.span) == proven);
            ask.rest = None;
            ask.misses = u32::from(!is_proven && proven.is_some());
        }
    }

    /// Nothing came of the poll though the device answers what it is asked at other rates: what went unanswered is left
    /// alone for a while, and the poll counts as answered in part.
    pub(super) fn rest(&mut self, verdict: &mut Verdict, rng: &mut fastrand::Rng) {
        let Outcome::Nothing(words) = &verdict.outcome else { return };
        for ask in self.asks.iter_mut().filter(|ask| ask.misses > 0) {
            ask.misses = ask.misses.max(MISSED_POLLS_MAX);
            ask.rest_if_hopeless(words, verdict.ended, rng);
        }
        verdict.outcome = Outcome::Part(words.clone());
    }

    /// The poll that is under way, if one is, will not be ended.
    pub(super) fn abandon(&mut self) {
        self.progress = None;
        self.disordered = true;
    }

    /// The device has what it refused before: it was booting, or was changed. So whatever is refused or asked for in
    /// pieces is asked for as at first; what does not answer stays as it is.
    fn make_up(&mut self, modbus: &ModbusDevice) {
        let asks = std::mem::take(&mut self.asks);
        let (answering, mut asks): (VecDeque<Ask>, VecDeque<Ask>) =
            asks.into_iter().partition(|ask| ask.misses == 0);
        let refused = self.refused.drain(..).map(|refused| refused.point);
        let points = answering.into_iter().flat_map(|ask| ask.block.points).chain(refused).collect();
        asks.extend(plan::plan(points, modbus).into_iter().map(Ask::new));
        self.asks = asks;
        self.disordered = true;
    }

    /// Takes back into the plan what has been left alone for long enough, a few points at a time, and puts everything in
    /// order. Something is always asked for, to hear the device at all.
    pub(super) fn line_up(&mut self, modbus: &ModbusDevice, now: Mono) {
        if std::mem::take(&mut self.relented) {
            self.make_up(modbus);
        }
        for _ in 0..POLL_SPLITS_MAX {
            let Some(due) = self.refused.iter().position(|refused| refused.until <= now) else { break };
            self.ask_again(due);
        }
        if self.asks.is_empty() && !self.refused.is_empty() {
            self.ask_again(0);
        }
        if std::mem::take(&mut self.disordered) {
            let order = |ask: &Ask| (ask.misses, ask.block.span.table, ask.block.span.start);
            self.asks.make_contiguous().sort_by_key(order);
        }
    }

    fn ask_again(&mut self, refused: usize) {
        self.asks.push_back(self.refused.remove(refused).again());
        self.disordered = true;
    }
}
