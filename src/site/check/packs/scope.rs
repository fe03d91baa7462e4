//! What the names in a pack's expressions stand for, at the place where the pack is applied.

use std::collections::{BTreeMap, BTreeSet};

use super::super::condition;
use super::super::points::Points;
use super::applied::Applied;
use super::sound::{OF_SELF, SELF, SETPOINTS};
use crate::model::limits::ROLE_POINTS_MAX;
use crate::model::{HazardId, PointId};
use crate::site::expression::{self, Meaning, Named, Nature, Unnamed};
use crate::site::raw::{RawHandling, RawPackRole};

/// The points of each hazard by their role.
#[derive(Default)]
pub(super) struct ByRole(BTreeMap<(HazardId, String), Vec<usize>>);

impl ByRole {
    pub(super) fn of(points: &Points<'_>) -> Self {
        let mut by_role = Self::default();
        (0..points.list.len()).for_each(|index| by_role.add(index, points));
        by_role
    }

    pub(super) fn add(&mut self, index: usize, points: &Points<'_>) {
        let point = &points.list[index];
        if let (Some(hazard), Some(role)) = (point.hazard, &point.role) {
            self.0.entry((hazard, role.clone())).or_default().push(index);
        }
    }

    fn get(&self, hazard: HazardId, role: &str) -> &[usize] {
        self.0.get(&(hazard, role.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// The names that one entry of a pack may use.
pub(super) struct Scope<'s> {
    pub(super) points: &'s Points<'s>,
    pub(super) by_role: &'s ByRole,
    pub(super) applied: &'s Applied<'s>,
    /// The point that it is made for.
    pub(super) own: Option<usize>,
}

/// What a name stands for.
enum Found<'s> {
    Setpoint(&'s str),
    /// Points, and what the pack says of the role that they have.
    Points(Vec<usize>, Option<&'s RawPackRole>),
}

impl<'s> Scope<'s> {
    fn find(&self, name: &'s str) -> Found<'s> {
        if let Some(setpoint) = name.strip_prefix(SETPOINTS) {
            return Found::Setpoint(setpoint);
        }
        let pack = self.applied.pack;
        if name == SELF {
            return Found::Points(self.own.into_iter().collect(), None);
        }
        if let Some(id) = name.strip_prefix(OF_SELF) {
            return Found::Points(self.applied.derived_for(id, self.own).into_iter().collect(), None);
        }
        if pack.derived.iter().any(|derived| derived.id.0 == name) {
            return Found::Points(self.applied.derived(name), None);
        }
        let role = pack.role.iter().find(|role| role.id.0 == name);
        Found::Points(role.map_or_else(Vec::new, |role| self.holders(role)), role)
    }

    /// The points that have a role: of those that the `[[pack]]` names, else of the hazard.
    fn holders(&self, role: &RawPackRole) -> Vec<usize> {
        let named: BTreeSet<usize> = roles_of(role).flat_map(|role| self.applied.own_points(role)).collect();
        // A feeder has its own points and no others: those of its hazard may be another feeder's.
        if !named.is_empty() || self.applied.feeder.is_some() {
            return named.into_iter().collect();
        }
        let of_point = || self.points.list[self.own?].hazard;
        let Some(hazard) = self.applied.hazard.or_else(of_point) else { return Vec::new() };
        let all: BTreeSet<usize> =
            roles_of(role).flat_map(|role| self.by_role.get(hazard, role)).copied().collect();
        all.into_iter().collect()
    }

    /// The signals that an expression names and the hazard has not.
    pub(super) fn lacking(&self, text: &str) -> Vec<String> {
        let lacks = |name: &String| match self.find(name) {
            Found::Setpoint(_) => false,
            Found::Points(points, role) => {
                points.len() < role.and_then(|role| role.many).map_or(1, usize::from)
            }
        };
        signals(text).into_iter().filter(lacks).collect()
    }

    /// Takes away a condition that names what the hazard has not: the rule is then always active.
    pub(super) fn forgo(&self, handling: &mut RawHandling) {
        if handling.only_when.as_ref().is_some_and(|text| !self.lacking(text).is_empty()) {
            handling.only_when = None;
        }
    }

    /// The place in the site file where the pack is applied.
    fn elsewhere(&self, message: String, hint: impl Into<String>) -> Unnamed {
        let place = self.applied.spot.place();
        Unnamed { message, hint: Some(hint.into()), elsewhere: Some(place) }
    }

    fn several(&self, name: &str, holders: &[usize], may_be_many: bool) -> Unnamed {
        let names: Vec<&str> =
            holders.iter().take(4).map(|index| self.points.list[*index].name.as_str()).collect();
        let (wanted, hint) = if may_be_many {
            (format!("at most {ROLE_POINTS_MAX} points"), "apply the pack to fewer: name its `points`")
        } else {
            ("one point".to_owned(), "apply the pack once for each, with an `id` and its `points`")
        };
        let message = format!(
            "pack `{}` wants {wanted} with the role `{name}`, and {} have it: {}",
            self.applied.raw.name.0,
            holders.len(),
            names.join(", ")
        );
        self.elsewhere(message, hint)
    }

    fn wrong_unit(&self, index: usize, unit: &str) -> Unnamed {
        let point = &self.points.list[index];
        let unit = if unit.is_empty() { "no unit" } else { unit };
        let message = format!(
            "pack `{}` needs `{}` in {unit}, and it is in `{}`",
            self.applied.raw.name.0, point.name, point.unit
        );
        self.elsewhere(
            message,
            "give the point that unit (with `scale`), or leave the rule out with `without`",
        )
    }
}

/// The signals that an expression names.
pub(super) fn signals(text: &str) -> Vec<String> {
    expression::names(text).into_iter().filter(|name| !name.starts_with(SETPOINTS)).collect()
}

/// The roles that a name of a pack stands for.
pub(super) fn roles_of(role: &RawPackRole) -> impl Iterator<Item = &str> {
    let own = role.roles.is_empty().then_some(&role.id);
    role.roles.iter().chain(own).map(|id| id.0.as_str())
}

impl expression::Points for Scope<'_> {
    fn named(&self, name: &str, turn: Option<usize>) -> Result<Named, Unnamed> {
        let (holders, role) = match self.find(name) {
            Found::Points(holders, role) => (holders, role),
            Found::Setpoint(setpoint) => {
                let value = self.applied.setpoint(setpoint).ok_or_else(|| {
                    let (message, hint) = self.applied.no_setpoint(setpoint);
                    self.elsewhere(message, hint)
                })?;
                return Ok(Named { what: Meaning::Number(value), many: 1 });
            }
        };
        let may_be_many = role.is_none_or(|role| role.many.is_some());
        if holders.len() > ROLE_POINTS_MAX || (holders.len() > 1 && (!may_be_many || turn.is_none())) {
            return Err(self.several(name, &holders, may_be_many));
        }
        let Some(index) = holders.get(turn.unwrap_or(0)).or(holders.first()).copied() else {
            return Err(self.elsewhere(format!("no point has the role `{name}`"), "give a point that role"));
        };
        let point = &self.points.list[index];
        let unit = role.map(|role| role.unit.as_deref().unwrap_or_default());
        if let Some(unit) = unit.filter(|unit| *unit != point.unit) {
            return Err(self.wrong_unit(index, unit));
        }
        // What has no unit may be a switch that its device says as a number.
        let nature = match condition::nature(point) {
            Nature::Number if point.unit.is_empty() && name != SELF => Nature::Either,
            nature => nature,
        };
        let what = Meaning::Point(PointId::new(index), nature);
        Ok(Named { what, many: if turn.is_some() { holders.len() } else { 1 } })
    }

    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>> {
        expression::Points::code(self.points, point, label)
    }
}
