//! Publishes on their way: which of them the client has not numbered yet, which packet id stands for which message, and how
//! many more may follow. The client numbers publishes in the order in which they were given to it.

use std::collections::{BTreeMap, VecDeque};

use crate::forward::queue::{Room, Ticket};
use crate::model::limits::MQTT_WINDOW_MAX;

/// Places that only events, states and replies may take, so that a backlog never makes an alarm wait for an acknowledgement.
const RESERVE: usize = 10;
/// Telemetry is read once this many places are free, so that a backlog is not read row by row.
const TELEMETRY_STEP: usize = 25;

/// What a publish stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A part of an entry of the outbox.
    Entry(Ticket),
    /// Something that is made anew at need.
    Volatile,
}

/// The publishes of one connection that the broker has not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Window {
    unnumbered: VecDeque<Token>,
    numbered: BTreeMap<u16, Token>,
    /// Entries of more than one message: how many of them are on their way.
    parts: BTreeMap<Ticket, u8>,
}

impl Window {
    /// How many more publishes may follow.
    pub(super) fn free(&self) -> usize {
        usize::from(MQTT_WINDOW_MAX).saturating_sub(self.outstanding())
    }

    /// Publishes without acknowledgement.
    pub(super) fn outstanding(&self) -> usize {
        self.unnumbered.len() + self.numbered.len()
    }

    /// How many entries may follow. An event takes two publishes, a row one.
    pub(super) fn room(&self) -> Room {
        let telemetry = self.free().saturating_sub(RESERVE);
        let telemetry = if telemetry >= TELEMETRY_STEP { telemetry } else { 0 };
        Room { events: self.free() / 2, telemetry }
    }

    /// Whether something that is not urgent may follow.
    pub(super) fn has_room_for_state(&self) -> bool {
        self.free() > RESERVE
    }

    /// A message was given to the client.
    pub(super) fn given(&mut self, token: Token) {
        self.unnumbered.push_back(token);
        if let Token::Entry(ticket) = token {
            *self.parts.entry(ticket).or_default() += 1;
        }
    }

    /// The client has numbered the next publish.
    pub(super) fn numbered(&mut self, packet_id: u16) {
        if let Some(token) = self.unnumbered.pop_front() {
            self.numbered.insert(packet_id, token);
        }
    }

    /// The broker has acknowledged a publish. Returns the entry whose last part it was.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Ticket> {
        let Token::Entry(ticket) = self.numbered.remove(&packet_id)? else { return None };
        let parts = self.parts.get_mut(&ticket)?;
        *parts -= 1;
        if *parts > 0 {
            return None;
        }
        self.parts.remove(&ticket);
        Some(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::queue::Lane;

    #[test]
    fn an_entry_is_done_with_the_last_of_its_parts_in_whatever_order_they_are_acknowledged() {
        let event = Ticket { lane: Lane::Events, position: 7 };
        let row = Ticket { lane: Lane::Live, position: 9 };
        let mut window = Window::default();
        for token in [Token::Entry(event), Token::Entry(event), Token::Volatile, Token::Entry(row)] {
            window.given(token);
        }
        assert_eq!(window.outstanding(), 4);
        for packet_id in [1, 2, 3, 4] {
            window.numbered(packet_id);
        }
        assert_eq!(window.acknowledged(4), Some(row));
        assert_eq!(window.acknowledged(2), None);
        assert_eq!(window.acknowledged(3), None);
        assert_eq!(window.acknowledged(3), None, "a second acknowledgement means nothing");
        assert_eq!(window.acknowledged(1), Some(event));
        assert_eq!(window.outstanding(), 0);
    }

    #[test]
    fn a_window_full_of_telemetry_still_has_room_for_an_event() {
        let mut window = Window::default();
        let mut position = 0;
        while window.room().telemetry > 0 {
            for _ in 0..window.room().telemetry {
                position += 1;
                window.given(Token::Entry(Ticket { lane: Lane::Backfill, position }));
            }
        }
        assert!(window.room().events >= 5, "{window:?}");
    }
}
