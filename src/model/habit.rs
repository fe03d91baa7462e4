//! What alarms that come too often are called, by the figures that are commonly given after ISA-18.2 and IEC 62682: nuisance that a person
//! should hear of, so that the limit, the deadband or the delay is mended.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A flood begins with more than so many alarms within [`FLOOD_SPAN`] (ISA-18.2's figure).
pub const FLOOD_BEGIN: usize = 10;
/// A flood ends with fewer than so many alarms within [`FLOOD_SPAN`] (ISA-18.2's figure).
pub const FLOOD_END: usize = 5;
/// The span in which the alarms of a flood are counted.
pub const FLOOD_SPAN: Duration = Duration::from_secs(600);
/// An alarm chatters that is raised so often within [`CHATTER_SPAN`] (common practice after ISA-18.2).
pub const CHATTER_RAISES: usize = 3;
/// The span in which the raises of a chattering alarm are counted.
pub const CHATTER_SPAN: Duration = Duration::from_secs(60);
/// An alarm is fleeting that is gone again so soon without anybody's doing (our default).
pub const FLEETING_SPAN: Duration = Duration::from_secs(10);

/// What an alarm does that serves nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// It has been raised three times within a minute.
    Chattering,
    /// It was gone within ten seconds, before anybody had acknowledged it.
    Fleeting,
}
