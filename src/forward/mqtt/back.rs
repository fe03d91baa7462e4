//! The way back from a standby to the first broker: it is tried from time to time while the standby is served, and left for only
//! once the first has let us in, so that nothing waits for a broker that is not there.

use std::time::Duration;

use tokio::time::sleep_until;

use super::link::Link;
use super::place::Door;
use super::wire::Terms;
use crate::clock::Clock;
use crate::model::Mono;
use crate::model::limits::{MQTT_RETURN_MAX, MQTT_RETURN_MIN, MQTT_RETURN_PROVEN};

/// From one attempt to return to the next: longer each time that the first broker did not last.
#[derive(Debug)]
pub(super) struct Returns {
    wait: Duration,
}

impl Returns {
    pub(super) const fn new() -> Self {
        Self { wait: MQTT_RETURN_MIN }
    }

    /// From one attempt to the next.
    pub(super) const fn wait(&self) -> Duration {
        self.wait
    }

    /// The first broker, which took what it was sent, is lost after so long.
    pub(super) fn lost(&mut self, lasted: Duration) {
        self.wait =
            if lasted >= MQTT_RETURN_PROVEN { MQTT_RETURN_MIN } else { (self.wait * 2).min(MQTT_RETURN_MAX) };
    }
}

/// The way back, for as long as a standby is served.
#[derive(Debug)]
pub(super) struct Back<'a> {
    door: Door<'a>,
    clean: bool,
    clock: Clock,
    wait: Duration,
    due: Mono,
    attempt: Option<Link>,
}

impl<'a> Back<'a> {
    pub(super) fn new(door: Door<'a>, clean: bool, clock: Clock, wait: Duration) -> Self {
        Self { door, clean, clock, wait, due: clock.now().mono + wait, attempt: None }
    }

    /// Waits until the first broker has let us in. May be abandoned, and goes on where it was.
    pub(super) async fn arrived(&mut self) -> (Link, Terms) {
        loop {
            let link = match &mut self.attempt {
                Some(link) => link,
                none => {
                    sleep_until(self.clock.instant(self.due)).await;
                    none.insert(self.door.open(0, self.clean))
                }
            };
            let welcome = link.welcome().await;
            if let (Ok(terms), Some(link)) = (welcome, self.attempt.take()) {
                return (link, terms);
            }
            self.due = self.clock.now().mono + self.wait;
        }
    }
}

/// Waits until the first broker has let us in; for ever where this is it.
pub(super) async fn arrived(back: &mut Option<Back<'_>>) -> (Link, Terms) {
    match back {
        Some(back) => back.arrived().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_broker_that_does_not_last_is_returned_to_ever_more_rarely() {
        let mut returns = Returns::new();
        for _ in 0..10 {
            let before = returns.wait();
            returns.lost(MQTT_RETURN_PROVEN / 2);
            assert_eq!(returns.wait(), (before * 2).min(MQTT_RETURN_MAX));
        }
        assert_eq!(returns.wait(), MQTT_RETURN_MAX);
        returns.lost(MQTT_RETURN_PROVEN);
        assert_eq!(returns.wait(), MQTT_RETURN_MIN);
    }
}
