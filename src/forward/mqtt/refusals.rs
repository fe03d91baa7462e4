//! What a broker that has let us in will not take (MQTT 5). Two kinds: it takes nothing of this sort now, for want of a right or
//! of room, or for a reason that it does not tell: what was refused stays owed, and is sent again after a wait that grows, while the rest goes on;
//! or it will never take this message: a row of readings is set aside, and so is an event once it has been refused
//! [`EVENT_TRIES_MAX`] times, so that it holds up no other. That is told; the journal keeps it, and the centre can ask for it.

use super::wire::Refusal;
use crate::forward::backoff::Backoff;
use crate::forward::queue::{Lane, Room, Ticket};
use crate::model::Mono;
use crate::model::limits::EVENT_TRIES_MAX;

/// What becomes of a refused entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is owed, and sent again.
    Owed,
    /// It is not sent any more.
    SetAside,
}

/// What is held back, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    until: Mono,
    events: bool,
    telemetry: bool,
}

/// What one connection's broker refuses.
#[derive(Debug)]
pub(super) struct Refusals {
    waits: Backoff,
    held: Option<Held>,
    /// The event that was refused for what it is, and how often.
    event: Option<(u64, u32)>,
}

impl Refusals {
    /// Of a broker that has refused nothing yet; the jitter of the waits comes from `random`.
    pub(super) const fn new(random: fastrand::Rng) -> Self {
        Self { waits: Backoff::new(random), held: None, event: None }
    }

    /// What of the room may be filled.
    pub(super) fn room(&self, room: Room) -> Room {
        match self.held {
            None => room,
            Some(held) => Room {
                events: if held.events { 0 } else { room.events },
                telemetry: if held.telemetry { 0 } else { room.telemetry },
            },
        }
    }

    /// When what is held back is to be tried again.
    pub(super) fn until(&self) -> Option<Mono> {
        self.held.map(|held| held.until)
    }

    /// It is to be tried again now.
    pub(super) fn over(&mut self) {
        self.held = None;
    }

    /// The broker has taken an entry.
    pub(super) fn taken(&mut self, ticket: Ticket) {
        if self.held.is_none() {
            self.waits.reset();
        }
        if ticket.lane == Lane::Events && self.event.is_some_and(|(seq, _)| seq == ticket.position) {
            self.event = None;
        }
    }

    /// An entry was refused.
    pub(super) fn refused(&mut self, ticket: Ticket, refusal: &Refusal, now: Mono) -> Fate {
        let is_event = ticket.lane == Lane::Events;
        if refusal.is_of_the_message {
            if !is_event {
                return Fate::SetAside;
            }
            let tries = match self.event {
                Some((seq, tries)) if seq == ticket.position => tries + 1,
                _ => 1,
            };
            if tries >= EVENT_TRIES_MAX {
                self.event = None;
                return Fate::SetAside;
            }
            // Of several refused at once the first is followed: the others go out again behind it.
            if self.event.is_none_or(|(seq, _)| ticket.position <= seq) {
                self.event = Some((ticket.position, tries));
            }
        }
        self.hold(is_event, now);
        Fate::Owed
    }

    /// Something that is made anew at need was refused.
    pub(super) fn hold_for_state(&mut self, now: Mono) {
        let Held { events, telemetry, .. } =
            self.held.unwrap_or(Held { until: now, events: false, telemetry: false });
        self.extend(events, telemetry, now);
    }

    fn hold(&mut self, is_event: bool, now: Mono) {
        let (events, telemetry) = self.held.map_or((false, false), |held| (held.events, held.telemetry));
        self.extend(events || is_event, telemetry || !is_event, now);
    }

    fn extend(&mut self, events: bool, telemetry: bool, now: Mono) {
        let until = match self.held {
            // What was on its way together is one refusal.
            Some(held) => held.until,
            None => now + self.waits.wait(),
        };
        self.held = Some(Held { until, events, telemetry });
    }
}

/// What an entry is called where it is refused.
pub(super) const fn named(ticket: Ticket) -> (&'static str, &'static str) {
    match ticket.lane {
        Lane::Events => ("报警事件", "an alarm event"),
        Lane::Live | Lane::Backfill => ("数据", "readings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    const ROOM: Room = Room { events: 5, telemetry: 5 };
    const EVENT: Ticket = Ticket { lane: Lane::Events, position: 7 };
    const ROW: Ticket = Ticket { lane: Lane::Live, position: 9 };

    fn refusal(is_of_the_message: bool) -> Refusal {
        Refusal { why: Text::same("no"), is_of_the_message }
    }

    #[test]
    fn p4_where_telemetry_is_refused_events_go_on_and_the_other_way_round() {
        for (ticket, open) in [(ROW, Room { telemetry: 0, ..ROOM }), (EVENT, Room { events: 0, ..ROOM })] {
            let mut refusals = Refusals::new(fastrand::Rng::with_seed(7));
            let now = Mono::ZERO;
            assert_eq!(refusals.refused(ticket, &refusal(false), now), Fate::Owed);
            assert_eq!(refusals.room(ROOM), open);
            assert!(refusals.until().unwrap() > now);
            refusals.over();
            assert_eq!(refusals.room(ROOM), ROOM);
        }
    }

    #[test]
    fn waits_grow_until_something_is_taken() {
        let mut refusals = Refusals::new(fastrand::Rng::with_seed(7));
        let now = Mono::ZERO;
        let mut wait = || {
            refusals.refused(ROW, &refusal(false), now);
            let until = refusals.until().unwrap();
            refusals.over();
            until
        };
        let first = wait();
        for _ in 0..5 {
            wait();
        }
        assert!(wait() > first);
        refusals.taken(ROW);
        refusals.refused(ROW, &refusal(false), now);
        assert!(refusals.until().unwrap() <= Mono::ZERO + crate::model::limits::BACKOFF_MIN);
    }

    #[test]
    fn p4_an_event_that_will_never_be_taken_holds_up_the_others_for_a_few_tries_only() {
        let mut refusals = Refusals::new(fastrand::Rng::with_seed(7));
        let now = Mono::ZERO;
        assert_eq!(refusals.refused(ROW, &refusal(true), now), Fate::SetAside, "a row at once");
        for _ in 1..EVENT_TRIES_MAX {
            assert_eq!(refusals.refused(EVENT, &refusal(true), now), Fate::Owed);
            let later = Ticket { position: 8, ..EVENT };
            assert_eq!(refusals.refused(later, &refusal(true), now), Fate::Owed, "it was not tried alone");
            refusals.over();
        }
        assert_eq!(refusals.refused(EVENT, &refusal(true), now), Fate::SetAside);
    }
}
