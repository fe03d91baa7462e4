//! A monitoring centre in small: an MQTT client that listens to gateways by the public contract (docs/mqtt.md) and knows
//! nothing else of them. `watch` shows what it hears; `demo` uses it to see alarms arrive where they must.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hazgate::model::limits::{BACKOFF_MIN, MQTT_PACKET_BYTES_MAX};
use hazgate::model::{DeviceStatus, Event, Risk};
use hazgate::site::Secret;
use rumqttc::{AsyncClient, EventLoop, Incoming, MqttOptions, NetworkOptions, Publish, QoS};
use serde::Deserialize;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Everything that gateways say, of every enterprise.
const EVERY_GATEWAY: &str = "hazgate/v1/+/+/#";
/// Messages not yet looked at before the client stops reading.
const QUEUE_LEN_MAX: usize = 256;
/// Event ids remembered to tell duplicates.
const REMEMBERED_EVENTS_MAX: usize = 4096;

/// How to reach a broker.
pub(crate) struct Access {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, Secret)>,
}

impl Access {
    /// From `mqtt://host:port`.
    pub(crate) fn parse(url: &str, login: Option<(String, Secret)>) -> anyhow::Result<Self> {
        let parsed = url::Url::parse(url)
            .with_context(|| format!("`{url}` is not a broker address: expected mqtt://host:port"))?;
        ensure!(parsed.scheme() == "mqtt", "`{url}`: expected mqtt://host:port");
        ensure!(
            parsed.password().is_none() && parsed.username().is_empty(),
            "a password in an address can be seen by others: use --username and --password-file"
        );
        let host = parsed.host_str().with_context(|| format!("`{url}` names no host"))?;
        Ok(Self { host: host.to_owned(), port: parsed.port().unwrap_or(1883), login })
    }
}

/// What the centre hears.
pub(crate) enum News {
    /// The broker answers.
    Connected,
    /// The broker does not; it is tried again.
    Lost(String),
    /// A gateway said something.
    Message(Publish),
}

/// Listens until the receiver is dropped.
pub(crate) fn listen(access: &Access) -> mpsc::Receiver<News> {
    let mut options =
        MqttOptions::new(format!("hazgate-watch-{}", Uuid::now_v7()), &access.host, access.port);
    options.set_keep_alive(Duration::from_secs(10));
    options.set_max_packet_size(MQTT_PACKET_BYTES_MAX, MQTT_PACKET_BYTES_MAX);
    if let Some((user, password)) = &access.login {
        options.set_credentials(user, password.expose());
    }
    let (client, mut events) = AsyncClient::new(options, 16);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    let (news, heard) = mpsc::channel(QUEUE_LEN_MAX);
    tokio::spawn(follow(client, events, news));
    heard
}

async fn follow(client: AsyncClient, mut events: EventLoop, news: mpsc::Sender<News>) {
    while !news.is_closed() {
        let told = match events.poll().await {
            Ok(rumqttc::Event::Incoming(Incoming::ConnAck(_))) => {
                if let Err(error) = client.try_subscribe(EVERY_GATEWAY, QoS::AtLeastOnce) {
                    tracing::warn!("cannot subscribe: {error}");
                }
                news.send(News::Connected).await
            }
            Ok(rumqttc::Event::Incoming(Incoming::Publish(message))) => {
                news.send(News::Message(message)).await
            }
            Ok(_) => Ok(()),
            Err(error) => {
                let told = news.send(News::Lost(error.to_string())).await;
                tokio::time::sleep(BACKOFF_MIN).await;
                told
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// A message of the contract, as far as the terminal shows it.
pub(crate) enum Said {
    /// `status`.
    Status(Status),
    /// `alarm/event`.
    Event(Box<Event>),
    /// `alarm/current/{alarm}`: none once the alarm is normal.
    Current(String, Option<Box<Event>>),
    /// `risk`.
    Risk(Risk),
    /// `device/{device}`.
    Device(DeviceStatus),
    /// `data/{device}`.
    Data(Data),
    /// Anything else under the root.
    Other,
}

/// A gateway's `status`.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) online: bool,
    #[serde(default)]
    pub(crate) version: String,
}

/// A device's `data`, as far as it is counted here.
#[derive(Debug, Deserialize)]
pub(crate) struct Data {
    #[serde(default)]
    pub(crate) values: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(crate) quality: serde_json::Map<String, serde_json::Value>,
}

/// What a message says, and which gateway says it.
pub(crate) fn decode(message: &Publish) -> anyhow::Result<(String, Said)> {
    let mut levels = message.topic.splitn(5, '/').skip(2);
    let (enterprise, gateway) = (levels.next(), levels.next());
    let who = format!("{}/{}", enterprise.unwrap_or_default(), gateway.unwrap_or_default());
    let payload = &message.payload;
    let said = match levels.next().unwrap_or_default() {
        "status" => Said::Status(serde_json::from_slice(payload)?),
        "alarm/event" => Said::Event(serde_json::from_slice(payload)?),
        "risk" => Said::Risk(serde_json::from_slice(payload)?),
        topic => match topic.split_once('/') {
            Some(("alarm", rest)) => {
                let alarm = rest.strip_prefix("current/").unwrap_or(rest).to_owned();
                let state = if payload.is_empty() { None } else { Some(serde_json::from_slice(payload)?) };
                Said::Current(alarm, state)
            }
            Some(("device", _)) => Said::Device(serde_json::from_slice(payload)?),
            Some(("data", _)) => Said::Data(serde_json::from_slice(payload)?),
            _ => Said::Other,
        },
    };
    Ok((who, said))
}

/// Tells duplicates of an event from the event: at least once is what the contract promises.
#[derive(Default)]
pub(crate) struct Seen(VecDeque<Uuid>);

impl Seen {
    /// Whether this id comes for the first time.
    pub(crate) fn first(&mut self, id: Uuid) -> bool {
        if self.0.contains(&id) {
            return false;
        }
        if self.0.len() == REMEMBERED_EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(id);
        true
    }
}
