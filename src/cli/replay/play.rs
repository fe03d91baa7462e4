//! The engine of the daemon over recorded data, in virtual time: the same code, the same rules, nobody there to acknowledge.
//!
//! What recorded data can't tell is left out: how the gateway fared, whether outputs did what they must, and, unless it is a gateway's own, whether
//! devices answered. A point that the data has not is not lost, it was not recorded: its signal alarm is left out as well. Floods are measured, and are no
//! alarm of their own here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hazgate::engine::Engine;
use hazgate::measures::Measures;
use hazgate::model::{
    Action, AlarmState, Batch, ClockChange, ClockSync, Command, DeviceId, Input, Mono, Now, Output, PointId,
    Reading, Stamp, Transition, Wall,
};
use hazgate::recorded::Row;
use hazgate::site::{Rule, RuleKind, Site, Source};

use super::silence::Silence;

/// What the data can speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Whether devices answered: a gateway has kept that with its readings, as it has kept which of them were stale.
    pub(super) devices: bool,
    /// Silence after which a point is stale, where the site says less.
    pub(super) max_age: Duration,
}

/// The site as far as recorded data can speak of it.
pub(super) fn reachable(mut site: Site, reach: Reach) -> Site {
    site.outputs.clear();
    site.rules.retain(|rule| match rule.kind {
        RuleKind::Limits(_) | RuleKind::Condition(_) | RuleKind::Signal { .. } => true,
        RuleKind::DeviceLost { .. } | RuleKind::LinkLost { .. } => reach.devices,
        _ => false,
    });
    for point in &mut site.points {
        point.max_age = point.max_age.max(reach.max_age);
    }
    site
}

/// Who hears of what happens in a replay.
pub(super) trait Witness {
    /// An alarm has moved.
    fn moved(&mut self, transition: &Transition, now: Mono);
    /// Points have said something, or were worked out, and this is what the engine takes it for.
    fn heard(&mut self, _readings: &[Reading], _now: Mono) {}
}

/// Who does not care.
pub(super) struct Nobody;

impl Witness for Nobody {
    fn moved(&mut self, _: &Transition, _: Mono) {}
}

/// A replay under way.
pub(super) struct Replay {
    site: Arc<Site>,
    engine: Engine,
    /// What the wall clock showed when the replay's own began.
    begin: Wall,
    now: Now,
    out: Output,
    /// Batches of each device, to be used again.
    batches: Vec<Vec<Reading>>,
    /// Devices that have said something at the present moment.
    touched: Vec<usize>,
    silence: Option<Silence>,
    acknowledge_after: Option<Duration>,
    /// When which instance of an alarm is acknowledged, in that order.
    pending: VecDeque<(Mono, String, Stamp)>,
    /// The signal alarms of measured points, by name.
    signals: BTreeMap<String, PointId>,
    /// Which points the data has spoken of.
    heard: Vec<bool>,
    pub(super) measures: Measures,
}

impl Replay {
    pub(super) fn new(
        site: Arc<Site>,
        begin: Wall,
        reach: Reach,
        acknowledge_after: Option<Duration>,
    ) -> Self {
        let now = Now { mono: Mono::ZERO, wall: begin };
        let mut out = Output::default();
        let mut engine = Engine::new(Arc::clone(&site), Vec::new(), now, &mut out);
        for device in (0..site.devices.len()).map(DeviceId::new) {
            engine.apply(now, super::silence::answers(device), &mut out);
        }
        Self {
            engine,
            begin,
            now,
            out: Output::default(),
            batches: vec![Vec::new(); site.devices.len()],
            touched: Vec::new(),
            silence: reach.devices.then(|| Silence::new(&site)),
            acknowledge_after,
            pending: VecDeque::new(),
            signals: signals(&site),
            heard: vec![false; site.points.len()],
            measures: Measures::from(begin),
            site,
        }
    }

    /// Takes what was said at one moment.
    pub(super) fn take(&mut self, row: &Row, witness: &mut impl Witness) {
        self.until(row.at, witness);
        for reading in &row.readings {
            self.heard[reading.point.index()] = true;
            let device = self.site.point(reading.point).device.index();
            if self.batches[device].is_empty() {
                self.touched.push(device);
            }
            self.batches[device].push(*reading);
        }
        for n in 0..self.touched.len() {
            self.hand_over(self.touched[n], row.at, witness);
            self.tell(witness);
        }
        self.touched.clear();
    }

    /// What one device has said goes to the engine; its batch comes back to be used again.
    fn hand_over(&mut self, device: usize, at: Wall, witness: &mut impl Witness) {
        let mut readings = std::mem::take(&mut self.batches[device]);
        let id = DeviceId::new(device);
        if let Some(news) = self.silence.as_mut().and_then(|silence| silence.hear(id, &readings)) {
            self.engine.apply(self.now, news, &mut self.out);
        }
        if self.silence.as_ref().is_some_and(|silence| silence.is_lost(id)) {
            readings.clear();
            self.batches[device] = readings;
            return;
        }
        self.engine.apply(self.now, Input::Readings(Batch { device: id, at, readings }), &mut self.out);
        let own = self.out.batches.iter().position(|batch| batch.device == id);
        if let Some(place) = own {
            let mut readings = self.out.batches.swap_remove(place).readings;
            witness.heard(&readings, self.now.mono);
            readings.clear();
            self.batches[device] = readings;
        }
    }

    /// Lets time pass: delays run out, and somebody acknowledges if that was asked for. Time that goes back is a clock that was put back.
    pub(super) fn until(&mut self, at: Wall, witness: &mut impl Witness) {
        if at < self.now.wall {
            self.put_back(at, witness);
        }
        let end = Mono::from_start(Duration::from_millis(u64::try_from(at.0 - self.begin.0).unwrap_or(0)));
        loop {
            let wake = self.engine.next_deadline().filter(|deadline| *deadline <= end);
            let acknowledge = self.pending.front().map(|(when, ..)| *when).filter(|when| *when <= end);
            let Some(next) = wake.into_iter().chain(acknowledge).min() else { break };
            self.move_to(next);
            self.engine.apply(self.now, Input::Wake, &mut self.out);
            self.tell(witness);
            while self.pending.front().is_some_and(|(when, ..)| *when <= next) {
                let Some((_, alarm, raised_at)) = self.pending.pop_front() else { break };
                let action = Action::Acknowledge { alarm, raised_at: Some(raised_at) };
                let command = Command { action, by: "replay".to_owned(), reason: None };
                self.engine.apply(self.now, Input::Command(command), &mut self.out);
                self.tell(witness);
            }
        }
        self.move_to(end);
        self.measures.until(at);
    }

    /// How long the replay has lasted, by its own clock.
    pub(super) const fn lasted(&self) -> Duration {
        self.now.mono.since_start()
    }

    fn put_back(&mut self, to: Wall, witness: &mut impl Witness) {
        let by_ms = to.0 - self.now.wall.0;
        self.begin = Wall(self.begin.0.saturating_add(by_ms));
        self.now.wall = to;
        self.measures.clock_moved(by_ms);
        let sync = ClockSync::Unknown;
        let change = ClockChange { at: self.now, by_ms, slept: Duration::ZERO, sync, restamps: false };
        self.engine.apply(self.now, Input::Clock(change), &mut self.out);
        self.tell(witness);
    }

    fn move_to(&mut self, moment: Mono) {
        let ms = i64::try_from(moment.since_start().as_millis()).unwrap_or(i64::MAX);
        self.now = Now { mono: moment, wall: Wall(self.begin.0.saturating_add(ms)) };
    }

    fn tell(&mut self, witness: &mut impl Witness) {
        for batch in &self.out.batches {
            witness.heard(&batch.readings, self.now.mono);
        }
        for transition in self.out.transitions.drain(..) {
            if self.signals.get(&transition.alarm).is_some_and(|point| !self.heard[point.index()]) {
                continue;
            }
            self.measures.take(&transition);
            witness.moved(&transition, self.now.mono);
            if let Some(after) = self.acknowledge_after
                && transition.state == AlarmState::Unacknowledged
            {
                let Transition { alarm, raised_at, .. } = transition;
                self.pending.push_back((self.now.mono + after, alarm, raised_at));
            }
        }
        self.out = Output { batches: std::mem::take(&mut self.out.batches), ..Output::default() };
        self.out.batches.clear();
    }
}

/// The alarms of measured points' signals.
fn signals(site: &Site) -> BTreeMap<String, PointId> {
    let measured = |point: PointId| !matches!(site.point(point).source, Source::Derived(_));
    let signal = |rule: &Rule| match rule.kind {
        RuleKind::Signal { point, .. } if measured(point) => Some((rule.name.clone(), point)),
        _ => None,
    };
    site.rules.iter().filter_map(signal).collect()
}

/// Points of the site that are measured, and of which the data says nothing.
pub(super) fn silent(site: &Site, seen: &[bool]) -> usize {
    let measured = |n: &usize| !matches!(site.point(PointId::new(*n)).source, Source::Derived(_));
    (0..site.points.len()).filter(measured).filter(|n| !seen[*n]).count()
}
