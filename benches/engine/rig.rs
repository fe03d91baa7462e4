//! A running engine over made-up sites, for what a reading costs and for what it allocates: points with four limits and a greatest age each, 100 to a
//! device, and, if wanted, a rate of change of each point with a limit on that.
//!
//! Batches go in and come out by move and are used again, so that what is measured is the engine and not the allocator.

use std::sync::Arc;
use std::time::Duration;

use hazgate::engine::Engine;
use hazgate::model::{
    Batch, DeviceId, Input, Level, LinkCounters, LinkReport, LinkState, Mono, Now, Output, PointId, Reading,
    Sample, Text, Wall,
};
use hazgate::site::{
    AlarmOptions, Calendar, Conversion, Device, Extract, Formula, Function, Identity, Limit, Limits,
    MqttDevice, Point, Protocol, Range, Rule, RuleKind, Site, Source, StoreOptions, Window,
};

/// Points of each device.
pub(crate) const POINTS_PER_DEVICE: usize = 100;

fn text() -> Text {
    Text::same("bench")
}

fn device(index: usize) -> Device {
    let first = index * POINTS_PER_DEVICE;
    Device {
        name: format!("d{index}"),
        title: text(),
        hazard: None,
        protocol: Protocol::Mqtt(MqttDevice::json("", Duration::from_secs(60))),
        points: (first..first + POINTS_PER_DEVICE).map(PointId::new).collect(),
    }
}

fn point(index: usize) -> Point {
    Point {
        name: format!("d{}.p{index}", index / POINTS_PER_DEVICE),
        title: text(),
        device: DeviceId::new(index / POINTS_PER_DEVICE),
        hazard: None,
        unit: "kPa".into(),
        decimals: 1,
        range: Some(Range { low: 0.0, high: 100.0 }),
        role: None,
        source: Source::Mqtt(Extract { pointer: String::new(), conversion: Conversion::default() }),
        poll: None,
        max_age: Duration::from_secs(3),
        stuck: None,
        keep: None,
    }
}

fn rule(name: String, kind: RuleKind) -> Rule {
    let second = Duration::from_secs(1);
    Rule { on_delay: second, off_delay: second, ..Rule::new(name, None, kind) }
}

fn rules(index: usize) -> [Rule; 2] {
    let point = PointId::new(index);
    let limit = |value, level| Some(Limit { value, level });
    let limits = Limits {
        point,
        ll: limit(10.0, Level::Red),
        l: limit(20.0, Level::Yellow),
        h: limit(80.0, Level::Yellow),
        hh: limit(90.0, Level::Red),
        deadband: 1.0,
    };
    [
        rule(format!("p{index}"), RuleKind::Limits(limits)),
        rule(format!("p{index}.signal"), RuleKind::Signal { point, level: Level::Yellow }),
    ]
}

/// The rate of change of a point per minute, over a minute.
fn rate(points: usize, index: usize) -> Point {
    let minute = Duration::from_secs(60);
    let window = Window { of: PointId::new(index), over: minute, function: Function::Rate { per: minute } };
    Point {
        name: format!("rate{index}"),
        device: DeviceId::new(points / POINTS_PER_DEVICE),
        range: None,
        source: Source::Derived(Formula::Window(window)),
        ..point(index)
    }
}

fn rate_rule(points: usize, index: usize) -> Rule {
    let limit = Some(Limit { value: 10.0, level: Level::Yellow });
    let limits =
        Limits { point: PointId::new(points + index), ll: None, l: None, h: limit, hh: None, deadband: 1.0 };
    rule(format!("rate{index}"), RuleKind::Limits(limits))
}

/// With a rate of each point, if it `has_rates`.
fn site(devices: usize, has_rates: bool) -> Site {
    let count = devices * POINTS_PER_DEVICE;
    let rates = if has_rates { count } else { 0 };
    let mut all: Vec<Device> = (0..devices).map(device).collect();
    if has_rates {
        let points = (count..2 * count).map(PointId::new).collect();
        all.push(Device { name: "derived".into(), protocol: Protocol::Derived, points, ..device(0) });
    }
    Site {
        identity: Identity {
            enterprise: "e".into(),
            gateway: "g".into(),
            name: text(),
            zone: jiff::tz::TimeZone::UTC,
        },
        hash: String::new(),
        hazards: Vec::new(),
        devices: all,
        links: Vec::new(),
        points: (0..count).map(point).chain((0..rates).map(|n| rate(count, n))).collect(),
        derived: (count..count + rates).map(PointId::new).collect(),
        calendar: Calendar::default(),
        left_out: Vec::new(),
        feeders: Vec::new(),
        alarms: AlarmOptions::default(),
        rules: (0..count).flat_map(rules).chain((0..rates).map(|n| rate_rule(count, n))).collect(),
        outputs: Vec::new(),
        forwarders: Vec::new(),
        store: StoreOptions { directory: "unused".into(), telemetry_bytes_max: 0, telemetry_age_max: None },
        console: None,
        broker: None,
    }
}

/// A running engine whose devices all answer, and one batch of each.
pub(crate) struct Rig {
    engine: Engine,
    now: Now,
    batches: Vec<Batch>,
    out: Output,
}

impl Rig {
    /// Whose devices all say `sample` at every point; warmed up.
    pub(crate) fn new(devices: usize, has_rates: bool, sample: Sample) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall(0) };
        let mut out = Output::default();
        let mut engine = Engine::new(Arc::new(site(devices, has_rates)), Vec::new(), now, &mut out);
        for device in (0..devices).map(DeviceId::new) {
            let report =
                LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() };
            engine.apply(now, Input::Link(report), &mut out);
        }
        let reading = |point| Reading { point, at: now.wall, sample };
        let batch = |n| Batch {
            device: DeviceId::new(n),
            at: now.wall,
            readings: device(n).points.into_iter().map(reading).collect(),
        };
        let batches = (0..devices).map(batch).collect();
        let mut rig = Self { engine, now, batches, out: Output::default() };
        // Whatever the first samples raise has been raised, and told, before anything is measured.
        let seconds = if has_rates { 90 } else { 4 };
        (0..seconds).for_each(|_| rig.second());
        rig
    }

    /// One reading of every point, spread over the second, and the wakes between them.
    pub(crate) fn second(&mut self) {
        let devices = self.batches.len();
        for n in 0..devices {
            self.now.mono = self.now.mono + Duration::from_secs(1) / devices as u32;
            self.now.wall.0 = self.now.mono.since_start().as_millis() as i64;
            let batch = std::mem::replace(
                &mut self.batches[n],
                Batch { device: DeviceId::new(n), at: Wall(0), readings: Vec::new() },
            );
            self.engine.apply(self.now, Input::Readings(batch), &mut self.out);
            let own = self.out.batches.iter().position(|batch| batch.device.index() == n);
            if let Some(place) = own {
                self.batches[n] = self.out.batches.swap_remove(place);
            }
            self.out.batches.clear();
        }
        self.out.transitions.clear();
    }
}
