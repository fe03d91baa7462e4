//! `[[device]]`: what its template adds, how it is reached, and which link it shares.

use super::Context;
use super::hazards::Hazards;
use super::links::Links;
use super::names::Names;
use super::publishers;
use crate::model::limits::{DEVICES_MAX, MODBUS_TIMEOUT_MAX, POLL_INTERVAL_MIN};
use crate::model::{DeviceId, Level, Text};
use crate::site::defaults;
use crate::site::load::Gathered;
use crate::site::model::{Device, Link, ModbusDevice, Protocol};
use crate::site::raw::{OrderWord, ProtocolWord, RawDevice, RawTemplate};
use crate::site::source::{FileId, Place, Spot};
use crate::site::values::Period;

/// The devices of a site, their names, and what the checks of points and rules need of them.
pub(super) struct Devices<'a> {
    pub(super) list: Vec<Device>,
    pub(super) names: Names,
    /// One for each device.
    pub(super) details: Vec<Detail<'a>>,
}

/// What the site file says of a device beyond what the checked one keeps.
pub(super) struct Detail<'a> {
    pub(super) spot: Spot,
    pub(super) template: Option<(FileId, &'a RawTemplate)>,
    pub(super) address_base: u8,
    pub(super) byte_order: Option<OrderWord>,
    pub(super) signal_level: Level,
    pub(super) lost_level: Level,
    pub(super) lost_after: Period,
}

impl Detail<'_> {
    /// Where a key of the device stands: in the site file or in its template.
    pub(super) fn place(&self, key: &str) -> Place {
        Origin { spot: self.spot, template: self.template.map(|(file, _)| file) }.key(key)
    }
}

/// Where the keys of a device stand: in the site file, or in its template.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    spot: Spot,
    template: Option<FileId>,
}

impl Origin {
    /// The place of a key.
    pub(super) fn key(self, key: &str) -> Place {
        self.spot.key(key).or(self.template.map(|file| Spot::table(file, "device").key(key)))
    }
}

pub(super) fn check<'a>(
    gathered: &'a Gathered,
    hazards: &Hazards,
    context: &mut Context<'_>,
) -> (Devices<'a>, Vec<Link>) {
    let mut devices = Devices { list: Vec::new(), names: Names::new("device"), details: Vec::new() };
    let mut links = Links::default();
    for part in &gathered.parts {
        for (index, raw) in part.raw.device.iter().enumerate() {
            let spot = part.spot("device", index);
            let template = raw.template.as_ref().and_then(|name| gathered.templates.get(&name.0));
            let template = template.map(|(file, template)| (*file, template));
            let one = One { spot, own: raw, template, id: DeviceId::new(devices.list.len()) };
            devices.add(&one, hazards, &mut links, context);
        }
    }
    if devices.list.len() > DEVICES_MAX {
        let spot = devices.details[DEVICES_MAX].spot;
        context.findings.add(spot.place(), format!("a site has at most {DEVICES_MAX} devices"));
    }
    (devices, links.list)
}

impl<'a> Devices<'a> {
    fn add(&mut self, one: &One<'a>, hazards: &Hazards, links: &mut Links, context: &mut Context<'_>) {
        let Some(name) = one.own.id.as_ref().map(|id| id.0.clone()) else { return };
        let is_new = self.names.define(&name, self.list.len(), one.place("id"), context.findings);
        let hazard = hazards.refer(one.own.hazard.as_ref(), one.place("hazard"), context);
        let protocol = one.protocol(links, context);
        if !is_new {
            links.leave(one.id);
            return;
        }
        let title = one.title(&name);
        if one.own.template.is_some() && one.template.is_none() {
            context.damage.blur(&name);
        }
        self.list.push(Device { name, title, hazard, protocol, points: Vec::new() });
        self.details.push(one.detail());
    }
}

/// One device as it is written, with its template.
pub(super) struct One<'a> {
    pub(super) spot: Spot,
    pub(super) own: &'a RawDevice,
    template: Option<(FileId, &'a RawTemplate)>,
    pub(super) id: DeviceId,
}

impl<'a> One<'a> {
    fn detail(&self) -> Detail<'a> {
        Detail {
            spot: self.spot,
            template: self.template,
            address_base: self.get(|raw| raw.address_base).unwrap_or(defaults::ADDRESS_BASE),
            byte_order: self.get(|raw| raw.byte_order),
            signal_level: self.get(|raw| raw.signal_level).unwrap_or(defaults::SIGNAL_LEVEL).0,
            lost_level: self.get(|raw| raw.lost_level).unwrap_or(defaults::LOST_LEVEL).0,
            lost_after: self.get(|raw| raw.lost_after).unwrap_or(defaults::LOST_AFTER),
        }
    }

    /// What the device says, else what its template says.
    pub(super) fn get<T: Clone>(&self, field: impl Fn(&RawDevice) -> Option<T>) -> Option<T> {
        field(self.own).or_else(|| field(&self.template?.1.device))
    }

    /// Where the device's keys stand.
    pub(super) fn origin(&self) -> Origin {
        Origin { spot: self.spot, template: self.template.map(|(file, _)| file) }
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.origin().key(key)
    }

    fn title(&self, name: &str) -> Text {
        let template = self.template.map(|(_, template)| template.name.clone());
        self.own.name.clone().or(template).map_or_else(|| Text::same(name), Text::from)
    }

    fn protocol(&self, links: &mut Links, context: &mut Context<'_>) -> Protocol {
        match self.get(|raw| raw.protocol).unwrap_or(ProtocolWord::ModbusTcp) {
            ProtocolWord::Mqtt => self.mqtt(links, context),
            protocol => self.modbus(protocol, links, context),
        }
    }

    fn modbus(&self, protocol: ProtocolWord, links: &mut Links, context: &mut Context<'_>) -> Protocol {
        let own = self.own;
        self.refuse(&publishers::mqtt_keys(own), "an MQTT device", context);
        let on_bus = matches!(protocol, ProtocolWord::ModbusRtu | ProtocolWord::ModbusRtuOverTcp);
        let unit = self.unit(on_bus, context);
        self.reach(protocol, unit, links, context);
        let poll = self.at_least("poll", |raw| raw.poll, defaults::POLL, Period(POLL_INTERVAL_MIN), context);
        Protocol::Modbus(ModbusDevice {
            unit,
            poll,
            pause: self.pause(Period(poll), context),
            timeout: self.timeout(Period(poll), context),
            registers_max: self.get(|raw| raw.registers_max).unwrap_or(defaults::REGISTERS_MAX),
            gap_max: self.get(|raw| raw.gap_max).unwrap_or(defaults::GAP_MAX),
        })
    }

    fn unit(&self, rtu: bool, context: &mut Context<'_>) -> u8 {
        let unit = self.own.unit.unwrap_or(defaults::UNIT);
        if rtu && !(1..=247).contains(&unit) {
            let message = format!("unit {unit} is not a device on a bus");
            context.findings.add(self.place("unit"), message).hint("use 1 to 247");
        }
        unit
    }

    /// Longer than from one poll to the next, and a dead unit would hold up its neighbours on the bus.
    fn timeout(&self, poll: Period, context: &mut Context<'_>) -> std::time::Duration {
        let Some(timeout) = self.get(|raw| raw.timeout) else { return defaults::TIMEOUT.min(poll).0 };
        if timeout.0.is_zero() || timeout.0 > MODBUS_TIMEOUT_MAX {
            let hint = format!("use 1ms to {}", Period(MODBUS_TIMEOUT_MAX));
            context.findings.add(self.place("timeout"), format!("`{timeout}` is no time to wait")).hint(hint);
        } else if timeout > poll {
            let key = if self.own.timeout.is_none() && self.own.poll.is_some() { "poll" } else { "timeout" };
            let message =
                format!("the timeout of {timeout} is longer than from one poll to the next, {poll}");
            let hint = "a device that does not answer would hold up its neighbours: \
                        use a `timeout` that is at most `poll`";
            context.findings.add(self.place(key), message).hint(hint);
        }
        timeout.0
    }

    /// As long as from one poll to the next, and there would be no time to ask.
    fn pause(&self, poll: Period, context: &mut Context<'_>) -> std::time::Duration {
        let pause = self.get(|raw| raw.pause).unwrap_or(defaults::PAUSE);
        if pause >= poll {
            let message = format!("a pause of {pause} leaves no time to poll every {poll}");
            context.findings.add(self.place("pause"), message).hint("converters need some milliseconds");
        }
        pause.0
    }

    pub(super) fn at_least(
        &self,
        key: &str,
        field: impl Fn(&RawDevice) -> Option<Period>,
        default: Period,
        least: Period,
        context: &mut Context<'_>,
    ) -> std::time::Duration {
        let period = self.get(field).unwrap_or(default);
        if period < least {
            let message = format!("`{period}` is too short");
            context.findings.add(self.place(key), message).hint(format!("use at least {least}"));
        }
        period.0
    }

    pub(super) fn require(&self, key: &str, example: &str, context: &mut Context<'_>) {
        context
            .findings
            .add(self.spot.place(), format!("`{key}` is missing"))
            .hint(format!("add `{example}`"));
    }

    pub(super) fn refuse(&self, keys: &[(&str, bool)], whose: &str, context: &mut Context<'_>) {
        for (key, _) in keys.iter().filter(|(_, present)| *present) {
            context
                .findings
                .add(self.spot.key(key), format!("`{key}` is for {whose}, and this is none"))
                .hint("drop it, or change `protocol`");
        }
    }
}
