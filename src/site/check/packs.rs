//! `[[pack]]`: ready-made rules, bound to points by role and unit.

use super::Context;
use super::hazards::Hazards;
use super::limits::{self, Written};
use super::points::Points;
use super::rules::Rules;
use crate::model::{HazardId, PointId};
use crate::site::expression;
use crate::site::load::Gathered;
use crate::site::model::Point;
use crate::site::raw::{RawHandling, RawLevels, RawLimits, RawPack, RawPackFile, RawPackRule};
use crate::site::source::{FileId, Place, Spot};
use crate::site::suggest::did_you_mean;

/// Applies every `[[pack]]` of the site.
pub(super) fn apply(
    gathered: &Gathered,
    hazards: &Hazards,
    points: &Points<'_>,
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    for part in &gathered.parts {
        for (index, raw) in part.raw.pack.iter().enumerate() {
            let Some((pack_file, pack)) = gathered.packs.get(&raw.name.0) else { continue };
            let spot = part.spot("pack", index);
            let mut one = One { spot, raw, pack_file: *pack_file, pack, points, rules, context };
            one.setpoints();
            let hazard = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), one.context);
            one.apply_to_named();
            one.apply_to_hazard(hazard);
        }
    }
}

/// One `[[pack]]` and what it is applied to.
struct One<'o, 'c> {
    spot: Spot,
    raw: &'o RawPack,
    pack_file: FileId,
    pack: &'o RawPackFile,
    points: &'o Points<'o>,
    rules: &'o mut Rules,
    context: &'o mut Context<'c>,
}

impl One<'_, '_> {
    /// Every set-point that the pack wants is given, and no other.
    fn setpoints(&mut self) {
        let mut wanted: Vec<&str> =
            self.pack.rule.iter().filter_map(|rule| Some(rule.percent_of.as_ref()?.0.as_str())).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for name in self.raw.setpoints.keys().filter(|name| !wanted.contains(&name.as_str())) {
            let place = self.spot.key(&format!("setpoints.{name}"));
            let hint = did_you_mean(name, wanted.iter().copied())
                .unwrap_or_else(|| format!("it takes: {}", wanted.join(", ")));
            self.context
                .findings
                .add(place, format!("pack `{}` has no set-point `{name}`", self.raw.name.0))
                .hint(hint);
        }
        for (name, value) in &self.raw.setpoints {
            if *value <= 0.0 {
                let place = self.spot.key(&format!("setpoints.{name}"));
                self.context
                    .findings
                    .add(place, format!("a set-point of {value} has no percentages"))
                    .hint("use more than 0");
            }
        }
        if self.raw.points.is_empty() && self.raw.hazard.is_none() {
            self.context
                .findings
                .add(self.spot.place(), "this pack is applied to nothing")
                .hint("say `points = [\"device.signal\"]` or `hazard = \"…\"`");
        }
    }

    fn apply_to_named(&mut self) {
        for (index, name) in self.raw.points.iter().enumerate() {
            let place = self.spot.key(&format!("points[{index}]"));
            let Some(point) = self.points.names.find(&name.0, place.clone(), self.context) else {
                continue;
            };
            if !self.apply_to_point(point, &place, true) {
                let role = self.points.list[point].role.as_deref().unwrap_or("none");
                let message =
                    format!("pack `{}` has no rule for `{}`, whose role is {role}", self.raw.name.0, name.0);
                let hint = self.roles();
                self.context.findings.add(place, message).hint(hint);
            }
        }
    }

    fn apply_to_hazard(&mut self, hazard: Option<HazardId>) {
        let Some(hazard) = hazard else { return };
        let place = self.spot.key("hazard");
        let mut any = false;
        for index in 0..self.points.list.len() {
            if self.points.list[index].hazard == Some(hazard) {
                any |= self.apply_to_point(index, &place, false);
            }
        }
        if !any && !self.context.damage.any() {
            let message = format!("no point of this hazard has a role that pack `{}` knows", self.raw.name.0);
            let hint = self.roles();
            self.context.findings.add(place, message).hint(hint);
        }
    }

    fn roles(&self) -> String {
        let roles = self.pack.rule.iter().flat_map(|rule| &rule.roles);
        format!("its rules are for: {}", roles.map(|role| role.0.as_str()).collect::<Vec<_>>().join(", "))
    }

    /// Applies the pack's rules that are for this point; whether any is. A point that is named needs no role
    /// where the pack leaves no choice.
    fn apply_to_point(&mut self, index: usize, place: &Place, named: bool) -> bool {
        let point = &self.points.list[index];
        let only = |id: &str| self.pack.rule.iter().all(|rule| rule.id.0 == id);
        let fits = |rule: &RawPackRule| {
            let role = point.role.as_deref();
            rule.roles.iter().any(|one| Some(one.0.as_str()) == role)
                || (named && role.is_none() && only(&rule.id.0))
        };
        let meant: Vec<usize> =
            (0..self.pack.rule.len()).filter(|index| fits(&self.pack.rule[*index])).collect();
        let mut ids: Vec<&str> = meant.iter().map(|index| self.pack.rule[*index].id.0.as_str()).collect();
        ids.dedup();
        for id in ids {
            let of_id = meant.iter().filter(|index| self.pack.rule[**index].id.0 == id);
            let of_unit = of_id.clone().find(|index| self.pack.rule[**index].unit == point.unit);
            if let Some(rule) = of_unit {
                self.add(*rule, index, place);
            } else {
                let units: Vec<&str> = of_id.map(|index| self.pack.rule[*index].unit.as_str()).collect();
                self.wrong_unit(point, &units, place);
            }
        }
        !meant.is_empty()
    }

    fn wrong_unit(&mut self, point: &Point, units: &[&str], place: &Place) {
        let message = format!(
            "pack `{}` needs `{}` in {}, and it is in `{}`",
            self.raw.name.0,
            point.name,
            units.join(" or "),
            point.unit
        );
        let hint = "give the point that unit (with `scale`), or write its limits by hand";
        self.context.findings.add(place.clone(), message).hint(hint);
    }

    fn add(&mut self, rule: usize, point: usize, place: &Place) {
        let Some(factor) = self.factor(&self.pack.rule[rule], place) else { return };
        let hazard = self.points.list[point].hazard;
        let names = Roles { points: self.points, hazard };
        let limits = names.reachable(self.adapted(&self.pack.rule[rule].limits));
        let name = format!("{}.{}", self.points.list[point].name, self.pack.rule[rule].id.0);
        let in_pack = Spot::entry(self.pack_file, "rule", rule);
        let spot = self.spot;
        let key_place = |key: &str| match key {
            "" => place.clone(),
            key if key.starts_with("levels") => spot.key(key).or(Some(in_pack.key(&format!("limits.{key}")))),
            _ => place.clone(),
        };
        let written = Written { name, raw: &limits, factor, names: &names, place: &key_place };
        let made = limits::rule(&written, PointId::new(point), &self.points.list[point], self.context);
        self.rules.add(made, place.clone(), self.context);
    }

    /// What the pack's numbers are multiplied with.
    fn factor(&mut self, rule: &RawPackRule, place: &Place) -> Option<f64> {
        let Some(name) = &rule.percent_of else { return Some(1.0) };
        if let Some(value) = self.raw.setpoints.get(&name.0) {
            // A set-point without percentages has been noted already.
            return (*value > 0.0).then_some(value / 100.0);
        }
        let message = format!("pack `{}` needs the set-point `{}`", self.raw.name.0, name.0);
        let hint = format!("add `setpoints = {{ {} = … }}`: its limits are percentages of it", name.0);
        self.context.findings.add(place.clone(), message).hint(hint);
        None
    }

    /// The pack's limits with what the site file puts in place of them.
    fn adapted(&self, limits: &RawLimits) -> RawLimits {
        let own = self.raw.levels;
        let levels = RawLevels {
            ll: own.ll.filter(|_| limits.ll.is_some()).or(limits.levels.ll),
            l: own.l.filter(|_| limits.l.is_some()).or(limits.levels.l),
            h: own.h.filter(|_| limits.h.is_some()).or(limits.levels.h),
            hh: own.hh.filter(|_| limits.hh.is_some()).or(limits.levels.hh),
        };
        RawLimits {
            levels,
            on_delay: self.raw.on_delay.or(limits.on_delay),
            off_delay: self.raw.off_delay.or(limits.off_delay),
            ..limits.clone()
        }
    }
}

/// What conditions of a pack's rules name: roles, which stand for the points that have them at the same hazard.
struct Roles<'p> {
    points: &'p Points<'p>,
    hazard: Option<HazardId>,
}

impl Roles<'_> {
    fn of(&self, role: &str) -> Option<usize> {
        let fits = |point: &Point| point.hazard == self.hazard && point.role.as_deref() == Some(role);
        self.points.list.iter().position(fits).filter(|_| self.hazard.is_some())
    }

    /// Without the condition, where the hazard has not all the roles that it names: the rule is then always active.
    fn reachable(&self, limits: RawLimits) -> RawLimits {
        let named = limits.handling.only_when.as_deref().map(|text| expression::parse(text, self));
        let lacks = matches!(named, Some(Err(ref fault)) if fault.message.starts_with(NO_ROLE));
        let only_when = limits.handling.only_when.filter(|_| !lacks);
        RawLimits { handling: RawHandling { only_when, ..limits.handling }, ..limits }
    }
}

const NO_ROLE: &str = "no point has the role";

impl expression::Points for Roles<'_> {
    fn named(&self, role: &str) -> Result<expression::Named, (String, Option<String>)> {
        let index = self.of(role).ok_or_else(|| (format!("{NO_ROLE} `{role}`"), None))?;
        expression::Points::named(self.points, &self.points.list[index].name)
    }

    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>> {
        expression::Points::code(self.points, point, label)
    }
}
