//! What one destination is told next: events first, then live telemetry, then back-fill. A pure state machine over the
//! positions of the outbox: it says what to read, is told what was handed over and what was acknowledged, and knows at any
//! moment what has been acknowledged for good. After a lost connection everything unacknowledged is handed over again.

use std::collections::BTreeSet;

use crate::model::limits::FORWARD_GAPS_MAX;
use crate::store::{Heads, Progress, Span};

/// Rows that live telemetry may fall behind before the rows in between become back-fill, so that what is sent as live is live.
const LIVE_LAG_ROWS_MAX: u64 = 4096;

/// Which of the three lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// Alarm events.
    Events,
    /// Telemetry as it comes.
    Live,
    /// Telemetry that could not be delivered when it came.
    Backfill,
}

/// One entry that was handed over: an event's sequence number or a row's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket {
    pub(super) lane: Lane,
    pub(super) position: u64,
}

/// What to read next: entries in `(after, upto]` of the lane, at most `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) lane: Lane,
    pub(super) after: u64,
    pub(super) upto: u64,
    pub(super) count: usize,
}

/// How many entries may be handed over now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) events: usize,
    pub(super) telemetry: usize,
}

/// Entries handed over in order: all up to `sent`, of which `open` are not yet acknowledged.
#[derive(Debug, Default)]
struct Run {
    sent: u64,
    open: BTreeSet<u64>,
}

impl Run {
    const fn starting(at: u64) -> Self {
        Self { sent: at, open: BTreeSet::new() }
    }

    /// The position up to which everything is acknowledged.
    fn acknowledged(&self) -> u64 {
        self.open.first().map_or(self.sent, |first| first - 1)
    }
}

/// A span of telemetry that is owed, and how much of it has been handed over.
#[derive(Debug)]
struct Gap {
    span: Span,
    run: Run,
}

impl Gap {
    const fn new(span: Span) -> Self {
        Self { span, run: Run::starting(span.after) }
    }

    /// What of it is still owed.
    fn owed(&self) -> Option<Span> {
        let after = self.run.acknowledged();
        (after < self.span.upto).then_some(Span { after, upto: self.span.upto })
    }
}

/// What one destination has been told, and what is next.
#[derive(Debug)]
pub(super) struct Queue {
    events: Run,
    live: Run,
    gaps: Vec<Gap>,
}

impl Queue {
    /// Goes on where the destination stopped. Nothing is handed over before [`Queue::connected`].
    pub(super) fn new(progress: &Progress) -> Self {
        Self {
            events: Run::starting(progress.event),
            live: Run::starting(progress.telemetry),
            gaps: progress.gaps.iter().copied().map(Gap::new).collect(),
        }
    }

    /// A connection begins, and with it whatever is not acknowledged is owed anew: events from the first of them, telemetry
    /// up to now as back-fill.
    pub(super) fn connected(&mut self, heads: &Heads) {
        let Progress { event, telemetry, gaps } = self.progress();
        self.events = Run::starting(event);
        self.live = Run::starting(heads.telemetry.max(telemetry));
        let mut spans = gaps;
        if telemetry < heads.telemetry {
            spans.push(Span { after: telemetry, upto: heads.telemetry });
        }
        self.gaps = joined(spans).into_iter().map(Gap::new).collect();
    }

    /// What to read next, if anything may and need be handed over.
    pub(super) fn want(&mut self, heads: &Heads, room: Room) -> Option<Want> {
        if room.events > 0 && self.events.sent < heads.event {
            let (after, upto) = (self.events.sent, heads.event);
            return Some(Want { lane: Lane::Events, after, upto, count: room.events });
        }
        if room.telemetry == 0 {
            return None;
        }
        self.catch_up(heads);
        if self.live.sent < heads.telemetry {
            let (after, upto) = (self.live.sent, heads.telemetry);
            return Some(Want { lane: Lane::Live, after, upto, count: room.telemetry });
        }
        let gap = self.gaps.iter().find(|gap| gap.run.sent < gap.span.upto)?;
        let (after, upto) = (gap.run.sent, gap.span.upto);
        Some(Want { lane: Lane::Backfill, after, upto, count: room.telemetry })
    }

    /// The entries at `positions`, as wanted, are being handed over: all that the outbox has of `want`, or as many as it
    /// asked for.
    pub(super) fn handed_over(&mut self, want: &Want, positions: impl IntoIterator<Item = u64>) {
        let Some(run) = self.run(want.lane, want.upto) else { return };
        let mut taken = 0;
        for position in positions {
            run.sent = position;
            run.open.insert(position);
            taken += 1;
        }
        if taken < want.count {
            run.sent = want.upto;
        }
        self.settle();
    }

    /// The destination has this one for good.
    pub(super) fn acknowledged(&mut self, ticket: Ticket) {
        match ticket.lane {
            Lane::Events => self.events.open.remove(&ticket.position),
            Lane::Live => self.live.open.remove(&ticket.position),
            Lane::Backfill => self.gaps.iter_mut().any(|gap| gap.run.open.remove(&ticket.position)),
        };
        self.settle();
    }

    /// What the destination has for good.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            event: self.events.acknowledged(),
            telemetry: self.live.acknowledged(),
            gaps: self.gaps.iter().filter_map(Gap::owed).collect(),
        }
    }

    /// Live telemetry that lags too far becomes back-fill, unless too many gaps are open already.
    fn catch_up(&mut self, heads: &Heads) {
        let behind = heads.telemetry.saturating_sub(self.live.sent);
        if behind <= LIVE_LAG_ROWS_MAX {
            return;
        }
        let full = self.gaps.len() == FORWARD_GAPS_MAX;
        match self.gaps.last_mut() {
            Some(last) if last.span.upto == self.live.sent => last.span.upto = heads.telemetry,
            _ if full => return,
            _ => self.gaps.push(Gap::new(Span { after: self.live.sent, upto: heads.telemetry })),
        }
        self.live.sent = heads.telemetry;
    }

    fn run(&mut self, lane: Lane, upto: u64) -> Option<&mut Run> {
        match lane {
            Lane::Events => Some(&mut self.events),
            Lane::Live => Some(&mut self.live),
            Lane::Backfill => self.gaps.iter_mut().find(|gap| gap.span.upto == upto).map(|gap| &mut gap.run),
        }
    }

    fn settle(&mut self) {
        self.gaps.retain(|gap| gap.owed().is_some());
    }
}

/// The spans in order, those that touch made one, and the nearest made one until there are few enough.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.after);
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.after <= last.upto => last.upto = last.upto.max(span.upto),
            _ => joined.push(span),
        }
    }
    while joined.len() > FORWARD_GAPS_MAX {
        let distance = |i: &usize| joined[i + 1].after - joined[*i].upto;
        let nearest = (0..joined.len() - 1).min_by_key(distance).unwrap_or(0);
        joined[nearest].upto = joined[nearest + 1].upto;
        joined.remove(nearest + 1);
    }
    joined
}
