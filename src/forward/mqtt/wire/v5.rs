//! MQTT 5.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    Codec, ConnAck, Connect, ConnectProperties, ConnectReturnCode, Disconnect, Filter, LastWill,
    LastWillProperties, Login, Packet, PubAck, PubAckReason, Publish, Subscribe, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::reason::{self, words};
use super::{Broken, Heard, Hello, INCOMING_BYTES_MAX, Message, Parting, Refusal, Say, Terms};
use crate::model::Text;
use crate::model::limits::{MQTT_COMMANDS_MAX, MQTT_PACKET_BYTES_MAX, MQTT_PACKET_BYTES_MIN};

/// First bytes of a DISCONNECT and of a CONNACK.
const DISCONNECT: u8 = 0xE0;
const CONNACK: u8 = 0x20;

pub(super) fn codec() -> Codec {
    Codec {
        max_incoming_size: Some(INCOMING_BYTES_MAX as u32),
        max_outgoing_size: Some(MQTT_PACKET_BYTES_MAX as u32),
    }
}

pub(super) fn said(codec: &mut Codec, say: Say, bytes: &mut BytesMut) -> Result<(), Broken> {
    let packet = match say {
        Say::Hello(hello) => connect(*hello),
        Say::Publish(packet_id, message) => {
            let qos = if packet_id == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            let mut publish = Publish::new(message.topic, qos, message.payload, None);
            (publish.pkid, publish.retain) = (packet_id, message.retain);
            Packet::Publish(publish)
        }
        Say::Subscribe(packet_id, filters) => {
            let filters = filters.into_iter().map(|path| Filter::new(path, QoS::AtLeastOnce));
            let mut subscribe = Subscribe::new_many(filters, None);
            subscribe.pkid = packet_id;
            Packet::Subscribe(subscribe)
        }
        Say::Acknowledge(packet_id) => Packet::PubAck(PubAck::new(packet_id, None)),
        Say::Ping => Packet::PingReq(rumqttc::v5::mqttbytes::v5::PingReq),
        Say::Leave => Packet::Disconnect(Disconnect::new(
            rumqttc::v5::mqttbytes::v5::DisconnectReasonCode::NormalDisconnection,
        )),
    };
    codec.encode(packet, bytes).map_err(broken)
}

fn connect(hello: Hello) -> Packet {
    let properties = ConnectProperties {
        session_expiry_interval: Some(hello.session.as_secs() as u32),
        receive_maximum: Some(MQTT_COMMANDS_MAX as u16),
        max_packet_size: Some(INCOMING_BYTES_MAX as u32),
        ..ConnectProperties::new()
    };
    let connect = Connect {
        keep_alive: hello.keep_alive.as_secs() as u16,
        client_id: hello.client_id,
        clean_start: hello.clean,
        properties: Some(properties),
    };
    let delay = LastWillProperties {
        delay_interval: Some(hello.will_delay.as_secs() as u32),
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: None,
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    let will = hello.will;
    let will = LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, will.retain, Some(delay));
    Packet::Connect(connect, Some(will), hello.login.map(|(username, password)| Login { username, password }))
}

pub(super) fn heard(codec: &mut Codec, bytes: &mut BytesMut) -> Result<Option<Heard>, Broken> {
    if let Some(heard) = heard_in_short(bytes) {
        return Ok(Some(heard));
    }
    let Some(packet) = codec.decode(bytes).map_err(broken)? else { return Ok(None) };
    Ok(Some(match packet {
        Packet::ConnAck(ack) => welcome(&ack),
        Packet::PubAck(ack) => Heard::Acknowledged(ack.pkid, refusal(&ack)),
        Packet::SubAck(ack) => {
            let refused =
                |(_, code): &(usize, &SubscribeReasonCode)| !matches!(code, SubscribeReasonCode::Success(_));
            let refused = ack.return_codes.iter().enumerate().filter(refused).map(|(at, _)| at);
            Heard::Subscribed(ack.pkid, refused.collect())
        }
        Packet::Publish(publish) => Heard::Message(Message {
            topic: String::from_utf8(publish.topic.to_vec())
                .map_err(|_| Broken::Malformed("a topic that is not UTF-8".to_owned()))?,
            payload: publish.payload,
            retained: publish.retain,
            packet_id: if publish.qos == QoS::AtLeastOnce { publish.pkid } else { 0 },
        }),
        Packet::PingResp(_) => Heard::Pong(0),
        Packet::Disconnect(disconnect) => {
            let own = disconnect.properties.as_ref();
            let own = own.and_then(|own| own.reason_string.as_ref().or(own.server_reference.as_ref()));
            parting(disconnect.reason_code as u8, own)
        }
        _ => Heard::Nothing,
    }))
}

/// What the library can't read: a DISCONNECT of a reason alone or of nothing (3.14.2.1), and the CONNACK of a broker that
/// speaks only an older version.
fn heard_in_short(bytes: &mut BytesMut) -> Option<Heard> {
    let (length, heard) = match bytes[..] {
        [DISCONNECT, 0, ..] => (2, parting(reason::NORMAL, None)),
        [DISCONNECT, 1, code, ..] => (3, parting(code, None)),
        [CONNACK, 2, _, code, ..] if code != 0 => {
            let code = if code == 1 { reason::VERSION } else { code };
            (4, Heard::Refused(reason::at_the_door(code, None)))
        }
        _ => return None,
    };
    bytes.advance(length);
    Some(heard)
}

fn parting(code: u8, own: Option<&String>) -> Heard {
    Heard::Parting(Parting { why: reason::told(code, own), is_taken_over: code == reason::TAKEN_OVER })
}

fn welcome(ack: &ConnAck) -> Heard {
    let own = ack.properties.as_ref();
    if ack.code != ConnectReturnCode::Success {
        let own = own.and_then(|own| own.reason_string.as_ref().or(own.server_reference.as_ref()));
        return Heard::Refused(reason::at_the_door(code(ack.code), own));
    }
    let Some(own) = own else { return Heard::Welcome(Terms::default()) };
    if own.max_qos == Some(0) {
        return Heard::Refused(words(reason::QOS));
    }
    if own.retain_available == Some(0) {
        return Heard::Refused(words(reason::RETAIN));
    }
    let packet_bytes_max = own.max_packet_size.map_or(MQTT_PACKET_BYTES_MAX, |bytes| bytes as usize);
    if packet_bytes_max < MQTT_PACKET_BYTES_MIN {
        return Heard::Refused(Text::new(
            format!("代理允许的报文长度仅 {packet_bytes_max} 字节，不足以发送报警"),
            format!("the broker takes packets of {packet_bytes_max} bytes at most, too few for an alarm"),
        ));
    }
    Heard::Welcome(Terms {
        receive_max: own.receive_max.unwrap_or(u16::MAX).max(1),
        packet_bytes_max: packet_bytes_max.min(MQTT_PACKET_BYTES_MAX),
        keep_alive: own.server_keep_alive.map(|seconds| Duration::from_secs(u64::from(seconds))),
    })
}

fn refusal(ack: &PubAck) -> Option<Refusal> {
    let code = match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return None,
        PubAckReason::UnspecifiedError => 0x80,
        PubAckReason::ImplementationSpecificError => 0x83,
        PubAckReason::NotAuthorized => reason::NOT_AUTHORISED,
        PubAckReason::TopicNameInvalid => reason::TOPIC_NAME,
        PubAckReason::PacketIdentifierInUse => 0x91,
        PubAckReason::QuotaExceeded => reason::QUOTA,
        PubAckReason::PayloadFormatInvalid => reason::PAYLOAD_FORMAT,
    };
    let own = ack.properties.as_ref().and_then(|own| own.reason_string.as_ref());
    let is_of_the_message = [reason::TOPIC_NAME, reason::PAYLOAD_FORMAT].contains(&code);
    Some(Refusal { why: reason::told(code, own), is_of_the_message })
}

/// The reason code on the wire, of which the library does not tell the number.
fn code(code: ConnectReturnCode) -> u8 {
    use ConnectReturnCode as C;
    match code {
        C::Success => reason::NORMAL,
        C::UnspecifiedError => 0x80,
        C::MalformedPacket => 0x81,
        C::ProtocolError => 0x82,
        C::ImplementationSpecificError => 0x83,
        C::RefusedProtocolVersion | C::UnsupportedProtocolVersion => reason::VERSION,
        C::BadClientId | C::ClientIdentifierNotValid => reason::CLIENT_ID,
        C::BadUserNamePassword => reason::PASSWORD,
        C::NotAuthorized => reason::NOT_AUTHORISED,
        C::ServiceUnavailable | C::ServerUnavailable => reason::UNAVAILABLE,
        C::ServerBusy => 0x89,
        C::Banned => 0x8A,
        C::BadAuthenticationMethod => 0x8C,
        C::TopicNameInvalid => reason::TOPIC_NAME,
        C::PacketTooLarge => 0x95,
        C::QuotaExceeded => reason::QUOTA,
        C::PayloadFormatInvalid => reason::PAYLOAD_FORMAT,
        C::RetainNotSupported => reason::RETAIN,
        C::QoSNotSupported => reason::QOS,
        C::UseAnotherServer => 0x9C,
        C::ServerMoved => 0x9D,
        C::ConnectionRateExceeded => 0x9F,
    }
}

fn broken(error: Error) -> Broken {
    match error {
        Error::PayloadSizeLimitExceeded { pkt_size, .. } => Broken::Oversized(pkt_size),
        Error::Io(error) => Broken::Io(error),
        other => Broken::Malformed(other.to_string()),
    }
}
