//! Fuzzing of this room: any query of a request.

use axum::extract::Query;
use axum::http::Uri;

use super::history::PageQuery;

/// The query of a page of events: understood, or refused.
pub(crate) fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(uri) = format!("http://gateway/api/v1/events?{text}").parse::<Uri>() else { return };
    if let Err(refusal) = Query::<PageQuery>::try_from_uri(&uri) {
        assert!(!refusal.to_string().is_empty());
    }
}
