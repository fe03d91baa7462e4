//! The raw twin of a scenario file: what TOML says, with the line it says it on, and the sense of one step.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Action, Say, duration};
use crate::error::ScenarioError;
use crate::fault::{FaultCommand, Target};
use crate::limits;

/// A scenario file.
#[derive(Debug)]
pub(super) struct RawScenario {
    pub(super) name: Say,
    pub(super) seed: Option<u64>,
    pub(super) repeat: Option<(usize, f64)>,
    pub(super) steps: Vec<(usize, RawStep)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Say,
    seed: Option<u64>,
    repeat_s: Option<Spanned<f64>>,
    #[serde(default)]
    step: Vec<Spanned<RawStep>>,
}

/// One `[[step]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    at: String,
    hazard: Option<String>,
    device: Option<String>,
    point: Option<String>,
    fault: Option<String>,
    delay: Option<String>,
    clear: Option<String>,
    clear_all: Option<bool>,
    pub(super) say: Option<Say>,
}

/// Reads the form of a file.
pub(super) fn parse(text: &str) -> Result<RawScenario, ScenarioError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().unwrap_or_default().start);
        ScenarioError::Form { line, column, message: error.message().to_owned() }
    })?;
    let line = |span: Range<usize>| position(text, span.start).0;
    Ok(RawScenario {
        name: file.name,
        seed: file.seed,
        repeat: file.repeat_s.map(|repeat| (line(repeat.span()), repeat.into_inner())),
        steps: file.step.into_iter().map(|step| (line(step.span()), step.into_inner())).collect(),
    })
}

/// Line and column, from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

impl RawStep {
    /// When it happens and what it does, or everything that is wrong with it.
    pub(super) fn check(&self) -> Result<(Duration, Action), Vec<String>> {
        match (self.at(), self.action()) {
            (Ok(at), Ok(action)) => Ok((at, action)),
            (at, action) => Err([at.err(), action.err()].into_iter().flatten().collect()),
        }
    }

    fn at(&self) -> Result<Duration, String> {
        duration::parse(&self.at).filter(|at| *at <= limits::SCENARIO_LENGTH_MAX).ok_or_else(|| {
            format!("`at = \"{}\"` is not a time up to 31 days, such as \"4s\" or \"1m30s\"", self.at)
        })
    }

    fn action(&self) -> Result<Action, String> {
        let target = self.target()?;
        if self.delay.is_some() && self.fault.is_none() {
            return Err("`delay` goes with `fault = \"slow\"`".to_owned());
        }
        match (target, &self.fault, &self.clear, self.clear_all) {
            (Some(target), Some(fault), None, None) => {
                let (fault, delay) = (fault.clone(), self.delay()?);
                Ok(Action::Fault(FaultCommand::Inject { target, fault, delay }))
            }
            (Some(target), None, Some(fault), None) => {
                Ok(Action::Fault(FaultCommand::Clear { target, fault: fault.clone() }))
            }
            (None, None, None, Some(true)) => Ok(Action::Fault(FaultCommand::ClearAll)),
            (None, None, None, None) if self.say.is_some() => Ok(Action::Tell),
            _ => {
                Err("a step does one thing: `fault` or `clear` with one of `hazard`, `device`, `point`; or \
                      `clear_all = true`; or only `say`"
                    .to_owned())
            }
        }
    }

    fn target(&self) -> Result<Option<Target>, String> {
        match (&self.hazard, &self.device, &self.point) {
            (None, None, None) => Ok(None),
            (Some(name), None, None) => Ok(Some(Target::Hazard(name.clone()))),
            (None, Some(name), None) => Ok(Some(Target::Device(name.clone()))),
            (None, None, Some(name)) => Ok(Some(Target::Point(name.clone()))),
            _ => Err("a step has one of `hazard`, `device` and `point`".to_owned()),
        }
    }

    fn delay(&self) -> Result<Option<Duration>, String> {
        let Some(text) = &self.delay else { return Ok(None) };
        let delay = duration::parse(text);
        delay.map(Some).ok_or_else(|| format!("`delay = \"{text}\"` is not a time, such as \"500ms\""))
    }
}
