//! What a fault makes of one answer: pure, from the answer, the answers before it and chance.

use std::collections::VecDeque;
use std::time::Duration;

use super::ProxyFault;
use super::frame::Frame;
use crate::bench::Framing;
use crate::limits::PROXY_MEMORY_LEN_MAX;

/// Between the two pieces of a split answer.
const SPLIT_PAUSE: Duration = Duration::from_millis(5);
/// Between two bytes of a trickling answer.
const TRICKLE_PAUSE: Duration = Duration::from_millis(1);
/// Bytes of garbage around an answer.
const GARBAGE_BYTES_MAX: usize = 24;

/// What the client is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// These bytes.
    Say(Vec<u8>),
    /// Nothing for so long.
    Wait(Duration),
    /// The end of the connection.
    Hangup,
    /// Its end without warning.
    Reset,
}

/// What twisting needs beside the answer.
#[derive(Debug)]
pub(super) struct Twister {
    rng: fastrand::Rng,
    /// The latest answers, newest last.
    memory: VecDeque<Frame>,
    /// Answers split so far.
    splits: usize,
}

impl Twister {
    pub(super) fn new(seed: u64) -> Self {
        let memory = VecDeque::with_capacity(PROXY_MEMORY_LEN_MAX);
        Self { rng: fastrand::Rng::with_seed(seed), memory, splits: 0 }
    }

    /// What the client is to see of `answer`.
    pub(super) fn twist(&mut self, fault: Option<ProxyFault>, answer: Frame) -> Vec<Act> {
        let acts = fault.map_or_else(|| vec![Act::Say(answer.bytes())], |fault| self.act(fault, &answer));
        if self.memory.len() == PROXY_MEMORY_LEN_MAX {
            self.memory.pop_front();
        }
        self.memory.push_back(answer);
        acts
    }

    fn act(&mut self, fault: ProxyFault, answer: &Frame) -> Vec<Act> {
        let bytes = answer.bytes();
        match fault {
            ProxyFault::Delay(delay) => vec![Act::Wait(delay), Act::Say(bytes)],
            ProxyFault::Drop | ProxyFault::HalfOpen | ProxyFault::Refuse => Vec::new(),
            ProxyFault::Split => self.split(&bytes),
            ProxyFault::Trickle => trickle(&bytes),
            ProxyFault::Duplicate => vec![Act::Say([&bytes[..], &bytes].concat())],
            ProxyFault::Truncated => vec![Act::Say(bytes[..bytes.len() - 2].to_vec())],
            ProxyFault::Corrupt => vec![Act::Say(self.corrupt(answer, bytes))],
            ProxyFault::GarbageBefore => vec![Act::Say([self.garbage(), bytes].concat())],
            ProxyFault::GarbageAfter => vec![Act::Say([bytes, self.garbage()].concat())],
            ProxyFault::Stale => vec![Act::Say(self.stale(answer).unwrap_or(bytes))],
            ProxyFault::TwoAnswers => {
                vec![Act::Say([bytes, self.stale(answer).unwrap_or_default()].concat())]
            }
            ProxyFault::Hangup => vec![Act::Say(bytes[..bytes.len() / 2].to_vec()), Act::Hangup],
            ProxyFault::Reset => vec![Act::Reset],
            ProxyFault::WrongTransaction
            | ProxyFault::WrongUnit
            | ProxyFault::WrongFunction
            | ProxyFault::Short
            | ProxyFault::Oversized
            | ProxyFault::BadCount
            | ProxyFault::Exception(_)
            | ProxyFault::ExceptionStorm => vec![Act::Say(self.forge(fault, answer.clone()).bytes())],
        }
    }

    /// A sound frame that is not the answer.
    fn forge(&mut self, fault: ProxyFault, mut frame: Frame) -> Frame {
        let function = frame.function();
        match fault {
            ProxyFault::WrongTransaction => frame.transaction = frame.transaction.wrapping_sub(1),
            ProxyFault::WrongUnit => frame.unit = frame.unit.wrapping_add(1),
            ProxyFault::WrongFunction => frame.pdu[0] = other_function(function),
            ProxyFault::Short => resize(&mut frame.pdu, -1),
            ProxyFault::Oversized => resize(&mut frame.pdu, 1),
            ProxyFault::BadCount => {
                if let Some(count) = frame.pdu.get_mut(1) {
                    *count = count.wrapping_add(1);
                }
            }
            ProxyFault::Exception(code) => frame.pdu = vec![function | 0x80, code],
            _ => frame.pdu = vec![function | 0x80, self.rng.u8(..)],
        }
        frame
    }

    fn split(&mut self, bytes: &[u8]) -> Vec<Act> {
        let cut = 1 + self.splits % (bytes.len() - 1);
        self.splits += 1;
        let (front, back) = bytes.split_at(cut);
        vec![Act::Say(front.to_vec()), Act::Wait(SPLIT_PAUSE), Act::Say(back.to_vec())]
    }

    fn corrupt(&mut self, answer: &Frame, mut bytes: Vec<u8>) -> Vec<u8> {
        let guarded = match answer.framing {
            // Transaction, protocol, length, unit, function and byte count.
            Framing::Tcp => bytes.len().min(9),
            Framing::RtuOverTcp => bytes.len(),
        };
        bytes[self.rng.usize(..guarded)] ^= 1 << self.rng.u8(..8);
        bytes
    }

    fn garbage(&mut self) -> Vec<u8> {
        let length = self.rng.usize(1..=GARBAGE_BYTES_MAX);
        (0..length).map(|_| self.rng.u8(..)).collect()
    }

    /// The latest answer that could be taken for this one and is not it.
    fn stale(&self, answer: &Frame) -> Option<Vec<u8>> {
        let older = |old: &&Frame| old.is_shaped_like(answer) && old.pdu != answer.pdu;
        self.memory.iter().rev().find(older).map(Frame::bytes)
    }
}

fn trickle(bytes: &[u8]) -> Vec<Act> {
    bytes.iter().flat_map(|byte| [Act::Say(vec![*byte]), Act::Wait(TRICKLE_PAUSE)]).collect()
}

/// The function that reads the sibling table.
fn other_function(function: u8) -> u8 {
    match function & 0x7F {
        1 | 3 => function + 1,
        2 | 4 => function - 1,
        _ => function ^ 1,
    }
}

/// An answer to a read of a register, or of eight bits, more or less.
fn resize(pdu: &mut Vec<u8>, by: isize) {
    let step = if matches!(pdu[0], 1 | 2) { 1 } else { 2 };
    let length = pdu.len().saturating_add_signed(by * step).max(2);
    pdu.resize(length, 0x55);
    if matches!(pdu[0], 1..=4) {
        pdu[1] = (length - 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(700);

    fn answer(framing: Framing, value: u8) -> Frame {
        let transaction = if framing == Framing::Tcp { 100 + u16::from(value) } else { 0 };
        Frame { framing, transaction, unit: 1, pdu: vec![3, 4, 0, value, 0, 2] }
    }

    fn said(acts: &[Act]) -> Vec<u8> {
        let bytes = |act: &Act| if let Act::Say(bytes) = act { bytes.clone() } else { Vec::new() };
        acts.iter().flat_map(bytes).collect()
    }

    #[test]
    fn without_a_fault_answers_pass() {
        let mut twister = Twister::new(1);
        let frame = answer(Framing::Tcp, 1);
        assert_eq!(twister.twist(None, frame.clone()), [Act::Say(frame.bytes())]);
    }

    #[test]
    fn each_fault_shows_and_the_same_seed_shows_the_same() {
        for framing in [Framing::Tcp, Framing::RtuOverTcp] {
            for fault in ProxyFault::all(DELAY, 4) {
                let run = || {
                    let mut twister = Twister::new(42);
                    twister.twist(None, answer(framing, 1));
                    twister.twist(Some(fault), answer(framing, 2))
                };
                let passes = fault == ProxyFault::WrongTransaction && framing == Framing::RtuOverTcp;
                let plain = [Act::Say(answer(framing, 2).bytes())];
                assert_eq!(run() == plain, passes, "{framing:?} {}", fault.name());
                assert_eq!(run(), run(), "{}", fault.name());
            }
        }
    }

    #[test]
    fn split_answers_are_whole_and_cut_at_every_byte() {
        let mut twister = Twister::new(1);
        let frame = answer(Framing::Tcp, 9);
        let length = frame.bytes().len();
        let mut cuts = Vec::new();
        for _ in 1..length {
            let acts = twister.twist(Some(ProxyFault::Split), frame.clone());
            assert_eq!(said(&acts), frame.bytes());
            let Act::Say(front) = &acts[0] else { panic!("{acts:?}") };
            cuts.push(front.len());
        }
        assert_eq!(cuts, (1..length).collect::<Vec<_>>());
        assert_eq!(said(&twister.twist(Some(ProxyFault::Trickle), frame.clone())), frame.bytes());
    }

    #[test]
    fn a_stale_answer_is_the_one_before_with_its_own_transaction() {
        let mut twister = Twister::new(1);
        let (old, new) = (answer(Framing::Tcp, 1), answer(Framing::Tcp, 2));
        twister.twist(None, old.clone());
        assert_eq!(said(&twister.twist(Some(ProxyFault::Stale), new.clone())), old.bytes());
        let both = twister.twist(Some(ProxyFault::TwoAnswers), new.clone());
        assert_eq!(said(&both), [new.bytes(), old.bytes()].concat());
    }

    #[test]
    fn answers_of_another_length_say_their_own() {
        let mut twister = Twister::new(1);
        let frame = answer(Framing::Tcp, 1);
        let short = said(&twister.twist(Some(ProxyFault::Short), frame.clone()));
        assert_eq!(&short[4..], [0, 5, 1, 3, 2, 0, 1]);
        let long = said(&twister.twist(Some(ProxyFault::Oversized), frame.clone()));
        assert_eq!(&long[4..], [0, 9, 1, 3, 6, 0, 1, 0, 2, 0x55, 0x55]);
        let lying = said(&twister.twist(Some(ProxyFault::BadCount), frame));
        assert_eq!(&lying[4..], [0, 7, 1, 3, 5, 0, 1, 0, 2]);
    }

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let names = ProxyFault::all(DELAY, 4).map(ProxyFault::name);
        for (n, name) in names.iter().enumerate() {
            assert!(!names[..n].contains(name), "{name}");
        }
    }
}
