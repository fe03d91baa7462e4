//! `function = "state"`: the bounds between the states of production.

use super::Context;
use super::derived::Maker;
use crate::model::PointId;
use crate::site::defaults;
use crate::site::derived::Production;

impl Maker<'_, '_> {
    /// The state of production by the load of a point; none, and a mistake, where something is missing.
    pub(super) fn production(&self, of: Option<PointId>, context: &mut Context<'_>) -> Option<Production> {
        let raw = self.raw;
        let Some(running) = raw.running else {
            let hint = "add `running = …`: from which load on it runs";
            self.note("function", "`running` is missing", hint, context);
            return None;
        };
        let bounds = [("idle", raw.idle), ("running", Some(running)), ("overload", raw.overload)];
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
        let deadband = raw.deadband.unwrap_or(lowest / 10.0);
        let narrowest = given.windows(2).map(|pair| pair[1].1 - pair[0].1).fold(f64::INFINITY, f64::min);
        if deadband < 0.0 {
            self.note("deadband", format!("a deadband of {deadband} is negative"), "use 0 or more", context);
        } else if raw.deadband.is_some() && deadband >= narrowest {
            let message = format!("a deadband of {deadband} is wider than a state, which spans {narrowest}");
            self.note("deadband", message, "use less", context);
        }
        Some(Production {
            of: of?,
            bounds: [raw.idle, Some(running), raw.overload],
            deadband: deadband.min(narrowest),
            least: raw.least.unwrap_or(defaults::STATE_LEAST).0,
        })
    }
}
