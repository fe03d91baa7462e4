//! The files beside a site file that many sites share: device templates and rule packs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::derived::RawFormula;
use super::device::{RawDevice, RawPoint};
use super::rule::{RawCondition, RawLimits};
use crate::site::values::{Id, Words};

/// A device template: `devices/<name>.toml`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawTemplate {
    /// What people call such a device.
    pub(in crate::site) name: Words,
    /// Where the register map comes from, and how sure it is.
    pub(in crate::site) source: String,
    /// Defaults for the device.
    #[serde(default)]
    pub(in crate::site) device: RawDevice,
    /// Its signals.
    #[serde(default)]
    pub(in crate::site) point: Vec<RawPoint>,
}

/// A rule pack: `packs/<name>.toml`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPackFile {
    /// What people call it.
    pub(in crate::site) name: Words,
    /// What it is for, and what its points must be.
    pub(in crate::site) about: Words,
    /// Set-points that hold where the site file gives no others. In the points' units.
    #[serde(default)]
    pub(in crate::site) setpoints: BTreeMap<String, f64>,
    /// The signals that its expressions name.
    #[serde(default)]
    pub(in crate::site) role: Vec<RawPackRole>,
    /// Points that it works out.
    #[serde(default)]
    pub(in crate::site) derived: Vec<RawPackDerived>,
    /// Its rules.
    #[serde(default)]
    pub(in crate::site) rule: Vec<RawPackRule>,
}

/// What a name in the expressions of a pack stands for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPackRole {
    /// The name.
    pub(in crate::site) id: Id,
    /// What people call the signal.
    pub(in crate::site) name: Words,
    /// The roles of the points that it stands for. Default: the name itself.
    #[serde(default)]
    pub(in crate::site) roles: Vec<Id>,
    /// The unit that the point must have. Default: none, as of a switch.
    pub(in crate::site) unit: Option<String>,
    /// How many points must have it at least, where several may: it then stands in `min`, `max` or `at_least`, for each of them. Default: it is one point.
    #[schemars(range(min = 2, max = 256))]
    pub(in crate::site) many: Option<u16>,
}

/// One derived point of a pack.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::site) struct RawPackDerived {
    /// Last part of the points' names. Of several of one id the first is made whose signals are all there.
    pub(in crate::site) id: Id,
    /// Made for each point that has one of these roles, which is then `self`. Default: made once for the hazard.
    #[serde(default)]
    pub(in crate::site) roles: Vec<Id>,
    /// The set-point that `to` is a percentage of; absent, it is in the unit of the point `of`.
    pub(in crate::site) percent_of: Option<Id>,
    /// How it is worked out, and its limits.
    #[serde(flatten)]
    pub(in crate::site) formula: RawFormula,
}

/// One rule of a pack: `limits` or a `condition`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPackRule {
    /// Last part of the alarms' names. Of several of one id the first is made whose unit fits and whose signals are all there.
    pub(in crate::site) id: Id,
    /// Made for each point that has one of these roles, which is then `self`. Required with `limits`. Default: made once for the hazard.
    #[serde(default)]
    pub(in crate::site) roles: Vec<Id>,
    /// The unit that such a point must have. Required where none of `[[role]]` says it.
    pub(in crate::site) unit: Option<String>,
    /// The set-point that its limits and deadband are percentages of; absent, they are in the point's unit.
    pub(in crate::site) percent_of: Option<Id>,
    /// Limits on the point.
    pub(in crate::site) limits: Option<RawLimits>,
    /// A condition over the point and others.
    pub(in crate::site) condition: Option<RawCondition>,
}
