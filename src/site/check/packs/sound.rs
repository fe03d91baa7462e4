//! What is wrong with a rule pack itself, wherever it is applied: looked for once, and told in the pack's own file.

use std::collections::BTreeSet;

use super::super::Context;
use super::super::condition;
use super::scope::roles_of;
use crate::model::PointId;
use crate::model::limits::ROLE_POINTS_MAX;
use crate::site::expression::{self, Meaning, Named, Nature, Unnamed};
use crate::site::raw::{RawPackDerived, RawPackFile, RawPackRole, RawPackRule};
use crate::site::source::{FileId, Place, Spot};
use crate::site::suggest::did_you_mean;
use crate::site::values::Id;

/// The point that something is made for.
pub(super) const SELF: &str = "self";
/// Before the id of what is derived from that point.
pub(super) const OF_SELF: &str = "self.";
/// Before the name of a set-point.
pub(super) const SETPOINTS: &str = "setpoints.";

/// Whether nothing is wrong with a pack.
pub(super) fn check(file: FileId, pack: &RawPackFile, context: &mut Context<'_>) -> bool {
    let before = context.findings.count();
    let mut checker = Checker { file, pack, context };
    checker.names();
    (0..pack.derived.len()).for_each(|index| checker.derived(index));
    (0..pack.rule.len()).for_each(|index| checker.rule(index));
    context.findings.count() == before
}

/// The expressions of a derived point by which it is decided whether it can be made.
pub(super) fn texts_of_derived(raw: &RawPackDerived) -> Vec<String> {
    let of = raw.formula.of.as_ref().map(|of| format!("`{}`", of.0));
    raw.formula.value.clone().into_iter().chain(of).collect()
}

/// The expressions of a rule by which it is decided whether it can be made.
pub(super) fn texts_of_rule(raw: &RawPackRule) -> Vec<String> {
    let condition = raw.condition.iter();
    condition
        .flat_map(|condition| std::iter::once(condition.when.clone()).chain(condition.until.clone()))
        .collect()
}

/// Every derived point and rule: its id, what it is for, and its expressions.
pub(super) fn entries(pack: &RawPackFile) -> impl Iterator<Item = (&Id, &[Id], Vec<String>)> {
    let derived = pack.derived.iter().map(|raw| (&raw.id, &*raw.roles, texts_of_derived(raw)));
    derived.chain(pack.rule.iter().map(|raw| (&raw.id, &*raw.roles, texts_of_rule(raw))))
}

/// The ids of a pack's derived points and rules.
pub(super) fn ids(pack: &RawPackFile) -> BTreeSet<&str> {
    entries(pack).map(|(id, ..)| id.0.as_str()).collect()
}

/// The set-points that a pack may be given.
pub(super) fn setpoints(pack: &RawPackFile) -> BTreeSet<String> {
    let percent = percentages(pack).map(|name| name.0.clone());
    let conditions = pack.rule.iter().filter_map(|rule| rule.condition.as_ref()?.handling.only_when.clone());
    let limits = pack.rule.iter().filter_map(|rule| rule.limits.as_ref()?.handling.only_when.clone());
    let derived =
        pack.derived.iter().filter_map(|raw| raw.formula.limits.as_ref()?.handling.only_when.clone());
    let texts = entries(pack).flat_map(|(.., texts)| texts).chain(conditions).chain(limits).chain(derived);
    let named = texts.flat_map(|text| expression::names(&text));
    let named = named.filter_map(|name| Some(name.strip_prefix(SETPOINTS)?.to_owned()));
    percent.chain(named).collect()
}

/// Whether something is a percentage of this set-point.
pub(super) fn is_percent_of(pack: &RawPackFile, setpoint: &str) -> bool {
    percentages(pack).any(|name| name.0 == setpoint)
}

fn percentages(pack: &RawPackFile) -> impl Iterator<Item = &Id> {
    let rules = pack.rule.iter().filter_map(|rule| rule.percent_of.as_ref());
    rules.chain(pack.derived.iter().filter_map(|derived| derived.percent_of.as_ref()))
}

/// What a pack says of a name in its expressions.
fn role<'p>(pack: &'p RawPackFile, name: &str) -> Option<&'p RawPackRole> {
    pack.role.iter().find(|role| role.id.0 == name)
}

/// The roles of points that these roles of an entry stand for.
pub(super) fn expanded<'p>(pack: &'p RawPackFile, roles: &'p [Id]) -> BTreeSet<&'p str> {
    let meant = |name: &'p Id| match role(pack, &name.0) {
        Some(role) => roles_of(role).collect(),
        None => vec![name.0.as_str()],
    };
    roles.iter().flat_map(meant).collect()
}

/// Every role that a pack does something with.
pub(super) fn roles(pack: &RawPackFile) -> BTreeSet<&str> {
    let named = pack.role.iter().flat_map(roles_of);
    entries(pack).flat_map(|(_, roles, _)| expanded(pack, roles)).chain(named).collect()
}

/// Whether all that is made for single points is for the same ones, so that a point that is named needs no role.
pub(super) fn leaves_no_choice(pack: &RawPackFile) -> bool {
    let mut each = entries(pack).map(|(_, roles, _)| expanded(pack, roles)).filter(|roles| !roles.is_empty());
    each.next().is_some_and(|first| each.all(|other| other == first))
}

/// The unit that a point with `of_point` as its role must have: what the rule says, or the pack of the role. None: the pack does not say.
pub(super) fn unit<'p>(
    pack: &'p RawPackFile,
    roles: &'p [Id],
    unit: Option<&'p str>,
    of_point: Option<&str>,
) -> Option<&'p str> {
    let declared = roles.iter().filter_map(|name| role(pack, &name.0));
    let of_role = |of: &&RawPackRole| of_point.is_none_or(|role| roles_of(of).any(|one| one == role));
    let declared = || declared.clone().find(of_role).map(|role| role.unit.as_deref().unwrap_or_default());
    unit.or_else(declared)
}

struct Checker<'c, 'f> {
    file: FileId,
    pack: &'c RawPackFile,
    context: &'c mut Context<'f>,
}

impl Checker<'_, '_> {
    fn note(&mut self, place: Place, message: impl Into<String>, hint: &str) {
        self.context.findings.add(place, message).hint(hint);
    }

    /// A name stands for one thing.
    fn names(&mut self) {
        let mut taken: BTreeSet<&str> = [SELF, "setpoints"].into();
        taken.extend(self.pack.derived.iter().map(|derived| derived.id.0.as_str()));
        for (index, role) in self.pack.role.iter().enumerate() {
            if !taken.insert(&role.id.0) {
                let place = Spot::entry(self.file, "role", index).key("id");
                let message = format!("`{}` stands for something else already", role.id.0);
                self.note(
                    place,
                    message,
                    "give the role another id, and `roles` that say whom it stands for",
                );
            }
        }
    }

    fn derived(&mut self, index: usize) {
        let raw = &self.pack.derived[index];
        let spot = Spot::entry(self.file, "derived", index);
        self.declared(&raw.roles, spot);
        let known = Known { pack: self.pack, above: index, own: !raw.roles.is_empty() };
        if let Some(text) = &raw.formula.value {
            condition::read(text, spot.key("value"), &known, expression::value, self.context);
        }
        if let Some(of) = &raw.formula.of {
            condition::read(&of.0, spot.key("of"), &known, expression::point, self.context);
        }
        let known = Known { above: self.pack.derived.len(), ..known };
        if let Some(text) = raw.formula.limits.as_ref().and_then(|limits| limits.handling.only_when.as_ref())
        {
            condition::read(text, spot.key("limits.only_when"), &known, expression::parse, self.context);
        }
        if raw.percent_of.is_some() && raw.formula.to.is_none() {
            self.note(spot.key("percent_of"), "nothing here is a percentage", "it goes with `to`");
        }
    }

    /// Every role that something is made for says which unit its points have.
    fn declared(&mut self, roles: &[Id], spot: Spot) {
        for (index, name) in roles.iter().enumerate().filter(|(_, name)| role(self.pack, &name.0).is_none()) {
            let message = format!("nothing says the unit of `{}`", name.0);
            let ids = self.pack.role.iter().map(|role| role.id.0.as_str());
            let hint = did_you_mean(&name.0, ids)
                .unwrap_or_else(|| format!("add a [[role]] with `id = \"{}\"` and its `unit`", name.0));
            self.note(spot.key(&format!("roles[{index}]")), message, &hint);
        }
    }

    fn rule(&mut self, index: usize) {
        let raw = &self.pack.rule[index];
        let spot = Spot::entry(self.file, "rule", index);
        if raw.unit.is_none() {
            self.declared(&raw.roles, spot);
        }
        let known = Known { pack: self.pack, above: self.pack.derived.len(), own: !raw.roles.is_empty() };
        let only_when = match (&raw.limits, &raw.condition) {
            (Some(limits), None) => {
                if raw.roles.is_empty() {
                    self.note(spot.place(), "these limits are on no point", "add `roles = [\"…\"]`");
                }
                limits.handling.only_when.as_ref().map(|text| (text, "limits.only_when"))
            }
            (None, Some(condition)) => {
                if raw.percent_of.is_some() {
                    let hint = "write `setpoints.…` into the condition";
                    self.note(spot.key("percent_of"), "nothing here is a percentage", hint);
                }
                for (key, text) in [("when", Some(&condition.when)), ("until", condition.until.as_ref())] {
                    let Some(text) = text else { continue };
                    let place = spot.key(&format!("condition.{key}"));
                    condition::read(text, place, &known, expression::parse, self.context);
                }
                condition.handling.only_when.as_ref().map(|text| (text, "condition.only_when"))
            }
            (Some(_), Some(_)) => {
                return self.note(
                    spot.place(),
                    "both limits and a condition are given",
                    "make two rules of it",
                );
            }
            (None, None) => {
                return self.note(spot.place(), "it asks nothing", "add [rule.limits] or [rule.condition]");
            }
        };
        if let Some((text, key)) = only_when {
            condition::read(text, spot.key(key), &known, expression::parse, self.context);
        }
    }
}

/// What may be named in a pack, whoever will be meant.
struct Known<'p> {
    pack: &'p RawPackFile,
    /// How many of the derived points there are so far.
    above: usize,
    /// Whether it is for a point.
    own: bool,
}

impl Known<'_> {
    fn unknown(&self, name: &str) -> Unnamed {
        let roles = self.pack.role.iter().map(|role| role.id.0.as_str());
        let derived = self.pack.derived[..self.above].iter().map(|derived| derived.id.0.as_str());
        let guess = did_you_mean(name, roles.chain(derived));
        let hint =
            guess.unwrap_or_else(|| format!("add a [[role]] with `id = \"{name}\"`, its name and unit"));
        Unnamed { message: format!("this pack has no role `{name}`"), hint: Some(hint), elsewhere: None }
    }

    /// Whether there is a derived point of this id, and whether one for each of several points.
    fn derived(&self, id: &str) -> Option<bool> {
        self.pack.derived[..self.above].iter().find(|one| one.id.0 == id).map(|one| !one.roles.is_empty())
    }
}

impl expression::Points for Known<'_> {
    fn named(&self, name: &str, turn: Option<usize>) -> Result<Named, Unnamed> {
        let point = |nature, many: bool| {
            let many = if many { ROLE_POINTS_MAX } else { 1 };
            Ok(Named { what: Meaning::Point(PointId::new(0), nature), many })
        };
        if name.starts_with(SETPOINTS) {
            return Ok(Named { what: Meaning::Number(1.0), many: 1 });
        }
        if name == SELF || name.starts_with(OF_SELF) {
            let known = name.strip_prefix(OF_SELF).is_none_or(|id| self.derived(id) == Some(true));
            return match (self.own, known) {
                (true, true) => point(Nature::Either, false),
                (true, false) => Err(self.unknown(name)),
                (false, _) => Err(Unnamed {
                    message: "nothing is `self` here: this is made once, and for no one point".to_owned(),
                    hint: Some("add `roles = [\"…\"]`".to_owned()),
                    elsewhere: None,
                }),
            };
        }
        let role = role(self.pack, name);
        let many = match (self.derived(name), role) {
            (Some(each), _) => each,
            (None, Some(role)) => role.many.is_some(),
            (None, None) => return Err(self.unknown(name)),
        };
        if many && turn.is_none() {
            return Err(Unnamed {
                message: format!("`{name}` may be several points"),
                hint: Some("ask about all of them with `min`, `max` or `at_least`".to_owned()),
                elsewhere: None,
            });
        }
        let has_unit = role.is_some_and(|role| role.unit.is_some());
        point(if has_unit { Nature::Number } else { Nature::Either }, many)
    }

    fn code(&self, _point: PointId, _label: &str) -> Result<i64, Vec<String>> {
        Ok(0)
    }
}
