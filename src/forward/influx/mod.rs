//! An InfluxDB v2 write endpoint, one batch at a time.
//!
//! Only 400, 413 and 422 say that the database will not take what a batch holds. Such a batch is halved until what is at fault stands alone: a reading, which is
//! left out, or an alarm event, which is set aside and tried again. Neither holds up what comes behind it, and the destination counts as failing as long as
//! `refused.rs` says. Every other answer, and none, means that everything is kept and sent again.

mod batch;
mod client;
mod refused;

use std::time::Duration;

use tokio::select;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::batch::{Entry, batches, compressed, entries};
use self::client::{Answer, Client};
use self::refused::Refused;
use super::backoff::Backoff;
use super::feed::Feed;
use super::line::{Hazards, hazards};
use super::queue::{Lane, Room};
use super::{Context, Health, SAVE_EVERY};
use crate::clock::Clock;
use crate::model::limits::SHUTDOWN_MAX;
use crate::model::{ForwarderId, Text};
use crate::site::{InfluxTarget, Site};
use crate::store::{Row, Stopped, Store};

/// How long a stop waits for the write under way, and then for the last events.
const LAST_WRITES_MAX: Duration = SHUTDOWN_MAX.checked_div(4).expect("four is not zero");
/// Entries that are read at a time; between two reads a new event may go first.
const PAGE_ENTRIES_MAX: usize = 256;

/// What a step did.
enum Step {
    Wrote,
    Nothing,
    Stopped,
}

/// Why a visit ended.
struct Setback {
    words: Text,
    /// How long the database asks to be left alone.
    wait: Option<Duration>,
}

impl From<Text> for Setback {
    fn from(words: Text) -> Self {
        Self { words, wait: None }
    }
}

impl From<Stopped> for Setback {
    fn from(stopped: Stopped) -> Self {
        Text::new("数据库已停止工作", stopped.to_string()).into()
    }
}

/// Serves the database until `stop`.
pub(super) async fn run(id: ForwarderId, target: &InfluxTarget, context: &Context, stop: &CancellationToken) {
    let health = Health::new(id, context);
    let client = match Client::new(target) {
        Ok(client) => client,
        Err(error) => {
            health.fails(&error);
            return stop.cancelled().await;
        }
    };
    let mut backoff = Backoff::new(fastrand::Rng::new());
    let (site, store) = (&*context.site, &context.store);
    let (hazards, clock, refused) = (hazards(site), context.clock, Refused::default());
    let mut database = Database { client, target, site, hazards, clock, health, feed: None, refused };
    while let Err(setback) = database.visit(store, &site.forwarder(id).name, &mut backoff, stop).await {
        database.health.fails(&setback.words);
        let wait = backoff.wait().max(setback.wait.unwrap_or_default());
        select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => break,
        }
    }
    database.farewell().await;
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
    refused: Refused,
}

impl Database<'_> {
    /// Writes until something goes wrong, in words, or `stop` comes.
    async fn visit(
        &mut self,
        store: &Store,
        name: &str,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), Setback> {
        if self.feed.is_none() {
            let feed = Feed::open(store, name).await.map_err(|error| error.words())?;
            let refusals = feed.refusals().await.map_err(|error| error.words())?;
            self.refused = Refused::with(&refusals, &self.target.url, self.clock.mono());
            self.feed = Some(feed);
        }
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

    /// Writes the next page. A stop waits a little for what is being written: it may still arrive, and given up it would be
    /// written again at the next start.
    async fn step_unless(&mut self, stop: &CancellationToken) -> Result<Step, Setback> {
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

    /// Writes the next page, if there is one; else what was set aside, if it is time for that.
    async fn step(&mut self, room: Room) -> Result<Step, Setback> {
        let Some(feed) = &mut self.feed else { return Ok(Step::Nothing) };
        let Some(page) = feed.next(room).await.map_err(|error| error.words())? else {
            return self.try_again().await;
        };
        for batch in batches(entries(page)) {
            self.deliver(&batch).await?;
        }
        if let Some(feed) = &mut self.feed {
            feed.save()?;
        }
        self.tell();
        Ok(Step::Wrote)
    }

    /// Waits until there is more to write; false once `stop` comes.
    async fn wait(&mut self, stop: &CancellationToken) -> bool {
        loop {
            let (clock, due) = (self.clock, self.refused.due());
            let again = async move {
                match due {
                    Some(due) => sleep_until(clock.instant(due)).await,
                    None => std::future::pending().await,
                }
            };
            let Some(feed) = &mut self.feed else { return false };
            select! {
                () = feed.changed() => return true,
                () = again => return true,
                // A save that the store was too busy to take is made up for here.
                () = tokio::time::sleep(SAVE_EVERY) => if feed.save().is_err() {
                    tracing::debug!("the store has stopped: acknowledgements are no longer kept");
                },
                () = stop.cancelled() => return false,
            }
            self.tell();
        }
    }

    /// Says that the database works; or what it would not take, as long as that is to be told.
    fn tell(&mut self) {
        match self.refused.words(&self.target.url, self.clock.mono()) {
            Some(words) => self.health.fails(words),
            None => self.health.works(),
        }
    }

    /// Writes a batch, in halves if the database will not take it whole.
    async fn deliver(&mut self, batch: &[Entry]) -> Result<(), Setback> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.write(part).await? {
                Ok(()) => self.acknowledge(part),
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(words) => self.refuse(part, words).await?,
            }
        }
        Ok(())
    }

    /// The database will not take what is in `part`, a single entry.
    async fn refuse(&mut self, part: &[Entry], words: Text) -> Result<(), Setback> {
        match part.first() {
            Some(Entry::Event(event)) => {
                let Some(feed) = &mut self.feed else { return Ok(()) };
                feed.refused(event.seq, &words).await?;
                self.refused.event(&self.target.url, event.seq, &words, self.clock.mono());
                tracing::warn!(url = self.target.url, event = event.seq, why = words.en, "event set aside");
            }
            Some(Entry::Row(lane, row)) => {
                self.write_readings(*lane, row, words).await?;
                self.acknowledge(part);
            }
            None => {}
        }
        Ok(())
    }

    /// Writes the readings of a row that the database will not take whole, but for those that it will not take alone.
    async fn write_readings(&mut self, lane: Lane, row: &Row, words: Text) -> Result<(), Setback> {
        let mut parts = vec![(0..row.readings.len(), Some(words))];
        while let Some((part, refused)) = parts.pop() {
            let outcome = if let Some(words) = refused {
                Err(words)
            } else {
                let readings = row.readings[part.clone()].to_vec();
                self.write(&[Entry::Row(lane, Row { readings, ..row.clone() })]).await?
            };
            match outcome {
                Ok(()) => {}
                Err(_) if part.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([(middle..part.end, None), (part.start..middle, None)]);
                }
                Err(words) => self.refused.reading(&self.target.url, &words, self.clock.mono()),
            }
        }
        Ok(())
    }

    /// Tries the next of the events that were set aside, if it is time: one, and if the database takes it, more.
    async fn try_again(&mut self) -> Result<Step, Setback> {
        let now = self.clock.mono();
        let (Some(feed), Some(due)) = (&self.feed, self.refused.due()) else { return Ok(Step::Nothing) };
        if now < due {
            return Ok(Step::Nothing);
        }
        let events = feed.set_aside(self.refused.after(), 1).await.map_err(|error| error.words())?;
        let Some(event) = events.into_iter().next() else {
            let left = feed.refusals().await.map_err(|error| error.words())?.count;
            self.refused.tried(left, now);
            self.tell();
            return Ok(Step::Nothing);
        };
        let seq = event.seq;
        match self.write(&[Entry::Event(Box::new(event))]).await? {
            Ok(()) => {
                if let Some(feed) = &self.feed {
                    feed.taken(seq).await?;
                }
                self.refused.taken(seq);
                tracing::info!(url = self.target.url, event = seq, "event that was set aside is taken");
            }
            Err(_) => self.refused.still(seq, now),
        }
        Ok(Step::Wrote)
    }

    /// Writes these entries; the words of a database that will not take them.
    async fn write(&self, batch: &[Entry]) -> Result<Result<(), Text>, Setback> {
        let body = compressed(self.site, &self.hazards, batch).map_err(|error| {
            Text::new("压缩数据失败", "compressing a batch").because(&Text::same(error.to_string()))
        })?;
        match self.client.write(body, self.clock.now().wall).await {
            Answer::Written => Ok(Ok(())),
            Answer::Rejected(words) => Ok(Err(words)),
            Answer::Failed { words, wait } => Err(Setback { words, wait }),
        }
    }

    fn acknowledge(&mut self, batch: &[Entry]) {
        let Some(feed) = &mut self.feed else { return };
        for entry in batch {
            feed.acknowledged(entry.ticket());
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
