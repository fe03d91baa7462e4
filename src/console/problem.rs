//! Refusals, as RFC 9457 problem details: one shape for every error of the API, with a type that a program can tell
//! apart and a sentence that a person can read.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::model::CommandError;

/// Seconds after which it is worth asking again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("2");

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
}

/// What goes over the wire.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem of this `kind`, the last part of its type.
    pub(super) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    /// Nothing is at the address.
    pub(super) fn unknown_resource() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-resource", "there is nothing at this address")
    }

    /// Something is at the address, but not for that method.
    pub(super) fn wrong_method() -> Self {
        let detail = "this address does not take that method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    /// The request cannot be met now, and may be later.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// The request is understood, and what it says cannot be.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:hazgate:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = (self.status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let (status, kind) = match error {
            CommandError::UnknownAlarm(_) => (StatusCode::NOT_FOUND, "unknown-alarm"),
            CommandError::UnknownOutput(_) => (StatusCode::NOT_FOUND, "unknown-output"),
            CommandError::UnknownHazard(_) => (StatusCode::NOT_FOUND, "unknown-hazard"),
            CommandError::NoStops(_) => (StatusCode::NOT_FOUND, "no-stops"),
            CommandError::NoReason => (StatusCode::UNPROCESSABLE_ENTITY, "no-reason"),
            CommandError::ShelvedTooLong { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "shelved-too-long"),
            CommandError::NotNow { .. } => (StatusCode::CONFLICT, "not-now"),
            CommandError::NotEnabled(_) => (StatusCode::CONFLICT, "not-enabled"),
            CommandError::NotStanding(_) => (StatusCode::CONFLICT, "not-standing"),
            CommandError::OtherInstance { .. } => (StatusCode::CONFLICT, "other-instance"),
            CommandError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, kind, error.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "invalid", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "invalid", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "invalid", rejection.body_text())
    }
}
