//! Derived points, of the site and of packs: points that are worked out from others. Each may use measured points and the derived ones above it, so that none can
//! depend on itself.

use super::Context;
use super::condition;
use super::devices::Devices;
use super::feeders::{self, Feeders};
use super::hazards::Hazards;
use super::limits;
use super::points::Points;
use super::rules::Rules;
use crate::model::limits::{DERIVED_AGE_MAX, POINTS_MAX};
use crate::model::{DeviceId, HazardId, PointId, Text};
use crate::site::calendar::Question;
use crate::site::defaults;
use crate::site::derived::Formula;
use crate::site::expression::{self, Value};
use crate::site::load::Gathered;
use crate::site::model::{Device, Point, Protocol, Range, Source};
use crate::site::raw::{CalendarWord, RawDerived, RawFormula};
use crate::site::rule::{Rule, RuleKind};
use crate::site::source::{Place, Spot};

/// What the gateway is called as the device that derived points belong to.
const DEVICE: &str = "derived";

/// Derived points as they are collected. They stand behind the measured ones, each behind those that it uses.
pub(super) struct Derived {
    /// The device that they belong to; it is there if there are any.
    device: DeviceId,
    /// Their ids.
    ids: Vec<PointId>,
}

/// Adds the derived points that the site file itself writes, and those of the power tree: they may use it, and it may use them, so that those which rest on the
/// tree come after it.
pub(super) fn check<'a>(
    gathered: &'a Gathered,
    hazards: &Hazards,
    devices: &Devices<'_>,
    points: &mut Points<'_>,
    context: &mut Context<'_>,
) -> (Derived, Feeders<'a>) {
    let mut derived = Derived { device: DeviceId::new(devices.list.len()), ids: Vec::new() };
    let of_tree = feeders::names(gathered);
    let mut resting = of_tree.clone();
    let rests = |(_, raw): &(Spot, &RawDerived)| {
        let rests = names(&raw.formula).iter().any(|name| resting.contains(name));
        rests && resting.insert(raw.id.0.clone())
    };
    let (after, before): (Vec<_>, Vec<_>) = written(gathered).partition(rests);
    points.later =
        before.iter().chain(&after).map(|(_, raw)| raw.id.0.clone()).chain(of_tree.iter().cloned()).collect();
    derived.write(before, hazards, points, context);
    let feeders = feeders::check(gathered, hazards, devices, &mut derived, points, context);
    points.later.retain(|name| !of_tree.contains(name));
    derived.write(after, hazards, points, context);
    (derived, feeders)
}

/// What the formula of a derived point names.
fn names(raw: &RawFormula) -> Vec<String> {
    let of = raw.of.iter().map(|of| of.0.clone());
    raw.value.iter().flat_map(|text| expression::names(text)).chain(of).collect()
}

impl Derived {
    /// The device that they belong to.
    pub(super) const fn device(&self) -> DeviceId {
        self.device
    }

    /// Adds points that the site file writes, in their order.
    fn write(
        &mut self,
        entries: Vec<(Spot, &RawDerived)>,
        hazards: &Hazards,
        points: &mut Points<'_>,
        context: &mut Context<'_>,
    ) {
        for (spot, raw) in entries {
            let hazard = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context);
            let place = |key: &str| if key.is_empty() { spot.place() } else { spot.key(key) };
            let one = Written {
                name: raw.id.0.clone(),
                title: raw.formula.name.clone().into(),
                raw: &raw.formula,
                hazard,
                factor: 1.0,
                names: points,
                place: &place,
            };
            let point = point(&one, self, points, context);
            points.later.remove(&raw.id.0);
            if let Some(point) = point {
                self.add(point, spot.key("id"), points, context);
            }
        }
    }

    /// Takes in a point whose name stands at `place`; its place among the points, if no other has the name.
    pub(super) fn add(
        &mut self,
        point: Point,
        place: Place,
        points: &mut Points<'_>,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let id = PointId::new(points.list.len());
        if !points.names.define(&point.name, id.index(), place.clone(), context.findings) {
            return None;
        }
        points.list.push(point);
        self.ids.push(id);
        if points.list.len() == POINTS_MAX + 1 {
            context.findings.add(place, format!("a site has at most {POINTS_MAX} points"));
        }
        Some(id.index())
    }

    /// Adds the device that they belong to, if there are any. Their ids.
    pub(super) fn belong(
        self,
        gathered: &Gathered,
        devices: &mut Devices<'_>,
        points: &Points<'_>,
        context: &mut Context<'_>,
    ) -> Vec<PointId> {
        let Some(first) = self.ids.first() else { return Vec::new() };
        if let Some(taken) = devices.names.place_of(DEVICE) {
            let place = devices.details[taken].spot.key("id");
            let message = format!("`{DEVICE}` is what derived points belong to");
            let finding = context.findings.add(place, message);
            finding.hint("give the device another id");
            if let Some((first, _)) = written(gathered).next() {
                finding.first(first.key("id"));
            }
        }
        debug_assert_eq!(points.list[first.index()].device, self.device, "no device is added in between");
        devices.list.push(Device {
            name: DEVICE.to_owned(),
            title: Text::new("计算点", "Derived points"),
            hazard: None,
            protocol: Protocol::Derived,
            points: self.ids.clone(),
        });
        self.ids
    }
}

/// `limits = { … }` of derived points, and an alarm for each that can't be worked out though all that it needs is there.
pub(super) fn rules(gathered: &Gathered, points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
    for (spot, raw) in written(gathered) {
        let Some(index) = points.names.place_of(&raw.id.0) else { continue };
        if !matches!(points.list[index].source, Source::Derived(_)) {
            continue;
        }
        let key = |key: &str| {
            if key.is_empty() { spot.key("limits") } else { spot.key(&format!("limits.{key}")) }
        };
        limits_of(index, &raw.formula, points, &key, points, rules, context);
        signal(index, spot.key("id"), points, rules, context);
    }
}

/// The rule of a derived point's own limits, if it has any.
pub(super) fn limits_of(
    index: usize,
    raw: &RawFormula,
    names: &dyn expression::Points,
    place: &dyn Fn(&str) -> Place,
    points: &Points<'_>,
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    let Some(raw) = &raw.limits else { return };
    let point = &points.list[index];
    let written = limits::Written { name: point.name.clone(), raw, factor: 1.0, names, place };
    let rule = limits::rule(&written, PointId::new(index), point, context);
    rules.add(rule, place(""), context);
}

/// The alarm of a derived point that can't be worked out.
pub(super) fn signal(
    index: usize,
    place: Place,
    points: &Points<'_>,
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    let point = &points.list[index];
    let kind = RuleKind::Signal { point: PointId::new(index), level: defaults::SIGNAL_LEVEL.0 };
    let signal = Rule {
        on_delay: defaults::SIGNAL_AFTER,
        ..Rule::new(format!("{}.signal", point.name), point.hazard, kind)
    };
    rules.add(signal, place, context);
}

/// An alarm for each order to stop that derived points, of the site or of packs, ask for.
pub(super) fn stop_orders(
    hazards: &Hazards,
    points: &Points<'_>,
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    let mut ordered = Vec::new();
    for point in &points.list {
        let Source::Derived(Formula::Calendar(Question::Stop(hazard))) = &point.source else { continue };
        let Some(place) = points.names.defined_at(&point.name) else { continue };
        // The whole site may be ordered to stop wherever a part of it may be.
        for hazard in [*hazard, None] {
            if !ordered.contains(&hazard) {
                ordered.push(hazard);
                let name = hazard.map_or("site", |hazard| &hazards.list[hazard.index()].name);
                let rule = Rule::new(format!("{name}.stop_order"), hazard, RuleKind::StopOrder);
                rules.add(rule, place.clone(), context);
            }
        }
    }
}

fn written(gathered: &Gathered) -> impl Iterator<Item = (Spot, &RawDerived)> {
    let of_part = |part: &'_ crate::site::part::Part| {
        (0..part.raw.derived.len()).map(|index| part.spot("derived", index)).collect::<Vec<_>>()
    };
    gathered.parts.iter().flat_map(move |part| of_part(part).into_iter().zip(&part.raw.derived))
}

/// A derived point as it is written, wherever that is.
pub(super) struct Written<'a> {
    /// Its id.
    pub(super) name: String,
    /// What people call it.
    pub(super) title: Text,
    /// How it is worked out.
    pub(super) raw: &'a RawFormula,
    /// The hazard that it belongs to. None: that of the points it is worked out from.
    pub(super) hazard: Option<HazardId>,
    /// What `to` is multiplied with: 1, or a hundredth of a set-point.
    pub(super) factor: f64,
    /// What its expression and `of` may name.
    pub(super) names: &'a dyn expression::Points,
    /// The place of one of its keys; of the whole for none.
    pub(super) place: &'a dyn Fn(&str) -> Place,
}

/// The checked point, if it can be made.
pub(super) fn point(
    written: &Written<'_>,
    derived: &Derived,
    points: &Points<'_>,
    context: &mut Context<'_>,
) -> Option<Point> {
    Maker { written, raw: written.raw, points }.point(derived.device, context)
}

/// Makes one derived point.
pub(super) struct Maker<'m, 'p> {
    pub(super) written: &'m Written<'m>,
    pub(super) raw: &'m RawFormula,
    pub(super) points: &'m Points<'p>,
}

impl Maker<'_, '_> {
    fn point(&self, device: DeviceId, context: &mut Context<'_>) -> Option<Point> {
        let range = self.range(context);
        let formula = self.formula(context)?;
        Some(Point {
            name: self.written.name.clone(),
            title: self.written.title.clone(),
            device,
            hazard: self.written.hazard.or_else(|| condition::common(self.points, &formula.points())),
            unit: self.unit(&formula, context),
            decimals: self.raw.decimals.unwrap_or(defaults::DECIMALS),
            range,
            role: self.raw.role.as_ref().map(|role| role.0.clone()),
            source: Source::Derived(formula),
            poll: None,
            max_age: DERIVED_AGE_MAX,
            stuck: None,
            keep: None,
        })
    }

    fn range(&self, context: &mut Context<'_>) -> Option<Range> {
        let [low, high] = self.raw.range?;
        if low < high {
            return Some(Range { low, high });
        }
        let finding = context
            .findings
            .add((self.written.place)("range"), format!("the range [{low}, {high}] is empty"));
        finding.hint("write [low, high] with low < high");
        None
    }

    fn formula(&self, context: &mut Context<'_>) -> Option<Formula> {
        match (&self.raw.value, self.raw.function) {
            (None, None) if self.raw.calendar.is_some() => {
                self.refuse_keys_of_functions("`calendar`", context);
                Some(Formula::Calendar(match self.raw.calendar? {
                    CalendarWord::WorkingHours => Question::WorkingHours,
                    CalendarWord::RestDay => Question::RestDay,
                    CalendarWord::Stop => Question::Stop(self.written.hazard),
                    CalendarWord::Work => Question::Work(self.written.hazard),
                }))
            }
            (value, _) if self.raw.calendar.is_some() => {
                let other = if value.is_some() { "value" } else { "function" };
                let message = format!("both `{other}` and `calendar` are given");
                self.note("calendar", message, "keep one of them", context);
                None
            }
            (Some(text), None) => {
                self.refuse_keys_of_functions("`value`", context);
                self.expression(text, context)
            }
            (None, Some(function)) => self.function(function, context),
            (Some(_), Some(_)) => {
                self.note("function", "both `value` and `function` are given", "keep one of them", context);
                None
            }
            (None, None) => {
                let hint = "add `value = \"…\"`, or `function` and `of`, or `calendar`";
                self.note("", "nothing says how it is worked out", hint, context);
                None
            }
        }
    }

    pub(super) fn note(
        &self,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        context: &mut Context<'_>,
    ) {
        context.findings.add((self.written.place)(key), message).hint(hint);
    }

    fn expression(&self, text: &str, context: &mut Context<'_>) -> Option<Formula> {
        let value = condition::read(
            text,
            (self.written.place)("value"),
            self.written.names,
            expression::value,
            context,
        )?;
        let formula = match value {
            Value::Number(number) => Formula::Number(number),
            Value::Condition(condition) => Formula::Condition(condition),
        };
        if formula.points().is_empty() {
            self.note("value", "it looks at no point", "name the points that it is worked out from", context);
            return None;
        }
        Some(formula)
    }
}

/// Said of a derived point that stands further down.
pub(super) const LATER: &str = "a derived point uses those above it: put it before this one";
