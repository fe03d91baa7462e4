//! The closed lists of what enters the engine and what leaves it. Whatever can make the gateway decide
//! something stands in [`Input`]; whatever it decided stands in [`Output`].

use super::alarm::Transition;
use super::clock::ClockChange;
use super::device::{DeviceStatus, LinkReport};
use super::id::ForwarderId;
use super::output::{OutputOrder, OutputReport, OutputStatus};
use super::reading::Batch;
use super::risk::Risk;
use super::text::Text;

/// Everything that the engine reacts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Readings of one device.
    Readings(Batch),
    /// News of a device's link.
    Link(LinkReport),
    /// News of the gateway's own parts.
    Health(HealthReport),
    /// News of an output.
    Output(OutputReport),
    /// An operator or a centre wants something.
    Command(Command),
    /// The wall clock has been put forward or back, or is trusted otherwise than before.
    Clock(ClockChange),
    /// A deadline that the engine asked for has come.
    Wake,
}

/// A part of the gateway whose loss is an alarm of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthSource {
    /// The link to one destination.
    Forwarder(ForwarderId),
    /// The database on disk.
    Store,
    /// A task inside the gateway failed and was restarted.
    Task,
    /// The wall clock: whether a time server keeps it.
    Clock,
}

/// News of one of the gateway's own parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// The part.
    pub source: HealthSource,
    /// What is wrong with it, in words; none when it works.
    pub error: Option<Text>,
}

/// What an operator or a centre wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What.
    pub action: Action,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// What can be commanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take note of an alarm. Doing it twice is the same as doing it once.
    Acknowledge {
        /// The alarm's name.
        alarm: String,
        /// Which instance, as its `raised_at`; the present one if not said.
        raised_at: Option<super::time::Stamp>,
    },
    /// Take note of every alarm that stands unacknowledged, in one go.
    AcknowledgeAll(Scope),
    /// Set an alarm aside for a while, whether it stands or not. Needs a reason.
    Shelve {
        /// The alarm's name.
        alarm: String,
        /// For how long.
        span: std::time::Duration,
    },
    /// End that before its time.
    Unshelve {
        /// The alarm's name.
        alarm: String,
    },
    /// Take an alarm out of service, until it is put back. Needs a reason.
    TakeOut {
        /// The alarm's name.
        alarm: String,
    },
    /// Put it back.
    PutBack {
        /// The alarm's name.
        alarm: String,
    },
    /// Reset an alarm that is latched.
    Reset {
        /// The alarm's name.
        alarm: String,
    },
    /// Put on record what an alarm turned out to be and what was done.
    Dispose {
        /// The alarm's name.
        alarm: String,
        /// Which instance, as its `raised_at`; the present one if not said.
        raised_at: Option<super::time::Stamp>,
        /// What is put on record of it.
        finding: super::alarm::Finding,
    },
    /// Order a hazard, or the whole site, to stand still, or lift that order.
    OrderStop {
        /// The hazard's name; none: the whole site.
        hazard: Option<String>,
        /// Whether the order stands from now on.
        stands: bool,
    },
    /// Switch an output, until the alarms behind it call for something new.
    Switch {
        /// The output's name.
        output: String,
        /// On or off.
        on: bool,
    },
}

/// Which alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every one.
    Site,
    /// Those of this hazard.
    Hazard(String),
    /// Those of these names. If there is none of a name, nothing is done.
    Named(Vec<String>),
}

/// Why a command was refused. Shown to the one who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The site has no alarm of that name.
    #[error("there is no alarm `{0}` at this site")]
    UnknownAlarm(String),
    /// The alarm is normal: there is nothing to acknowledge.
    #[error("alarm `{0}` is not standing")]
    NotStanding(String),
    /// The instance meant is over; another one may stand.
    #[error("alarm `{alarm}` was raised anew at {raised_at}: the acknowledgement is for an earlier one")]
    OtherInstance {
        /// The alarm's name.
        alarm: String,
        /// The instance that stands.
        raised_at: super::time::Stamp,
    },
    /// The site has no hazard of that name.
    #[error("there is no hazard `{0}` at this site")]
    UnknownHazard(String),
    /// No derived point asks whether the hazard, or without one the whole site, is to stand still.
    #[error("nothing at this site asks for orders to stop{}: a derived point with `calendar = \"stop\"` does", of(.0.as_deref()))]
    NoStops(Option<String>),
    /// What is set aside must be set aside for a reason.
    #[error("`reason` is missing: say why")]
    NoReason,
    /// An alarm may not be shelved for so long.
    #[error(
        "an alarm may be shelved for at most {max_s} s here, and not for {span_s} s; take it out of service instead"
    )]
    ShelvedTooLong {
        /// What was asked for, in seconds.
        span_s: u64,
        /// What the site file allows, in seconds.
        max_s: u64,
    },
    /// The alarm's state does not allow it.
    #[error("alarm `{alarm}` is {state}: {why}")]
    NotNow {
        /// The alarm's name.
        alarm: String,
        /// Its state.
        state: &'static str,
        /// What would have to be otherwise.
        why: &'static str,
    },
    /// The site has no output of that name.
    #[error("there is no output `{0}` at this site")]
    UnknownOutput(String),
    /// The site file does not allow the output to be written.
    #[error(
        "output `{0}` is not enabled: nothing is written to it until the site file says `enabled = true`"
    )]
    NotEnabled(String),
    /// The gateway is shutting down, or its loop is not answering.
    #[error("the gateway did not take the command: it is stopping or overloaded; try again")]
    Unavailable,
}

fn of(hazard: Option<&str>) -> String {
    hazard.map_or_else(String::new, |hazard| format!(" of hazard `{hazard}`"))
}

/// What happened to a command.
pub type CommandResult = Result<(), CommandError>;

/// What stood when the gateway last ran: where an engine goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// The last transition of every alarm that is not normal.
    pub alarms: Vec<Transition>,
    /// The last state of every output.
    pub outputs: Vec<OutputStatus>,
    /// What else the engine put out to be told again.
    pub memories: Vec<Memory>,
}

impl From<Vec<Transition>> for Standing {
    fn from(alarms: Vec<Transition>) -> Self {
        Self { alarms, ..Self::default() }
    }
}

/// Something that the engine must know again after a restart and that no alarm or output says. Only the newest of a key counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// What it is of, in the engine's own words.
    pub key: String,
    /// What is to be known, in the engine's own words; none to forget it.
    pub body: Option<String>,
}

/// Everything that the engine decided in one call or one batch of calls. The caller empties it.
#[derive(Debug, Default, PartialEq)]
pub struct Output {
    /// Alarm transitions, in order. To be journalled before anyone hears of them.
    pub transitions: Vec<Transition>,
    /// Readings as conditioned: the same batches, with the quality that the engine gave them.
    pub batches: Vec<Batch>,
    /// Devices whose state changed.
    pub devices: Vec<DeviceStatus>,
    /// The risk picture, if it changed.
    pub risk: Option<Risk>,
    /// What outputs are to be, in order: the last for each output counts. Not to wait for the journal.
    pub orders: Vec<OutputOrder>,
    /// Outputs whose state changed.
    pub outputs: Vec<OutputStatus>,
    /// What must be known again after a restart.
    pub memories: Vec<Memory>,
    /// Results of commands, one for each in the order they came.
    pub results: Vec<CommandResult>,
}

impl Output {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty()
            && self.batches.is_empty()
            && self.devices.is_empty()
            && self.risk.is_none()
            && self.orders.is_empty()
            && self.outputs.is_empty()
            && self.memories.is_empty()
            && self.results.is_empty()
    }
}
