//! `[calendar]`, `[[stop]]` and `[[work]]`: when the site works, and when it has said that it does not, or does besides.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::dates::{Days, LocalTime, TimeOfDay};
use crate::site::values::{Id, Words};

/// `[calendar]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::site) struct RawCalendar {
    /// When the site works, such as `["mon-fri 08:00-18:00"]`; a time that ends before it begins goes on to the next day. A weekday without any is a day of
    /// rest. Default: always, and no day but a holiday is one of rest.
    pub(in crate::site) working_hours: Vec<String>,
    /// Days of rest whatever weekday they are, such as `["2026-10-01..2026-10-07"]`.
    pub(in crate::site) holidays: Vec<Days>,
    /// Days that are worked on although their weekday is one of rest, such as `["2026-10-10"]`: with the hours of the first weekday that has any.
    pub(in crate::site) working_days: Vec<Days>,
    /// When shifts begin, such as `["08:00", "20:00"]`: for `period = "shift"` and the reports of power.
    pub(in crate::site) shifts: Vec<TimeOfDay>,
}

/// `[[stop]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawStop {
    /// What people call it.
    pub(in crate::site) name: Words,
    /// The hazard that stands still. Default: the whole site.
    pub(in crate::site) hazard: Option<Id>,
    /// From when on, in the site's time zone, such as `"2026-12-01 08:00"`.
    pub(in crate::site) from: LocalTime,
    /// Until when.
    pub(in crate::site) to: LocalTime,
}

/// `[[work]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawWork {
    /// What people call it.
    pub(in crate::site) name: Words,
    /// The hazard that is worked at. Default: the whole site.
    pub(in crate::site) hazard: Option<Id>,
    /// From when on, in the site's time zone, such as `"2026-12-01 22:00"`.
    pub(in crate::site) from: LocalTime,
    /// Until when.
    pub(in crate::site) to: LocalTime,
}
