//! Modbus links. One task owns one connection and asks the devices behind it in turn:
//!
//! - `plan` makes few reads of many points, `decode` and `recipe` make samples of the answers;
//! - `schedule` says whose turn it is, `unit` and `poll` take it, `health` judges what came of it;
//! - `dial` knows the ways to a device, `session` keeps the connection, `guard` and `line` see to it that no answer
//!   is taken for another's;
//! - `probe` asks by the same means what a person wants to know.

mod decode;
mod dial;
mod guard;
mod health;
mod line;
mod plan;
mod poll;
pub mod probe;
mod recipe;
mod schedule;
mod session;
#[cfg(test)]
mod tests;
mod unit;

use std::time::Duration;

use tokio::time::{sleep, sleep_until};

use self::dial::{Dial, Way};
use self::guard::Failure;
use self::health::Outcome;
use self::plan::Located;
use self::poll::{Polled, Unreachable};
use self::schedule::{Kind, Schedule, Turn};
use self::session::Session;
use self::unit::Unit;
use super::Context;
use super::backoff::Backoff;
use crate::model::{Batch, DeviceId, Text};
use crate::site::{Protocol, Site, Source};

/// How questions and answers are framed on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Modbus TCP: every frame carries the number of its question.
    Tcp,
    /// Modbus RTU frames: an answer shows only its unit, function and length.
    Rtu,
}

/// Serves the devices of link number `link`, for as long as it is polled. None if it is no Modbus link.
pub(super) async fn run(link: usize, context: Context) {
    let Some((way, framing)) = Way::of(&context.site.links[link].kind) else { return };
    let session = Session::new(way, framing, context.clock);
    Poller::new(link, session, context, fastrand::Rng::new()).run().await;
}

/// A link and the devices behind it.
struct Poller<D> {
    context: Context,
    session: Session<D>,
    units: Vec<Unit>,
    schedule: Schedule,
    rng: fastrand::Rng,
}

/// The units of a link: its Modbus devices that have points.
fn units(site: &Site, link: usize) -> Vec<Unit> {
    site.links[link].devices.iter().filter_map(|device| unit(site, *device)).collect()
}

fn unit(site: &Site, id: DeviceId) -> Option<Unit> {
    let device = site.device(id);
    let Protocol::Modbus(modbus) = &device.protocol else { return None };
    let located = |point| match &site.point(point).source {
        Source::Modbus(signal) => Located::all(point, signal),
        Source::Mqtt(_) => Vec::new(),
    };
    let points: Vec<Located> = device.points.iter().copied().flat_map(located).collect();
    (!points.is_empty()).then(|| Unit::new(id, modbus.clone(), points))
}

impl<D: Dial> Poller<D> {
    fn new(link: usize, session: Session<D>, context: Context, rng: fastrand::Rng) -> Self {
        let units = units(&context.site, link);
        let devices = units.iter().map(|unit| (unit.device.index(), unit.interval()));
        let schedule = Schedule::new(devices, context.clock.now().mono);
        Self { context, session, units, schedule, rng }
    }

    async fn run(mut self) {
        while let Some(turn) = self.schedule.next() {
            sleep_until(self.context.clock.instant(turn.at)).await;
            if let Err(Unreachable(words)) = self.serve(turn).await {
                self.reconnect(words).await;
            }
        }
    }

    /// Gives a device its turn.
    async fn serve(&mut self, turn: Turn) -> Result<(), Unreachable> {
        let begun = self.context.clock.now().mono;
        let skipped = self.schedule.take(turn.slot, begun);
        self.note_skipped(turn.slot, skipped);
        if turn.kind == Kind::Probe {
            if let Err(failure) = self.units[turn.slot].probe(&mut self.session).await {
                let cost = self.session.settled(self.context.clock.now().mono) - begun;
                return self.probe_failed(turn.slot, failure, cost).await;
            }
            self.units[turn.slot].relearn();
        }
        self.poll(turn.slot).await
    }

    async fn poll(&mut self, slot: usize) -> Result<(), Unreachable> {
        let (unit, clock) = (&mut self.units[slot], self.context.clock);
        let Polled { readings, outcome } = poll::poll(unit, &mut self.session, clock, &mut self.rng).await?;
        let answered = !matches!(outcome, Outcome::Nothing(_));
        let news = unit.health.polled(outcome).or_else(|| unit.health.recount(clock.now().mono));
        let (device, telling) = (unit.device, answered || unit.health.answers());
        if answered {
            unit.backoff.reset();
        }
        if unit.health.is_down() {
            let wait = unit.backoff.next(&mut self.rng);
            self.schedule.probe(slot, clock.now().mono + wait);
        }
        self.context.tell(device, news).await;
        // Of a device that is down the engine knows that nothing can be read: it needs no batch to say so.
        if telling {
            self.context.inbox.readings(Batch { device, at: clock.now().wall, readings }).await;
        }
        Ok(())
    }

    async fn probe_failed(
        &mut self,
        slot: usize,
        failure: Failure,
        cost: Duration,
    ) -> Result<(), Unreachable> {
        if let Failure::Unreachable(words) = failure {
            return Err(Unreachable(words));
        }
        let now = self.context.clock.now().mono;
        if self.units.iter().any(|unit| unit.health.answers()) {
            self.schedule.rest_probes(now, cost);
        }
        let unit = &mut self.units[slot];
        let wait = unit.backoff.next(&mut self.rng);
        self.schedule.probe(slot, now + wait);
        unit.health.count(&failure);
        let news = unit.health.polled(Outcome::Nothing(failure.words())).or_else(|| unit.health.recount(now));
        let device = unit.device;
        self.context.tell(device, news).await;
        Ok(())
    }

    /// Tries until there is a connection again. A far end that takes one client at a time may need a moment to
    /// let go of the last connection: devices that answer are given up only when the second attempt fails too.
    async fn reconnect(&mut self, mut words: Text) {
        let mut backoff = Backoff::default();
        let mut grace = self.units.iter().any(|unit| unit.health.answers());
        loop {
            if !std::mem::take(&mut grace) {
                self.unreachable(&words).await;
            }
            sleep(backoff.next(&mut self.rng)).await;
            match self.session.connect().await {
                Ok(()) => break,
                Err(failure) => words = failure.words(),
            }
        }
        self.schedule.restart(self.context.clock.now().mono);
    }

    async fn unreachable(&mut self, words: &Text) {
        for slot in 0..self.units.len() {
            let unit = &mut self.units[slot];
            let (device, news) = (unit.device, unit.health.unreachable(words.clone()));
            self.context.tell(device, news).await;
        }
    }

    fn note_skipped(&mut self, slot: usize, skipped: u64) {
        let unit = &mut self.units[slot];
        if skipped == 0 || unit.health.is_down() {
            return;
        }
        unit.health.counters().overruns += skipped;
        if let Some(leave) = unit.skipped.add(skipped, self.context.clock.now().mono) {
            let device = self.context.site.device(unit.device).name.as_str();
            tracing::warn!(device, skipped = leave.total, "polls skipped: the link is too slow for them");
        }
    }
}
