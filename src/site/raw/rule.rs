//! The tables of decision: rules, limits, and packs applied to points.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::defaults;
use crate::site::values::{FeederChoice, Grade, Id, Name, Period, Words};

/// `[[rule]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(in crate::site) enum RawRule {
    /// A point beyond its limits.
    Limits(RawLimitsRule),
    /// Points that stand to each other as they must not, such as a line that runs while its dust fan does not.
    Condition(RawConditionRule),
}

/// `[[rule]]` with `kind = "limits"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawLimitsRule {
    /// The alarm's name; unlike every other.
    pub(in crate::site) id: Name,
    /// The point's id, `device.signal`.
    pub(in crate::site) point: Name,
    /// The hazard that the alarm counts for. Default: the point's.
    pub(in crate::site) hazard: Option<Id>,
    /// The limits.
    #[serde(flatten)]
    pub(in crate::site) limits: RawLimits,
}

/// `[[rule]]` with `kind = "condition"`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawConditionRule {
    /// The alarm's name; unlike every other.
    pub(in crate::site) id: Name,
    /// The hazard that the alarm counts for. Default: that of its points, if they have one and the same.
    pub(in crate::site) hazard: Option<Id>,
    /// The condition.
    #[serde(flatten)]
    pub(in crate::site) condition: RawCondition,
}

/// A condition over several points.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawCondition {
    /// What raises the alarm, such as `line.power > 20 && fan.power < 2`; docs/rules.md has the language.
    pub(in crate::site) when: String,
    /// What ends it. Default: `when` no longer holds. With another bound than in `when`, such as `line.power < 15 || fan.power > 3`, an alarm at the
    /// limit does not come and go.
    pub(in crate::site) until: Option<String>,
    /// How grave it is.
    #[schemars(extend("default" = defaults::CONDITION_LEVEL))]
    pub(in crate::site) level: Option<Grade>,
    /// How long `when` must hold before the alarm is raised.
    #[schemars(extend("default" = defaults::NO_DELAY))]
    pub(in crate::site) on_delay: Option<Period>,
    /// How long it must be gone before the alarm clears.
    #[schemars(extend("default" = defaults::NO_DELAY))]
    pub(in crate::site) off_delay: Option<Period>,
    /// What an operator reads; the values of its points are added.
    pub(in crate::site) message: Words,
    /// What the rule rests on: a standard's clause, a common practice, a decision of the site.
    pub(in crate::site) basis: Option<String>,
    /// How its alarm is handled.
    #[serde(flatten)]
    pub(in crate::site) handling: RawHandling,
}

/// How an alarm is handled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(in crate::site) struct RawHandling {
    /// Whether somebody must take note of it. Where not, it comes as acknowledged and goes by itself.
    #[schemars(extend("default" = true))]
    pub(in crate::site) acknowledge: Option<bool>,
    /// Whether it stays once its condition is gone, until somebody resets it.
    #[schemars(extend("default" = false))]
    pub(in crate::site) latch: Option<bool>,
    /// The rule is active only while this condition holds, such as `casting_plc.casting`; docs/rules.md has the language. An alarm that stands meanwhile is
    /// suppressed. Default: always.
    pub(in crate::site) only_when: Option<String>,
    /// The rule is active only at these times of the week, such as `["mon-fri 08:00-18:00"]`, or by `[calendar]`: `working_hours`, `working_days`,
    /// `rest_days`. Default: always.
    pub(in crate::site) only_during: Option<Vec<String>>,
    /// The rule is not active at these times of the week.
    pub(in crate::site) not_during: Option<Vec<String>>,
    /// What it raises. Default: a warning where it is a condition over several points, or rests on a rate or a forecast; else an alarm.
    pub(in crate::site) class: Option<ClassWord>,
    /// Alarms that one cause may set off one after the other: of a group, the first to be raised is marked. Any name; none stands alone.
    pub(in crate::site) group: Option<Id>,
}

/// What a rule raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::site) enum ClassWord {
    /// 报警: one limit on one signal is crossed, one switch says what it must not.
    Alarm,
    /// 预警: several signals together, or a trend.
    Warning,
}

/// Up to four limits on one point, in order `ll < l < h < hh`; at least one.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawLimits {
    /// Low-low. In the point's unit.
    pub(in crate::site) ll: Option<f64>,
    /// Low. In the point's unit.
    pub(in crate::site) l: Option<f64>,
    /// High. In the point's unit.
    pub(in crate::site) h: Option<f64>,
    /// High-high. In the point's unit.
    pub(in crate::site) hh: Option<f64>,
    /// How far back past a limit the value must come before it counts as gone. In the point's unit.
    #[schemars(extend("default" = defaults::DEADBAND))]
    pub(in crate::site) deadband: Option<f64>,
    /// How long a limit must be crossed before the alarm is raised or becomes graver.
    #[schemars(extend("default" = defaults::NO_DELAY))]
    pub(in crate::site) on_delay: Option<Period>,
    /// How long it must be gone before the alarm clears or becomes less grave.
    #[schemars(extend("default" = defaults::NO_DELAY))]
    pub(in crate::site) off_delay: Option<Period>,
    /// How grave it is to cross each limit.
    #[serde(default)]
    pub(in crate::site) levels: RawLevels,
    /// What an operator reads; `{name}` stands for the point's name; value and limit are added. Default: the point's name and the limit crossed.
    pub(in crate::site) message: Option<Words>,
    /// What the limits rest on: a standard's clause, a common practice, a decision of the site.
    pub(in crate::site) basis: Option<String>,
    /// How its alarm is handled.
    #[serde(flatten)]
    pub(in crate::site) handling: RawHandling,
}

/// How grave it is to cross each limit.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawLevels {
    /// Of low-low.
    #[schemars(extend("default" = defaults::OUTER_LEVEL))]
    pub(in crate::site) ll: Option<Grade>,
    /// Of low.
    #[schemars(extend("default" = defaults::INNER_LEVEL))]
    pub(in crate::site) l: Option<Grade>,
    /// Of high.
    #[schemars(extend("default" = defaults::INNER_LEVEL))]
    pub(in crate::site) h: Option<Grade>,
    /// Of high-high.
    #[schemars(extend("default" = defaults::OUTER_LEVEL))]
    pub(in crate::site) hh: Option<Grade>,
}

/// `[[pack]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPack {
    /// The pack's name, such as `gas_combustible`.
    #[serde(rename = "use")]
    pub(in crate::site) name: Id,
    /// First part of the names of what it makes once and not for each point. Default: the hazard's id. Where one hazard has several tanks or furnaces, each
    /// has its `[[pack]]`, with an `id` and its `points`.
    pub(in crate::site) id: Option<Id>,
    /// What people call that of which `id` is the name; stands for `{name}`. Default: the hazard's name.
    #[serde(rename = "name")]
    pub(in crate::site) title: Option<Words>,
    /// Points that its rules are applied to. The alarms are named `<point>.<the pack's rule>`.
    #[serde(default)]
    pub(in crate::site) points: Vec<Name>,
    /// Apply its rules to every point of this hazard that has a fitting role.
    pub(in crate::site) hazard: Option<Id>,
    /// Feeders of the power tree that it is applied to, each by itself: its rules are for the feeder's own points, those of its meter and those that are worked out for
    /// it. `["*"]` is every feeder.
    #[serde(default)]
    pub(in crate::site) feeders: Vec<FeederChoice>,
    /// Rules and derived points of the pack that are left out.
    #[serde(default)]
    pub(in crate::site) without: Vec<Id>,
    /// Set-points that the pack's limits and conditions rest on, such as `{ cooling_flow = 120.0 }`. In the points' units.
    #[serde(default)]
    pub(in crate::site) setpoints: BTreeMap<String, f64>,
    /// Levels in place of those of the pack's limits.
    #[serde(default)]
    pub(in crate::site) levels: RawLevels,
    /// On-delay in place of that of the pack's rules with limits.
    pub(in crate::site) on_delay: Option<Period>,
    /// Off-delay in place of that of the pack's rules with limits.
    pub(in crate::site) off_delay: Option<Period>,
}
