//! The live state: once, or as a stream of server-sent events. A stream begins with the whole `state`; then come
//! `board` (at once) and `values` (at most once a second) with what changed, `event` for each committed event, `fault`
//! when that changes, and `beat` with the gateway's clock for as long as the gateway's loop goes on, so that a page which
//! hears nothing knows that it sees nothing current. A viewer who cannot keep up is sent the whole state anew instead of
//! what it missed.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::Shared;
use super::live::Live;
use super::problem::Problem;

/// How soon a browser tries again, in milliseconds.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// One open stream and its place among those allowed.
pub(super) struct Viewer {
    live: Arc<Live>,
    /// None until the state has been sent, and again after a lag.
    frames: Option<broadcast::Receiver<Bytes>>,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/state`.
pub(super) async fn state(State(shared): State<Arc<Shared>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from(shared.live.state())).into_response()
}

/// `GET /api/v1/stream`.
pub(super) async fn stream(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    if shared.live.has_ended() {
        return Err(Problem::unavailable("the gateway is stopping"));
    }
    // A whole state is taken for current: one that nobody renews must not be.
    if shared.live.is_stuck() {
        return Err(Problem::unavailable("the gateway's loop makes no progress"));
    }
    let place = Arc::clone(&shared.viewers)
        .try_acquire_owned()
        .map_err(|_| Problem::unavailable("as many pages as the console can feed are open already"))?;
    let frames = stream::unfold(Viewer::new(Arc::clone(&shared.live), place), |mut viewer| async move {
        let frame = viewer.next().await?;
        Some((Ok::<_, Infallible>(frame), viewer))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(frames)).into_response())
}

impl Viewer {
    pub(super) fn new(live: Arc<Live>, place: OwnedSemaphorePermit) -> Self {
        Self { live, frames: None, _place: place }
    }

    /// What to send next; none at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let Some(frames) = &mut self.frames else { return Some(self.begin()) };
        tokio::select! {
            biased;
            () = self.live.ended() => None,
            frame = frames.recv() => match frame {
                Ok(frame) => Some(frame),
                Err(RecvError::Lagged(_)) => Some(self.begin()),
                Err(RecvError::Closed) => None,
            },
        }
    }

    fn begin(&mut self) -> Bytes {
        let (state, frames) = self.live.join();
        self.frames = Some(frames);
        [RETRY, &state].concat().into()
    }
}
