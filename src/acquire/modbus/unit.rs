//! One device on a link: its points by the rates at which they are polled, and how it is found again when it is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::backoff::Backoff;
use super::super::complaint::Complaints;
use super::dial::Dial;
use super::group::{Ask, Group};
use super::guard::{Failure, Question};
use super::health::Health;
use super::plan::{Located, Span};
use super::wire::{Asked, Wire};
use crate::model::limits::{
    PROBE_PATIENCE_MIN, PROBE_ROUND_TRIPS, PROBE_WAIT_MAX, PROBES_PER_FULL, ROUND_TRIP_PARTS,
};
use crate::model::{DeviceId, Mono};
use crate::site::ModbusDevice;

/// The points of a device by their poll interval.
pub(super) type Rates = BTreeMap<Duration, Vec<Located>>;

/// One device.
#[derive(Debug)]
pub(super) struct Unit {
    /// Which.
    pub(super) device: DeviceId,
    /// Its state.
    pub(super) health: Health,
    /// Its skipped polls.
    pub(super) skipped: Complaints,
    /// Its points, the fastest first.
    pub(super) groups: Vec<Group>,
    /// How it is asked.
    pub(super) modbus: ModbusDevice,
    /// The waits between probes.
    backoff: Backoff,
    probes: usize,
    /// What the last probe got an answer for.
    proven: Option<Span>,
    /// Of late, the longest time from a question to its answer.
    round_trip: Option<Duration>,
}

impl Unit {
    /// The device with its points.
    pub(super) fn new(device: DeviceId, modbus: ModbusDevice, rates: Rates) -> Self {
        let group = |(interval, points)| Group::new(interval, points, &modbus);
        let groups: Vec<Group> = rates.into_iter().map(group).collect();
        Self {
            device,
            health: Health::new(groups.len(), modbus.timeout),
            skipped: Complaints::default(),
            groups,
            modbus,
            backoff: Backoff::default(),
            probes: 0,
            proven: None,
            round_trip: None,
        }
    }

    /// A question about `span`.
    pub(super) fn question(&self, span: Span) -> Question {
        let ModbusDevice { unit, timeout, pause, .. } = self.modbus;
        Question { unit, span, timeout, pause }
    }

    /// Asks it at `now`, or when the wire is ready, and counts what goes wrong.
    pub(super) async fn ask<D: Dial>(&mut self, wire: &mut Wire<D>, question: Question, now: Mono) -> Asked {
        let asked = wire.ask(question, now).await;
        let garbled = wire.take_garbled();
        garbled.iter().chain(asked.answer.as_ref().err()).for_each(|failure| self.health.count(failure));
        asked
    }

    /// It has answered, after this long.
    pub(super) fn heard_after(&mut self, round_trip: Duration) {
        self.backoff.reset();
        let slowest = self.round_trip.unwrap_or_default();
        self.round_trip = Some(slowest.saturating_sub(slowest / ROUND_TRIP_PARTS).max(round_trip));
    }

    /// The polls that are under way will not be ended.
    pub(super) fn abandon(&mut self) {
        self.groups.iter_mut().for_each(Group::abandon);
    }

    /// It answers again.
    pub(super) fn revive(&mut self) {
        let proven = self.proven.take();
        self.groups.iter_mut().for_each(|group| group.revive(proven));
    }

    /// When to look for it again, after a question that was asked at `asked` for nothing. An answer that is very late
    /// must not be taken for one to the next probe.
    pub(super) fn next_probe(&mut self, asked: Mono, now: Mono, rng: &mut fastrand::Rng) -> Mono {
        let wait = self.backoff.next(rng).min(PROBE_WAIT_MAX);
        (now + wait).max(asked + self.modbus.timeout * 2)
    }

    /// Whether the device answers one short question, whatever it answers. Each probe asks for another block,
    /// in case one of them is what it cannot answer.
    pub(super) async fn probe<D: Dial>(&mut self, wire: &mut Wire<D>, now: Mono) -> Result<(), Failure> {
        let asks: usize = self.groups.iter().map(|group| group.asks.len()).sum();
        let at = self.probes % asks.max(1);
        let Some(ask) = self.groups.iter().flat_map(|group| &group.asks).nth(at) else { return Ok(()) };
        let first = ask.block.points[0].span;
        let question = Question { timeout: self.patience(), ..self.question(first) };
        self.probes = self.probes.wrapping_add(1);
        match self.ask(wire, question, now).await.answer {
            Err(failure) if failure.is_silence() || matches!(failure, Failure::Unreachable(_)) => {
                Err(failure)
            }
            Ok(_) | Err(_) => {
                self.proven = Some(first);
                Ok(())
            }
        }
    }

    /// How long a probe waits: as long as the device may need by what is known of it, so that its neighbours wait no
    /// longer; now and then as long as it may take at all, in case it has become slower.
    fn patience(&self) -> Duration {
        let full = self.modbus.timeout;
        match self.round_trip {
            Some(round_trip) if !(self.probes + 1).is_multiple_of(PROBES_PER_FULL) => {
                (round_trip * PROBE_ROUND_TRIPS).max(PROBE_PATIENCE_MIN).min(full)
            }
            _ => full,
        }
    }

    /// A question that it answered last time, at another rate than that of `group`: whether it is lost, or only what
    /// `group` asks for.
    pub(super) fn cross_check(&self, group: usize) -> Option<Question> {
        let others = self.groups.iter().enumerate().filter(|(n, _)| *n != group);
        let answered = |ask: &&Ask| ask.misses == 0 && ask.refusals == 0;
        let ask = others.flat_map(|(_, group)| &group.asks).find(answered)?;
        Some(self.question(ask.block.points[0].span))
    }
}
