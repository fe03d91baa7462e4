//! The life cycle of an alarm (ISA-18.2 / IEC 62682), as one pure function from a state and a cause to an event and the state after it;
//! whatever it does not list does nothing. Setting an alarm aside is beside it: the cycle goes on beneath, see `aside`.
//!
//! | state | present | graver | less grave | gone | acknowledge | reset | remind |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | normal | → unacknowledged | | | | | | |
//! | unacknowledged | | stays, escalated | stays | → returned, or latched unacknowledged | → acknowledged | | |
//! | acknowledged | | → unacknowledged | stays | → normal, or latched acknowledged | | | → unacknowledged |
//! | returned unacknowledged | → unacknowledged | | | | → normal | | |
//! | latched unacknowledged | → unacknowledged | | | | → latched acknowledged | | |
//! | latched acknowledged | → unacknowledged | | | | | → normal | |
//!
//! A quiet alarm calls nobody: it is raised as acknowledged, and stays so when it becomes graver.

use crate::model::{AlarmState, EventKind};

/// What can make an alarm change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its condition has come.
    Present,
    /// Its condition has become graver.
    Graver,
    /// Its condition has become less grave.
    LessGrave,
    /// Its condition is gone.
    Gone,
    /// Somebody takes note of it.
    Acknowledge,
    /// Somebody lets go of what is latched.
    Reset,
    /// It has stood acknowledged for long.
    Remind,
}

/// How the cycle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Nobody is to be called.
    pub(super) quiet: bool,
    /// It stays once its condition is gone, until it is reset.
    pub(super) latch: bool,
}

/// The life cycle.
pub(super) const fn next(state: AlarmState, cause: Cause, manner: Manner) -> Option<(EventKind, AlarmState)> {
    use AlarmState::{
        Acknowledged, LatchedAcknowledged, LatchedUnacknowledged, Normal, ReturnedUnacknowledged,
        Unacknowledged,
    };
    let called = if manner.quiet { Acknowledged } else { Unacknowledged };
    Some(match (state, cause) {
        // Unless somebody has yet to take note of what was before.
        (Normal | LatchedAcknowledged, Cause::Present) => (EventKind::Raised, called),
        (ReturnedUnacknowledged | LatchedUnacknowledged, Cause::Present) => {
            (EventKind::Raised, Unacknowledged)
        }
        (Unacknowledged, Cause::Graver) => (EventKind::Escalated, Unacknowledged),
        (Acknowledged, Cause::Graver) => (EventKind::Escalated, called),
        (Unacknowledged | Acknowledged, Cause::LessGrave) => (EventKind::Deescalated, state),
        (Unacknowledged, Cause::Gone) => {
            (EventKind::Cleared, if manner.latch { LatchedUnacknowledged } else { ReturnedUnacknowledged })
        }
        (Acknowledged, Cause::Gone) => {
            (EventKind::Cleared, if manner.latch { LatchedAcknowledged } else { Normal })
        }
        (Unacknowledged, Cause::Acknowledge) => (EventKind::Acknowledged, Acknowledged),
        (ReturnedUnacknowledged, Cause::Acknowledge) => (EventKind::Acknowledged, Normal),
        (LatchedUnacknowledged, Cause::Acknowledge) => (EventKind::Acknowledged, LatchedAcknowledged),
        (LatchedAcknowledged, Cause::Reset) => (EventKind::Reset, Normal),
        (Acknowledged, Cause::Remind) => (EventKind::Reminded, Unacknowledged),
        _ => return None,
    })
}
