//! Outputs: the few things at a site that the gateway may switch, such as a siren, a beacon or a ventilator's start. What one
//! is to be is decided by the engine, carried out by the task of its device's link, and known only once it has been read back.

use serde::{Deserialize, Serialize};

use super::id::OutputId;
use super::text::Text;
use super::time::{Mono, Stamp};

/// What an output is to be from now on. It takes the place of every earlier order for that output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputOrder {
    /// The output.
    pub output: OutputId,
    /// On or off.
    pub on: bool,
    /// Whether it is to be written where the device shows otherwise. If not, somebody else has switched it, or may have:
    /// that is told, and left to them.
    pub write: bool,
    /// When it is too late to begin: a command that could not be carried out in time is withdrawn. None: as long as it stands.
    pub until: Option<Mono>,
}

/// The order that stands for each output, by its id; none where nothing has been decided yet. Only the newest order is
/// ever held, so that nothing old is written late.
pub type Orders = Vec<Option<OutputOrder>>;

/// What came of an order, or of a look at an output since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputReport {
    /// The output.
    pub output: OutputId,
    /// What was read back; none where it could not be read or is neither on nor off.
    pub on: Option<bool>,
    /// What went wrong, in words.
    pub error: Option<Text>,
}

/// An output's state as centres and the console see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputStatus {
    /// When this was said.
    pub at: Stamp,
    /// The output's name.
    pub output: String,
    /// What was last read back; none while that is not known.
    pub on: Option<bool>,
    /// What it is to be.
    pub wanted: bool,
    /// Since when it is to be so.
    pub since: Stamp,
    /// Who commanded it, while a command holds; none while the alarms behind it decide.
    pub by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Why it is not as wanted, or may not be, in words.
    pub error: Option<Text>,
    /// Whether it has been read back as wanted since it was last switched.
    pub confirmed: bool,
}
