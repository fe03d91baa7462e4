//! Limits: in order, apart, and where the instrument can see them.

use super::Context;
use super::handling;
use crate::model::{PointId, Text};
use crate::site::defaults;
use crate::site::expression;
use crate::site::model::Point;
use crate::site::raw::{RawLevels, RawLimits};
use crate::site::rule::{Limit, Limits, Rule, RuleKind};
use crate::site::source::Place;
use crate::site::values::Grade;

/// A limits rule as it is written, wherever that is.
pub(super) struct Written<'a> {
    /// The rule's name.
    pub(super) name: String,
    /// What it says.
    pub(super) raw: &'a RawLimits,
    /// What its limits and deadband are multiplied with: 1, or a hundredth of a set-point.
    pub(super) factor: f64,
    /// What its condition may name.
    pub(super) names: &'a dyn expression::Points,
    /// The place of one of its keys.
    pub(super) place: &'a dyn Fn(&str) -> Place,
}

/// The checked rule on `point`; its hazard is the point's.
pub(super) fn rule(written: &Written<'_>, id: PointId, point: &Point, context: &mut Context<'_>) -> Rule {
    let limits = Checker { written, point, context }.limits(id);
    let raw = written.raw;
    Rule {
        name: written.name.clone(),
        hazard: point.hazard,
        kind: RuleKind::Limits(limits),
        class: handling::class(&raw.handling, &[point]),
        on_delay: raw.on_delay.unwrap_or(defaults::NO_DELAY).0,
        off_delay: raw.off_delay.unwrap_or(defaults::NO_DELAY).0,
        message: raw.message.clone().map(|words| filled(&words.into(), &point.title)),
        basis: raw.basis.clone(),
        handling: handling::of(&raw.handling, written.place, context),
        binding: handling::binding(&raw.handling, written.place, written.names, context),
    }
}

/// A message with `name` in place of `{name}`.
pub(super) fn filled(message: &Text, name: &Text) -> Text {
    Text::new(message.zh.replace("{name}", &name.zh), message.en.replace("{name}", &name.en))
}

struct Checker<'c, 'a, 'f> {
    written: &'c Written<'a>,
    point: &'c Point,
    context: &'c mut Context<'f>,
}

impl Checker<'_, '_, '_> {
    fn limits(mut self, point: PointId) -> Limits {
        let raw = self.written.raw;
        let factor = self.written.factor;
        let limit = |value: Option<f64>, level: Option<Grade>, default: Grade| {
            value.map(|value| Limit { value: value * factor, level: level.unwrap_or(default).0 })
        };
        let RawLevels { ll, l, h, hh } = raw.levels;
        let limits = Limits {
            point,
            ll: limit(raw.ll, ll, defaults::OUTER_LEVEL),
            l: limit(raw.l, l, defaults::INNER_LEVEL),
            h: limit(raw.h, h, defaults::INNER_LEVEL),
            hh: limit(raw.hh, hh, defaults::OUTER_LEVEL),
            deadband: raw.deadband.unwrap_or(defaults::DEADBAND) * factor.abs(),
        };
        self.present(&limits);
        self.order(&limits);
        self.gravity(&limits);
        self.deadband(&limits);
        self.range(&limits);
        limits
    }

    fn note(&mut self, key: &str, message: String, hint: &str) {
        self.context.findings.add((self.written.place)(key), message).hint(hint);
    }

    fn present(&mut self, limits: &Limits) {
        let raw = self.written.raw;
        if named(limits).is_empty() {
            self.note("", "no limit is given".to_owned(), "add at least one of ll, l, h, hh");
        }
        let levels = raw.levels;
        for (key, level, value) in [
            ("ll", levels.ll, raw.ll),
            ("l", levels.l, raw.l),
            ("h", levels.h, raw.h),
            ("hh", levels.hh, raw.hh),
        ] {
            if level.is_some() && value.is_none() {
                let message = format!("a level for `{key}`, and no limit `{key}`");
                self.note(&format!("levels.{key}"), message, "add the limit, or drop its level");
            }
        }
    }

    fn order(&mut self, limits: &Limits) {
        for pair in named(limits).windows(2) {
            let [(low, below), (high, above)] = pair else { continue };
            if below.value >= above.value {
                let message = format!("`{low}` = {} is not below `{high}` = {}", below.value, above.value);
                self.note(high, message, "limits are in order: ll < l < h < hh");
            }
        }
    }

    fn gravity(&mut self, limits: &Limits) {
        for (outer, grave, inner, less) in
            [("ll", limits.ll, "l", limits.l), ("hh", limits.hh, "h", limits.h)]
        {
            if let (Some(grave), Some(less)) = (grave, less)
                && grave.level < less.level
            {
                let message = format!("crossing `{outer}` is less grave than crossing `{inner}`");
                let hint = "level 1 is the gravest: give the outer limit a level that is no larger";
                self.note(&format!("levels.{outer}"), message, hint);
            }
        }
    }

    fn deadband(&mut self, limits: &Limits) {
        let band = limits.deadband;
        if band < 0.0 {
            self.note("deadband", format!("a deadband of {band} is negative"), "use 0 or more");
        }
        let low = limits.l.or(limits.ll);
        let high = limits.h.or(limits.hh);
        if let (Some(low), Some(high)) = (low, high)
            && low.value < high.value
            && low.value + band >= high.value - band
        {
            let message = format!("with a deadband of {band} the alarm would never clear between the limits");
            let hint = format!("use less than {}", (high.value - low.value) / 2.0);
            self.note("deadband", message, &hint);
        }
    }

    fn range(&mut self, limits: &Limits) {
        let Some(range) = self.point.range else { return };
        for (key, limit) in named(limits) {
            if !(range.low..=range.high).contains(&limit.value) {
                let message = format!("`{key}` = {} is outside the point's range", limit.value);
                let hint = format!("`{}` measures {} to {}", self.point.name, range.low, range.high);
                self.note(key, message, &hint);
            }
        }
    }
}

/// The limits that are there, lowest first.
fn named(limits: &Limits) -> Vec<(&'static str, Limit)> {
    [("ll", limits.ll), ("l", limits.l), ("h", limits.h), ("hh", limits.hh)]
        .into_iter()
        .filter_map(|(key, limit)| Some((key, limit?)))
        .collect()
}
