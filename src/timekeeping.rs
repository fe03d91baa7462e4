//! Looks after the wall clock: has the gateway's clock follow the system's, and tells whether a time server keeps it.

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, OsTime};
use crate::inbox::Inbox;
use crate::model::limits::CLOCK_LOOK_INTERVAL;
use crate::model::{ClockSync, HealthSource, Text};

/// Looks at the system's time, as `read` has it, at every interval until `stop`. A full inbox holds up the telling and never the
/// looking.
pub(crate) async fn watch(clock: Clock, read: impl Fn() -> OsTime, inbox: Inbox, stop: CancellationToken) {
    let mut looks = interval(CLOCK_LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        clock.look(&read);
        let lost = clock.sync() == ClockSync::Unsynced;
        if told != Some(lost) {
            let telling = inbox.health(HealthSource::Clock, lost.then(unsynced));
            if timeout(CLOCK_LOOK_INTERVAL / 2, telling).await.is_ok() {
                told = Some(lost);
            }
        }
    }
}

fn unsynced() -> Text {
    Text::new("没有授时服务器为本机校时", "no time server keeps this computer's clock")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::model::limits::INBOX_LEN_MAX;
    use crate::model::{HealthReport, Input};

    const AT: OsTime =
        OsTime { wall_us: 1_795_263_303_214_000, asleep: Duration::ZERO, sync: ClockSync::Unsynced };

    #[tokio::test(start_paused = true)]
    async fn p2_losing_the_time_server_is_told_once_and_so_is_its_return() {
        let clock = Clock::showing(AT);
        let (inbox, mut received) = Inbox::new(clock);
        let (sync, stop) = (Arc::new(Mutex::new(ClockSync::Unsynced)), CancellationToken::new());
        let says = sync.clone();
        let read = move || OsTime { sync: *says.lock().unwrap(), ..AT };
        let task = tokio::spawn(watch(clock, read, inbox, stop.clone()));
        let mut told = Vec::new();
        for state in [ClockSync::Unsynced, ClockSync::Synced, ClockSync::Unknown, ClockSync::Unsynced] {
            *sync.lock().unwrap() = state;
            tokio::time::sleep(Duration::from_secs(5)).await;
            while let Ok(message) = received.try_recv() {
                let Input::Health(HealthReport { source: HealthSource::Clock, error }) = message.input else {
                    panic!("not of the clock")
                };
                told.push((state, error.is_some()));
            }
        }
        let expected = [(ClockSync::Unsynced, true), (ClockSync::Synced, false), (ClockSync::Unsynced, true)];
        assert_eq!(told, expected);
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn p3_a_full_inbox_does_not_keep_the_clock_from_being_followed() {
        let clock = Clock::showing(AT);
        let (inbox, _received) = Inbox::new(clock);
        for _ in 0..INBOX_LEN_MAX {
            inbox.health(HealthSource::Store, None).await;
        }
        let read = || OsTime { wall_us: AT.wall_us + 3_600_000_000, ..AT };
        let task = tokio::spawn(watch(clock, read, inbox, CancellationToken::new()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(clock.now().wall.0 > AT.wall_us / 1000 + 3_599_000);
        task.abort();
    }
}
