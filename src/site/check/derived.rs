//! `[[derived]]`: points that are worked out from others. Each may use measured points and the derived ones above it, so that none can
//! depend on itself.

use super::Context;
use super::condition;
use super::devices::Devices;
use super::hazards::Hazards;
use super::limits::{self, Written};
use super::points::Points;
use super::rules::Rules;
use crate::model::limits::POINTS_MAX;
use crate::model::{DeviceId, PointId, Text};
use crate::site::defaults;
use crate::site::derived::{Formula, Function, Window};
use crate::site::expression::{self, Value};
use crate::site::load::Gathered;
use crate::site::model::{Device, Point, Protocol, Range, Source};
use crate::site::raw::{FunctionWord, RawDerived, TowardWord};
use crate::site::rule::{Rule, RuleKind};
use crate::site::source::Spot;
use crate::site::values::Period;

/// What the gateway is called as the device that derived points belong to.
const DEVICE: &str = "derived";

/// Adds the derived points, and the device that they belong to if there are any. Returns their ids, each after those that it uses.
pub(super) fn check(
    gathered: &Gathered,
    hazards: &Hazards,
    devices: &mut Devices<'_>,
    points: &mut Points<'_>,
    context: &mut Context<'_>,
) -> Vec<PointId> {
    let raws: Vec<(Spot, &RawDerived)> = written(gathered).collect();
    let Some((first, _)) = raws.first() else { return Vec::new() };
    if let Some(taken) = devices.names.place_of(DEVICE) {
        let place = devices.details[taken].spot.key("id");
        let message = format!("`{DEVICE}` is what derived points belong to");
        context.findings.add(place, message).first(first.key("id")).hint("give the device another id");
    }
    let device = DeviceId::new(devices.list.len());
    points.later = raws.iter().map(|(_, raw)| raw.id.0.clone()).collect();
    let mut ids = Vec::new();
    for (spot, raw) in raws {
        let made = Maker { spot, raw, device, points }.point(hazards, context);
        points.later.remove(&raw.id.0);
        let Some(point) = made else { continue };
        let id = PointId::new(points.list.len());
        if points.names.define(&raw.id.0, id.index(), spot.key("id"), context.findings) {
            points.list.push(point);
            ids.push(id);
        }
        if points.list.len() == POINTS_MAX + 1 {
            context.findings.add(spot.place(), format!("a site has at most {POINTS_MAX} points"));
        }
    }
    devices.list.push(Device {
        name: DEVICE.to_owned(),
        title: Text::new("计算点", "Derived points"),
        hazard: None,
        protocol: Protocol::Derived,
        points: ids.clone(),
    });
    ids
}

/// `limits = { … }` of derived points, and an alarm for each that can't be worked out though all that it needs is there.
pub(super) fn rules(gathered: &Gathered, points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
    for (spot, raw) in written(gathered) {
        let Some(index) = points.names.place_of(&raw.id.0) else { continue };
        let (id, point) = (PointId::new(index), &points.list[index]);
        if !matches!(point.source, Source::Derived(_)) {
            continue;
        }
        if let Some(raw) = &raw.limits {
            let key = |key: &str| {
                if key.is_empty() { spot.key("limits") } else { spot.key(&format!("limits.{key}")) }
            };
            let written = Written { name: point.name.clone(), raw, factor: 1.0, names: points, place: &key };
            let rule = limits::rule(&written, id, point, context);
            rules.add(rule, spot.key("limits"), context);
        }
        let signal = Rule {
            on_delay: defaults::SIGNAL_AFTER,
            ..Rule::new(
                format!("{}.signal", point.name),
                point.hazard,
                RuleKind::Signal { point: id, level: defaults::SIGNAL_LEVEL.0 },
            )
        };
        rules.add(signal, spot.key("id"), context);
    }
}

fn written(gathered: &Gathered) -> impl Iterator<Item = (Spot, &RawDerived)> {
    let of_part = |part: &'_ crate::site::part::Part| {
        (0..part.raw.derived.len()).map(|index| part.spot("derived", index)).collect::<Vec<_>>()
    };
    gathered.parts.iter().flat_map(move |part| of_part(part).into_iter().zip(&part.raw.derived))
}

/// Makes one derived point.
struct Maker<'m, 'p> {
    spot: Spot,
    raw: &'m RawDerived,
    device: DeviceId,
    points: &'m Points<'p>,
}

impl Maker<'_, '_> {
    fn point(&self, hazards: &Hazards, context: &mut Context<'_>) -> Option<Point> {
        let hazard = hazards.refer(self.raw.hazard.as_ref(), self.spot.key("hazard"), context);
        let range = self.range(context);
        let formula = self.formula(context)?;
        Some(Point {
            name: self.raw.id.0.clone(),
            title: self.raw.name.clone().into(),
            device: self.device,
            hazard: hazard.or_else(|| condition::common(self.points, &formula.points())),
            unit: self.raw.unit.clone().unwrap_or_else(|| self.unit(&formula)),
            decimals: self.raw.decimals.unwrap_or(defaults::DECIMALS),
            range,
            role: self.raw.role.as_ref().map(|role| role.0.clone()),
            source: Source::Derived(formula),
            poll: None,
            max_age: crate::model::limits::SITE_DURATION_MAX,
            stuck: None,
        })
    }

    fn range(&self, context: &mut Context<'_>) -> Option<Range> {
        let [low, high] = self.raw.range?;
        if low < high {
            return Some(Range { low, high });
        }
        let finding =
            context.findings.add(self.spot.key("range"), format!("the range [{low}, {high}] is empty"));
        finding.hint("write [low, high] with low < high");
        None
    }

    fn formula(&self, context: &mut Context<'_>) -> Option<Formula> {
        match (&self.raw.value, self.raw.function) {
            (Some(text), None) => {
                self.refuse_window_keys("`value`", context);
                self.expression(text, context)
            }
            (None, Some(function)) => self.window(function, context).map(Formula::Window),
            (Some(_), Some(_)) => {
                self.note("function", "both `value` and `function` are given", "keep one of them", context);
                None
            }
            (None, None) => {
                let hint = "add `value = \"…\"`, or `function`, `of` and `over`";
                self.note("", "nothing says how it is worked out", hint, context);
                None
            }
        }
    }

    fn note(
        &self,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        context: &mut Context<'_>,
    ) {
        let place = if key.is_empty() { self.spot.place() } else { self.spot.key(key) };
        context.findings.add(place, message).hint(hint);
    }

    fn expression(&self, text: &str, context: &mut Context<'_>) -> Option<Formula> {
        let value = condition::read(text, self.spot.key("value"), self.points, expression::value, context)?;
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

    fn window(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<Window> {
        let of = self.of(context);
        let over = self.over(context);
        let function = self.function(word, context);
        Some(Window { of: of?, over: over?, function: function? })
    }

    fn of(&self, context: &mut Context<'_>) -> Option<PointId> {
        let Some(name) = &self.raw.of else {
            self.note(
                "function",
                "`of` is missing",
                "add `of = \"device.signal\"`: the point whose past it is",
                context,
            );
            return None;
        };
        if self.points.later.contains(&name.0) {
            let message = format!("`{}` is defined further down, or is this point itself", name.0);
            self.note("of", message, LATER, context);
            return None;
        }
        self.points.names.find(&name.0, self.spot.key("of"), context).map(PointId::new)
    }

    fn over(&self, context: &mut Context<'_>) -> Option<std::time::Duration> {
        match self.raw.over {
            Some(over) if !over.0.is_zero() => Some(over.0),
            Some(_) => {
                self.note(
                    "over",
                    "a window of no length has no past",
                    "use `over = \"5min\"` or the like",
                    context,
                );
                None
            }
            None => {
                self.note("function", "`over` is missing", "add `over = \"5min\"`: how far back", context);
                None
            }
        }
    }

    fn function(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<Function> {
        let is_forecast = word == FunctionWord::Forecast;
        for (key, given, fits) in [
            ("per", self.raw.per.is_some(), word == FunctionWord::Rate),
            ("to", self.raw.to.is_some(), is_forecast),
            ("toward", self.raw.toward.is_some(), is_forecast),
        ] {
            if given && !fits {
                self.note(key, format!("`{key}` says nothing with this function"), "leave it out", context);
            }
        }
        Some(match word {
            FunctionWord::Mean => Function::Mean,
            FunctionWord::TimeWeighted => Function::TimeWeighted,
            FunctionWord::Min => Function::Least,
            FunctionWord::Max => Function::Greatest,
            FunctionWord::Sum => Function::Sum,
            FunctionWord::Count => Function::Count,
            FunctionWord::Rate => {
                let per = self.raw.per.unwrap_or(defaults::RATE_PER).0;
                if per.is_zero() {
                    self.note(
                        "per",
                        "a rate per no time is none",
                        "use `per = \"1min\"` or the like",
                        context,
                    );
                    return None;
                }
                Function::Rate { per }
            }
            FunctionWord::Forecast => {
                let Some(to) = self.raw.to else {
                    self.note(
                        "function",
                        "`to` is missing",
                        "add `to = …`: the value that is waited for",
                        context,
                    );
                    return None;
                };
                Function::Forecast { to, rising: self.raw.toward != Some(TowardWord::Falling) }
            }
        })
    }

    fn refuse_window_keys(&self, beside: &str, context: &mut Context<'_>) {
        let raw = self.raw;
        for (key, given) in [
            ("of", raw.of.is_some()),
            ("over", raw.over.is_some()),
            ("per", raw.per.is_some()),
            ("to", raw.to.is_some()),
            ("toward", raw.toward.is_some()),
        ] {
            if given {
                self.note(
                    key,
                    format!("`{key}` says nothing beside {beside}"),
                    "it goes with `function`",
                    context,
                );
            }
        }
    }

    /// What follows from the unit of the point whose past it is.
    fn unit(&self, formula: &Formula) -> String {
        let Formula::Window(window) = formula else { return String::new() };
        let unit = &self.points.list[window.of.index()].unit;
        match window.function {
            Function::Count => String::new(),
            Function::Forecast { .. } => "min".to_owned(),
            Function::Rate { per } => format!("{unit}/{}", Period(per)).replace("/1", "/"),
            _ => unit.clone(),
        }
    }
}

/// Said of a derived point that stands further down.
pub(super) const LATER: &str = "a derived point uses those above it: put it before this one";
