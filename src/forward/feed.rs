//! A destination's queue joined to its outbox: what is next is read, and what was acknowledged is kept.

use tokio::sync::watch;

use super::queue::{Lane, Queue, Room, Ticket, Want};
use crate::model::{Event, Text};
use crate::store::{Heads, Outbox, Progress, Refusals, Report, Row, Span, Stopped, Store, StoreError};

/// Entries that are being handed over.
#[derive(Debug)]
pub(super) enum Page {
    /// Of the event lane.
    Events(Vec<Event>),
    /// Of one of the telemetry lanes.
    Rows(Lane, Vec<Row>),
}

/// What a destination is told next, and how far it has acknowledged.
pub(super) struct Feed {
    forwarder: String,
    store: Store,
    outbox: Outbox,
    heads: watch::Receiver<Heads>,
    queue: Queue,
    kept: Progress,
    reports: Reported,
}

/// How far a destination has acknowledged reports. One is under way at a time.
#[derive(Debug, Clone, Copy)]
struct Reported {
    acknowledged: u64,
    under_way: bool,
    kept: u64,
}

impl Feed {
    /// The feed of the destination of this name, where it stopped.
    pub(super) async fn open(store: &Store, forwarder: &str) -> Result<Self, StoreError> {
        let outbox = store.outbox(forwarder)?;
        let (kept, reported) = (outbox.progress().await?, outbox.reported().await?);
        Ok(Self {
            forwarder: forwarder.to_owned(),
            store: store.clone(),
            outbox,
            heads: store.heads(),
            queue: Queue::new(&kept),
            kept,
            reports: Reported { acknowledged: reported, under_way: false, kept: reported },
        })
    }

    /// A connection begins: whatever is not acknowledged is owed anew.
    pub(super) fn connected(&mut self) {
        let heads = *self.heads.borrow_and_update();
        self.queue.connected(&heads);
        self.reports.under_way = false;
    }

    /// The next entries to hand over, none if there are none now or `room` has no place for them. They count as handed
    /// over from now on.
    pub(super) async fn next(&mut self, room: Room) -> Result<Option<Page>, StoreError> {
        let heads = *self.heads.borrow_and_update();
        while let Some(want) = self.queue.want(&heads, room) {
            let Want { lane, after, upto, count } = want;
            let page = if lane == Lane::Events {
                let events = self.outbox.events(after, upto, count).await?;
                self.queue.handed_over(&want, events.iter().map(|event| event.seq));
                Page::Events(events)
            } else {
                let rows = self.outbox.telemetry(after, upto, count).await?;
                self.queue.handed_over(&want, rows.iter().map(|row| row.id));
                Page::Rows(lane, rows)
            };
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// The next report, with its number; none if there is none, or one is under way. It counts as under way from now on.
    pub(super) async fn next_report(&mut self) -> Result<Option<(u64, Report)>, StoreError> {
        let newest = self.heads.borrow().report;
        if self.reports.under_way || self.reports.acknowledged >= newest {
            return Ok(None);
        }
        let next = self.outbox.report(self.reports.acknowledged).await?;
        self.reports.under_way = next.is_some();
        if next.is_none() {
            // What was numbered is gone, or had been reported before.
            self.reports.acknowledged = newest;
        }
        Ok(next)
    }

    /// The destination has the report that was under way for good.
    pub(super) fn report_acknowledged(&mut self, number: u64) {
        (self.reports.acknowledged, self.reports.under_way) = (number, false);
    }

    /// The last event that anybody has been told of.
    pub(super) fn newest(&self) -> u64 {
        self.heads.borrow().event
    }

    /// At most `count` events of the span once more. They count for nothing.
    pub(super) async fn again(&self, span: Span, count: usize) -> Result<Vec<Event>, StoreError> {
        self.outbox.events(span.after, span.upto, count).await
    }

    /// The newest rows of telemetry, at most `count`. They count for nothing.
    pub(super) async fn latest(&self, count: usize) -> Result<Vec<Row>, StoreError> {
        let newest = self.heads.borrow().telemetry;
        self.outbox.telemetry(newest.saturating_sub(count as u64), newest, count).await
    }

    /// The destination has this one for good.
    pub(super) fn acknowledged(&mut self, ticket: Ticket) {
        self.queue.acknowledged(ticket);
    }

    /// The destination will not take this event: it is set aside, which is kept no later than that all before it are done with.
    pub(super) async fn refused(&mut self, event: u64, why: &Text) -> Result<(), Stopped> {
        self.store.refused(&self.forwarder, event, why.en.clone()).await?;
        self.queue.acknowledged(Ticket { lane: Lane::Events, position: event });
        Ok(())
    }

    /// The destination has taken this event after all.
    pub(super) async fn taken(&self, event: u64) -> Result<(), Stopped> {
        self.store.taken(&self.forwarder, event).await
    }

    /// What is set aside, in brief.
    pub(super) async fn refusals(&self) -> Result<Refusals, StoreError> {
        self.outbox.refusals().await
    }

    /// At most `count` of the events that are set aside, those behind the event `after`, in order.
    pub(super) async fn set_aside(&self, after: u64, count: usize) -> Result<Vec<Event>, StoreError> {
        self.outbox.set_aside(after, count).await
    }

    /// Waits until the outbox has more; for ever once the store has stopped.
    pub(super) async fn changed(&mut self) {
        if self.heads.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The last telemetry row that the disk budget made the store give up.
    pub(super) fn given_up_at(&self) -> (u64, u64) {
        let heads = self.heads.borrow();
        (heads.floor, heads.given_up)
    }

    /// Readings given up before the destination had acknowledged them.
    pub(super) async fn given_up(&self) -> Result<u64, StoreError> {
        self.outbox.given_up().await
    }

    /// Has the store keep how far the destination has acknowledged, unless it is too busy: then the next call does.
    pub(super) fn save(&mut self) -> Result<(), Stopped> {
        let reported = self.reports.acknowledged;
        if reported != self.reports.kept && self.store.try_advance_reports(&self.forwarder, reported)? {
            self.reports.kept = reported;
        }
        let progress = self.queue.progress();
        if progress != self.kept && self.store.try_advance(&self.forwarder, progress.clone())? {
            self.kept = progress;
        }
        Ok(())
    }

    /// The same at the end, waiting for the store.
    pub(super) async fn save_last(&mut self) {
        if self.save().is_err() {
            tracing::debug!("the store has stopped: the last acknowledgements are not kept");
        }
        let progress = self.queue.progress();
        if progress == self.kept {
            return;
        }
        let saved = self.store.advance(&self.forwarder, progress);
        if !matches!(tokio::time::timeout(super::SAVE_LAST_MAX, saved).await, Ok(Ok(()))) {
            let forwarder = &self.forwarder;
            tracing::warn!(forwarder, "the last acknowledgements were not kept: some entries go out twice");
        }
    }
}

impl Page {
    const fn is_empty(&self) -> bool {
        match self {
            Self::Events(events) => events.is_empty(),
            Self::Rows(_, rows) => rows.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Broker, ForwarderKind, MqttTarget};
    use crate::store::fixtures::{alarms, commit, open, raised, site};

    fn seqs(page: Option<Page>) -> Vec<u64> {
        match page {
            Some(Page::Events(events)) => events.iter().map(|event| event.seq).collect(),
            other => panic!("no events: {other:?}"),
        }
    }

    #[tokio::test]
    async fn p1_an_event_that_nobody_has_been_told_of_is_not_handed_over_and_none_is_twice() {
        let dir = tempfile::tempdir().unwrap();
        let broker = Broker::open("127.0.0.1:1");
        let store = open(&site(dir.path(), vec![("hq", ForwarderKind::Mqtt(MqttTarget::one(broker)))])).store;
        commit(&store, alarms(vec![raised("a"), raised("b"), raised("c")])).await;
        let known = watch::Sender::new(Heads { event: 2, ..Heads::default() });
        let mut feed = Feed::open(&store, "hq").await.unwrap();
        feed.heads = known.subscribe();
        feed.connected();
        let room = Room { events: 10, telemetry: 0 };
        assert_eq!(seqs(feed.next(room).await.unwrap()), [1, 2], "the third is on disk and not yet told");
        known.send_modify(|heads| heads.event = 3);
        assert_eq!(seqs(feed.next(room).await.unwrap()), [3]);
    }
}
