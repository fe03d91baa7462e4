//! How a Modbus device is reached: which keys go with which protocol, and which link they make.

use super::Context;
use super::devices::One;
use super::links::Links;
use super::tls;
use crate::site::defaults;
use crate::site::model::{LinkKind, Parity, SerialLine, TlsTarget};
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
        if protocol == ProtocolWord::ModbusRtu {
            self.refuse(&[("address", own.address.is_some())], "a device on the network", context);
        } else {
            self.refuse(&serial_keys(own), "`modbus-rtu`", context);
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
