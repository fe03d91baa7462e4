//! How a Modbus device is reached: which keys go with which protocol, and which link they make.

use super::Context;
use super::devices::{Devices, One};
use super::links::Links;
use super::services::Services;
use super::tls;
use crate::site::defaults;
use crate::site::dial_in::{DialIn, Framing};
use crate::site::model::{Link, LinkKind, Parity, SerialLine, TlsTarget};
use crate::site::raw::{ParityWord, ProtocolWord, RawDevice};

/// Keys of a device that only a serial line has.
pub(super) fn serial_keys(raw: &RawDevice) -> [(&'static str, bool); 4] {
    [
        ("port", raw.port.is_some()),
        ("baud", raw.baud.is_some()),
        ("parity", raw.parity.is_some()),
        ("stop_bits", raw.stop_bits.is_some()),
    ]
}

/// Refuses devices that dial in where the gateway itself listens for others.
pub(super) fn refuse_taken(
    devices: &Devices<'_>,
    links: &[Link],
    services: &Services,
    context: &mut Context<'_>,
) {
    let console = services.console.as_ref().map(|console| ("console", console.listen));
    let broker = services.broker.as_ref().map(|broker| ("broker", broker.listen));
    let taken: Vec<_> = console.into_iter().chain(broker).collect();
    for link in links {
        let LinkKind::ModbusDialIn(DialIn { listen, .. }) = &link.kind else { continue };
        let clash = taken.iter().find(|(_, other)| {
            other.port() == listen.port() && (other.ip() == listen.ip() || listen.ip().is_unspecified())
        });
        let (Some((who, other)), Some(device)) = (clash, link.devices.first()) else { continue };
        let place = devices.details[device.index()].place("listen");
        context
            .findings
            .add(place, format!("the {who} listens on {other}"))
            .hint("give the devices that dial in a port of their own");
    }
}

/// Keys of a device that only one that dials in has.
pub(super) fn dial_in_keys(raw: &RawDevice) -> [(&'static str, bool); 3] {
    [
        ("listen", raw.listen.is_some()),
        ("registration", raw.registration.is_some()),
        ("heartbeat", raw.heartbeat.is_some()),
    ]
}

impl One<'_> {
    /// Puts the device behind the link that its protocol and its keys describe.
    pub(super) fn reach(
        &self,
        protocol: ProtocolWord,
        unit: u8,
        links: &mut Links,
        context: &mut Context<'_>,
    ) {
        self.refuse_others(protocol, context);
        let kind = match protocol {
            ProtocolWord::ModbusTls => self.encrypted(context),
            ProtocolWord::ModbusRtu => self.serial(context),
            _ if self.dials_in() => self.dial_in(protocol, unit, context).map(LinkKind::ModbusDialIn),
            ProtocolWord::ModbusRtuOverTcp => self.address(context).map(LinkKind::ModbusRtuOverTcp),
            _ => self.address(context).map(LinkKind::ModbusTcp),
        };
        let Some(kind) = kind else { return };
        links.take_unit(&kind, unit, self.place("unit"), context.findings);
        links.join(kind, self.id, self.origin(), context.findings);
    }

    /// Keys of one way to reach a device, said of a device that is reached in another.
    fn refuse_others(&self, protocol: ProtocolWord, context: &mut Context<'_>) {
        if protocol != ProtocolWord::ModbusTls {
            self.refuse(&[("tls", self.own.tls.is_some())], "`modbus-tls`", context);
        }
        let own = self.own;
        if !matches!(protocol, ProtocolWord::ModbusTcp | ProtocolWord::ModbusRtuOverTcp) {
            self.refuse(&dial_in_keys(own), "`modbus-tcp` and `modbus-rtu-over-tcp`", context);
        }
        if protocol == ProtocolWord::ModbusRtu {
            self.refuse(&[("address", own.address.is_some())], "a device on the network", context);
        } else {
            self.refuse(&serial_keys(own), "`modbus-rtu`", context);
        }
    }

    /// Whether the device calls, and is not called.
    fn dials_in(&self) -> bool {
        dial_in_keys(self.own).iter().any(|(_, present)| *present)
    }

    fn dial_in(&self, protocol: ProtocolWord, unit: u8, context: &mut Context<'_>) -> Option<DialIn> {
        let own = self.own;
        let (Some(listen), Some(registration)) = (&own.listen, &own.registration) else {
            let (key, example) = if own.listen.is_none() {
                ("listen", "listen = \"0.0.0.0:9000\"")
            } else {
                ("registration", "registration = \"DTU-0001\"")
            };
            self.require(key, example, context);
            return None;
        };
        if own.address.is_some() {
            context
                .findings
                .add(self.place("address"), "a device that dials in can't be called as well")
                .hint("drop `address`, or `listen` with `registration` and `heartbeat`");
        }
        let framing = if protocol == ProtocolWord::ModbusRtuOverTcp { Framing::Rtu } else { Framing::Tcp };
        let heartbeat = own.heartbeat.as_ref().map(|heartbeat| heartbeat.0.clone());
        let dial_in = DialIn { listen: listen.0, registration: registration.0.clone(), heartbeat, framing };
        self.refuse_ambiguous(&dial_in, unit, context);
        Some(dial_in)
    }

    /// What is said unasked must differ from what is said when asked.
    fn refuse_ambiguous(&self, dial_in: &DialIn, unit: u8, context: &mut Context<'_>) {
        let DialIn { registration, heartbeat, framing, .. } = dial_in;
        let said = [("registration", Some(registration)), ("heartbeat", heartbeat.as_ref())];
        for (key, packet) in said {
            let Some(packet) = packet.filter(|packet| packet.begins_answer(*framing, unit)) else { continue };
            let message = format!("an answer of unit {unit} may begin with `{packet}`");
            let hint = "give the DTU another one, such as \"ping\": it would be taken for an answer, or an answer for it";
            context.findings.add(self.place(key), message).hint(hint);
        }
        let Some(heartbeat) = heartbeat else { return };
        let place = self.place("heartbeat");
        if heartbeat != registration && heartbeat.overlaps(registration) {
            let message = "of `registration` and `heartbeat` one begins with the other";
            context
                .findings
                .add(place, message)
                .hint("make them the same, or tell them apart by their beginning");
        }
    }

    fn address(&self, context: &mut Context<'_>) -> Option<String> {
        if self.own.address.is_none() {
            self.require("address", "address = \"10.0.0.5:502\"", context);
        }
        self.own.address.as_ref().map(|address| address.0.clone())
    }

    fn serial(&self, context: &mut Context<'_>) -> Option<LinkKind> {
        let own = self.own;
        let Some(port) = &own.port else {
            self.require("port", "port = \"/dev/ttyS1\"", context);
            return None;
        };
        if !port.starts_with('/') {
            let message = format!("`{port}` is not a serial port");
            context
                .findings
                .add(self.place("port"), message)
                .hint("write its whole path, such as \"/dev/ttyS1\"");
        }
        let parity = match own.parity {
            None | Some(ParityWord::None) => Parity::None,
            Some(ParityWord::Even) => Parity::Even,
            Some(ParityWord::Odd) => Parity::Odd,
        };
        Some(LinkKind::ModbusSerial(SerialLine {
            port: port.clone(),
            baud: own.baud.unwrap_or(defaults::BAUD),
            parity,
            stop_bits: own.stop_bits.unwrap_or(defaults::STOP_BITS),
        }))
    }

    fn encrypted(&self, context: &mut Context<'_>) -> Option<LinkKind> {
        let address = self.address(context);
        let Some(raw) = &self.own.tls else {
            self.require("tls", "tls = { ca = \"plc-ca.pem\" }", context);
            return None;
        };
        if raw.ca.is_none() {
            context
                .findings
                .add(self.place("tls"), "`ca` is missing")
                .hint("add `ca = \"plc-ca.pem\"`: no public authority vouches for a field device");
            return None;
        }
        let tls = tls::check(raw, &|key| self.place(key), context)?;
        let address = address?;
        if tls.server_name.is_none()
            && let Err(error) = crate::tls::server_name(&tls, host(&address))
        {
            context.findings.add(self.place("address"), error.reason).hint("add `server_name` to `tls`");
        }
        Some(LinkKind::ModbusTls(TlsTarget { address, tls }))
    }
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}
