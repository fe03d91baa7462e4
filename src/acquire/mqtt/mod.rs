//! MQTT links: one client of one broker, and the publishers that are heard through it. `pump` is a connection,
//! `topic` finds whom a message is for, `payload` reads it, `source` judges the publisher.

mod payload;
mod pump;
mod source;
#[cfg(test)]
mod tests;
mod topic;

use rumqttc::{MqttOptions, Publish, SubscribeReasonCode};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use self::payload::{Malformed, Wanted};
use self::pump::Signal;
use self::source::{Heard, Source};
use self::topic::Routes;
use super::Context;
use super::backoff::Backoff;
use super::conversion::Conversion;
use crate::model::limits::{
    BACKOFF_MAX, MQTT_FIELD_PACKET_BYTES_MAX, MQTT_HANDOVER_LEN_MAX, MQTT_KEEP_ALIVE, SITE_DURATION_MAX,
};
use crate::model::{DeviceId, Mono, Now, Text};
use crate::site::{self, Broker, Identity, Protocol, Site};

/// Listens to the publishers of link number `link` through `broker`, for as long as it is polled.
pub(super) async fn run(link: usize, broker: &Broker, context: Context) {
    let options = options(link, broker, &context.site.identity);
    Listener::new(link, context).run(&options).await;
}

fn options(link: usize, broker: &Broker, identity: &Identity) -> MqttOptions {
    let Identity { enterprise, gateway, .. } = identity;
    let (host, port) = broker.address.rsplit_once(':').unwrap_or((&broker.address, "1883"));
    let client = format!("hazgate-{enterprise}-{gateway}-in{link}");
    let mut options = MqttOptions::new(client, host, port.parse().unwrap_or(1883));
    options.set_keep_alive(MQTT_KEEP_ALIVE);
    // What was said while nobody listened is old: no session is kept for it.
    options.set_clean_session(true);
    options.set_max_packet_size(MQTT_FIELD_PACKET_BYTES_MAX, MQTT_FIELD_PACKET_BYTES_MAX);
    if let Some(username) = &broker.username {
        let password = broker.password.as_ref().map_or("", |password| password.expose());
        options.set_credentials(username, password);
    }
    options
}

/// A broker's publishers.
struct Listener {
    context: Context,
    sources: Vec<Source>,
    routes: Routes,
    /// Each filter once, in the order of subscription.
    filters: Vec<String>,
    rng: fastrand::Rng,
}

fn source(site: &Site, id: DeviceId) -> Option<Source> {
    let device = site.device(id);
    let Protocol::Mqtt(mqtt) = &device.protocol else { return None };
    let wanted = |point| match &site.point(point).source {
        site::Source::Mqtt(extract) => Some(Wanted {
            point,
            pointer: extract.pointer.clone(),
            conversion: Conversion::new(&extract.conversion),
        }),
        site::Source::Modbus(_) => None,
    };
    let points = device.points.iter().copied().filter_map(wanted).collect();
    Some(Source::new(id, mqtt.topic.clone(), mqtt.silence, points))
}

impl Listener {
    fn new(link: usize, context: Context) -> Self {
        let site = &context.site;
        let devices = &site.links[link].devices;
        let sources: Vec<Source> = devices.iter().filter_map(|device| source(site, *device)).collect();
        let routes = Routes::new(sources.iter().map(|source| source.filter.as_str()));
        let mut filters: Vec<String> = sources.iter().map(|source| source.filter.clone()).collect();
        filters.sort_unstable();
        filters.dedup();
        Self { context, sources, routes, filters, rng: fastrand::Rng::new() }
    }

    async fn run(mut self, options: &MqttOptions) {
        let mut backoff = Backoff::default();
        loop {
            let begun = self.context.clock.now().mono;
            let words = self.connection(options.clone()).await;
            self.lost(&words).await;
            if self.context.clock.now().mono - begun >= BACKOFF_MAX {
                backoff.reset();
            }
            sleep(backoff.next(&mut self.rng)).await;
        }
    }

    /// Listens on one connection until it ends, and says why it did.
    async fn connection(&mut self, options: MqttOptions) -> Text {
        let (hand, signals) = mpsc::channel(MQTT_HANDOVER_LEN_MAX);
        let filters = self.filters.clone();
        let pump = pump::pump(options, &filters, self.context.clock, hand);
        let (words, ()) = tokio::join!(pump, self.listen(signals));
        words
    }

    async fn listen(&mut self, mut signals: mpsc::Receiver<Signal>) {
        // A message puts off a deadline that counts, or gives one that had passed anew: neither needs a look at all.
        let mut check = self.context.clock.now().mono + SITE_DURATION_MAX;
        loop {
            tokio::select! {
                signal = signals.recv() => match signal {
                    None => return,
                    Some(Signal::Connected) => check = self.connected(),
                    Some(Signal::Subscribed(codes)) => self.subscribed(&codes).await,
                    Some(Signal::Message { now, publish, too_long }) => {
                        check = check.min(self.hear(&publish, too_long, now).await);
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

    async fn subscribed(&mut self, codes: &[SubscribeReasonCode]) {
        for (filter, code) in self.filters.iter().zip(codes) {
            let refused = *code == SubscribeReasonCode::Failure;
            for source in self.sources.iter_mut().filter(|source| refused && source.filter == *filter) {
                let news = source.refused();
                self.context.tell(source.device, news).await;
            }
        }
    }

    /// Hands a message to everyone whom it is for. Says when the first of their silences will have lasted too long.
    async fn hear(&mut self, publish: &Publish, too_long: bool, now: Now) -> Mono {
        let mut check = now.mono + SITE_DURATION_MAX;
        let topic = publish.topic.as_str();
        let payload = if too_long { Err(Malformed::TooLong) } else { Ok(&publish.payload[..]) };
        for listener in self.routes.to(topic) {
            let source = &mut self.sources[listener];
            if publish.retain {
                note_retained(source, topic);
                continue;
            }
            let Heard { batch, news, fault } = source.hear(payload.clone(), now);
            check = check.min(source.deadline());
            let device = source.device;
            self.context.tell(device, news).await;
            if let Some((words, leave)) = fault {
                let device = self.context.site.device(device).name.as_str();
                tracing::warn!(device, topic, total = leave.total, unsaid = leave.unsaid, "{words}");
            }
            if let Some(batch) = batch {
                self.context.inbox.readings(batch).await;
            }
        }
        check
    }

    async fn lost(&mut self, words: &Text) {
        for source in &mut self.sources {
            let news = source.lost(words);
            self.context.tell(source.device, news).await;
        }
    }
}

/// A message that the broker kept may be of any age, and so is never taken for a fresh one.
fn note_retained(source: &mut Source, topic: &str) {
    if !std::mem::replace(&mut source.retained_noted, true) {
        tracing::debug!(topic, "retained message passed over");
    }
}
