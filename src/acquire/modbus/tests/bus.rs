//! A bus in memory, in virtual time: every question goes to a script, which says what is heard in return. The
//! value of every register and bit tells where it stands, so that an answer taken for another's shows.
//! On RTU framing it behaves as a transparent converter does: what a device says late is heard on whatever
//! connection is open by then.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::Framing;
use super::super::dial::Dial;
use super::super::guard::{Answer, Question};
use super::super::plan::{Located, Span};
use crate::model::{PointId, Sample, Value};
use crate::site::{ByteOrder, Encoding, ModbusDevice, Register, Table};

/// A question as it was heard on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Asked {
    /// On which framing.
    pub(in super::super) framing: Framing,
    /// Transaction id, 0 on RTU.
    pub(in super::super) transaction: u16,
    /// To whom.
    pub(in super::super) unit: u8,
    /// Function code.
    pub(in super::super) function: u8,
    /// First address.
    pub(in super::super) start: u16,
    /// How many.
    pub(in super::super) count: u16,
}

/// What is heard in return.
#[derive(Debug, Clone)]
pub(in super::super) enum Act {
    /// These bytes.
    Say(Vec<u8>),
    /// Nothing for this long.
    Wait(Duration),
    /// The end of the connection.
    Close,
}

type Script = Box<dyn FnMut(Asked) -> Vec<Act> + Send>;
type Voice = mpsc::Sender<Act>;

/// The value of the register at `address` of a unit's table.
pub(in super::super) fn truth(unit: u8, function: u8, address: u16) -> u16 {
    u16::from(unit) << 12 ^ u16::from(function) << 9 ^ address.wrapping_mul(7)
}

fn truth_bit(unit: u8, function: u8, address: u16) -> bool {
    truth(unit, function, address).count_ones() % 2 == 1
}

impl Asked {
    /// The right answer.
    pub(in super::super) fn answer(self) -> Vec<u8> {
        self.frame(&self.pdu(self.start, self.count))
    }

    /// The right answer to a question for other registers.
    pub(in super::super) fn answer_for(self, start: u16, count: u16) -> Vec<u8> {
        self.frame(&self.pdu(start, count))
    }

    /// An exception.
    pub(in super::super) fn exception(self, code: u8) -> Vec<u8> {
        self.frame(&[self.function | 0x80, code])
    }

    /// Whether `address` of `function` is among what is asked for.
    pub(in super::super) fn covers(self, function: u8, address: u16) -> bool {
        self.function == function && (self.start..self.start + self.count).contains(&address)
    }

    fn pdu(self, start: u16, count: u16) -> Vec<u8> {
        let addresses = start..start + count;
        let data: Vec<u8> = if self.function <= 2 {
            let bits: Vec<u16> = addresses.collect();
            let byte = |bits: &[u16]| {
                let bit = |(n, at): (usize, &u16)| u8::from(truth_bit(self.unit, self.function, *at)) << n;
                bits.iter().enumerate().map(bit).sum()
            };
            bits.chunks(8).map(byte).collect()
        } else {
            addresses.flat_map(|at| truth(self.unit, self.function, at).to_be_bytes()).collect()
        };
        [&[self.function, data.len() as u8], data.as_slice()].concat()
    }

    /// `pdu` in a frame that answers this question.
    pub(in super::super) fn frame(self, pdu: &[u8]) -> Vec<u8> {
        match self.framing {
            Framing::Tcp => {
                let [t1, t2] = self.transaction.to_be_bytes();
                let [l1, l2] = (pdu.len() as u16 + 1).to_be_bytes();
                [&[t1, t2, 0, 0, l1, l2, self.unit], pdu].concat()
            }
            Framing::Rtu => {
                let body = [&[self.unit], pdu].concat();
                let crc = crc(&body);
                [body, crc.to_le_bytes().to_vec()].concat()
            }
        }
    }

    /// The question in `frame`.
    pub(in super::super) fn read(framing: Framing, frame: &[u8]) -> Self {
        let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        let (transaction, at) = match framing {
            Framing::Tcp => (word(0), 6),
            Framing::Rtu => (0, 0),
        };
        let (unit, function, start, count) = (frame[at], frame[at + 1], word(at + 2), word(at + 4));
        Self { framing, transaction, unit, function, start, count }
    }
}

/// The tables by their function codes, less one.
const TABLES: [Table; 4] = [Table::Coil, Table::Discrete, Table::Holding, Table::Input];

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

/// The bus, as its far end and the test see it. Clones are the same bus.
#[derive(Clone)]
pub(in super::super) struct Bus {
    framing: Framing,
    script: Arc<Mutex<Script>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    refusing: bool,
    dials: usize,
    asked: Vec<Asked>,
    open: Option<Voice>,
}

impl Bus {
    /// A bus on which `script` answers.
    pub(in super::super) fn new(
        framing: Framing,
        script: impl FnMut(Asked) -> Vec<Act> + Send + 'static,
    ) -> Self {
        let script: Script = Box::new(script);
        Self { framing, script: Arc::new(Mutex::new(script)), state: Arc::default() }
    }

    /// Refuses connections, and ends the one there is, or takes them again.
    pub(in super::super) fn refuse(&self, refusing: bool) {
        let mut state = self.state.lock().unwrap();
        state.refusing = refusing;
        if refusing {
            state.open = None;
        }
    }

    /// Connections so far.
    pub(in super::super) fn dials(&self) -> usize {
        self.state.lock().unwrap().dials
    }

    /// Takes the questions that were heard.
    pub(in super::super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    async fn listen(self, mut questions: ReadHalf<DuplexStream>, voice: mpsc::WeakSender<Act>) {
        let mut frame = vec![0; if self.framing == Framing::Tcp { 12 } else { 8 }];
        while questions.read_exact(&mut frame).await.is_ok() {
            let asked = Asked::read(self.framing, &frame);
            self.state.lock().unwrap().asked.push(asked);
            let acts = (self.script.lock().unwrap())(asked);
            tokio::spawn(self.clone().act(acts, voice.clone()));
        }
    }

    async fn act(self, acts: Vec<Act>, own: mpsc::WeakSender<Act>) {
        for act in acts {
            if let Act::Wait(time) = act {
                sleep(time).await;
                continue;
            }
            let voice = match self.framing {
                Framing::Tcp => own.upgrade(),
                Framing::Rtu => self.state.lock().unwrap().open.clone(),
            };
            if let Some(voice) = voice {
                // The connection may have ended in the meantime: then nobody hears it.
                voice.send(act).await.ok();
            }
        }
    }
}

async fn speak(mut out: WriteHalf<DuplexStream>, mut acts: mpsc::Receiver<Act>) {
    while let Some(Act::Say(bytes)) = acts.recv().await {
        if out.write_all(&bytes).await.is_err() {
            break;
        }
    }
    out.shutdown().await.ok();
}

impl Dial for Bus {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(4096);
        let (questions, out) = tokio::io::split(far);
        let (voice, acts) = mpsc::channel(64);
        let weak = voice.downgrade();
        {
            let mut state = self.state.lock().unwrap();
            if state.refusing {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            state.dials += 1;
            state.open = Some(voice);
        }
        tokio::spawn(speak(out, acts));
        tokio::spawn(self.clone().listen(questions, weak));
        Ok(near)
    }

    fn address(&self) -> &'static str {
        "bus:1"
    }
}

/// A device with usual limits.
pub(in super::super) fn device(unit: u8) -> ModbusDevice {
    ModbusDevice {
        unit,
        poll: Duration::from_secs(1),
        pause: Duration::ZERO,
        timeout: Duration::from_millis(500),
        registers_max: 125,
        gap_max: 8,
    }
}

/// A 16-bit register.
pub(in super::super) fn register(table: Table, address: u16) -> Register {
    let encoding = if matches!(table, Table::Coil | Table::Discrete) { Encoding::Bit } else { Encoding::U16 };
    Register { table, address, encoding, order: ByteOrder::Abcd }
}

/// Points in holding registers, numbered from 0.
pub(in super::super) fn holdings(addresses: impl IntoIterator<Item = u16>) -> Vec<Located> {
    let located = |(n, address)| Located::all(PointId::new(n), &register(Table::Holding, address).into());
    addresses.into_iter().enumerate().flat_map(located).collect()
}

/// The true sample of a holding register.
pub(in super::super) fn holding(unit: u8, address: u16) -> Sample {
    Sample::Good(Value::Int(i64::from(truth(unit, 3, address))))
}

/// The true answer to a question.
pub(in super::super) fn true_answer(question: Question) -> Answer {
    let Question { unit, span: Span { table, start, count }, .. } = question;
    let function = TABLES.iter().position(|t| *t == table).unwrap() as u8 + 1;
    let addresses = start..start + count;
    if function <= 2 {
        Answer::Bits(addresses.map(|at| truth_bit(unit, function, at)).collect())
    } else {
        Answer::Words(addresses.map(|at| truth(unit, function, at)).collect())
    }
}
