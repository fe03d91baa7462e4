//! The composition root: builds the parts, wires them, starts and stops them. Reads as a wiring list; decides nothing.
//!
//! Start: what can fail is done first (listeners, database), so that nothing is half-started. Stop: sources first, then the
//! loop, which empties its inbox, then the uplinks, then the database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::{NoContext, Timestamp, Uuid};

use crate::acquire::Reception;
#[cfg(feature = "broker")]
use crate::broker::{BrokerError, EmbeddedBroker};
use crate::clock::{Clock, OsTime};
use crate::core_loop::{CoreLoop, Inputs};
use crate::inbox::Inbox;
use crate::model::limits::{STOP_CORE_MAX, STOP_SOURCES_MAX, STOP_STORE_MAX, STOP_UPLINKS_MAX};
use crate::model::{Event, ForwarderId, HealthSource, Now, Orders, Snapshot, Text};
use crate::report::{self, Desk};
use crate::site::Site;
use crate::store::{Opened, Store, StoreError};
use crate::supervise::Supervisor;
use crate::{acquire, console, forward, timekeeping};

/// Why the gateway did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The console's port could not be had.
    #[error("the console cannot listen on {address}: {source}")]
    Console {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The embedded broker did not start.
    #[cfg(feature = "broker")]
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The site file asks for a broker that this build does not have.
    #[cfg(not(feature = "broker"))]
    #[error("[broker] is in the site file, but this hazgate was built without the feature `broker`")]
    NoBroker,
    /// The database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running gateway.
pub struct Gateway {
    store: Store,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    console: Option<SocketAddr>,
    sources: Supervisor,
    core: Supervisor,
    uplinks: Supervisor,
    lost: CancellationToken,
    #[cfg(feature = "broker")]
    broker: Option<EmbeddedBroker>,
}

impl Gateway {
    /// Starts every part that the site asks for.
    pub async fn start(site: Site) -> Result<Self, StartError> {
        let clock = Clock::start();
        let boot = boot_id(clock.now());
        let site = Arc::new(site);
        let listener = listen(&site).await?;
        #[cfg(feature = "broker")]
        let broker = start_broker(&site).await?;
        #[cfg(not(feature = "broker"))]
        if site.broker.is_some() {
            return Err(StartError::NoBroker);
        }
        let Opened { store, set_aside } = Store::open(&site.store, site.clone(), clock)?;

        let (inbox, inputs) = Inbox::new(clock);
        let sources = Supervisor::new(inbox.clone());
        let (core, uplinks) = (sources.sibling(), sources.sibling());
        let desk = Arc::new(Desk::new(site.clone()));
        let parts = Parts { site, clock, boot, store, inbox, desk, lost: CancellationToken::new() };

        let (snapshots, orders) = parts.spawn_core(&core, Inputs::new(inputs), set_aside);
        parts.spawn_uplinks(&uplinks);
        parts.spawn_links(&sources, &orders);
        parts.spawn_reports(&sources);
        let console = parts.spawn_console(&sources, listener, snapshots.clone());
        info!(
            gateway = parts.site.identity.gateway,
            devices = parts.site.devices.len(),
            points = parts.site.points.len(),
            rules = parts.site.rules.len(),
            %boot,
            "started"
        );
        Ok(Self {
            store: parts.store,
            snapshots,
            console,
            sources,
            core,
            uplinks,
            lost: parts.lost,
            #[cfg(feature = "broker")]
            broker,
        })
    }

    /// Where the console listens, if it does.
    pub fn console(&self) -> Option<SocketAddr> {
        self.console
    }

    /// The latest of every point.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Returns when the gateway can keep nothing any more: it must be stopped and started anew.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Stops in order, within [`SHUTDOWN_MAX`](crate::model::limits::SHUTDOWN_MAX); what is kept on disk goes out after the
    /// next start.
    pub async fn stop(self) {
        for (name, part, share) in [
            ("sources", &self.sources, STOP_SOURCES_MAX),
            ("core", &self.core, STOP_CORE_MAX),
            ("uplinks", &self.uplinks, STOP_UPLINKS_MAX),
        ] {
            if !part.stop(share).await {
                warn!("{name} did not stop within {} ms", share.as_millis());
            }
        }
        if tokio::time::timeout(STOP_STORE_MAX, self.store.close()).await.is_err() {
            warn!("the database was not closed within {} ms", STOP_STORE_MAX.as_millis());
        }
        #[cfg(feature = "broker")]
        stop_broker(self.broker).await;
        info!("stopped");
    }
}

/// What the tasks are made of.
struct Parts {
    site: Arc<Site>,
    clock: Clock,
    boot: Uuid,
    store: Store,
    inbox: Inbox,
    desk: Arc<Desk>,
    lost: CancellationToken,
}

impl Parts {
    fn spawn_core(
        &self,
        core: &Supervisor,
        inputs: Inputs,
        set_aside: Option<PathBuf>,
    ) -> (watch::Receiver<Arc<Snapshot>>, watch::Receiver<Orders>) {
        let core_loop =
            CoreLoop::new(self.site.clone(), self.clock, self.store.clone(), inputs, self.lost.clone());
        let (snapshots, orders) = (core_loop.snapshots(), core_loop.orders());
        let core_loop = Arc::new(core_loop);
        core.spawn("core", move |stop| {
            let core_loop = core_loop.clone();
            async move { core_loop.run(stop).await }
        });
        let (store, inbox) = (self.store.clone(), self.inbox.clone());
        let aside = set_aside.map(|path| set_aside_words(&path));
        core.spawn("disk watch", move |stop| watch_disk(aside.clone(), store.clone(), inbox.clone(), stop));
        let (clock, inbox) = (self.clock, self.inbox.clone());
        core.spawn("clock watch", move |stop| timekeeping::watch(clock, OsTime::read, inbox.clone(), stop));
        (snapshots, orders)
    }

    fn spawn_links(&self, sources: &Supervisor, orders: &watch::Receiver<Orders>) {
        let receptions: Arc<[Reception]> = Reception::all(&self.site, self.clock).into();
        for reception in receptions.iter() {
            let (reception, name) = (reception.clone(), format!("reception at {}", reception.listen()));
            sources.spawn(name, move |stop| reception.clone().run(stop));
        }
        for link in 0..self.site.links.len() {
            let context = acquire::Context {
                site: self.site.clone(),
                inbox: self.inbox.clone(),
                clock: self.clock,
                receptions: receptions.clone(),
                orders: orders.clone(),
            };
            sources.spawn(format!("link {link}"), move |stop| acquire::run(link, context.clone(), stop));
        }
    }

    fn spawn_uplinks(&self, uplinks: &Supervisor) {
        for index in 0..self.site.forwarders.len() {
            let id = ForwarderId::new(index);
            let context = forward::Context {
                site: self.site.clone(),
                store: self.store.clone(),
                inbox: self.inbox.clone(),
                clock: self.clock,
                boot: self.boot,
            };
            let name = format!("forwarder {}", self.site.forwarder(id).name);
            uplinks.spawn(name, move |stop| forward::run(id, context.clone(), stop));
        }
    }

    fn spawn_reports(&self, sources: &Supervisor) {
        let (desk, store, clock) = (self.desk.clone(), self.store.clone(), self.clock);
        sources.spawn("reports", move |stop| report::task::run(desk.clone(), store.clone(), clock, stop));
    }

    fn spawn_console(
        &self,
        sources: &Supervisor,
        listener: Option<std::net::TcpListener>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> Option<SocketAddr> {
        let listener = Arc::new(listener?);
        let address = listener.local_addr().ok()?;
        let context = console::Context {
            site: self.site.clone(),
            board: self.store.board(),
            snapshots,
            fault: self.store.fault(),
            events: Arc::new({
                let store = self.store.clone();
                move || store.events()
            }),
            history: Arc::new(JournalPages(self.store.clone())),
            reports: self.desk.clone(),
            inbox: self.inbox.clone(),
            clock: self.clock,
        };
        sources.spawn("console", move |stop| {
            let (listener, context) = (listener.clone(), context.clone());
            async move {
                let served = match listener.try_clone().and_then(TcpListener::from_std) {
                    Ok(listener) => console::serve(listener, context, stop).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    warn!("the console stopped: {error}");
                }
            }
        });
        Some(address)
    }
}

/// The journal as the console reads it.
struct JournalPages(Store);

impl console::EventHistory for JournalPages {
    fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<Event>, console::HistoryError> {
        let failed = |error: StoreError| console::HistoryError(Box::new(error));
        let history = self.0.history().map_err(failed)?;
        tokio::runtime::Handle::current().block_on(history.events(before, limit)).map_err(failed)
    }
}

fn boot_id(now: Now) -> Uuid {
    let since_epoch = Duration::from_millis(u64::try_from(now.wall.0).unwrap_or(0));
    Uuid::new_v7(Timestamp::from_unix(NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos()))
}

/// Bound once and kept, so that a console that fell finds its port again.
async fn listen(site: &Site) -> Result<Option<std::net::TcpListener>, StartError> {
    let Some(options) = &site.console else { return Ok(None) };
    let address = options.listen;
    let listener = TcpListener::bind(address).await.and_then(TcpListener::into_std);
    listener.map(Some).map_err(|source| StartError::Console { address, source })
}

#[cfg(feature = "broker")]
async fn start_broker(site: &Site) -> Result<Option<EmbeddedBroker>, BrokerError> {
    match &site.broker {
        Some(options) => EmbeddedBroker::start(options.listen).await.map(Some),
        None => Ok(None),
    }
}

#[cfg(feature = "broker")]
async fn stop_broker(broker: Option<EmbeddedBroker>) {
    use crate::model::limits::STOP_BROKER_MAX;
    let Some(broker) = broker else { return };
    if tokio::time::timeout(STOP_BROKER_MAX, broker.stop()).await.is_err() {
        warn!("the embedded broker did not stop within {} ms", STOP_BROKER_MAX.as_millis());
    }
}

/// Tells of a database that had to be set aside, then of every change of the disk's state.
async fn watch_disk(set_aside: Option<Text>, store: Store, inbox: Inbox, stop: CancellationToken) {
    let (mut fault, mut shortage) = (store.fault(), store.shortage());
    if set_aside.is_some() {
        inbox.health(HealthSource::Store, set_aside).await;
    }
    loop {
        let (graver, lesser) = (fault.borrow_and_update().clone(), shortage.borrow_and_update().clone());
        inbox.health(HealthSource::Store, graver.or(lesser)).await;
        let changed = tokio::select! {
            changed = fault.changed() => changed,
            changed = shortage.changed() => changed,
            () = stop.cancelled() => return,
        };
        if changed.is_err() {
            return stop.cancelled().await;
        }
    }
}

fn set_aside_words(path: &Path) -> Text {
    Text::new("原数据库无法读取，已另存", "the database could not be read and was set aside")
        .because(&Text::same(path.display().to_string()))
}
