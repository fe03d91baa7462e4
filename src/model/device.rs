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
    /// What has been counted of it.
    pub counters: LinkCounters,
}

/// What has been counted of a device since the gateway began to talk to it; each only grows until the gateway or the
/// device's link is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinkCounters {
    /// Polls made; of a device that publishes, messages heard.
    pub polls: u64,
    /// Polls that were due and were skipped, because the link was too slow for them.
    pub overruns: u64,
    /// Questions that nothing came for in time.
    pub silent: u64,
    /// Questions during which the connection broke.
    pub lost: u64,
    /// Questions that the device answered with an exception.
    pub refused: u64,
    /// Answers or messages that could not be understood, or were the answer to another question.
    pub malformed: u64,
    /// Messages that the broker had kept from before, and that were not taken for fresh ones.
    pub retained: u64,
    /// Values in messages that were older than the last or the same again, and were not taken.
    pub late: u64,
    /// Values in messages whose time was missing or not believed: of unknown age, and uncertain.
    pub undated: u64,
}

impl LinkCounters {
    /// Whether anything but regular polls has been counted since `earlier`.
    pub fn has_news_since(&self, earlier: &Self) -> bool {
        Self { polls: earlier.polls, ..*self } != *earlier
    }
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
    /// What has been counted of it, as of `at`.
    #[serde(default)]
    pub counters: LinkCounters,
}
