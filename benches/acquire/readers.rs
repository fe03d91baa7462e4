//! The two that are compared: Hazgate's acquisition and engine, whose decisions go nowhere, and a bare tokio-modbus client for
//! each device that does nothing with what it reads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hazgate::acquire::{self, Context};
use hazgate::clock::{Clock, Timer};
use hazgate::engine::Engine;
use hazgate::inbox::{Inbox, Message};
use hazgate::model::limits::TURN_INPUTS_MAX;
use hazgate::model::{Batch, Input, Mono, Now, Output, Quality};
use hazgate::site::Site;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_modbus::client::{Reader, tcp};
use tokio_util::sync::CancellationToken;

use super::plant::POINTS_PER_DEVICE;

/// Until when the loop sleeps where nothing is due.
const IDLE: Duration = Duration::from_secs(86_400);

/// Good values that have arrived.
pub(crate) type Points = Arc<AtomicU64>;

/// Bare clients, one for each device, that ask again as soon as they are answered.
pub(crate) struct Bare(JoinSet<()>);

impl Bare {
    pub(crate) fn start(devices: usize, address: SocketAddr, points: &Points) -> Self {
        let mut tasks = JoinSet::new();
        for _ in 0..devices {
            tasks.spawn(read(address, points.clone()));
        }
        Self(tasks)
    }

    pub(crate) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn read(address: SocketAddr, points: Points) {
    let stream = TcpStream::connect(address).await.expect("a device");
    stream.set_nodelay(true).expect("a socket");
    let mut client = tcp::attach(stream);
    loop {
        let words = client.read_holding_registers(0, POINTS_PER_DEVICE).await;
        let words = words.expect("a connection").expect("an answer");
        points.fetch_add(words.len() as u64, Ordering::Relaxed);
    }
}

/// Hazgate from the connections to the engine.
pub(crate) struct Hazgate {
    links: JoinSet<()>,
    core: tokio::task::JoinHandle<Log>,
    stop: CancellationToken,
}

impl Hazgate {
    pub(crate) fn start(site: Site, points: &Points) -> Self {
        let (site, clock, stop) = (Arc::new(site), Clock::start(), CancellationToken::new());
        let (inbox, messages) = Inbox::new(clock);
        let core = Core::new(site.clone(), clock, points.clone());
        let core = tokio::spawn(core.run(messages, stop.clone()));
        let mut links = JoinSet::new();
        for link in 0..site.links.len() {
            // Nobody gives orders to outputs here.
            let (_, orders) = tokio::sync::watch::channel(Vec::new());
            let receptions = Arc::new([]);
            let context = Context { site: site.clone(), inbox: inbox.clone(), clock, receptions, orders };
            links.spawn(acquire::run(link, context, stop.clone()));
        }
        Self { links, core, stop }
    }

    /// Stops it; says what has been heard.
    pub(crate) async fn stop(self) -> Log {
        self.stop.cancel();
        self.links.join_all().await;
        self.core.await.expect("the loop")
    }
}

/// What the loop heard.
pub(crate) struct Log {
    /// When each whole poll of each device was handed over.
    pub(crate) polls: Vec<Vec<Mono>>,
    /// Values of each device that were not good.
    pub(crate) bad: Vec<u64>,
}

/// The gateway's loop, without a store to write to.
struct Core {
    engine: Engine,
    out: Output,
    latest: Now,
    clock: Clock,
    timer: Timer,
    points: Points,
    log: Log,
}

impl Core {
    fn new(site: Arc<Site>, clock: Clock, points: Points) -> Self {
        let (latest, mut out) = (clock.now(), Output::default());
        let devices = site.devices.len();
        let engine = Engine::new(site, Vec::new(), latest, &mut out);
        let log = Log { polls: vec![Vec::new(); devices], bad: vec![0; devices] };
        Self { engine, out, latest, clock, timer: clock.timer(), points, log }
    }

    async fn run(mut self, mut messages: mpsc::Receiver<Message>, stop: CancellationToken) -> Log {
        loop {
            let deadline = self.engine.next_deadline().unwrap_or(self.latest.mono + IDLE);
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.log,
                message = messages.recv() => self.turn(message, &mut messages),
                () = self.timer.until(deadline) => self.apply(self.clock.now(), Input::Wake),
            }
            // The null forwarder.
            drop(std::mem::take(&mut self.out));
        }
    }

    fn turn(&mut self, first: Option<Message>, messages: &mut mpsc::Receiver<Message>) {
        let mut next = first;
        for _ in 0..TURN_INPUTS_MAX {
            let Some(Message { arrived, input, .. }) = next else { return };
            if let Input::Readings(batch) = &input {
                self.note(arrived, batch);
            }
            self.apply(arrived, input);
            next = messages.try_recv().ok();
        }
    }

    fn apply(&mut self, arrived: Now, input: Input) {
        if arrived.mono > self.latest.mono {
            self.latest = arrived;
        }
        self.engine.apply(self.latest, input, &mut self.out);
    }

    fn note(&mut self, arrived: Now, batch: &Batch) {
        let Batch { device, readings, .. } = batch;
        let good = readings.iter().filter(|reading| reading.sample.quality() == Quality::Good).count();
        self.points.fetch_add(good as u64, Ordering::Relaxed);
        self.log.bad[device.index()] += (readings.len() - good) as u64;
        if good == readings.len() {
            self.log.polls[device.index()].push(arrived.mono);
        }
    }
}
