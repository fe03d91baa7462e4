//! `function = "state"`: the bounds between the states of production, and what tells one of them.

use super::Context;
use super::derived::Maker;
use crate::model::PointId;
use crate::site::bound::Bound;
use crate::site::defaults;
use crate::site::derived::{Formula, Production};
use crate::site::model::Source;

impl Maker<'_, '_> {
    /// The state of production by the load of a point; none, and a mistake, where something is missing.
    pub(super) fn production(&self, of: Option<PointId>, context: &mut Context<'_>) -> Option<Production> {
        let raw = self.raw;
        let running = match raw.running {
            Some(Bound::Given(running)) => Some(running),
            Some(Bound::Learned(_)) => None,
            None => {
                let hint = "add `running = …`: from which load on it runs, or `running = \"learned\"`";
                self.note("function", "`running` is missing", hint, context);
                return None;
            }
        };
        if let Some(days) = raw.days.filter(|_| running.is_some()) {
            let message = format!("`days` = {days} says nothing where `running` is given");
            self.note("days", message, "leave it out, or write `running = \"learned\"`", context);
        }
        let bounds = [("idle", raw.idle), ("running", running), ("overload", raw.overload)];
        let given: Vec<(&str, f64)> =
            bounds.into_iter().filter_map(|(key, bound)| Some((key, bound?))).collect();
        for pair in given.windows(2) {
            let [(key, low), (next, high)] = [pair[0], pair[1]];
            if low >= high {
                let message = format!("`{key}` = {low} is not below `{next}` = {high}");
                self.note(
                    next,
                    message,
                    "a line is idle below where it runs, and runs below its overload",
                    context,
                );
            }
        }
        let lowest = given.iter().map(|(_, bound)| bound.abs()).fold(f64::INFINITY, f64::min);
        let deadband = raw.deadband.or(lowest.is_finite().then_some(lowest / 10.0));
        let narrowest = given.windows(2).map(|pair| pair[1].1 - pair[0].1).fold(f64::INFINITY, f64::min);
        if let Some(deadband) = deadband.filter(|deadband| *deadband < 0.0) {
            self.note("deadband", format!("a deadband of {deadband} is negative"), "use 0 or more", context);
        } else if let Some(deadband) = raw.deadband.filter(|deadband| *deadband >= narrowest) {
            let message = format!("a deadband of {deadband} is wider than a state, which spans {narrowest}");
            self.note("deadband", message, "use less", context);
        }
        Some(Production {
            of: of?,
            bounds: [raw.idle, running, raw.overload],
            learnt_after: running.is_none().then(|| raw.days.unwrap_or(defaults::LEARNT_DAYS)),
            deadband: deadband.map(|deadband| deadband.min(narrowest)),
            least: raw.least.unwrap_or(defaults::STATE_LEAST).0,
        })
    }

    /// From which load on a line runs.
    pub(super) fn running_from(&self, of: Option<PointId>, context: &mut Context<'_>) -> Option<Formula> {
        let of = of?;
        let point = &self.points.list[of.index()];
        if !matches!(point.source, Source::Derived(Formula::Production(_))) {
            let message = format!("`{}` is no state of production", point.name);
            self.note("of", message, "name a derived point with `function = \"state\"`", context);
            return None;
        }
        Some(Formula::RunningFrom(of))
    }
}
