//! A broker that misbehaves as it is told, connection by connection. It speaks the protocol through the codec alone.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use rumqttc::QoS;
use rumqttc::mqttbytes::v4::{
    Codec, ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::codec::Framed;

use super::plant::ANY;

/// How one connection goes.
#[derive(Debug, Clone)]
pub(super) struct Behaviour {
    pub(super) code: ConnectReturnCode,
    /// The connection is cut after so many publishes.
    pub(super) cut_after: usize,
    /// Publishes are acknowledged in reverse, in groups of so many; never if zero.
    pub(super) ack_every: usize,
    /// What is sent as a command once the gateway has subscribed.
    pub(super) command_bytes: Option<usize>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { code: ConnectReturnCode::Success, ack_every: 1, cut_after: usize::MAX, command_bytes: None }
    }
}

/// What the broker has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) connects: Vec<Connect>,
    pub(super) subscribes: usize,
    pub(super) publishes: Vec<Publish>,
}

/// The broker. The last behaviour is repeated.
pub(super) struct FakeBroker {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Mutex<Seen>>,
    changed: watch::Receiver<()>,
}

impl FakeBroker {
    /// One that speaks in the clear.
    pub(super) async fn start(behaviours: Vec<Behaviour>) -> Self {
        Self::behind(behaviours, |stream| std::future::ready(Some(stream))).await
    }

    /// One that speaks to those with whom `accept` comes to an understanding.
    pub(super) async fn behind<S, F>(
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
                        serve(stream, behaviour, seen, change).await;
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

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    behaviour: Behaviour,
    seen: Arc<Mutex<Seen>>,
    change: watch::Sender<()>,
) {
    let codec = Codec { max_incoming_size: 1 << 24, max_outgoing_size: 1 << 24 };
    let mut wire = Framed::new(stream, codec);
    let (mut taken, mut unacknowledged) = (0, Vec::new());
    while let Some(Ok(packet)) = wire.next().await {
        let mut answers = Vec::new();
        match packet {
            Packet::Connect(connect) => {
                seen.lock().unwrap().connects.push(connect);
                answers.push(Packet::ConnAck(ConnAck { session_present: false, code: behaviour.code }));
            }
            Packet::Subscribe(subscribe) => {
                seen.lock().unwrap().subscribes += 1;
                let granted = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
                answers.push(Packet::SubAck(SubAck::new(subscribe.pkid, granted)));
                if let Some(bytes) = behaviour.command_bytes {
                    let mut command =
                        Publish::new(&subscribe.filters[0].path, QoS::AtLeastOnce, vec![b' '; bytes]);
                    command.pkid = 1;
                    answers.push(Packet::Publish(command));
                }
            }
            Packet::Publish(publish) => {
                taken += 1;
                unacknowledged.push(Packet::PubAck(PubAck::new(publish.pkid)));
                seen.lock().unwrap().publishes.push(publish);
                if unacknowledged.len() == behaviour.ack_every {
                    answers.extend(unacknowledged.drain(..).rev());
                }
            }
            Packet::PingReq => answers.push(Packet::PingResp),
            _ => {}
        }
        change.send_replace(());
        if taken >= behaviour.cut_after {
            return;
        }
        for answer in answers {
            if wire.send(answer).await.is_err() {
                return;
            }
        }
    }
}
