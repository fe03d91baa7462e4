//! One connection to a broker, from its beginning to its end. The client's event loop must be polled to the
//! end each time, so it has a loop of its own, and hands over what it hears through a bounded queue: when that
//! is full the socket is left alone.

use rumqttc::mqttbytes::Error as Malformed;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet,
    Publish, QoS, StateError, SubscribeFilter, SubscribeReasonCode, TlsError,
};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::model::limits::{CONNECT_MAX, MQTT_PAYLOAD_BYTES_MAX};
use crate::model::{Now, Text};
use crate::site::Broker;
use crate::{tls, words};

/// Requests that the client holds: one subscription, and requests to Sparkplug edge nodes.
const REQUESTS_LEN_MAX: usize = 64;

/// What is heard on a connection.
#[derive(Debug)]
pub(super) enum Signal {
    /// The broker has taken us in.
    Connected,
    /// The broker has taken or refused each subscription, in their order.
    Subscribed(Vec<SubscribeReasonCode>),
    /// Somebody has published.
    Message {
        /// When it arrived.
        now: Now,
        /// What; without its payload where that is too long.
        publish: Publish,
        /// Whether it was too long.
        too_long: bool,
    },
}

/// A client of `broker` with these `options`, and its connection: that subscribes to `filters`, hands over what comes, and
/// says why it ended.
pub(super) fn open(
    options: MqttOptions,
    broker: &Broker,
    filters: &[String],
    clock: Clock,
    hand: mpsc::Sender<Signal>,
) -> (AsyncClient, impl Future<Output = Text>) {
    let (client, mut events) = AsyncClient::new(options, REQUESTS_LEN_MAX);
    events.set_network_options(network());
    let pump = pump(client.clone(), events, broker.clone(), filters, clock, hand);
    (client, pump)
}

async fn pump(
    client: AsyncClient,
    mut events: EventLoop,
    broker: Broker,
    filters: &[String],
    clock: Clock,
    hand: mpsc::Sender<Signal>,
) -> Text {
    let address = broker.address;
    if let Some(tls) = broker.tls {
        match tls::mqtt(tls).await {
            Ok(transport) => events.mqtt_options.set_transport(transport),
            Err(error) => return words::connecting(&error, &address),
        };
    }
    let mut connected = false;
    loop {
        let signal = match next(&mut events, clock).await {
            Ok(signal) => signal,
            Err(error) if connected => return broken(&error, &address),
            Err(error) => return refused(&error, &address),
        };
        if matches!(signal, Some(Signal::Connected)) {
            connected = true;
            let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
            if client.try_subscribe_many(filters).is_err() {
                return Text::new(
                    format!("无法向 MQTT 代理 {address} 发出订阅请求"),
                    format!("the subscriptions at broker {address} could not be asked for"),
                );
            }
        }
        if let Some(signal) = signal
            && hand.send(signal).await.is_err()
        {
            return Text::new("无人接收", "nobody listens");
        }
    }
}

fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_MAX.as_secs().max(1));
    network
}

async fn next(events: &mut EventLoop, clock: Clock) -> Result<Option<Signal>, ConnectionError> {
    Ok(match events.poll().await? {
        Event::Incoming(Packet::ConnAck(_)) => Some(Signal::Connected),
        Event::Incoming(Packet::SubAck(ack)) => Some(Signal::Subscribed(ack.return_codes)),
        Event::Incoming(Packet::Publish(publish)) => Some(message(publish, clock.now())),
        Event::Incoming(_) | Event::Outgoing(_) => None,
    })
}

/// Too long a payload is let go here, so that a full queue stays small.
fn message(mut publish: Publish, now: Now) -> Signal {
    let too_long = publish.payload.len() > MQTT_PAYLOAD_BYTES_MAX;
    if too_long {
        publish.payload.clear();
    }
    Signal::Message { now, publish, too_long }
}

/// Why there was no connection to the broker.
fn refused(error: &ConnectionError, address: &str) -> Text {
    match error {
        ConnectionError::Io(error) | ConnectionError::Tls(TlsError::Io(error)) => {
            words::connecting(error, address)
        }
        ConnectionError::NetworkTimeout => Text::new(
            format!("连接 MQTT 代理 {address} 超时"),
            format!("no connection to broker {address} in time"),
        ),
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => Text::new(
            format!("MQTT 代理 {address} 拒绝用户名或密码"),
            format!("broker {address} refuses user name or password"),
        ),
        ConnectionError::ConnectionRefused(code) => Text::new(
            format!("MQTT 代理 {address} 拒绝连接：{code:?}"),
            format!("broker {address} refuses: {code:?}"),
        ),
        _ => Text::new(
            format!("{address} 的通信不符合 MQTT 协议：{error}"),
            format!("broker {address} does not speak MQTT as expected: {error}"),
        ),
    }
}

/// Why the connection to the broker ended.
fn broken(error: &ConnectionError, address: &str) -> Text {
    match error {
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Text::new(format!("MQTT 代理 {address} 不再应答"), format!("broker {address} no longer answers"))
        }
        ConnectionError::MqttState(StateError::Deserialization(Malformed::PayloadSizeLimitExceeded(_))) => {
            Text::new(
                format!("MQTT 代理 {address} 发来超长报文，连接已断开"),
                format!("a message beyond all bounds ended the connection to broker {address}"),
            )
        }
        _ => Text::new(
            format!("与 MQTT 代理 {address} 的连接中断"),
            format!("connection to broker {address} lost"),
        ),
    }
}
