//! The one loop that owns the engine: waits for an input, a deadline or the end; takes a bounded batch; applies it; hands
//! what was decided to the store as one group commit; now and then publishes a snapshot for the console.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::Engine;
use crate::inbox::Message;
use crate::model::limits::{SNAPSHOT_INTERVAL, TURN_INPUTS_MAX};
use crate::model::{Input, Mono, Output, Snapshot, Transition};
use crate::site::Site;
use crate::store::{Store, Turn};

/// The receiving end of the inbox, which outlives a loop that panicked.
pub(crate) type SharedInputs = Mutex<mpsc::Receiver<Message>>;

/// The loop's surroundings: what a new loop needs to carry on where an earlier one fell.
pub(crate) struct CoreLoop {
    site: Arc<Site>,
    clock: Clock,
    store: Store,
    inputs: SharedInputs,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl CoreLoop {
    /// A loop that begins with the alarms that stood when the gateway last ran; the store's board holds them.
    pub(crate) fn new(site: Arc<Site>, clock: Clock, store: Store, inputs: SharedInputs) -> Self {
        let now = clock.now();
        let engine = Engine::new(site.clone(), standing(&store), now, &mut Output::default());
        let (snapshots, _) = watch::channel(Arc::new(engine.snapshot(now)));
        Self { site, clock, store, inputs, snapshots }
    }

    /// Where snapshots are published.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// Runs until stopped, then empties the inbox once. A panic inside loses at most the turn that it happened in: the next
    /// run starts from the committed state.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut inputs = self.inputs.lock().await;
        let mut turn = OpenTurn::default();
        let mut engine =
            Engine::new(self.site.clone(), standing(&self.store), self.clock.now(), &mut turn.out);
        let mut snapshot_due = None;
        self.commit(&mut turn).await;
        while let Some(first) = self.next(&mut inputs, &engine, snapshot_due, &stop).await {
            self.apply(&mut engine, first, &mut inputs, &mut turn);
            self.commit(&mut turn).await;
            self.publish(&engine, &mut snapshot_due);
        }
        while let Ok(message) = inputs.try_recv() {
            self.apply(&mut engine, Some(message), &mut inputs, &mut turn);
            self.commit(&mut turn).await;
        }
    }

    /// The next message; `Some(None)` when a deadline has come; `None` at the end.
    async fn next(
        &self,
        inputs: &mut mpsc::Receiver<Message>,
        engine: &Engine,
        snapshot_due: Option<Mono>,
        stop: &CancellationToken,
    ) -> Option<Option<Message>> {
        let deadline = [engine.next_deadline(), snapshot_due].into_iter().flatten().min();
        let sleep = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(self.clock.instant(deadline)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = inputs.recv() => message.map(Some),
            () = sleep => Some(None),
            () = stop.cancelled() => None,
        }
    }

    /// Applies one message, or the deadline, and whatever else is waiting, up to the turn's bound.
    fn apply(
        &self,
        engine: &mut Engine,
        first: Option<Message>,
        inputs: &mut mpsc::Receiver<Message>,
        turn: &mut OpenTurn,
    ) {
        if first.is_none() {
            engine.apply(self.clock.now(), Input::Wake, &mut turn.out);
        }
        let mut next = first.or_else(|| inputs.try_recv().ok());
        let mut taken = 0;
        while let Some(message) = next {
            if matches!(message.input, Input::Command(_)) {
                turn.waiting.push(message.reply);
            }
            engine.apply(self.clock.now(), message.input, &mut turn.out);
            taken += 1;
            next = (taken < TURN_INPUTS_MAX).then(|| inputs.try_recv().ok()).flatten();
        }
    }

    async fn commit(&self, turn: &mut OpenTurn) {
        if !turn.out.is_empty()
            && self.store.commit(Turn::take(&mut turn.out, &mut turn.waiting)).await.is_err()
        {
            tracing::error!("the store has ended: what was just decided is not kept");
        }
    }

    /// Publishes a snapshot when one is due; a turn that changed something makes one due.
    fn publish(&self, engine: &Engine, due: &mut Option<Mono>) {
        let now = self.clock.now();
        match *due {
            None => *due = Some(now.mono + SNAPSHOT_INTERVAL),
            Some(moment) if moment <= now.mono => {
                *due = None;
                if self.snapshots.receiver_count() > 0 {
                    self.snapshots.send_replace(Arc::new(engine.snapshot(now)));
                }
            }
            Some(_) => {}
        }
    }
}

#[derive(Default)]
struct OpenTurn {
    out: Output,
    waiting: Vec<Option<tokio::sync::oneshot::Sender<crate::model::CommandResult>>>,
}

fn standing(store: &Store) -> Vec<Transition> {
    store.board().borrow().alarms.values().map(|event| event.transition.clone()).collect()
}
