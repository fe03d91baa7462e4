//! Connections: which devices share one, and what can't be shared.

use std::collections::BTreeMap;

use url::Url;

use super::Context;
use super::devices::Origin;
use super::tls;
use crate::model::DeviceId;
use crate::site::dial_in::{DialIn, Framing};
use crate::site::model::{Broker, Link, LinkKind, SerialLine};
use crate::site::raw::{RawSecret, RawTls};
use crate::site::source::{Findings, Place};
use crate::tls::TlsOptions;

/// Where a link goes: devices that go there share it.
type Key = (&'static str, String, Option<String>, Option<String>);

/// The links of a site as devices are put behind them.
#[derive(Default)]
pub(super) struct Links {
    pub(super) list: Vec<Link>,
    /// Where each stands in the list, and who was put behind it first.
    index: BTreeMap<Key, (usize, Origin)>,
    /// Units behind each link.
    units: BTreeMap<(Key, u8), Place>,
}

impl Links {
    /// Puts a device behind the link of this kind; devices that go to the same place share one, and must agree on all of it.
    pub(super) fn join(&mut self, kind: LinkKind, device: DeviceId, origin: Origin, findings: &mut Findings) {
        let (index, first) = *self.index.entry(key(&kind)).or_insert((self.list.len(), origin));
        if let LinkKind::ModbusDialIn(dial_in) = &kind {
            self.refuse_alike(dial_in, index, origin, findings);
        }
        let Some(link) = self.list.get_mut(index) else {
            self.list.push(Link { kind, devices: vec![device] });
            return;
        };
        if let Some(Quarrel { key, message, hint }) = quarrel(&link.kind, &kind) {
            findings.add(origin.key(key), message).first(first.key(key)).hint(hint);
        }
        link.devices.push(device);
    }

    /// Who dials in must be known as soon as what it says is a registration.
    fn refuse_alike(&self, dial_in: &DialIn, index: usize, origin: Origin, findings: &mut Findings) {
        let DialIn { listen, registration, .. } = dial_in;
        let others = self.index.values().filter(|(other, _)| *other != index);
        let alike = others.filter_map(|(other, first)| match &self.list.get(*other)?.kind {
            LinkKind::ModbusDialIn(other) if other.listen == *listen => {
                other.registration.overlaps(registration).then_some((&other.registration, first))
            }
            _ => None,
        });
        for (other, first) in alike {
            findings
                .add(
                    origin.key("registration"),
                    format!("of the registrations `{registration}` and `{other}` at {listen} one begins with the other"),
                )
                .first(first.key("registration"))
                .hint("who is calling could not be told: change one of them");
        }
    }

    /// Takes back the device that joined as `device`: the site is to have none of that number yet.
    pub(super) fn leave(&mut self, device: DeviceId) {
        for link in &mut self.list {
            link.devices.retain(|other| *other != device);
        }
    }

    /// Notes that `unit` is taken behind the link of this kind.
    pub(super) fn take_unit(&mut self, kind: &LinkKind, unit: u8, place: Place, findings: &mut Findings) {
        let key = key(kind);
        let message = format!("unit {unit} at {} is two devices", key.1);
        match self.units.get(&(key.clone(), unit)) {
            Some(first) => {
                findings
                    .add(place, message)
                    .first(first.clone())
                    .hint("give each device its own unit, or make them one device");
            }
            None => {
                self.units.insert((key, unit), place);
            }
        }
    }
}

fn key(kind: &LinkKind) -> Key {
    match kind {
        LinkKind::ModbusTcp(address) | LinkKind::ModbusRtuOverTcp(address) => {
            ("modbus", address.clone(), None, None)
        }
        LinkKind::ModbusSerial(line) => ("modbus", line.port.clone(), None, None),
        LinkKind::ModbusTls(target) => ("modbus", target.address.clone(), None, None),
        LinkKind::ModbusDialIn(DialIn { listen, registration, .. }) => {
            ("dial-in", listen.to_string(), Some(registration.to_string()), None)
        }
        LinkKind::Mqtt(broker) => {
            let password = broker.password.as_ref().map(|secret| secret.expose().to_owned());
            ("mqtt", broker.address.clone(), broker.username.clone(), password)
        }
    }
}

/// Why two devices can't share a link.
struct Quarrel {
    /// What they say differently.
    key: &'static str,
    message: String,
    hint: &'static str,
}

/// What two kinds of link to the same place do not agree on.
fn quarrel(one: &LinkKind, other: &LinkKind) -> Option<Quarrel> {
    if one == other {
        return None;
    }
    let place = key(other).1;
    let (speech, tongue) = (speech(one), speech(other));
    if speech != tongue {
        return Some(Quarrel {
            key: "protocol",
            message: format!("{place} speaks {speech} to one device and {tongue} to another"),
            hint: "one far end speaks one of them: give both devices the same protocol",
        });
    }
    match (one, other) {
        (LinkKind::ModbusTls(_) | LinkKind::Mqtt(_), _) => Some(Quarrel {
            key: "tls",
            message: format!("the devices at {place} are to be reached with different `tls`"),
            hint: "devices at one address share its connection: give them the same `tls`",
        }),
        (LinkKind::ModbusSerial(one), LinkKind::ModbusSerial(other)) => Some(Quarrel {
            key: differing(one, other),
            message: format!("{place} is to run at {one} for one device and at {other} for another"),
            hint: "devices on one line share its settings: give them the same `baud`, `parity` and `stop_bits`",
        }),
        (LinkKind::ModbusDialIn(_), LinkKind::ModbusDialIn(other)) => Some(Quarrel {
            key: "heartbeat",
            message: format!("the devices behind `{}` are to have different heartbeats", other.registration),
            hint: "they are behind one DTU, which has one: give them the same `heartbeat`",
        }),
        _ => None,
    }
}

fn differing(one: &SerialLine, other: &SerialLine) -> &'static str {
    if one.baud != other.baud {
        "baud"
    } else if one.parity != other.parity {
        "parity"
    } else {
        "stop_bits"
    }
}

/// What is spoken on a link.
fn speech(kind: &LinkKind) -> &'static str {
    match kind {
        LinkKind::ModbusTcp(_) | LinkKind::ModbusDialIn(DialIn { framing: Framing::Tcp, .. }) => "Modbus TCP",
        LinkKind::ModbusRtuOverTcp(_) | LinkKind::ModbusDialIn(DialIn { framing: Framing::Rtu, .. }) => {
            "RTU frames"
        }
        LinkKind::ModbusTls(_) => "Modbus over TLS",
        LinkKind::ModbusSerial(_) => "RTU frames on a line",
        LinkKind::Mqtt(_) => "MQTT",
    }
}

/// Credentials and where they stand.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) username: Option<&'a String>,
    pub(super) password: Option<&'a RawSecret>,
    pub(super) tls: Option<&'a RawTls>,
    /// The place of a key of the table.
    pub(super) place: &'a dyn Fn(&str) -> Place,
}

/// The broker at `url`.
pub(super) fn broker(url: &str, login: &Login<'_>, context: &mut Context<'_>) -> Option<Broker> {
    let place = login.place;
    if login.password.is_some() && login.username.is_none() {
        context
            .findings
            .add(place("password"), "a password without a user name")
            .hint("add `username`: MQTT does not send one without the other");
    }
    let password =
        login.password.and_then(|raw| context.vault.fetch(raw, place("password"), context.findings));
    let url = parse(url, &["mqtt", "mqtts"], "mqtt://host:1883", place("url"), context.findings)?;
    let (Some(host), Some(port)) = (url.host(), url.port()) else {
        context.findings.add(place("url"), "the port is missing").hint("write it: \"mqtt://host:1883\"");
        return None;
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        context
            .findings
            .add(place("url"), "a broker's URL ends after the port")
            .hint("write mqtt://host:port");
    }
    let tls = if url.scheme() == "mqtts" {
        Some(login.encrypted(&host.to_string(), context)?)
    } else {
        login.refuse_tls(context);
        None
    };
    Some(Broker { address: format!("{host}:{port}"), username: login.username.cloned(), password, tls })
}

impl Login<'_> {
    /// The encryption of an `mqtts` broker at `host`. None, and mistakes, if it can't be had.
    fn encrypted(&self, host: &str, context: &mut Context<'_>) -> Option<TlsOptions> {
        let place = self.place;
        let options = match self.tls {
            Some(raw) => tls::check(raw, place, context)?,
            None => TlsOptions::default(),
        };
        if options.server_name.is_some() {
            context
                .findings
                .add(place("tls.server_name"), "a broker is known by the host of its `url`")
                .hint("write the name that its certificate holds into `url`, and drop `server_name`");
        }
        let trusted = if self.tls.is_none() { crate::tls::client(&options).err() } else { None };
        for error in crate::tls::server_name(&options, host).err().into_iter().chain(trusted) {
            context.findings.add(place("url"), error.reason).hint("add `tls = { ca = \"broker-ca.pem\" }`");
        }
        Some(options)
    }

    fn refuse_tls(&self, context: &mut Context<'_>) {
        if self.tls.is_some() {
            context
                .findings
                .add((self.place)("tls"), "`tls` for a connection in the clear")
                .hint("write `mqtts` instead of `mqtt` in `url`, or drop `tls`");
        }
    }
}

/// Whether two addresses are of one broker, as far as their names show it.
pub(super) fn are_one(one: &Broker, other: &Broker) -> bool {
    let plain = |broker: &Broker| match broker.address.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => broker.address.clone(),
    };
    plain(one) == plain(other)
}

/// A URL with one of these schemes, a host, and no credentials.
pub(super) fn parse(
    text: &str,
    schemes: &[&str],
    example: &str,
    place: Place,
    findings: &mut Findings,
) -> Option<Url> {
    let hint = format!("write \"{example}\"");
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            findings.add(place, format!("this is not a URL: {error}")).hint(hint);
            return None;
        }
    };
    if !schemes.contains(&url.scheme()) {
        findings.add(place, format!("`{}` can't be spoken here", url.scheme())).hint(hint);
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        findings
            .add(place, "credentials stand in the URL")
            .hint("secrets never stand in the site file: use `username`, and `password` with env or file");
        return None;
    }
    if url.host_str().is_none_or(str::is_empty) {
        findings.add(place, "the host is missing").hint(hint);
        return None;
    }
    Some(url)
}
