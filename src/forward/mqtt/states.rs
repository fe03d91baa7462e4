//! Retained states that are due. Made from the board when they are sent, so that many changes are one message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

use super::payload::Outgoing;
use super::topics::Topics;
use crate::model::{AlarmState, Board, Event};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Alarm(String),
    Risk,
    Device(String),
    Output(String),
}

/// The board, and what of it has yet to be sent.
#[derive(Debug)]
pub(super) struct States {
    board: watch::Receiver<Arc<Board>>,
    /// The board as it was last looked at.
    seen: Arc<Board>,
    due: BTreeSet<Due>,
}

impl States {
    /// None of them is due.
    pub(super) fn new(mut board: watch::Receiver<Arc<Board>>) -> Self {
        let seen = Arc::clone(&board.borrow_and_update());
        Self { board, seen, due: BTreeSet::new() }
    }

    /// All of the board is to be sent.
    pub(super) fn all_due(&mut self) {
        let board = Arc::clone(&self.board.borrow_and_update());
        self.due.insert(Due::Risk);
        self.due.extend(board.alarms.keys().cloned().map(Due::Alarm));
        self.due.extend(board.devices.keys().cloned().map(Due::Device));
        self.due.extend(board.outputs.keys().cloned().map(Due::Output));
        self.seen = board;
    }

    /// Waits until the board has changed; for ever once the store has stopped. May be abandoned.
    pub(super) async fn changed(&mut self) {
        if self.board.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.changes_due();
    }

    /// What changed on the board is to be sent. Alarms are among it only if their stamp was put right: all else their events bring.
    fn changes_due(&mut self) {
        let board = Arc::clone(&self.board.borrow_and_update());
        if !Arc::ptr_eq(&board.risk, &self.seen.risk) {
            self.due.insert(Due::Risk);
        }
        for (name, event) in &board.alarms {
            let seen = self.seen.alarms.get(name);
            if seen.is_some_and(|seen| seen.seq == event.seq && !Arc::ptr_eq(seen, event)) {
                self.due.insert(Due::Alarm(name.clone()));
            }
        }
        self.due.extend(renewed(&self.seen.devices, &board.devices).map(Due::Device));
        self.due.extend(renewed(&self.seen.outputs, &board.outputs).map(Due::Output));
        self.seen = board;
    }

    /// The next that is due.
    pub(super) fn next(&mut self, topics: &Topics) -> Option<Outgoing> {
        let board = Arc::clone(&self.board.borrow());
        while let Some(due) = self.due.pop_first() {
            let message = match due {
                // An alarm that is normal by now says so by its event.
                Due::Alarm(name) => board.alarms.get(&name).map(|event| Outgoing::current(topics, event)),
                Due::Risk => Some(Outgoing::risk(topics, &board.risk)),
                Due::Device(name) => board.devices.get(&name).map(|status| Outgoing::device(topics, status)),
                Due::Output(name) => board.outputs.get(&name).map(|status| Outgoing::output(topics, status)),
            };
            if message.is_some() {
                return message;
            }
        }
        None
    }

    /// Whether the alarm still stands as this event left it. If not, a later event says how it stands.
    pub(super) fn is_latest(&self, event: &Event) -> bool {
        let board = self.board.borrow();
        match board.alarms.get(&event.transition.alarm) {
            Some(standing) => standing.seq <= event.seq,
            None => event.transition.state == AlarmState::Normal,
        }
    }
}

/// The names of the entries of `new` that are not those of `old`.
fn renewed<T>(
    old: &BTreeMap<String, Arc<T>>,
    new: &BTreeMap<String, Arc<T>>,
) -> impl Iterator<Item = String> {
    let same = |name: &str, entry: &Arc<T>| old.get(name).is_some_and(|old| Arc::ptr_eq(old, entry));
    new.iter().filter(move |(name, entry)| !same(name, entry)).map(|(name, _)| name.clone())
}
