//! `[[pack]]`: ready-made derived points and rules. A pack names signals by role; here each name becomes a point of the hazard, and what the pack says goes
//! through the same checks as if the site file said it. What names a point that the hazard has not is not made, and told ([`LeftOut`]).

mod applied;
mod feeder;
mod scope;
mod sound;

use std::collections::BTreeSet;

use super::Context;
use super::condition;
use super::derived::{self, Derived};
use super::feeders::Feeders;
use super::hazards::Hazards;
use super::limits::{self, Written};
use super::points::Points;
use super::rules::Rules;
use crate::model::{PointId, Text};
use crate::site::load::Gathered;
use crate::site::model::LeftOut;
use crate::site::raw::{RawPackDerived, RawPackRule};
use crate::site::source::{Place, Spot};
use applied::{Applied, Made, Target};
use scope::{ByRole, Scope};

/// The packs of a site, each with what it is applied to.
pub(super) struct Packs<'a> {
    list: Vec<Applied<'a>>,
    by_role: ByRole,
}

/// Binds every `[[pack]]` to its points and adds the points that it derives.
pub(super) fn check<'a>(
    gathered: &'a Gathered,
    (hazards, feeders): (&Hazards, &Feeders<'_>),
    derived: &mut Derived,
    points: &mut Points<'_>,
    context: &mut Context<'_>,
) -> Packs<'a> {
    let sound: BTreeSet<&str> = gathered
        .packs
        .iter()
        .filter(|(_, (file, pack))| sound::check(*file, pack, context))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut packs = Packs { list: Vec::new(), by_role: ByRole::of(points) };
    for part in &gathered.parts {
        for (index, raw) in part.raw.pack.iter().enumerate().filter(|(_, raw)| sound.contains(&*raw.name.0)) {
            let (file, pack) = &gathered.packs[&raw.name.0];
            let spot = part.spot("pack", index);
            for place in feeder::chosen(raw, spot, feeders, context) {
                let to = place.map(|place| (&feeders.list[place], feeders.others(place)));
                let mut one = Applied::new(spot, raw, (*file, pack), (hazards, to), points, context);
                for entry in 0..pack.derived.len() {
                    packs.derive(&mut one, entry, derived, points, context);
                }
                packs.list.push(one);
            }
        }
    }
    packs
}

impl Packs<'_> {
    /// Makes one derived point of a pack, for each point that it is for.
    fn derive(
        &mut self,
        one: &mut Applied<'_>,
        entry: usize,
        derived: &mut Derived,
        points: &mut Points<'_>,
        context: &mut Context<'_>,
    ) {
        let raw: &RawPackDerived = &one.pack.derived[entry];
        let texts = sound::texts_of_derived(raw);
        for target in one.targets(&raw.id.0, &raw.roles, points) {
            let scope = Scope { points, by_role: &self.by_role, applied: one, own: target.own };
            if one.derived_for(&raw.id.0, target.own).is_some()
                || !one.settles(&scope, &target, None, &raw.roles, &texts)
            {
                continue;
            }
            let Some(home) = one.home(&target, points, context) else { continue };
            let Some(factor) = one.factor(raw.percent_of.as_ref(), &target.place, context) else { continue };
            let in_pack = Spot::entry(one.file, "derived", entry);
            let place = |key: &str| if key.is_empty() { in_pack.place() } else { in_pack.key(key) };
            let mut formula = raw.formula.clone();
            formula.role.get_or_insert_with(|| raw.id.clone());
            let written = derived::Written {
                name: format!("{}.{}", home.name, raw.id.0),
                title: limits::filled(&Text::from(formula.name.clone()), &home.title),
                raw: &formula,
                hazard: home.hazard,
                factor,
                names: &scope,
                place: &place,
            };
            let Some(point) = derived::point(&written, derived, points, context) else { continue };
            if let Some(point) = derived.add(point, target.place.clone(), points, context) {
                self.by_role.add(point, points);
                one.take(Made { entry, target, point }, points);
            }
        }
    }

    /// Adds every pack's rules. What could not be made for want of a signal.
    pub(super) fn rules(
        &self,
        points: &Points<'_>,
        rules: &mut Rules,
        context: &mut Context<'_>,
    ) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        for one in &self.list {
            let mut binder =
                Binder { one, by_role: &self.by_role, points, made: BTreeSet::new(), rules, context };
            binder.of_derived();
            for entry in 0..one.pack.rule.len() {
                binder.of_entry(entry);
            }
            let made = binder.made;
            let misfits = one.refuse_misfits(&made, points, context);
            let missed = one.missed(&made, &self.by_role, points);
            one.refuse_nothing(made.is_empty() && !misfits, &missed, context);
            left_out.extend(missed);
        }
        left_out
    }
}

/// Makes the rules of one `[[pack]]`.
struct Binder<'b, 'c> {
    one: &'b Applied<'b>,
    by_role: &'b ByRole,
    points: &'b Points<'b>,
    /// The ids of which there is a rule or a point, and for which point.
    made: BTreeSet<(String, Option<usize>)>,
    rules: &'b mut Rules,
    context: &'b mut Context<'c>,
}

impl<'b> Binder<'b, '_> {
    fn scope(&self, own: Option<usize>) -> Scope<'b> {
        Scope { points: self.points, by_role: self.by_role, applied: self.one, own }
    }

    /// The limits of the points that the pack derives, and the alarm of each that can't be worked out.
    fn of_derived(&mut self) {
        for Made { entry, target, point } in &self.one.made {
            let raw = &self.one.pack.derived[*entry];
            let scope = self.scope(target.own);
            let mut formula = raw.formula.clone();
            if let Some(limits) = &mut formula.limits {
                scope.forgo(&mut limits.handling);
            }
            let in_pack = Spot::entry(self.one.file, "derived", *entry);
            let place = |key: &str| self.one.limit_place(key, in_pack, &target.place);
            derived::limits_of(*point, &formula, &scope, &place, self.points, self.rules, self.context);
            derived::signal(*point, target.place.clone(), self.points, self.rules, self.context);
            self.made.insert((raw.id.0.clone(), target.own));
        }
    }

    fn of_entry(&mut self, entry: usize) {
        let raw = &self.one.pack.rule[entry];
        let texts = sound::texts_of_rule(raw);
        for target in self.one.targets(&raw.id.0, &raw.roles, self.points) {
            let id = (raw.id.0.clone(), target.own);
            let scope = self.scope(target.own);
            if !self.made.contains(&id)
                && self.one.settles(&scope, &target, raw.unit.as_deref(), &raw.roles, &texts)
            {
                self.made.insert(id);
                self.add(raw, entry, &target, &scope);
            }
        }
    }

    fn add(&mut self, raw: &RawPackRule, entry: usize, target: &Target, scope: &Scope<'_>) {
        let in_pack = Spot::entry(self.one.file, "rule", entry);
        if let Some(condition) = &raw.condition {
            let Some(home) = self.one.home(target, self.points, self.context) else { return };
            let mut condition = condition.clone();
            scope.forgo(&mut condition.handling);
            let written = condition::Written {
                name: format!("{}.{}", home.name, raw.id.0),
                raw: &condition,
                title: Some(&home.title),
                hazard: home.hazard,
                names: scope,
                place: &|key: &str| in_pack.key(&format!("condition.{key}")),
            };
            if let Some(made) = condition::rule(&written, self.points, self.context) {
                self.rules.add(made, target.place.clone(), self.context);
            }
        } else if let (Some(limits), Some(own)) = (&raw.limits, target.own) {
            self.limits(raw, limits, own, in_pack, target, scope);
        }
    }

    fn limits(
        &mut self,
        raw: &RawPackRule,
        limits: &crate::site::raw::RawLimits,
        own: usize,
        in_pack: Spot,
        target: &Target,
        scope: &Scope<'_>,
    ) {
        let Some(factor) = self.one.factor(raw.percent_of.as_ref(), &target.place, self.context) else {
            return;
        };
        let mut limits = self.one.adapted(limits);
        scope.forgo(&mut limits.handling);
        let point = &self.points.list[own];
        let place = |key: &str| self.one.limit_place(key, in_pack, &target.place);
        let written = Written {
            name: format!("{}.{}", point.name, raw.id.0),
            raw: &limits,
            factor,
            names: scope,
            place: &place,
        };
        let made = limits::rule(&written, PointId::new(own), point, self.context);
        self.rules.add(made, target.place.clone(), self.context);
    }
}

impl Applied<'_> {
    /// Where a mistake about a key of limits is put right: levels may be the site file's, all else is a matter of the point.
    fn limit_place(&self, key: &str, in_pack: Spot, point: &Place) -> Place {
        if key.starts_with("levels") {
            return self.spot.key(key).or(Some(in_pack.key(&format!("limits.{key}"))));
        }
        if key.starts_with("only_") || key.starts_with("not_") {
            return in_pack.key(&format!("limits.{key}"));
        }
        point.clone()
    }
}
