//! The way by which a person asks devices by hand, over the same session, guard and decoder that the gateway reads with:
//! what is seen here is what the gateway will see. It only ever reads.
//!
//! - here: a block of addresses, narrowed where the device refuses some of them; whether a unit answers at all;
//! - `device`: a device of a site file, point by point;
//! - `identity`: who a unit says it is.

mod device;
mod identity;

use std::ops::Range;
use std::time::Duration;

use self::identity::WAYS;
use super::super::conversion::Scale;
use super::decode;
use super::dial::Way;
use super::guard::{Answer, Failure, Question};
use super::plan::Span;
use super::session::Session;
use crate::clock::Clock;
use crate::model::limits::{MODBUS_BITS_PER_READ_MAX, MODBUS_REGISTERS_PER_READ_MAX, PROBE_QUESTIONS_MAX};
use crate::model::{Sample, Text};
use crate::site::{ByteOrder, Encoding, LinkKind, Register, Table};

pub use self::device::PointRead;
pub use self::identity::Identity;

/// A hand on one link.
pub struct Probe {
    session: Session<Way>,
    clock: Clock,
    timeout: Duration,
    block_max: u16,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble it is.
    pub kind: TroubleKind,
    /// For people.
    pub words: Text,
}

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The unit, or a gateway before it, answered with this exception.
    Refused(u8),
    /// Nothing came in time.
    Silent,
    /// The connection ended.
    Lost,
    /// What came was no answer to the question.
    Garbled,
    /// There is no connection to be had.
    Unreachable,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Refused(code) => TroubleKind::Refused((*code).into()),
            Failure::Silent(_) => TroubleKind::Silent,
            Failure::Lost(_) => TroubleKind::Lost,
            Failure::Garbled(_) => TroubleKind::Garbled,
            Failure::Unreachable(_) => TroubleKind::Unreachable,
        };
        Self { kind, words: failure.words() }
    }
}

/// What a block of addresses holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// The register, or 0 or 1 for a bit, of each address that was asked for; none where the device refuses it.
    pub values: Vec<Option<u16>>,
    /// In which words the device refused the first of those that it refuses.
    pub refusal: Option<Text>,
    /// How many questions it took.
    pub questions: usize,
    /// How long their answers took together.
    pub took: Duration,
}

/// Whether a unit is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It answers; with this exception, if it has one for the question.
    Here(Option<u8>),
    /// Nothing came, or a gateway says that nobody is there.
    Absent,
    /// Something came that is no answer: two units of one number, a wrong speed, noise.
    Garbled(Text),
}

impl Probe {
    /// A hand on the link of this kind, not connected yet, that waits for each answer for at most `timeout`. None if the
    /// link is not a Modbus link, or one that the device makes.
    pub fn new(link: &LinkKind, timeout: Duration, clock: Clock) -> Option<Self> {
        let (way, framing) = Way::of(link, &[])?;
        let session = Session::new(way, framing, clock);
        let block_max = MODBUS_REGISTERS_PER_READ_MAX;
        Some(Self { session, clock, timeout, block_max })
    }

    /// Asks for at most `registers` at a time, 1–125, for devices that cannot answer as many as the protocol allows.
    #[must_use]
    pub fn with_block_max(mut self, registers: u16) -> Self {
        self.block_max = registers.clamp(1, MODBUS_REGISTERS_PER_READ_MAX);
        self
    }

    /// Reads the `addresses` of `table` (0-based, below 65,536). What the device refuses is narrowed down to the addresses
    /// that it does not have, with at most [`PROBE_QUESTIONS_MAX`] questions in all; what is then still refused as a block
    /// counts as refused whole. Any other failure ends the reading.
    pub async fn read(&mut self, unit: u8, table: Table, addresses: Range<u32>) -> Result<Contents, Trouble> {
        let mut contents =
            Contents { values: vec![None; addresses.len()], questions: 0, ..Contents::default() };
        let mut todo = self.blocks(table, &addresses);
        while let Some(span) = todo.pop() {
            let at = (u32::from(span.start) - addresses.start) as usize;
            contents.questions += 1;
            match self.ask(unit, span, &mut contents.took).await {
                Ok(answer) => put(&answer, &mut contents.values[at..]),
                Err(failure) if failure.is_of_address() => {
                    contents.refusal.get_or_insert_with(|| failure.words());
                    if span.count > 1 && contents.questions + todo.len() < PROBE_QUESTIONS_MAX {
                        todo.extend(halves(span));
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(contents)
    }

    /// Whether `unit` answers a question for one address.
    pub async fn presence(&mut self, unit: u8, table: Table, address: u16) -> Result<Presence, Trouble> {
        let span = Span { table, start: address, count: 1 };
        match self.ask(unit, span, &mut Duration::default()).await {
            Ok(_) => Ok(Presence::Here(None)),
            Err(failure @ Failure::Unreachable(_)) => Err(failure.into()),
            Err(Failure::Garbled(words)) => Ok(Presence::Garbled(words)),
            Err(failure) if failure.is_silence() => Ok(Presence::Absent),
            Err(failure) => match Trouble::from(failure).kind {
                TroubleKind::Refused(code) => Ok(Presence::Here(Some(code))),
                _ => Ok(Presence::Absent),
            },
        }
    }

    /// Who `unit` says it is, by the first way of saying it that it knows.
    pub async fn identity(&mut self, unit: u8) -> Option<Identity> {
        for (request, read) in WAYS {
            if let Ok(identity) = self.session.call(unit, self.timeout, request, read).await {
                return Some(identity);
            }
        }
        None
    }

    /// The blocks to ask for, the last one first.
    fn blocks(&self, table: Table, addresses: &Range<u32>) -> Vec<Span> {
        let count_max = match table {
            Table::Coil | Table::Discrete => MODBUS_BITS_PER_READ_MAX,
            Table::Holding | Table::Input => self.block_max,
        };
        let starts = addresses.clone().step_by(usize::from(count_max));
        let span = |start: u32| {
            let count = (addresses.end - start).min(u32::from(count_max)) as u16;
            Span { table, start: start as u16, count }
        };
        let mut blocks: Vec<Span> = starts.map(span).collect();
        blocks.reverse();
        blocks
    }

    /// Asks one question, and adds to `took` how long its answer took, which is not how long the connection took.
    async fn ask(&mut self, unit: u8, span: Span, took: &mut Duration) -> Result<Answer, Failure> {
        self.session.connect().await?;
        let asked = self.clock.now().mono;
        let answer =
            self.session.ask(Question { unit, span, timeout: self.timeout, pause: Duration::ZERO }).await;
        *took += self.clock.now().mono - asked;
        answer
    }
}

/// What `words` say in this type and order, multiplied by `scale`, as the gateway decodes it. Bad if there are not as many
/// as the type takes.
pub fn interpret(words: &[u16], encoding: Encoding, order: ByteOrder, scale: f64) -> Sample {
    let register = Register { table: Table::Holding, address: 0, encoding, order };
    decode::sample(&Answer::Words(words.to_vec()), 0, register, &Scale::new(scale, 0.0))
}

/// Puts an answer into the places of its addresses.
fn put(answer: &Answer, places: &mut [Option<u16>]) {
    let values: Vec<u16> = match answer {
        Answer::Bits(bits) => bits.iter().map(|on| u16::from(*on)).collect(),
        Answer::Words(words) => words.clone(),
    };
    for (place, value) in places.iter_mut().zip(values) {
        *place = Some(value);
    }
}

/// The two halves of a block, the last one first.
fn halves(span: Span) -> [Span; 2] {
    let lower = span.count / 2;
    let first = Span { count: lower, ..span };
    let second = Span { start: span.start + lower, count: span.count - lower, ..span };
    [second, first]
}
