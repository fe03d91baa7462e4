//! One broker of a centre over all its connections: when it is tried again, what of its command channel is used, and whether
//! somebody else goes by our name there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::edge;
use super::link::{Connect, Link};
use super::payload::Outgoing;
use super::repute::Repute;
use crate::clock::Clock;
use crate::forward::backoff::Backoff;
use crate::model::limits::{BACKOFF_MAX, MQTT_ELBOWED_AFTER, MQTT_ELBOWED_WAIT_MAX, MQTT_ELBOWED_WITHIN};
use crate::model::{Mono, Text};
use crate::site::{MqttTarget, SparkplugNode};

/// Sessions of an edge node are counted from 0 to 255, then from 0 again.
const SPARKPLUG_SESSIONS: u64 = 256;

/// How to come in at a centre's brokers.
#[derive(Debug, Clone)]
pub(super) struct Door<'a> {
    pub(super) target: &'a MqttTarget,
    pub(super) client_id: &'a str,
    pub(super) will: Will<'a>,
    /// Connections so far.
    pub(super) sessions: Arc<AtomicU64>,
}

/// What the broker says for us when we are gone.
#[derive(Debug, Clone)]
pub(super) enum Will<'a> {
    /// That we are offline; the broker keeps what it has for us.
    Offline(Outgoing),
    /// The death of an edge node's session, of which nothing is kept (Sparkplug 3.0, 5.3).
    Death(&'a SparkplugNode, Clock),
}

impl Door<'_> {
    /// Begins to connect to one of them.
    pub(super) fn open(&self, at: usize, clean: bool) -> Link {
        let session = self.sessions.fetch_add(1, Ordering::Relaxed) % SPARKPLUG_SESSIONS;
        let (is_kept, will) = match &self.will {
            Will::Offline(will) => (true, will.clone()),
            Will::Death(node, clock) => (false, edge::death(node, session, clock.now().wall)),
        };
        Link::open(Connect {
            broker: &self.target.brokers[at],
            version: self.target.version,
            client_id: self.client_id.to_owned(),
            clean: clean || !is_kept,
            is_kept,
            will,
            session,
        })
    }
}

/// How much of the command channel is used. A packet that cannot be taken would come again with the session, and a
/// retained one with the subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commands {
    /// The broker keeps commands for us.
    Kept,
    /// The broker is asked to forget what it kept.
    Fresh,
    /// None are taken.
    Off,
}

/// One broker.
#[derive(Debug)]
pub(super) struct Place {
    backoff: Backoff,
    rests_until: Mono,
    commands: Commands,
    /// Said to the centre at the next connection.
    pub(super) refused: Option<String>,
    pub(super) repute: Repute,
    /// Connections in a row that were ended soon after the broker had taken us in, and without a word.
    closed: u32,
    /// Waits in a row because of another client under our name.
    elbowed: u32,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            backoff: Backoff::new(fastrand::Rng::new()),
            rests_until: Mono::ZERO,
            commands: Commands::Kept,
            refused: None,
            repute: Repute::default(),
            closed: 0,
            elbowed: 0,
        }
    }

    /// Before then it is not tried again.
    pub(super) const fn rests_until(&self) -> Mono {
        self.rests_until
    }

    /// Whether the broker is to forget what it kept for us.
    pub(super) fn is_clean(&self) -> bool {
        self.commands != Commands::Kept
    }

    /// Whether commands are taken from it.
    pub(super) fn takes_commands(&self) -> bool {
        self.commands != Commands::Off
    }

    /// A connection, or the attempt at one, is over after so long.
    pub(super) fn ended(&mut self, lasted: Duration, now: Mono) {
        self.backoff.ended(self.repute.has_acknowledged(), lasted);
        if lasted > MQTT_ELBOWED_WAIT_MAX {
            self.elbowed = 0;
        }
        self.rests_until = now + self.backoff.wait();
    }

    /// It has closed the connection without a word. Whether another client may be behind it: a broker of MQTT 3.1.1 has no words
    /// for that, and two gateways of one name throw each other out again and again.
    pub(super) fn closed_without_a_word(&mut self, lasted: Duration) -> bool {
        let soon = self.repute.has_acknowledged() && lasted < MQTT_ELBOWED_WITHIN;
        self.closed = if soon { self.closed + 1 } else { 0 };
        self.closed >= MQTT_ELBOWED_AFTER
    }

    /// Another client goes by our name: it is left alone for longer each time, for to come back at once would throw the other
    /// out, who does the same. How long.
    pub(super) fn stand_back(&mut self, now: Mono) -> Duration {
        let wait = BACKOFF_MAX * 2_u32.saturating_pow(self.elbowed.min(16));
        let wait = wait.min(MQTT_ELBOWED_WAIT_MAX);
        self.elbowed += 1;
        self.rests_until = now + wait.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
        wait
    }

    /// It sent a packet too large to be taken, and would send it again. What it was told, in words.
    pub(super) fn oversized(&mut self, bytes: usize) -> Text {
        let why = Text::new(
            format!("MQTT 代理发来的 {bytes} 字节报文过长，无法接收"),
            format!("a packet of {bytes} bytes from the broker is too large to be taken"),
        );
        self.refused = Some(why.en.clone());
        self.commands = match self.commands {
            Commands::Kept => Commands::Fresh,
            Commands::Fresh | Commands::Off => Commands::Off,
        };
        if self.commands == Commands::Off {
            tracing::error!("commands are off until the next start: {}", why.en);
        }
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_thrown_out_stands_back_for_longer_each_time() {
        let mut place = Place::new();
        let waits: Vec<u64> = (0..6).map(|_| place.stand_back(Mono::ZERO).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        assert!(place.rests_until() >= Mono::ZERO + MQTT_ELBOWED_WAIT_MAX / 2);
        place.ended(MQTT_ELBOWED_WAIT_MAX * 2, Mono::ZERO);
        assert_eq!(place.stand_back(Mono::ZERO), BACKOFF_MAX, "a connection that lasted ends it");
    }
}
