//! The middle of the gateway: every link of a site file, and the engine behind them. Every value that leaves the engine
//! is held against the ledger of the devices.

use std::path::Path;
use std::sync::{Arc, Mutex};

use hazgate::acquire;
use hazgate::clock::Clock;
use hazgate::engine::Engine;
use hazgate::inbox::{Inbox, Message};
use hazgate::model::{Input, LinkState, Output, PointState, Reading, Sample, Value, Wall};
use hazgate::site::{self, ProcessEnvironment, Site};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::device::{Ledger, Place};

/// Where each point of the site stands, in their order, and whose ledger knows it.
type Places = Vec<(Ledger, Place)>;

/// What is seen of the gateway.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The latest of each point.
    pub(crate) points: Vec<Option<PointState>>,
    /// Readings taken of each point, good ones and others.
    pub(crate) polls: Vec<u64>,
    /// Values that no honest gateway shows.
    pub(crate) wrong: Vec<String>,
    /// Each point: when the question of its latest good value was asked.
    pub(crate) asked: Vec<Wall>,
    /// Readings of each point that were not good.
    pub(crate) spoilt: Vec<u64>,
    /// Each point's device.
    pub(crate) devices: Vec<usize>,
    /// Devices that were told to be anything but up, after they had been up.
    pub(crate) fallen: Vec<usize>,
}

/// A running gateway; dropping it stops it.
pub(crate) struct Gateway {
    pub(crate) view: Arc<Mutex<View>>,
    _tasks: JoinSet<()>,
}

impl Gateway {
    /// Runs the site of a file by `clock`; `place` says of a point, by its name, where it stands.
    pub(crate) fn start(file: &Path, clock: Clock, place: impl Fn(&str) -> (Ledger, Place)) -> Self {
        let site = site::load(file, &ProcessEnvironment).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let site = Arc::new(site);
        let places: Places = site.points.iter().map(|point| place(&point.name)).collect();
        let (inbox, messages) = Inbox::new(clock);
        let mut tasks = JoinSet::new();
        for link in 0..site.links.len() {
            let (_, orders) = tokio::sync::watch::channel(Vec::new());
            let (site, inbox, receptions) = (Arc::clone(&site), inbox.clone(), Arc::new([]));
            let context = acquire::Context { site, inbox, clock, receptions, orders };
            tasks.spawn(acquire::run(link, context, CancellationToken::new()));
        }
        let n = places.len();
        let devices = site.points.iter().map(|point| point.device.index()).collect();
        let view = View {
            points: vec![None; n],
            polls: vec![0; n],
            asked: vec![Wall(0); n],
            spoilt: vec![0; n],
            devices,
            ..View::default()
        };
        let view = Arc::new(Mutex::new(view));
        let watch = Watch { places, view: Arc::clone(&view), up: vec![false; site.devices.len()] };
        tasks.spawn(watch.run(site, clock, messages));
        Self { view, _tasks: tasks }
    }
}

/// The engine, and an eye on what leaves it.
struct Watch {
    places: Places,
    view: Arc<Mutex<View>>,
    up: Vec<bool>,
}

impl Watch {
    async fn run(mut self, site: Arc<Site>, clock: Clock, mut messages: mpsc::Receiver<Message>) {
        let mut out = Output::default();
        let mut engine = Engine::new(site, Vec::new(), clock.now(), &mut out);
        loop {
            let message = match engine.next_deadline() {
                Some(due) => timeout_at(clock.instant(due), messages.recv()).await,
                None => Ok(messages.recv().await),
            };
            let (now, input) = match message {
                Ok(Some(message)) => (message.arrived, message.input),
                Ok(None) => return,
                Err(_) => (clock.now(), Input::Wake),
            };
            let mut view = self.view.lock().expect("nobody panicked");
            if let Input::Link(report) = &input {
                let (device, up) = (report.device.index(), report.state == LinkState::Up);
                if self.up[device] && !up {
                    view.fallen.push(device);
                }
                self.up[device] = up;
            }
            engine.apply(now, input, &mut out);
            for batch in std::mem::take(&mut out).batches {
                batch.readings.iter().for_each(|reading| inspect(&mut view, &self.places, reading));
            }
            view.points = engine.snapshot(now).points;
        }
    }
}

fn inspect(view: &mut View, places: &Places, reading: &Reading) {
    let n = reading.point.index();
    view.polls[n] += 1;
    let (ledger, place) = &places[n];
    let (value, at) = match reading.sample {
        Sample::Bad(_) => {
            view.spoilt[n] += 1;
            return;
        }
        Sample::Good(value) | Sample::Uncertain(value, _) => (value, reading.at),
    };
    let Value::Int(value) = value else { panic!("an integer was described, and {value:?} came") };
    let value = value as u32;
    view.wrong.extend(ledger.find_fault(*place, value, at));
    if let Some(asked) = ledger.asked_at(*place, value) {
        view.asked[n] = asked;
    }
}
