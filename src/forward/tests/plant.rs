//! What the tests of delivery stand on: a store with the site's forwarders running, a gateway's loop that says yes, and a
//! centre of its own that listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, QoS};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::contract::check;
use crate::clock::Clock;
use crate::forward::{Context, run};
use crate::inbox::Inbox;
use crate::model::{Command, CommandError, ForwarderId, Input, Text};
use crate::site::{Broker, ForwarderKind, MqttTarget, MqttVersion, Profile, Site, SparkplugNode};
use crate::store::fixtures;
use crate::store::{Progress, Store, Turn};

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// A free port of this machine.
pub(super) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Waits for something that must happen.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: did not happen within {PATIENCE:?}"))
}

/// A destination that is a broker at `address`.
pub(super) fn broker(address: SocketAddr) -> ForwarderKind {
    broker_of(MqttVersion::V3_1_1, address)
}

/// The same, spoken to in this version of MQTT.
pub(super) fn broker_of(version: MqttVersion, address: SocketAddr) -> ForwarderKind {
    brokers_of(version, &[address])
}

/// A destination of several: the first, and those that stand by for it.
pub(super) fn brokers_of(version: MqttVersion, addresses: &[SocketAddr]) -> ForwarderKind {
    let brokers = addresses.iter().map(|address| Broker::open(address.to_string())).collect();
    ForwarderKind::Mqtt(MqttTarget { brokers, version, profile: Profile::Contract })
}

/// A destination to which the gateway is an edge node of Sparkplug.
pub(super) fn edge_at(
    version: MqttVersion,
    address: SocketAddr,
    primary_host: Option<&str>,
) -> ForwarderKind {
    let (group, node) = ("plant".to_owned(), "gw1".to_owned());
    let node = SparkplugNode { group, node, primary_host: primary_host.map(str::to_owned) };
    let brokers = vec![Broker::open(address.to_string())];
    ForwarderKind::Mqtt(MqttTarget { brokers, version, profile: Profile::Sparkplug(node) })
}

/// Lets so much time pass at once.
pub(super) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A gateway without devices: a store and its forwarders.
pub(super) struct Plant {
    pub(super) store: Store,
    pub(super) site: Arc<Site>,
    /// What a forwarder said of its connection.
    pub(super) health: mpsc::Receiver<Option<Text>>,
    /// What the centre commanded.
    pub(super) commands: mpsc::Receiver<Command>,
    dir: TempDir,
    context: Context,
    stop: CancellationToken,
    forwarders: Vec<JoinHandle<()>>,
}

impl Plant {
    /// A plant with these destinations, none of them served yet.
    pub(super) fn new(forwarders: Vec<(&str, ForwarderKind)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let site = fixtures::site(dir.path(), forwarders);
        Self::in_directory(dir, site)
    }

    fn in_directory(dir: TempDir, site: Site) -> Self {
        let (inbox, mut messages) = Inbox::new(Clock::start());
        let (told, health) = mpsc::channel(1000);
        let (commanded, commands) = mpsc::channel(1000);
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                match message.input {
                    Input::Health(report) => told.send(report.error).await.unwrap(),
                    Input::Command(command) => {
                        let crate::model::Action::Acknowledge { alarm, .. } = &command.action else {
                            panic!("{command:?}")
                        };
                        let unknown = CommandError::UnknownAlarm(alarm.clone());
                        let result = if alarm == "nowhere" { Err(unknown) } else { Ok(()) };
                        commanded.send(command).await.unwrap();
                        message.reply.unwrap().send(result).unwrap();
                    }
                    other => panic!("a forwarder sent {other:?}"),
                }
            }
        });
        let (store, site) = (fixtures::open(&site).store, Arc::new(site));
        let context = Context {
            site: Arc::clone(&site),
            store: store.clone(),
            inbox,
            clock: Clock::start(),
            boot: Uuid::from_u128(7),
        };
        let (stop, forwarders) = (CancellationToken::new(), vec![]);
        Self { store, site, health, commands, dir, context, stop, forwarders }
    }

    /// Begins to serve the destinations.
    pub(super) fn start(&mut self) {
        for id in 0..self.site.forwarders.len() {
            let task = run(ForwarderId::new(id), self.context.clone(), self.stop.clone());
            self.forwarders.push(tokio::spawn(task));
        }
    }

    /// Ends the forwarders in good order.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        for task in self.forwarders.drain(..) {
            soon("a forwarder stops", task).await.unwrap();
        }
        self.stop = CancellationToken::new();
    }

    /// Cuts the forwarders off, as a crash would.
    pub(super) async fn crash(&mut self) {
        for task in self.forwarders.drain(..) {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }

    /// The same plant after a restart of the whole gateway.
    pub(super) async fn restarted(mut self) -> Self {
        self.stop().await;
        self.store.clone().close().await;
        Self::in_directory(self.dir, Arc::unwrap_or_clone(self.site))
    }

    /// The same plant after a restart with other destinations.
    pub(super) async fn restarted_with(mut self, forwarders: Vec<(&str, ForwarderKind)>) -> Self {
        self.stop().await;
        self.store.clone().close().await;
        let site = fixtures::site(self.dir.path(), forwarders);
        Self::in_directory(self.dir, site)
    }

    /// How far a destination has acknowledged, as kept.
    pub(super) async fn progress(&self, forwarder: &str) -> Progress {
        fixtures::commit(&self.store, Turn::default()).await;
        self.store.outbox(forwarder).unwrap().progress().await.unwrap()
    }

    /// Waits until the forwarder says that it works.
    pub(super) async fn works(&mut self) {
        while soon("the forwarder works", self.health.recv()).await.unwrap().is_some() {}
    }

    /// What the forwarder says is wrong next.
    pub(super) async fn complaint(&mut self) -> Text {
        loop {
            if let Some(error) = soon("the forwarder complains", self.health.recv()).await.unwrap() {
                return error;
            }
        }
    }
}

/// A centre: subscribes to everything and keeps what comes.
pub(super) struct Centre {
    pub(super) client: AsyncClient,
    messages: mpsc::Receiver<Publish>,
}

impl Centre {
    /// Connects, and returns once the subscription stands. Connects again by itself.
    pub(super) async fn listen(address: SocketAddr, id: &str) -> Self {
        let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
        options.set_clean_session(false).set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut event_loop) = AsyncClient::new(options, 100);
        let (sender, messages) = mpsc::channel(100_000);
        let (ready, mut subscribed) = mpsc::channel(1000);
        let again = client.clone();
        tokio::spawn(async move {
            loop {
                match event_loop.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        again.try_subscribe("hazgate/v1/#", QoS::AtLeastOnce).unwrap();
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => ready.send(()).await.unwrap_or(()),
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        if sender.send(publish).await.is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) if sender.is_closed() => return,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        soon("the centre subscribes", subscribed.recv()).await.unwrap();
        tokio::spawn(async move { while subscribed.recv().await.is_some() {} });
        Self { client, messages }
    }

    /// The next message, whatever it is, once it has been held against its schema.
    pub(super) async fn any(&mut self) -> Publish {
        let publish = soon("a message comes", self.messages.recv()).await.unwrap();
        let topic = publish.topic.strip_prefix("hazgate/v1/acme/gw1/").unwrap();
        let name = match topic.split_once('/') {
            Some(("alarm", "event")) => "alarm-event",
            Some(("alarm", _)) => "alarm-current",
            Some(("cmd", _)) => "reply",
            Some(("report", _)) => "report-power",
            Some((name, _)) => name,
            None => topic,
        };
        if name != "cmd" && !publish.payload.is_empty() {
            check(name, &serde_json::from_slice(&publish.payload).unwrap());
        }
        publish
    }

    /// The next message on `topic` under the gateway's root; others are skipped.
    pub(super) async fn on(&mut self, topic: &str) -> Publish {
        loop {
            let publish = self.any().await;
            if publish.topic == format!("hazgate/v1/acme/gw1/{topic}") {
                return publish;
            }
        }
    }

    /// The next message on `topic`, as JSON.
    pub(super) async fn json(&mut self, topic: &str) -> Json {
        serde_json::from_slice(&self.on(topic).await.payload).unwrap()
    }

    /// Sends a command.
    pub(super) async fn command(&self, payload: impl Into<Vec<u8>>) {
        self.client.publish("hazgate/v1/acme/gw1/cmd", QoS::AtLeastOnce, false, payload).await.unwrap();
    }
}
