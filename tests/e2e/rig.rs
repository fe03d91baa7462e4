//! One plant, one gateway, one broker, one centre: each test has its own on a loopback address of its own, so that tests run side by
//! side and need no free port to be found. Waiting is always for something, with a deadline that no healthy run comes near.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use hazgate::broker::EmbeddedBroker;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, QoS};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Port of the broker in config/demo.toml.
const BROKER_PORT: u16 = 18830;
/// Root of the demo site's topics.
pub(crate) const ROOT: &str = "hazgate/v1/acme/gw1";

/// Everything that a test runs.
pub(crate) struct Rig {
    folder: TempDir,
    pub(crate) address: Ipv4Addr,
    broker: EmbeddedBroker,
    _plant: Option<Child>,
    gateway: Option<Child>,
}

impl Rig {
    /// A broker and the demo site's plant, to which `scenario` happens.
    pub(crate) async fn new(scenario: &str) -> Self {
        let address = next_address();
        let folder = tempfile::tempdir().expect("a temporary directory");
        // The plant reads a file of its own, so that a test may change the gateway's.
        for name in ["plant.toml", "site.toml"] {
            std::fs::write(folder.path().join(name), site(address)).expect("a site file");
        }
        let story = folder.path().join("scenario.toml");
        std::fs::write(&story, scenario).expect("a scenario file");
        let broker = EmbeddedBroker::start(SocketAddr::from((address, BROKER_PORT))).await.expect("a broker");
        let plant = program()
            .arg("simulate")
            .arg(folder.path().join("plant.toml"))
            .arg("--scenario")
            .arg(story)
            .stdout(Stdio::null())
            .spawn()
            .expect("hazgate simulate starts");
        Self { folder, address, broker, _plant: Some(plant), gateway: None }
    }

    /// A broker and a site of the test's own, made for its address; whatever the devices say, the test says.
    pub(crate) async fn of(site: impl Fn(SocketAddr) -> String) -> Self {
        let address = next_address();
        let folder = tempfile::tempdir().expect("a temporary directory");
        let broker = EmbeddedBroker::start(SocketAddr::from((address, BROKER_PORT))).await.expect("a broker");
        std::fs::write(folder.path().join("site.toml"), site(broker.local_addr())).expect("a site file");
        Self { folder, address, broker, _plant: None, gateway: None }
    }

    /// The site file.
    pub(crate) fn site(&self) -> PathBuf {
        self.folder.path().join("site.toml")
    }

    /// Starts the daemon.
    pub(crate) fn start_gateway(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("hazgate.log"))
            .expect("a log file");
        let child = program().arg("run").arg(self.site()).stderr(log).spawn().expect("hazgate run starts");
        self.gateway = Some(child);
    }

    /// `kill -9`, as a power cut would.
    pub(crate) async fn kill_gateway(&mut self) {
        let mut child = self.gateway.take().expect("a running gateway");
        child.kill().await.expect("killed");
    }

    /// Whether the daemon still runs.
    pub(crate) fn gateway_runs(&mut self) -> bool {
        self.gateway.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// What the daemon has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("hazgate.log")).unwrap_or_default()
    }

    /// A centre that hears everything from now on.
    pub(crate) fn centre(&self, client_id: &str) -> Centre {
        Centre::new(self.broker.local_addr(), client_id)
    }
}

/// The demo site at another loopback address, with the broker outside the daemon, so that it outlives it.
pub(crate) fn site(address: Ipv4Addr) -> String {
    let text = include_str!("../../config/demo.toml").replace("127.0.0.1", &address.to_string());
    let mut document: toml::Table = text.parse().expect("the demo site is TOML");
    document.remove("broker").expect("the demo site has a broker");
    document.to_string()
}

/// The program under test.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hazgate"));
    command.kill_on_drop(true);
    command
}

/// A loopback address that nothing else uses: from the process id and a counter.
pub(crate) fn next_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id();
    let (high, low) = ((process / 250 % 100) as u8, (process % 250) as u8);
    Ipv4Addr::new(127, 64 + high, 1 + low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Below the root, as `alarm/event`.
    pub(crate) topic: String,
    pub(crate) retained: bool,
    /// Null for an empty payload.
    pub(crate) payload: Value,
}

/// An independent subscriber.
pub(crate) struct Centre {
    client: AsyncClient,
    heard: mpsc::Receiver<Heard>,
    /// Everything heard so far.
    pub(crate) all: Vec<Heard>,
}

impl Centre {
    pub(crate) fn new(broker: SocketAddr, client_id: &str) -> Self {
        let mut options = MqttOptions::new(client_id, broker.ip().to_string(), broker.port());
        options.set_clean_session(false);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, events) = AsyncClient::new(options, 16);
        let (sender, heard) = mpsc::channel(4096);
        tokio::spawn(follow(client.clone(), events, sender));
        Self { client, heard, all: Vec::new() }
    }

    /// Waits until `find` finds something in what was heard so far or comes later.
    pub(crate) async fn until<T>(&mut self, what: &str, find: impl Fn(&Heard) -> Option<T>) -> T {
        if let Some(found) = self.all.iter().find_map(&find) {
            return found;
        }
        self.next(what, find).await
    }

    /// Waits until `find` finds something in all that was heard.
    pub(crate) async fn when<T>(&mut self, what: &str, find: impl Fn(&[Heard]) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = find(&self.all) {
                    return found;
                }
                self.next(what, |_| Some(())).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("never came: {what}; heard:\n{}", self.digest()))
    }

    /// Waits until `find` finds something in what comes from now on.
    pub(crate) async fn next<T>(&mut self, what: &str, find: impl Fn(&Heard) -> Option<T>) -> T {
        let search = async {
            while let Some(heard) = self.heard.recv().await {
                self.all.push(heard);
                if let Some(found) = self.all.last().and_then(&find) {
                    return Some(found);
                }
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.ok().flatten().unwrap_or_else(|| panic!("never came: {what}; heard:\n{}", self.digest()))
    }

    /// Every alarm event heard, as it came, duplicates included.
    pub(crate) fn events(&self) -> Vec<&Value> {
        self.all.iter().filter(|heard| heard.topic == "alarm/event").map(|heard| &heard.payload).collect()
    }

    /// Gives a command and waits for its answer.
    pub(crate) async fn command(&mut self, command: Value) -> Value {
        let id = command["id"].clone();
        self.publish(&format!("{ROOT}/cmd"), command.to_string()).await;
        self.next("a reply", |h| (h.topic == "cmd/reply" && h.payload["id"] == id).then(|| h.payload.clone()))
            .await
    }

    /// Publishes anything, as anybody could.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.expect("published");
    }

    fn digest(&self) -> String {
        let line = |h: &&Heard| format!("  {} {}", h.topic, h.payload);
        let telling = self.all.iter().filter(|h| !h.topic.starts_with("data/"));
        telling.map(|h| line(&h)).collect::<Vec<_>>().join("\n")
    }
}

async fn follow(client: AsyncClient, mut events: EventLoop, sender: mpsc::Sender<Heard>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                client.try_subscribe(format!("{ROOT}/#"), QoS::AtLeastOnce).expect("room for a subscription");
            }
            Ok(Event::Incoming(Incoming::Publish(publish))) => {
                let heard = Heard {
                    topic: publish.topic.trim_start_matches(ROOT).trim_start_matches('/').to_owned(),
                    retained: publish.retain,
                    payload: serde_json::from_slice(&publish.payload).unwrap_or(Value::Null),
                };
                if sender.send(heard).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(_) if sender.is_closed() => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Runs the program to its end and returns its exit code and what it wrote to standard error.
pub(crate) async fn finish(arguments: &[&str], folder: &Path) -> (i32, String) {
    let run = program().args(arguments).current_dir(folder).env_remove("HAZGATE_LOG").output();
    let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends").expect("it starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), text)
}
