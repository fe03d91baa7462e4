//! What each output is to be. That is a function of two things: which alarms call for it, and the last command, which holds
//! until an alarm behind the output begins to call, calls anew, or ceases to. What an output is, only its device can say.

use jiff::tz::TimeZone;

use crate::model::limits::OUTPUT_COMMAND_MAX;
use crate::model::{
    AlarmId, EventKind, Mono, OutputId, OutputOrder, OutputReport, OutputStatus, Stamp, Text, Wall,
};
use crate::site::{Call, OutputSpec, Site};

use super::alarm::Alarm;

/// Every output that is enabled.
#[derive(Debug)]
pub(super) struct Outputs {
    /// By output id; none for those that are not enabled.
    list: Vec<Option<Outlet>>,
    /// Which outputs an alarm may call for, and at which place among their calls; in the order of the alarms.
    behind: Vec<(AlarmId, OutputId, usize)>,
}

/// One output.
#[derive(Debug)]
pub(super) struct Outlet {
    /// For each alarm behind it, whether it calls.
    calls: Vec<bool>,
    /// The command that holds.
    hand: Option<Hand>,
    wanted: bool,
    since: Stamp,
    /// Whether that was stamped in this run, and not in an earlier one, of whose clock nothing is known here.
    is_ours: bool,
    /// What was last read back, and whether its device has answered since.
    known: bool,
    shown: Option<bool>,
    /// What went wrong at the device, and what is therefore wrong with the output.
    error: Option<Text>,
    trouble: Option<Text>,
    progress: Progress,
    told: Option<OutputStatus>,
}

/// How far an output has come since it was last switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It is ordered, and what was heard of it before says nothing of that.
    Ordered,
    /// Something was heard: it was not as wanted, or could not be read back.
    Heard,
    /// It was read back as wanted.
    Confirmed,
}

/// A command that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hand {
    on: bool,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    /// When it is withdrawn, unless it has been carried out.
    until: Option<Mono>,
}

/// Whether an alarm calls for an output.
fn is_calling(spec: &OutputSpec, call: Call, alarm: &Alarm) -> bool {
    alarm.level().is_some_and(|level| spec.is_called(call, alarm.acts_as(), level))
}

impl Outputs {
    /// Every output off, nothing calling, as nothing is known yet.
    pub(super) fn new(site: &Site, at: Stamp) -> Self {
        let mut behind = Vec::new();
        for (index, output) in site.outputs.iter().enumerate().filter(|(_, output)| output.enabled) {
            let places = output.calls.iter().enumerate();
            behind.extend(places.map(|(place, call)| (call.alarm, OutputId::new(index), place)));
        }
        behind.sort_unstable();
        let list = site.outputs.iter().map(|spec| spec.enabled.then(|| Outlet::new(spec, at))).collect();
        Self { list, behind }
    }

    /// Those that are enabled.
    pub(super) fn ids(&self) -> impl Iterator<Item = OutputId> + use<> {
        let enabled: Vec<bool> = self.list.iter().map(Option::is_some).collect();
        (0..enabled.len()).filter(move |index| enabled[*index]).map(OutputId::new)
    }

    pub(super) fn get(&self, id: OutputId) -> Option<&Outlet> {
        self.list[id.index()].as_ref()
    }

    pub(super) fn get_mut(&mut self, id: OutputId) -> Option<&mut Outlet> {
        self.list[id.index()].as_mut()
    }

    /// Puts every stamp of this run forward by so many ms, or back.
    pub(super) fn restamp(&mut self, by_ms: i64, zone: &TimeZone) {
        for outlet in self.list.iter_mut().flatten().filter(|outlet| outlet.is_ours) {
            outlet.since = Wall(outlet.since.wall.0.saturating_add(by_ms)).stamp(zone);
        }
    }

    /// Takes note of an alarm's new state. Adds to `touched` the outputs whose call it has changed or renewed.
    pub(super) fn hear(
        &mut self,
        site: &Site,
        (id, alarm): (AlarmId, &Alarm),
        event: EventKind,
        touched: &mut Vec<(OutputId, AlarmId)>,
    ) {
        let first = self.behind.partition_point(|(behind, ..)| *behind < id);
        let renewed = matches!(event, EventKind::Raised | EventKind::Escalated);
        for (_, output, place) in self.behind[first..].iter().take_while(|(behind, ..)| *behind == id) {
            let (spec, outlet) = (site.output(*output), &mut self.list[output.index()]);
            let Some(outlet) = outlet else { continue };
            let calls = is_calling(spec, spec.calls[*place], alarm);
            let changed = std::mem::replace(&mut outlet.calls[*place], calls) != calls;
            if changed || (calls && renewed) {
                touched.push((*output, id));
            }
        }
    }
}

impl Outlet {
    fn new(spec: &OutputSpec, at: Stamp) -> Self {
        Self {
            calls: vec![false; spec.calls.len()],
            hand: None,
            wanted: false,
            since: at,
            is_ours: true,
            known: false,
            shown: None,
            error: None,
            trouble: None,
            progress: Progress::Confirmed,
            told: None,
        }
    }

    /// Goes on where the output stood, with the alarms as they stand. A command that had been carried out still holds; one
    /// that had not is too old. Returns the withdrawn command, if there is one, and whether the output is to change.
    pub(super) fn restore(
        &mut self,
        spec: &OutputSpec,
        alarms: &[Alarm],
        kept: Option<&OutputStatus>,
        at: Stamp,
    ) -> (Option<String>, bool) {
        for (calls, call) in self.calls.iter_mut().zip(&spec.calls) {
            *calls = is_calling(spec, *call, &alarms[call.alarm.index()]);
        }
        let mut late = None;
        if let Some(kept) = kept {
            let OutputStatus { on, wanted, since, by, reason, confirmed, .. } = kept.clone();
            (self.wanted, self.since, self.is_ours) = (wanted, since, false);
            self.progress = if confirmed { Progress::Confirmed } else { Progress::Ordered };
            self.known = on.unwrap_or(wanted == confirmed);
            match by {
                Some(by) if confirmed => self.hand = Some(Hand { on: wanted, by, reason, until: None }),
                by => late = by,
            }
        }
        (late, self.turn(at))
    }

    /// What the alarms and the command make of it.
    fn due(&self) -> bool {
        self.hand.as_ref().map_or_else(|| self.calls.contains(&true), |hand| hand.on)
    }

    /// Brings what is wanted in step with what is due. Returns whether that is something else.
    pub(super) fn turn(&mut self, at: Stamp) -> bool {
        let due = self.due();
        if due == self.wanted {
            return false;
        }
        (self.wanted, self.since, self.is_ours) = (due, at, true);
        self.begin();
        true
    }

    /// A command holds from now on. Returns when it is withdrawn, unless it has been carried out.
    pub(super) fn command(&mut self, on: bool, by: String, reason: Option<String>, now: Mono) -> Mono {
        let until = now + OUTPUT_COMMAND_MAX;
        self.hand = Some(Hand { on, by, reason, until: Some(until) });
        self.begin();
        until
    }

    /// What was known of an earlier order says nothing of this one.
    fn begin(&mut self) {
        (self.progress, self.error) = (Progress::Ordered, None);
    }

    /// The command that holds, if any, holds no longer.
    pub(super) fn release(&mut self) -> Option<Hand> {
        self.hand.take()
    }

    /// The command, if it could not be carried out by `now`; it holds no longer.
    pub(super) fn withdraw(&mut self, now: Mono) -> Option<Hand> {
        let late = self.hand.take_if(|hand| hand.until.is_some_and(|until| until <= now))?;
        let seconds = OUTPUT_COMMAND_MAX.as_secs();
        self.error.get_or_insert_with(|| {
            Text::new(
                format!("指令 {seconds} s 内未能执行"),
                format!("a command was not carried out within {seconds} s"),
            )
        });
        Some(late)
    }

    /// Takes what was found at the device. Returns whether a command has just been carried out.
    pub(super) fn report(&mut self, report: OutputReport) -> bool {
        self.shown = report.on;
        self.known = report.on.unwrap_or(self.known);
        self.error = report.error;
        if self.error.is_some() || self.shown != Some(self.wanted) {
            if self.progress == Progress::Ordered {
                self.progress = Progress::Heard;
            }
            return false;
        }
        self.progress = Progress::Confirmed;
        self.hand.as_mut().is_some_and(|hand| hand.until.take().is_some())
    }

    /// Works out what is wrong, and whether the output is not known to be as wanted. Of a device that is down its own alarm
    /// tells, unless the output is to change.
    pub(super) fn review(&mut self, is_down: bool) -> bool {
        self.trouble = if is_down {
            self.shown = None;
            (self.wanted != self.known).then(unreachable)
        } else {
            let differs = self.shown.filter(|on| self.progress != Progress::Ordered && *on != self.wanted);
            self.error.clone().or_else(|| differs.map(unlike))
        };
        self.trouble.is_some() || !(is_down || self.is_confirmed())
    }

    pub(super) fn trouble(&self) -> Option<&Text> {
        self.trouble.as_ref()
    }

    /// When the command is withdrawn, unless it has been carried out.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.hand.as_ref().and_then(|hand| hand.until)
    }

    fn is_confirmed(&self) -> bool {
        self.progress == Progress::Confirmed
    }

    pub(super) fn wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn hand(&self) -> Option<&Hand> {
        self.hand.as_ref()
    }

    /// The order that stands. Off is written once: who switches it on after that has their reasons, and is told of only.
    pub(super) fn order(&self, output: OutputId) -> OutputOrder {
        let write = self.wanted || !self.is_confirmed();
        OutputOrder { output, on: self.wanted, write, until: self.deadline() }
    }

    /// Its state for others to see, if it is another than the last one given out.
    pub(super) fn status(&mut self, name: &str, at: Stamp) -> Option<OutputStatus> {
        let hand = self.hand.as_ref();
        let status = OutputStatus {
            at,
            output: name.to_owned(),
            on: self.shown,
            wanted: self.wanted,
            since: self.since,
            by: hand.map(|hand| hand.by.clone()),
            reason: hand.and_then(|hand| hand.reason.clone()),
            error: self.trouble.clone(),
            confirmed: self.is_confirmed(),
        };
        let same = self.told.as_ref().is_some_and(|told| OutputStatus { at, ..told.clone() } == status);
        (!same).then(|| self.told.insert(status).clone())
    }
}

fn unreachable() -> Text {
    Text::new("所在设备无应答", "its device does not answer")
}

/// What is found where the other was wanted.
fn unlike(on: bool) -> Text {
    if on {
        Text::new("实际状态与要求不符：实际为开，要求为关", "it is on, and is wanted off")
    } else {
        Text::new("实际状态与要求不符：实际为关，要求为开", "it is off, and is wanted on")
    }
}
