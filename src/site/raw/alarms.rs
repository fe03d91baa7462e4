//! `[alarms]`: what the site asks of its people, whatever the alarm.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::defaults;
use crate::site::values::Period;

/// `[alarms]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawAlarms {
    /// Longest time for which an alarm may be shelved. Our default: a shift.
    #[schemars(extend("default" = defaults::SHELVE_MAX))]
    pub(in crate::site) shelve_max: Option<Period>,
    /// Time after which an alarm that nobody has acknowledged becomes graver by one level, by its level, such as
    /// `{ 2 = "10min", 3 = "30min" }`. Default: never.
    pub(in crate::site) escalate_after: RawByLevel,
    /// Time after which an alarm that was acknowledged and still stands asks for acknowledgement again, by its level. Default: never.
    pub(in crate::site) remind_after: RawByLevel,
}

/// A time for each level.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawByLevel {
    /// Of alarms at level 1, red.
    #[serde(rename = "1")]
    pub(in crate::site) red: Option<Period>,
    /// Of alarms at level 2, orange.
    #[serde(rename = "2")]
    pub(in crate::site) orange: Option<Period>,
    /// Of alarms at level 3, yellow.
    #[serde(rename = "3")]
    pub(in crate::site) yellow: Option<Period>,
    /// Of alarms at level 4, blue.
    #[serde(rename = "4")]
    pub(in crate::site) blue: Option<Period>,
}
