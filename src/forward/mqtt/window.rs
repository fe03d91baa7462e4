//! Publishes on their way: which packet id stands for which message, and how many more may follow.

use std::collections::BTreeMap;

use crate::forward::queue::{Room, Ticket};
use crate::model::limits::MQTT_WINDOW_MAX;

/// One place in so many only events, states and replies may take, so that a backlog never makes an alarm wait for an
/// acknowledgement.
const RESERVE_PARTS: usize = 10;
/// Telemetry is read once one place in so many is free, so that a backlog is not read row by row.
const TELEMETRY_STEP_PARTS: usize = 4;
/// Of a broker that receives fewer at once, what is above its number waits on the connection: an event takes two.
const PLACES_MIN: u16 = 4;

/// What a packet with an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A part of an entry of the outbox.
    Entry(Ticket),
    /// A report, by its number.
    Report(u64),
    /// Something that is made anew at need.
    Volatile,
    /// A subscription.
    Subscription,
}

/// What of an entry is on its way.
#[derive(Debug, Default, Clone, Copy)]
struct Parts {
    open: u8,
    /// The broker would not take one of them.
    refused: bool,
}

/// The packets of one connection that the broker has not acknowledged.
#[derive(Debug)]
pub(super) struct Window {
    places: usize,
    last_id: u16,
    /// Which round of handing over it is: what was refused in one may be taken in the next.
    round: u32,
    open: BTreeMap<u16, (u32, Token)>,
    /// Entries of which something is on its way, by their round.
    parts: BTreeMap<(u32, Ticket), Parts>,
}

impl Window {
    /// For a broker that receives so many publishes at once.
    pub(super) fn new(receive_max: u16) -> Self {
        let places = usize::from(receive_max.clamp(PLACES_MIN, MQTT_WINDOW_MAX));
        Self { places, last_id: 0, round: 0, open: BTreeMap::new(), parts: BTreeMap::new() }
    }

    /// What is not acknowledged is handed over anew.
    pub(super) fn begin_anew(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Whether something of the entry is on its way.
    pub(super) fn holds(&self, ticket: Ticket) -> bool {
        self.parts.keys().any(|(_, held)| *held == ticket)
    }

    /// How many more publishes may follow.
    pub(super) fn free(&self) -> usize {
        self.places.saturating_sub(self.outstanding())
    }

    /// Packets without acknowledgement.
    pub(super) fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// How many entries may follow. An event takes two publishes, a row one.
    pub(super) fn room(&self) -> Room {
        let telemetry = self.free().saturating_sub(self.reserve());
        let step = (self.places / TELEMETRY_STEP_PARTS).max(1);
        Room { events: self.free() / 2, telemetry: if telemetry >= step { telemetry } else { 0 } }
    }

    /// Whether something that is not urgent may follow.
    pub(super) fn has_room_for_state(&self) -> bool {
        self.free() > self.reserve()
    }

    const fn reserve(&self) -> usize {
        self.places / RESERVE_PARTS
    }

    /// A packet goes on its way. Returns its id, which none of those has that are.
    pub(super) fn given(&mut self, token: Token) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.open.contains_key(&self.last_id) {
                break;
            }
        }
        self.open.insert(self.last_id, (self.round, token));
        if let Token::Entry(ticket) = token {
            self.parts.entry((self.round, ticket)).or_default().open += 1;
        }
        self.last_id
    }

    /// The broker has acknowledged a packet. Returns what it stands for, if that was the last part of it and none was refused.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Token> {
        let (round, token) = self.open.remove(&packet_id)?;
        let Token::Entry(ticket) = token else { return Some(token) };
        self.part_done((round, ticket), false).then_some(token)
    }

    /// The broker will not take a packet. Returns what it stood for.
    pub(super) fn refused(&mut self, packet_id: u16) -> Option<Token> {
        let (round, token) = self.open.remove(&packet_id)?;
        if let Token::Entry(ticket) = token {
            self.part_done((round, ticket), true);
        }
        Some(token)
    }

    /// Whether the broker has all of the entry now.
    fn part_done(&mut self, entry: (u32, Ticket), refused: bool) -> bool {
        let Some(parts) = self.parts.get_mut(&entry) else { return false };
        parts.open -= 1;
        parts.refused |= refused;
        if parts.open > 0 {
            return false;
        }
        let is_whole = !parts.refused;
        self.parts.remove(&entry);
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::queue::Lane;

    const fn ticket(lane: Lane, position: u64) -> Token {
        Token::Entry(Ticket { lane, position })
    }

    #[test]
    fn an_entry_is_done_with_the_last_of_its_parts_in_whatever_order_they_are_acknowledged() {
        let mut window = Window::new(u16::MAX);
        let (event, row) = (ticket(Lane::Events, 7), ticket(Lane::Live, 9));
        let ids = [event, event, Token::Volatile, row].map(|token| window.given(token));
        assert_eq!((ids, window.outstanding()), ([1, 2, 3, 4], 4));
        assert_eq!(window.acknowledged(4), Some(row));
        assert_eq!(window.acknowledged(2), None);
        assert_eq!(window.acknowledged(3), Some(Token::Volatile));
        assert_eq!(window.acknowledged(3), None, "a second acknowledgement means nothing");
        assert_eq!(window.acknowledged(1), Some(event));
        assert_eq!(window.outstanding(), 0);
    }

    #[test]
    fn p1_an_entry_of_which_a_part_is_refused_is_not_acknowledged() {
        for refused_first in [true, false] {
            let mut window = Window::new(u16::MAX);
            let event = ticket(Lane::Events, 7);
            let [one, two] = [event, event].map(|token| window.given(token));
            let (refused, taken) = if refused_first { (one, two) } else { (two, one) };
            if refused_first {
                assert_eq!(window.refused(refused), Some(event));
                assert_eq!(window.acknowledged(taken), None);
            } else {
                assert_eq!(window.acknowledged(taken), None);
                assert_eq!(window.refused(refused), Some(event));
            }
            let again = window.given(event);
            assert!(window.acknowledged(again).is_some(), "sent again it may be taken");
        }
    }

    #[test]
    fn p1_what_was_refused_in_one_round_is_taken_in_the_next_though_its_other_part_is_still_on_its_way() {
        let mut window = Window::new(u16::MAX);
        let event = ticket(Lane::Events, 7);
        let [one, two] = [event, event].map(|token| window.given(token));
        window.refused(one);
        window.begin_anew();
        let [again, and_again] = [event, event].map(|token| window.given(token));
        assert_eq!(window.acknowledged(two), None);
        assert_eq!(window.acknowledged(again), None);
        assert!(window.acknowledged(and_again).is_some());
    }

    #[test]
    fn an_id_that_is_on_its_way_is_given_to_nothing_else() {
        let mut window = Window::new(u16::MAX);
        let held = window.given(Token::Volatile);
        for _ in 0..=u32::from(u16::MAX) {
            let id = window.given(Token::Volatile);
            assert!(id != held && id != 0);
            window.acknowledged(id);
        }
    }

    #[test]
    fn a_window_full_of_telemetry_still_has_room_for_an_event() {
        for (receive_max, events) in [(u16::MAX, 5), (20, 1)] {
            let mut window = Window::new(receive_max);
            let mut position = 0;
            while window.room().telemetry > 0 {
                for _ in 0..window.room().telemetry {
                    position += 1;
                    window.given(ticket(Lane::Backfill, position));
                }
            }
            assert!(position > 0 && window.room().events >= events, "{window:?}");
        }
    }

    #[test]
    fn a_broker_that_receives_one_at_a_time_is_sent_both_events_and_rows() {
        let room = Window::new(1).room();
        assert!(room.events > 0 && room.telemetry > 0, "{room:?}");
    }
}
