//! What operators do to alarms. The answer comes once the effect is on disk, so what the page then shows is what
//! the journal holds.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::model::limits::{CONSOLE_ANSWER_MAX, OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX};
use crate::model::{Action, Command, Finding, Scope, Stamp};
use crate::words;

/// Who acts, why, and what the act needs besides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    by: String,
    reason: Option<String>,
    /// Of `acknowledge` and `dispose`: which instance.
    raised_at: Option<Stamp>,
    /// Of `shelve`: for how many seconds.
    seconds: Option<u32>,
    /// Of `dispose`: what the alarm turned out to be, and what was done.
    finding: Option<Finding>,
}

/// What is done to one alarm: the last part of the address.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deed {
    Acknowledge,
    Shelve,
    Unshelve,
    OutOfService,
    InService,
    Reset,
    Dispose,
}

/// `POST /api/v1/alarms/{alarm}/{deed}`.
pub(super) async fn act(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, Deed)>, PathRejection>,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Path((alarm, deed)) = path.map_err(|_| Problem::unknown_resource())?;
    let Json(body) = body?;
    let by = signed(&body.by)?;
    let reason = line("reason", body.reason.as_deref().unwrap_or_default(), OPERATOR_REASON_CHARS_MAX)?;
    let action = match deed {
        Deed::Acknowledge => Action::Acknowledge { alarm, raised_at: body.raised_at },
        Deed::Shelve => {
            let seconds = body.seconds.filter(|seconds| *seconds > 0);
            let seconds = seconds.ok_or_else(|| Problem::invalid("seconds must say for how long"))?;
            Action::Shelve { alarm, span: Duration::from_secs(seconds.into()) }
        }
        Deed::Unshelve => Action::Unshelve { alarm },
        Deed::OutOfService => Action::TakeOut { alarm },
        Deed::InService => Action::PutBack { alarm },
        Deed::Reset => Action::Reset { alarm },
        Deed::Dispose => {
            let finding = body.finding.ok_or_else(|| Problem::invalid("finding must say what it was"))?;
            let finding = words::finding(&finding)
                .map_err(|(field, error)| Problem::invalid(format!("{field} {error}")))?;
            Action::Dispose { alarm, raised_at: body.raised_at, finding }
        }
    };
    carry_out(&shared, Command { action, by, reason }).await
}

/// Who acknowledges which alarms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    by: String,
    reason: Option<String>,
    /// Those of this hazard.
    hazard: Option<String>,
    /// These; with neither, all of the site.
    alarms: Option<Vec<String>>,
}

/// `POST /api/v1/alarms/acknowledge`.
pub(super) async fn acknowledge_all(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Sweep>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(body) = body?;
    let by = signed(&body.by)?;
    let reason = line("reason", body.reason.as_deref().unwrap_or_default(), OPERATOR_REASON_CHARS_MAX)?;
    let scope = match (body.hazard, body.alarms) {
        (None, None) => Scope::Site,
        (Some(hazard), None) => Scope::Hazard(hazard),
        (None, Some(alarms)) => Scope::Named(alarms),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("hazard and alarms are both given: say one of them"));
        }
    };
    carry_out(&shared, Command { action: Action::AcknowledgeAll(scope), by, reason }).await
}

/// Who orders what to stand still, or lifts that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StopOrder {
    by: String,
    reason: Option<String>,
    /// What stands still; without it, the whole site.
    hazard: Option<String>,
    /// Whether the order stands.
    on: bool,
}

/// `POST /api/v1/stop-order`.
pub(super) async fn order_stop(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<StopOrder>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(body) = body?;
    let by = signed(&body.by)?;
    let reason = line("reason", body.reason.as_deref().unwrap_or_default(), OPERATOR_REASON_CHARS_MAX)?;
    let action = Action::OrderStop { hazard: body.hazard, stands: body.on };
    carry_out(&shared, Command { action, by, reason }).await
}

async fn carry_out(shared: &Shared, command: Command) -> Result<StatusCode, Problem> {
    tokio::time::timeout(CONSOLE_ANSWER_MAX, shared.inbox.command(command))
        .await
        .map_err(|_| Problem::unavailable("no answer in time: the command may still take effect"))??;
    Ok(StatusCode::NO_CONTENT)
}

fn signed(by: &str) -> Result<String, Problem> {
    line("by", by, OPERATOR_NAME_CHARS_MAX)?.ok_or_else(|| Problem::invalid("by must name who acts"))
}

fn line(field: &str, text: &str, chars_max: usize) -> Result<Option<String>, Problem> {
    let line = words::line(text, chars_max).map_err(|error| Problem::invalid(format!("{field} {error}")))?;
    Ok(line.map(str::to_owned))
}
