//! `[[rule]]` with `kind = "condition"`: its expressions are read, and what they name is found.

use super::Context;
use super::derived::LATER;
use super::handling;
use super::hazards::Hazards;
use super::points::Points;
use crate::model::{HazardId, PointId};
use crate::site::defaults;
use crate::site::derived::Formula;
use crate::site::expression::{self, Condition, Named, Nature};
use crate::site::model::Point;
use crate::site::model::Source;
use crate::site::raw::RawConditionRule;
use crate::site::rule::{ConditionRule, Rule, RuleKind};
use crate::site::signal::Encoding;
use crate::site::source::{Place, Spot};

/// The checked rule; none if one of its expressions can't be read.
pub(super) fn rule(
    raw: &RawConditionRule,
    spot: Spot,
    hazards: &Hazards,
    points: &Points<'_>,
    context: &mut Context<'_>,
) -> Option<Rule> {
    let hazard = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context);
    let when = read(&raw.when, spot.key("when"), points, expression::parse, context);
    let until =
        raw.until.as_ref().map(|until| read(until, spot.key("until"), points, expression::parse, context));
    let when = when?;
    let stays = match until {
        Some(until) => Condition::Any(vec![when.clone(), Condition::Not(Box::new(until?))]),
        None => when.clone(),
    };
    let looks_at = stays.points();
    if looks_at.is_empty() {
        let finding = context.findings.add(spot.key("when"), "the condition looks at no point");
        finding.hint("name the points that it is about");
        return None;
    }
    Some(Rule {
        name: raw.id.0.clone(),
        hazard: hazard.or_else(|| common(points, &looks_at)),
        kind: RuleKind::Condition(ConditionRule {
            when,
            stays,
            points: looks_at,
            level: raw.level.unwrap_or(defaults::CONDITION_LEVEL).0,
        }),
        on_delay: raw.on_delay.unwrap_or(defaults::NO_DELAY).0,
        off_delay: raw.off_delay.unwrap_or(defaults::NO_DELAY).0,
        message: Some(raw.message.clone().into()),
        basis: raw.basis.clone(),
        handling: handling::of(&raw.handling, |key| spot.key(key), context),
        binding: handling::binding(&raw.handling, |key| spot.key(key), points, context),
    })
}

/// What `how` makes of an expression; none, and a mistake in its column, if it can't be read.
pub(super) fn read<T>(
    text: &str,
    place: Place,
    points: &dyn expression::Points,
    how: impl Fn(&str, &dyn expression::Points) -> Result<T, expression::Fault>,
    context: &mut Context<'_>,
) -> Option<T> {
    let fault = match how(text, points) {
        Ok(read) => return Some(read),
        Err(fault) => fault,
    };
    // A point that the first stage left out may be the one that is missing.
    if context.damage.any() {
        return None;
    }
    let finding = context.findings.add(place, fault.message);
    finding.within(text, fault.span);
    if let Some(hint) = fault.hint {
        finding.hint(hint);
    }
    None
}

/// The hazard that all of these points belong to.
pub(super) fn common(points: &Points<'_>, ids: &[PointId]) -> Option<HazardId> {
    let mut hazards = ids.iter().map(|id| points.list[id.index()].hazard);
    let first = hazards.next()?;
    first.filter(|_| hazards.all(|other| other == first))
}

impl expression::Points for Points<'_> {
    fn named(&self, name: &str) -> Result<Named, (String, Option<String>)> {
        if self.later.contains(name) {
            let message = format!("`{name}` is defined further down, or is this point itself");
            return Err((message, Some(LATER.to_owned())));
        }
        let index = self
            .names
            .place_of(name)
            .ok_or_else(|| (format!("there is no point `{name}`"), Some(self.names.advice(name))))?;
        let nature = nature(&self.list[index]);
        Ok(Named { point: PointId::new(index), nature })
    }

    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>> {
        let codes = self.list[point.index()].codes();
        let called = codes.iter().find(|code| code.label.zh == label || code.label.en == label);
        called.map(|code| code.code).ok_or_else(|| codes.iter().map(|code| code.label.en.clone()).collect())
    }
}

/// What a point's values are.
fn nature(point: &Point) -> Nature {
    match &point.source {
        Source::Mqtt(_) => Nature::Either,
        Source::Derived(Formula::Condition(_)) => Nature::Switch,
        Source::Derived(_) => Nature::Number,
        Source::Modbus(signal) => match signal.register.encoding {
            Encoding::Bit | Encoding::BitOf(_) => Nature::Switch,
            _ => Nature::Number,
        },
    }
}
