//! The table of what may be written: outputs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::device::{OrderWord, TypeWord};
use crate::site::defaults;
use crate::site::values::{Grade, Id, Name, Period, RegisterAt, Words};

/// `[[output]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawOutput {
    /// Its id; unlike every alarm's name.
    pub(in crate::site) id: Id,
    /// What people call it.
    pub(in crate::site) name: Words,
    /// The Modbus device that it stands on; it must have at least one point too, by which it is known to answer.
    pub(in crate::site) device: Id,
    /// The hazard that it serves. Default: its device's.
    pub(in crate::site) hazard: Option<Id>,
    /// Table (`coil` or `holding`) and address of the coil or the first register. It is read back there too.
    pub(in crate::site) register: RegisterAt,
    /// How the values are written there: `bit` for a coil; `u16`, `i16`, `u32`, `i32` or `f32` for registers. Default: `bit` or `u16`.
    #[serde(rename = "type")]
    pub(in crate::site) encoding: Option<TypeWord>,
    /// Order of bytes and words. Default: the device's.
    pub(in crate::site) byte_order: Option<OrderWord>,
    /// The raw value that switches it on; 0 or 1 for a coil.
    #[schemars(extend("default" = defaults::OUTPUT_ON))]
    pub(in crate::site) on: Option<f64>,
    /// The raw value that switches it off.
    #[schemars(extend("default" = defaults::OUTPUT_OFF))]
    pub(in crate::site) off: Option<f64>,
    /// Whether it may be written. Must be said where `while_alarm` or `level` is.
    #[schemars(extend("default" = false))]
    pub(in crate::site) enabled: Option<bool>,
    /// Alarms that call for it: it is on while one of them does.
    #[serde(default)]
    pub(in crate::site) while_alarm: Vec<Name>,
    /// Every alarm of its hazard at this level or graver calls for it too, but those of outputs.
    pub(in crate::site) level: Option<Grade>,
    /// How long an alarm calls for it.
    #[schemars(extend("default" = "cleared"))]
    pub(in crate::site) until: Option<UntilWord>,
    /// Level of the alarm `<output>.failed`: it is not as it is wanted.
    #[schemars(extend("default" = defaults::OUTPUT_FAILED_LEVEL))]
    pub(in crate::site) failed_level: Option<Grade>,
    /// On-delay of the alarm `<output>.failed`; at least 1 s.
    #[schemars(extend("default" = defaults::OUTPUT_FAILED_AFTER))]
    pub(in crate::site) failed_after: Option<Period>,
}

/// How long an alarm calls for an output.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum UntilWord {
    /// Until somebody has acknowledged it, or its condition is gone: sirens, beacons.
    Acknowledged,
    /// Until its condition is gone, acknowledged or not: ventilators.
    Cleared,
}
