//! The engine of the daemon over recorded data, in virtual time: the same code, the same rules, nobody there to acknowledge.
//!
//! What recorded data can't tell is left out: whether devices answered, how the gateway fared, whether outputs did what they must. A point is stale
//! only after longer than its data is usually apart.

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
    acknowledge_after: Option<Duration>,
    /// When which alarm is acknowledged.
    pending: Vec<(Mono, String)>,
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
            pending: Vec::new(),
            measures,
        }
    }

    /// Takes what was said at one moment; `tell` hears of every transition.
    pub(super) fn take(&mut self, row: &Row, tell: &mut impl FnMut(&Transition)) {
        self.until(row.at, tell);
        for &(point, sample) in &row.samples {
            let device = self.site.point(point).device;
            self.batches[device.index()].push(Reading { point, at: row.at, sample });
        }
        for n in 0..self.batches.len() {
            if self.batches[n].is_empty() {
                continue;
            }
            let readings = std::mem::take(&mut self.batches[n]);
            let batch = Batch { device: DeviceId::new(n), at: row.at, readings };
            self.engine.apply(self.now, Input::Readings(batch), &mut self.out);
            let own = self.out.batches.iter().position(|batch| batch.device.index() == n);
            if let Some(place) = own {
                let mut readings = self.out.batches.swap_remove(place).readings;
                readings.clear();
                self.batches[n] = readings;
            }
            self.told(tell);
        }
    }

    /// Lets time pass: delays run out, and somebody acknowledges if that was asked for.
    pub(super) fn until(&mut self, at: Wall, tell: &mut impl FnMut(&Transition)) {
        let end = Mono::from_start(Duration::from_millis(u64::try_from(at.0 - self.begin.0).unwrap_or(0)));
        loop {
            let wake = self.engine.next_deadline().filter(|deadline| *deadline <= end);
            let acknowledge = self.pending.first().map(|(when, _)| *when).filter(|when| *when <= end);
            let Some(next) = wake.into_iter().chain(acknowledge).min() else { break };
            self.move_to(next);
            self.engine.apply(self.now, Input::Wake, &mut self.out);
            self.told(tell);
            while let Some(place) = self.pending.iter().position(|(when, _)| *when <= next) {
                let (_, alarm) = self.pending.remove(place);
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
                self.pending.push((self.now.mono + after, transition.alarm));
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
