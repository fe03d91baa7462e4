//! What one reading costs the engine: 10,000 points with four limits and a greatest age each, 100 to a device. `cargo bench
//! --bench engine`; the throughput column is readings.
//!
//! Batches go in and come out by move and are used again, so that what is measured is the engine and not the allocator.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hazgate::engine::Engine;
use hazgate::model::{
    Batch, DeviceId, Input, Level, LinkCounters, LinkReport, LinkState, Mono, Now, Output, PointId, Reading,
    Reason, Sample, Text, Value, Wall,
};
use hazgate::site::{
    AlarmOptions, Conversion, Device, Extract, Handling, Identity, Limit, Limits, MqttDevice, Point,
    Protocol, Range, Rule, RuleKind, Site, Source, StoreOptions,
};

const DEVICES: usize = 100;
const POINTS_PER_DEVICE: usize = 100;
const POINTS: usize = DEVICES * POINTS_PER_DEVICE;

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
    }
}

fn rule(name: String, kind: RuleKind) -> Rule {
    let second = Duration::from_secs(1);
    Rule {
        name,
        hazard: None,
        kind,
        on_delay: second,
        off_delay: second,
        message: None,
        basis: None,
        handling: Handling::default(),
        binding: None,
    }
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

fn site() -> Site {
    Site {
        identity: Identity {
            enterprise: "e".into(),
            gateway: "g".into(),
            name: text(),
            zone: jiff::tz::TimeZone::UTC,
        },
        hash: String::new(),
        hazards: Vec::new(),
        devices: (0..DEVICES).map(device).collect(),
        links: Vec::new(),
        points: (0..POINTS).map(point).collect(),
        derived: Vec::new(),
        alarms: AlarmOptions::default(),
        rules: (0..POINTS).flat_map(rules).collect(),
        outputs: Vec::new(),
        forwarders: Vec::new(),
        store: StoreOptions { directory: "unused".into(), telemetry_bytes_max: 0 },
        console: None,
        broker: None,
    }
}

/// A running engine whose devices all answer, and one batch of each.
struct Rig {
    engine: Engine,
    now: Now,
    batches: Vec<Batch>,
    out: Output,
}

impl Rig {
    fn new(sample: Sample) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall(0) };
        let mut out = Output::default();
        let mut engine = Engine::new(Arc::new(site()), Vec::new(), now, &mut out);
        for device in (0..DEVICES).map(DeviceId::new) {
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
        let batches = (0..DEVICES).map(batch).collect();
        let mut rig = Self { engine, now, batches, out: Output::default() };
        // Whatever the first samples raise has been raised, and told, before anything is measured.
        (0..4).for_each(|_| rig.second());
        rig
    }

    /// One reading of every point, spread over the second, and the wakes between them.
    fn second(&mut self) {
        for n in 0..self.batches.len() {
            self.now.mono = self.now.mono + Duration::from_secs(1) / DEVICES as u32;
            self.now.wall.0 += 1000 / DEVICES as i64;
            let batch = std::mem::replace(
                &mut self.batches[n],
                Batch { device: DeviceId::new(n), at: Wall(0), readings: Vec::new() },
            );
            self.engine.apply(self.now, Input::Readings(batch), &mut self.out);
            if let Some(batch) = self.out.batches.pop() {
                self.batches[n] = batch;
            }
        }
        self.out.transitions.clear();
        self.out.batches.clear();
    }
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reading");
    group.throughput(Throughput::Elements(POINTS as u64)).sample_size(50);
    for (name, sample) in [
        ("calm", Sample::Good(Value::Float(50.0))),
        ("alarm standing", Sample::Good(Value::Float(95.0))),
        ("uncertain", Sample::Uncertain(Value::Float(50.0), Reason::Stuck)),
    ] {
        let mut rig = Rig::new(sample);
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&mut rig).second()));
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
