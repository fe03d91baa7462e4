//! When the engine wants to be woken. Each alarm and each group of points has at most one live timer, re-armed lazily: a
//! deadline that moves later costs nothing until the old one pops, so that a reading touches no heap. A wake may
//! therefore come early and find nothing to do; it never comes late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::{AlarmId, Mono, OutputId};

/// Whose deadline has come. At one moment alarms come first, then groups, then outputs, each in the order of their ids: data of
/// exactly the greatest age is not yet too old for a delay that completes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// A delay of this alarm.
    Alarm(AlarmId),
    /// The age of the data of this group of points.
    Group(usize),
    /// A command to this output.
    Output(OutputId),
    /// The next minute of the wall clock, where something at the site goes by it.
    Minute,
    /// The end of a flood of alarms.
    Flood,
}

/// The deadlines of every alarm, group and output.
#[derive(Debug)]
pub(super) struct Timers {
    alarms: usize,
    groups: usize,
    /// The live deadline of each owner: alarms, then groups, then outputs.
    armed: Vec<Option<Mono>>,
    /// Live and superseded deadlines with their owners; never more than twice as many as there are owners.
    heap: BinaryHeap<Reverse<(Mono, usize)>>,
}

impl Timers {
    pub(super) fn new(alarms: usize, groups: usize, outputs: usize) -> Self {
        Self { alarms, groups, armed: vec![None; alarms + groups + outputs + 2], heap: BinaryHeap::new() }
    }

    /// Sees to it that `timer` pops by `deadline`, or before.
    pub(super) fn arm(&mut self, timer: Timer, deadline: Mono) {
        let owner = self.owner(timer);
        if self.armed[owner].is_some_and(|armed| armed <= deadline) {
            return;
        }
        self.armed[owner] = Some(deadline);
        if self.heap.len() < 2 * self.armed.len() {
            self.heap.push(Reverse((deadline, owner)));
        } else {
            self.drop_superseded();
        }
    }

    /// The earliest deadline, which may be a superseded one.
    pub(super) fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes one timer that is due by `at`. It is no longer armed.
    pub(super) fn pop(&mut self, at: Mono) -> Option<Timer> {
        while self.next().is_some_and(|deadline| deadline <= at) {
            let Reverse((deadline, owner)) = self.heap.pop()?;
            if self.armed[owner] == Some(deadline) {
                self.armed[owner] = None;
                return Some(self.timer(owner));
            }
        }
        None
    }

    fn drop_superseded(&mut self) {
        let live = self.armed.iter().enumerate();
        self.heap = live.filter_map(|(owner, armed)| Some(Reverse(((*armed)?, owner)))).collect();
    }

    fn owner(&self, timer: Timer) -> usize {
        match timer {
            Timer::Alarm(alarm) => alarm.index(),
            Timer::Group(group) => self.alarms + group,
            Timer::Output(output) => self.alarms + self.groups + output.index(),
            Timer::Minute => self.armed.len() - 2,
            Timer::Flood => self.armed.len() - 1,
        }
    }

    fn timer(&self, owner: usize) -> Timer {
        match self.armed.len() - owner {
            1 => return Timer::Flood,
            2 => return Timer::Minute,
            _ => {}
        }
        match owner.checked_sub(self.alarms) {
            None => Timer::Alarm(AlarmId::new(owner)),
            Some(other) => match other.checked_sub(self.groups) {
                None => Timer::Group(other),
                Some(output) => Timer::Output(OutputId::new(output)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn s(seconds: u64) -> Mono {
        Mono::from_start(Duration::from_secs(seconds))
    }

    fn alarm(index: usize) -> Timer {
        Timer::Alarm(AlarmId::new(index))
    }

    #[test]
    fn timers_pop_by_time_then_alarms_before_groups_by_id() {
        let mut timers = Timers::new(2, 2, 1);
        let output = Timer::Output(OutputId::new(0));
        for (timer, at) in
            [(output, 5), (Timer::Group(1), 5), (alarm(1), 5), (alarm(0), 5), (Timer::Group(0), 3)]
        {
            timers.arm(timer, s(at));
        }
        assert_eq!(timers.next(), Some(s(3)));
        let order: Vec<Timer> = std::iter::from_fn(|| timers.pop(s(5))).collect();
        assert_eq!(order, [Timer::Group(0), alarm(0), alarm(1), Timer::Group(1), output]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn nothing_pops_before_its_time() {
        let mut timers = Timers::new(1, 0, 0);
        timers.arm(alarm(0), s(5));
        assert_eq!(timers.pop(s(4)), None);
        assert_eq!(timers.pop(s(5)), Some(alarm(0)));
    }

    #[test]
    fn an_earlier_deadline_supersedes_and_a_later_one_waits_for_the_pop() {
        let mut timers = Timers::new(1, 0, 0);
        timers.arm(alarm(0), s(10));
        timers.arm(alarm(0), s(20));
        assert_eq!(timers.next(), Some(s(10)));
        timers.arm(alarm(0), s(4));
        assert_eq!(timers.pop(s(4)), Some(alarm(0)));
        assert_eq!(timers.pop(s(100)), None, "the superseded deadline is nobody's");
    }

    #[test]
    fn p5_superseded_deadlines_are_bounded_and_no_live_one_is_lost() {
        let mut timers = Timers::new(2, 1, 0);
        timers.arm(alarm(1), s(1_000_000));
        timers.arm(Timer::Group(0), s(900_000));
        for cycle in 0..10_000 {
            timers.arm(alarm(0), s(500_000 + cycle));
            timers.arm(alarm(0), s(cycle));
            assert_eq!(timers.pop(s(cycle)), Some(alarm(0)));
            // Two alarms, one group, the minute, and the flood.
            assert!(timers.heap.len() <= 10, "{} deadlines for 5 owners", timers.heap.len());
        }
        assert_eq!(timers.pop(s(2_000_000)), Some(Timer::Group(0)));
        assert_eq!(timers.pop(s(2_000_000)), Some(alarm(1)));
        assert_eq!(timers.pop(s(2_000_000)), None);
    }
}
