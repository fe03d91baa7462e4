//! What an alarm cannot do without: a publish that a subscriber hears, and a write that the disk confirms.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::QoS;

use crate::broker::Mosquitto;
use crate::listener::{Delays, hear};

/// As often as the plant's alarms come.
const EVERY: Duration = Duration::from_micros(12_500);
/// About what an event takes.
const PAYLOAD_BYTES: usize = 600;
/// A commit of one event: a few pages of the log.
const SYNCED_BYTES: usize = 4 * 4096;

/// From an acknowledged publish to the subscriber, for so long.
pub(crate) async fn publishes(broker: &Mosquitto, span: Duration) -> Delays {
    let start = Instant::now();
    let delays: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let heard = Arc::clone(&delays);
    let take = move |payload: &[u8]| {
        let now = start.elapsed();
        let sent = payload[..16].try_into().map(u128::from_le_bytes).expect("sixteen bytes");
        heard.lock().expect("nobody panicked").push(now.saturating_sub(Duration::from_nanos(sent as u64)));
    };
    hear(broker, "bare-subscriber", "bare", QoS::AtLeastOnce, take).await;
    let (client, mut events) = broker.client("bare-publisher");
    let driver = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let mut ticks = tokio::time::interval(EVERY);
    while start.elapsed() < span {
        ticks.tick().await;
        let mut payload = start.elapsed().as_nanos().to_le_bytes().to_vec();
        payload.resize(PAYLOAD_BYTES, b' ');
        client.publish("bare", QoS::AtLeastOnce, false, payload).await.expect("a connection");
    }
    tokio::time::sleep(EVERY * 8).await;
    driver.abort();
    let delays = std::mem::take(&mut *delays.lock().expect("nobody panicked"));
    Delays::new(delays)
}

/// A small write and its fsync, on the disk where the daemon has its database, for so long.
pub(crate) fn syncs(directory: &Path, span: Duration) -> Delays {
    let mut file = File::create(directory.join("synced")).expect("a file");
    let page = vec![7; SYNCED_BYTES];
    let (start, mut delays) = (Instant::now(), Vec::new());
    while start.elapsed() < span {
        let began = Instant::now();
        file.seek(SeekFrom::Start(0)).expect("a file");
        file.write_all(&page).expect("room");
        file.sync_data().expect("a disk");
        delays.push(began.elapsed());
        std::thread::sleep(EVERY.saturating_sub(began.elapsed()));
    }
    Delays::new(delays)
}
