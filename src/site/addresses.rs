//! Values that say where something is reached, or by what a caller is known. Written as text; see [`values`](super::values).

use std::borrow::Cow;
use std::net::SocketAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::dial_in::{self, HEX};
use super::values::{Complaint, text_value};
use crate::model::limits::DIAL_IN_PACKET_BYTES_MAX;

/// A host and a port, such as `10.0.0.5:502`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort(pub(super) String);
text_value!(HostPort, "host-port", r"^[^\s/@]+:[0-9]{1,5}$");

impl HostPort {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        const HINT: &str = "write host:port, such as \"10.0.0.5:502\"";
        if text.contains("://") {
            return Err(Complaint::new(format!("`{text}` is a URL where host:port is expected"), HINT));
        }
        let Some((host, port)) = text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
            return Err(Complaint::new(format!("the port is missing in `{text}`"), HINT));
        };
        if !matches!(port.parse::<u16>(), Ok(1..)) {
            return Err(Complaint::new(format!("`{port}` is not a port"), "ports are 1 to 65535"));
        }
        let host = url::Host::parse(host)
            .map_err(|_| Complaint::new(format!("`{host}` is not a host name or an IP address"), HINT))?;
        Ok(Self(format!("{host}:{port}")))
    }
}

/// An address of this machine to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listen(pub(super) SocketAddr);
text_value!(Listen, "listen", r"^.+:[0-9]{1,5}$");

impl Listen {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        let address: SocketAddr = text.parse().map_err(|_| {
            let message = format!("`{text}` is not an address to listen on");
            Complaint::new(message, "write IP address and port, such as \"127.0.0.1:8080\"")
        })?;
        if !address.ip().is_loopback() {
            let message = format!("`{text}` would listen to other machines");
            let hint = "only loopback (127.0.0.1 or [::1]) until accounts exist: anyone who reaches it may acknowledge";
            return Err(Complaint::new(message, hint));
        }
        Ok(Self(address))
    }
}

/// An address of this machine that other machines may reach, such as `0.0.0.0:9000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket(pub(super) SocketAddr);
text_value!(Socket, "socket", r"^.+:[0-9]{1,5}$");

impl Socket {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        text.parse().map(Self).map_err(|_| {
            let message = format!("`{text}` is not an address to listen on");
            let hint = "write an IP address of this machine, or 0.0.0.0 for all of them, and a port: \"0.0.0.0:9000\"";
            Complaint::new(message, hint)
        })
    }
}

/// Bytes that a device says unasked: a text, or `hex:` and pairs of hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet(pub(super) dial_in::Packet);
text_value!(Packet, "packet", r"^(hex:[0-9A-Fa-f ]+|.+)$");

impl Packet {
    pub(super) fn read(text: &str) -> Result<Self, Complaint> {
        const HINT: &str = "write a text, or bytes as \"hex:68 01 FF\"";
        let bytes = match text.strip_prefix(HEX) {
            None => text.as_bytes().to_vec(),
            Some(digits) => hex(digits).ok_or_else(|| {
                Complaint::new(format!("`{digits}` is not pairs of hexadecimal digits"), HINT)
            })?,
        };
        match bytes.len() {
            0 => Err(Complaint::new("there is nothing in it", HINT)),
            1..=DIAL_IN_PACKET_BYTES_MAX => Ok(Self(dial_in::Packet(bytes))),
            long => Err(Complaint::new(
                format!("{long} bytes are too many"),
                format!("use at most {DIAL_IN_PACKET_BYTES_MAX}"),
            )),
        }
    }
}

/// The bytes of pairs of hexadecimal digits, with or without spaces between them.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
