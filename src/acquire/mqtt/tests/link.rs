//! Whole MQTT links, over real sockets and a real broker: from what a publisher sends to what the engine hears.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mqtt5::broker::MqttBroker;
use mqtt5::broker::config::{AuthConfig, BrokerConfig, StorageBackend, StorageConfig};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::acquire::run;
use crate::acquire::testing::{Ears, SiteBuilder, Word, samples};
use crate::model::limits::MQTT_PAYLOAD_BYTES_MAX;
use crate::model::{Batch, DeviceId, LinkReport, LinkState, Reason, Sample, Text, Value};
use crate::site::{Broker, Conversion, Extract, LinkKind, MqttDevice, Protocol, Source};

/// How long a broker may take to end; the library can hang, and one of its threads is then left behind.
const STOP_MAX: Duration = Duration::from_secs(3);

/// A broker in memory, in a runtime of its own: it ends with all its connections when that does, and needs no leave of the library's to do so.
struct Server {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    async fn start(address: &str) -> Self {
        let storage = StorageConfig::new().with_backend(StorageBackend::Memory);
        let config = BrokerConfig::new()
            .with_bind_address(address.parse::<SocketAddr>().unwrap())
            .with_max_packet_size(4 * 1024 * 1024)
            .with_storage(storage)
            .with_auth(AuthConfig::new().with_allow_anonymous(true));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let started = runtime.spawn(async move {
            let mut broker = MqttBroker::with_config(config).await.unwrap();
            let address = broker.local_addr().unwrap();
            let mut ready = broker.ready_receiver();
            tokio::spawn(async move { broker.run().await.unwrap() });
            ready.wait_for(|ready| *ready).await.unwrap();
            address
        });
        Self { address: started.await.unwrap(), runtime: Some(runtime) }
    }

    async fn open() -> Self {
        Self::start("127.0.0.1:0").await
    }

    /// Returns once its port is free.
    async fn stop(mut self) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_MAX)).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Publishes all of `messages` again and again, as a sensor does, until it is dropped.
fn publisher(address: SocketAddr, id: &str, messages: Vec<(String, Vec<u8>)>) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let (client, mut events) = AsyncClient::new(publishing(address, id), 16);
    tasks.spawn(async move {
        let mut beat = interval(Duration::from_millis(20));
        loop {
            beat.tick().await;
            for (topic, payload) in &messages {
                client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).await.unwrap();
            }
        }
    });
    tasks.spawn(async move { while events.poll().await.is_ok() {} });
    tasks
}

fn publishing(address: SocketAddr, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(1024 * 1024, 1024 * 1024);
    options
}

fn says(topic: &str, payload: &str) -> (String, Vec<u8>) {
    (topic.into(), payload.into())
}

/// Leaves a retained message at the broker.
async fn retain(address: SocketAddr, topic: &str, payload: &str) {
    let (client, mut events) = AsyncClient::new(publishing(address, "retainer"), 16);
    client.publish(topic, QoS::AtLeastOnce, true, payload).await.unwrap();
    while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::PubAck(_))) {}
}

fn device(topic: &str, silence: Duration) -> Protocol {
    Protocol::Mqtt(MqttDevice::json(topic, silence))
}

fn values(pointers: &[&str]) -> Vec<Source> {
    let source = |pointer: &&str| Extract { pointer: (*pointer).into(), conversion: Conversion::default() };
    pointers.iter().map(source).map(Source::Mqtt).collect()
}

fn link(address: SocketAddr) -> SiteBuilder {
    SiteBuilder::new(LinkKind::Mqtt(Broker::open(address.to_string())))
}

const PATIENT: Duration = Duration::from_secs(3600);

/// A link at work, until it is dropped.
struct Rig {
    ears: Ears,
    stop: CancellationToken,
}

impl Rig {
    fn start(site: SiteBuilder) -> Self {
        let (context, ears) = site.build();
        let stop = CancellationToken::new();
        tokio::spawn(run(0, context, stop.clone()));
        Self { ears, stop }
    }

    async fn batch_of(&mut self, device: usize) -> Batch {
        loop {
            let batch = self.ears.batch().await;
            if batch.device == DeviceId::new(device) {
                return batch;
            }
        }
    }

    async fn news_of(&mut self, device: usize) -> LinkReport {
        loop {
            let report = self.ears.link().await;
            if report.device == DeviceId::new(device) {
                return report;
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn good(values: &[Value]) -> Vec<Sample> {
    values.iter().copied().map(Sample::Good).collect()
}

#[tokio::test]
async fn messages_become_readings_of_every_device_that_they_are_for() {
    let server = Server::open().await;
    let site = link(server.address)
        .device(device("gas/1", PATIENT), values(&["/h2s", "/on"]))
        .device(device("gas/+", PATIENT), values(&["/h2s"]))
        .device(device("dust/1", PATIENT), values(&[""]));
    let mut rig = Rig::start(site);
    let messages = vec![says("gas/1", r#"{"h2s":3.5,"on":true}"#), says("dust/1", "17")];
    let _sensor = publisher(server.address, "sensor", messages);
    for (device, expected) in [
        (0, good(&[Value::Float(3.5), Value::Bool(true)])),
        (1, good(&[Value::Float(3.5)])),
        (2, good(&[Value::Int(17)])),
    ] {
        assert_eq!(samples(&rig.batch_of(device).await), expected);
    }
}

#[tokio::test]
async fn a_publisher_is_up_before_its_first_reading() {
    let server = Server::open().await;
    let mut rig = Rig::start(link(server.address).device(device("t", PATIENT), values(&["/v"])));
    let _sensor = publisher(server.address, "sensor", vec![says("t", r#"{"v":1}"#)]);
    let Word::Link(report) = rig.ears.next().await else { panic!("a reading of a device that is not up") };
    assert_eq!((report.state, report.error), (LinkState::Up, None));
}

#[tokio::test]
async fn p3_a_publisher_of_nonsense_degrades_itself_and_nobody_else() {
    let server = Server::open().await;
    let site = link(server.address)
        .device(device("bad", PATIENT), values(&["/v"]))
        .device(device("long", PATIENT), values(&["/v"]))
        .device(device("text", PATIENT), values(&["/v"]))
        .device(device("good", PATIENT), values(&["/v"]));
    let mut rig = Rig::start(site);
    let long = format!(r#"{{"v":1,"pad":"{}"}}"#, "x".repeat(MQTT_PAYLOAD_BYTES_MAX));
    let messages = vec![
        says("bad", "{\"v\":"),
        says("text", r#"{"v":"12.5"}"#),
        says("long", &long),
        says("good", r#"{"v":1}"#),
    ];
    let _sensor = publisher(server.address, "sensor", messages);
    let (mut reports, mut polls) = (Vec::new(), 0);
    while polls < 5 || reports.len() < 4 {
        match rig.ears.next().await {
            // Counters alone are told again.
            Word::Link(report) if reports.iter().any(|told: &LinkReport| told.device == report.device) => {}
            Word::Link(report) => reports.push(report),
            Word::Batch(batch) if batch.device == DeviceId::new(3) => {
                assert_eq!(samples(&batch), good(&[Value::Int(1)]));
                polls += 1;
            }
            Word::Batch(batch) => {
                assert_eq!(batch.device, DeviceId::new(2), "only its own points, and no value");
                assert_eq!(samples(&batch), [Sample::Bad(Reason::SensorFault)]);
            }
        }
    }
    reports.sort_by_key(|report| report.device);
    let words: Vec<_> = reports.iter().map(|report| report.error.clone()).collect();
    assert_eq!(
        words,
        [
            Some(Text::new(
                "主题 `bad`：报文格式错误：不是 JSON（第 1 行第 5 列）",
                "topic `bad`: malformed message: not JSON at line 1 column 5"
            )),
            Some(Text::new(
                "主题 `long`：报文格式错误：长度超过 262144 字节",
                "topic `long`: malformed message: longer than 262144 bytes"
            )),
            Some(Text::new(
                "主题 `text`：`/v` 处是文本，不是数值",
                "topic `text`: text instead of a value at `/v`"
            )),
            None
        ]
    );
    assert!(reports[..3].iter().all(|report| report.state == LinkState::Degraded));
    assert_eq!(reports[3].state, LinkState::Up);
}

#[tokio::test]
async fn p2_a_retained_message_is_never_taken_for_a_fresh_one() {
    let server = Server::open().await;
    retain(server.address, "old", r#"{"v":1}"#).await;
    retain(server.address, "new", r#"{"v":1}"#).await;
    let site = link(server.address)
        .device(device("old", Duration::from_millis(300)), values(&["/v"]))
        .device(device("new", PATIENT), values(&["/v"]));
    let mut rig = Rig::start(site);
    let _sensor = publisher(server.address, "sensor", vec![says("new", r#"{"v":2}"#)]);
    loop {
        match rig.ears.next().await {
            Word::Batch(batch) => {
                assert_eq!((batch.device, samples(&batch)), (DeviceId::new(1), good(&[Value::Int(2)])));
            }
            Word::Link(report) if report.device == DeviceId::new(0) => {
                assert_eq!(report.state, LinkState::Down);
                assert_eq!(report.error, Some(Text::new("0.3 s 内无消息", "no message for 0.3 s")));
                break;
            }
            Word::Link(report) => assert_eq!(report.state, LinkState::Up),
        }
    }
}

#[tokio::test]
async fn p2_a_publisher_that_falls_silent_is_down() {
    let server = Server::open().await;
    let site = link(server.address).device(device("t", Duration::from_millis(300)), values(&["/v"]));
    let mut rig = Rig::start(site);
    let sensor = publisher(server.address, "sensor", vec![says("t", r#"{"v":1}"#)]);
    assert_eq!(rig.news_of(0).await.state, LinkState::Up);
    drop(sensor);
    let report = rig.news_of(0).await;
    let words = Text::new("0.3 s 内无消息", "no message for 0.3 s");
    assert_eq!((report.state, report.error), (LinkState::Down, Some(words)));
    let _sensor = publisher(server.address, "sensor", vec![says("t", r#"{"v":1}"#)]);
    assert_eq!(rig.news_of(0).await.state, LinkState::Up);
}

#[tokio::test]
async fn p2_a_lost_broker_takes_its_publishers_down_and_its_return_brings_them_back() {
    let server = Server::open().await;
    let address = server.address;
    let site = link(address)
        .device(device("a", PATIENT), values(&["/v"]))
        .device(device("b", PATIENT), values(&["/v"]));
    let mut rig = Rig::start(site);
    let messages = vec![says("a", r#"{"v":1}"#), says("b", r#"{"v":2}"#)];
    let sensor = publisher(address, "sensor", messages.clone());
    // Which of them is heard first depends on when the link has subscribed.
    let mut up = BTreeSet::new();
    while up.len() < 2 {
        let report = rig.ears.link().await;
        assert_eq!(report.state, LinkState::Up);
        up.insert(report.device);
    }
    server.stop().await;
    drop(sensor);
    let report = rig.news_of(1).await;
    assert_eq!(report.state, LinkState::Down);
    let words = Text::new(
        format!("与 MQTT 代理 {address} 的连接中断"),
        format!("connection to broker {address} lost"),
    );
    assert_eq!(report.error, Some(words));
    let server = Server::start(&address.to_string()).await;
    let _sensor = publisher(server.address, "sensor", messages);
    while rig.news_of(1).await.state != LinkState::Up {}
    assert_eq!(samples(&rig.batch_of(1).await), good(&[Value::Int(2)]));
}

#[tokio::test]
async fn a_broker_that_refuses_us_is_told_by_its_reason() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = broker.local_addr().unwrap();
    let mut rig = Rig::start(link(address).device(device("t", PATIENT), values(&["/v"])));
    let (mut stream, _) = broker.accept().await.unwrap();
    // CONNACK: not authorized.
    stream.write_all(&[0x20, 2, 0, 5]).await.unwrap();
    let report = rig.news_of(0).await;
    assert_eq!(report.state, LinkState::Down);
    let words = Text::new(
        format!("MQTT 代理 {address} 拒绝用户名或密码"),
        format!("broker {address} refuses user name or password"),
    );
    assert_eq!(report.error, Some(words));
    drop((stream, broker));
    let report = rig.news_of(0).await;
    let words = Text::new(format!("{address} 拒绝连接"), format!("connection refused by {address}"));
    assert_eq!(report.error, Some(words));
}
