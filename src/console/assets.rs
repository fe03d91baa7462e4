//! The page's own files, embedded at build time. A browser keeps them and asks each time whether they are still
//! the same; the tag is the file's hash, so a new binary is a new page.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "src/console/web/"]
struct Web;

/// Any address outside the API: a file of the page, or none.
pub(super) async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    match Web::get(path) {
        Some(file) if [Method::GET, Method::HEAD].contains(&method) => answer(path, file, &headers),
        Some(_) => Problem::wrong_method().into_response(),
        None => Problem::unknown_resource().into_response(),
    }
}

fn answer(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = tag(&file.metadata.sha256_hash());
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    let kept = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if is_known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, content_type(path))], Body::from(file.data)).into_response()
}

/// A strong entity tag: half of the hash is plenty.
fn tag(hash: &[u8; 32]) -> HeaderValue {
    let (half, _) = hash.split_first_chunk().expect("16 of 32 bytes");
    let tag = format!("\"{:032x}\"", u128::from_be_bytes(*half));
    HeaderValue::from_str(&tag).expect("quotes and hex digits are header text")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
