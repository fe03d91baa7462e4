//! What is known of a device's link.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::DeviceId;
use super::text::Text;
use super::time::Stamp;

/// Whether a device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It answers.
    Up,
    /// It answers, but not everything, or not always.
    Degraded,
    /// It does not answer.
    Down,
}

/// News of a device's link, from the task that talks to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReport {
    /// The device.
    pub device: DeviceId,
    /// How it is now.
    pub state: LinkState,
    /// What went wrong, in words, unless it is up.
    pub error: Option<Text>,
}

/// A device's state as centres and the console see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// When this was said.
    pub at: Stamp,
    /// The device's name.
    pub device: String,
    /// How its link is; a device of which nothing has been heard yet is down.
    pub state: LinkState,
    /// Since when.
    pub since: Stamp,
    /// What went wrong, in words.
    pub error: Option<Text>,
}
