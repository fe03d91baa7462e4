//! The files beside a site file that many sites share: device templates and rule packs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::device::{RawDevice, RawPoint};
use super::rule::RawLimits;
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
    /// Its rules.
    pub(in crate::site) rule: Vec<RawPackRule>,
}

/// One rule of a pack.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::site) struct RawPackRule {
    /// Last part of the alarms' names. Rules of one id are one rule in several units.
    pub(in crate::site) id: Id,
    /// The roles that it is for.
    pub(in crate::site) roles: Vec<Id>,
    /// The unit that its limits are in; the point must have the same.
    pub(in crate::site) unit: String,
    /// The set-point that its limits and deadband are percentages of; absent, they are in `unit`.
    pub(in crate::site) percent_of: Option<Id>,
    /// Its limits, with `message` and `basis`.
    pub(in crate::site) limits: RawLimits,
}
