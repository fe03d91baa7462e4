//! `[[derived]]`: points that are worked out from others.

use schemars::JsonSchema;
use serde::Deserialize;

use super::rule::RawLimits;
use crate::site::defaults;
use crate::site::values::{Id, Name, Period, Words};

/// `[[derived]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawDerived {
    /// The point's id, unlike every other point's. Any dotted name.
    pub(in crate::site) id: Name,
    /// The hazard that it belongs to. Default: that of the points it is worked out from, if they have one and the same.
    pub(in crate::site) hazard: Option<Id>,
    /// How it is worked out, and its limits.
    #[serde(flatten)]
    pub(in crate::site) formula: RawFormula,
}

/// A derived point, but for its id.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawFormula {
    /// What people call it.
    pub(in crate::site) name: Words,
    /// A number or a condition over other points, such as `meter1.power + meter2.power`; docs/rules.md has the language. Either this or
    /// `function`.
    pub(in crate::site) value: Option<String>,
    /// What is made of the recent past of the point `of`.
    pub(in crate::site) function: Option<FunctionWord>,
    /// With `function`: the point, which may be derived itself.
    pub(in crate::site) of: Option<Name>,
    /// With `function`: how far back.
    pub(in crate::site) over: Option<Period>,
    /// With `rate`: the unit of time that it is per.
    #[schemars(extend("default" = defaults::RATE_PER))]
    pub(in crate::site) per: Option<Period>,
    /// With `forecast`: the value that is waited for. Required there. In the unit of the point `of`.
    pub(in crate::site) to: Option<f64>,
    /// With `forecast`: whether that value is reached from below or from above.
    #[schemars(extend("default" = "rising"))]
    pub(in crate::site) toward: Option<TowardWord>,
    /// Engineering unit. Default: with `function` what follows from the unit of the point `of`, else none.
    pub(in crate::site) unit: Option<String>,
    /// Decimal places to show.
    #[schemars(range(min = 0, max = 9), extend("default" = defaults::DECIMALS))]
    pub(in crate::site) decimals: Option<u8>,
    /// What it means to packs, such as `fan_power`.
    pub(in crate::site) role: Option<Id>,
    /// What it can be, `[low, high]`; a value outside is uncertain. In its unit.
    pub(in crate::site) range: Option<[f64; 2]>,
    /// Limits: short for a `[[rule]]` of the same name as the point.
    pub(in crate::site) limits: Option<RawLimits>,
}

/// What is made of a point's recent past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum FunctionWord {
    /// The mean of its readings.
    Mean,
    /// Its mean over time: each value counts for as long as it stood.
    TimeWeighted,
    /// The least of its readings.
    Min,
    /// The greatest of its readings.
    Max,
    /// The sum of its readings.
    Sum,
    /// How often a switch went on, or by how much a counter went up.
    Count,
    /// How fast it changes: the slope of the line through its readings.
    Rate,
    /// Minutes until it reaches `to`, if it goes on as it does.
    Forecast,
}

/// From which side a value is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum TowardWord {
    /// From below.
    Rising,
    /// From above.
    Falling,
}

/// `stuck` of a point.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawStuck {
    /// How long the value has not moved.
    pub(in crate::site) after: Period,
    /// By how much it may move and still count as stuck. In the point's unit.
    #[schemars(extend("default" = defaults::DEADBAND))]
    pub(in crate::site) band: Option<f64>,
}
