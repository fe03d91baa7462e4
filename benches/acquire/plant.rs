//! The site that is measured: devices of 100 registers that are one block, each register a point with limits and a signal alarm.

use std::net::SocketAddr;
use std::time::Duration;

use hazgate::model::{DeviceId, Level, PointId, Text};
use hazgate::site::{
    AlarmOptions, ByteOrder, Calendar, Device, Encoding, Identity, Limit, Limits, Link, LinkKind,
    ModbusDevice, Point, Protocol, Register, Rule, RuleKind, Site, Source, StoreOptions, Table,
};

/// Registers, and so points, of each device: one question.
pub(crate) const POINTS_PER_DEVICE: u16 = 100;

/// One connection to `address` and the units behind it.
#[derive(Clone)]
pub(crate) struct LinkPlan {
    pub(crate) address: SocketAddr,
    pub(crate) units: Vec<u8>,
}

impl LinkPlan {
    /// A connection to one unit.
    pub(crate) fn single(address: SocketAddr) -> Self {
        Self { address, units: vec![1] }
    }
}

/// A site of these links, whose points are all polled every `poll`.
pub(crate) fn site(plans: &[LinkPlan], poll: Duration) -> Site {
    let identity = Identity {
        enterprise: "e".into(),
        gateway: "g".into(),
        name: Text::same("bench"),
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut site = Site {
        identity,
        hash: String::new(),
        hazards: Vec::new(),
        devices: Vec::new(),
        links: Vec::new(),
        points: Vec::new(),
        derived: Vec::new(),
        calendar: Calendar::default(),
        left_out: Vec::new(),
        feeders: Vec::new(),
        alarms: AlarmOptions::default(),
        rules: Vec::new(),
        outputs: Vec::new(),
        forwarders: Vec::new(),
        store: StoreOptions { directory: "unused".into(), telemetry_bytes_max: 0, telemetry_age_max: None },
        console: None,
        broker: None,
    };
    for plan in plans {
        let devices = plan.units.iter().map(|unit| add_device(&mut site, *unit, poll)).collect();
        site.links.push(Link { kind: LinkKind::ModbusTcp(plan.address.to_string()), devices });
    }
    site
}

fn add_device(site: &mut Site, unit: u8, poll: Duration) -> DeviceId {
    let (id, name) = (DeviceId::new(site.devices.len()), format!("d{}", site.devices.len()));
    let points = (0..POINTS_PER_DEVICE).map(|address| add_point(site, id, address)).collect();
    let modbus = ModbusDevice {
        unit,
        poll,
        pause: Duration::ZERO,
        timeout: Duration::from_millis(500),
        registers_max: 125,
        gap_max: 0,
    };
    let lost = RuleKind::DeviceLost { device: id, level: Level::Yellow };
    site.rules.push(rule(format!("{name}.lost"), lost));
    let title = Text::same("bench");
    site.devices.push(Device { name, title, hazard: None, protocol: Protocol::Modbus(modbus), points });
    id
}

fn add_point(site: &mut Site, device: DeviceId, address: u16) -> PointId {
    let (id, name) = (PointId::new(site.points.len()), format!("p{}", site.points.len()));
    let register =
        Register { table: Table::Holding, address, encoding: Encoding::U16, order: ByteOrder::Abcd };
    let limit = |value, level| Some(Limit { value, level });
    let limits = Limits {
        point: id,
        ll: limit(100.0, Level::Red),
        l: limit(200.0, Level::Yellow),
        h: limit(800.0, Level::Yellow),
        hh: limit(900.0, Level::Red),
        deadband: 10.0,
    };
    site.rules.push(rule(name.clone(), RuleKind::Limits(limits)));
    site.rules.push(rule(format!("{name}.signal"), RuleKind::Signal { point: id, level: Level::Yellow }));
    site.points.push(Point {
        name,
        title: Text::same("bench"),
        device,
        hazard: None,
        unit: "kPa".into(),
        decimals: 1,
        range: None,
        role: None,
        source: Source::Modbus(register.into()),
        poll: None,
        max_age: Duration::from_secs(3),
        stuck: None,
        keep: None,
    });
    id
}

fn rule(name: String, kind: RuleKind) -> Rule {
    let second = Duration::from_secs(1);
    Rule { on_delay: second, off_delay: second, ..Rule::new(name, None, kind) }
}
