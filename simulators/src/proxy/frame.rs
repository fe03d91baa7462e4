//! Modbus frames, cut out of a stream and put together again. What is no frame is passed on as it came.

use crate::bench::Framing;
use crate::limits::PROXY_FRAME_BYTES_MAX;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) framing: Framing,
    /// 0 on RTU.
    pub(super) transaction: u16,
    pub(super) unit: u8,
    /// Function code and data.
    pub(super) pdu: Vec<u8>,
}

/// What was cut out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Frame(Frame),
    /// Bytes that are no frame that the proxy knows.
    Raw(Vec<u8>),
}

/// Which way a stream goes: the length of an RTU frame depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Question,
    Answer,
}

impl Frame {
    /// As it goes over the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.framing {
            Framing::Tcp => {
                let length = self.pdu.len() as u16 + 1;
                let mut bytes = Vec::with_capacity(self.pdu.len() + 7);
                bytes.extend(self.transaction.to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(length.to_be_bytes());
                bytes.push(self.unit);
                bytes.extend(&self.pdu);
                bytes
            }
            Framing::RtuOverTcp => {
                let mut bytes = Vec::with_capacity(self.pdu.len() + 3);
                bytes.push(self.unit);
                bytes.extend(&self.pdu);
                let crc = crc(&bytes);
                bytes.extend(crc.to_le_bytes());
                bytes
            }
        }
    }

    /// Function code, with 0x80 added in an exception.
    pub(super) fn function(&self) -> u8 {
        self.pdu.first().copied().unwrap_or_default()
    }

    /// Whether both could answer the same question, as far as RTU can tell.
    pub(super) fn is_shaped_like(&self, other: &Self) -> bool {
        (self.unit, self.function(), self.pdu.len()) == (other.unit, other.function(), other.pdu.len())
    }
}

/// CRC-16/MODBUS.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct Cutter {
    framing: Framing,
    way: Way,
    buffer: Vec<u8>,
}

/// What stands at the beginning of a buffer.
enum Begins {
    /// A frame of so many bytes.
    Whole(usize),
    /// Perhaps a frame; more bytes will tell.
    Part,
    /// Nothing that is known.
    Unknown,
}

impl Cutter {
    pub(super) const fn new(framing: Framing, way: Way) -> Self {
        Self { framing, way, buffer: Vec::new() }
    }

    /// Takes bytes as they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether bytes wait that only silence can end.
    pub(super) fn is_stuck(&self) -> bool {
        !self.buffer.is_empty() && matches!(self.begins(), Begins::Unknown)
    }

    /// The next whole frame; whatever there is if it can't be one.
    pub(super) fn next(&mut self) -> Option<Piece> {
        match self.begins() {
            Begins::Whole(length) => {
                let bytes: Vec<u8> = self.buffer.drain(..length).collect();
                Some(self.read(&bytes))
            }
            Begins::Unknown if self.buffer.len() > PROXY_FRAME_BYTES_MAX => self.flush(),
            Begins::Part | Begins::Unknown => None,
        }
    }

    /// Silence has come: whatever there is.
    pub(super) fn flush(&mut self) -> Option<Piece> {
        (!self.buffer.is_empty()).then(|| Piece::Raw(std::mem::take(&mut self.buffer)))
    }

    fn begins(&self) -> Begins {
        let (length, least) = match self.framing {
            Framing::Tcp => (self.tcp_length(), 6),
            Framing::RtuOverTcp => (self.rtu_length(), 3),
        };
        match length {
            _ if self.buffer.len() < least => Begins::Part,
            Some(length) if length > self.buffer.len() => Begins::Part,
            Some(length) if self.is_sound(length) => Begins::Whole(length),
            _ => Begins::Unknown,
        }
    }

    fn tcp_length(&self) -> Option<usize> {
        let [_, _, 0, 0, high, low, ..] = self.buffer[..] else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        (2..=254).contains(&length).then_some(6 + length)
    }

    fn rtu_length(&self) -> Option<usize> {
        let function = *self.buffer.get(1)?;
        let count = |at: usize| self.buffer.get(at).map_or(0, |count| usize::from(*count));
        match (self.way, function) {
            (Way::Question, 1..=6) | (Way::Answer, 5 | 6 | 15 | 16) => Some(8),
            (Way::Question, 15 | 16) => Some(9 + count(6)),
            (Way::Answer, 1..=4) => Some(5 + count(2)),
            (Way::Answer, 0x81..) => Some(5),
            _ => None,
        }
    }

    fn is_sound(&self, length: usize) -> bool {
        let (body, tail) = self.buffer[..length].split_at(length - 2);
        self.framing == Framing::Tcp || crc(body).to_le_bytes() == tail
    }

    fn read(&self, bytes: &[u8]) -> Piece {
        Piece::Frame(match self.framing {
            Framing::Tcp => Frame {
                framing: self.framing,
                transaction: u16::from_be_bytes([bytes[0], bytes[1]]),
                unit: bytes[6],
                pdu: bytes[7..].to_vec(),
            },
            Framing::RtuOverTcp => Frame {
                framing: self.framing,
                transaction: 0,
                unit: bytes[0],
                pdu: bytes[1..bytes.len() - 2].to_vec(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(framing: Framing, pdu: &[u8]) -> Frame {
        let transaction = if framing == Framing::Tcp { 0x1234 } else { 0 };
        Frame { framing, transaction, unit: 7, pdu: pdu.to_vec() }
    }

    #[test]
    fn the_crc_is_that_of_the_specification() {
        // Modbus over serial line V1.02, appendix B: 02 07 has the CRC 1241, sent low byte first: 41 12.
        assert_eq!(crc(&[0x02, 0x07]), 0x1241);
    }

    #[test]
    fn frames_are_cut_out_wherever_the_stream_is_broken() {
        for framing in [Framing::Tcp, Framing::RtuOverTcp] {
            let answers: [&[u8]; 4] = [&[3, 4, 0, 1, 0, 2], &[0x83, 2], &[1, 1, 5], &[16, 0, 1, 0, 2]];
            let questions: [&[u8]; 3] = [&[3, 0, 1, 0, 2], &[15, 0, 1, 0, 2, 1, 3], &[6, 0, 1, 0, 9]];
            for (way, pdus) in [(Way::Answer, &answers[..]), (Way::Question, &questions[..])] {
                let frames: Vec<Frame> = pdus.iter().map(|pdu| frame(framing, pdu)).collect();
                let stream: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
                for cut in 0..stream.len() {
                    let mut cutter = Cutter::new(framing, way);
                    let mut found = Vec::new();
                    for part in [&stream[..cut], &stream[cut..]] {
                        cutter.push(part);
                        found.extend(std::iter::from_fn(|| cutter.next()));
                    }
                    let expected: Vec<Piece> = frames.iter().cloned().map(Piece::Frame).collect();
                    assert_eq!(found, expected, "{framing:?} {way:?} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_frame_waits_for_silence_and_passes_as_it_came() {
        for (framing, bytes) in [
            (Framing::Tcp, vec![1, 2, 3, 4, 5, 6, 7, 8]),
            (Framing::RtuOverTcp, vec![1, 43, 14, 1, 0]),
            (Framing::RtuOverTcp, vec![1, 3, 2, 0, 0, 0xAA, 0xAA]),
        ] {
            let mut cutter = Cutter::new(framing, Way::Answer);
            cutter.push(&bytes);
            assert!(cutter.next().is_none() && cutter.is_stuck(), "{bytes:?}");
            assert_eq!(cutter.flush(), Some(Piece::Raw(bytes)));
            assert_eq!(cutter.flush(), None);
        }
    }

    #[test]
    fn a_stream_without_frames_does_not_fill_the_memory() {
        let mut cutter = Cutter::new(Framing::Tcp, Way::Answer);
        cutter.push(&vec![0xFF; PROXY_FRAME_BYTES_MAX + 1]);
        assert!(matches!(cutter.next(), Some(Piece::Raw(_))));
    }
}
