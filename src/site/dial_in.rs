//! Devices that dial in: behind mobile routers and 4G DTUs, which nobody can call. What they say unasked is fixed by their own
//! settings, and stands in the site file so that it is taken for what it is.

use std::fmt;
use std::net::SocketAddr;

/// How questions and answers are framed on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Modbus TCP: every frame carries the number of its question.
    Tcp,
    /// Modbus RTU frames: an answer shows only its unit, function and length.
    Rtu,
}

/// A connection that the far end makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialIn {
    /// Where it is waited for.
    pub listen: SocketAddr,
    /// What the far end says first, and nobody else says there.
    pub registration: Packet,
    /// What the far end says now and then, to keep its way through the network open.
    pub heartbeat: Option<Packet>,
    /// How frames go on it.
    pub framing: Framing,
}

/// Bytes that a device says unasked; at least one, at most [`DIAL_IN_PACKET_BYTES_MAX`](crate::model::limits::DIAL_IN_PACKET_BYTES_MAX).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet(pub Vec<u8>);

impl Packet {
    /// Whether one begins with the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// Whether an answer of `unit` may begin with it, or with as much of it as an answer's beginning has.
    pub fn begins_answer(&self, framing: Framing, unit: u8) -> bool {
        // Beyond these bytes an answer may say anything.
        let may: &[fn(u8, u8) -> bool] = match framing {
            // Transaction, protocol: 0.
            Framing::Tcp => &[|_, _| true, |_, _| true, |byte, _| byte == 0, |byte, _| byte == 0],
            // Unit, function: 1 to 6, 15, 16, or an exception to it.
            Framing::Rtu => &[|byte, unit| byte == unit, |byte, _| matches!(byte & 0x7F, 1..=6 | 15 | 16)],
        };
        self.0.iter().zip(may).all(|(byte, may)| may(*byte, unit))
    }
}

impl fmt::Display for Packet {
    /// As it is written in a site file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with(HEX) && !text.contains(char::is_control) => f.write_str(text),
            _ => {
                f.write_str(HEX)?;
                self.0.iter().enumerate().try_for_each(|(n, byte)| {
                    let gap = if n == 0 { "" } else { " " };
                    write!(f, "{gap}{byte:02X}")
                })
            }
        }
    }
}

/// What stands before bytes that are written as hexadecimal digits.
pub(super) const HEX: &str = "hex:";

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &[u8]) -> Packet {
        Packet(bytes.to_vec())
    }

    #[test]
    fn what_could_be_an_answer_is_known_by_the_beginning_of_answers() {
        let rtu = |bytes: &[u8]| packet(bytes).begins_answer(Framing::Rtu, 1);
        assert!(rtu(&[1]) && rtu(&[1, 3]) && rtu(&[1, 0x83, 7]));
        assert!(!rtu(&[2, 3]) && !rtu(&[1, 0x41]) && !rtu(b"ping"));
        let tcp = |bytes: &[u8]| packet(bytes).begins_answer(Framing::Tcp, 1);
        assert!(tcp(b"hi") && tcp(&[1, 2, 0]) && tcp(&[1, 2, 0, 0, 9]));
        assert!(!tcp(b"ping") && !tcp(&[1, 2, 0, 1]));
    }

    #[test]
    fn a_packet_is_shown_as_it_is_written() {
        assert_eq!(packet("厂区-01".as_bytes()).to_string(), "厂区-01");
        assert_eq!(packet(b"id\r\n").to_string(), "hex:69 64 0D 0A");
        assert_eq!(packet(b"hex:1").to_string(), "hex:68 65 78 3A 31");
        assert_eq!(packet(&[0xFF]).to_string(), "hex:FF");
    }
}
