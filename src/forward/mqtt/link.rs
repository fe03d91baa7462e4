//! One connection to a broker, from connect to loss. The client library is used as a transport and nothing more: each
//! connection has a new client, whose queue dies with it, because the outbox owns the messages. The library's loop runs in a task of
//! its own, because abandoning one of its polls midway can lose a packet.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions,
    QoS, StateError, TlsError, mqttbytes,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::payload::Outgoing;
use crate::model::Text;
use crate::model::limits::{
    MQTT_COMMANDS_MAX, MQTT_KEEP_ALIVE, MQTT_PACKET_BYTES_MAX, MQTT_PAYLOAD_BYTES_MAX, MQTT_WINDOW_MAX,
};
use crate::site::{Broker, TlsOptions};
use crate::{tls, words};

/// Seconds that connecting, and flushing a write, may take.
const NETWORK_WAIT_S: u64 = 5;
/// Events of the library that wait for us before its loop does.
const EVENTS_LEN_MAX: usize = 64;
/// Bytes of the largest packet that is taken from a broker; up to here a command that is too large gets an answer.
const INCOMING_BYTES_MAX: usize = 4 * MQTT_PAYLOAD_BYTES_MAX;

/// Why there is no connection any more.
#[derive(Debug)]
pub(super) enum Lost {
    /// In words.
    Error(Text),
    /// The broker sent a packet too large to be taken; it would send it again.
    Oversized(usize),
}

/// How to connect.
#[derive(Debug)]
pub(super) struct Connect<'a> {
    pub(super) broker: &'a Broker,
    pub(super) client_id: String,
    /// Whether the broker should forget what it kept for us.
    pub(super) clean: bool,
    /// What the broker says for us when we are gone.
    pub(super) will: Outgoing,
}

/// A connection, or the attempt at one.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: AsyncClient,
    address: String,
    events: mpsc::Receiver<Result<Event, ConnectionError>>,
    task: JoinHandle<()>,
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(connect: Connect<'_>) -> Self {
        let address = connect.broker.address.clone();
        let tls = connect.broker.tls.clone();
        let capacity = usize::from(MQTT_WINDOW_MAX) + MQTT_COMMANDS_MAX + 8;
        let (client, mut event_loop) = AsyncClient::new(options(connect), capacity);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(NETWORK_WAIT_S);
        event_loop.set_network_options(network);
        let (sender, events) = mpsc::channel(EVENTS_LEN_MAX);
        Self { client, address, events, task: tokio::spawn(drive(event_loop, tls, sender)) }
    }

    /// The next event of the connection. May be abandoned.
    pub(super) async fn next(&mut self) -> Result<Event, Lost> {
        match self.events.recv().await {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.lost(error)),
            None => Err(Lost::Error(Text::new(
                format!("与 {} 的连接已结束", self.address),
                format!("the connection to {} ended", self.address),
            ))),
        }
    }

    /// Gives a message to the client; false if it has no place.
    pub(super) fn publish(&self, message: Outgoing) -> bool {
        let Outgoing { topic, retain, payload } = message;
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok()
    }

    fn lost(&self, error: ConnectionError) -> Lost {
        let address = &self.address;
        let text = match error {
            ConnectionError::MqttState(StateError::Deserialization(
                mqttbytes::Error::PayloadSizeLimitExceeded(size),
            )) => return Lost::Oversized(size),
            ConnectionError::ConnectionRefused(
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
            ) => Text::new(
                format!("MQTT 代理 {address} 拒绝用户名或密码"),
                format!("the broker {address} refused the user name or the password"),
            ),
            ConnectionError::ConnectionRefused(code) => Text::new(
                format!("MQTT 代理 {address} 拒绝连接：{code:?}"),
                format!("the broker {address} refused the connection: {code:?}"),
            ),
            ConnectionError::NetworkTimeout => Text::new(
                format!("MQTT 代理 {address} 在 {NETWORK_WAIT_S} s 内未应答"),
                format!("the broker {address} did not answer within {NETWORK_WAIT_S} s"),
            ),
            ConnectionError::Io(error) | ConnectionError::Tls(TlsError::Io(error)) => Text::new(
                format!("无法连接 MQTT 代理 {address}"),
                format!("the broker {address} cannot be reached"),
            )
            .because(&words::io_error(&error)),
            ConnectionError::MqttState(StateError::ConnectionAborted) => Text::new(
                format!("MQTT 代理 {address} 关闭了连接"),
                format!("the broker {address} closed the connection"),
            ),
            other => {
                Text::new(format!("与 {address} 的连接失败"), format!("the connection to {address} failed"))
                    .because(&Text::same(other.to_string()))
            }
        };
        Lost::Error(text)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls until the connection is lost or nobody listens. The library would connect again by itself; we never let it.
async fn drive(
    mut event_loop: EventLoop,
    tls: Option<TlsOptions>,
    events: mpsc::Sender<Result<Event, ConnectionError>>,
) {
    if let Some(tls) = tls {
        match tls::mqtt(tls).await {
            Ok(transport) => event_loop.mqtt_options.set_transport(transport),
            Err(error) => return events.send(Err(error.into())).await.unwrap_or_default(),
        };
    }
    loop {
        let event = event_loop.poll().await;
        let lost = event.is_err();
        if events.send(event).await.is_err() || lost {
            return;
        }
    }
}

fn options(connect: Connect<'_>) -> MqttOptions {
    let (host, port) = endpoint(&connect.broker.address);
    let mut options = MqttOptions::new(connect.client_id, host, port);
    options
        .set_keep_alive(MQTT_KEEP_ALIVE)
        .set_clean_session(connect.clean)
        .set_manual_acks(true)
        .set_max_packet_size(INCOMING_BYTES_MAX, MQTT_PACKET_BYTES_MAX)
        // We count what is outstanding ourselves. With room to spare the library neither holds back our acknowledgements nor
        // meets a packet id that is still in use.
        .set_inflight(2 * MQTT_WINDOW_MAX)
        .set_last_will(LastWill::new(connect.will.topic, connect.will.payload, QoS::AtLeastOnce, true));
    if let Some(username) = &connect.broker.username {
        let password = connect.broker.password.as_ref().map_or("", |secret| secret.expose());
        options.set_credentials(username, password);
    }
    options
}

/// Host and port of `host:port`; the site's check has made sure that it is that.
fn endpoint(address: &str) -> (&str, u16) {
    const MQTT_PORT: u16 = 1883;
    match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(MQTT_PORT)),
        None => (address, MQTT_PORT),
    }
}

const _: () = assert!(MQTT_KEEP_ALIVE.as_secs() >= 1, "the library refuses less");
const _: () = assert!(Duration::from_secs(NETWORK_WAIT_S).as_secs() < MQTT_KEEP_ALIVE.as_secs() * 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(endpoint("broker.example:8883"), ("broker.example", 8883));
        assert_eq!(endpoint("[::1]:1884"), ("[::1]", 1884));
        assert_eq!(endpoint("broker"), ("broker", 1883));
    }
}
