//! Modbus links. One task owns one connection and asks the devices behind it in turn:
//!
//! - `plan` makes few reads of many points, `decode` and `recipe` make samples of the answers;
//! - `schedule` says whose turn it is, `unit`, `group` and `poll` take it, `health` judges what came of it;
//! - `outputs` sees to it that outputs are as they are ordered, `switch` says what to do for one, `write` how;
//! - `dial`, `serial` and `dial_in` know the ways to a device, `lasting` keeps those that can't be gone anew;
//! - `reception` receives devices that dial in, `heartbeat` keeps from us what they say unasked;
//! - `wire` and `session` keep the connection; `guard`, `line`, `doubt` and `ids` see to it that no answer is taken for
//!   another's;
//! - `probe` asks by the same means what a person wants to know.

mod decode;
mod dial;
mod dial_in;
mod doubt;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod group;
mod guard;
mod health;
mod heartbeat;
mod ids;
mod lasting;
mod line;
mod outputs;
mod plain;
mod plan;
mod poll;
pub mod probe;
mod reception;
mod recipe;
mod schedule;
mod serial;
mod session;
mod switch;
#[cfg(test)]
mod tests;
mod unit;
mod wire;
mod write;

use tokio::time::sleep;

use self::dial::{Dial, Way};
use self::guard::Failure;
use self::health::{Outcome, Verdict};
use self::outputs::Outputs;
use self::plan::Located;
use self::poll::{Polled, Unreachable};
pub use self::reception::Reception;
use self::schedule::{Claim, Kind, Schedule, Turn};
use self::session::Session;
use self::unit::{Rates, Unit};
use self::wire::Wire;
use super::Context;
use super::backoff::Backoff;
use crate::model::limits::{DEVICES_MAX, TURN_MAX};
use crate::model::{Batch, DeviceId, Mono, Now, PointId, Reading, Text};
pub use crate::site::Framing;
use crate::site::{Protocol, Site, Source};

/// Serves the devices of link number `link`, for as long as it is polled. None if it is no Modbus link.
pub(super) async fn run(link: usize, context: Context) {
    let Some((way, framing)) = Way::of(&context.site.links[link].kind, &context.receptions) else { return };
    let session = Session::new(way, framing, context.clock);
    Poller::new(link, session, context, fastrand::Rng::new()).run().await;
}

/// A link and the devices behind it.
struct Poller<D> {
    context: Context,
    wire: Wire<D>,
    units: Vec<Unit>,
    /// Device and rate of each slot of the schedule.
    slots: Vec<(usize, usize)>,
    outputs: Outputs,
    schedule: Schedule,
    /// Whether something has been answered since there was last no connection to be had.
    answered: bool,
    rng: fastrand::Rng,
}

/// The units of a link: its Modbus devices that have points.
fn units(site: &Site, link: usize) -> Vec<Unit> {
    site.links[link].devices.iter().filter_map(|device| unit(site, *device)).collect()
}

fn unit(site: &Site, id: DeviceId) -> Option<Unit> {
    let device = site.device(id);
    let Protocol::Modbus(modbus) = &device.protocol else { return None };
    let mut rates = Rates::new();
    for &id in &device.points {
        let point = site.point(id);
        if let Source::Modbus(signal) = &point.source {
            let interval = point.poll.unwrap_or(modbus.poll);
            rates.entry(interval).or_default().extend(Located::all(id, signal));
        }
    }
    (!rates.is_empty()).then(|| Unit::new(id, modbus.clone(), rates))
}

/// The claim of each device and rate, and whose it is.
fn claims(units: &[Unit]) -> (Vec<Claim>, Vec<(usize, usize)>) {
    let groups = units.iter().enumerate().flat_map(|(n, unit)| {
        unit.groups.iter().enumerate().map(move |(rate, group)| {
            let number = unit.device.index() + rate * DEVICES_MAX;
            (Claim { unit: n, number, interval: group.interval }, (n, rate))
        })
    });
    groups.unzip()
}

impl<D: Dial> Poller<D> {
    fn new(link: usize, session: Session<D>, context: Context, rng: fastrand::Rng) -> Self {
        let units = units(&context.site, link);
        let (claims, slots) = claims(&units);
        let schedule = Schedule::new(claims, context.clock.mono());
        let outputs = Outputs::new(&context.site, &units, context.orders.clone());
        let wire = Wire::new(session, context.clock);
        Self { context, wire, units, slots, outputs, schedule, rng, answered: false }
    }

    async fn run(mut self) {
        loop {
            let begun = self.context.clock.now();
            let now = begun.mono;
            let Some(turn) = self.schedule.next(now) else { return };
            self.outputs.refresh(&self.units, now);
            let output = self.outputs.next().filter(|(_, due)| *due <= turn.at.max(now));
            let at = output.map_or(turn.at, |(_, due)| due);
            if at > now {
                tokio::select! {
                    () = self.outputs.changed() => {}
                    () = self.wire.rest_until(at) => {}
                }
                continue;
            }
            let served = match output {
                Some((place, _)) => self.serve_output(place).await,
                None => self.serve(turn, begun).await,
            };
            if let Err(Unreachable(words)) = served {
                self.reconnect(words).await;
            }
        }
    }

    fn now(&self) -> Mono {
        self.context.clock.mono()
    }

    /// Gives a device its turn.
    async fn serve(&mut self, turn: Turn, begun: Now) -> Result<(), Unreachable> {
        let skipped = self.schedule.take(turn.slot, begun.mono);
        self.note_skipped(turn.slot, skipped, begun.mono);
        match turn.kind {
            Kind::Probe => self.probe(turn.slot, begun.mono).await,
            Kind::Poll => {
                let served = self.poll(turn.slot, begun).await;
                let cost = self.wire.settled(self.now()) - begun.mono;
                self.schedule.charge(turn.slot, cost);
                served
            }
        }
    }

    async fn poll(&mut self, slot: usize, begun: Now) -> Result<(), Unreachable> {
        let (n, group) = self.slots[slot];
        let schedule = &self.schedule;
        let yields = |now| now - begun.mono >= TURN_MAX && schedule.others_wait(n, now);
        let unit = &mut self.units[n];
        let polled = poll::poll(unit, group, &mut self.wire, begun, &mut self.rng, yields).await?;
        let Some(Polled { readings, outcome, found, ended: mut now, mut cut }) = polled else {
            self.schedule.suspend(slot, self.now());
            return Ok(());
        };
        let mut verdict = Verdict { group, begun: begun.mono, ended: now.mono, outcome };
        if cut.is_none() && self.units[n].health.is_fatal(&verdict) {
            match self.answers_elsewhere(n, group, now.mono).await {
                Ok(true) => self.units[n].groups[group].rest(&mut verdict, &mut self.rng),
                Ok(false) => {}
                Err(Unreachable(words)) => cut = Some(words),
            }
            now = self.context.clock.now();
        }
        self.note_refused(n, found);
        self.judge(slot, verdict, readings, now).await;
        cut.map_or(Ok(()), |words| Err(Unreachable(words)))
    }

    /// Draws the conclusions from a poll that is over `now`.
    async fn judge(&mut self, slot: usize, verdict: Verdict, readings: Vec<Reading>, now: Now) {
        let n = self.slots[slot].0;
        let unit = &mut self.units[n];
        let heard = !matches!(verdict.outcome, Outcome::Nothing(_));
        self.answered |= matches!(verdict.outcome, Outcome::Whole | Outcome::Part(_));
        let begun = verdict.begun;
        let news = unit.health.polled(verdict).or_else(|| unit.health.recount(now.mono));
        let (device, telling) = (unit.device, heard || unit.health.answers());
        if unit.health.is_down() {
            unit.abandon();
            let at = unit.next_probe(begun, now.mono, &mut self.rng);
            self.schedule.probe(slot, at);
        }
        self.context.tell(device, news).await;
        // Of a device that is down the engine knows that nothing can be read: it needs no batch to say so.
        if telling {
            self.context.inbox.readings(Batch { device, at: now.wall, readings }).await;
        }
    }

    /// Whether the device answers what it is asked at another rate.
    async fn answers_elsewhere(&mut self, n: usize, group: usize, now: Mono) -> Result<bool, Unreachable> {
        let unit = &mut self.units[n];
        let Some(question) = unit.cross_check(group) else { return Ok(false) };
        match unit.ask(&mut self.wire, question, now).await.answer {
            Err(Failure::Unreachable(words)) => Err(Unreachable(words)),
            Err(failure) => Ok(!failure.is_silence()),
            Ok(_) => Ok(true),
        }
    }

    /// Looks whether a device that is down is there again.
    async fn probe(&mut self, slot: usize, begun: Mono) -> Result<(), Unreachable> {
        let n = self.slots[slot].0;
        match self.units[n].probe(&mut self.wire, begun).await {
            Ok(()) => {
                self.units[n].revive();
                self.schedule.revive(slot, self.now());
                Ok(())
            }
            Err(Failure::Unreachable(words)) => Err(Unreachable(words)),
            Err(failure) => {
                self.probe_failed(slot, &failure, begun).await;
                Ok(())
            }
        }
    }

    async fn probe_failed(&mut self, slot: usize, failure: &Failure, begun: Mono) {
        let (n, now) = (self.slots[slot].0, self.now());
        if self.units.iter().any(|unit| unit.health.answers()) {
            self.schedule.rest_probes(now, self.wire.settled(now) - begun);
        }
        let unit = &mut self.units[n];
        let at = unit.next_probe(begun, now, &mut self.rng);
        // That nothing came is what is known already, and of an answer to a shorter question than that.
        let words = (!matches!(failure, Failure::Silent(_))).then(|| failure.words());
        let news = words.and_then(|words| unit.health.unanswered(words)).or_else(|| unit.health.recount(now));
        let device = unit.device;
        self.schedule.probe(slot, at);
        self.context.tell(device, news).await;
    }

    /// Tries until there is a connection again. A far end that takes one client at a time may need a moment to
    /// let go of the last connection: devices that have answered on it are given up only when the second attempt fails too. A far
    /// end that hangs up at every question is given up at the first.
    async fn reconnect(&mut self, mut words: Text) {
        let mut backoff = Backoff::default();
        let mut grace = std::mem::take(&mut self.answered);
        // They are probed as before: one of them may be why there is no connection.
        let were_down: Vec<bool> = self.units.iter().map(|unit| unit.health.is_down()).collect();
        loop {
            if !std::mem::take(&mut grace) {
                self.unreachable(&words).await;
            }
            let wait = backoff.next(&mut self.rng);
            tokio::select! {
                () = self.wire.called() => {}
                () = sleep(wait) => {}
            }
            match self.wire.connect().await {
                Ok(()) => break,
                Err(failure) => words = failure.words(),
            }
        }
        self.units.iter_mut().for_each(Unit::abandon);
        self.schedule.restart(|unit| !were_down[unit], self.now());
    }

    async fn unreachable(&mut self, words: &Text) {
        for slot in 0..self.units.len() {
            let unit = &mut self.units[slot];
            let (device, news) = (unit.device, unit.health.unreachable(words.clone()));
            self.context.tell(device, news).await;
        }
    }

    fn note_skipped(&mut self, slot: usize, skipped: u64, now: Mono) {
        let unit = &mut self.units[self.slots[slot].0];
        if skipped == 0 || unit.health.is_down() {
            return;
        }
        unit.health.counters().overruns += skipped;
        if let Some(leave) = unit.skipped.add(skipped, now) {
            let device = self.context.site.device(unit.device).name.as_str();
            tracing::warn!(device, skipped = leave.total, "polls skipped: the link is too slow for them");
        }
    }

    /// What a device refuses is said once; the reason of its state goes on saying it.
    fn note_refused(&self, n: usize, found: Vec<(PointId, Text)>) {
        let site = &self.context.site;
        let device = site.device(self.units[n].device).name.as_str();
        for (point, words) in found {
            let point = site.point(point).name.as_str();
            tracing::warn!(
                device,
                point,
                error = words.en,
                "refused: not asked for any more, but for a try now and then"
            );
        }
    }
}
