//! A scenario: what goes wrong when. A TOML file of steps, checked whole before anything is played.
//!
//! ```toml
//! repeat_s = 75            # start again after so long; left out: once
//!
//! [name]
//! zh = "储罐泄漏"
//! en = "A leak at the tank"
//!
//! [[step]]
//! at = "3s"                # plant time since the start
//! hazard = "tank1"         # or device = "…", or point = "…"
//! fault = "leak"           # or clear = "leak", or, without a target, clear_all = true
//! say = { zh = "储罐法兰泄漏", en = "A flange at the tank leaks" }
//! ```

use std::time::Duration;

use crate::error::{Mistake, ScenarioError};
use crate::fault::FaultCommand;
use crate::limits;
use crate::plant::Plant;

mod duration;
mod raw;

/// What goes wrong when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What people call it.
    pub name: Say,
    /// Seed of the plant, in place of the caller's.
    pub seed: Option<u64>,
    /// After how long it starts again; later than its last step.
    pub repeat: Option<Duration>,
    /// What happens, in the order of time; steps of one time in the order of the file.
    pub steps: Vec<Step>,
}

/// One step of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Plant time since the start.
    pub at: Duration,
    /// What is done.
    pub action: Action,
    /// What to tell whoever watches.
    pub say: Option<Say>,
    /// Where it stands in its file, from 1.
    pub line: usize,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Lets faults begin or end.
    Fault(FaultCommand),
    /// Nothing: it only tells something.
    Tell,
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Scenario {
    /// Reads a scenario.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let raw = raw::parse(text)?;
        let mut mistakes = Vec::new();
        let mut steps = Vec::with_capacity(raw.steps.len());
        for (line, step) in raw.steps {
            match step.check() {
                Ok((at, action)) => steps.push(Step { at, action, say: step.say, line }),
                Err(messages) => {
                    mistakes.extend(messages.into_iter().map(|message| Mistake { line, message }));
                }
            }
        }
        steps.sort_by_key(|step| step.at);
        let repeat = raw.repeat.and_then(|(line, repeat_s)| {
            check_repeat(repeat_s, &steps).map_err(|message| mistakes.push(Mistake { line, message })).ok()
        });
        if steps.len() > limits::SCENARIO_STEPS_MAX {
            let message = format!("more than {} steps", limits::SCENARIO_STEPS_MAX);
            mistakes.push(Mistake { line: 1, message });
        }
        if mistakes.is_empty() {
            Ok(Self { name: raw.name, seed: raw.seed, repeat, steps })
        } else {
            mistakes.sort_by_key(|mistake| mistake.line);
            Err(ScenarioError::Sense(mistakes))
        }
    }

    /// The built-in story, in which something goes wrong at each hazard in turn. It fits a bench with hazards `tank1`,
    /// `dust1` and `casting1` and devices `meter_casting` and `meter_office`.
    pub fn demo() -> Self {
        Self::parse(include_str!("../scenarios/demo.toml")).expect("a test reads the built-in scenario")
    }

    /// Every step that names what the plant does not have.
    pub(crate) fn misfits(&self, plant: &Plant) -> Vec<Mistake> {
        let misfit = |step: &Step| match &step.action {
            Action::Fault(command) => {
                let error = plant.check(command).err()?;
                Some(Mistake { line: step.line, message: error.to_string() })
            }
            Action::Tell => None,
        };
        self.steps.iter().filter_map(misfit).collect()
    }
}

fn check_repeat(repeat_s: f64, steps: &[Step]) -> Result<Duration, String> {
    let repeat = Duration::try_from_secs_f64(repeat_s)
        .ok()
        .filter(|repeat| *repeat <= limits::SCENARIO_LENGTH_MAX)
        .ok_or_else(|| "`repeat_s` must be from 0 to 31 days".to_owned())?;
    match steps.last() {
        Some(last) if repeat <= last.at => Err("`repeat_s` must be later than the last step".to_owned()),
        Some(_) => Ok(repeat),
        None => Err("`repeat_s` needs a step to repeat".to_owned()),
    }
}

#[cfg(test)]
mod tests;
