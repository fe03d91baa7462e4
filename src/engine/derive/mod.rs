//! Derived points: worked out anew when a point that they rest on has spoken, after everything that came in one batch is in, and in an order in
//! which each finds what it needs. From there on they are points like any other.

mod past;
#[cfg(test)]
mod tests;
mod window;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::{Mono, PointId, Reason, Sample, Value, Wall};
use crate::site::{Formula, Site, Source};

use super::evaluate::{self, Latest};
use super::points::Points;
use super::rests::Rests;
use window::Running;

/// Every derived point of a site, in the order in which they are worked out.
#[derive(Debug)]
pub(super) struct Derivations {
    list: Vec<Derivation>,
    rests: Rests,
    /// Those to be worked out at the present moment, the first on top.
    due: BinaryHeap<Reverse<u32>>,
}

#[derive(Debug)]
struct Derivation {
    point: PointId,
    rests_on: Box<[PointId]>,
    /// The past that it is a function of; none if it rests on the latest only.
    running: Option<Running>,
    is_due: bool,
}

/// What a derived point has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Derived {
    pub(super) point: PointId,
    /// When the latest of what it rests on was taken.
    pub(super) at: Wall,
    pub(super) sample: Sample,
    /// That it is bad is told elsewhere, by the alarm of a point that it rests on, or is no fault: its past is too short as yet.
    pub(super) is_excused: bool,
}

impl Derivations {
    pub(super) fn new(site: &Site) -> Self {
        let derivation = |&point: &PointId| {
            let Source::Derived(formula) = &site.point(point).source else { return None };
            let running = match formula {
                Formula::Window(window) => Some(Running::new(*window)),
                Formula::Number(_) | Formula::Condition(_) => None,
            };
            Some(Derivation { point, rests_on: formula.points().into(), running, is_due: false })
        };
        let list: Vec<Derivation> = site.derived.iter().filter_map(derivation).collect();
        let pairs = list
            .iter()
            .enumerate()
            .flat_map(|(place, it)| it.rests_on.iter().map(move |point| (*point, place as u32)))
            .collect();
        Self { due: BinaryHeap::with_capacity(list.len()), rests: Rests::new(pairs, site.points.len()), list }
    }

    /// A point has spoken, or can't be trusted any more.
    pub(super) fn note(&mut self, point: PointId) {
        for &place in self.rests.on(point) {
            let derivation = &mut self.list[place as usize];
            if !derivation.is_due {
                derivation.is_due = true;
                self.due.push(Reverse(place));
            }
        }
    }

    /// How many are to be worked out at the present moment.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// Works out the next that is due; none when all are done. The caller takes it as a reading and notes it.
    pub(super) fn next(&mut self, site: &Site, now: Mono, points: &Points) -> Option<Derived> {
        while let Some(Reverse(place)) = self.due.pop() {
            let derivation = &mut self.list[place as usize];
            derivation.is_due = false;
            if let Some(derived) = derivation.work_out(site, now, points) {
                return Some(derived);
            }
        }
        None
    }
}

impl Derivation {
    /// None as long as a point that it rests on has never spoken.
    fn work_out(&mut self, site: &Site, now: Mono, points: &Points) -> Option<Derived> {
        let mut at = Wall(i64::MIN);
        let (mut bad, mut doubt) = (None, None);
        for &point in &self.rests_on {
            let latest = points.slot(point).latest()?;
            at = at.max(latest.at);
            match latest.sample {
                Sample::Good(_) => {}
                Sample::Uncertain(_, reason) => doubt = doubt.or(Some(reason)),
                Sample::Bad(reason) => bad = bad.or(Some(reason)),
            }
        }
        let Source::Derived(formula) = &site.point(self.point).source else { return None };
        let sample = match (formula, &mut self.running) {
            (Formula::Window(window), Some(running)) => running.take(now, points.sample(window.of)?),
            (Formula::Number(number), _) => {
                let known = evaluate::number(number, points).map(|(value, sure)| (Value::Float(value), sure));
                trusted(known, bad, doubt)
            }
            (Formula::Condition(condition), _) => {
                let known = evaluate::known(condition, points).map(|(yes, sure)| (Value::Bool(yes), sure));
                trusted(known, bad, doubt)
            }
            (Formula::Window(_), None) => return None,
        };
        let is_young = matches!(sample, Sample::Bad(Reason::NoData) | Sample::Uncertain(_, Reason::NoData));
        let is_excused = bad.is_some() || doubt.is_some() || is_young;
        Some(Derived { point: self.point, at, sample, is_excused })
    }
}

/// A value that is known, with the doubt of what it rests on. One that is not known is bad for the same reason as what it rests on; if that is
/// all there, there is no such number: something by zero.
fn trusted(known: Option<(Value, bool)>, bad: Option<Reason>, doubt: Option<Reason>) -> Sample {
    match known {
        Some((value, true)) => Sample::Good(value),
        Some((value, false)) => Sample::Uncertain(value, doubt.or(bad).unwrap_or(Reason::Range)),
        None => Sample::Bad(bad.unwrap_or(Reason::Range)),
    }
}
