//! `function = "baseline"`, and what rests on one.

use super::Context;
use super::derived::Maker;
use super::units::{Electrical, electrical};
use crate::model::PointId;
use crate::site::defaults;
use crate::site::derived::{Aspect, Baseline, Formula, Gauge};
use crate::site::model::Source;

impl Maker<'_, '_> {
    /// What is ordinary for a point.
    pub(super) fn baseline(&self, of: Option<PointId>, context: &mut Context<'_>) -> Option<Baseline> {
        let raw = self.raw;
        if let Some(percent) = raw.percent.filter(|percent| *percent < 0.0) {
            self.note("percent", format!("a margin of {percent} % is negative"), "use 0 or more", context);
        }
        let of = of?;
        let gauge = match electrical(&self.points.list[of.index()].unit) {
            Some(Electrical::Energy { .. }) => Gauge::Counter { modulus: raw.modulus },
            _ => Gauge::Level,
        };
        Some(Baseline {
            of,
            gauge,
            days_min: raw.days.unwrap_or(defaults::BASELINE_DAYS),
            percent: raw.percent.unwrap_or(defaults::BASELINE_PERCENT),
        })
    }

    /// Something that rests on what is ordinary.
    pub(super) fn of_baseline(
        &self,
        of: Option<PointId>,
        aspect: Aspect,
        context: &mut Context<'_>,
    ) -> Option<Formula> {
        let of = of?;
        let point = &self.points.list[of.index()];
        if !matches!(point.source, Source::Derived(Formula::Baseline(_))) {
            let message = format!("`{}` is no baseline", point.name);
            self.note("of", message, "name a derived point with `function = \"baseline\"`", context);
            return None;
        }
        Some(Formula::OfBaseline { of, aspect })
    }
}
