//! Outputs as they are checked: what may be written, where, with which values, and the alarms that call for it. Nothing that
//! does not stand here, enabled, is ever written.

use crate::model::{AlarmId, AlarmState, DeviceId, HazardId, Level, Text};

/// One thing that the gateway may switch: a siren, a beacon, a ventilator's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Its id; unlike every alarm's name.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// The hazard that it serves: its own, or its device's.
    pub hazard: Option<HazardId>,
    /// The Modbus device that it stands on.
    pub device: DeviceId,
    /// What is written there.
    pub target: Target,
    /// Whether it may be written at all.
    pub enabled: bool,
    /// The alarms that call for it. Each once.
    pub calls: Vec<Call>,
    /// How long they do.
    pub until: Until,
}

impl OutputSpec {
    /// Whether the alarm of `call`, in this state and at this level, calls for it.
    pub fn is_called(&self, call: Call, state: AlarmState, level: Level) -> bool {
        self.until.covers(state) && level >= call.level
    }
}

/// Where an output stands on its device, and the values that switch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Protocol address of the coil or the first register, 0-based.
    pub address: u16,
    /// What on and off are there.
    pub values: Values,
    /// Whether functions 15 and 16 are used even for a single coil or register.
    pub multiple: bool,
}

/// What on and off are to a device; the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// A coil, and its state when the output is on.
    Coil(bool),
    /// Holding registers: as many words for off as for on, at least one.
    Words {
        /// When it is on.
        on: Vec<u16>,
        /// When it is off.
        off: Vec<u16>,
    },
}

impl Values {
    /// Coils or registers that it takes.
    pub fn width(&self) -> u16 {
        match self {
            Self::Coil(_) => 1,
            Self::Words { on, .. } => on.len() as u16,
        }
    }
}

/// An alarm that calls for an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The alarm.
    pub alarm: AlarmId,
    /// How grave it must at least be; [`Level::Journal`] for any level.
    pub level: Level,
}

/// How long an alarm calls for an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// Until somebody has acknowledged it, or its condition is gone: what is to be heard or seen.
    Acknowledged,
    /// Until its condition is gone, acknowledged or not: what acts on the process.
    Cleared,
}

impl Until {
    /// Whether an alarm in this state calls.
    pub fn covers(self, state: AlarmState) -> bool {
        match self {
            Self::Acknowledged => state == AlarmState::Unacknowledged,
            Self::Cleared => state.is_active(),
        }
    }
}
