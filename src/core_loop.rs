//! The one loop that owns the engine: waits for an input, a deadline or the end; takes a bounded batch; applies it; hands
//! what was decided to the store as one group commit; now and then publishes a snapshot for the console.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timer};
use crate::engine::Engine;
use crate::inbox::Message;
use crate::model::limits::{SNAPSHOT_INTERVAL, SNAPSHOT_INTERVAL_MAX, TURN_INPUTS_MAX};
use crate::model::{
    Batch, ClockChange, CommandResult, DeviceId, HealthReport, HealthSource, Input, LinkReport, Mono, Now,
    Orders, Output, OutputId, OutputReport, Snapshot,
};
use crate::site::Site;
use crate::store::{Store, Turn};

/// What outlives a loop that panicked: the receiving end of the inbox, and the last news of each link, part and output, since
/// they are told only when they change.
pub(crate) struct Inputs {
    receiver: mpsc::Receiver<Message>,
    links: BTreeMap<DeviceId, LinkReport>,
    health: HashMap<HealthSource, HealthReport>,
    outputs: BTreeMap<OutputId, OutputReport>,
}

impl Inputs {
    /// Inputs of which nothing has come yet.
    pub(crate) fn new(receiver: mpsc::Receiver<Message>) -> Self {
        Self { receiver, links: BTreeMap::new(), health: HashMap::new(), outputs: BTreeMap::new() }
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
            () = self.settle() => {}
            () = stop.cancelled() => return,
        }
        let (mut turn, mut timer) = (Running::begin(self, &inputs), self.clock.timer());
        self.commit(&mut turn).await;
        while let Some(first) = self.next(&mut inputs, &turn, &mut timer, &stop).await {
            self.turn(&mut turn, first, &mut inputs).await;
        }
        while let Ok(message) = inputs.receiver.try_recv() {
            self.turn(&mut turn, Some(message), &mut inputs).await;
        }
    }

    /// Waits until all that an earlier loop decided is on disk, and so on the board.
    async fn settle(&self) {
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
            () = timer.until(deadline) => Some(None),
        }
    }

    /// Applies one message, or the deadline, and whatever else is waiting, up to the turn's bound; commits; publishes.
    async fn turn(&self, turn: &mut Running, first: Option<Message>, inputs: &mut Inputs) {
        if first.is_none() {
            let now = self.clock.now();
            self.follow_clock(turn).await;
            turn.wake(now);
        }
        let mut next = first.or_else(|| inputs.receiver.try_recv().ok());
        let mut taken = 0;
        while let Some(message) = next {
            self.follow_clock(turn).await;
            let news = News::of(&message.input);
            turn.take(message);
            if let Some(news) = news {
                inputs.remember(news);
            }
            taken += 1;
            next = (taken < TURN_INPUTS_MAX).then(|| inputs.receiver.try_recv().ok()).flatten();
        }
        self.commit(turn).await;
        self.publish(turn, taken > 0);
    }

    /// Takes up what has become of the wall clock, in a turn of its own: what is written before it bears stamps of the clock
    /// as it was, all after it of the clock as it is. Called when the next input's stamp is made and before it is applied.
    async fn follow_clock(&self, turn: &mut Running) {
        while let Some(change) = self.clock.take_change() {
            self.commit(turn).await;
            turn.follow(change);
            self.commit(turn).await;
        }
    }

    /// Orders go first: what the engine decided must be done even where the disk refuses or makes the loop wait.
    async fn commit(&self, turn: &mut Running) {
        self.give_orders(&mut turn.out);
        if turn.out.is_empty() && turn.change.is_none() {
            return;
        }
        let mut decided = Turn::take(&mut turn.out, &mut turn.waiting);
        decided.clock = turn.change.take();
        if self.store.commit(decided).await.is_err() {
            tracing::error!("the store has ended: nothing more is kept");
            self.lost.cancel();
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::OsTime;
    use crate::engine::testing::Plant;
    use crate::inbox::Inbox;
    use crate::model::{ClockSync, EventKind, LinkCounters, LinkState, Reading, Sample, Text, Value, Wall};
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
        let (inbox, receiver) = Inbox::new(clock);
        let lost = CancellationToken::new();
        let core = Arc::new(CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), lost));

        let first = CancellationToken::new();
        let run = tokio::spawn({
            let (core, stop) = (core.clone(), first.clone());
            async move { core.run(stop).await }
        });
        inbox
            .link(LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() })
            .await;
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

    /// The database is a thread with time of its own, so each wait of the test is for what it says.
    #[tokio::test(start_paused = true)]
    async fn p2_a_step_divides_the_journal_and_what_was_under_way_is_carried_over() {
        let mut plant = Plant::new();
        let device = plant.device("gds", Text::same("gds"), None);
        let point = plant.point(device, "lel", Text::same("lel"));
        let folder = tempfile::tempdir().expect("a temporary directory");
        plant.site.store.directory = folder.path().to_owned();
        let shown = |wall_us, sync| OsTime { wall_us, asleep: Duration::ZERO, sync };
        let (site, clock) = (Arc::new(plant.site), Clock::showing(shown(0, ClockSync::Unsynced)));
        let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
        let (inbox, receiver) = Inbox::new(clock);
        let core = CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), CancellationToken::new());
        let reading = |at| Reading { point, at, sample: Sample::Good(Value::Float(1.0)) };
        let batch = |at: Wall| Batch { device, at, readings: vec![reading(at)] };
        let before = clock.now().wall;
        inbox.readings(batch(before)).await;
        let year_2026 = 1_795_263_303_214_000;
        clock.look(|| shown(year_2026, ClockSync::Synced));
        // Read before the step and handed over after it; then one read after it.
        inbox.readings(batch(before)).await;
        inbox.readings(batch(clock.now().wall)).await;
        let stop = CancellationToken::new();
        let mut heads = store.heads();
        tokio::select! {
            () = core.run(stop) => panic!("the loop ended"),
            told = heads.wait_for(|heads| heads.telemetry >= 3) => drop(told.expect("the store runs")),
        }
        let events = store.history().expect("readable").events(None, 9).await.expect("events");
        let steps: Vec<_> =
            events.iter().filter(|event| event.transition.event == EventKind::ClockStepped).collect();
        assert_eq!(steps.len(), 1);
        assert_eq!((steps[0].transition.at.wall.0, steps[0].clock), (year_2026 / 1000, ClockSync::Synced));
        let rows = store.outbox("").expect("readable").telemetry(0, 3, 9).await.expect("rows");
        let stamps: Vec<_> = rows.iter().map(|row| (row.at.0, row.readings[0].at.0)).collect();
        assert_eq!(stamps, [(year_2026 / 1000, year_2026 / 1000); 3]);
        assert!(rows.iter().all(|row| row.clock != ClockSync::Unsynced), "{rows:?}");
        store.close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn p1_a_loop_whose_store_has_ended_says_that_nothing_can_be_kept() {
        let mut plant = Plant::new();
        let folder = tempfile::tempdir().expect("a temporary directory");
        plant.site.store.directory = folder.path().to_owned();
        let (site, clock) = (Arc::new(plant.site), Clock::start());
        let Opened { store, .. } = Store::open(&site.store, site.clone(), clock).expect("a new store");
        let (_inbox, receiver) = Inbox::new(clock);
        let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
        let core = CoreLoop::new(site, clock, store.clone(), Inputs::new(receiver), lost.clone());
        store.close().await;
        tokio::select! {
            () = lost.cancelled() => {}
            () = core.run(stop) => panic!("the loop ended in silence"),
        }
    }

    #[test]
    fn p2_a_loop_that_was_held_up_judges_by_when_things_happened() {
        let mut plant = Plant::new();
        let device = plant.device("gds", Text::same("gds"), None);
        let point = plant.point(device, "lel", Text::same("lel"));
        plant.signal("lel.signal", point, 0.0);
        let at = |seconds: u64| Now {
            mono: Mono::from_start(Duration::from_secs(seconds)),
            wall: Wall(i64::try_from(seconds).expect("small") * 1000),
        };
        let message = |seconds: u64, input: Input| Message { arrived: at(seconds), input, reply: None };
        let reading = |seconds: u64| {
            let sample = Sample::Good(Value::Float(1.0));
            let readings = vec![Reading { point, at: at(seconds).wall, sample }];
            Input::Readings(Batch { device, at: at(seconds).wall, readings })
        };
        let mut out = Output::default();
        let engine = Engine::new(Arc::new(plant.site), Vec::new(), at(0), &mut out);
        let zero = Mono::ZERO;
        let mut run = Running {
            engine,
            out,
            waiting: Vec::new(),
            latest: at(0),
            change: None,
            step: None,
            snapshot_at: zero,
            snapshot_due: zero,
        };
        run.take(message(
            0,
            Input::Link(LinkReport {
                device,
                state: LinkState::Up,
                error: None,
                counters: LinkCounters::default(),
            }),
        ));
        // A reading every 5 s, none older than the point's 10 s, all of them taken in one go long after.
        for second in [5, 10, 15, 20, 25, 30] {
            run.take(message(second, reading(second)));
        }
        run.wake(at(31));
        assert_eq!(run.out.transitions, [], "a point that was heard of all the time was taken for stale");
        run.wake(at(41));
        assert_eq!(run.out.transitions.len(), 1, "silence after that is an alarm");
    }
}
