//! The one loop that owns the engine: waits for an input, a deadline or the end; takes a bounded batch; applies it; hands
//! what was decided to the store as one group commit; now and then publishes a snapshot for the console. It waits for a busy
//! disk, and goes on without a stuck one: see [`backlog`].

mod backlog;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timer};
use crate::engine::Engine;
use crate::inbox::Message;
use crate::model::limits::{SNAPSHOT_INTERVAL, SNAPSHOT_INTERVAL_MAX, STORE_WAIT_MAX, TURN_INPUTS_MAX};
use crate::model::{
    Batch, ClockChange, CommandResult, DeviceId, HealthReport, HealthSource, Input, LinkReport, Mono, Now,
    Orders, Output, OutputId, OutputReport, Snapshot,
};
use crate::site::Site;
use crate::store::{Stopped, Store, Turn, TurnPlace};
use backlog::Backlog;

/// What outlives a loop that panicked: the receiving end of the inbox, the last news of each link, part and output, since
/// they are told only when they change, and what has yet to be handed to the store.
pub(crate) struct Inputs {
    receiver: mpsc::Receiver<Message>,
    links: BTreeMap<DeviceId, LinkReport>,
    health: HashMap<HealthSource, HealthReport>,
    outputs: BTreeMap<OutputId, OutputReport>,
    backlog: Backlog,
}

impl Inputs {
    /// Inputs of which nothing has come yet.
    pub(crate) fn new(receiver: mpsc::Receiver<Message>) -> Self {
        let (links, health, outputs) = (BTreeMap::new(), HashMap::new(), BTreeMap::new());
        Self { receiver, links, health, outputs, backlog: Backlog::new() }
    }

    fn remember(&mut self, news: News) {
        match news {
            News::Link(report) => drop(self.links.insert(report.device, report)),
            News::Health(report) => drop(self.health.insert(report.source, report)),
            News::Output(report) => drop(self.outputs.insert(report.output, report)),
        }
    }

    /// What a new engine must be told to know what the last one knew.
    fn remembered(&self) -> impl Iterator<Item = Input> {
        let links = self.links.values().cloned().map(Input::Link);
        let health = self.health.values().cloned().map(Input::Health);
        links.chain(health).chain(self.outputs.values().cloned().map(Input::Output))
    }
}

/// What is told only when it changes.
enum News {
    Link(LinkReport),
    Health(HealthReport),
    Output(OutputReport),
}

impl News {
    fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Link(report) => Some(Self::Link(report.clone())),
            Input::Health(report) => Some(Self::Health(report.clone())),
            Input::Output(report) => Some(Self::Output(report.clone())),
            Input::Readings(_) | Input::Command(_) | Input::Clock(_) | Input::Wake => None,
        }
    }
}

/// The loop's surroundings: what a new loop needs to carry on where an earlier one fell.
pub(crate) struct CoreLoop {
    site: Arc<Site>,
    clock: Clock,
    store: Store,
    inputs: Mutex<Inputs>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    orders: watch::Sender<Orders>,
    /// Cancelled when nothing can be kept any more.
    lost: CancellationToken,
}

impl CoreLoop {
    /// A loop that begins with the alarms that stood when the gateway last ran; the store's board holds them. `lost` is
    /// cancelled when the store has ended under it.
    pub(crate) fn new(
        site: Arc<Site>,
        clock: Clock,
        store: Store,
        inputs: Inputs,
        lost: CancellationToken,
    ) -> Self {
        let now = clock.now();
        let engine = Engine::new(site.clone(), store.standing(), now, &mut Output::default());
        let (snapshots, _) = watch::channel(Arc::new(engine.snapshot(now)));
        let orders = watch::Sender::new(vec![None; site.outputs.len()]);
        Self { site, clock, store, inputs: Mutex::new(inputs), snapshots, orders, lost }
    }

    /// Where snapshots are published: soon after a change, and while the loop runs at least every
    /// [`SNAPSHOT_INTERVAL_MAX`].
    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// Where the orders that stand are published: the newest for each output and no other.
    pub(crate) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// Runs until stopped, then empties the inbox once. A panic inside loses at most the turn that it happened in: the next
    /// run starts from the committed state.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut inputs = self.inputs.lock().await;
        tokio::select! {
            () = self.settle(&mut inputs.backlog) => {}
            () = stop.cancelled() => return,
        }
        let (mut turn, mut timer) = (Running::begin(self, &inputs), self.clock.timer());
        self.commit(&mut turn, &mut inputs.backlog).await;
        while let Some(first) = self.next(&mut inputs, &turn, &mut timer, &stop).await {
            self.turn(&mut turn, first, &mut inputs).await;
        }
        while let Ok(message) = inputs.receiver.try_recv() {
            self.turn(&mut turn, Some(message), &mut inputs).await;
        }
        self.clear(&mut inputs.backlog).await;
    }

    /// Waits until all that an earlier loop decided is on disk, and so on the board.
    async fn settle(&self, backlog: &mut Backlog) {
        self.clear(backlog).await;
        let (reply, settled) = tokio::sync::oneshot::channel();
        let marker = Turn { replies: vec![(reply, Ok(()))], ..Turn::default() };
        if self.store.commit(marker).await.is_err() || settled.await.is_err() {
            self.lost.cancel();
        }
    }

    /// The next message; `Some(None)` when a deadline has come and no message waits; `None` at the end. What waits goes first,
    /// since it happened before now.
    async fn next(
        &self,
        inputs: &mut Inputs,
        turn: &Running,
        timer: &mut Timer,
        stop: &CancellationToken,
    ) -> Option<Option<Message>> {
        let deadline =
            turn.engine.next_deadline().map_or(turn.snapshot_due, |due| due.min(turn.snapshot_due));
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            message = inputs.receiver.recv() => message.map(Some),
            () = self.room(&inputs.backlog) => Some(None),
            () = timer.until(deadline) => Some(None),
        }
    }

    /// Applies one message, or the deadline, and whatever else is waiting, up to the turn's bound; commits; publishes.
    async fn turn(&self, turn: &mut Running, first: Option<Message>, inputs: &mut Inputs) {
        if first.is_none() {
            let now = self.clock.now();
            self.follow_clock(turn, &mut inputs.backlog).await;
            turn.wake(now);
        }
        let mut next = first.or_else(|| inputs.receiver.try_recv().ok());
        let mut taken = 0;
        while let Some(message) = next {
            self.follow_clock(turn, &mut inputs.backlog).await;
            let news = News::of(&message.input);
            turn.take(message);
            if let Some(news) = news {
                inputs.remember(news);
            }
            taken += 1;
            next = (taken < TURN_INPUTS_MAX).then(|| inputs.receiver.try_recv().ok()).flatten();
        }
        self.commit(turn, &mut inputs.backlog).await;
        self.publish(turn, taken > 0);
    }

    /// Takes up what has become of the wall clock, in a turn of its own: what is written before it bears stamps of the clock
    /// as it was, all after it of the clock as it is. Called when the next input's stamp is made and before it is applied.
    async fn follow_clock(&self, turn: &mut Running, backlog: &mut Backlog) {
        while backlog.takes_clock()
            && let Some(change) = self.clock.take_change()
        {
            self.commit(turn, backlog).await;
            turn.follow(change);
            self.commit(turn, backlog).await;
        }
    }

    /// Orders go first: what the engine decided must be done even where the disk refuses or makes the loop wait.
    async fn commit(&self, turn: &mut Running, backlog: &mut Backlog) {
        self.give_orders(&mut turn.out);
        if !turn.out.is_empty() || turn.change.is_some() {
            let mut decided = Turn::take(&mut turn.out, &mut turn.waiting);
            decided.clock = turn.change.take();
            backlog.push(decided);
        }
        if self.hand_over(backlog).await.is_err() {
            tracing::error!("the store has ended: nothing more is kept");
            backlog.clear();
            self.lost.cancel();
        }
    }

    /// Hands over what waits, oldest first, as far as the store has places.
    async fn hand_over(&self, backlog: &mut Backlog) -> Result<(), Stopped> {
        while !backlog.is_empty()
            && let Some(place) = self.place(backlog).await?
            && let Some(turn) = backlog.pop()
        {
            place.put(turn)?;
        }
        Ok(())
    }

    /// A place in the store's queue. A store that is busy is waited for, so that whoever sends inputs waits too. One that is
    /// stuck is not: the engine must go on deciding, for the sake of the orders.
    async fn place(&self, backlog: &mut Backlog) -> Result<Option<TurnPlace<'_>>, Stopped> {
        let free = self.store.try_place()?;
        if free.is_some() || backlog.is_stuck {
            return Ok(free);
        }
        let Ok(place) = tokio::time::timeout(STORE_WAIT_MAX, self.store.place()).await else {
            tracing::warn!("the disk does not take what is decided: it waits in memory, and orders go out");
            backlog.is_stuck = true;
            return Ok(None);
        };
        place.map(Some)
    }

    /// Returns when the store has a place for what waits; never while nothing does.
    async fn room(&self, backlog: &Backlog) {
        if backlog.is_empty() || self.store.place().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Hands over all that waits, however long it takes.
    async fn clear(&self, backlog: &mut Backlog) {
        if backlog.is_stuck {
            tracing::warn!(events = backlog.transitions(), "waiting for the disk to take what was decided");
        }
        while !backlog.is_empty() {
            let place = self.store.place().await;
            let turn = backlog.pop().unwrap_or_default();
            if place.and_then(|place| place.put(turn)).is_err() {
                backlog.clear();
                self.lost.cancel();
            }
        }
    }

    fn give_orders(&self, out: &mut Output) {
        if out.orders.is_empty() {
            return;
        }
        self.orders.send_modify(|standing| {
            for order in out.orders.drain(..) {
                standing[order.output.index()] = Some(order);
            }
        });
    }

    /// Publishes a snapshot if one is due; `changed` makes one due soon.
    fn publish(&self, turn: &mut Running, changed: bool) {
        let now = self.clock.now();
        if changed {
            turn.snapshot_due = turn.snapshot_due.min(turn.snapshot_at + SNAPSHOT_INTERVAL);
        }
        if turn.snapshot_due <= now.mono {
            self.store.notice(now.mono);
            self.snapshots.send_replace(Arc::new(turn.engine.snapshot(now)));
            turn.snapshot_at = now.mono;
            turn.snapshot_due = now.mono + SNAPSHOT_INTERVAL_MAX;
        }
    }
}

/// One run of the loop.
struct Running {
    engine: Engine,
    /// What has been decided and not yet committed.
    out: Output,
    /// Who waits for the results in `out`.
    waiting: Vec<Option<tokio::sync::oneshot::Sender<CommandResult>>>,
    /// The moment of the last input.
    latest: Now,
    /// What has become of the wall clock in this turn.
    change: Option<ClockChange>,
    /// The last step of the wall clock.
    step: Option<ClockChange>,
    snapshot_at: Mono,
    snapshot_due: Mono,
}

impl Running {
    fn begin(core: &CoreLoop, inputs: &Inputs) -> Self {
        let (now, mut out) = (core.clock.now(), Output::default());
        let mut engine = Engine::new(core.site.clone(), core.store.standing(), now, &mut out);
        for input in inputs.remembered() {
            engine.apply(now, input, &mut out);
        }
        Self {
            engine,
            out,
            waiting: Vec::new(),
            latest: now,
            change: None,
            step: None,
            snapshot_at: now.mono,
            snapshot_due: now.mono,
        }
    }

    fn wake(&mut self, now: Now) {
        self.reach(now);
        self.engine.apply(self.latest, Input::Wake, &mut self.out);
    }

    /// The wall clock is another from now on.
    fn follow(&mut self, change: ClockChange) {
        // What was read after the change is on the new clock already.
        if change.at.mono >= self.latest.mono {
            self.latest = change.at;
        }
        self.change = Some(change);
        if change.by_ms != 0 {
            self.step = Some(change);
        }
        self.engine.apply(self.latest, Input::Clock(change), &mut self.out);
    }

    fn reach(&mut self, now: Now) {
        if now.mono > self.latest.mono {
            self.latest = now;
        }
    }

    /// Applies a message as of its arrival: a loop that was held up neither takes old news for new nor lets a delay run out on
    /// data whose successor is already waiting.
    fn take(&mut self, mut message: Message) {
        self.reach(message.arrived);
        if let (Some(step), Input::Readings(batch)) = (&self.step, &mut message.input) {
            carry_over(step, message.arrived, batch);
        }
        if matches!(message.input, Input::Command(_)) {
            self.waiting.push(message.reply);
        }
        self.engine.apply(self.latest, message.input, &mut self.out);
    }
}

/// Puts the stamps of readings that were under way when the wall clock stepped on the clock as it is since.
fn carry_over(step: &ClockChange, arrived: Now, batch: &mut Batch) {
    batch.at = step.carry_over(batch.at, arrived);
    for reading in &mut batch.readings {
        reading.at = step.carry_over(reading.at, arrived);
    }
}

#[cfg(test)]
mod tests;
