//! The only reader of operating-system time. Everything else is handed a [`Now`], so that the same code runs
//! live, in replay and in tests. The monotonic side follows tokio's clock and so stands still when a test pauses it.
//!
//! The wall side is a line of our own: the monotonic side plus an offset, which follows the system's clock at each
//! [look](Clock::look). Between two looks it cannot step, so every step happens at one known moment, and what was stamped before it
//! can be told from what was stamped after.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::model::limits::{CLOCK_CHANGES_LEN_MAX, CLOCK_LOOK_MAX, CLOCK_STEP_MIN};
use crate::model::{ClockChange, ClockSync, Mono, Now, Wall};

/// What the operating system says of the time.
#[derive(Debug, Clone, Copy)]
pub struct OsTime {
    /// The wall clock: microseconds since 1970-01-01T00:00:00Z.
    pub wall_us: i64,
    /// How long the computer has slept since it started.
    pub asleep: Duration,
    /// Whether a time server keeps the wall clock. Read before the clock itself: a clock that is set and vouched for in
    /// one go is then first seen set.
    pub sync: ClockSync,
}

impl OsTime {
    /// As the system says now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn read() -> Self {
        let (sync, asleep) = (kernel_sync(), asleep());
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall_us = since_epoch.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        Self { wall_us, asleep, sync }
    }
}

/// The kernel's id of the present start of the computer; none where there is none.
pub fn computer_start() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// A clock that began when it was made. Copies are one clock: what one has seen of the system's time holds for all.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: tokio::time::Instant,
    line: &'static Mutex<Line>,
}

/// The wall clock as we see it.
#[derive(Debug)]
struct Line {
    /// Wall clock minus monotonic clock, µs.
    offset_us: i64,
    asleep: Duration,
    sync: ClockSync,
    /// Whether the wall clock has been vouched for since the clock began.
    settled: bool,
    changes: VecDeque<ClockChange>,
}

impl Clock {
    /// A clock that begins now. Needs a tokio runtime only when the runtime's time is paused.
    pub fn start() -> Self {
        Self::showing(OsTime::read())
    }

    /// A clock that begins now and shows this time. It lives as long as the process, as clocks do.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn showing(os: OsTime) -> Self {
        let line = Line {
            offset_us: os.wall_us,
            asleep: os.asleep,
            sync: os.sync,
            settled: os.sync == ClockSync::Synced,
            changes: VecDeque::new(),
        };
        Self { start: tokio::time::Instant::now(), line: Box::leak(Box::new(Mutex::new(line))) }
    }

    /// Both clocks, read together.
    pub fn now(&self) -> Now {
        let line = self.line();
        line.at(self.mono())
    }

    /// The tokio instant at which this clock's monotonic side shows `mono`: for sleeping until a deadline.
    pub fn instant(&self, mono: Mono) -> tokio::time::Instant {
        self.start + mono.since_start()
    }

    /// Whether a time server keeps the wall clock.
    pub fn sync(&self) -> ClockSync {
        self.line().sync
    }

    /// Looks at the system's time, and follows it.
    pub fn look(&self, read: impl FnOnce() -> OsTime) {
        let mut line = self.line();
        let before = self.mono();
        let os = read();
        let mono = self.mono();
        if mono - before <= CLOCK_LOOK_MAX {
            line.follow(&os, mono);
        }
    }

    /// The oldest change of the wall clock that has not been taken yet. One loop takes them.
    pub fn take_change(&self) -> Option<ClockChange> {
        self.line().changes.pop_front()
    }

    /// The monotonic clock alone, for delays: unlike [`Clock::now`] it waits for nobody.
    pub fn mono(&self) -> Mono {
        Mono::from_start(self.start.elapsed())
    }

    /// A timer on this clock. Needs a tokio runtime.
    pub fn timer(&self) -> Timer {
        Timer { clock: *self, sleep: Box::pin(tokio::time::sleep_until(self.start)) }
    }

    fn line(&self) -> MutexGuard<'static, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one task waits with, over and over. A fresh timer for each wait would go into the runtime's list and out of it again under a
/// lock that all threads share. This one stays where it is while it is to ring later than before: it rings too early once, and
/// is put off then.
#[derive(Debug)]
pub struct Timer {
    clock: Clock,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Timer {
    /// Waits until `moment`.
    pub async fn until(&mut self, moment: Mono) {
        let end = self.clock.instant(moment);
        if end < self.sleep.deadline() {
            self.sleep.as_mut().reset(end);
        }
        loop {
            self.sleep.as_mut().await;
            if end <= self.sleep.deadline() {
                return;
            }
            self.sleep.as_mut().reset(end);
        }
    }

    /// What `work` comes to, unless that takes longer than `limit`.
    pub async fn limit<W: Future>(&mut self, limit: Duration, work: W) -> Option<W::Output> {
        let end = self.clock.mono() + limit;
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.until(end) => None,
        }
    }
}

impl Line {
    fn at(&self, mono: Mono) -> Now {
        Now { mono, wall: Wall(self.offset_us.saturating_add(micros(mono.since_start())).div_euclid(1000)) }
    }

    fn follow(&mut self, os: &OsTime, mono: Mono) {
        let slept = os.asleep.saturating_sub(self.asleep);
        let offset_us = os.wall_us.saturating_sub(micros(mono.since_start()));
        let stepped_us = offset_us.saturating_sub(self.offset_us).saturating_sub(micros(slept));
        let stepped = Duration::from_micros(stepped_us.unsigned_abs()) > CLOCK_STEP_MIN;
        let (was, settled) = (self.sync, self.settled);
        (self.offset_us, self.asleep, self.sync) = (offset_us, os.asleep, os.sync);
        self.settled |= os.sync == ClockSync::Synced;
        let change = ClockChange {
            at: self.at(mono),
            by_ms: if stepped { stepped_us / 1000 } else { 0 },
            slept: if slept > CLOCK_STEP_MIN { slept } else { Duration::ZERO },
            sync: os.sync,
            restamps: was == ClockSync::Unsynced && !settled,
        };
        if stepped || !change.slept.is_zero() || was != os.sync {
            self.tell(change);
        }
    }

    fn tell(&mut self, change: ClockChange) {
        if self.changes.len() == CLOCK_CHANGES_LEN_MAX {
            tracing::warn!(
                "the clock changes faster than the gateway's loop can follow: a change is forgotten"
            );
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The kernel's bound of the wall clock's error, µs, at which it no longer counts as synchronised. It grows by itself while no
/// time server renews it. `STA_UNSYNC` says less: some servers leave it set to keep the kernel from the hardware clock.
#[cfg(target_os = "linux")]
const ERROR_US_MAX: std::ffi::c_long = 16_000_000;

#[cfg(target_os = "linux")]
fn kernel_sync() -> ClockSync {
    let mut state = rtime_clock::adjtime::Timex::new();
    match rtime_clock::adjtime::adjtimex(&mut state) {
        Ok(_) if state.0.maxerror < ERROR_US_MAX => ClockSync::Synced,
        Ok(_) => ClockSync::Unsynced,
        Err(_) => ClockSync::Unknown,
    }
}

#[cfg(not(target_os = "linux"))]
fn kernel_sync() -> ClockSync {
    ClockSync::Unknown
}

/// The clock that goes on while the computer sleeps, minus the one that does not.
#[cfg(target_os = "linux")]
fn asleep() -> Duration {
    let read = |clock| clock_gettime(clock).map(Duration::from);
    match (read(ClockId::CLOCK_MONOTONIC), read(ClockId::CLOCK_BOOTTIME)) {
        (Ok(awake), Ok(all)) => all.saturating_sub(awake),
        _ => Duration::ZERO,
    }
}

#[cfg(not(target_os = "linux"))]
fn asleep() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_2026_US: i64 = 1_795_263_303_214_000;

    /// A system whose clocks a test sets: the wall clock runs with the paused time of tokio.
    struct System {
        clock: Clock,
        wall_us: i64,
        asleep: Duration,
        sync: ClockSync,
    }

    impl System {
        fn start(wall_us: i64, sync: ClockSync) -> Self {
            let asleep = Duration::from_secs(3);
            Self { clock: Clock::showing(OsTime { wall_us, asleep, sync }), wall_us, asleep, sync }
        }

        async fn pass(&mut self, ms: u64, drift_us: i64) {
            tokio::time::advance(Duration::from_millis(ms)).await;
            self.wall_us += ms as i64 * 1000 + drift_us;
        }

        fn look(&self) -> Option<ClockChange> {
            self.clock.look(|| OsTime { wall_us: self.wall_us, asleep: self.asleep, sync: self.sync });
            let change = self.clock.take_change();
            assert_eq!(self.clock.take_change(), None, "one look, one change");
            change
        }
    }

    #[tokio::test(start_paused = true)]
    async fn p2_a_step_is_one_change_at_one_moment_and_no_delay_sees_it() {
        for by_us in [7_200_000_000, -7_200_000_000, 600_000, -600_000] {
            let mut system = System::start(YEAR_2026_US, ClockSync::Synced);
            system.pass(1000, by_us).await;
            let before = system.clock.now();
            assert_eq!(before.wall.0, YEAR_2026_US / 1000 + 1000, "not before it is looked at");
            let change = system.look().expect("a step");
            let after = system.clock.now();
            assert_eq!((change.at, after.mono), (after, before.mono));
            assert_eq!((change.by_ms, after.wall.0 - before.wall.0), (by_us / 1000, by_us / 1000));
            assert!(change.slept.is_zero() && !change.restamps);
            system.pass(1000, 0).await;
            assert_eq!(system.look(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_steered_does_not_step_and_is_followed() {
        let mut system = System::start(YEAR_2026_US, ClockSync::Synced);
        for _ in 0..3600 {
            system.pass(1000, 100_000).await;
            assert_eq!(system.look(), None);
        }
        assert_eq!(system.clock.now().wall.0, system.wall_us / 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn p2_sleep_of_the_computer_is_no_step() {
        let mut system = System::start(YEAR_2026_US, ClockSync::Unsynced);
        system.asleep += Duration::from_secs(3600);
        system.pass(1000, 3_600_000_000).await;
        let change = system.look().expect("sleep");
        assert_eq!((change.by_ms, change.slept), (0, Duration::from_secs(3600)));
        assert_eq!(change.at.wall.0, system.wall_us / 1000, "stamps are right again");
    }

    #[tokio::test(start_paused = true)]
    async fn p2_only_until_the_first_synchronisation_do_old_stamps_move_along() {
        let mut system = System::start(12_000_000, ClockSync::Unsynced);
        system.pass(1000, YEAR_2026_US).await;
        let set = system.look().expect("a step");
        assert!(set.restamps && !set.settles());
        system.sync = ClockSync::Synced;
        system.pass(1000, 0).await;
        let vouched = system.look().expect("synchronised");
        assert!(vouched.settles() && vouched.by_ms == 0);
        system.sync = ClockSync::Unsynced;
        system.pass(1000, 0).await;
        assert!(!system.look().expect("lost").restamps);
        system.pass(1000, 9_000_000).await;
        assert!(!system.look().expect("a step").restamps, "what was stamped in between was nearly right");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_rings_when_it_was_last_set_to_whatever_it_was_set_to_before() {
        let clock = Clock::start();
        let (mut timer, ms) = (clock.timer(), Duration::from_millis);
        for (limit, wait) in [(500, 200), (500, 900), (100, 20), (60, 5000), (5000, 1)] {
            // The work is done in time, which leaves the timer set to the limit.
            assert!(timer.limit(ms(limit), tokio::time::sleep(ms(50))).await.is_some());
            let set = clock.mono();
            timer.until(set + ms(wait)).await;
            let waited = clock.mono() - set;
            assert!((ms(wait)..ms(wait + 2)).contains(&waited), "{waited:?} instead of {wait} ms");
            let never = std::future::pending::<()>();
            let set = clock.mono();
            assert!(timer.limit(ms(limit), never).await.is_none());
            assert!((ms(limit)..ms(limit + 2)).contains(&(clock.mono() - set)), "the limit of {limit} ms");
        }
    }

    #[test]
    fn the_systems_own_clocks_can_be_read() {
        let os = OsTime::read();
        assert!(os.wall_us > 1_600_000_000_000_000, "{os:?}");
        assert_ne!(os.sync, ClockSync::Restamped);
    }

    #[tokio::test(start_paused = true)]
    async fn p5_changes_that_nobody_takes_are_bounded() {
        let mut system = System::start(YEAR_2026_US, ClockSync::Synced);
        for _ in 0..100 {
            system.pass(1000, 9_000_000).await;
            system.clock.look(|| OsTime {
                wall_us: system.wall_us,
                asleep: system.asleep,
                sync: system.sync,
            });
        }
        let left = std::iter::from_fn(|| system.clock.take_change()).count();
        assert_eq!(left, CLOCK_CHANGES_LEN_MAX);
    }
}
