//! One cell of the matrix: a transport, a fault, and a gateway that lives through it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hazgate::clock::Clock;
use hazgate::model::{Reason, Sample, Wall};
use simulators::{Framing, ProxyFault};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::device::{self, Ledger, Place};
use super::gateway::{Gateway, View};
use super::transport::{Plant, Transport};

/// What points must be while a fault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Good all the time: the fault is harmless.
    Good,
    /// `bad:comm`, and never good.
    Bad,
    /// One or the other, as chance has it; never wrong.
    Either,
}

/// Longest wait for one answer, as the site file says.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(300);
/// From one poll of the neighbour on its own link to the next.
const NEIGHBOUR_POLL: Duration = Duration::from_millis(500);
/// Longest wait for what must come; a cell that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a fault is looked at once it has taken hold.
const HOLD: Duration = Duration::from_millis(1500);
/// Whole rounds of good values that count as good for good.
const ROUNDS: usize = 6;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Signals of each device: two blocks that look alike on the wire, and one of another table.
const SIGNALS: [&str; 6] = ["h0", "h2", "h100", "h102", "i0", "i2"];
/// The devices behind the proxy; the neighbour has a link of its own.
const PROXIED: [&str; 2] = ["a", "b"];
const NEIGHBOUR: &str = "c";
/// Its place among the devices.
const NEIGHBOUR_DEVICE: usize = PROXIED.len();

/// Lives through one fault; says how long recovery took.
pub(crate) async fn play(
    transport: Transport,
    fault: ProxyFault,
    expect: Expect,
) -> Result<Duration, String> {
    let cell = Cell::new(transport).await;
    cell.rounds("good before the fault").await?;
    let ticks = ticker();
    let polls = cell.look(View::neighbour_polls);
    let begun = cell.now();
    cell.plant.proxy.set(Some(fault));
    let set = cell.now();
    match expect {
        Expect::Good => cell.rounds("good while the fault holds").await?,
        Expect::Bad => {
            cell.until("bad while the fault holds", View::is_lost).await?;
            sleep(HOLD).await;
            let seen = cell.look(|view| view.proxied().map(|n| view.asked[n]).fold(begun, Wall::max));
            if seen > set || !cell.look(View::is_lost) {
                return Err(cell.told("good while the fault held"));
            }
        }
        Expect::Either => sleep(HOLD).await,
    }
    cell.plant.proxy.set(None);
    let ended = cell.now();
    cell.rounds("good after the fault").await?;
    cell.judge(ticks.load(Ordering::Relaxed), polls)?;
    Ok(Duration::from_millis(cell.now().0.abs_diff(ended.0)))
}

struct Cell {
    clock: Clock,
    gateway: Gateway,
    plant: Plant,
    _folder: TempDir,
}

impl Cell {
    async fn new(transport: Transport) -> Self {
        let clock = Clock::start();
        let (ledger, neighbours) = (Ledger::new(clock), Ledger::new(clock));
        let folder = tempfile::tempdir().expect("a temporary directory");
        let plant = Plant::new(transport, ledger.clone(), folder.path()).await;
        let neighbour = device::serve(Framing::Tcp, neighbours.clone()).await;
        let file = write_site(folder.path(), &plant.reach, neighbour);
        let gateway = Gateway::start(&file, clock, |name| {
            let (device, place) = place(name);
            (if device == NEIGHBOUR { neighbours.clone() } else { ledger.clone() }, place)
        });
        Self { clock, gateway, plant, _folder: folder }
    }

    fn now(&self) -> Wall {
        self.clock.now().wall
    }

    fn look<T>(&self, at: impl FnOnce(&View) -> T) -> T {
        at(&self.gateway.view.lock().expect("nobody panicked"))
    }

    async fn until(&self, what: &str, is: impl Fn(&View) -> bool) -> Result<(), String> {
        let come = async {
            while !self.look(&is) {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, come).await.map_err(|_| self.told(what))
    }

    /// Waits for so many rounds in a row in which every point's value is new and good.
    async fn rounds(&self, what: &str) -> Result<(), String> {
        let mut round = 0;
        while round < ROUNDS {
            let (since, spoilt) = (self.now(), self.look(View::spoilt));
            self.until(what, |view| view.is_fresh(since)).await?;
            round = if self.look(View::spoilt) == spoilt { round + 1 } else { 0 };
        }
        Ok(())
    }

    /// What must hold of the whole life of the cell.
    fn judge(&self, ticks: u64, polls: u64) -> Result<(), String> {
        self.look(|view| {
            if let Some(wrong) = view.wrong.first() {
                return Err(format!("{} wrong values, the first: {wrong}", view.wrong.len()));
            }
            if view.fallen.contains(&NEIGHBOUR_DEVICE) {
                return Err("the neighbour on its own link fell".to_owned());
            }
            let made = view.neighbour_polls() - polls;
            // The one at the beginning and the one at the end may fall on either side.
            if made + 2 < ticks * 95 / 100 {
                return Err(format!("the neighbour was polled {made} times in {ticks} intervals"));
            }
            Ok(())
        })
    }

    fn told(&self, what: &str) -> String {
        self.look(|view| {
            let mut told = format!("not {what}: ");
            for n in view.proxied() {
                let sample = view.points[n].map(|point| point.sample);
                write!(told, "{sample:?} ").expect("text");
            }
            write!(told, "; wrong: {:?}; {:?}", view.wrong.first(), self.plant.proxy.counts()).expect("text");
            told
        })
    }
}

impl View {
    fn proxied(&self) -> impl Iterator<Item = usize> {
        (0..self.devices.len()).filter(|n| self.devices[*n] < PROXIED.len())
    }

    fn neighbour_polls(&self) -> u64 {
        let points = (0..self.devices.len()).filter(|n| self.devices[*n] == NEIGHBOUR_DEVICE);
        points.map(|n| self.polls[n]).min().unwrap_or_default()
    }

    fn spoilt(&self) -> u64 {
        self.proxied().map(|n| self.spoilt[n]).sum()
    }

    fn is_fresh(&self, since: Wall) -> bool {
        let good = |n: usize| matches!(self.points[n], Some(p) if matches!(p.sample, Sample::Good(_)));
        (0..self.points.len()).all(|n| good(n) && self.asked[n] > since)
    }

    fn is_lost(&self) -> bool {
        let bad = |n: usize| matches!(self.points[n], Some(p) if p.sample == Sample::Bad(Reason::Comm));
        self.proxied().all(bad)
    }
}

/// Counts the neighbour's intervals, as often as this machine comes to it.
fn ticker() -> Arc<AtomicU64> {
    let ticks = Arc::new(AtomicU64::new(0));
    let counter = Arc::downgrade(&ticks);
    tokio::spawn(async move {
        let mut interval = interval(NEIGHBOUR_POLL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        interval.tick().await;
        loop {
            interval.tick().await;
            let Some(ticks) = counter.upgrade() else { return };
            ticks.fetch_add(1, Ordering::Relaxed);
        }
    });
    ticks
}

/// Of a point's name: its device, and where it stands.
fn place(name: &str) -> (&str, Place) {
    let (device, signal) = name.split_once('.').expect("device.signal");
    let unit = if device == "b" { 2 } else { 1 };
    let function = if signal.starts_with('h') { 3 } else { 4 };
    (device, (unit, function, signal[1..].parse().expect("an address")))
}

fn write_site(folder: &Path, reach: &str, neighbour: SocketAddr) -> PathBuf {
    let mut text =
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"faults\"\n".to_owned();
    for (device, unit) in PROXIED.iter().zip(1..) {
        text += &described(device, &format!("{reach}\nunit = {unit}"), POLL, TIMEOUT);
    }
    let reach = format!("protocol = \"modbus-tcp\"\naddress = \"{neighbour}\"");
    text += &described(NEIGHBOUR, &reach, NEIGHBOUR_POLL, NEIGHBOUR_POLL);
    let file = folder.join("site.toml");
    std::fs::write(&file, text).expect("a site file");
    file
}

fn described(device: &str, reach: &str, poll: Duration, timeout: Duration) -> String {
    let (poll, timeout) = (poll.as_millis(), timeout.as_millis());
    let mut text = format!(
        "[[device]]\nid = \"{device}\"\n{reach}\npoll = \"{poll}ms\"\ntimeout = \"{timeout}ms\"\ngap_max = 0\n"
    );
    for signal in SIGNALS {
        let (_, (_, function, address)) = place(&format!("{device}.{signal}"));
        let table = if function == 3 { "holding" } else { "input" };
        writeln!(
            text,
            "[[point]]\ndevice = \"{device}\"\nsignal = \"{signal}\"\nname = \"{signal}\"\n\
             register = \"{table}:{address}\"\ntype = \"u32\""
        )
        .expect("text");
    }
    text
}
