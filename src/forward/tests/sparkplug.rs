//! The gateway as an edge node of Sparkplug B, heard by a host of its own and held against the specification's assertions
//! (Sparkplug 3.0.0). Each test names those that it checks.
#![cfg(feature = "broker")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use prost::Message as _;
use prost::bytes::Bytes;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

use super::fake_broker::{Behaviour, FakeBroker, Seen};
use super::plant::{ANY, Plant, edge_at, soon};
use crate::broker::EmbeddedBroker;
use crate::clock::Clock;
use crate::model::{AlarmState, DeviceStatus, EventKind, LinkCounters, LinkState, Wall};
use crate::site::MqttVersion;
use crate::sparkplug::{Metric, Number, Payload, PropertyValue, datatype, decode};
use crate::store::Turn;
use crate::store::fixtures::{alarms, batch, commit, raised, telemetry, transition};

const VERSIONS: [MqttVersion; 2] = [MqttVersion::V3_1_1, MqttVersion::V5];

/// A message as a host takes it.
#[derive(Debug)]
struct Told {
    kind: String,
    device: Option<String>,
    retain: bool,
    seq: Option<u64>,
    metrics: Vec<Metric>,
}

impl Told {
    fn new(topic: &str, retain: bool, payload: &[u8]) -> Self {
        let levels: Vec<&str> = topic.split('/').collect();
        assert_eq!((levels[0], levels[1], levels[3]), ("spBv1.0", "plant", "gw1"), "{topic}");
        let payload: Payload = decode(Bytes::copy_from_slice(payload)).unwrap();
        assert!(payload.timestamp.is_some(), "tck-id-payloads-timestamp-in-UTC: {topic}");
        let metrics = payload.metrics.into_iter().map(|metric| decode(metric).unwrap()).collect();
        let (kind, device) = (levels[2].to_owned(), levels.get(4).map(|&device| device.to_owned()));
        Self { kind, device, retain, seq: payload.seq, metrics }
    }

    fn metric(&self, name: &str) -> &Metric {
        let found = self.metrics.iter().find(|metric| metric.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("no metric {name} in {self:?}"))
    }

    fn bd_seq(&self) -> Option<Number> {
        self.metric("bdSeq").value.clone()
    }
}

/// A host application: hears every edge node of the group.
struct Host {
    client: AsyncClient,
    told: mpsc::Receiver<Told>,
    /// The number of the node's next message.
    next: u64,
}

impl Host {
    async fn listen(address: SocketAddr) -> Self {
        let mut options = MqttOptions::new("host", address.ip().to_string(), address.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::new(options, 100);
        let (tell, told) = mpsc::channel(10_000);
        let (ready, mut subscribed) = mpsc::channel(1);
        client.try_subscribe("spBv1.0/plant/#", QoS::AtLeastOnce).unwrap();
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => ready.send(()).await.unwrap(),
                    Event::Incoming(Packet::Publish(it)) if !it.topic.contains("/NCMD/") => {
                        let told = Told::new(&it.topic, it.retain, &it.payload);
                        if tell.send(told).await.is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        });
        soon("the host subscribes", subscribed.recv()).await.unwrap();
        Self { client, told, next: 0 }
    }

    /// The next message, once its number has been held against the last.
    /// tck-id-payloads-sequence-num-incrementing, -sequence-num-zero-nbirth, -nbirth-retain, -ddata-retain, -ndeath-seq.
    async fn any(&mut self) -> Told {
        let told = soon("a message comes", self.told.recv()).await.unwrap();
        assert!(!told.retain, "{told:?}");
        if told.kind == "NDEATH" {
            assert_eq!(told.seq, None);
            return told;
        }
        if told.kind == "NBIRTH" {
            self.next = 0;
        }
        assert_eq!(told.seq, Some(self.next), "{told:?}");
        self.next = (self.next + 1) % 256;
        told
    }

    async fn on(&mut self, kind: &str, device: Option<&str>) -> Told {
        loop {
            let told = self.any().await;
            if told.kind == kind && told.device.as_deref() == device {
                return told;
            }
        }
    }

    async fn say(&self, topic: &str, retain: bool, payload: Vec<u8>) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await.unwrap();
    }
}

async fn device_is(plant: &Plant, device: &str, state: LinkState) {
    let at = Clock::start().now().wall.stamp(&plant.site.identity.zone);
    let (device, counters) = (device.to_owned(), LinkCounters::default());
    let status = DeviceStatus { at, device, state, since: at, error: None, counters };
    commit(&plant.store, Turn { devices: vec![status], ..Turn::default() }).await;
}

async fn connected(version: MqttVersion) -> (EmbeddedBroker, Plant, Host) {
    let server = EmbeddedBroker::start(ANY).await.unwrap();
    let host = Host::listen(server.local_addr()).await;
    let mut plant = Plant::new(vec![("scada", edge_at(version, server.local_addr(), None))]);
    device_is(&plant, "meter1", LinkState::Up).await;
    plant.start();
    (server, plant, host)
}

/// tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq, tck-id-payloads-nbirth-bdseq, tck-id-payloads-nbirth-rebirth-req,
/// tck-id-topics-nbirth-metrics, tck-id-topics-dbirth-metrics, tck-id-payloads-name-birth-data-requirement,
/// tck-id-payloads-metric-datatype-req, tck-id-payloads-metric-datatype-not-req, tck-id-payloads-timestamp-in-metric,
/// tck-id-payloads-propertyset-quality-value-type, tck-id-payloads-propertyset-quality-value-value.
#[tokio::test]
async fn births_say_what_there_is_and_data_what_is_new() {
    for version in VERSIONS {
        let (server, mut plant, mut host) = connected(version).await;
        let birth = host.any().await;
        assert_eq!((birth.kind.as_str(), birth.seq), ("NBIRTH", Some(0)));
        assert_eq!(
            (birth.metric("bdSeq").datatype, birth.bd_seq()),
            (Some(datatype::INT64), Some(Number::Long(0)))
        );
        let rebirth = birth.metric("Node Control/Rebirth");
        assert_eq!(
            (rebirth.datatype, &rebirth.value),
            (Some(datatype::BOOLEAN), &Some(Number::Boolean(false)))
        );
        assert!(birth.metrics.iter().all(|it| it.datatype.is_some() && it.timestamp.is_some()), "{birth:?}");

        let birth = host.on("DBIRTH", Some("meter1")).await;
        let names: BTreeSet<_> = birth.metrics.iter().filter_map(|metric| metric.name.as_deref()).collect();
        assert_eq!(names, BTreeSet::from(["power", "run"]));
        assert!(
            birth.metrics.iter().all(|it| it.datatype.is_some() && it.is_null == Some(true)),
            "{birth:?}"
        );
        let quality = PropertyValue { kind: Some(3), int: Some(500), ..PropertyValue::default() };
        let properties = birth.metric("run").properties.clone().unwrap();
        assert_eq!((properties.keys[0].as_str(), &properties.values[0]), ("Quality", &quality));

        let now = Clock::start().now().wall;
        commit(&plant.store, telemetry(vec![batch(0, now, 12.5)])).await;
        let again = host.on("DBIRTH", Some("meter1")).await;
        assert_eq!(again.metric("run").datatype, Some(datatype::BOOLEAN), "its type is known now");
        let data = host.on("DDATA", Some("meter1")).await;
        let power = data.metric("power");
        assert_eq!((&power.value, power.datatype), (&Some(Number::Double(12.5)), None));
        assert_eq!((power.timestamp, power.is_historical), (Some(now.0 as u64), None));
        commit(&plant.store, telemetry(vec![batch(0, Wall(now.0 - 60_000), 1.0)])).await;
        let late = host.on("DDATA", Some("meter1")).await;
        assert_eq!(late.metric("power").is_historical, Some(true), "tck-id-payloads-metric-is-historical");
        plant.works().await;
        plant.stop().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn p1_an_alarm_event_comes_whole_and_its_state_is_a_metric() {
    let (server, mut plant, mut host) = connected(MqttVersion::V5).await;
    host.on("NBIRTH", None).await;
    commit(&plant.store, alarms(vec![raised("dust1.fan")])).await;
    let data = host.on("NDATA", None).await;
    let Some(Number::Text(text)) = &data.metric("Events/Alarm").value else { panic!("{data:?}") };
    let event: serde_json::Value = serde_json::from_str(text).unwrap();
    super::contract::check("alarm-event", &event);
    assert_eq!((&event["alarm"], &event["seq"]), (&"dust1.fan".into(), &1.into()));
    plant.stop().await;
    assert_eq!(plant.progress("scada").await.event, 1);
    let gone = transition("dust1.fan", EventKind::Cleared, AlarmState::Normal);
    commit(&plant.store, alarms(vec![gone])).await;
    assert_eq!(plant.progress("scada").await.event, 1, "nobody has heard of it yet");
    server.stop().await;
}

/// tck-id-operational-behavior-data-commands-rebirth-action-1, -2, -3, tck-id-payloads-nbirth-bdseq-repeat.
#[tokio::test]
async fn a_command_has_everything_born_anew_in_the_same_session() {
    let (server, mut plant, mut host) = connected(MqttVersion::V3_1_1).await;
    let first = host.on("NBIRTH", None).await;
    host.on("DBIRTH", Some("meter1")).await;
    let on = |name: &str| {
        let value = Some(Number::Boolean(true));
        let metric = Metric { name: Some(name.to_owned()), datatype: Some(11), value, ..Metric::default() };
        Payload::of([metric], 7, None).encode_to_vec()
    };
    for wrong in [on("Node Control/Reboot"), b"no payload".to_vec()] {
        host.say("spBv1.0/plant/NCMD/gw1", false, wrong).await;
    }
    host.say("spBv1.0/plant/NCMD/gw1", false, on("Node Control/Rebirth")).await;
    let again = host.any().await;
    assert_eq!((again.kind.as_str(), again.seq), ("NBIRTH", Some(0)));
    assert_eq!(again.bd_seq(), first.bd_seq());
    assert_eq!(host.any().await.kind, "DBIRTH");
    plant.stop().await;
    server.stop().await;
}

/// tck-id-operational-behavior-device-ddeath, tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath,
/// tck-id-topics-ndeath-payload, tck-id-topics-ndeath-seq, tck-id-payloads-ndeath-will-message-retain.
#[tokio::test]
async fn p2_a_device_that_is_lost_dies_and_so_does_a_node_that_stops_or_is_cut_off() {
    for version in VERSIONS {
        let (server, mut plant, mut host) = connected(version).await;
        let birth = host.on("NBIRTH", None).await;
        host.on("DBIRTH", Some("meter1")).await;
        device_is(&plant, "meter1", LinkState::Down).await;
        host.on("DDEATH", Some("meter1")).await;
        let now = Clock::start().now().wall;
        commit(&plant.store, telemetry(vec![batch(0, now, 1.0)])).await;
        host.on("DBIRTH", Some("meter1")).await;
        host.on("DDATA", Some("meter1")).await;
        host.on("DDEATH", Some("meter1")).await;
        plant.stop().await;
        assert_eq!(host.on("NDEATH", None).await.bd_seq(), birth.bd_seq());

        plant.start();
        let birth = host.on("NBIRTH", None).await;
        plant.crash().await;
        assert_eq!(host.on("NDEATH", None).await.bd_seq(), birth.bd_seq(), "the Last Will");
        server.stop().await;
    }
}

/// tck-id-message-flow-edge-node-birth-publish-phid-wait, -phid-wait-online, -phid-offline,
/// tck-id-host-topic-phid-birth-payload.
#[tokio::test]
async fn nothing_is_published_while_the_primary_host_is_not_there() {
    let server = EmbeddedBroker::start(ANY).await.unwrap();
    let mut host = Host::listen(server.local_addr()).await;
    let mut plant =
        Plant::new(vec![("scada", edge_at(MqttVersion::V5, server.local_addr(), Some("ignition")))]);
    commit(&plant.store, alarms(vec![raised("a")])).await;
    plant.start();
    let state = |online, at| format!(r#"{{"online":{online},"timestamp":{at}}}"#).into_bytes();
    host.say("spBv1.0/STATE/ignition", true, state(false, 10)).await;
    host.say("spBv1.0/STATE/ignition", true, state(true, 5)).await;
    tokio::task::yield_now().await;
    assert!(host.told.try_recv().is_err(), "the host is not there yet");
    host.say("spBv1.0/STATE/ignition", true, state(true, 20)).await;
    assert_eq!(host.any().await.kind, "NBIRTH");
    host.on("NDATA", None).await;
    host.say("spBv1.0/STATE/ignition", true, state(false, 30)).await;
    host.on("NDEATH", None).await;
    let complaint = plant.complaint().await.en;
    assert!(complaint.contains("the primary host `ignition` is gone"), "{complaint}");
    plant.stop().await;
    server.stop().await;
}

fn rows(seen: &Seen) -> BTreeSet<u64> {
    let data = seen.publishes.iter().filter(|said| said.topic.contains("/DDATA/"));
    let told = data.map(|said| Told::new(&said.topic, false, &said.payload));
    told.map(|told| told.metric("power").timestamp.unwrap()).collect()
}

/// tck-id-payloads-nbirth-qos, -dbirth-qos, -ndata-qos, -ddata-qos, tck-id-principles-persistence-clean-session-311,
/// tck-id-principles-persistence-clean-session-50, tck-id-topics-nbirth-bdseq-increment, tck-id-payloads-ndeath-will-message.
#[tokio::test]
async fn p1_nothing_is_lost_when_connections_are_cut_in_mid_flow_though_nothing_is_acknowledged() {
    for version in VERSIONS {
        let cut = |cut_after| Behaviour { cut_after, ..Behaviour::default() };
        let mut server =
            FakeBroker::speaking(version, vec![cut(30), cut(150), cut(7), Behaviour::default()]).await;
        let mut plant = Plant::new(vec![("scada", edge_at(version, server.address, None))]);
        device_is(&plant, "meter1", LinkState::Up).await;
        let start = Clock::start().now().wall.0 - 100_000;
        commit(&plant.store, telemetry((0..300).map(|i| batch(0, Wall(start + i), 1.0)).collect())).await;
        plant.start();
        server.until("every row comes", |seen| rows(seen).len() == 300).await;
        plant.works().await;
        {
            let seen = server.seen.lock().unwrap();
            assert!(seen.publishes.iter().all(|said| said.qos == 0));
            for (n, came) in (0..).zip(&seen.connects) {
                assert!(came.is_clean && came.session_s.unwrap_or(0) == 0, "{came:?}");
                let will = Told::new(&came.will_topic, false, &came.will);
                assert_eq!((will.kind.as_str(), will.bd_seq()), ("NDEATH", Some(Number::Long(n))));
            }
            assert!(seen.connects.len() >= 4);
        }
        tokio::time::timeout(Duration::from_secs(5), plant.crash()).await.unwrap();
    }
}
