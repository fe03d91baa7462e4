//! A broker that misbehaves as it is told, connection by connection, in either version of MQTT. It reads through the library's
//! codecs and writes its few packets byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, FramedRead};

use super::plant::ANY;
use crate::site::MqttVersion;

const PACKET_BYTES_MAX: usize = 1 << 24;

/// How one connection goes.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    /// What it answers to who comes: 0 to let him in.
    pub(super) code: u8,
    /// The connection is cut after so many publishes.
    pub(super) cut_after: usize,
    /// Publishes are acknowledged in reverse, in groups of so many; never if zero.
    pub(super) ack_every: usize,
    /// What is sent as a command once the gateway has subscribed.
    pub(super) command_bytes: Option<usize>,
    /// Publishes that it receives at once, and bytes of a packet (MQTT 5).
    pub(super) receive_max: Option<u16>,
    pub(super) packet_bytes_max: Option<u32>,
    /// What it refuses: what is published to topics that end so, by this reason, so many times (MQTT 5).
    pub(super) refuses: Vec<(&'static str, u8, usize)>,
    /// It ends the connection after so many publishes; with this reason where MQTT 5 is spoken.
    pub(super) parts_after: Option<(usize, u8)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            code: 0,
            ack_every: 1,
            cut_after: usize::MAX,
            command_bytes: None,
            receive_max: None,
            packet_bytes_max: None,
            refuses: Vec::new(),
            parts_after: None,
        }
    }
}

/// Who came.
#[derive(Debug, Clone)]
pub(super) struct Came {
    pub(super) client_id: String,
    pub(super) is_clean: bool,
    pub(super) will_topic: String,
    pub(super) will: Vec<u8>,
    /// Seconds that the session is kept and that the will waits (MQTT 5).
    pub(super) session_s: Option<u32>,
    pub(super) will_delay_s: Option<u32>,
}

/// What was published.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: u8,
    /// Whether it was acknowledged as taken.
    pub(super) is_taken: bool,
}

/// What the broker has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) connects: Vec<Came>,
    pub(super) subscribes: usize,
    pub(super) publishes: Vec<Said>,
    /// Publishes that were on their way at once.
    pub(super) outstanding_max: usize,
}

/// The broker. The last behaviour is repeated.
pub(super) struct FakeBroker {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Mutex<Seen>>,
    changed: watch::Receiver<()>,
}

impl FakeBroker {
    /// One of this version that speaks in the clear.
    pub(super) async fn speaking(version: MqttVersion, behaviours: Vec<Behaviour>) -> Self {
        Self::behind(version, behaviours, |stream| std::future::ready(Some(stream))).await
    }

    /// One that speaks to those with whom `accept` comes to an understanding.
    pub(super) async fn behind<S, F>(
        version: MqttVersion,
        behaviours: Vec<Behaviour>,
        accept: impl Fn(TcpStream) -> F + Clone + Send + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send + 'static,
    {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (change, changed) = watch::channel(());
        let seen_there = Arc::clone(&seen);
        tokio::spawn(async move {
            for i in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let behaviour = behaviours[i.min(behaviours.len() - 1)].clone();
                let (accepted, seen, change) = (accept(stream), Arc::clone(&seen_there), change.clone());
                tokio::spawn(async move {
                    if let Some(stream) = accepted.await {
                        let (input, out) = split(stream);
                        let served = Served {
                            version,
                            behaviour,
                            seen,
                            change,
                            out,
                            taken: 0,
                            unacknowledged: Vec::new(),
                        };
                        served.run(input).await;
                    }
                });
            }
        });
        Self { address, seen, changed }
    }

    /// Waits until what was seen is as `wanted`.
    pub(super) async fn until(&mut self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        super::plant::soon(what, async {
            while !wanted(&self.seen.lock().unwrap()) {
                self.changed.changed().await.unwrap();
            }
        })
        .await;
    }
}

/// What a client says, in either version.
enum Heard {
    Connect(Came),
    Publish(u16, Said),
    Subscribe(u16, String),
    Ping,
    Other,
}

struct Codec(MqttVersion);

impl Decoder for Codec {
    type Item = Heard;
    type Error = std::io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> std::io::Result<Option<Heard>> {
        let wrong = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
        match self.0 {
            MqttVersion::V3_1_1 => {
                let mut codec =
                    v4::Codec { max_incoming_size: PACKET_BYTES_MAX, max_outgoing_size: PACKET_BYTES_MAX };
                Ok(codec.decode(bytes).map_err(|error| wrong(&error))?.map(heard_v4))
            }
            MqttVersion::V5 => {
                let mut codec =
                    v5::Codec { max_incoming_size: Some(PACKET_BYTES_MAX as u32), max_outgoing_size: None };
                // The library does not read a DISCONNECT of nothing.
                if bytes[..] == [0xE0, 0] {
                    bytes.clear();
                    return Ok(Some(Heard::Other));
                }
                Ok(codec.decode(bytes).map_err(|error| wrong(&error))?.map(heard_v5))
            }
        }
    }
}

fn heard_v4(packet: v4::Packet) -> Heard {
    match packet {
        v4::Packet::Connect(connect) => Heard::Connect(Came {
            client_id: connect.client_id,
            is_clean: connect.clean_session,
            will_topic: connect.last_will.as_ref().unwrap().topic.clone(),
            will: connect.last_will.unwrap().message.to_vec(),
            session_s: None,
            will_delay_s: None,
        }),
        v4::Packet::Publish(it) => {
            let said =
                Said { topic: it.topic, payload: it.payload.to_vec(), qos: it.qos as u8, is_taken: false };
            Heard::Publish(it.pkid, said)
        }
        v4::Packet::Subscribe(it) => Heard::Subscribe(it.pkid, it.filters[0].path.clone()),
        v4::Packet::PingReq => Heard::Ping,
        _ => Heard::Other,
    }
}

fn heard_v5(packet: v5::Packet) -> Heard {
    match packet {
        v5::Packet::Connect(connect, will, _) => {
            let will = will.unwrap();
            Heard::Connect(Came {
                client_id: connect.client_id,
                is_clean: connect.clean_start,
                will_topic: String::from_utf8(will.topic.to_vec()).unwrap(),
                will: will.message.to_vec(),
                session_s: connect.properties.and_then(|it| it.session_expiry_interval),
                will_delay_s: will.properties.and_then(|it| it.delay_interval),
            })
        }
        v5::Packet::Publish(it) => {
            let topic = String::from_utf8(it.topic.to_vec()).unwrap();
            let said = Said { topic, payload: it.payload.to_vec(), qos: it.qos as u8, is_taken: false };
            Heard::Publish(it.pkid, said)
        }
        v5::Packet::Subscribe(it) => Heard::Subscribe(it.pkid, it.filters[0].path.clone()),
        v5::Packet::PingReq(_) => Heard::Ping,
        _ => Heard::Other,
    }
}

struct Served<S> {
    version: MqttVersion,
    behaviour: Behaviour,
    seen: Arc<Mutex<Seen>>,
    change: watch::Sender<()>,
    out: WriteHalf<S>,
    taken: usize,
    /// Packet id, place among what was seen, reason.
    unacknowledged: Vec<(u16, usize, u8)>,
}

impl<S: AsyncRead + AsyncWrite> Served<S> {
    async fn run(mut self, input: impl AsyncRead + Unpin) {
        let mut packets = FramedRead::new(input, Codec(self.version));
        while let Some(Ok(heard)) = packets.next().await {
            let answer = self.answer(heard);
            self.change.send_replace(());
            if self.taken >= self.behaviour.cut_after || self.out.write_all(&answer).await.is_err() {
                return;
            }
            if let Some((_, code)) = self.behaviour.parts_after.filter(|(after, _)| self.taken >= *after) {
                let last = [0xE0, 1, code];
                let last = if self.version == MqttVersion::V5 { &last[..] } else { &[] };
                self.out.write_all(last).await.unwrap_or_default();
                return;
            }
        }
    }

    fn answer(&mut self, heard: Heard) -> Vec<u8> {
        let is_v5 = self.version == MqttVersion::V5;
        match heard {
            Heard::Connect(came) => {
                self.seen.lock().unwrap().connects.push(came);
                self.welcome()
            }
            Heard::Subscribe(id, filter) => {
                self.seen.lock().unwrap().subscribes += 1;
                let [high, low] = id.to_be_bytes();
                let mut answer =
                    if is_v5 { vec![0x90, 4, high, low, 0, 1] } else { vec![0x90, 3, high, low, 1] };
                if let Some(bytes) = self.behaviour.command_bytes {
                    answer.extend(command(is_v5, &filter, bytes));
                }
                answer
            }
            Heard::Publish(id, said) => self.take(id, said),
            Heard::Ping => vec![0xD0, 0],
            Heard::Other => Vec::new(),
        }
    }

    fn welcome(&self) -> Vec<u8> {
        if self.version == MqttVersion::V3_1_1 {
            return vec![0x20, 2, 0, self.behaviour.code];
        }
        let mut properties = Vec::new();
        if let Some(most) = self.behaviour.receive_max {
            properties.push(0x21);
            properties.extend(most.to_be_bytes());
        }
        if let Some(most) = self.behaviour.packet_bytes_max {
            properties.push(0x27);
            properties.extend(most.to_be_bytes());
        }
        let length = properties.len() as u8;
        [vec![0x20, 3 + length, 0, self.behaviour.code, length], properties].concat()
    }

    fn take(&mut self, id: u16, said: Said) -> Vec<u8> {
        self.taken += 1;
        let mut words = self.behaviour.refuses.iter_mut();
        let no = words.find(|(ending, _, times)| *times > 0 && said.topic.ends_with(*ending));
        let reason = no.map_or(0, |(_, reason, times)| {
            *times -= 1;
            *reason
        });
        let mut seen = self.seen.lock().unwrap();
        seen.publishes.push(said);
        if id == 0 {
            return Vec::new();
        }
        self.unacknowledged.push((id, seen.publishes.len() - 1, reason));
        seen.outstanding_max = seen.outstanding_max.max(self.unacknowledged.len());
        if self.unacknowledged.len() != self.behaviour.ack_every {
            return Vec::new();
        }
        let mut answer = Vec::new();
        for (id, at, reason) in self.unacknowledged.drain(..).rev() {
            seen.publishes[at].is_taken = reason == 0;
            let [high, low] = id.to_be_bytes();
            answer.extend(if reason == 0 {
                vec![0x40, 2, high, low]
            } else {
                vec![0x40, 3, high, low, reason]
            });
        }
        answer
    }
}

fn command(is_v5: bool, topic: &str, bytes: usize) -> BytesMut {
    let mut packet = BytesMut::new();
    if is_v5 {
        let mut command =
            v5::Publish::new(topic, rumqttc::v5::mqttbytes::QoS::AtLeastOnce, vec![b' '; bytes], None);
        command.pkid = 1;
        command.write(&mut packet).unwrap();
    } else {
        let mut command = v4::Publish::new(topic, rumqttc::QoS::AtLeastOnce, vec![b' '; bytes]);
        command.pkid = 1;
        command.write(&mut packet).unwrap();
    }
    packet
}
