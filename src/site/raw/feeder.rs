//! `[[feeder]]`: the power tree, from the incomer down to single equipment.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::site::bound::Bound;
use crate::site::values::{Id, Name, Words};

/// `[[feeder]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawFeeder {
    /// Its id: the first part of the names of the points that are worked out for it.
    pub(in crate::site) id: Id,
    /// What people call it.
    pub(in crate::site) name: Words,
    /// The feeder that it is fed from. Default: none; it is then the incomer, and a site has one.
    pub(in crate::site) parent: Option<Id>,
    /// What it feeds.
    pub(in crate::site) role: Option<FeederWord>,
    /// The hazard that it belongs to. Default: that of its points, if they have one and the same, else its parent's.
    pub(in crate::site) hazard: Option<Id>,
    /// With a `role` that protects people: the production feeders that must not run without it. Default: those of its hazard, with `safety` none.
    #[serde(default)]
    pub(in crate::site) serves: Vec<Id>,
    /// The device that measures it. Its points with the roles (or else the signals) `power`, `energy`, `current_a` to `current_c` and `voltage_a` to `voltage_c`
    /// are the feeder's, where it names no others.
    pub(in crate::site) meter: Option<Id>,
    /// Its active power.
    pub(in crate::site) power: Option<Name>,
    /// Its counter of active energy.
    pub(in crate::site) energy: Option<Name>,
    /// The value at which the counter begins again with 0, such as 1000000. In the counter's unit.
    pub(in crate::site) modulus: Option<f64>,
    /// The currents of its phases: one, or all three.
    #[serde(default)]
    pub(in crate::site) currents: Vec<Name>,
    /// The voltages of its phases: one, or all three.
    #[serde(default)]
    pub(in crate::site) voltages: Vec<Name>,
    /// What it may draw for long. In the unit of its power.
    pub(in crate::site) rated_power: Option<f64>,
    /// What may flow in each phase for long. In the unit of its currents.
    pub(in crate::site) rated_current: Option<f64>,
    /// From which power on what it feeds runs. In the unit of its power. `"learned"`: between the two modes of its load, standing and working, as a
    /// week of its own past shows them. Default: its state is not worked out.
    pub(in crate::site) running: Option<Bound>,
    /// With `running`: from which power on it is idle and not stopped. Default: it is one or the other.
    pub(in crate::site) idle: Option<f64>,
    /// With `running`: from which power on it is overloaded. Default: it never is.
    pub(in crate::site) overload: Option<f64>,
}

/// What a feeder feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum FeederWord {
    /// 生产线: a production line.
    Production,
    /// 除尘: dust removal.
    DustRemoval,
    /// 排烟、废气治理: removal or treatment of fumes.
    FumeRemoval,
    /// 冷却: cooling.
    Cooling,
    /// 通风: ventilation.
    Ventilation,
    /// 安全设施: safety equipment, such as fire pumps and emergency lighting.
    Safety,
    /// 办公: offices.
    Office,
}
