//! An InfluxDB v2 write endpoint, one batch at a time.
//!
//! Only 400, 413 and 422 say that the database will not take what a batch holds. Such a batch is halved until the entry at
//! fault stands alone. A row of readings is then set aside, and the destination counts as failing until [`REFUSAL_TOLD_FOR`] has
//! passed without another. An alarm event is never set aside: it stays owed and is tried again, and the events that follow it wait with it;
//! telemetry goes on.

use std::error::Error;
use std::io::Write;
use std::iter::successors;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use influxdb2::api::write::TimestampPrecision;
use influxdb2::{Client, ClientBuilder, RequestError};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use tokio::select;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::feed::{Feed, Page};
use super::line::{Hazards, Lines, hazards};
use super::queue::{Lane, Room, Ticket};
use super::{Context, Health, SAVE_EVERY};
use crate::clock::Clock;
use crate::model::limits::{INFLUX_WRITE_POINTS_MAX, REFUSAL_TOLD_FOR, SHUTDOWN_MAX};
use crate::model::{Event, ForwarderId, Mono, Text};
use crate::site::{InfluxTarget, Site};
use crate::store::{Row, Store};
use crate::words;

/// How long connecting, and a whole write, may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const WRITE_MAX: Duration = Duration::from_secs(30);
/// How long a stop waits for the write under way, and then for the last events.
const LAST_WRITES_MAX: Duration = SHUTDOWN_MAX.checked_div(4).expect("four is not zero");
/// Entries that are read at a time; between two reads a new event may go first.
const PAGE_ENTRIES_MAX: usize = 256;
/// Characters of the database's own words that are passed on.
const WORDS_CHARS_MAX: usize = 200;

/// What became of a write.
enum Outcome {
    Written,
    /// The database will not take what this batch holds.
    Rejected(Text),
    /// It may take it another time.
    Failed(Text),
}

/// What a step did.
enum Step {
    Wrote,
    Nothing,
    Stopped,
}

/// One entry of the outbox.
enum Entry {
    Event(Box<Event>),
    Row(Lane, Row),
}

/// Serves the database until `stop`.
pub(super) async fn run(id: ForwarderId, target: &InfluxTarget, context: &Context, stop: &CancellationToken) {
    let health = Health::new(id, context);
    let client = match client(target) {
        Ok(client) => client,
        Err(error) => {
            health.fails(&error);
            return stop.cancelled().await;
        }
    };
    let mut backoff = Backoff::new(fastrand::Rng::new());
    let (site, store) = (&*context.site, &context.store);
    let hazards = hazards(site);
    let clock = context.clock;
    let mut database = Database {
        client,
        target,
        site,
        hazards,
        clock,
        health,
        feed: None,
        refused: None,
        set_aside: 0,
        owes_event: false,
    };
    while let Err(error) = database.visit(store, &site.forwarder(id).name, &mut backoff, stop).await {
        database.health.fails(&error);
        select! {
            () = database.wait_to_try_again(backoff.wait()) => {}
            () = stop.cancelled() => break,
        }
    }
    database.farewell().await;
}

fn client(target: &InfluxTarget) -> Result<Client, Text> {
    // The library panics on a URL that is none.
    url::Url::parse(&target.url).map_err(|error| {
        Text::new(format!("`{}` 不是有效的 URL", target.url), format!("`{}` is not a URL", target.url))
            .because(&Text::same(error.to_string()))
    })?;
    let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_MAX)
        .timeout(WRITE_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers);
    let token = target.token.as_ref().map_or("", |secret| secret.expose());
    ClientBuilder::with_builder(builder, &target.url, &target.org, token)
        .build()
        .map_err(|error| Text::same(error.to_string()))
}

/// One database.
struct Database<'a> {
    client: Client,
    target: &'a InfluxTarget,
    site: &'a Site,
    hazards: Hazards<'a>,
    clock: Clock,
    health: Health,
    feed: Option<Feed>,
    /// That the database would not take a row, in the words of the first time, and when it last was so.
    refused: Option<(Mono, Text)>,
    /// Rows that the database would not take.
    set_aside: u64,
    /// That it would not take an event, which is tried again.
    owes_event: bool,
}

impl Database<'_> {
    /// Writes until something goes wrong, in words, or `stop` comes.
    async fn visit(
        &mut self,
        store: &Store,
        name: &str,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), Text> {
        if self.feed.is_none() {
            self.feed = Some(Feed::open(store, name).await.map_err(|error| error.words())?);
        }
        self.owes_event = false;
        if let Some(feed) = &mut self.feed {
            feed.connected();
        }
        loop {
            match self.step_unless(stop).await? {
                Step::Wrote => backoff.reset(),
                Step::Nothing if self.wait(stop).await => {}
                Step::Nothing | Step::Stopped => return Ok(()),
            }
        }
    }

    /// Waits for so long. If it was an event that the database would not take, telemetry goes on meanwhile.
    async fn wait_to_try_again(&mut self, wait: Duration) {
        let telemetry = async {
            if self.owes_event {
                self.write_telemetry().await;
            }
            std::future::pending::<()>().await;
        };
        timeout(wait, telemetry).await.unwrap_or_default();
    }

    /// Writes telemetry alone, until something goes wrong. May be abandoned: what is under way then is written again.
    async fn write_telemetry(&mut self) {
        if let Some(feed) = &mut self.feed {
            feed.connected();
        }
        while let Ok(step) = self.step(Room { events: 0, telemetry: PAGE_ENTRIES_MAX }).await {
            match (step, &mut self.feed) {
                (Step::Wrote, _) => {}
                (_, Some(feed)) => feed.changed().await,
                (_, None) => return,
            }
        }
    }

    /// Writes the next page. A stop waits a little for what is being written: it may still arrive, and given up it would be
    /// written again at the next start.
    async fn step_unless(&mut self, stop: &CancellationToken) -> Result<Step, Text> {
        let page = self.step(Room { events: PAGE_ENTRIES_MAX, telemetry: PAGE_ENTRIES_MAX });
        tokio::pin!(page);
        select! {
            wrote = &mut page => return wrote,
            () = stop.cancelled() => {}
        }
        match timeout(LAST_WRITES_MAX, page).await {
            Ok(Err(error)) => Err(error),
            _ => Ok(Step::Stopped),
        }
    }

    /// Writes the next page, if there is one.
    async fn step(&mut self, room: Room) -> Result<Step, Text> {
        let Some(feed) = &mut self.feed else { return Ok(Step::Nothing) };
        let Some(page) = feed.next(room).await.map_err(|error| error.words())? else {
            return Ok(Step::Nothing);
        };
        for batch in batches(entries(page)) {
            self.deliver(&batch).await?;
        }
        if let Some(feed) = &mut self.feed {
            feed.save().map_err(|stopped| Text::new("数据库已停止工作", stopped.to_string()))?;
        }
        self.tell();
        Ok(Step::Wrote)
    }

    /// Waits until there is more to write; false once `stop` comes.
    async fn wait(&mut self, stop: &CancellationToken) -> bool {
        loop {
            let Some(feed) = &mut self.feed else { return false };
            select! {
                () = feed.changed() => return true,
                // A save that the store was too busy to take is made up for here.
                () = tokio::time::sleep(SAVE_EVERY) => if feed.save().is_err() {
                    tracing::debug!("the store has stopped: acknowledgements are no longer kept");
                },
                () = stop.cancelled() => return false,
            }
            if self.refused.is_some() {
                self.tell();
            }
        }
    }

    /// Says that the database works; or what it would not take, until that is long enough ago to have become an alarm.
    fn tell(&mut self) {
        if self.owes_event {
            return;
        }
        let now = self.clock.now().mono;
        if let Some((at, text)) = &self.refused {
            if now < *at + REFUSAL_TOLD_FOR {
                return self.health.fails(text);
            }
            tracing::warn!(
                url = self.target.url,
                rows = self.set_aside,
                "rows were set aside since the start"
            );
            self.refused = None;
        }
        self.health.works();
    }

    /// Writes a batch, in halves if the database will not take it whole.
    async fn deliver(&mut self, batch: &[Entry]) -> Result<(), Text> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.write(part).await {
                Outcome::Written => self.acknowledge(part),
                Outcome::Rejected(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Outcome::Rejected(words) => self.refuse(part, &words)?,
                Outcome::Failed(words) => return Err(words),
            }
        }
        Ok(())
    }

    /// The database will not take what is in `part`, a single entry.
    fn refuse(&mut self, part: &[Entry], words: &Text) -> Result<(), Text> {
        let url = &self.target.url;
        if let Some(Entry::Event(event)) = part.first() {
            self.owes_event = true;
            let (seq, alarm) = (event.seq, &event.transition.alarm);
            let text = Text::new(
                format!("{url} 拒收第 {seq} 号报警事件（{alarm}），正在反复重发，后续报警事件暂缓上传"),
                format!(
                    "{url} will not take event {seq} (`{alarm}`); it is tried again, and the events behind it wait"
                ),
            );
            return Err(text.because(words));
        }
        let text = Text::new(
            format!("{url} 拒收部分监测数据，拒收的数据已跳过"),
            format!("{url} will not take some of the readings; those are left out"),
        );
        let now = self.clock.now().mono;
        self.refused.get_or_insert_with(|| (now, text.because(words))).0 = now;
        self.set_aside += 1;
        self.acknowledge(part);
        Ok(())
    }

    async fn write(&self, batch: &[Entry]) -> Outcome {
        let target = self.target;
        let body = match compressed(self.site, &self.hazards, batch) {
            Ok(body) => body,
            Err(error) => {
                let what = Text::new("压缩数据失败", "compressing a batch");
                return Outcome::Failed(what.because(&Text::same(error.to_string())));
            }
        };
        let precision = TimestampPrecision::Milliseconds;
        let write =
            self.client.write_line_protocol_with_precision(&target.org, &target.bucket, body, precision);
        match timeout(WRITE_MAX, write).await {
            Ok(Ok(())) => Outcome::Written,
            Ok(Err(error)) => outcome(&target.url, &error),
            Err(_) => Outcome::Failed(unanswered(&target.url)),
        }
    }

    fn acknowledge(&mut self, batch: &[Entry]) {
        let Some(feed) = &mut self.feed else { return };
        for entry in batch {
            feed.acknowledged(match entry {
                Entry::Event(event) => Ticket { lane: Lane::Events, position: event.seq },
                Entry::Row(lane, row) => Ticket { lane: *lane, position: row.id },
            });
        }
    }

    /// Writes the last events, for as long as a stop may take, and keeps how far it came.
    async fn farewell(&mut self) {
        if let Some(feed) = &mut self.feed {
            feed.connected();
        }
        let events = async {
            while let Ok(Step::Wrote) = self.step(Room { events: PAGE_ENTRIES_MAX, telemetry: 0 }).await {}
        };
        if timeout(LAST_WRITES_MAX, events).await.is_err() {
            tracing::info!("the database was too slow for the last events; they go out at the next start");
        }
        if let Some(feed) = &mut self.feed {
            feed.save_last().await;
        }
    }
}

fn entries(page: Page) -> Vec<Entry> {
    match page {
        Page::Events(events) => events.into_iter().map(|event| Entry::Event(Box::new(event))).collect(),
        Page::Rows(lane, rows) => rows.into_iter().map(|row| Entry::Row(lane, row)).collect(),
    }
}

/// The entries in batches of at most as many readings as one write may have. A row alone never has more.
fn batches(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut batches: Vec<Vec<Entry>> = Vec::new();
    let mut points = 0;
    for entry in entries {
        let more = match &entry {
            Entry::Event(_) => 1,
            Entry::Row(_, row) => row.readings.len(),
        };
        points += more;
        match batches.last_mut() {
            Some(batch) if points <= INFLUX_WRITE_POINTS_MAX => batch.push(entry),
            _ => {
                points = more;
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

fn compressed(site: &Site, hazards: &Hazards<'_>, batch: &[Entry]) -> std::io::Result<Vec<u8>> {
    let mut lines = Lines::default();
    for entry in batch {
        match entry {
            Entry::Event(event) => lines.event(site, event),
            Entry::Row(_, row) => lines.row(site, hazards, row),
        }
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines.as_bytes())?;
    encoder.finish()
}

fn unanswered(url: &str) -> Text {
    let wait = WRITE_MAX.as_secs();
    Text::new(format!("{url} 在 {wait} s 内未应答"), format!("{url} did not answer within {wait} s"))
}

fn outcome(url: &str, error: &RequestError) -> Outcome {
    let RequestError::Http { status, text } = error else {
        let what = Text::new(format!("写入 {url} 失败"), format!("writing to {url} failed"));
        return Outcome::Failed(what.because(&cause(error)));
    };
    let words: String = text.trim().chars().take(WORDS_CHARS_MAX).collect();
    let said = Text::new(format!("{url} 返回 {status}"), format!("{url} answered {status}"))
        .because(&Text::same(words));
    let guess = |zh, en| Text::new(format!("{}（{zh}）", said.zh), format!("{} ({en})", said.en));
    match status.as_u16() {
        400 | 413 | 422 => Outcome::Rejected(said),
        401 | 403 => Outcome::Failed(guess("令牌被拒绝", "token refused")),
        404 => Outcome::Failed(guess("组织或存储桶不存在？", "no such organisation or bucket?")),
        _ => Outcome::Failed(said),
    }
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

    #[test]
    fn p1_only_an_answer_about_the_data_rejects_them() {
        let rejects = |code: u16| {
            let status = reqwest::StatusCode::from_u16(code).unwrap();
            let error = RequestError::Http { status, text: "why".to_owned() };
            matches!(outcome("http://db", &error), Outcome::Rejected(_))
        };
        let rejecting: Vec<u16> = (300..600).filter(|&code| rejects(code)).collect();
        assert_eq!(rejecting, [400, 413, 422]);
    }
}
