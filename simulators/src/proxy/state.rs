//! What every connection of one proxy shares: the faults that stand, chance, counters, and on RTU framing the one
//! voice of the bus.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use super::twist::{Act, Twister};
use super::{ProxyCounts, ProxyFault};
use crate::bench::Framing;
use crate::limits::PROXY_PLAYERS_MAX;

/// Which faults stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// For every unit that has none of its own.
    pub(super) all: Option<ProxyFault>,
    pub(super) units: BTreeMap<u8, ProxyFault>,
}

impl Faults {
    fn of(&self, unit: u8) -> Option<ProxyFault> {
        self.units.get(&unit).copied().or(self.all)
    }
}

/// See above.
#[derive(Debug)]
pub(super) struct State {
    pub(super) framing: Framing,
    pub(super) faults: watch::Sender<Faults>,
    /// Cancelled when the proxy is dropped.
    pub(super) stop: CancellationToken,
    /// Answers that are being played beside the connections.
    pub(super) players: Semaphore,
    twister: Mutex<Twister>,
    /// Where answers are heard on RTU framing: whatever connection was opened last, as behind a transparent converter.
    voice: Mutex<Option<mpsc::WeakSender<Act>>>,
    connections: AtomicU64,
    questions: AtomicU64,
    answers: AtomicU64,
    twisted: AtomicU64,
}

impl State {
    pub(super) fn new(framing: Framing, seed: u64) -> Self {
        Self {
            framing,
            faults: watch::Sender::default(),
            stop: CancellationToken::new(),
            players: Semaphore::new(PROXY_PLAYERS_MAX),
            twister: Mutex::new(Twister::new(seed)),
            voice: Mutex::new(None),
            connections: AtomicU64::new(0),
            questions: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            twisted: AtomicU64::new(0),
        }
    }

    /// Whether this fault of connections stands.
    pub(super) fn has(&self, fault: ProxyFault) -> bool {
        self.faults.borrow().all == Some(fault)
    }

    /// What the client is to see of an answer.
    pub(super) fn twist(&self, answer: Frame) -> Vec<Act> {
        let fault = self.faults.borrow().of(answer.unit);
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.twisted.fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
        lock(&self.twister).twist(fault, answer)
    }

    pub(super) fn connected(&self, voice: &mpsc::Sender<Act>) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        *lock(&self.voice) = Some(voice.downgrade());
    }

    pub(super) fn asked(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
    }

    /// Where to say what belongs to the connection of `own`, if anybody listens there.
    pub(super) fn voice(&self, own: &mpsc::WeakSender<Act>) -> Option<mpsc::Sender<Act>> {
        match self.framing {
            Framing::Tcp => own.upgrade(),
            Framing::RtuOverTcp => lock(&self.voice).as_ref().and_then(mpsc::WeakSender::upgrade),
        }
    }

    pub(super) fn counts(&self) -> ProxyCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProxyCounts {
            connections: count(&self.connections),
            questions: count(&self.questions),
            answers: count(&self.answers),
            twisted: count(&self.twisted),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
