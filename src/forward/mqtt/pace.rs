//! How much telemetry may be on its way at once, so that an alarm finds no queue in front of it. Whatever is sent before it the broker takes before
//! it; so no more is sent than the line and the broker take without delay. That is found from how long acknowledgements take: while they
//! come as soon as ever, more is sent; when they take longer, less.

use std::collections::VecDeque;
use std::time::Duration;

use crate::forward::queue::Room;
use crate::model::Mono;
use crate::model::limits::MQTT_WINDOW_MAX;

/// Messages that are always let go, so that a line whose delay varies is not starved.
const LEAST: usize = 8;
/// How much longer than ever an acknowledgement may take, on a line that is short.
const SLACK_MIN: Duration = Duration::from_millis(1);
/// On a line that is long: this part of its shortest time.
const SLACK_PART: u32 = 4;
/// The shortest time is forgotten by this part of the difference with each acknowledgement, since a line may become another.
const FORGET_PART: u32 = 4096;

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    /// When each message on its way was given; brokers acknowledge in that order.
    given: VecDeque<Mono>,
    /// The shortest time that an acknowledgement has taken.
    shortest: Option<Duration>,
    /// Messages that may be on their way.
    limit: usize,
    /// Nothing has been delayed yet: the limit doubles with each of its lengths.
    is_starting: bool,
    /// Acknowledgements until the limit may change again.
    rest: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { given: VecDeque::new(), shortest: None, limit: LEAST, is_starting: true, rest: LEAST }
    }
}

impl Pace {
    /// What of this room telemetry may use now: nothing until half of the limit is free, so that a backlog is not read row by row.
    pub(super) fn narrow(&self, room: Room) -> Room {
        let free = self.limit.saturating_sub(self.given.len());
        let telemetry = if free >= self.limit / 2 { free } else { 0 };
        Room { telemetry: room.telemetry.min(telemetry), ..room }
    }

    /// A message of telemetry was given to the client.
    pub(super) fn given(&mut self, now: Mono) {
        self.given.push_back(now);
    }

    /// The broker has acknowledged one.
    pub(super) fn acknowledged(&mut self, now: Mono) {
        let Some(given) = self.given.pop_front() else { return };
        let took = now - given;
        let shortest = match self.shortest {
            Some(shortest) if shortest <= took => shortest + took.saturating_sub(shortest) / FORGET_PART,
            _ => took,
        };
        self.shortest = Some(shortest);
        let is_delayed = took > shortest + SLACK_MIN.max(shortest / SLACK_PART);
        self.rest = self.rest.saturating_sub(1);
        if is_delayed && (self.is_starting || self.rest == 0) {
            self.is_starting = false;
            self.limit = (self.limit - self.limit / 4).max(LEAST);
            self.rest = self.limit;
        } else if !is_delayed && self.is_starting {
            self.grow();
        } else if self.rest == 0 {
            self.grow();
            self.rest = self.limit;
        }
    }

    fn grow(&mut self) {
        self.limit = (self.limit + 1).min(usize::from(MQTT_WINDOW_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as much as the pace lets it over a line of this delay, to a broker that takes so long for each. Returns what is on its way in the end,
    /// and the messages that were taken a second.
    fn run(delay: Duration, each: Duration) -> (usize, f64) {
        let mut pace = Pace::default();
        let whole = Room { events: 50, telemetry: usize::from(MQTT_WINDOW_MAX) };
        let (mut now, mut free_at) = (Mono::ZERO, Mono::ZERO);
        let mut due: VecDeque<Mono> = VecDeque::new();
        let mut taken = 0;
        while now < Mono::from_start(Duration::from_secs(20)) {
            for _ in 0..pace.narrow(whole).telemetry {
                pace.given(now);
                free_at = free_at.max(now + delay / 2) + each;
                due.push_back(free_at + delay / 2);
            }
            now = due.pop_front().expect("something is always on its way");
            pace.acknowledged(now);
            taken += 1;
        }
        (due.len(), f64::from(taken) / 20.0)
    }

    #[test]
    fn p4_on_a_short_line_hardly_anything_waits_in_front_of_an_alarm_and_the_broker_is_kept_busy() {
        let each = Duration::from_micros(100);
        let (on_way, rate) = run(Duration::from_micros(300), each);
        let wait = each * on_way as u32;
        assert!(wait <= Duration::from_millis(3), "{on_way} messages are in front: {wait:?}");
        assert!(rate > 9000.0, "{rate} a second of 10,000");
    }

    #[test]
    fn a_long_line_is_filled() {
        let (_, rate) = run(Duration::from_millis(100), Duration::from_micros(100));
        assert!(rate > 700.0, "{rate} a second; {MQTT_WINDOW_MAX} on their way make 900 or so");
    }

    #[test]
    fn a_slow_broker_has_the_least_on_its_way() {
        let (on_way, _) = run(Duration::from_millis(1), Duration::from_millis(20));
        assert!(on_way <= LEAST, "{on_way}");
    }

    #[test]
    fn what_takes_no_room_is_left_as_it_is() {
        let pace = Pace::default();
        let room = Room { events: 5, telemetry: 3 };
        assert_eq!(pace.narrow(room), room);
    }
}
