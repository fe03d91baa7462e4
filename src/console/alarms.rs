//! What operators do to alarms. The answer comes once the effect is on disk, so what the page then shows is what
//! the journal holds.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::model::limits::{CONSOLE_ANSWER_MAX, OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX};
use crate::model::{Action, Command, Stamp};
use crate::words;

/// Who takes note of which instance, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledgement {
    by: String,
    reason: Option<String>,
    raised_at: Option<Stamp>,
}

/// `POST /api/v1/alarms/{alarm}/acknowledge`.
pub(super) async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    alarm: Result<Path<String>, PathRejection>,
    body: Result<Json<Acknowledgement>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let (Path(alarm), Json(body)) = (alarm?, body?);
    let by = line("by", &body.by, OPERATOR_NAME_CHARS_MAX)?
        .ok_or_else(|| Problem::invalid("by must name who acknowledges"))?;
    let reason = line("reason", body.reason.as_deref().unwrap_or_default(), OPERATOR_REASON_CHARS_MAX)?;
    let action = Action::Acknowledge { alarm, raised_at: body.raised_at };
    tokio::time::timeout(CONSOLE_ANSWER_MAX, shared.inbox.command(Command { action, by, reason }))
        .await
        .map_err(|_| Problem::unavailable("no answer in time: the acknowledgement may still take effect"))??;
    Ok(StatusCode::NO_CONTENT)
}

fn line(field: &str, text: &str, chars_max: usize) -> Result<Option<String>, Problem> {
    let line = words::line(text, chars_max).map_err(|error| Problem::invalid(format!("{field} {error}")))?;
    Ok(line.map(str::to_owned))
}
