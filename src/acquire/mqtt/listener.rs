//! A broker's publishers: hands each message to whom it is for, watches their silences, and asks Sparkplug edge nodes to
//! say again what they have, where the site file allows that.

use std::collections::HashMap;

use rumqttc::{AsyncClient, MqttOptions, Publish, QoS, SubscribeReasonCode};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use super::super::Context;
use super::super::backoff::Backoff;
use super::super::conversion::Conversion;
use super::malformed::Malformed;
use super::path::Path;
use super::payload::Wanted;
use super::pump::{self, Signal};
use super::source::{Heard, Source};
use super::sparkplug;
use super::topic::Routes;
use crate::model::limits::{
    BACKOFF_MAX, MQTT_HANDOVER_LEN_MAX, SITE_DURATION_MAX, SPARKPLUG_REBIRTH_INTERVAL_MIN,
};
use crate::model::{DeviceId, Mono, Now, Text};
use crate::site::{self, Broker, Edge, Protocol, Site};

/// A broker's publishers.
pub(super) struct Listener {
    context: Context,
    sources: Vec<Source>,
    /// Whose values a topic holds.
    routes: Routes,
    /// Whose Last Will stands at a topic.
    wills: Routes,
    /// Each filter once, in the order of subscription.
    filters: Vec<String>,
    /// When edge nodes were last asked to say again what they have.
    asked: HashMap<Edge, Mono>,
    rng: fastrand::Rng,
}

/// The publisher that this device of the site is.
pub(super) fn source(site: &Site, id: DeviceId) -> Option<Source> {
    let device = site.device(id);
    let Protocol::Mqtt(mqtt) = &device.protocol else { return None };
    let wanted = |point| match &site.point(point).source {
        site::Source::Mqtt(extract) => Some(Wanted {
            point,
            path: Path::new(&extract.pointer),
            conversion: Conversion::new(&extract.conversion),
        }),
        site::Source::Modbus(_) | site::Source::Derived(_) => None,
    };
    let points = device.points.iter().copied().filter_map(wanted).collect();
    Some(Source::new(id, mqtt, site.identity.zone.clone(), points))
}

impl Listener {
    /// Of link number `link` of the site.
    pub(super) fn new(link: usize, context: Context) -> Self {
        let site = &context.site;
        let devices = &site.links[link].devices;
        let sources: Vec<Source> = devices.iter().filter_map(|device| source(site, *device)).collect();
        let routes = Routes::new(sources.iter().enumerate().map(|(at, source)| (source.filter.as_str(), at)));
        let wills = sources.iter().enumerate();
        let wills = Routes::new(wills.filter_map(|(at, source)| Some((source.will_topic()?, at))));
        let values = sources.iter().map(|source| source.filter.as_str());
        let topics = values.chain(sources.iter().filter_map(Source::will_topic));
        let mut filters: Vec<String> = topics.map(str::to_owned).collect();
        filters.sort_unstable();
        filters.dedup();
        let (asked, rng) = (HashMap::new(), fastrand::Rng::new());
        Self { context, sources, routes, wills, filters, asked, rng }
    }

    /// Listens for ever, connecting anew whenever the broker is lost.
    pub(super) async fn run(mut self, options: &MqttOptions, broker: &Broker) {
        let mut backoff = Backoff::default();
        loop {
            let begun = self.context.clock.now().mono;
            let words = self.connection(options.clone(), broker).await;
            self.lost(&words).await;
            if self.context.clock.now().mono - begun >= BACKOFF_MAX {
                backoff.reset();
            }
            sleep(backoff.next(&mut self.rng)).await;
        }
    }

    /// Listens on one connection until it ends, and says why it did.
    async fn connection(&mut self, options: MqttOptions, broker: &Broker) -> Text {
        let (hand, signals) = mpsc::channel(MQTT_HANDOVER_LEN_MAX);
        let filters = self.filters.clone();
        let (client, pump) = pump::open(options, broker, &filters, self.context.clock, hand);
        let (words, ()) = tokio::join!(pump, self.listen(&client, signals));
        words
    }

    /// Takes what comes on a connection until nothing more does.
    pub(super) async fn listen(&mut self, client: &AsyncClient, mut signals: mpsc::Receiver<Signal>) {
        // A message puts off a deadline that counts, or gives one that had passed anew: neither needs a look at all.
        let mut check = self.context.clock.now().mono + SITE_DURATION_MAX;
        loop {
            tokio::select! {
                signal = signals.recv() => match signal {
                    None => return,
                    Some(Signal::Connected) => check = self.connected(),
                    Some(Signal::Subscribed(codes)) => self.subscribed(client, &codes).await,
                    Some(Signal::Message { now, publish, too_long }) => {
                        check = check.min(self.hear(client, &publish, too_long, now).await);
                    }
                },
                () = sleep_until(self.context.clock.instant(check)) => check = self.check_silence().await,
            }
        }
    }

    /// Every silence begins anew. Says when to look at them.
    fn connected(&mut self) -> Mono {
        let now = self.context.clock.now().mono;
        self.sources.iter_mut().for_each(|source| source.connected(now));
        self.next_check(now)
    }

    /// When the first silence will have lasted too long; the silences that already have do not count.
    fn next_check(&self, now: Mono) -> Mono {
        let deadlines = self.sources.iter().map(Source::deadline).filter(|deadline| *deadline > now);
        deadlines.min().unwrap_or(now + SITE_DURATION_MAX)
    }

    async fn check_silence(&mut self) -> Mono {
        let now = self.context.clock.now().mono;
        for source in &mut self.sources {
            let news = source.check_silence(now);
            self.context.tell(source.device, news).await;
        }
        self.next_check(now)
    }

    async fn subscribed(&mut self, client: &AsyncClient, codes: &[SubscribeReasonCode]) {
        let refused =
            self.filters.iter().zip(codes).filter(|(_, code)| **code == SubscribeReasonCode::Failure);
        for (filter, _) in refused {
            let needs = |source: &&mut Source| {
                source.filter == *filter || source.will_topic() == Some(filter.as_str())
            };
            for source in self.sources.iter_mut().filter(needs) {
                let news = source.refused(filter);
                self.context.tell(source.device, news).await;
            }
        }
        let unborn: Vec<Edge> = self.sources.iter().filter_map(Source::unborn).cloned().collect();
        let now = self.context.clock.now();
        for edge in unborn {
            self.ask_for_birth(client, edge, now);
        }
    }

    /// Hands a message to everyone whom it is for. Says when the first of their silences will have lasted too long.
    async fn hear(&mut self, client: &AsyncClient, publish: &Publish, too_long: bool, now: Now) -> Mono {
        let mut check = now.mono + SITE_DURATION_MAX;
        let topic = publish.topic.as_str();
        let payload = if too_long { Err(Malformed::TooLong) } else { Ok(&publish.payload[..]) };
        for listener in self.wills.to(topic) {
            let heard = self.sources[listener].hear_will(topic, payload.clone(), now);
            self.hand_over(listener, topic, heard).await;
        }
        for listener in self.routes.to(topic) {
            let source = &mut self.sources[listener];
            if source.will_topic() == Some(topic) {
                continue;
            }
            if publish.retain {
                let news = source.pass_over(now.mono);
                self.context.tell(source.device, news).await;
                continue;
            }
            let heard = source.hear(topic, payload.clone(), now);
            check = check.min(source.deadline());
            if let Some(edge) = source.edge().filter(|_| heard.wants_birth).cloned() {
                self.ask_for_birth(client, edge, now);
            }
            self.hand_over(listener, topic, heard).await;
        }
        check
    }

    async fn hand_over(&mut self, listener: usize, topic: &str, heard: Heard) {
        let device = self.sources[listener].device;
        self.context.tell(device, heard.news).await;
        if let Some((words, leave)) = heard.fault {
            let device = self.context.site.device(device).name.as_str();
            tracing::warn!(device, topic, total = leave.total, unsaid = leave.unsaid, "{words}");
        }
        for batch in heard.batches {
            self.context.inbox.readings(batch).await;
        }
    }

    /// Asks an edge node to say again what it has, but not more often than it can bear.
    fn ask_for_birth(&mut self, client: &AsyncClient, edge: Edge, now: Now) {
        let node = Edge { device: None, ..edge };
        let lately = |asked: &Mono| now.mono - *asked < SPARKPLUG_REBIRTH_INTERVAL_MIN;
        if self.asked.get(&node).is_some_and(lately) {
            return;
        }
        let topic = format!("spBv1.0/{}/NCMD/{}", node.group, node.node);
        let request = sparkplug::rebirth_request(now.wall);
        if client.try_publish(topic.as_str(), QoS::AtMostOnce, false, request).is_ok() {
            tracing::info!(topic, "asked an edge node for its birth");
            self.asked.insert(node, now.mono);
        }
    }

    async fn lost(&mut self, words: &Text) {
        for source in &mut self.sources {
            let news = source.lost(words);
            self.context.tell(source.device, news).await;
        }
    }
}
