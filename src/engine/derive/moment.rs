//! A moment on both clocks. How long something lasted is measured by the one that never steps; what people go by is the other.

use crate::model::{Now, Wall};

/// A moment on both clocks, in ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) steady: i64,
    pub(super) wall: i64,
}

impl Moment {
    /// The moment `at` of the wall clock, on the clock that never steps as well. What comes from the future is of now.
    pub(super) fn of(now: Now, at: Wall) -> Self {
        let age = (now.wall.0 - at.0).max(0);
        Self { steady: now.mono.since_start().as_millis() as i64 - age, wall: now.wall.0 - age }
    }
}
