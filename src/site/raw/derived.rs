//! `[[derived]]`: points that are worked out from others.

use schemars::JsonSchema;
use serde::Deserialize;

use super::rule::RawLimits;
use crate::site::bound::Bound;
use crate::site::defaults;
use crate::site::values::{Id, Name, Period, Words};

/// `[[derived]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawDerived {
    /// The point's id, unlike every other point's. Any dotted name.
    pub(in crate::site) id: Name,
    /// The hazard that it belongs to; with `calendar = "stop"`, the one that stands still, with `"work"` the one that is worked at. Default: that of the points it is worked out from, if they
    /// have one and the same.
    pub(in crate::site) hazard: Option<Id>,
    /// How it is worked out, and its limits.
    #[serde(flatten)]
    pub(in crate::site) formula: RawFormula,
}

/// A derived point, but for its id.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawFormula {
    /// What people call it.
    pub(in crate::site) name: Words,
    /// A number or a condition over other points, such as `meter1.power + meter2.power`; docs/rules.md has the language. Either this or
    /// `function` or `calendar`.
    pub(in crate::site) value: Option<String>,
    /// A switch by the site's calendar.
    pub(in crate::site) calendar: Option<CalendarWord>,
    /// What is made of the recent past of the point `of`.
    pub(in crate::site) function: Option<FunctionWord>,
    /// With `function`: the point, which may be derived itself.
    pub(in crate::site) of: Option<Name>,
    /// With `function`: how far back. Instead of it `period` with `time_weighted`, `min`, `max`; always `period` with `demand` and `energy`.
    pub(in crate::site) over: Option<Period>,
    /// With `function`: the stretches of the clock that it is worked out for, in the site's time zone. With `demand` `15min` if nothing else is said.
    pub(in crate::site) period: Option<PeriodWord>,
    /// With `period`: of which stretch it tells. Default: `present` with `energy`, `min` and `max`, else `last`.
    pub(in crate::site) which: Option<WhichWord>,
    /// With `demand` and `energy` of a counter: the value at which the counter begins again with 0, such as 1000000. In the counter's unit.
    pub(in crate::site) modulus: Option<f64>,
    /// With `rate`: the unit of time that it is per.
    #[schemars(extend("default" = defaults::RATE_PER))]
    pub(in crate::site) per: Option<Period>,
    /// With `forecast`: the value that is waited for. Required there. In the unit of the point `of`.
    pub(in crate::site) to: Option<f64>,
    /// With `forecast`: whether that value is reached from below or from above.
    #[schemars(extend("default" = "rising"))]
    pub(in crate::site) toward: Option<TowardWord>,
    /// With `baseline`: of how many days of a kind, working days or days of rest, a quarter of an hour must be known before anything is ordinary; 5 if
    /// nothing else is said. With `state` and `running = "learned"`: after how many days of known load the bound is learnt; 7 if nothing else is said.
    #[schemars(range(min = 1, max = 28))]
    pub(in crate::site) days: Option<u8>,
    /// With `baseline`: how far outside of the ordinary range is one margin, in percent of its edge.
    #[schemars(extend("default" = defaults::BASELINE_PERCENT))]
    pub(in crate::site) percent: Option<f64>,
    /// With `state`: from which load on the line is idle and not stopped. In the unit of the point `of`. Default: it is one or the other.
    pub(in crate::site) idle: Option<f64>,
    /// With `state`: from which load on it runs. Required there. `"learned"`: between the two modes of the load, standing and working, as its own past shows them.
    pub(in crate::site) running: Option<Bound>,
    /// With `state`: from which load on it is overloaded. Default: it never is.
    pub(in crate::site) overload: Option<f64>,
    /// With `state`: how far below a bound the load must come to be under it again. In the unit of the point `of`. Default: a tenth of the lowest bound.
    pub(in crate::site) deadband: Option<f64>,
    /// With `state`: how long the load must be beyond a bound. No state is shorter.
    #[schemars(extend("default" = defaults::STATE_LEAST))]
    pub(in crate::site) least: Option<Period>,
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
    /// The mean power in each `period`, of a power or of an energy counter.
    Demand,
    /// The energy in each `period`, of a power or of an energy counter.
    Energy,
    /// What a feeder ordinarily draws at this time of a day of this kind: the median of its own last 28 days, by quarters of an hour.
    Baseline,
    /// Of a `baseline`: the lower edge of the ordinary range at present.
    BaselineLow,
    /// Of a `baseline`: its upper edge.
    BaselineHigh,
    /// Of a `baseline`: how far the last quarter of an hour was outside of that range, in margins; 0 inside, negative below.
    Deviation,
    /// The state of production by the load: stopped, idle, running, overload.
    State,
    /// Of a `state`: from which load on it runs, as given or learnt.
    RunningFrom,
    /// The hours in which a switch is on, or a `state` is running or overload; in each `period`, or without one since ever.
    Hours,
}

/// A question to the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum CalendarWord {
    /// On in working hours.
    WorkingHours,
    /// On on days of rest.
    RestDay,
    /// On while the `hazard`, or without one the whole site, is to stand still: by `[[stop]]`, or by order of the centre.
    Stop,
    /// On while work is declared for the `hazard`, or for the whole site, by `[[work]]`.
    Work,
}

/// Stretches of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::site) enum PeriodWord {
    /// Each minute.
    #[serde(rename = "1min")]
    Minute,
    /// From the full hour on, every 5 minutes.
    #[serde(rename = "5min")]
    FiveMinutes,
    /// From the full hour on, every 10 minutes.
    #[serde(rename = "10min")]
    TenMinutes,
    /// From the full hour on, every 15 minutes.
    #[serde(rename = "15min")]
    QuarterHour,
    /// Each half hour.
    #[serde(rename = "30min")]
    HalfHour,
    /// Each hour.
    #[serde(rename = "hour")]
    Hour,
    /// Each shift of `[calendar]`.
    #[serde(rename = "shift")]
    Shift,
    /// From midnight to midnight.
    #[serde(rename = "day")]
    Day,
    /// Each month.
    #[serde(rename = "month")]
    Month,
}

/// Of which stretch of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum WhichWord {
    /// The last that is over.
    Last,
    /// The present one, as far as it has come.
    Present,
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

/// `keep` of a point.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawKeep {
    /// By how much a value may differ from the last that was kept and tell nothing new. Another quality always does. In the point's unit.
    #[schemars(extend("default" = 0.0))]
    pub(in crate::site) deadband: Option<f64>,
    /// A reading is kept when the last is so long ago, whatever it says.
    #[schemars(extend("default" = "5min"))]
    pub(in crate::site) at_least: Option<Period>,
}
