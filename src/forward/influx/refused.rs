//! What a database would not take, and until when that is told.
//!
//! A reading is left out, and told for [`REFUSAL_TOLD_FOR`]. An alarm event is set aside in the store, counted there, told for as long as it is set aside, and
//! tried again now and then: the oldest first, as many as the database takes, and the next round begins behind the one that it would not.

use crate::model::limits::{REFUSAL_TOLD_FOR, REFUSED_AGAIN_AFTER};
use crate::model::{Mono, Text};
use crate::store::Refusals;

/// What one database would not take.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Events that are set aside; why, in the words of the first time.
    events: Option<Text>,
    /// When they are tried again, and behind which.
    again: Mono,
    after: u64,
    /// In the words of the first time that it would not take a reading, and when it last was so.
    readings: Option<(Mono, Text)>,
    /// How many it would not take since the start.
    left_out: u64,
}

impl Refused {
    /// Goes on with what is set aside in the store: it is tried at once.
    pub(super) fn with(refusals: &Refusals, url: &str, now: Mono) -> Self {
        let events = refusals.first.as_ref().map(|(event, why)| about_event(url, *event, &Text::same(why)));
        Self { events, again: now, ..Self::default() }
    }

    /// An event has been set aside.
    pub(super) fn event(&mut self, url: &str, event: u64, why: &Text, now: Mono) {
        if self.events.is_none() {
            self.events = Some(about_event(url, event, why));
            self.again = now + REFUSED_AGAIN_AFTER;
        }
    }

    /// A reading has been left out.
    pub(super) fn reading(&mut self, url: &str, why: &Text, now: Mono) {
        let text = Text::new(
            format!("{url} 拒收部分监测数据，拒收的数据已跳过"),
            format!("{url} will not take some of the readings; those are left out"),
        );
        self.readings.get_or_insert_with(|| (now, text.because(why))).0 = now;
        self.left_out += 1;
    }

    /// When events are to be tried again, if any are set aside.
    pub(super) fn due(&self) -> Option<Mono> {
        self.events.is_some().then_some(self.again)
    }

    /// The event behind which those come that are tried next.
    pub(super) const fn after(&self) -> u64 {
        self.after
    }

    /// The database has taken those up to this one after all.
    pub(super) const fn taken(&mut self, event: u64) {
        self.after = event;
    }

    /// It would still not take this one: the next round begins behind it.
    pub(super) fn still(&mut self, event: u64, now: Mono) {
        (self.after, self.again) = (event, now + REFUSED_AGAIN_AFTER);
    }

    /// All behind have been tried. What is left is tried in the next round, from the first.
    pub(super) fn tried(&mut self, left: u64, now: Mono) {
        (self.after, self.again) = (0, now + REFUSED_AGAIN_AFTER);
        if left == 0 {
            self.events = None;
        }
    }

    /// What is to be told of the database, if something is.
    pub(super) fn words(&mut self, url: &str, now: Mono) -> Option<&Text> {
        if self.readings.as_ref().is_some_and(|(at, _)| now >= *at + REFUSAL_TOLD_FOR) {
            tracing::warn!(url, readings = self.left_out, "readings were left out since the start");
            self.readings = None;
        }
        self.events.as_ref().or(self.readings.as_ref().map(|(_, text)| text))
    }
}

/// No count stands in it: each time that it changed, the alarm would be told of anew, to the database as well.
fn about_event(url: &str, event: u64, why: &Text) -> Text {
    let text = Text::new(
        format!("{url} 拒收报警事件（首条为第 {event} 号），已单独留存并定期重发，详见 hazgate store list"),
        format!(
            "{url} will not take some alarm events, the first of them event {event}; they are set aside and tried again \
             (hazgate store list)"
        ),
    );
    text.because(why)
}
