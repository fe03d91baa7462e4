//! Southbound: how readings come in. One task owns one connection and everything behind it; the composition
//! root starts one for each link of the site and starts it again if it fails. What is learned goes to the
//! engine through the [`Inbox`] and nowhere else: readings with a quality each, and news of devices' links.

mod backoff;
mod complaint;
mod conversion;
pub mod modbus;
pub mod mqtt;
mod news;
#[cfg(test)]
mod testing;

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::modbus::Reception;
use self::news::News;
use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::model::{DeviceId, LinkReport, LinkState, Orders, Text};
use crate::site::{LinkKind, Site};

/// What every link needs from the gateway.
#[derive(Debug, Clone)]
pub struct Context {
    /// The checked site.
    pub site: Arc<Site>,
    /// The way to the engine.
    pub inbox: Inbox,
    /// For stamps and deadlines.
    pub clock: Clock,
    /// Where devices dial in.
    pub receptions: Arc<[Reception]>,
    /// What outputs are to be.
    pub orders: watch::Receiver<Orders>,
}

/// Serves link number `link` of `Site::links` until `stop`. Whatever the far end does, it goes on.
pub async fn run(link: usize, context: Context, stop: CancellationToken) {
    // In a task of its own: all links share the token, and would wait for each other if they looked at it with every answer.
    let mut task = JoinSet::new();
    task.spawn(serve(link, context));
    tokio::select! {
        () = stop.cancelled() => task.shutdown().await,
        ended = task.join_next() => {
            if let Some(Ok(panic)) = ended.and_then(Result::err).map(JoinError::try_into_panic) {
                resume_unwind(panic);
            }
        }
    }
    tracing::debug!(link, "link stopped");
}

async fn serve(link: usize, context: Context) {
    let site = Arc::clone(&context.site);
    match &site.links[link].kind {
        LinkKind::Mqtt(broker) => mqtt::run(link, broker, context).await,
        _ => modbus::run(link, context).await,
    }
    // Nobody to serve: the link is as good as it can be until it is stopped.
    std::future::pending::<()>().await;
}

impl Context {
    /// Tells the engine, and the log, that a device's link has changed, if it has.
    async fn tell(&self, device: DeviceId, news: Option<News>) {
        let Some(News { state, error, counters, changed }) = news else { return };
        if changed {
            self.log(device, state, error.as_ref());
        }
        self.inbox.link(LinkReport { device, state, error, counters }).await;
    }

    fn log(&self, device: DeviceId, state: LinkState, error: Option<&Text>) {
        let name = self.site.device(device).name.as_str();
        match (state, error.map(|error| error.en.as_str())) {
            (LinkState::Up, _) => tracing::info!(device = name, "device answers"),
            (LinkState::Degraded, error) => tracing::warn!(device = name, error, "device answers in part"),
            (LinkState::Down, error) => tracing::warn!(device = name, error, "device is down"),
        }
    }
}
