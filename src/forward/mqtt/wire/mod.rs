//! What is said on a connection to a broker, in words that both versions of MQTT share. The library's codecs turn packets into
//! bytes and back; its client is not used, because it loses what matters here: messages when a session is not resumed, the
//! reason of a bare DISCONNECT, why a CONNACK refuses, the order of packet ids when a PUBACK refuses.

mod reason;
mod v4;
mod v5;

use std::io;
use std::time::Duration;

use rumqttc::mqttbytes::v4::Codec as CodecV4;
use rumqttc::v5::mqttbytes::v5::Codec as CodecV5;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::payload::Outgoing;
use crate::model::Text;
use crate::model::limits::{MQTT_PACKET_BYTES_MAX, MQTT_PAYLOAD_BYTES_MAX};
use crate::site::MqttVersion;

/// Bytes of the largest packet that is taken from a broker; up to here a command that is too large gets an answer.
pub(super) const INCOMING_BYTES_MAX: usize = 4 * MQTT_PAYLOAD_BYTES_MAX;

/// The beginning of a connection.
#[derive(Debug, Clone)]
pub(super) struct Hello {
    pub(super) client_id: String,
    /// Whether the broker should forget what it kept for us.
    pub(super) clean: bool,
    /// User name and password.
    pub(super) login: Option<(String, String)>,
    /// What the broker says for us when we are gone.
    pub(super) will: Outgoing,
    /// How long the broker keeps what it has for us, and how long it waits before it says that we are gone (MQTT 5).
    pub(super) session: Duration,
    pub(super) will_delay: Duration,
    pub(super) keep_alive: Duration,
}

/// What we say.
#[derive(Debug, Clone)]
pub(super) enum Say {
    Hello(Box<Hello>),
    /// With a packet id at `QoS` 1, with 0 at `QoS` 0.
    Publish(u16, Outgoing),
    Subscribe(u16, Vec<String>),
    Acknowledge(u16),
    Ping,
    /// The end, in good order.
    Leave,
}

/// What a broker says.
#[derive(Debug)]
pub(super) enum Heard {
    Welcome(Terms),
    /// It does not let us in, in words.
    Refused(Text),
    /// It has the publish of this packet id, or will not take it.
    Acknowledged(u16, Option<Refusal>),
    /// The answer to the subscription of this packet id: which filters it refuses, by their place.
    Subscribed(u16, Vec<usize>),
    Message(Message),
    /// It has read so many of the publishes at `QoS` 0.
    Pong(u64),
    /// It ends the connection.
    Parting(Parting),
    /// Something that asks for nothing.
    Nothing,
}

/// What a broker puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Publishes at `QoS` 1 that it has not acknowledged, at most.
    pub(super) receive_max: u16,
    /// Bytes of a packet, at most.
    pub(super) packet_bytes_max: usize,
    /// What it has the connection kept alive by, if it has a mind of its own; zero for not at all.
    pub(super) keep_alive: Option<Duration>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { receive_max: u16::MAX, packet_bytes_max: MQTT_PACKET_BYTES_MAX, keep_alive: None }
    }
}

/// Why a broker will not take a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: Text,
    /// Nothing but another message would be taken: to send the same again is of no use.
    pub(super) is_of_the_message: bool,
}

/// A message from the broker.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retained: bool,
    /// To acknowledge it by; 0 where that is not asked for.
    pub(super) packet_id: u16,
}

/// Why a broker ends a connection.
#[derive(Debug, Clone)]
pub(super) struct Parting {
    pub(super) why: Text,
    /// Another client has come under our client id.
    pub(super) is_taken_over: bool,
}

/// Why nothing can be read or written any more.
#[derive(Debug)]
pub(super) enum Broken {
    Io(io::Error),
    /// A packet of so many bytes, which is too large to be taken; it would come again.
    Oversized(usize),
    /// Something that is not MQTT.
    Malformed(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Turns what is said into bytes, and bytes into what is heard.
#[derive(Debug)]
pub(super) enum Codec {
    V4(CodecV4),
    V5(CodecV5),
}

impl Codec {
    pub(super) fn new(version: MqttVersion) -> Self {
        match version {
            MqttVersion::V3_1_1 => Self::V4(v4::codec()),
            MqttVersion::V5 => Self::V5(v5::codec()),
        }
    }
}

impl Decoder for Codec {
    type Item = Heard;
    type Error = Broken;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Heard>, Broken> {
        let before = bytes.len();
        let heard = match self {
            Self::V4(codec) => v4::heard(codec, bytes)?,
            Self::V5(codec) => v5::heard(codec, bytes)?,
        };
        // The library takes a packet that is shorter than it should be for one that is not all there yet.
        if heard.is_none() && bytes.len() < before {
            return Err(Broken::Malformed("a packet is shorter than what it holds".to_owned()));
        }
        Ok(heard)
    }
}

impl Encoder<Say> for Codec {
    type Error = Broken;

    fn encode(&mut self, say: Say, bytes: &mut BytesMut) -> Result<(), Broken> {
        match self {
            Self::V4(codec) => v4::said(codec, say, bytes),
            Self::V5(codec) => v5::said(codec, say, bytes),
        }
    }
}

/// Bytes of a publish, at most.
pub(super) fn publish_bytes(message: &Outgoing) -> usize {
    const AROUND: usize = 1 + 4 + 2 + 2 + 1;
    AROUND + message.topic.len() + message.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(version: MqttVersion, bytes: &[u8]) -> Result<Option<Heard>, Broken> {
        Codec::new(version).decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_bare_disconnect_says_why_where_the_library_would_lose_it() {
        let taken_over = heard(MqttVersion::V5, &[0xE0, 1, 0x8E]).unwrap();
        let Some(Heard::Parting(parting)) = taken_over else { panic!("{taken_over:?}") };
        assert!(parting.is_taken_over, "{parting:?}");
        let plain = heard(MqttVersion::V5, &[0xE0, 0]).unwrap();
        assert!(matches!(&plain, Some(Heard::Parting(parting)) if !parting.is_taken_over), "{plain:?}");
        let with_properties = heard(MqttVersion::V5, &[0xE0, 2, 0x8B, 0]).unwrap();
        let Some(Heard::Parting(parting)) = with_properties else { panic!("{with_properties:?}") };
        assert_eq!(parting.why.en, "the broker is shutting down");
        assert!(matches!(heard(MqttVersion::V5, &[0xE0, 1]), Ok(None)), "not all there");
    }

    #[test]
    fn a_broker_that_speaks_only_the_old_version_is_understood_by_the_new() {
        let refused = heard(MqttVersion::V5, &[0x20, 2, 0, 1]).unwrap();
        let Some(Heard::Refused(why)) = refused else { panic!("{refused:?}") };
        assert!(why.en.contains("does not speak this version of MQTT"), "{}", why.en);
    }

    #[test]
    fn the_terms_of_a_broker_are_read_from_its_welcome() {
        // Session present; receive maximum 20, maximum packet size 4096, server keep alive 7.
        let bytes = [0x20, 14, 1, 0, 11, 0x21, 0, 20, 0x27, 0, 0, 16, 0, 0x13, 0, 7];
        let Ok(Some(Heard::Welcome(terms))) = heard(MqttVersion::V5, &bytes) else { panic!("no welcome") };
        let keep_alive = Some(Duration::from_secs(7));
        assert_eq!(terms, Terms { receive_max: 20, packet_bytes_max: 4096, keep_alive });
        let Ok(Some(Heard::Refused(why))) = heard(MqttVersion::V5, &[0x20, 5, 0, 0, 2, 0x24, 0]) else {
            panic!("a broker that takes QoS 0 alone was let pass")
        };
        assert!(why.en.contains("QoS 1"), "{}", why.en);
    }

    #[test]
    fn what_a_broker_refuses_is_told_apart_from_what_it_refuses_now() {
        let ack = |reason| match heard(MqttVersion::V5, &[0x40, 3, 0, 9, reason]) {
            Ok(Some(Heard::Acknowledged(9, refusal))) => refusal.map(|it| it.is_of_the_message),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [0x00, 0x10, 0x87, 0x97, 0x99, 0x90].map(ack),
            [None, None, Some(false), Some(false), Some(true), Some(true)]
        );
    }

    #[test]
    fn p2_a_packet_that_is_cut_short_ends_the_connection_and_is_not_passed_over() {
        let cut = [0x20, 2, 0, 0, 0x40, 3, 0, 9, 0];
        let mut bytes = BytesMut::from(&cut[..]);
        let welcome = Codec::new(MqttVersion::V5).decode(&mut bytes);
        assert!(matches!(welcome, Err(Broken::Malformed(_)) | Ok(Some(Heard::Refused(_)))), "{welcome:?}");
    }

    #[test]
    fn a_publish_has_no_more_bytes_than_are_counted_for_it() {
        for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
            for length in [0, 100, 127, 128, 20_000, 3_000_000] {
                let message = Outgoing { topic: "a/b".to_owned(), retain: true, payload: vec![b'x'; length] };
                let (counted, mut bytes) = (publish_bytes(&message), BytesMut::new());
                Codec::new(version).encode(Say::Publish(7, message), &mut bytes).unwrap();
                assert!(bytes.len() <= counted && counted <= bytes.len() + 4, "{} of {counted}", bytes.len());
            }
        }
    }
}
