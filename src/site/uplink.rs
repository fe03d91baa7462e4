//! Destinations: whom the gateway tells, and in which language.

use super::model::Broker;
use super::secret::Secret;

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarder {
    /// Its id.
    pub name: String,
    /// What it speaks.
    pub kind: ForwarderKind,
}

impl Forwarder {
    /// The brokers that it sends to.
    pub fn brokers(&self) -> &[Broker] {
        match &self.kind {
            ForwarderKind::Mqtt(target) => &target.brokers,
            ForwarderKind::Influx(_) => &[],
        }
    }
}

/// What a destination speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwarderKind {
    /// A broker, or one of several, by the contract of docs/mqtt.md.
    Mqtt(MqttTarget),
    /// An InfluxDB v2 write endpoint.
    Influx(InfluxTarget),
}

/// A centre's brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTarget {
    /// The first, and those that stand by for it in the order in which they are tried. Never empty.
    pub brokers: Vec<Broker>,
    /// What is spoken with them.
    pub version: MqttVersion,
    /// What is said by it.
    pub profile: Profile,
}

/// What is said over MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// The contract of docs/mqtt.md.
    Contract,
    /// Sparkplug B, with the gateway as an edge node.
    Sparkplug(SparkplugNode),
}

/// The edge node that a gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparkplugNode {
    /// Its group.
    pub group: String,
    /// Its id in the group.
    pub node: String,
    /// The host without which nothing is published, where there is one.
    pub primary_host: Option<String>,
}

impl MqttTarget {
    /// A centre that has one broker, spoken to as the site file's defaults are.
    pub fn one(broker: Broker) -> Self {
        Self { brokers: vec![broker], version: MqttVersion::default(), profile: Profile::Contract }
    }
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MqttVersion {
    /// 3.1.1.
    #[default]
    V3_1_1,
    /// 5.
    V5,
}

/// An InfluxDB v2 write endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxTarget {
    /// `http://host:port`.
    pub url: String,
    /// Organisation.
    pub org: String,
    /// Bucket.
    pub bucket: String,
    /// Token.
    pub token: Option<Secret>,
}
