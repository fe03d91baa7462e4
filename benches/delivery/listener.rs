//! The subscribers: one for alarms and one for readings, each with a connection of its own, so that neither waits behind the other at the
//! broker; what is measured is the gateway's way.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::{Event, Incoming, QoS};
use serde::Deserialize;
use tokio::sync::watch;

use crate::broker::Mosquitto;
use crate::plant::{Book, Plant};

const ROOT: &str = "hazgate/v1/acme/bench";

/// Delays, sorted when they are asked for.
pub(crate) struct Delays(Vec<Duration>);

impl Delays {
    pub(crate) fn new(mut delays: Vec<Duration>) -> Self {
        delays.sort_unstable();
        Self(delays)
    }

    /// So many in a thousand are not longer, ms.
    pub(crate) fn permille(&self, permille: usize) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        self.0[(self.0.len() * permille / 1000).min(last)].as_secs_f64() * 1000.0
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}, {:.2} ({})", self.permille(500), self.permille(990), self.0.len())
    }
}

/// Hears what is published on a topic until the benchmark ends; returns once it is subscribed.
pub(crate) async fn hear(
    broker: &Mosquitto,
    id: &str,
    topic: &str,
    qos: QoS,
    mut take: impl FnMut(&[u8]) + Send + 'static,
) {
    let (client, mut events) = broker.client(id);
    client.try_subscribe(topic, qos).expect("room for a subscription");
    let (ready, mut is_ready) = watch::channel(false);
    tokio::spawn(async move {
        let _client = client;
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Incoming::SubAck(_)) => drop(ready.send_replace(true)),
                Event::Incoming(Incoming::Publish(publish)) => take(&publish.payload),
                _ => {}
            }
        }
    });
    is_ready.wait_for(|ready| *ready).await.expect("the broker takes a subscription");
}

/// How long alarms took.
pub(crate) struct Alarms(Arc<Mutex<Vec<(Instant, Duration)>>>);

#[derive(Deserialize)]
struct AlarmEvent {
    device: Option<String>,
    value: Option<f64>,
}

impl Alarms {
    pub(crate) async fn listen(broker: &Mosquitto, plant: &Plant) -> Self {
        let heard: Arc<Mutex<Vec<(Instant, Duration)>>> = Arc::default();
        let (book, taken) = (Arc::clone(&plant.book), Arc::clone(&heard));
        let take = move |payload: &[u8]| {
            let now = Instant::now();
            let event: AlarmEvent = serde_json::from_slice(payload).expect("an event");
            if let Some(answered) = answered(&book, &event) {
                taken.lock().expect("nobody panicked").push((answered, now - answered));
            }
        };
        hear(broker, "alarms", &format!("{ROOT}/alarm/event"), QoS::AtLeastOnce, take).await;
        Self(heard)
    }

    /// Of those that happened in this time.
    pub(crate) fn between(&mut self, from: Instant, to: Instant) -> Delays {
        let heard = self.0.lock().expect("nobody panicked");
        Delays::new(heard.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, delay)| *delay).collect())
    }
}

fn answered(book: &Book, event: &AlarmEvent) -> Option<Instant> {
    let device = event.device.as_ref()?.strip_prefix("swing")?.parse().ok()?;
    book.answered(device, event.value? as u16)
}

/// Readings as they come.
pub(crate) struct Telemetry {
    live: Arc<AtomicUsize>,
    late: watch::Receiver<Late>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Late {
    rows: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// A backlog that has come.
pub(crate) struct Filled {
    rows: usize,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

impl Filled {
    /// Rows a second.
    pub(crate) fn rate(&self) -> f64 {
        self.rows as f64 / (self.last - self.first).as_secs_f64()
    }
}

impl Telemetry {
    pub(crate) async fn listen(broker: &Mosquitto) -> Self {
        let live = Arc::<AtomicUsize>::default();
        let (told, late) = watch::channel(Late::default());
        let counted = Arc::clone(&live);
        let take = move |payload: &[u8]| {
            // Written last, and so at the end.
            if payload.ends_with(b"\"backfill\":true}") {
                let now = Instant::now();
                told.send_modify(|late| {
                    late.rows += 1;
                    late.first.get_or_insert(now);
                    late.last = Some(now);
                });
            } else {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        hear(broker, "readings", &format!("{ROOT}/data/+"), QoS::AtMostOnce, take).await;
        Self { live, late }
    }

    /// Waits until so many rows of back-fill have come.
    pub(crate) async fn backfill(&mut self, rows: usize, patience: Duration) -> Filled {
        let all = tokio::time::timeout(patience, self.late.wait_for(|late| late.rows >= rows)).await;
        let late = *all.expect("the backlog is drained in time").expect("the subscriber listens");
        let (first, last) = late.first.zip(late.last).expect("some came");
        Filled { rows: late.rows, first, last }
    }

    /// Live rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }
}
