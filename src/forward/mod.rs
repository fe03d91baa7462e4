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

use std::sync::Arc;
use std::time::Duration;

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
        ForwarderKind::Mqtt(broker) => mqtt::run(id, broker, &context, &stop).await,
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

/// Tells the gateway's loop how a destination is, whenever that changes.
struct Health {
    inbox: Inbox,
    id: ForwarderId,
    name: String,
    told: Told,
}

impl Health {
    fn new(id: ForwarderId, context: &Context) -> Self {
        let name = context.site.forwarder(id).name.clone();
        Self { inbox: context.inbox.clone(), id, name, told: Told::Nothing }
    }

    /// It works.
    async fn works(&mut self) {
        if self.told != Told::Works {
            tracing::info!(forwarder = self.name, "destination connected");
            self.told = Told::Works;
            self.inbox.health(HealthSource::Forwarder(self.id), None).await;
        }
    }

    /// It does not, for this reason.
    async fn fails(&mut self, error: Text) {
        let told = Told::Fails(error.clone());
        if self.told != told {
            tracing::warn!(forwarder = self.name, error = error.en, "destination lost");
            self.told = told;
            self.inbox.health(HealthSource::Forwarder(self.id), Some(error)).await;
        }
    }
}
