//! A small plant for the tests of the store and of those who read from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::oneshot;

use super::{Opened, Store, Turn};
use crate::clock::{Clock, OsTime};
use crate::model::{
    AlarmState, Batch, ClockSync, CommandResult, DeviceId, EventKind, HazardId, Level, PointId, Quality,
    Reading, Sample, Text, Transition, Value, Wall,
};
use crate::site::{
    AlarmOptions, ByteOrder, Calendar, Device, Encoding, Forwarder, ForwarderKind, Hazard, HazardKind,
    Identity, ModbusDevice, Point, Protocol, Register, Site, Source, StoreOptions, Table,
};

/// The moment at which things happen in tests, unless they say otherwise.
pub(crate) const AT: Wall = Wall(1_795_263_303_214);

/// Two devices of two points each in one hazard; a budget that is never spent.
pub(crate) fn site(directory: &Path, forwarders: Vec<(&str, ForwarderKind)>) -> Site {
    Site {
        identity: Identity {
            enterprise: "acme".to_owned(),
            gateway: "gw1".to_owned(),
            name: Text::new("测试", "test"),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        },
        hash: "ab12".to_owned(),
        derived: Vec::new(),
        calendar: Calendar::default(),
        left_out: Vec::new(),
        feeders: Vec::new(),
        alarms: AlarmOptions::default(),
        hazards: vec![Hazard {
            name: "dust1".to_owned(),
            kind: HazardKind::Dust,
            title: Text::new("除尘", "Dust removal"),
        }],
        devices: vec![device(0, "meter1"), device(1, "meter2")],
        links: vec![],
        points: ["meter1.power", "meter1.run", "meter2.power", "meter2.run"]
            .into_iter()
            .enumerate()
            .map(|(i, name)| point(name, DeviceId::new(i / 2)))
            .collect(),
        rules: vec![],
        outputs: Vec::new(),
        forwarders: forwarders
            .into_iter()
            .map(|(name, kind)| Forwarder { name: name.to_owned(), kind })
            .collect(),
        store: StoreOptions {
            directory: directory.to_owned(),
            telemetry_bytes_max: u64::MAX,
            telemetry_age_max: None,
        },
        console: None,
        broker: None,
    }
}

fn device(index: usize, name: &str) -> Device {
    let modbus = ModbusDevice {
        unit: 1,
        poll: Duration::from_secs(1),
        pause: Duration::ZERO,
        timeout: Duration::from_secs(1),
        registers_max: 125,
        gap_max: 8,
    };
    Device {
        name: name.to_owned(),
        title: Text::same(name),
        hazard: Some(HazardId::new(0)),
        protocol: Protocol::Modbus(modbus),
        points: vec![PointId::new(2 * index), PointId::new(2 * index + 1)],
    }
}

fn point(name: &str, device: DeviceId) -> Point {
    let register =
        Register { table: Table::Holding, address: 0, encoding: Encoding::U16, order: ByteOrder::Abcd };
    Point {
        name: name.to_owned(),
        title: Text::same(name),
        device,
        hazard: Some(HazardId::new(0)),
        unit: "kW".to_owned(),
        decimals: 1,
        range: None,
        role: None,
        source: Source::Modbus(register.into()),
        poll: None,
        max_age: Duration::from_secs(10),
        stuck: None,
        keep: None,
    }
}

/// Opens the site's store, on a computer that does not say what keeps its clock.
pub(crate) fn open(site: &Site) -> Opened {
    let clock = Clock::showing(OsTime { sync: ClockSync::Unknown, ..OsTime::read() });
    Store::open(&site.store, Arc::new(site.clone()), clock).unwrap()
}

/// One change of an alarm at [`AT`].
pub(crate) fn transition(alarm: &str, event: EventKind, state: AlarmState) -> Transition {
    let at = AT.stamp(&TimeZone::get("Asia/Shanghai").unwrap());
    Transition {
        point: Some("meter1.power".to_owned()),
        device: Some("meter1".to_owned()),
        hazard: Some("dust1".to_owned()),
        state,
        level: Level::Orange,
        value: Some(Value::Float(0.3)),
        limit: Some(1.5),
        unit: Some("kW".to_owned()),
        quality: Some(Quality::Good),
        basis: Some("AQ 4273-2016".to_owned()),
        ..Transition::new(at, event, alarm, Text::new("除尘风机功率低", "fan power low"))
    }
}

/// An alarm that is raised.
pub(crate) fn raised(alarm: &str) -> Transition {
    transition(alarm, EventKind::Raised, AlarmState::Unacknowledged)
}

/// Readings of both points of a device (0 or 1) at `at`.
pub(crate) fn batch(device: usize, at: Wall, power: f64) -> Batch {
    let reading = |point, value| Reading { point: PointId::new(point), at, sample: Sample::Good(value) };
    Batch {
        device: DeviceId::new(device),
        at,
        readings: vec![reading(2 * device, Value::Float(power)), reading(2 * device + 1, Value::Bool(true))],
    }
}

/// A turn that raises these alarms.
pub(crate) fn alarms(transitions: Vec<Transition>) -> Turn {
    Turn { transitions, ..Turn::default() }
}

/// What the engine is to be told again, by key.
pub(crate) fn memories<const N: usize>(pairs: [(&str, Option<&str>); N]) -> BTreeMap<String, Option<String>> {
    pairs.into_iter().map(|(key, body)| (key.to_owned(), body.map(str::to_owned))).collect()
}

/// A turn with these readings.
pub(crate) fn telemetry(batches: Vec<Batch>) -> Turn {
    Turn { batches, ..Turn::default() }
}

/// The turn, and what is answered once it is on disk.
pub(crate) fn with_reply(mut turn: Turn) -> (Turn, oneshot::Receiver<CommandResult>) {
    let (to, answer) = oneshot::channel();
    turn.replies.push((to, Ok(())));
    (turn, answer)
}

/// Commits the turn and waits until it is on disk.
pub(crate) async fn commit(store: &Store, turn: Turn) {
    let (turn, answer) = with_reply(turn);
    store.commit(turn).await.unwrap();
    answer.await.unwrap().unwrap();
}
