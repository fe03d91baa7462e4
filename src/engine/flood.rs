//! Whether more alarms come than people can take: a flood begins with more than ten calls within ten minutes and ends with fewer than five.

use std::collections::VecDeque;

use crate::model::habit::{FLOOD_BEGIN, FLOOD_END, FLOOD_SPAN};
use crate::model::{Mono, Now};

use super::Engine;
use super::hold::News;
use super::timers::Timer;

/// When somebody was called last.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// The last calls, as many as begin a flood.
    calls: VecDeque<Mono>,
    is_on: bool,
}

impl Flood {
    /// Somebody is called.
    fn call(&mut self, at: Mono) {
        if self.calls.len() > FLOOD_BEGIN {
            self.calls.pop_front();
        }
        self.calls.push_back(at);
        self.is_on |= self.calls.len() > FLOOD_BEGIN && at - self.calls[0] < FLOOD_SPAN;
    }

    /// When there will be too few calls for a flood, if no more come; none while there is no flood.
    fn ends(&self) -> Option<Mono> {
        let decisive = self.calls.len().checked_sub(FLOOD_END)?;
        self.is_on.then(|| self.calls[decisive] + FLOOD_SPAN)
    }
}

impl Engine {
    /// Takes up a flood that lasted when the gateway last ran: it is over when as long a time is quiet.
    pub(super) fn resume_flood(&mut self, now: Now) {
        let Some(alarm) = self.index.of_flood() else { return };
        if self.alarms[alarm.index()].base().is_active() {
            self.flood = Flood { calls: [now.mono; FLOOD_END].into(), is_on: true };
            self.timers.arm(Timer::Flood, now.mono + FLOOD_SPAN);
        }
    }

    /// Takes the calls of this moment.
    pub(super) fn count_calls(&mut self, now: Now, calls: usize) {
        let was_on = self.flood.is_on;
        (0..calls).for_each(|_| self.flood.call(now.mono));
        if let Some(end) = self.flood.ends().filter(|_| !was_on) {
            self.timers.arm(Timer::Flood, end);
            self.judge(now, self.index.of_flood(), News::Present);
        }
    }

    /// Looks whether the flood is over.
    pub(super) fn review_flood(&mut self, now: Now) {
        match self.flood.ends() {
            Some(end) if end > now.mono => self.timers.arm(Timer::Flood, end),
            Some(_) => {
                self.flood.is_on = false;
                self.judge(now, self.index.of_flood(), News::Absent);
            }
            None => {}
        }
    }
}
