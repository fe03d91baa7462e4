//! Events of the past, page by page, newest first. The journal is read by a blocking call, so few reads run at
//! once and each request waits for its turn no longer than the limit.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::problem::Problem;
use crate::model::Event;
use crate::model::limits::{CONSOLE_ANSWER_MAX, CONSOLE_EVENTS_PAGE_MAX};

/// Events in a page if the request does not say.
const PAGE_DEFAULT: usize = 50;

/// The journal could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be read: {0}")]
pub struct HistoryError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Where past events come from.
pub trait EventHistory: Send + Sync + 'static {
    /// Up to `limit` events whose `seq` is less than `before` (the newest of all if none), newest first. May block.
    fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<Event>, HistoryError>;
}

/// Which page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    before: Option<u64>,
    limit: Option<usize>,
}

/// A page, and where the next (older) one begins.
#[derive(Serialize)]
struct Page {
    events: Vec<Event>,
    /// For `before`; none on the last page.
    next: Option<u64>,
}

/// `GET /api/v1/events`.
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(PageQuery { before, limit }) = query?;
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=CONSOLE_EVENTS_PAGE_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("limit must be 1 to {CONSOLE_EVENTS_PAGE_MAX}")));
    }
    let events = tokio::time::timeout(CONSOLE_ANSWER_MAX, read(&shared, before, limit))
        .await
        .map_err(|_| Problem::unavailable("the journal did not answer in time"))??;
    let is_full = events.len() == limit;
    let next = events.last().map(|event| event.seq).filter(|&seq| is_full && seq > 1);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Page { events, next })).into_response())
}

async fn read(shared: &Shared, before: Option<u64>, limit: usize) -> Result<Vec<Event>, Problem> {
    let turn = Arc::clone(&shared.history_reads).acquire_owned().await;
    let history = Arc::clone(&shared.history);
    // The read keeps its turn even when nobody waits for it any more: it still occupies a thread.
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        history.page(before, limit)
    });
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "reading the journal for the console");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "journal", "the journal cannot be read")
    };
    read.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}
