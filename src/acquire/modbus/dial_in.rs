//! The way to a device that dials in: it can't be called, only waited for. Its connection outlives the sessions on it, as it
//! would have to be waited for again.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::dial::{Dial, Pace};
use super::reception::{Caller, Reception};
use crate::site;
use crate::words;

/// The place of a link at a reception.
#[derive(Debug)]
pub(super) struct DialIn {
    name: String,
    reception: Reception,
    /// The present caller, and whether it has been seen.
    line: Mutex<watch::Receiver<Option<Caller>>>,
}

impl DialIn {
    /// The place that `dial_in` has at one of `receptions`.
    pub(super) fn new(dial_in: &site::DialIn, receptions: &[Reception]) -> Option<Self> {
        let (line, reception) = receptions.iter().find_map(|reception| reception.seat(dial_in))?;
        Some(Self { name: dial_in.registration.to_string(), reception, line: Mutex::new(line) })
    }

    fn line(&self) -> watch::Receiver<Option<Caller>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn present(&self) -> Option<Caller> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.borrow_and_update().clone().filter(|caller| !caller.is_broken())
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
