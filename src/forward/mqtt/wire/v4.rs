//! MQTT 3.1.1.

use rumqttc::mqttbytes::v4::{
    Codec, Connect, ConnectReturnCode, LastWill, Login, Packet, PubAck, Publish, Subscribe, SubscribeFilter,
    SubscribeReasonCode,
};
use rumqttc::mqttbytes::{Error, QoS};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::reason;
use super::{Broken, Heard, Hello, INCOMING_BYTES_MAX, Message, Say, Terms};
use crate::model::limits::MQTT_PACKET_BYTES_MAX;

pub(super) fn codec() -> Codec {
    Codec { max_incoming_size: INCOMING_BYTES_MAX, max_outgoing_size: MQTT_PACKET_BYTES_MAX }
}

pub(super) fn said(codec: &mut Codec, say: Say, bytes: &mut BytesMut) -> Result<(), Broken> {
    let packet = match say {
        Say::Hello(hello) => Packet::Connect(connect(*hello)),
        Say::Publish(packet_id, message) => {
            let qos = if packet_id == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            let mut publish = Publish::new(message.topic, qos, message.payload);
            (publish.pkid, publish.retain) = (packet_id, message.retain);
            Packet::Publish(publish)
        }
        Say::Subscribe(packet_id, filters) => {
            let filters = filters.into_iter().map(|path| SubscribeFilter::new(path, QoS::AtLeastOnce));
            let mut subscribe = Subscribe::new_many(filters);
            subscribe.pkid = packet_id;
            Packet::Subscribe(subscribe)
        }
        Say::Acknowledge(packet_id) => Packet::PubAck(PubAck::new(packet_id)),
        Say::Ping => Packet::PingReq,
        Say::Leave => Packet::Disconnect,
    };
    codec.encode(packet, bytes).map_err(broken)
}

fn connect(hello: Hello) -> Connect {
    let mut connect = Connect::new(hello.client_id);
    connect.keep_alive = hello.keep_alive.as_secs() as u16;
    connect.clean_session = hello.clean;
    let will = hello.will;
    connect.last_will = Some(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, will.retain));
    connect.login = hello.login.map(|(username, password)| Login { username, password });
    connect
}

pub(super) fn heard(codec: &mut Codec, bytes: &mut BytesMut) -> Result<Option<Heard>, Broken> {
    let Some(packet) = codec.decode(bytes).map_err(broken)? else { return Ok(None) };
    Ok(Some(match packet {
        Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => Heard::Welcome(Terms::default()),
        Packet::ConnAck(ack) => Heard::Refused(reason::at_the_door(
            match ack.code {
                ConnectReturnCode::RefusedProtocolVersion => reason::VERSION,
                ConnectReturnCode::BadClientId => reason::CLIENT_ID,
                ConnectReturnCode::BadUserNamePassword => reason::PASSWORD,
                ConnectReturnCode::NotAuthorized => reason::NOT_AUTHORISED,
                ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::Success => reason::UNAVAILABLE,
            },
            None,
        )),
        Packet::PubAck(ack) => Heard::Acknowledged(ack.pkid, None),
        Packet::SubAck(ack) => {
            let refused = |(_, code): &(usize, &SubscribeReasonCode)| **code == SubscribeReasonCode::Failure;
            let refused = ack.return_codes.iter().enumerate().filter(refused).map(|(at, _)| at);
            Heard::Subscribed(ack.pkid, refused.collect())
        }
        Packet::Publish(publish) => Heard::Message(Message {
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            packet_id: if publish.qos == QoS::AtLeastOnce { publish.pkid } else { 0 },
        }),
        Packet::PingResp => Heard::Pong(0),
        _ => Heard::Nothing,
    }))
}

fn broken(error: Error) -> Broken {
    match error {
        Error::PayloadSizeLimitExceeded(size) => Broken::Oversized(size),
        Error::Io(error) => Broken::Io(error),
        other => Broken::Malformed(other.to_string()),
    }
}
