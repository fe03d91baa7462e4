//! The stops that the site file declares: each begins and ends by the wall clock, and is told once when it does. For each hazard with stops, and for the whole site, there is one
//! alarm of level `journal` that stands while one is in force: so it is journalled, told to every centre, and stands again after a restart, like any other.
//!
//! A clock that is put back a little, or that comes up a little early after a restart, neither ends a stop that has begun nor begins one that is over: which stop was the
//! last to begin is remembered. One that is put back further has been wrong, and what it says then is told anew.

use crate::model::limits::STOP_STEP_MAX;
use crate::model::{AlarmId, Memory, Now, Output, Wall};
use crate::site::Stop;

use super::Engine;
use super::hold::News;

/// What keys of declared stops begin with; the alarm's name follows.
const STOP: &str = "stop.";

/// Which stop of each alarm was the last to begin.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// By the alarm's place among those of stops: when that stop is over.
    begun: Vec<Option<Wall>>,
    /// What is to be remembered.
    memories: Vec<Memory>,
}

impl Stops {
    pub(super) fn new(count: usize) -> Self {
        Self { begun: vec![None; count], memories: Vec::new() }
    }
}

impl Engine {
    /// Tells of the stops that have begun or are over. What the alarms say already, also over a restart, is not told again.
    pub(super) fn look_at_stops(&mut self, now: Now) {
        for place in 0..self.index.of_stops().len() {
            let alarm = self.index.of_stops()[place];
            self.forget_what_is_far_off(place, alarm, now.wall);
            let until = self.in_force(place, alarm, now.wall);
            if let Some(until) =
                until.filter(|until| self.stops.begun[place].is_none_or(|begun| begun < *until))
            {
                self.stops.begun[place] = Some(until);
                let key = format!("{STOP}{}", self.site.rule(alarm).name);
                self.stops.memories.push(Memory { key, body: Some(until.0.to_string()) });
            }
            self.judge(now, Some(alarm), News::of(until.is_some()));
        }
    }

    /// A clock that says now that the stop which has begun is still far off was wrong when it did.
    fn forget_what_is_far_off(&mut self, place: usize, alarm: AlarmId, at: Wall) {
        let Some(begun) = self.stops.begun[place] else { return };
        let rule = self.site.rule(alarm);
        let mut own = self.site.calendar.stops.iter().filter(|stop| stop.hazard == rule.hazard);
        if own.any(|stop| stop.to == begun && at < earlier(stop.from)) {
            self.stops.begun[place] = None;
            self.stops.memories.push(Memory { key: format!("{STOP}{}", rule.name), body: None });
        }
    }

    /// Until when a stop of this alarm is in force; of several the one that ends last.
    fn in_force(&self, place: usize, alarm: AlarmId, at: Wall) -> Option<Wall> {
        let (hazard, begun) = (self.site.rule(alarm).hazard, self.stops.begun[place]);
        let stands = self.alarms[alarm.index()].base().is_active();
        let holds = |stop: &&Stop| match (begun == Some(stop.to), stands) {
            (true, true) => (earlier(stop.from)..stop.to).contains(&at),
            (true, false) => stop.holds(at) && at < earlier(stop.to),
            (false, _) => stop.holds(at),
        };
        let own = self.site.calendar.stops.iter().filter(|stop| stop.hazard == hazard);
        own.filter(holds).map(|stop| stop.to).max()
    }

    /// Takes up which stop was the last to begin, if the memory is one of such and its alarm is there.
    pub(super) fn recall_stop(&mut self, memory: &Memory) -> bool {
        let Some(name) = memory.key.strip_prefix(STOP) else { return false };
        let named = |alarm: &AlarmId| self.site.rule(*alarm).name == name;
        let Some(place) = self.index.of_stops().iter().position(named) else { return false };
        let until = memory.body.as_deref().and_then(|body| body.parse().ok()).map(Wall);
        self.stops.begun[place] = until;
        until.is_some()
    }

    /// Puts out which stops have begun.
    pub(super) fn remember_stops(&mut self, out: &mut Output) {
        out.memories.append(&mut self.stops.memories);
    }
}

/// As far before a moment as a clock may be put back.
const fn earlier(at: Wall) -> Wall {
    Wall(at.0.saturating_sub(STOP_STEP_MAX.as_millis() as i64))
}
