//! The only reader of operating-system time. Everything else is handed a [`Now`], so that the same code runs
//! live, in replay and in tests. The monotonic side follows tokio's clock and so stands still when a test pauses it.

use std::time::SystemTime;

use crate::model::{Mono, Now, Wall};

/// A clock that began when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    /// A clock that begins now. Needs a tokio runtime only when the runtime's time is paused.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self { start: tokio::time::Instant::now() }
    }

    /// Both clocks, read together.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Now { mono: Mono::from_start(self.start.elapsed()), wall: Wall(wall) }
    }

    /// The tokio instant at which this clock's monotonic side shows `mono`: for sleeping until a deadline.
    pub fn instant(&self, mono: Mono) -> tokio::time::Instant {
        self.start + mono.since_start()
    }
}
