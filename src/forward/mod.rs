//! Northbound: one task per destination, each with its own cursor over the store's outbox, its own connection and its own
//! back-off. None delays another, and none speaks to the rooms that acquire or display.

mod backoff;
pub mod contract;
mod feed;
mod influx;
mod line;

mod mqtt;
mod queue;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::mqtt::fuzz;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::model::{ForwarderId, HealthSource, Text};
use crate::site::{ForwarderKind, Site};
use crate::store::Store;

/// From one save of a destination's cursor to the next.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// How long a stopping forwarder waits for the store to take its cursor.
const SAVE_LAST_MAX: Duration = Duration::from_secs(1);

/// What every forwarder needs.
#[derive(Clone)]
pub struct Context {
    /// The site.
    pub site: Arc<Site>,
    /// The outbox.
    pub store: Store,
    /// For commands and health.
    pub inbox: Inbox,
    /// For stamps and deadlines.
    pub clock: Clock,
    /// Id of this run.
    pub boot: Uuid,
}

/// Serves one destination until `stop`. Whatever goes wrong is reported to the gateway's loop and tried again.
pub async fn run(id: ForwarderId, context: Context, stop: CancellationToken) {
    let site = Arc::clone(&context.site);
    match &site.forwarder(id).kind {
        ForwarderKind::Mqtt(target) => mqtt::run(id, target, &context, &stop).await,
        ForwarderKind::Influx(target) => influx::run(id, target, &context, &stop).await,
    }
}

/// What the gateway's loop was last told of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Nothing,
    Works,
    Fails(Text),
}

/// Tells the gateway's loop how a destination is, whenever that changes. Never waits: while the loop takes nothing, the
/// destination is served all the same, and of what was said in the meantime the last word counts.
struct Health {
    name: String,
    told: watch::Sender<Told>,
}

impl Health {
    fn new(id: ForwarderId, context: &Context) -> Self {
        let told = watch::Sender::new(Told::Nothing);
        tokio::spawn(hand_on(told.subscribe(), context.inbox.clone(), HealthSource::Forwarder(id)));
        Self { name: context.site.forwarder(id).name.clone(), told }
    }

    /// It works.
    fn works(&self) {
        if self.tell(Told::Works) {
            tracing::info!(forwarder = self.name, "destination works");
        }
    }

    /// It does not, for this reason.
    fn fails(&self, error: &Text) {
        if self.tell(Told::Fails(error.clone())) {
            tracing::warn!(forwarder = self.name, error = error.en, "destination fails");
        }
    }

    fn tell(&self, told: Told) -> bool {
        self.told.send_if_modified(|old| {
            let changed = *old != told;
            *old = told;
            changed
        })
    }
}

/// Takes what is said of a destination to the inbox, until nobody says anything any more.
async fn hand_on(mut told: watch::Receiver<Told>, inbox: Inbox, source: HealthSource) {
    while told.changed().await.is_ok() {
        let word = told.borrow_and_update().clone();
        match word {
            Told::Nothing => {}
            Told::Works => inbox.health(source, None).await,
            Told::Fails(error) => inbox.health(source, Some(error)).await,
        }
    }
}

#[cfg(test)]
mod health_tests {
    use super::*;
    use crate::model::Input;
    use crate::model::limits::INBOX_LEN_MAX;

    #[tokio::test]
    async fn p3_a_gateways_loop_that_takes_nothing_holds_up_no_destination_and_gets_the_last_word() {
        let (inbox, mut messages) = Inbox::new(Clock::start());
        for _ in 0..INBOX_LEN_MAX {
            inbox.health(HealthSource::Task, None).await;
        }
        let source = HealthSource::Forwarder(ForwarderId::new(0));
        let health = Health { name: "hq".to_owned(), told: watch::Sender::new(Told::Nothing) };
        let teller = tokio::spawn(hand_on(health.told.subscribe(), inbox, source));
        health.works();
        tokio::task::yield_now().await;
        for i in 0..3 {
            health.fails(&Text::same(format!("failure {i}")));
            tokio::task::yield_now().await;
        }
        drop(health);
        let mut words = Vec::new();
        while let Some(message) = messages.recv().await {
            match message.input {
                Input::Health(report) if report.source == source => {
                    words.push(report.error.map(|text| text.en));
                }
                _ => {}
            }
        }
        assert_eq!(words, [None, Some("failure 2".to_owned())]);
        teller.await.unwrap();
    }
}
