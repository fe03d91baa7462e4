//! A plant and the story that is played on it: everything that is simulated, without a socket or a clock.

use crate::bench::Bench;
use crate::error::{BenchError, FaultError};
use crate::fault::FaultCommand;
use crate::plant::Plant;
use crate::scenario::{Action, Scenario};
use crate::story::{self, Story, StoryLine};

/// A plant and its story.
#[derive(Debug)]
pub struct Simulation {
    plant: Plant,
    story: Option<Story>,
}

impl Simulation {
    /// The plant behind a bench, and a scenario that fits it. A scenario's own seed goes before `seed`.
    pub fn new(bench: &Bench, seed: u64, scenario: Option<Scenario>) -> Result<Self, BenchError> {
        let seed = scenario.as_ref().and_then(|scenario| scenario.seed).unwrap_or(seed);
        let plant = Plant::new(bench, seed)?;
        let misfits = scenario.as_ref().map(|scenario| scenario.misfits(&plant)).unwrap_or_default();
        if !misfits.is_empty() {
            return Err(BenchError::Scenario(misfits));
        }
        Ok(Self { plant, story: scenario.map(Story::new) })
    }

    /// Moves on by `dt_s` plant seconds, plays each step of the story in its time, and returns what it told.
    pub fn advance(&mut self, dt_s: f64) -> Vec<StoryLine> {
        let mut lines = Vec::new();
        for _ in 0..self.plant.owe(dt_s) {
            self.play(&mut lines);
            self.plant.step();
        }
        self.play(&mut lines);
        lines
    }

    /// Does what a command says, and returns the line that tells of it.
    pub fn inject(&mut self, command: &FaultCommand) -> Result<StoryLine, FaultError> {
        self.plant.apply(command)?;
        let at_s = self.plant.now_s();
        Ok(StoryLine { at_s, text: story::describe(command) })
    }

    /// The plant as it stands.
    pub fn plant(&self) -> &Plant {
        &self.plant
    }

    fn play(&mut self, lines: &mut Vec<StoryLine>) {
        let Some(story) = &mut self.story else { return };
        let at_s = self.plant.now_s();
        while let Some(step) = story.due(at_s) {
            if let Action::Fault(command) = &step.action {
                self.plant.apply(command).expect("checked against this plant at the start");
            }
            lines.extend(story::tell(&step.action, step.say).map(|text| StoryLine { at_s, text }));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
