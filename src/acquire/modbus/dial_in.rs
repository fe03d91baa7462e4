//! The way to a device that dials in: it can't be called, only waited for. Its connection outlives the sessions on it, as it
//! would have to be waited for again. One that stays silent, heartbeats and all, whatever is asked, is ended nevertheless: a
//! device that hangs is brought to dial again by nothing else.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::dial::{Dial, Pace};
use super::heartbeat::Heartbeats;
use super::reception::{self, Caller, Reception};
use crate::model::limits::DIAL_IN_SILENT_MAX;
use crate::site;
use crate::words;

/// The place of a link at a reception.
#[derive(Debug)]
pub(super) struct DialIn {
    name: String,
    reception: Reception,
    /// The present caller, and whether it has been seen.
    line: Mutex<watch::Receiver<Option<Caller>>>,
    /// Sessions in a row in which nothing was heard on the connection.
    silent: AtomicUsize,
}

impl DialIn {
    /// The place that `dial_in` has at one of `receptions`.
    pub(super) fn new(dial_in: &site::DialIn, receptions: &[Reception]) -> Option<Self> {
        let (line, reception) = receptions.iter().find_map(|reception| reception.seat(dial_in))?;
        Some(Self {
            name: dial_in.registration.to_string(),
            reception,
            line: Mutex::new(line),
            silent: AtomicUsize::new(0),
        })
    }

    fn line(&self) -> watch::Receiver<Option<Caller>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn present(&self) -> Option<Caller> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let present = line.borrow_and_update().clone()?;
        if present.is_broken() {
            // The far end may have closed its half only, and wait for ours.
            reception::hang_up(&present);
            return None;
        }
        if present.with(Heartbeats::take_heard) {
            self.silent.store(0, Ordering::Relaxed);
        } else if self.silent.fetch_add(1, Ordering::Relaxed) >= DIAL_IN_SILENT_MAX {
            self.silent.store(0, Ordering::Relaxed);
            tracing::warn!(registration = self.name, "a device that dialled in says nothing: hung up on");
            reception::hang_up(&present);
            return None;
        }
        Some(present)
    }
}

impl Dial for DialIn {
    type Stream = Caller;

    async fn dial(&self) -> io::Result<Caller> {
        self.present().ok_or_else(|| words::own_error(self.reception.absence()))
    }

    fn address(&self) -> &str {
        &self.name
    }

    fn pace(&self) -> Pace {
        Pace { lasting: true, ..Pace::default() }
    }

    async fn called(&self) {
        let mut line = self.line();
        if line.changed().await.is_err() {
            // The gateway is about to stop.
            std::future::pending::<()>().await;
        }
    }
}
