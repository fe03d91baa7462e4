//! The console: what an operator looks at, served by the gateway itself from its own binary. It shows the committed
//! board and the latest values, streams their changes, and hands acknowledgements to the engine. It owns no state
//! of the plant: everything here can be lost and rebuilt from its [`Context`].
//!
//! It listens on loopback and has no accounts yet, so [`access`] refuses what a foreign web page could make a
//! browser send.

mod access;
mod alarms;
mod assets;
mod describe;
mod dto;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod history;
mod listener;
mod live;
mod output;
mod power;
mod problem;
mod stream;

#[cfg(test)]
mod tests;

use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::model::limits::{
    CONSOLE_BODY_BYTES_MAX, CONSOLE_HISTORY_READS_MAX, CONSOLE_REPORT_READS_MAX, CONSOLE_STREAMS_MAX,
};
use crate::model::{Board, Event, Snapshot, Text};
use crate::report::Desk;
use crate::site::Site;

pub use history::{EventHistory, HistoryError};

use describe::SiteDocument;
use live::Live;
use problem::Problem;

/// How long requests in flight may take once the console is told to stop.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// Gives events from now on, as they are committed.
pub type EventFeed = Arc<dyn Fn() -> broadcast::Receiver<Arc<Event>> + Send + Sync>;

/// What the console shows, and whom it speaks to.
#[derive(Clone)]
pub struct Context {
    /// What is watched.
    pub site: Arc<Site>,
    /// The committed state: alarms, devices, risk.
    pub board: watch::Receiver<Arc<Board>>,
    /// The latest of every point and destination; renewed, changed or not, for as long as the gateway's loop goes on.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What is wrong with the disk; none when nothing is.
    pub fault: watch::Receiver<Option<Text>>,
    /// Events as they are committed.
    pub events: EventFeed,
    /// Events of the past.
    pub history: Arc<dyn EventHistory>,
    /// Where reports of power are asked for.
    pub reports: Arc<Desk>,
    /// The way to the engine, for what operators do.
    pub inbox: Inbox,
    /// The gateway's clock, for the page's own.
    pub clock: Clock,
}

/// What the request handlers share.
struct Shared {
    document: SiteDocument,
    live: Arc<Live>,
    viewers: Arc<Semaphore>,
    history: Arc<dyn EventHistory>,
    history_reads: Arc<Semaphore>,
    reports: Arc<Desk>,
    report_reads: Arc<Semaphore>,
    clock: Clock,
    zone: TimeZone,
    inbox: Inbox,
}

/// Serves the console on `listener` until `stop`; then open streams end and requests in flight have a moment to finish.
///
/// # Errors
/// None at present: failures to accept are logged and retried. The type leaves room for a listener that is lost.
pub async fn serve(listener: TcpListener, context: Context, stop: CancellationToken) -> io::Result<()> {
    let live = Arc::new(Live::new(&context, &stop));
    let feed = live::Feed::new(&context);
    let app = router(Arc::new(Shared::new(context, Arc::clone(&live))));
    let server = axum::serve(listener::Bounded::new(listener), app)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        (outcome, ()) = async { tokio::join!(server, live.run(feed)) } => outcome,
        () = overdue => Ok(()),
    }
}

impl Shared {
    fn new(context: Context, live: Arc<Live>) -> Self {
        Self {
            document: SiteDocument::new(&context.site, context.reports.plan()),
            report_reads: Arc::new(Semaphore::new(CONSOLE_REPORT_READS_MAX)),
            reports: context.reports,
            clock: context.clock,
            zone: context.site.identity.zone.clone(),
            live,
            viewers: Arc::new(Semaphore::new(CONSOLE_STREAMS_MAX)),
            history: context.history,
            history_reads: Arc::new(Semaphore::new(CONSOLE_HISTORY_READS_MAX)),
            inbox: context.inbox,
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/site", get(describe::site))
        .route("/state", get(stream::state))
        .route("/stream", get(stream::stream))
        .route("/events", get(history::events))
        .route("/power/report", get(power::report))
        .route("/alarms/acknowledge", post(alarms::acknowledge_all))
        .route("/alarms/{alarm}/{deed}", post(alarms::act))
        .route("/stop-order", post(alarms::order_stop))
        .fallback(no_such_resource);
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(healthz))
        .fallback(assets::asset)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(CONSOLE_BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(access::guard))
        .with_state(shared)
}

/// Whether the console is alive, still hears from the gateway's loop, and alarms can be kept.
async fn healthz(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    if shared.live.has_ended() {
        return Err(Problem::unavailable("the gateway's loop has ended"));
    }
    if let Some(fault) = shared.live.fault() {
        return Err(Problem::unavailable(fault.en));
    }
    if shared.live.is_stuck() {
        return Err(Problem::unavailable("the gateway's loop makes no progress"));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok\n").into_response())
}

async fn no_such_resource() -> Problem {
    Problem::unknown_resource()
}

async fn no_such_method() -> Problem {
    Problem::wrong_method()
}
