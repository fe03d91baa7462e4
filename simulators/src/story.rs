//! A scenario being played: which step is due, and the line that it leaves for whoever watches.

use std::time::Duration;

use crate::fault::{FaultCommand, Target};
use crate::scenario::{Action, Say, Scenario, Step};

/// What the story has just done.
#[derive(Debug, Clone, PartialEq)]
pub struct StoryLine {
    /// Plant time since the start, in seconds.
    pub at_s: f64,
    /// What to show.
    pub text: Say,
}

/// Where a scenario stands.
#[derive(Debug)]
pub(crate) struct Story {
    scenario: Scenario,
    next: usize,
    round: u32,
}

impl Story {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self { scenario, next: 0, round: 0 }
    }

    /// The next step, if its time has come by `now_s`; called until there is none.
    pub(crate) fn due(&mut self, now_s: f64) -> Option<Step> {
        if self.next == self.scenario.steps.len() {
            self.scenario.repeat?;
            self.next = 0;
            self.round = self.round.saturating_add(1);
        }
        let step = self.scenario.steps.get(self.next)?;
        let start = self.scenario.repeat.unwrap_or(Duration::ZERO).as_secs_f64() * f64::from(self.round);
        if start + step.at.as_secs_f64() > now_s {
            return None;
        }
        self.next += 1;
        Some(step.clone())
    }
}

/// What a step says, or what can be said of a command that came without words.
pub(crate) fn tell(action: &Action, say: Option<Say>) -> Option<Say> {
    say.or_else(|| match action {
        Action::Fault(command) => Some(describe(command)),
        Action::Tell => None,
    })
}

/// A command in words.
pub(crate) fn describe(command: &FaultCommand) -> Say {
    let (zh, en) = match command {
        FaultCommand::Inject { target, fault, .. } => {
            (format!("{}：注入故障 {fault}", zh(target)), format!("{target}: fault {fault} begins"))
        }
        FaultCommand::Clear { target, fault } => {
            (format!("{}：解除故障 {fault}", zh(target)), format!("{target}: fault {fault} ends"))
        }
        FaultCommand::ClearAll => ("解除全部故障".to_owned(), "every fault ends".to_owned()),
    };
    Say { zh, en }
}

fn zh(target: &Target) -> String {
    match target {
        Target::Hazard(name) => format!("风险单元 {name}"),
        Target::Device(name) => format!("设备 {name}"),
        Target::Point(name) => format!("测点 {name}"),
    }
}
