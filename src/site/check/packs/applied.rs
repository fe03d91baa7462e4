//! One `[[pack]]` of a site: the points that its rules are for, its set-points, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Context;
use super::super::condition;
use super::super::hazards::Hazards;
use super::super::points::Points;
use super::feeder;
use super::scope::{ByRole, Scope, signals};
use super::sound;
use crate::model::{HazardId, PointId, Text};
use crate::site::feeder::Feeder;
use crate::site::model::LeftOut;
use crate::site::raw::{RawLevels, RawLimits, RawPack, RawPackFile};
use crate::site::source::{FileId, Place, Spot};
use crate::site::suggest::did_you_mean;
use crate::site::values::{FeederChoice, Id};

/// One `[[pack]]`, and what it is applied to.
pub(super) struct Applied<'a> {
    pub(super) spot: Spot,
    pub(super) raw: &'a RawPack,
    pub(super) file: FileId,
    pub(super) pack: &'a RawPackFile,
    /// The hazard that it is applied to as a whole.
    pub(super) hazard: Option<HazardId>,
    /// The feeder that it is applied to as a whole.
    pub(super) feeder: Option<Feeder>,
    /// The points that its rules may be for, and where each is named: those written one by one, then those of the hazard.
    subjects: Vec<(usize, Place)>,
    /// How many of them are written one by one.
    named: usize,
    /// What stands before the names of what it makes once; none if nothing says it.
    home: Option<Home>,
    /// The points that it derives, in their order.
    pub(super) made: Vec<Made>,
    /// The same by id and by what each is made for.
    by_id: BTreeMap<(String, Option<usize>), usize>,
    /// Those, and the points written one by one, by role.
    by_role: BTreeMap<String, BTreeSet<usize>>,
}

/// A point or a hazard for which something is made.
#[derive(Clone)]
pub(super) struct Home {
    /// First part of the names.
    pub(super) name: String,
    /// What `{name}` stands for.
    pub(super) title: Text,
    /// The hazard that it counts for.
    pub(super) hazard: Option<HazardId>,
}

/// For which point something is made; for the hazard as a whole if it is for none.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) own: Option<usize>,
    /// Where a mistake about it is put right.
    pub(super) place: Place,
}

/// A point that a pack derives.
pub(super) struct Made {
    /// Its place in the pack.
    pub(super) entry: usize,
    pub(super) target: Target,
    /// Its place among the points.
    pub(super) point: usize,
}

impl<'a> Applied<'a> {
    pub(super) fn new(
        spot: Spot,
        raw: &'a RawPack,
        (file, pack): (FileId, &'a RawPackFile),
        (hazards, to): (&Hazards, Option<(&Feeder, &[PointId])>),
        points: &Points<'_>,
        context: &mut Context<'_>,
    ) -> Self {
        let hazard = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context);
        let mut one = Self {
            spot,
            raw,
            file,
            pack,
            hazard,
            feeder: to.map(|(feeder, _)| feeder.clone()),
            subjects: Vec::new(),
            named: 0,
            home: None,
            made: Vec::new(),
            by_id: BTreeMap::new(),
            by_role: BTreeMap::new(),
        };
        one.check_written(context);
        one.name_points(points, context);
        one.home = one.whole(hazards, points);
        for (index, roles) in to.map(|to| feeder::points_of(to, points)).into_iter().flatten() {
            one.subjects.push((index, spot.key("feeders")));
            for role in roles {
                one.by_role.entry(role).or_default().insert(index);
            }
        }
        if hazard.is_some() {
            let of_hazard = (0..points.list.len()).filter(|index| points.list[*index].hazard == hazard);
            let known: BTreeSet<usize> = one.subjects.iter().map(|(index, _)| *index).collect();
            let rest = of_hazard.filter(|index| !known.contains(index));
            one.subjects.extend(rest.map(|index| (index, spot.key("hazard"))));
        }
        one
    }

    /// What the `[[pack]]` itself says: every set-point and every id in `without` is one of the pack's, and it is applied to something.
    fn check_written(&self, context: &mut Context<'_>) {
        let wanted = sound::setpoints(self.pack);
        for (name, value) in &self.raw.setpoints {
            let place = self.spot.key(&format!("setpoints.{name}"));
            if !wanted.contains(name) {
                let hint = did_you_mean(name, wanted.iter().map(String::as_str)).unwrap_or_else(|| {
                    format!("it takes: {}", wanted.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
                });
                let message = format!("pack `{}` has no set-point `{name}`", self.raw.name.0);
                context.findings.add(place, message).hint(hint);
            } else if *value <= 0.0 && sound::is_percent_of(self.pack, name) {
                let message = format!("a set-point of {value} has no percentages");
                context.findings.add(place, message).hint("use more than 0");
            }
        }
        let ids = sound::ids(self.pack);
        for (index, id) in self.raw.without.iter().enumerate().filter(|(_, id)| !ids.contains(&*id.0)) {
            let message = format!("pack `{}` has no rule `{}`", self.raw.name.0, id.0);
            let hint = did_you_mean(&id.0, ids.iter().copied())
                .unwrap_or_else(|| format!("it has: {}", ids.iter().copied().collect::<Vec<_>>().join(", ")));
            context.findings.add(self.spot.key(&format!("without[{index}]")), message).hint(hint);
        }
        if self.raw.points.is_empty() && self.raw.hazard.is_none() && self.feeder.is_none() {
            context
                .findings
                .add(self.spot.place(), "this pack is applied to nothing")
                .hint("say `points = [\"device.signal\"]`, `hazard = \"…\"` or `feeders = [\"…\"]`");
        }
    }

    /// Finds the points that are written one by one; each has a role that the pack knows.
    fn name_points(&mut self, points: &Points<'_>, context: &mut Context<'_>) {
        let roles = sound::roles(self.pack);
        for (index, name) in self.raw.points.iter().enumerate() {
            let place = self.spot.key(&format!("points[{index}]"));
            let Some(point) = points.names.find(&name.0, place.clone(), context) else { continue };
            let role = points.list[point].role.as_deref();
            if !role.map_or_else(|| sound::leaves_no_choice(self.pack), |role| roles.contains(role)) {
                let role = role.unwrap_or("none");
                let message =
                    format!("pack `{}` has no rule for `{}`, whose role is {role}", self.raw.name.0, name.0);
                context.findings.add(place, message).hint(self.known_roles());
                continue;
            }
            self.subjects.push((point, place));
            self.has(point, points);
        }
        self.named = self.subjects.len();
    }

    fn known_roles(&self) -> String {
        let roles = sound::roles(self.pack);
        format!("its rules are for: {}", roles.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// What the pack is applied to as a whole: the hazard that it names, or that of the points that it names.
    fn whole(&self, hazards: &Hazards, points: &Points<'_>) -> Option<Home> {
        if let Some(Feeder { name, title, hazard, .. }) = &self.feeder {
            return Some(Home { name: name.clone(), title: title.clone(), hazard: *hazard });
        }
        let named: Vec<PointId> = self.subjects.iter().map(|(index, _)| PointId::new(*index)).collect();
        let hazard = self.hazard.or_else(|| condition::common(points, &named));
        let of_hazard = hazard.map(|hazard| &hazards.list[hazard.index()]);
        let name = self.raw.id.as_ref().map(|id| id.0.clone()).or_else(|| Some(of_hazard?.name.clone()))?;
        let title = self.raw.title.clone().map(Text::from);
        let title = title.or_else(|| Some(of_hazard?.title.clone())).unwrap_or_else(|| Text::same(&name));
        Some(Home { name, title, hazard })
    }

    /// What stands before the name of what is made for this target.
    pub(super) fn home(
        &self,
        target: &Target,
        points: &Points<'_>,
        context: &mut Context<'_>,
    ) -> Option<Home> {
        if let Some(own) = target.own {
            let point = &points.list[own];
            return Some(Home { name: point.name.clone(), title: point.title.clone(), hazard: point.hazard });
        }
        if self.home.is_none() && !context.damage.any() {
            let finding = context
                .findings
                .add(self.spot.place(), "nothing says what this pack is applied to as a whole");
            finding.hint(
                "add `hazard = \"…\"` or `id = \"…\"`: its conditions over several points are named by it",
            );
        }
        self.home.clone()
    }

    /// What an entry with these roles is to be made for: each point that has one of them, or the whole if there are none.
    pub(super) fn targets(&self, id: &str, roles: &[Id], points: &Points<'_>) -> Vec<Target> {
        if self.raw.without.iter().any(|one| one.0 == id) {
            return Vec::new();
        }
        if roles.is_empty() {
            return vec![Target { own: None, place: self.spot.key(self.key()) }];
        }
        let meant = sound::expanded(self.pack, roles);
        let lenient = sound::leaves_no_choice(self.pack);
        let fits = |at: usize, index: usize| match points.list[index].role.as_deref() {
            Some(role) if meant.contains(role) => true,
            None if lenient && at < self.named => true,
            _ => self.feeder.is_some() && meant.iter().any(|role| self.is_known_as(role, index)),
        };
        let derived = self.made.iter().map(|made| (made.point, made.target.place.clone()));
        let of_hazard: BTreeSet<usize> = self.subjects.iter().map(|(index, _)| *index).collect();
        let derived = derived.filter(|(index, _)| !of_hazard.contains(index));
        let all = self.subjects.iter().cloned().chain(derived).enumerate();
        all.filter(|(at, (index, _))| fits(*at, *index))
            .map(|(_, (index, place))| Target { own: Some(index), place })
            .collect()
    }

    /// The key that says what it is applied to.
    const fn key(&self) -> &'static str {
        match (&self.feeder, self.hazard) {
            (Some(_), _) => "feeders",
            (None, Some(_)) => "hazard",
            (None, None) => "points",
        }
    }

    /// Whether a point of the feeder is known by this role.
    fn is_known_as(&self, role: &str, index: usize) -> bool {
        self.by_role.get(role).is_some_and(|known| known.contains(&index))
    }

    /// The role by which something that is for these roles means a point.
    fn role_of<'r>(&'r self, roles: &'r [Id], own: usize, points: &'r Points<'_>) -> Option<&'r str> {
        let role = points.list[own].role.as_deref();
        let meant = sound::expanded(self.pack, roles);
        let by_feeder = || meant.iter().copied().find(|role| self.is_known_as(role, own));
        role.filter(|role| meant.contains(role))
            .or_else(|| by_feeder().filter(|_| self.feeder.is_some()))
            .or(role)
    }

    fn has(&mut self, point: usize, points: &Points<'_>) {
        if let Some(role) = &points.list[point].role {
            self.by_role.entry(role.clone()).or_default().insert(point);
        }
    }

    /// Takes in a point that the pack derives.
    pub(super) fn take(&mut self, made: Made, points: &Points<'_>) {
        let id = self.pack.derived[made.entry].id.0.clone();
        self.by_id.insert((id, made.target.own), made.point);
        self.has(made.point, points);
        self.made.push(made);
    }

    /// The points with this role that the `[[pack]]` names one by one or derives.
    pub(super) fn own_points(&self, role: &str) -> impl Iterator<Item = usize> {
        self.by_role.get(role).into_iter().flatten().copied()
    }

    /// The point that is derived under this id for `own`.
    pub(super) fn derived_for(&self, id: &str, own: Option<usize>) -> Option<usize> {
        self.by_id.get(&(id.to_owned(), own)).copied()
    }

    /// All that are derived under this id.
    pub(super) fn derived(&self, id: &str) -> Vec<usize> {
        let first = (id.to_owned(), None);
        self.by_id.range(first..).take_while(|((of, _), _)| of == id).map(|(_, point)| *point).collect()
    }

    /// Whether an entry can be made: its point has the right unit, and the hazard has every signal that it names.
    pub(super) fn settles(
        &self,
        scope: &Scope<'_>,
        target: &Target,
        unit: Option<&str>,
        roles: &[Id],
        texts: &[String],
    ) -> bool {
        let unit_fits = target.own.is_none_or(|own| {
            let point = &scope.points.list[own];
            let role = self.role_of(roles, own, scope.points);
            sound::unit(self.pack, roles, unit, role).is_none_or(|unit| unit == point.unit)
        });
        unit_fits && texts.iter().all(|text| scope.lacking(text).is_empty())
    }

    /// A set-point: the `[[pack]]`'s, the feeder's, or the pack's default.
    pub(super) fn setpoint(&self, name: &str) -> Option<f64> {
        let of_feeder = || self.feeder.as_ref().and_then(|feeder| feeder::setpoint(feeder, name));
        let default = || self.pack.setpoints.get(name).copied();
        self.raw.setpoints.get(name).copied().or_else(of_feeder).or_else(default)
    }

    /// What the pack's numbers are multiplied with.
    pub(super) fn factor(
        &self,
        percent_of: Option<&Id>,
        place: &Place,
        context: &mut Context<'_>,
    ) -> Option<f64> {
        let Some(name) = percent_of else { return Some(1.0) };
        if let Some(value) = self.setpoint(&name.0) {
            // A set-point without percentages has been noted already.
            return (value > 0.0).then_some(value / 100.0);
        }
        let (message, hint) = self.no_setpoint(&name.0);
        context.findings.add(place.clone(), message).hint(hint);
        None
    }

    /// What is said of a set-point that is not given.
    pub(super) fn no_setpoint(&self, name: &str) -> (String, String) {
        let message = format!("pack `{}` needs the set-point `{name}`", self.raw.name.0);
        let hint = format!("add `setpoints = {{ {name} = … }}`: its rules rest on it");
        let of_feeder = self.feeder.as_ref().and_then(|one| Some((&one.name, feeder::says(one, name)?)));
        match of_feeder {
            Some((feeder, key)) => (message, format!("{hint}; or give feeder `{feeder}` its `{key}`")),
            None => (message, hint),
        }
    }

    /// The pack's limits with what the site file puts in place of them.
    pub(super) fn adapted(&self, limits: &RawLimits) -> RawLimits {
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

    /// Refuses points that a rule is for and whose unit fits none of the rules of its id. Whether there are any.
    pub(super) fn refuse_misfits(
        &self,
        made: &BTreeSet<(String, Option<usize>)>,
        points: &Points<'_>,
        context: &mut Context<'_>,
    ) -> bool {
        let mut misfits: BTreeMap<(usize, &str), (Place, Vec<&str>)> = BTreeMap::new();
        let rules = self.pack.rule.iter().map(|rule| (&rule.id, &rule.roles, rule.unit.as_deref()));
        let derived = self.pack.derived.iter().map(|derived| (&derived.id, &derived.roles, None));
        for (id, roles, unit) in rules.chain(derived) {
            for target in self.targets(&id.0, roles, points) {
                let Some(own) = target.own.filter(|own| !made.contains(&(id.0.clone(), Some(*own)))) else {
                    continue;
                };
                let point = &points.list[own];
                let unit = sound::unit(self.pack, roles, unit, self.role_of(roles, own, points));
                if let Some(unit) = unit.filter(|unit| *unit != point.unit) {
                    misfits.entry((own, &id.0)).or_insert((target.place, Vec::new())).1.push(unit);
                }
            }
        }
        let any = !misfits.is_empty();
        for ((own, _), (place, units)) in misfits {
            let point = &points.list[own];
            let message = format!(
                "pack `{}` needs `{}` in {}, and it is in `{}`",
                self.raw.name.0,
                point.name,
                units.join(" or "),
                point.unit
            );
            let hint = "give the point that unit (with `scale`), or write its limits by hand";
            context.findings.add(place, message).hint(hint);
        }
        any
    }

    /// What is not made although some of the signals that it names are there.
    pub(super) fn missed(
        &self,
        made: &BTreeSet<(String, Option<usize>)>,
        by_role: &ByRole,
        points: &Points<'_>,
    ) -> Vec<LeftOut> {
        let mut missed: BTreeMap<(&str, Option<usize>), LeftOut> = BTreeMap::new();
        for (id, roles, texts) in sound::entries(self.pack) {
            for target in self.targets(&id.0, roles, points) {
                let scope = Scope { points, by_role, applied: self, own: target.own };
                let named: BTreeSet<String> = texts.iter().flat_map(|text| signals(text)).collect();
                let lacks: BTreeSet<String> = texts.iter().flat_map(|text| scope.lacking(text)).collect();
                let some = target.own.is_some() || lacks.len() < named.len();
                if made.contains(&(id.0.clone(), target.own)) || lacks.is_empty() || !some {
                    continue;
                }
                let of = match (target.own, &self.home) {
                    (Some(own), _) => points.list[own].name.clone(),
                    (None, Some(home)) => home.name.clone(),
                    (None, None) => continue,
                };
                let pack = self.raw.name.0.clone();
                let left_out =
                    LeftOut { pack, rule: format!("{of}.{}", id.0), lacks: lacks.into_iter().collect() };
                missed.entry((&id.0, target.own)).or_insert(left_out);
            }
        }
        missed.into_values().collect()
    }

    /// Refuses a pack of which nothing at all can be made.
    pub(super) fn refuse_nothing(&self, nothing: bool, missed: &[LeftOut], context: &mut Context<'_>) {
        let what = match &self.feeder {
            // Of all feeders some may have nothing for it.
            Some(_) if self.raw.feeders.contains(&FeederChoice::All) => return,
            Some(feeder) => format!("feeder `{}`", feeder.name),
            None if self.hazard.is_some() => "this hazard".to_owned(),
            None => return,
        };
        if !nothing || context.damage.any() {
            return;
        }
        let message = format!("no point of {what} has a role that pack `{}` knows", self.raw.name.0);
        let (message, hint) = match missed.first() {
            None => (message, self.known_roles()),
            Some(one) => (
                format!("nothing of pack `{}` can be made for {what}", self.raw.name.0),
                format!("`{}` lacks a point with the role {}", one.rule, one.lacks.join(", ")),
            ),
        };
        context.findings.add(self.spot.key(self.key()), message).hint(hint);
    }
}
