//! Tests of the engine as its caller sees it: inputs at their times in, outputs compared.

mod calendar;
mod condition;
mod handling;
mod life_cycle;
mod limits;
mod links;
mod logs;
mod nuisance;
mod output;
mod packs;
mod properties;
mod restart;
mod scenario;
mod shared_link;
mod shelf;
mod steps;
mod switching;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::testing::{Plant, limit, no_limits};
use crate::model::{
    Action, AlarmState, Batch, Class, ClockChange, ClockSync, Command, CommandResult, DeviceId, EventKind,
    HealthReport, HealthSource, Input, Level, LinkCounters, LinkReport, LinkState, Memory, Mono, Now, Output,
    PointId, Quality, Reading, Reason, Sample, Stamp, Standing, Text, Transition, Value, Wall,
};
use crate::site::{Limits, RuleKind, Site};

/// Wall time at which every run begins: 2026-11-21 20:00 in China.
const EPOCH: i64 = 1_795_262_400_000;

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

fn uncertain(value: f64) -> Sample {
    Sample::Uncertain(Value::Float(value), Reason::Stuck)
}

const BAD: Sample = Sample::Bad(Reason::SensorFault);

/// Both clocks this many milliseconds after the start.
fn at(ms: u64) -> Now {
    Now { mono: Mono::from_start(Duration::from_millis(ms)), wall: Wall(EPOCH + ms as i64) }
}

/// An engine, its time, and everything that it has put out and nobody has taken yet.
struct Run {
    site: Arc<Site>,
    engine: Engine,
    ms: u64,
    /// By how much the wall clock has been put forward, ms.
    put_ms: i64,
    out: Output,
}

impl Run {
    fn start(site: Site) -> Self {
        Self::resume(site, Vec::new(), 0)
    }

    fn resume(site: Site, standing: impl Into<Standing>, ms: u64) -> Self {
        let site = Arc::new(site);
        let mut out = Output::default();
        let engine = Engine::new(Arc::clone(&site), standing, at(ms), &mut out);
        Self { site, engine, ms, put_ms: 0, out }
    }

    fn now(&self) -> Now {
        let mut now = at(self.ms);
        now.wall.0 += self.put_ms;
        now
    }

    fn apply(&mut self, input: Input) {
        let now = self.now();
        self.engine.apply(now, input, &mut self.out);
    }

    /// Lets time pass, waking the engine when it asks to be.
    fn wait(&mut self, seconds: f64) {
        let end = self.ms + (seconds * 1000.0) as u64;
        while let Some(deadline) = self.engine.next_deadline().filter(|d| *d <= at(end).mono) {
            self.ms = deadline.since_start().as_millis() as u64;
            self.apply(Input::Wake);
        }
        self.ms = end;
    }

    fn read(&mut self, point: PointId, sample: Sample) {
        self.read_all(&[(point, sample)]);
    }

    fn read_all(&mut self, samples: &[(PointId, Sample)]) {
        let at = self.now().wall;
        let device = self.site.point(samples[0].0).device;
        let readings = samples.iter().map(|&(point, sample)| Reading { point, at, sample }).collect();
        self.apply(Input::Readings(Batch { device, at, readings }));
    }

    fn link(&mut self, device: DeviceId, state: LinkState) {
        let error = (state != LinkState::Up).then(|| Text::new("连接超时", "connection timed out"));
        self.apply(Input::Link(LinkReport { device, state, error, counters: LinkCounters::default() }));
    }

    fn health(&mut self, source: HealthSource, error: Option<&str>) {
        self.apply(Input::Health(HealthReport { source, error: error.map(Text::same) }));
    }

    fn acknowledge(&mut self, alarm: &str, raised_at: Option<Stamp>) -> CommandResult {
        let action = Action::Acknowledge { alarm: alarm.to_owned(), raised_at };
        self.apply(Input::Command(Command { action, by: "li".into(), reason: Some("seen".into()) }));
        self.out.results.pop().expect("one result for one command")
    }

    fn transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.out.transitions)
    }

    /// The transitions since the last call, as event, alarm and level.
    fn events(&mut self) -> Vec<(EventKind, String, Level)> {
        self.transitions().into_iter().map(|t| (t.event, t.alarm, t.level)).collect()
    }

    /// The kinds of the transitions since the last call.
    fn kinds(&mut self) -> Vec<EventKind> {
        self.transitions().into_iter().map(|t| t.event).collect()
    }
}
