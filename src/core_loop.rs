//! The one loop that owns the engine: waits for an input, a deadline or the end; takes a bounded batch; applies it; hands
//! what was decided to the store as one group commit; now and then publishes a snapshot for the console.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::Engine;
use crate::inbox::Message;
use crate::model::limits::{SNAPSHOT_INTERVAL, TURN_INPUTS_MAX};
use crate::model::{
    DeviceId, HealthReport, HealthSource, Input, LinkReport, Mono, Output, Snapshot, Transition,
};
use crate::site::Site;
use crate::store::{Store, Turn};

/// What outlives a loop that panicked: the receiving end of the inbox, and the last news of each link and part, since they
/// are told only when they change.
pub(crate) struct Inputs {
    receiver: mpsc::Receiver<Message>,
    links: BTreeMap<DeviceId, LinkReport>,
    health: HashMap<HealthSource, HealthReport>,
}

impl Inputs {
    /// Inputs of which nothing has come yet.
    pub(crate) fn new(receiver: mpsc::Receiver<Message>) -> Self {
        Self { receiver, links: BTreeMap::new(), health: HashMap::new() }
    }

    fn remember(&mut self, input: &Input) {
        match input {
            Input::Link(report) => drop(self.links.insert(report.device, report.clone())),
            Input::Health(report) => drop(self.health.insert(report.source, report.clone())),
            Input::Readings(_) | Input::Command(_) | Input::Wake => {}
        }
    }

    /// What a new engine must be told to know what the last one knew.
    fn remembered(&self) -> impl Iterator<Item = Input> {
        let links = self.links.values().cloned().map(Input::Link);
        links.chain(self.health.values().cloned().map(Input::Health))
    }
}

/// The loop's surroundings: what a new loop needs to carry on where an earlier one fell.
pub(crate) struct CoreLoop {
    site: Arc<Site>,
    clock: Clock,
    store: Store,
    inputs: Mutex<Inputs>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl CoreLoop {
    /// A loop that begins with the alarms that stood when the gateway last ran; the store's board holds them.
    pub(crate) fn new(site: Arc<Site>, clock: Clock, store: Store, inputs: Inputs) -> Self {
        let now = clock.now();
        let engine = Engine::new(site.clone(), standing(&store), now, &mut Output::default());
        let (snapshots, _) = watch::channel(Arc::new(engine.snapshot(now)));
        Self { site, clock, store, inputs: Mutex::new(inputs), snapshots }
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
        for input in inputs.remembered() {
            engine.apply(self.clock.now(), input, &mut turn.out);
        }
        let mut snapshot_due = None;
        self.commit(&mut turn).await;
        while let Some(first) = self.next(&mut inputs, &engine, snapshot_due, &stop).await {
            self.apply(&mut engine, first, &mut inputs, &mut turn);
            self.commit(&mut turn).await;
            self.publish(&engine, &mut snapshot_due);
        }
        while let Ok(message) = inputs.receiver.try_recv() {
            self.apply(&mut engine, Some(message), &mut inputs, &mut turn);
            self.commit(&mut turn).await;
        }
    }

    /// The next message; `Some(None)` when a deadline has come; `None` at the end.
    async fn next(
        &self,
        inputs: &mut Inputs,
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
            message = inputs.receiver.recv() => message.map(Some),
            () = sleep => Some(None),
            () = stop.cancelled() => None,
        }
    }

    /// Applies one message, or the deadline, and whatever else is waiting, up to the turn's bound.
    fn apply(&self, engine: &mut Engine, first: Option<Message>, inputs: &mut Inputs, turn: &mut OpenTurn) {
        if first.is_none() {
            engine.apply(self.clock.now(), Input::Wake, &mut turn.out);
        }
        let mut next = first.or_else(|| inputs.receiver.try_recv().ok());
        let mut taken = 0;
        while let Some(message) = next {
            if matches!(message.input, Input::Command(_)) {
                turn.waiting.push(message.reply);
            }
            inputs.remember(&message.input);
            engine.apply(self.clock.now(), message.input, &mut turn.out);
            taken += 1;
            next = (taken < TURN_INPUTS_MAX).then(|| inputs.receiver.try_recv().ok()).flatten();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::testing::Plant;
    use crate::inbox::Inbox;
    use crate::model::{LinkState, Text};
    use crate::store::Opened;

    #[tokio::test(start_paused = true)]
    async fn p3_a_loop_that_takes_over_knows_what_the_last_one_was_told() {
        let mut plant = Plant::new();
        let device = plant.device("meter", Text::same("meter"), None);
        plant.lost("meter.lost", device, 5.0);
        let folder = tempfile::tempdir().expect("a temporary directory");
        plant.site.store.directory = folder.path().to_owned();
        let (site, clock) = (Arc::new(plant.site), Clock::start());
        let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
        let (inbox, receiver) = Inbox::new();
        let core = Arc::new(CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver)));

        let first = CancellationToken::new();
        let run = tokio::spawn({
            let (core, stop) = (core.clone(), first.clone());
            async move { core.run(stop).await }
        });
        inbox.link(LinkReport { device, state: LinkState::Up, error: None }).await;
        let mut board = store.board();
        board.wait_for(|board| board.devices["meter"].state == LinkState::Up).await.expect("the store runs");
        first.cancel();
        run.await.expect("the first loop ends");

        let second = CancellationToken::new();
        let run = tokio::spawn({
            let (core, stop) = (core.clone(), second.clone());
            async move { core.run(stop).await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        second.cancel();
        run.await.expect("the second loop ends");
        store.clone().close().await;
        assert!(store.board().borrow().alarms.is_empty(), "a device that answers was taken for lost");
    }
}
