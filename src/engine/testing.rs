//! Small sites for tests, built in code: a point is one line, a rule another. Every room's tests may use them.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::{AlarmId, DeviceId, HazardId, HealthSource, Level, LinkId, OutputId, PointId, Text};
use crate::site::{
    AlarmOptions, Calendar, Call, Conversion, Device, Extract, Formula, Hazard, HazardKind, Identity, Limit,
    Limits, Link, LinkKind, MqttDevice, OutputSpec, Point, Protocol, Range, Rule, RuleKind, Site, Source,
    StoreOptions, Target, Until, Values,
};

/// A site under construction.
#[derive(Debug)]
pub(crate) struct Plant {
    /// The site as it stands: for what the methods do not cover.
    pub(crate) site: Site,
}

impl Plant {
    /// A site in China with nothing on it.
    pub(crate) fn new() -> Self {
        let identity = Identity {
            enterprise: "acme".into(),
            gateway: "gw1".into(),
            name: Text::new("一号厂", "Plant 1"),
            zone: TimeZone::get("Asia/Shanghai").expect("bundled zone"),
        };
        Self {
            site: Site {
                identity,
                hash: "0".repeat(64),
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
                store: StoreOptions {
                    directory: "unused".into(),
                    telemetry_bytes_max: 1 << 20,
                    telemetry_age_max: None,
                },
                console: None,
                broker: None,
            },
        }
    }

    pub(crate) fn hazard(&mut self, name: &str) -> HazardId {
        self.site.hazards.push(Hazard {
            name: name.into(),
            kind: HazardKind::TankFarm,
            title: Text::same(name),
        });
        HazardId::new(self.site.hazards.len() - 1)
    }

    /// A publisher of which something is expected all the time, so that its loss is told like that of a device that is polled.
    pub(crate) fn device(&mut self, name: &str, title: Text, hazard: Option<HazardId>) -> DeviceId {
        self.site.devices.push(Device {
            name: name.into(),
            title,
            hazard,
            protocol: Protocol::Mqtt(MqttDevice::json(name, Duration::ZERO)),
            points: Vec::new(),
        });
        DeviceId::new(self.site.devices.len() - 1)
    }

    /// A point in %LEL with one decimal, a range of 0 to 100 and a greatest age of ten seconds.
    pub(crate) fn point(&mut self, device: DeviceId, signal: &str, title: Text) -> PointId {
        let id = PointId::new(self.site.points.len());
        let on = &mut self.site.devices[device.index()];
        on.points.push(id);
        self.site.points.push(Point {
            name: format!("{}.{signal}", on.name),
            title,
            device,
            hazard: on.hazard,
            unit: "%LEL".into(),
            decimals: 1,
            range: Some(Range { low: 0.0, high: 100.0 }),
            role: None,
            source: Source::Mqtt(Extract { pointer: String::new(), conversion: Conversion::default() }),
            poll: None,
            max_age: Duration::from_secs(10),
            stuck: None,
            keep: None,
        });
        id
    }

    /// A derived point, of the device that all of them belong to.
    pub(crate) fn derived(&mut self, signal: &str, formula: Formula) -> PointId {
        let of_gateway = |device: &Device| device.protocol == Protocol::Derived;
        let device = match self.site.devices.iter().position(of_gateway) {
            Some(index) => DeviceId::new(index),
            None => self.device("derived", Text::same("derived"), None),
        };
        self.site.devices[device.index()].protocol = Protocol::Derived;
        let point = self.point(device, signal, Text::same(signal));
        let made = &mut self.site.points[point.index()];
        (made.source, made.range) = (Source::Derived(formula), None);
        self.site.derived.push(point);
        point
    }

    /// A rule with these delays, in seconds, for the hazard of what it watches.
    pub(crate) fn rule(&mut self, name: &str, kind: RuleKind, on: f64, off: f64) -> AlarmId {
        let hazard = match &kind {
            RuleKind::Limits(limits) => self.site.point(limits.point).hazard,
            RuleKind::Condition(rule) => self.site.point(rule.points[0]).hazard,
            RuleKind::Signal { point, .. } => self.site.point(*point).hazard,
            RuleKind::DeviceLost { device, .. } | RuleKind::DeviceDegraded { device } => {
                self.site.device(*device).hazard
            }
            RuleKind::LinkLost { devices, .. } => self.site.device(devices[0]).hazard,
            RuleKind::OutputFailed { output, .. } => self.site.output(*output).hazard,
            RuleKind::Flood | RuleKind::StopOrder | RuleKind::DeclaredStop | RuleKind::Health { .. } => None,
        };
        self.site.rules.push(Rule {
            on_delay: Duration::from_secs_f64(on),
            off_delay: Duration::from_secs_f64(off),
            basis: Some("GB/T 50493".into()),
            ..Rule::new(name, hazard, kind)
        });
        AlarmId::new(self.site.rules.len() - 1)
    }

    pub(crate) fn signal(&mut self, name: &str, point: PointId, on: f64) -> AlarmId {
        self.rule(name, RuleKind::Signal { point, level: Level::Yellow }, on, 0.0)
    }

    pub(crate) fn lost(&mut self, name: &str, device: DeviceId, on: f64) -> AlarmId {
        self.rule(name, RuleKind::DeviceLost { device, level: Level::Orange }, on, 0.0)
    }

    /// An output on coil 1 that is enabled, and its `.failed`, which takes 3 s.
    pub(crate) fn output(
        &mut self,
        name: &str,
        device: DeviceId,
        calls: &[AlarmId],
        until: Until,
    ) -> OutputId {
        let id = OutputId::new(self.site.outputs.len());
        self.site.outputs.push(OutputSpec {
            name: name.into(),
            title: Text::new("警笛", "Siren"),
            hazard: self.site.device(device).hazard,
            device,
            target: Target { address: 1, values: Values::Coil(true), multiple: false },
            enabled: true,
            calls: calls.iter().map(|alarm| Call { alarm: *alarm, level: Level::Journal }).collect(),
            until,
        });
        let failed = RuleKind::OutputFailed { output: id, level: Level::Orange };
        self.rule(&format!("{name}.failed"), failed, 3.0, 0.0);
        id
    }

    /// Puts the devices behind one link and gives them an alarm in common.
    pub(crate) fn link(&mut self, name: &str, kind: LinkKind, devices: &[DeviceId], on: f64) -> AlarmId {
        let link = LinkId::new(self.site.links.len());
        self.site.links.push(Link { kind, devices: devices.to_vec() });
        let devices = devices.to_vec();
        self.rule(name, RuleKind::LinkLost { link, devices, level: Level::Orange }, on, 0.0)
    }

    /// With the delays in seconds.
    pub(crate) fn degraded(&mut self, name: &str, device: DeviceId, on: f64, off: f64) -> AlarmId {
        self.rule(name, RuleKind::DeviceDegraded { device }, on, off)
    }

    pub(crate) fn health(&mut self, name: &str, source: HealthSource) -> AlarmId {
        self.rule(name, RuleKind::Health { source, level: Level::Orange }, 0.0, 0.0)
    }
}

/// Limits on a point with a deadband and none set yet.
pub(crate) fn no_limits(point: PointId, deadband: f64) -> Limits {
    Limits { point, ll: None, l: None, h: None, hh: None, deadband }
}

/// A limit at this value and level.
#[expect(clippy::unnecessary_wraps, reason = "goes straight into a field of `Limits`")]
pub(crate) fn limit(value: f64, level: Level) -> Option<Limit> {
    Some(Limit { value, level })
}
