//! The feed of the live stream. One task watches what the gateway publishes, works out what changed since it last
//! said something, and serializes that once for all viewers. What it last said is kept, so that a new viewer starts
//! from exactly there and misses nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::dto::{BeatDto, BoardDto, FaultDto, StateDto, ValuesDto};
use crate::clock::Clock;
use crate::model::limits::{
    CONSOLE_BEAT_INTERVAL, CONSOLE_SNAPSHOT_AGE_MAX, CONSOLE_STREAM_LAG_LEN_MAX, CONSOLE_VALUES_INTERVAL,
};
use crate::model::{Board, Event, Mono, Snapshot, Text};
use crate::site::Site;

/// What was said last, and the channel on which the next is said.
pub(super) struct Live {
    site: Arc<Site>,
    clock: Clock,
    shown: Mutex<Shown>,
    frames: broadcast::Sender<Bytes>,
    ended: CancellationToken,
}

/// What every viewer has been told.
struct Shown {
    board: Arc<Board>,
    snapshot: Arc<Snapshot>,
    /// When the gateway's loop last renewed the snapshot.
    renewed: Mono,
    fault: Option<Text>,
    /// All of it, serialized, once somebody has asked.
    text: Option<Bytes>,
}

/// What the feed listens to.
pub(super) struct Feed {
    board: watch::Receiver<Arc<Board>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    fault: watch::Receiver<Option<Text>>,
    events: broadcast::Receiver<Arc<Event>>,
}

impl Feed {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            board: context.board.clone(),
            snapshots: context.snapshots.clone(),
            fault: context.fault.clone(),
            events: (context.events)(),
        }
    }
}

impl Live {
    /// A feed that begins with what is there now and ends with `stop`.
    pub(super) fn new(context: &Context, stop: &CancellationToken) -> Self {
        let board = Arc::clone(&context.board.borrow());
        let snapshot = Arc::clone(&context.snapshots.borrow());
        let fault = context.fault.borrow().clone();
        let renewed = context.clock.now().mono;
        Self {
            site: Arc::clone(&context.site),
            clock: context.clock,
            shown: Mutex::new(Shown { board, snapshot, renewed, fault, text: None }),
            frames: broadcast::Sender::new(CONSOLE_STREAM_LAG_LEN_MAX),
            ended: stop.child_token(),
        }
    }

    /// Tells viewers what changes, until told to stop or until the gateway's loop is gone; then streams end too,
    /// so that no page goes on showing what nobody renews.
    pub(super) async fn run(&self, mut feed: Feed) {
        let mut values = interval(CONSOLE_VALUES_INTERVAL);
        let mut beat = interval(CONSOLE_BEAT_INTERVAL);
        values.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.ended.cancelled() => break,
                // The timers first: they are seldom due, and a flood of alarms must not hold them up.
                _ = beat.tick() => if !self.is_stuck() {
                    self.say("beat", &self.beat());
                },
                changed = feed.fault.changed() => match changed {
                    Ok(()) => self.show_fault(feed.fault.borrow_and_update().clone()),
                    Err(_) => break,
                },
                _ = values.tick() => match feed.snapshots.has_changed() {
                    Ok(true) => self.show_values(Arc::clone(&feed.snapshots.borrow_and_update())),
                    Ok(false) => {}
                    Err(_) => break,
                },
                changed = feed.board.changed() => match changed {
                    Ok(()) => self.show_board(Arc::clone(&feed.board.borrow_and_update())),
                    Err(_) => break,
                },
                event = feed.events.recv() => match event {
                    Ok(event) => self.say("event", &json(&*event)),
                    // Viewers see the gap in the sequence numbers and read the journal.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
            }
        }
        self.ended.cancel();
    }

    /// The whole state as frames, and every frame after it.
    pub(super) fn join(&self) -> (Bytes, broadcast::Receiver<Bytes>) {
        let mut shown = self.shown();
        let frames = self.frames.subscribe();
        let state = frame("state", &shown.text(&self.site));
        let beat = frame("beat", &self.beat());
        ([state, beat].concat().into(), frames)
    }

    /// The whole state as JSON.
    pub(super) fn state(&self) -> Bytes {
        self.shown().text(&self.site)
    }

    /// Resolves once there is nothing more to say.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether there is nothing more to say.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// What is wrong with the disk, as last said.
    pub(super) fn fault(&self) -> Option<Text> {
        self.shown().fault.clone()
    }

    /// Whether the gateway's loop makes no progress: what is shown then is no longer current.
    pub(super) fn is_stuck(&self) -> bool {
        self.clock.now().mono - self.shown().renewed > CONSOLE_SNAPSHOT_AGE_MAX
    }

    fn show_fault(&self, fault: Option<Text>) {
        let mut shown = self.shown();
        if shown.fault == fault {
            return;
        }
        self.say("fault", &json(&FaultDto { fault: fault.as_ref() }));
        shown.fault = fault;
        shown.text = None;
    }

    /// What is said and what is remembered as said change together: whoever joins in between would miss it.
    fn show_board(&self, board: Arc<Board>) {
        let mut shown = self.shown();
        let changed = BoardDto::since(&self.site, Some(&shown.board), &board);
        if !changed.is_empty() {
            self.say("board", &json(&changed));
        }
        drop(changed);
        shown.board = board;
        shown.text = None;
    }

    fn show_values(&self, snapshot: Arc<Snapshot>) {
        let mut shown = self.shown();
        let changed = ValuesDto::since(&self.site, Some(&shown.snapshot), &snapshot);
        if !changed.is_empty() {
            self.say("values", &json(&changed));
        }
        drop(changed);
        shown.snapshot = snapshot;
        shown.renewed = self.clock.now().mono;
        shown.text = None;
    }

    fn beat(&self) -> Vec<u8> {
        let at = self.clock.now().wall.stamp(&self.site.identity.zone);
        json(&BeatDto { at, clock: self.clock.sync() })
    }

    fn say(&self, event: &str, data: &[u8]) {
        // Without viewers there is nobody to tell, and that is no failure.
        drop(self.frames.send(frame(event, data)));
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn text(&mut self, site: &Site) -> Bytes {
        let Self { board, snapshot, fault, text, .. } = self;
        text.get_or_insert_with(|| json(&StateDto::new(site, fault.as_ref(), board, snapshot)).into()).clone()
    }
}

fn json(data: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(data).expect("plain data with string keys")
}

/// One event of the stream. JSON holds no line break, so its one line needs no splitting.
fn frame(event: &str, data: &[u8]) -> Bytes {
    [b"event: ", event.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}
