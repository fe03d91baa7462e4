//! A Modbus server whose every value says where it stands and which question it answers, and that keeps a ledger of
//! what it was asked when: what the gateway accepts can be held against it to the question.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hazgate::clock::Clock;
use hazgate::model::Wall;
use simulators::Framing;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// Where a point stands: unit, function code, address. A point takes two registers.
pub(crate) type Place = (u8, u8, u16);

/// A question as the server heard it.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Wall,
    generation: u16,
}

/// What was asked when, by the gateway's own clock: on any other, what was asked just before an answer's stamp may seem to
/// have been asked after it. Clones are the same ledger.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    clock: Clock,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    questions: u16,
    of_place: BTreeMap<Place, Vec<Asked>>,
}

impl Ledger {
    /// An empty one, for a gateway of this clock.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, book: Arc::default() }
    }

    /// Enters a question; says its generation.
    fn enter(&self, unit: u8, function: u8, start: u16, count: u16) -> u16 {
        let mut book = self.book.lock().expect("nobody panicked");
        book.questions = book.questions.wrapping_add(1);
        let asked = Asked { at: self.clock.now().wall, generation: book.questions };
        for address in start..start + count {
            book.of_place.entry((unit, function, address)).or_default().push(asked);
        }
        asked.generation
    }

    /// Why `value`, read at `place` and stamped `at`, can't be true; none if it answers the last question for that
    /// place that was asked before `at`.
    pub(crate) fn find_fault(&self, place: Place, value: u32, at: Wall) -> Option<String> {
        let ((unit, function, address), generation) = (place, value as u16);
        let said = ((value >> 28) as u8, (value >> 24 & 15) as u8, u16::from((value >> 16) as u8));
        if said != place {
            return Some(format!("the value of {said:?} at unit {unit}, function {function}, {address}"));
        }
        let book = self.book.lock().expect("nobody panicked");
        let asked = book.of_place.get(&place).map_or(&[][..], Vec::as_slice);
        // Stamps are whole milliseconds: what was asked within the one of the stamp may have been asked before it or after.
        let before = asked.partition_point(|asked| asked.at < at);
        let until = asked.partition_point(|asked| asked.at <= at);
        let could_be = &asked[before.saturating_sub(1)..until];
        let fits = could_be.iter().any(|asked| asked.generation == generation);
        (!fits).then(|| {
            let of = asked.iter().find(|asked| asked.generation == generation);
            format!("{place:?} at {at:?}: generation {generation} of {of:?}, not of {could_be:?}")
        })
    }

    /// When the question of this value was asked.
    pub(crate) fn asked_at(&self, place: Place, value: u32) -> Option<Wall> {
        let book = self.book.lock().expect("nobody panicked");
        book.of_place.get(&place)?.iter().rev().find(|asked| asked.generation == value as u16).map(|a| a.at)
    }
}

/// Serves every unit and both register tables, for as long as the test's runtime lives; says where.
pub(crate) async fn serve(framing: Framing, ledger: Ledger) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("an option of the socket");
            tokio::spawn(answer_on(stream, framing, ledger.clone()));
        }
    });
    address
}

/// Answers on `stream` until it ends.
pub(crate) async fn answer_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    framing: Framing,
    ledger: Ledger,
) {
    let mut frame = vec![0; if framing == Framing::Tcp { 12 } else { 8 }];
    while stream.read_exact(&mut frame).await.is_ok() {
        if stream.write_all(&answer(&frame, framing, &ledger)).await.is_err() {
            return;
        }
    }
}

fn answer(frame: &[u8], framing: Framing, ledger: &Ledger) -> Vec<u8> {
    let at = if framing == Framing::Tcp { 6 } else { 0 };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let (unit, function, start, count) = (frame[at], frame[at + 1], word(at + 2), word(at + 4));
    let generation = ledger.enter(unit, function, start, count);
    let mut body = vec![unit, function, (count * 2) as u8];
    for address in start..start + count {
        let place = u16::from(unit) << 12 | u16::from(function) << 8 | address;
        body.extend(if address % 2 == 0 { place } else { generation }.to_be_bytes());
    }
    match framing {
        Framing::Tcp => [&[frame[0], frame[1], 0, 0, 0, body.len() as u8], &body[..]].concat(),
        Framing::RtuOverTcp => {
            let crc = crc(&body);
            [body, crc.to_le_bytes().to_vec()].concat()
        }
    }
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}
