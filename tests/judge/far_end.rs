//! A broker and the centre behind it in one: it keeps a ledger of all that it is told, and goes away, forgets, dawdles and is cut off
//! in the middle of a packet as the story has it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::StreamExt;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Take};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::codec::{Decoder, FramedRead};

/// Root of the site's topics.
const ROOT: &str = "hazgate/v1/acme/judged/";
const PACKET_BYTES_MAX: usize = 1 << 24;

/// What a gateway says, in the version of MQTT that it was told to speak.
enum Said {
    Connect { is_clean: bool },
    Subscribe(u16),
    Publish { packet_id: u16, topic: String, payload: Vec<u8>, is_retained: bool },
    Ping,
    Other,
}

/// Reads packets of MQTT 5, or of 3.1.1.
struct Codec {
    is_v5: bool,
}

impl Decoder for Codec {
    type Item = Said;
    type Error = std::io::Error;

    fn decode(&mut self, bytes: &mut bytes::BytesMut) -> std::io::Result<Option<Said>> {
        let limit = PACKET_BYTES_MAX;
        if !self.is_v5 {
            let mut codec = v4::Codec { max_incoming_size: limit, max_outgoing_size: limit };
            let packet = codec.decode(bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
            return Ok(packet.map(|packet| match packet {
                v4::Packet::Connect(it) => Said::Connect { is_clean: it.clean_session },
                v4::Packet::Subscribe(it) => Said::Subscribe(it.pkid),
                v4::Packet::Publish(it) => Said::Publish {
                    packet_id: it.pkid,
                    topic: it.topic,
                    payload: it.payload.to_vec(),
                    is_retained: it.retain,
                },
                v4::Packet::PingReq => Said::Ping,
                _ => Said::Other,
            }));
        }
        // The library does not read a DISCONNECT of nothing.
        if bytes[..] == [0xe0, 0] {
            bytes.clear();
            return Ok(Some(Said::Other));
        }
        let mut codec = v5::Codec { max_incoming_size: Some(limit as u32), max_outgoing_size: None };
        let packet = codec.decode(bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(packet.map(|packet| match packet {
            v5::Packet::Connect(it, ..) => Said::Connect { is_clean: it.clean_start },
            v5::Packet::Subscribe(it) => Said::Subscribe(it.pkid),
            v5::Packet::Publish(it) => Said::Publish {
                packet_id: it.pkid,
                topic: String::from_utf8(it.topic.to_vec()).expect("a topic of the contract"),
                payload: it.payload.to_vec(),
                is_retained: it.retain,
            },
            v5::Packet::PingReq(_) => Said::Ping,
            _ => Said::Other,
        }))
    }
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Below the root.
    pub(crate) topic: String,
    pub(crate) payload: Value,
}

/// What the broker is to be like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It hangs up on whoever comes, and on those who are there.
    pub(crate) is_away: bool,
    /// It takes everything and says nothing.
    pub(crate) is_mute: bool,
    /// How long it takes to acknowledge.
    pub(crate) dawdles: Duration,
    /// Raised to cut every connection after so many more bytes from the gateway.
    pub(crate) cut: Option<(u32, u64)>,
}

/// What it was told, and what it would still know.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Everything, in its order.
    pub(crate) heard: Vec<Heard>,
    /// What it retains, by topic.
    pub(crate) retained: BTreeMap<String, Value>,
    /// What the centre wants done, until the gateway says that it is.
    command: Option<Value>,
    /// The ids of commands of which the gateway has said that they are done, and kept.
    pub(crate) done: Vec<String>,
    /// It has forgotten its clients.
    is_wiped: bool,
    /// Which connection is the client's; one that it made before is no longer listened to.
    connection: u32,
}

/// The far end of one forwarder.
#[derive(Clone)]
pub(crate) struct FarEnd {
    pub(crate) address: SocketAddr,
    pub(crate) name: &'static str,
    /// It speaks MQTT 5, and 3.1.1 otherwise.
    pub(crate) is_v5: bool,
    ledger: Arc<Mutex<Ledger>>,
    manner: watch::Sender<Manner>,
    /// Wakes whoever has a command to pass on.
    ordered: watch::Sender<u32>,
}

impl FarEnd {
    pub(crate) async fn start(name: &'static str, is_v5: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (manner, ordered) = (watch::Sender::default(), watch::Sender::default());
        let far_end = Self { address, name, is_v5, ledger: Arc::default(), manner, ordered };
        let served = far_end.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !served.manner.borrow().is_away {
                    tokio::spawn(Connection::new(stream, served.clone()).serve());
                }
            }
        });
        far_end
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nobody panicked")
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Manner)) {
        self.manner.send_modify(change);
    }

    /// Cuts every connection once `bytes` more have come.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.change(|manner| manner.cut = Some((manner.cut.map_or(0, |(n, _)| n) + 1, bytes)));
    }

    /// It loses its memory: clients, subscriptions, what was retained. What the centre was told, the centre knows.
    pub(crate) fn wipe(&self) {
        let mut ledger = self.ledger();
        ledger.retained.clear();
        ledger.is_wiped = true;
    }

    /// Has the gateway asked again and again, over all its deaths, until it says that it is done.
    pub(crate) fn order(&self, command: Value) {
        self.ledger().command = Some(command);
        self.ordered.send_modify(|count| *count += 1);
    }

    pub(crate) fn dawdles(&self) -> bool {
        !self.manner.borrow().dawdles.is_zero()
    }

    pub(crate) fn is_ordering(&self) -> bool {
        self.ledger().command.is_some()
    }
}

/// A client's connection.
struct Connection {
    far_end: FarEnd,
    packets: FramedRead<Take<OwnedReadHalf>, Codec>,
    out: OwnedWriteHalf,
    number: u32,
    /// It may be sent commands.
    subscribed: bool,
}

impl Connection {
    fn new(stream: TcpStream, far_end: FarEnd) -> Self {
        let (input, out) = stream.into_split();
        let codec = Codec { is_v5: far_end.is_v5 };
        let packets = FramedRead::new(input.take(u64::MAX), codec);
        Self { far_end, packets, out, number: 0, subscribed: false }
    }

    /// Until either end has had enough.
    async fn serve(mut self) {
        let (mut manner, mut ordered) = (self.far_end.manner.subscribe(), self.far_end.ordered.subscribe());
        let mut cut = manner.borrow_and_update().cut;
        loop {
            let told = tokio::select! {
                packet = self.packets.next() => match packet {
                    Some(Ok(packet)) => self.take(packet).await,
                    _ => return,
                },
                _ = manner.changed() => {
                    let now = *manner.borrow_and_update();
                    if now.is_away {
                        return;
                    }
                    if let Some((_, bytes)) = now.cut.filter(|_| now.cut != cut) {
                        self.packets.get_mut().set_limit(bytes);
                    }
                    cut = now.cut;
                    Ok(())
                }
                _ = ordered.changed(), if self.subscribed => self.send_command().await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn take(&mut self, said: Said) -> std::io::Result<()> {
        match said {
            Said::Connect { is_clean } => {
                let is_new = {
                    let mut ledger = self.far_end.ledger();
                    ledger.connection += 1;
                    self.number = ledger.connection;
                    std::mem::take(&mut ledger.is_wiped) || is_clean
                };
                let welcome = [0x20, 2, u8::from(!is_new), 0];
                let welcome_v5 = [0x20, 3, u8::from(!is_new), 0, 0];
                self.say(if self.far_end.is_v5 { &welcome_v5 } else { &welcome }).await
            }
            Said::Subscribe(packet_id) => {
                let [high, low] = packet_id.to_be_bytes();
                let (granted, granted_v5) = ([0x90, 3, high, low, 1], [0x90, 4, high, low, 0, 1]);
                self.say(if self.far_end.is_v5 { &granted_v5 } else { &granted }).await?;
                self.subscribed = true;
                self.send_command().await
            }
            Said::Publish { packet_id, topic, payload, is_retained } => {
                self.hear(packet_id, &topic, &payload, is_retained).await
            }
            Said::Ping => self.say(&[0xd0, 0]).await,
            Said::Other => Ok(()),
        }
    }

    async fn hear(
        &mut self,
        packet_id: u16,
        topic: &str,
        payload: &[u8],
        is_retained: bool,
    ) -> std::io::Result<()> {
        let topic = topic.strip_prefix(ROOT).expect("a topic of the contract").to_owned();
        let payload: Value = if payload.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(payload).expect("a payload of JSON")
        };
        {
            let mut ledger = self.far_end.ledger();
            if ledger.connection != self.number {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            ledger.enter(Heard { topic, payload }, is_retained);
        }
        let dawdles = self.far_end.manner.borrow().dawdles;
        if !dawdles.is_zero() {
            tokio::time::sleep(dawdles).await;
        }
        let [high, low] = packet_id.to_be_bytes();
        self.say(&[0x40, 2, high, low]).await
    }

    async fn send_command(&mut self) -> std::io::Result<()> {
        let Some(command) = self.far_end.ledger().command.clone() else { return Ok(()) };
        let (topic, command) = (format!("{ROOT}cmd"), command.to_string());
        let mut bytes = bytes::BytesMut::new();
        if self.far_end.is_v5 {
            let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
            let mut publish = v5::Publish::new(topic, qos, command, None);
            publish.pkid = 1;
            publish.write(&mut bytes).expect("it is small");
        } else {
            let mut publish = v4::Publish::new(topic, rumqttc::QoS::AtLeastOnce, command);
            publish.pkid = 1;
            publish.write(&mut bytes).expect("it is small");
        }
        self.say(&bytes).await
    }

    /// Says something, unless it is mute; of its last words before a cut only a part gets through.
    async fn say(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.far_end.manner.borrow().is_mute {
            return Ok(());
        }
        let is_last = self.packets.get_ref().limit() == 0;
        let some = if is_last { &bytes[..bytes.len() / 2] } else { bytes };
        self.out.write_all(some).await
    }
}

impl Ledger {
    fn enter(&mut self, heard: Heard, retain: bool) {
        if heard.topic == "cmd/reply" && heard.payload["ok"] == json!(true) {
            let id = heard.payload["id"].as_str().expect("the id of a command");
            if self.command.as_ref().is_some_and(|command| command["id"] == id) {
                self.command = None;
                self.done.push(id.to_owned());
            }
        }
        if retain && heard.payload.is_null() {
            self.retained.remove(&heard.topic);
        } else if retain {
            self.retained.insert(heard.topic.clone(), heard.payload.clone());
        }
        self.heard.push(heard);
    }

    /// What was heard on a topic.
    pub(crate) fn on<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a Value> {
        self.heard.iter().filter(move |heard| heard.topic == topic).map(|heard| &heard.payload)
    }
}
