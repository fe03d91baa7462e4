//! Conditions, of the site and of packs: their expressions are read, and what they name is found.

use super::Context;
use super::derived::LATER;
use super::handling;
use super::hazards::Hazards;
use super::limits;
use super::points::Points;
use crate::model::{HazardId, PointId, Text};
use crate::site::defaults;
use crate::site::derived::Formula;
use crate::site::expression::{self, Condition, Named, Nature, Unnamed};
use crate::site::model::Point;
use crate::site::model::Source;
use crate::site::raw::{RawCondition, RawConditionRule};
use crate::site::rule::{ConditionRule, Rule, RuleKind};
use crate::site::signal::Encoding;
use crate::site::source::{Place, Spot};

/// A condition as it is written, wherever that is.
pub(super) struct Written<'a> {
    /// The rule's name.
    pub(super) name: String,
    /// What it says.
    pub(super) raw: &'a RawCondition,
    /// What `{name}` stands for.
    pub(super) title: Option<&'a Text>,
    /// The hazard that it counts for. None: that of its points.
    pub(super) hazard: Option<HazardId>,
    /// What its expressions may name.
    pub(super) names: &'a dyn expression::Points,
    /// The place of one of its keys.
    pub(super) place: &'a dyn Fn(&str) -> Place,
}

/// The checked `[[rule]]`; none if one of its expressions can't be read.
pub(super) fn of_site(
    raw: &RawConditionRule,
    spot: Spot,
    hazards: &Hazards,
    points: &Points<'_>,
    context: &mut Context<'_>,
) -> Option<Rule> {
    let written = Written {
        name: raw.id.0.clone(),
        raw: &raw.condition,
        title: None,
        hazard: hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context),
        names: points,
        place: &|key| spot.key(key),
    };
    rule(&written, points, context)
}

/// The checked rule; none if one of its expressions can't be read.
pub(super) fn rule(written: &Written<'_>, points: &Points<'_>, context: &mut Context<'_>) -> Option<Rule> {
    let (raw, place) = (written.raw, written.place);
    let when = read(&raw.when, place("when"), written.names, expression::parse, context);
    let until = raw
        .until
        .as_ref()
        .map(|until| read(until, place("until"), written.names, expression::parse, context));
    let when = when?;
    let stays = match until {
        Some(until) => Condition::Any(vec![when.clone(), Condition::Not(Box::new(until?))]),
        None => when.clone(),
    };
    let looks_at = stays.points();
    if looks_at.is_empty() {
        let finding = context.findings.add(place("when"), "the condition looks at no point");
        finding.hint("name the points that it is about");
        return None;
    }
    let over: Vec<&Point> = looks_at.iter().map(|id| &points.list[id.index()]).collect();
    let message = Text::from(raw.message.clone());
    Some(Rule {
        name: written.name.clone(),
        hazard: written.hazard.or_else(|| common(points, &looks_at)),
        class: handling::class(&raw.handling, &over),
        kind: RuleKind::Condition(ConditionRule {
            when,
            stays,
            points: looks_at,
            level: raw.level.unwrap_or(defaults::CONDITION_LEVEL).0,
        }),
        on_delay: raw.on_delay.unwrap_or(defaults::NO_DELAY).0,
        off_delay: raw.off_delay.unwrap_or(defaults::NO_DELAY).0,
        message: Some(written.title.map_or_else(|| message.clone(), |title| limits::filled(&message, title))),
        basis: raw.basis.clone(),
        handling: handling::of(&raw.handling, place, context),
        binding: handling::binding(&raw.handling, place, written.names, context),
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
    let elsewhere = fault.elsewhere.is_some();
    let finding = context.findings.add(fault.elsewhere.unwrap_or(place), fault.message);
    if !elsewhere {
        finding.within(text, fault.span);
    }
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
    fn named(&self, name: &str, _turn: Option<usize>) -> Result<Named, Unnamed> {
        let unnamed = |message: String, hint: String| Unnamed { message, hint: Some(hint), elsewhere: None };
        if self.later.contains(name) {
            let message = format!("`{name}` is defined further down, or is this point itself");
            return Err(unnamed(message, LATER.to_owned()));
        }
        let index = self
            .names
            .place_of(name)
            .ok_or_else(|| unnamed(format!("there is no point `{name}`"), self.names.advice(name)))?;
        Ok(Named::point(PointId::new(index), nature(&self.list[index])))
    }

    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>> {
        let codes = self.list[point.index()].codes();
        let called = codes.iter().find(|code| code.label.zh == label || code.label.en == label);
        called.map(|code| code.code).ok_or_else(|| codes.iter().map(|code| code.label.en.clone()).collect())
    }
}

/// What a point's values are.
pub(super) fn nature(point: &Point) -> Nature {
    match &point.source {
        Source::Mqtt(_) => Nature::Either,
        Source::Derived(Formula::Condition(_) | Formula::Calendar(_)) => Nature::Switch,
        Source::Derived(_) => Nature::Number,
        Source::Modbus(signal) => match signal.register.encoding {
            Encoding::Bit | Encoding::BitOf(_) => Nature::Switch,
            _ => Nature::Number,
        },
    }
}
