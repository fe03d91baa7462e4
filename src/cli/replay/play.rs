//! The engine of the daemon over recorded data, in virtual time: the same code, the same rules, nobody there to acknowledge.
//!
//! What recorded data can't tell is left out: whether devices answered, how the gateway fared, whether outputs did what they must. A point is stale
//! only after longer than its data is usually apart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hazgate::engine::Engine;
use hazgate::measures::Measures;
use hazgate::model::{
    Action, Batch, Command, DeviceId, Input, LinkCounters, LinkReport, LinkState, Mono, Now, Output, PointId,
    Reading, Transition, Wall,
};
use hazgate::site::{RuleKind, Site};

use super::data::Row;

/// The site as far as recorded data can speak of it.
pub(super) fn reachable(mut site: Site, max_age: Duration) -> Site {
    site.outputs.clear();
    site.rules.retain(|rule| {
        matches!(rule.kind, RuleKind::Limits(_) | RuleKind::Condition(_) | RuleKind::Signal { .. })
    });
    for point in &mut site.points {
        point.max_age = point.max_age.max(max_age);
    }
    site
}

/// A replay under way.
pub(super) struct Replay {
    site: Arc<Site>,
    engine: Engine,
    begin: Wall,
    now: Now,
    out: Output,
    /// Batches of each device, to be used again.
    batches: Vec<Vec<Reading>>,
    /// Devices that have said something at the present moment.
    touched: Vec<usize>,
    acknowledge_after: Option<Duration>,
    /// When which alarm is acknowledged, in that order.
    pending: VecDeque<(Mono, String)>,
    pub(super) measures: Measures,
}

impl Replay {
    pub(super) fn new(site: Site, begin: Wall, acknowledge_after: Option<Duration>) -> Self {
        let site = Arc::new(site);
        let now = Now { mono: Mono::ZERO, wall: begin };
        let mut out = Output::default();
        let mut engine = Engine::new(Arc::clone(&site), Vec::new(), now, &mut out);
        for device in (0..site.devices.len()).map(DeviceId::new) {
            let report =
                LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() };
            engine.apply(now, Input::Link(report), &mut out);
        }
        let batches = vec![Vec::new(); site.devices.len()];
        let measures = Measures::from(begin);
        Self {
            site,
            engine,
            begin,
            now,
            out: Output::default(),
            batches,
            acknowledge_after,
            pending: VecDeque::new(),
            touched: Vec::new(),
            measures,
        }
    }

    /// Takes what was said at one moment; `tell` hears of every transition.
    pub(super) fn take(&mut self, row: &Row, tell: &mut impl FnMut(&Transition)) {
        self.until(row.at, tell);
        for &(point, sample) in &row.samples {
            let device = self.site.point(point).device.index();
            if self.batches[device].is_empty() {
                self.touched.push(device);
            }
            self.batches[device].push(Reading { point, at: row.at, sample });
        }
        for n in 0..self.touched.len() {
            self.hand_over(self.touched[n], row.at);
            self.told(tell);
        }
        self.touched.clear();
    }

    /// What one device has said goes to the engine; its batch comes back to be used again.
    fn hand_over(&mut self, device: usize, at: Wall) {
        let readings = std::mem::take(&mut self.batches[device]);
        let batch = Batch { device: DeviceId::new(device), at, readings };
        self.engine.apply(self.now, Input::Readings(batch), &mut self.out);
        let own = self.out.batches.iter().position(|batch| batch.device.index() == device);
        if let Some(place) = own {
            let mut readings = self.out.batches.swap_remove(place).readings;
            readings.clear();
            self.batches[device] = readings;
        }
    }

    /// Lets time pass: delays run out, and somebody acknowledges if that was asked for.
    pub(super) fn until(&mut self, at: Wall, tell: &mut impl FnMut(&Transition)) {
        let end = Mono::from_start(Duration::from_millis(u64::try_from(at.0 - self.begin.0).unwrap_or(0)));
        loop {
            let wake = self.engine.next_deadline().filter(|deadline| *deadline <= end);
            let acknowledge = self.pending.front().map(|(when, _)| *when).filter(|when| *when <= end);
            let Some(next) = wake.into_iter().chain(acknowledge).min() else { break };
            self.move_to(next);
            self.engine.apply(self.now, Input::Wake, &mut self.out);
            self.told(tell);
            while self.pending.front().is_some_and(|(when, _)| *when <= next) {
                let Some((_, alarm)) = self.pending.pop_front() else { break };
                let action = Action::Acknowledge { alarm, raised_at: None };
                let command = Command { action, by: "replay".to_owned(), reason: None };
                self.engine.apply(self.now, Input::Command(command), &mut self.out);
                self.told(tell);
            }
        }
        self.move_to(end);
        self.measures.until(at);
    }

    fn move_to(&mut self, moment: Mono) {
        let ms = i64::try_from(moment.since_start().as_millis()).unwrap_or(i64::MAX);
        self.now = Now { mono: moment, wall: Wall(self.begin.0.saturating_add(ms)) };
    }

    fn told(&mut self, tell: &mut impl FnMut(&Transition)) {
        for transition in self.out.transitions.drain(..) {
            self.measures.take(&transition);
            tell(&transition);
            if let Some(after) = self.acknowledge_after
                && transition.state == hazgate::model::AlarmState::Unacknowledged
            {
                self.pending.push_back((self.now.mono + after, transition.alarm));
            }
        }
        self.out = Output { batches: std::mem::take(&mut self.out.batches), ..Output::default() };
        self.out.batches.clear();
    }
}

/// Points of the site that are measured, and of which the data says nothing.
pub(super) fn silent(site: &Site, seen: &[bool]) -> usize {
    let measured =
        |n: &usize| !matches!(site.point(PointId::new(*n)).source, hazgate::site::Source::Derived(_));
    (0..site.points.len()).filter(measured).filter(|n| !seen[*n]).count()
}
