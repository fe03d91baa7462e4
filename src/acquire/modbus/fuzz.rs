//! Fuzzing of this room: any bytes in answer to a question, and any words in a device's registers.

mod registers;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::Framing;
use super::guard::{Answer, Guard, Question};
use super::heartbeat::Heartbeats;
use super::line::Line;
use super::plan::Span;
use super::reception::{Known, whose};
use crate::clock::Clock;
use crate::site::{Packet, Table};

pub(crate) use registers::registers;

/// Far longer than it takes: the far end says what it says, and hangs up.
const TIMEOUT: Duration = Duration::from_secs(60);
const UNIT: u8 = 17;
/// One for all questions: clocks live as long as the process.
static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::start);

/// A far end that answers the first question with these bytes, in pieces, and hangs up.
#[derive(Debug)]
struct FarEnd {
    says: Vec<u8>,
    said: usize,
    piece: usize,
    asked: bool,
    framing: Framing,
}

impl AsyncRead for FarEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            return Poll::Pending;
        }
        let end = self.says.len().min(self.said + self.piece.min(to.remaining()));
        to.put_slice(&self.says[self.said..end]);
        self.said = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FarEnd {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // The id of a first question differs from connection to connection: what is said of it is relative.
        if self.framing == Framing::Tcp && !self.asked {
            self.says.iter_mut().zip(bytes).take(2).for_each(|(said, id)| *said ^= id);
        }
        self.asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The answer over Modbus TCP. An answer that is accepted stands at the beginning of what was said.
pub(crate) fn tcp(data: &[u8]) {
    let Some((question, says, answer)) = ask(Framing::Tcp, data) else { return };
    let count = (says.len() - 6) as u16;
    let [0, 0, 0, 0, high, low, UNIT, ref pdu @ ..] = says[..] else { panic!("{answer:?} of {says:?}") };
    assert!(u16::from_be_bytes([high, low]) <= count, "{answer:?} of {says:?}");
    assert_eq!(told(question, pdu), Some(answer), "{says:?}");
}

/// The answer on RTU framing. An answer that is accepted stands in what was said, unit, function, length and sum.
pub(crate) fn rtu(data: &[u8]) {
    let Some((question, says, answer)) = ask(Framing::Rtu, data) else { return };
    let stands = says.windows(5).enumerate().any(|(at, head)| {
        let length = 3 + usize::from(head[2]);
        let sum = says.get(at + length..at + length + 2);
        head[0] == UNIT
            && sum.is_some_and(|sum| sum == crc(&says[at..at + length]).to_le_bytes())
            && told(question, &says[at + 1..at + length]).as_ref() == Some(&answer)
    });
    assert!(stands, "{answer:?} of {says:?}");
}

/// A device that dialled in: who it is does not change as it goes on, and what is passed on of what it says is the same however it
/// is cut.
pub(crate) fn dial_in(data: &[u8]) {
    let packets: Arc<[Packet]> = [&b"DTU-1"[..], b"ping", &[0xFF]].map(|bytes| Packet(bytes.to_vec())).into();
    let Some((&piece, says)) = data.split_first() else { return };
    let known = |count: usize| whose(packets.iter(), &says[..count]);
    for count in 1..=says.len() {
        let (before, after) = (known(count - 1), known(count));
        assert!(before == Known::NotYet || before == after, "{before:?}, then {after:?}");
    }
    let heard = hear(says, piece, &packets);
    let mut rest = says;
    while let Some(after) = packets.iter().find_map(|packet| rest.strip_prefix(packet.0.as_slice())) {
        rest = after;
    }
    if packets.iter().any(|packet| packet.0.starts_with(rest)) {
        rest = &[];
    }
    assert_eq!(heard, rest, "of {says:?}");
}

/// What is passed on of `says`, said in pieces to somebody who has asked.
fn hear(says: &[u8], piece: u8, packets: &Arc<[Packet]>) -> Vec<u8> {
    let piece = usize::from(piece).max(1);
    let far_end = FarEnd { says: says.to_vec(), said: 0, piece, asked: true, framing: Framing::Rtu };
    let mut line = Heartbeats::new(far_end, Arc::clone(packets), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut heard = Vec::new();
    runtime.block_on(line.read_to_end(&mut heard)).expect("nothing that fails");
    heard
}

/// Reads a question and what is said in return out of `data`, and asks.
fn ask(framing: Framing, data: &[u8]) -> Option<(Question, Vec<u8>, Answer)> {
    let &[table, count, piece, ref says @ ..] = data else { return None };
    let table = [Table::Coil, Table::Discrete, Table::Holding, Table::Input][usize::from(table % 4)];
    let span = Span { table, start: 0, count: u16::from(count % 125) + 1 };
    let question = Question { unit: UNIT, span, timeout: TIMEOUT, pause: Duration::ZERO };
    let far_end =
        FarEnd { says: says.to_vec(), said: 0, piece: usize::from(piece).max(1), asked: false, framing };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut guard = Guard::attach(framing, Line::new(far_end));
    let answer = runtime.block_on(async { guard.ask(question, &mut CLOCK.timer()).await });
    answer.ok().map(|answer| (question, says.to_vec(), answer))
}

/// What a response (function, byte count, data) says, read without the gateway's help.
fn told(question: Question, pdu: &[u8]) -> Option<Answer> {
    let Span { table, count, .. } = question.span;
    let (function, is_bits) = match table {
        Table::Coil => (1, true),
        Table::Discrete => (2, true),
        Table::Holding => (3, false),
        Table::Input => (4, false),
    };
    let bytes = if is_bits { count.div_ceil(8) } else { count * 2 };
    let data = pdu.strip_prefix(&[function, bytes as u8])?.get(..usize::from(bytes))?;
    Some(if is_bits {
        let bit = |n: usize| data[n / 8] >> (n % 8) & 1 == 1;
        Answer::Bits((0..usize::from(count)).map(bit).collect())
    } else {
        Answer::Words(data.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    })
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}
