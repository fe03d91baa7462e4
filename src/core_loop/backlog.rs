//! What was decided while the disk would not take it: kept in order and within bounds, so that a disk that hangs keeps nobody
//! from deciding and no order from going out. Readings are given up first, oldest first, and counted; of the journal only what a later
//! move of the same alarm has overtaken, so that the newest of every alarm is told in the end.

use std::collections::{HashMap, VecDeque};

use crate::model::limits::{BACKLOG_READINGS_MAX, BACKLOG_TRANSITIONS_MAX, BACKLOG_TURNS_MAX};
use crate::model::{DeviceStatus, OutputStatus, Transition};
use crate::store::Turn;

/// Turns that wait for a place in the store's queue, the oldest first. What comes while they wait is joined to the last of
/// them, but for a change of the clock, which divides what was before it from what is after.
#[derive(Debug)]
pub(super) struct Backlog {
    turns: VecDeque<Turn>,
    readings: usize,
    transitions: usize,
    /// So many transitions make it worth looking for what can go.
    transitions_due: usize,
    /// Whether the store let a turn wait for too long: nobody waits for it until all of these have gone.
    pub(super) is_stuck: bool,
}

impl Backlog {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self {
            turns: VecDeque::new(),
            readings: 0,
            transitions: 0,
            transitions_due: BACKLOG_TRANSITIONS_MAX,
            is_stuck: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// How many transitions wait.
    pub(super) fn transitions(&self) -> usize {
        self.transitions
    }

    /// Whether another change of the clock finds room.
    pub(super) fn takes_clock(&self) -> bool {
        self.turns.len() < BACKLOG_TURNS_MAX
    }

    /// Puts a turn behind those that wait.
    pub(super) fn push(&mut self, turn: Turn) {
        self.readings += readings(&turn);
        self.transitions += turn.transitions.len();
        match self.turns.back_mut() {
            Some(last) if turn.clock.is_none() => join(last, turn),
            _ => self.turns.push_back(turn),
        }
        if self.readings > BACKLOG_READINGS_MAX {
            self.give_up_readings();
        }
        if self.transitions > self.transitions_due {
            self.give_up_transitions();
        }
    }

    /// The turn that has waited for the longest.
    pub(super) fn pop(&mut self) -> Option<Turn> {
        let turn = self.turns.pop_front()?;
        self.readings -= readings(&turn);
        self.transitions -= turn.transitions.len();
        if self.turns.is_empty() {
            *self = Self::new();
        }
        Some(turn)
    }

    /// Nobody will ever take what waits.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Gives up the oldest readings, a quarter of the bound at once.
    fn give_up_readings(&mut self) {
        let keep = BACKLOG_READINGS_MAX - BACKLOG_READINGS_MAX / 4;
        let before = self.readings;
        for turn in &mut self.turns {
            let mut batches = std::mem::take(&mut turn.batches).into_iter();
            while self.readings > keep
                && let Some(batch) = batches.next()
            {
                self.readings -= batch.readings.len();
                *turn.given_up.entry(batch.device).or_default() += batch.readings.len() as u64;
            }
            turn.batches = batches.collect();
        }
        tracing::warn!(readings = before - self.readings, "telemetry given up: the disk does not take it");
    }

    /// Gives up the oldest transitions that a later one of the same alarm has overtaken, at most half of the bound.
    fn give_up_transitions(&mut self) {
        let mut left: HashMap<String, usize> = HashMap::new();
        for transition in self.turns.iter().flat_map(|turn| &turn.transitions) {
            *left.entry(transition.alarm.clone()).or_default() += 1;
        }
        let mut excess = BACKLOG_TRANSITIONS_MAX / 2;
        let mut stays = |transition: &Transition| {
            let left = left.get_mut(&transition.alarm).expect("all of them were counted");
            let goes = excess > 0 && *left > 1;
            (excess, *left) = (excess - usize::from(goes), *left - usize::from(goes));
            !goes
        };
        let before = self.transitions;
        for turn in &mut self.turns {
            turn.transitions.retain(&mut stays);
        }
        self.transitions = self.turns.iter().map(|turn| turn.transitions.len()).sum();
        // Where each is the only one of its alarm, none can go, and there are no more than the site has rules.
        self.transitions_due = BACKLOG_TRANSITIONS_MAX.max(self.transitions + BACKLOG_TRANSITIONS_MAX / 4);
        tracing::error!(
            events = before - self.transitions,
            "events given up that newer ones of the same alarms have overtaken: the disk does not take them"
        );
    }
}

fn readings(turn: &Turn) -> usize {
    turn.batches.iter().map(|batch| batch.readings.len()).sum()
}

/// Adds what was decided later. Of states only the newest is kept, and whoever stopped waiting for an answer is forgotten.
fn join(earlier: &mut Turn, later: Turn) {
    let Turn { clock: _, transitions, batches, devices, outputs, risk, memories, reports, replies, given_up } =
        later;
    earlier.transitions.extend(transitions);
    earlier.batches.extend(batches);
    renew(&mut earlier.devices, devices, |a: &DeviceStatus, b| a.device == b.device);
    renew(&mut earlier.outputs, outputs, |a: &OutputStatus, b| a.output == b.output);
    earlier.memories.extend(memories);
    earlier.reports.extend(reports);
    earlier.risk = risk.or(earlier.risk.take());
    earlier.replies.retain(|(to, _)| !to.is_closed());
    earlier.replies.extend(replies);
    for (device, readings) in given_up {
        *earlier.given_up.entry(device).or_default() += readings;
    }
}

fn renew<T>(states: &mut Vec<T>, newer: Vec<T>, is_same: impl Fn(&T, &T) -> bool) {
    for new in newer {
        match states.iter_mut().find(|old| is_same(old, &new)) {
            Some(old) => *old = new,
            None => states.push(new),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::model::{ClockChange, ClockSync, DeviceId, Mono, Now, Wall};
    use crate::store::fixtures::{AT, alarms, batch, raised, telemetry};

    fn popped(backlog: &mut Backlog) -> Vec<Turn> {
        std::iter::from_fn(|| backlog.pop()).collect()
    }

    fn names(turn: &Turn) -> Vec<&str> {
        turn.transitions.iter().map(|transition| transition.alarm.as_str()).collect()
    }

    #[test]
    fn p1_turns_that_wait_become_one_in_order_and_the_clock_divides_them() {
        let at = Now { mono: Mono::ZERO, wall: Wall(0) };
        let change = ClockChange {
            at,
            by_ms: 1,
            slept: std::time::Duration::ZERO,
            sync: ClockSync::Synced,
            restamps: false,
        };
        let mut backlog = Backlog::new();
        for name in ["a", "b"] {
            backlog.push(alarms(vec![raised(name)]));
        }
        backlog.push(Turn { clock: Some(change), ..alarms(vec![raised("c")]) });
        backlog.push(alarms(vec![raised("d")]));
        let turns = popped(&mut backlog);
        assert_eq!(turns.iter().map(names).collect::<Vec<_>>(), [vec!["a", "b"], vec!["c", "d"]]);
        assert_eq!(turns.iter().map(|turn| turn.clock).collect::<Vec<_>>(), [None, Some(change)]);
        for _ in 0..BACKLOG_TURNS_MAX {
            assert!(backlog.takes_clock());
            backlog.push(Turn { clock: Some(change), ..Turn::default() });
        }
        assert!(!backlog.takes_clock());
    }

    #[test]
    fn p5_the_oldest_readings_that_wait_go_and_are_counted() {
        let mut backlog = Backlog::new();
        let batches = BACKLOG_READINGS_MAX;
        for n in 0..batches {
            backlog.push(telemetry(vec![batch(n % 2, AT, n as f64)]));
            assert!(backlog.readings <= BACKLOG_READINGS_MAX);
        }
        backlog.push(alarms(vec![raised("a")]));
        let turn = popped(&mut backlog).pop().unwrap();
        let given_up: u64 = turn.given_up.values().sum();
        assert_eq!(given_up + readings(&turn) as u64, 2 * batches as u64, "none went uncounted");
        assert!(turn.given_up[&DeviceId::new(0)].abs_diff(turn.given_up[&DeviceId::new(1)]) <= 2);
        assert_eq!(turn.batches.last(), Some(&batch(1, AT, (batches - 1) as f64)), "the newest is there");
        assert_eq!(names(&turn), ["a"], "no event goes for a reading");
    }

    #[test]
    fn p5_of_an_alarm_that_moves_for_ever_the_newest_moves_stay_and_all_of_one_that_does_not() {
        let mut backlog = Backlog::new();
        backlog.push(alarms(vec![raised("steady")]));
        for n in 0..3 * BACKLOG_TRANSITIONS_MAX {
            backlog.push(alarms(vec![Transition {
                value: Some(crate::model::Value::Int(n as i64)),
                ..raised("chatters")
            }]));
            assert!(backlog.transitions() <= BACKLOG_TRANSITIONS_MAX);
        }
        let turn = popped(&mut backlog).pop().unwrap();
        assert_eq!(names(&turn)[..2], ["steady", "chatters"]);
        let values: Vec<_> = turn.transitions[1..].iter().map(|transition| transition.value).collect();
        let newest = 3 * BACKLOG_TRANSITIONS_MAX as i64 - values.len() as i64;
        let expected: Vec<_> =
            (newest..).take(values.len()).map(|n| Some(crate::model::Value::Int(n))).collect();
        assert_eq!(values, expected, "a gap among the newest");
        assert!(values.len() >= BACKLOG_TRANSITIONS_MAX / 2);
    }

    #[test]
    fn p5_more_alarms_than_the_bound_are_all_kept_once() {
        let mut backlog = Backlog::new();
        let count = 2 * BACKLOG_TRANSITIONS_MAX;
        for n in 0..2 * count {
            backlog.push(alarms(vec![raised(&format!("a{}", n % count))]));
        }
        let turn = popped(&mut backlog).pop().unwrap();
        let distinct: std::collections::HashSet<_> = names(&turn).into_iter().collect();
        assert_eq!(distinct.len(), count);
        assert!(turn.transitions.len() <= count + BACKLOG_TRANSITIONS_MAX / 2);
    }

    #[test]
    fn p5_who_no_longer_waits_for_an_answer_is_forgotten() {
        let mut backlog = Backlog::new();
        for _ in 0..100 {
            let (to, _) = oneshot::channel();
            backlog.push(Turn { replies: vec![(to, Ok(()))], ..Turn::default() });
        }
        assert_eq!(popped(&mut backlog)[0].replies.len(), 1);
    }
}
