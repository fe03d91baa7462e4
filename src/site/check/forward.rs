//! `[[forward]]`.

use super::Context;
use super::links::{self, Login};
use super::names::Names;
use crate::model::limits::MQTT_STANDBYS_MAX;
use crate::site::load::Gathered;
use crate::site::model::Broker;
use crate::site::raw::{MqttVersionWord, ProfileWord, RawForward, RawIdentity, RawInflux, RawMqtt};
use crate::site::source::Spot;
use crate::site::uplink::{
    Forwarder, ForwarderKind, InfluxTarget, MqttTarget, MqttVersion, Profile, SparkplugNode,
};

/// The destinations of a site, and where they stand.
pub(super) struct Forwarders {
    pub(super) list: Vec<Forwarder>,
    pub(super) spots: Vec<Spot>,
}

pub(super) fn check(gathered: &Gathered, context: &mut Context<'_>) -> Forwarders {
    let mut forwarders = Forwarders { list: Vec::new(), spots: Vec::new() };
    let mut names = Names::new("forwarder");
    let identity = gathered.services.as_ref().and_then(|services| services.site.as_ref());
    for part in &gathered.parts {
        for (index, raw) in part.raw.forward.iter().enumerate() {
            let spot = part.spot("forward", index);
            let (id, kind) = match raw {
                RawForward::Mqtt(raw) => (&raw.id, mqtt(raw, identity, spot, context)),
                RawForward::Influx(raw) => (&raw.id, influx(raw, spot, context)),
            };
            let is_new = names.define(&id.0, forwarders.list.len(), spot.key("id"), context.findings);
            if let Some(kind) = kind.filter(|_| is_new) {
                forwarders.refuse_twin(&kind, spot, context);
                forwarders.list.push(Forwarder { name: id.0.clone(), kind });
                forwarders.spots.push(spot);
            }
        }
    }
    forwarders
}

impl Forwarders {
    /// What the gateway says of itself is retained at a broker once: two that say it there would undo each other's words.
    fn refuse_twin(&self, kind: &ForwarderKind, spot: Spot, context: &mut Context<'_>) {
        let ForwarderKind::Mqtt(target) = kind else { return };
        for (at, broker) in target.brokers.iter().enumerate() {
            let place = spot.key(&broker_key(at));
            let message = format!("the broker {} is a destination already", broker.address);
            let twins = self.list.iter().zip(&self.spots).filter(|(other, _)| match &other.kind {
                ForwarderKind::Mqtt(other) => other.profile == target.profile,
                ForwarderKind::Influx(_) => false,
            });
            let mut there =
                twins.filter(|(other, _)| other.brokers().iter().any(|it| links::are_one(it, broker)));
            if let Some((_, first)) = there.next() {
                context
                    .findings
                    .add(place, message)
                    .first(first.key("url"))
                    .hint("one destination of a kind for each broker: drop one of them");
            } else if target.brokers[..at].iter().any(|other| links::are_one(other, broker)) {
                let hint = "a broker cannot stand by for itself: drop it here";
                context.findings.add(place, message).first(spot.key("url")).hint(hint);
            }
        }
    }

    /// The brokers among the destinations, and where they stand.
    pub(super) fn brokers(&self) -> impl Iterator<Item = (&Broker, Spot)> {
        self.list
            .iter()
            .zip(&self.spots)
            .flat_map(|(forwarder, spot)| forwarder.brokers().iter().map(|broker| (broker, *spot)))
    }
}

/// The key that a destination's broker stands at: the first, or one that stands by for it.
fn broker_key(at: usize) -> String {
    if at == 0 { "url".to_owned() } else { format!("standby[{}]", at - 1) }
}

fn mqtt(
    raw: &RawMqtt,
    identity: Option<&RawIdentity>,
    spot: Spot,
    context: &mut Context<'_>,
) -> Option<ForwarderKind> {
    let place = |key: &str| spot.key(key);
    let login = Login {
        username: raw.username.as_ref(),
        password: raw.password.as_ref(),
        tls: raw.tls.as_ref(),
        place: &place,
    };
    let first = links::broker(&raw.url, &login, context);
    if raw.standby.len() > MQTT_STANDBYS_MAX {
        let message = format!("{} brokers stand by; {MQTT_STANDBYS_MAX} may", raw.standby.len());
        context.findings.add(spot.key("standby"), message).hint("drop some of them");
    }
    let mut brokers: Vec<Broker> = first.into_iter().collect();
    for (at, url) in (1..).zip(&raw.standby) {
        let place = |key: &str| spot.key(&if key == "url" { broker_key(at) } else { key.to_owned() });
        let login = Login { password: None, place: &place, ..login };
        let password = brokers.first().and_then(|first| first.password.clone());
        brokers.extend(links::broker(url, &login, context).map(|broker| Broker { password, ..broker }));
    }
    let version = match raw.version {
        MqttVersionWord::V3_1_1 => MqttVersion::V3_1_1,
        MqttVersionWord::V5 => MqttVersion::V5,
    };
    // Where one of them can't be had the site is refused, whatever the others are.
    let profile = profile(raw, identity, spot, context)?;
    let is_whole = brokers.len() == 1 + raw.standby.len();
    is_whole.then_some(ForwarderKind::Mqtt(MqttTarget { brokers, version, profile }))
}

/// What is said. None where the site has no identity, which is a mistake told elsewhere.
fn profile(
    raw: &RawMqtt,
    identity: Option<&RawIdentity>,
    spot: Spot,
    context: &mut Context<'_>,
) -> Option<Profile> {
    if raw.profile == ProfileWord::Contract {
        let keys = [("group", &raw.group), ("node", &raw.node), ("primary_host", &raw.primary_host)];
        for (key, _) in keys.into_iter().filter(|(_, value)| value.is_some()) {
            context
                .findings
                .add(spot.key(key), format!("`{key}` is of Sparkplug"))
                .hint("write `profile = \"sparkplug\"`, or drop it");
        }
        return Some(Profile::Contract);
    }
    let identity = identity?;
    Some(Profile::Sparkplug(SparkplugNode {
        group: raw.group.as_ref().unwrap_or(&identity.enterprise).0.clone(),
        node: raw.node.as_ref().unwrap_or(&identity.gateway).0.clone(),
        primary_host: raw.primary_host.as_ref().map(|host| host.0.clone()),
    }))
}

fn influx(raw: &RawInflux, spot: Spot, context: &mut Context<'_>) -> Option<ForwarderKind> {
    for (key, value) in [("org", &raw.org), ("bucket", &raw.bucket)] {
        if value.is_empty() {
            context.findings.add(spot.key(key), format!("`{key}` is empty"));
        }
    }
    let token =
        raw.token.as_ref().and_then(|raw| context.vault.fetch(raw, spot.key("token"), context.findings));
    let example = "http://host:8086";
    let url = links::parse(&raw.url, &["http", "https"], example, spot.key("url"), context.findings)?;
    let url = url.as_str().trim_end_matches('/').to_owned();
    let (org, bucket) = (raw.org.clone(), raw.bucket.clone());
    Some(ForwarderKind::Influx(InfluxTarget { url, org, bucket, token }))
}
