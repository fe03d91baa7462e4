//! One write over HTTP, and what the answer says of it. `influxdb2` drops the headers of an answer, and with them when to come again: so writes are
//! made on the HTTP client that lies beneath it, and the library is asked what buckets there are when the one that is wanted is not.

use std::error::Error;
use std::iter::successors;
use std::time::{Duration, SystemTime};

use influxdb2::api::buckets::ListBucketsRequest;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use tokio::time::timeout;

use crate::model::limits::{INFLUX_ANSWER_BYTES_MAX, INFLUX_RETRY_AFTER_MAX};
use crate::model::{Text, Wall};
use crate::site::InfluxTarget;
use crate::words;

/// How long connecting, and a whole write, may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const WRITE_MAX: Duration = Duration::from_secs(30);
/// Characters of the database's own words that are passed on.
const WORDS_CHARS_MAX: usize = 200;
/// Buckets that are named.
const BUCKETS_TOLD_MAX: u8 = 10;

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// All of it is there.
    Written,
    /// The database will not take something that it holds. The rest may be there (a partial write), and may be sent again: it is the same
    /// points then.
    Rejected(Text),
    /// It may take it another time; not before `wait` is over, if it says so.
    Failed {
        /// Why.
        words: Text,
        /// How long it asks to be left alone.
        wait: Option<Duration>,
    },
}

impl Answer {
    fn failed(words: Text) -> Self {
        Self::Failed { words, wait: None }
    }
}

/// The way to one bucket.
pub(super) struct Client {
    http: reqwest::Client,
    library: influxdb2::Client,
    /// Where lines are written.
    write: url::Url,
    target: InfluxTarget,
}

impl Client {
    pub(super) fn new(target: &InfluxTarget) -> Result<Self, Text> {
        let token = target.token.as_ref().map_or("", |secret| secret.expose());
        let write = write_url(target)?;
        let mut authorization = HeaderValue::try_from(format!("Token {token}")).map_err(|_| {
            Text::new("令牌含有不能发送的字符", "the token has characters that cannot be sent")
        })?;
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
            (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        ]);
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT_MAX)
                .timeout(WRITE_MAX)
                .redirect(reqwest::redirect::Policy::none())
        };
        let http = builder().default_headers(headers).build().map_err(|error| Text::same(chain(&error)))?;
        let library = influxdb2::ClientBuilder::with_builder(builder(), &target.url, &target.org, token)
            .build()
            .map_err(|error| Text::same(error.to_string()))?;
        Ok(Self { http, library, write, target: target.clone() })
    }

    /// Writes lines, compressed with gzip. `now` is our clock, for a database that names a time to come again and has none of its own.
    pub(super) async fn write(&self, body: Vec<u8>, now: Wall) -> Answer {
        let url = &self.target.url;
        let exchange = async {
            let response = self.http.post(self.write.clone()).body(body).send().await?;
            let (status, wait) = (response.status(), retry_after(response.headers(), now));
            // Any success is one: a proxy may say 200 where the database says 204.
            let said = if status.is_success() { String::new() } else { words_of(response).await };
            Ok((status, wait, said))
        };
        let (status, wait, said) = match timeout(WRITE_MAX, exchange).await {
            Err(_) => return Answer::failed(unanswered(url)),
            Ok(Err(error)) => return Answer::failed(unreached(url, &error)),
            Ok(Ok(answer)) => answer,
        };
        match answer(url, status, wait, &said) {
            Answer::Failed { words, wait } if status == StatusCode::NOT_FOUND => {
                Answer::Failed { words: self.with_buckets(words).await, wait }
            }
            answer => answer,
        }
    }

    /// The words, with the buckets that the token may see.
    async fn with_buckets(&self, words: Text) -> Text {
        let org = Some(self.target.org.clone());
        let request = ListBucketsRequest { org, limit: Some(BUCKETS_TOLD_MAX), ..Default::default() };
        let Ok(Ok(found)) = timeout(CONNECT_MAX, self.library.list_buckets(Some(request))).await else {
            return words;
        };
        let names: Vec<String> = found.buckets.into_iter().map(|bucket| bucket.name).collect();
        let (wanted, names) = (&self.target.bucket, names.join(", "));
        Text::new(
            format!("{}；配置的存储桶为 {wanted}，令牌可见：{names}", words.zh),
            format!("{}; the site file has `{wanted}`, the token sees: {names}", words.en),
        )
    }
}

fn write_url(target: &InfluxTarget) -> Result<url::Url, Text> {
    let base = target.url.trim_end_matches('/');
    let mut url = url::Url::parse(&format!("{base}/api/v2/write")).map_err(|error| {
        Text::new(format!("`{}` 不是有效的 URL", target.url), format!("`{}` is not a URL", target.url))
            .because(&Text::same(error.to_string()))
    })?;
    let query = [("bucket", &*target.bucket), ("org", &*target.org), ("precision", "ms")];
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// What an answer with this status means.
fn answer(url: &str, status: StatusCode, wait: Option<Duration>, said: &str) -> Answer {
    if status.is_success() {
        return Answer::Written;
    }
    let words = Text::new(format!("{url} 返回 {status}"), format!("{url} answered {status}"))
        .because(&Text::same(said));
    let guess = |zh, en| Text::new(format!("{}（{zh}）", words.zh), format!("{} ({en})", words.en));
    match status.as_u16() {
        400 | 413 | 422 => Answer::Rejected(words),
        401 | 403 => Answer::failed(guess("令牌被拒绝", "token refused")),
        404 => Answer::failed(guess("组织或存储桶不存在？", "no such organisation or bucket?")),
        _ => Answer::Failed { words, wait },
    }
}

/// What the database says itself: the message of its JSON, or the beginning of what else it sent.
async fn words_of(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < INFLUX_ANSWER_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(INFLUX_ANSWER_BYTES_MAX);
    message(&String::from_utf8_lossy(&bytes))
}

/// The message in an answer: `message` of InfluxDB 2, `error` of 1 and 3, and of 3 what it says of the first line in question.
fn message(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let message = ["message", "error"].iter().find_map(|key| json[key].as_str());
    let of_line = json["data"][0]["error_message"].as_str();
    let text = match (message, of_line) {
        (Some(message), Some(of_line)) => format!("{message}: {of_line}"),
        (Some(message), None) => message.to_owned(),
        (None, _) => body.to_owned(),
    };
    text.trim().chars().take(WORDS_CHARS_MAX).collect()
}

/// How long the far end asks to be left alone, at most [`INFLUX_RETRY_AFTER_MAX`]: in seconds, or until a time, which is held against the far end's
/// own clock where it says what that shows. What is neither says nothing.
fn retry_after(headers: &HeaderMap, now: Wall) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let (said, far) = (text(RETRY_AFTER)?, text(DATE));
    let wait = if !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit()) {
        said.parse().map_or(INFLUX_RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(said).ok()?;
        let ours = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let now = far.and_then(|far| httpdate::parse_http_date(far).ok()).unwrap_or(ours);
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(INFLUX_RETRY_AFTER_MAX))
}

fn unanswered(url: &str) -> Text {
    let wait = WRITE_MAX.as_secs();
    Text::new(format!("{url} 在 {wait} s 内未应答"), format!("{url} did not answer within {wait} s"))
}

fn unreached(url: &str, error: &reqwest::Error) -> Text {
    Text::new(format!("写入 {url} 失败"), format!("writing to {url} failed")).because(&cause(error))
}

/// Why a request came to nothing: the operating system's reason if there is one, else all that the library says.
fn cause(error: &(dyn Error + 'static)) -> Text {
    let system = successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref());
    system.map_or_else(|| Text::same(chain(error)), words::io_error)
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Wall = Wall(1_795_263_303_214);

    fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        super::retry_after(&headers, NOON)
    }

    #[test]
    fn p1_only_an_answer_about_the_data_rejects_them() {
        let is = |code: u16| answer("http://db", StatusCode::from_u16(code).unwrap(), None, "why");
        let rejecting: Vec<u16> =
            (200..600).filter(|&code| matches!(is(code), Answer::Rejected(_))).collect();
        assert_eq!(rejecting, [400, 413, 422]);
        let written: Vec<u16> = (200..600).filter(|&code| is(code) == Answer::Written).collect();
        assert_eq!(written, (200..300).collect::<Vec<_>>());
    }

    #[test]
    fn when_to_come_again_is_told_in_seconds_or_as_a_date_and_never_longer_than_the_limit() {
        let seconds = |text| asked(text, None).map(|wait| wait.as_secs());
        assert_eq!([seconds("0"), seconds(" 7 "), seconds("120")], [Some(0), Some(7), Some(120)]);
        let most = Some(INFLUX_RETRY_AFTER_MAX.as_secs());
        assert_eq!([seconds("86400"), seconds("99999999999999999999999")], [most, most]);
        for garbage in ["", "soon", "-5", "1.5", "1e3", "Tue, 99 Foo 2026 00:00:00 GMT", "²"] {
            assert!(HeaderValue::from_str(garbage).is_err() || asked(garbage, None).is_none(), "{garbage}");
        }
        let (now, later) = ("Sat, 21 Nov 2026 12:15:03 GMT", "Sat, 21 Nov 2026 12:15:48 GMT");
        assert_eq!(asked(later, Some(now)), Some(Duration::from_secs(45)), "the far end's own clock counts");
        assert_eq!(asked(now, Some(later)), Some(Duration::ZERO), "a time that is past");
        assert_eq!(asked("Sat, 21 Nov 2099 12:15:03 GMT", None), Some(INFLUX_RETRY_AFTER_MAX));
        let ours =
            httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(NOON.0 as u64 + 20_000));
        assert_eq!(asked(&ours, None).map(|wait| wait.as_secs_f64().round()), Some(20.0), "else ours does");
    }

    #[test]
    fn the_databases_own_words_are_found_in_every_versions_answer() {
        let two = r#"{"code":"unprocessable entity","message":"failure writing points: partial write: field type conflict dropped=1"}"#;
        assert_eq!(message(two), "failure writing points: partial write: field type conflict dropped=1");
        assert_eq!(
            message(r#"{"error":"partial write: unable to parse 'x'"}"#),
            "partial write: unable to parse 'x'"
        );
        let three = r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,"error_message":"no"}]}"#;
        assert_eq!(message(three), "partial write of line protocol occurred: no");
        assert_eq!(message(" <html>bad gateway</html>\n"), "<html>bad gateway</html>");
        assert_eq!(message(&"字".repeat(1000)).chars().count(), WORDS_CHARS_MAX);
    }
}
