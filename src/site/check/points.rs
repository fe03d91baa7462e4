//! `[[point]]`: what a device's template and the site file say of each signal, together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Context;
use super::devices::{Detail, Devices};
use super::hazards::Hazards;
use super::names::Names;
use super::{conversion, helpers, publishers, registers};
use crate::model::limits::{POINTS_MAX, POLL_INTERVAL_MIN, SITE_DURATION_MAX};
use crate::model::{DeviceId, PointId, Text};
use crate::site::defaults;
use crate::site::derived::Stuck;
use crate::site::load::Gathered;
use crate::site::model::{Device, Keep, Point, Protocol, Range, Source};
use crate::site::raw::{RawLimits, RawPoint};
use crate::site::signal::Signal;
use crate::site::source::{FileId, Place, Spot};
use crate::site::values::Period;

/// The points of a site, their names, and what the check of rules needs of them.
pub(super) struct Points<'a> {
    pub(super) list: Vec<Point>,
    pub(super) names: Names,
    /// One for each measured point; derived ones come after them in `list`.
    pub(super) details: Vec<Detailed<'a>>,
    /// Derived points that are defined further down.
    pub(super) later: BTreeSet<String>,
}

/// A point as it is written: in the site file, in its device's template, or in both.
pub(super) struct Detailed<'a> {
    /// The device's table, where the point is only in the template.
    device: Spot,
    own: Option<(Spot, &'a RawPoint)>,
    base: Option<(Spot, &'a RawPoint)>,
}

impl<'a> Detailed<'a> {
    /// What the site file says, else what the template says.
    pub(super) fn get<T>(&self, field: impl Fn(&'a RawPoint) -> Option<T>) -> Option<T> {
        self.own.and_then(|(_, raw)| field(raw)).or_else(|| field(self.base?.1))
    }

    /// What the site file says, then what the template says.
    pub(super) fn layers(&self) -> impl Iterator<Item = &'a RawPoint> {
        [self.own, self.base].into_iter().flatten().map(|(_, raw)| raw)
    }

    /// Where a key of the point stands.
    pub(super) fn place(&self, key: &str) -> Place {
        let base = self.base.map(|(spot, _)| spot.key(key));
        match (self.own, base) {
            (Some((spot, _)), base) => spot.key(key).or(base),
            (None, Some(base)) => base,
            (None, None) => self.device.place(),
        }
    }

    /// Where the point itself stands: in the site file, if it is there at all.
    pub(super) fn whole(&self) -> Place {
        self.own.map_or(self.device, |(spot, _)| spot).place()
    }

    fn signal(&self) -> &'a str {
        self.own.or(self.base).map_or("", |(_, raw)| &raw.signal.0)
    }

    /// The limits written with the point, and where.
    pub(super) fn limits(&self) -> Option<(&'a RawLimits, Place)> {
        let limits = self.get(|raw| raw.limits.as_ref())?;
        Some((limits, self.place("limits")))
    }
}

/// The site file's own points of each device, in the order of the file.
type Own<'a> = BTreeMap<usize, Vec<(Spot, &'a RawPoint)>>;

pub(super) fn check<'a>(
    gathered: &'a Gathered,
    hazards: &Hazards,
    devices: &mut Devices<'a>,
    context: &mut Context<'_>,
) -> Points<'a> {
    let mut points =
        Points { list: Vec::new(), names: Names::new("point"), details: Vec::new(), later: BTreeSet::new() };
    let mut own = own_points(gathered, devices, context);
    for index in 0..devices.list.len() {
        if context.damage.blurs(&devices.list[index].name) {
            continue;
        }
        let merged = merge(&devices.details[index], own.remove(&index).unwrap_or_default(), context);
        if merged.is_empty() && !context.damage.thins(&devices.list[index].name) {
            let place = devices.details[index].spot.key("id");
            let message = format!("device `{}` has no points", devices.list[index].name);
            context
                .findings
                .add(place, message)
                .hint("add a [[point]] for it, or a `template` that has some");
        }
        for detailed in merged {
            let made = Maker {
                id: DeviceId::new(index),
                device: &devices.list[index],
                detail: &devices.details[index],
            };
            let point = made.point(&detailed, hazards, context);
            let id = PointId::new(points.list.len());
            points.names.define(&point.name, id.index(), detailed.place("signal"), context.findings);
            devices.list[index].points.push(id);
            points.list.push(point);
            points.details.push(detailed);
        }
    }
    if let Some(first_too_many) = points.details.get(POINTS_MAX) {
        context.findings.add(first_too_many.whole(), format!("a site has at most {POINTS_MAX} points"));
    }
    points
}

fn own_points<'a>(gathered: &'a Gathered, devices: &Devices<'_>, context: &mut Context<'_>) -> Own<'a> {
    let mut own: Own<'a> = BTreeMap::new();
    for part in &gathered.parts {
        for (index, raw) in part.raw.point.iter().enumerate() {
            let spot = part.spot("point", index);
            let Some(device) = &raw.device else { continue };
            match devices.names.find(&device.0, spot.key("device"), context) {
                Some(device) => own.entry(device).or_default().push((spot, raw)),
                // It may be the point that another device seems to lack.
                None => context.damage.lose_point(),
            }
        }
    }
    own
}

/// The template's signals in its order, each with what the site file says of it; then the site file's own.
fn merge<'a>(
    detail: &Detail<'a>,
    own: Vec<(Spot, &'a RawPoint)>,
    context: &mut Context<'_>,
) -> Vec<Detailed<'a>> {
    let device = detail.spot;
    let mut merged: Vec<Detailed<'a>> = detail.template.map_or_else(Vec::new, |(file, template)| {
        let bases = template.point.iter().enumerate();
        bases.map(|(index, raw)| template_point(device, file, index, raw)).collect()
    });
    let mut known: BTreeMap<&str, usize> =
        merged.iter().enumerate().map(|(index, point)| (point.signal(), index)).collect();
    for (spot, raw) in own {
        match known.get(raw.signal.0.as_str()).map(|index| &mut merged[*index]) {
            None => {
                known.insert(&raw.signal.0, merged.len());
                merged.push(Detailed { device, own: Some((spot, raw)), base: None });
            }
            Some(point) => match point.own {
                None => point.own = Some((spot, raw)),
                Some((first, _)) => {
                    context
                        .findings
                        .add(
                            spot.key("signal"),
                            format!("signal `{}` of this device is defined twice", raw.signal.0),
                        )
                        .first(first.key("signal"))
                        .hint("give one of them another name");
                }
            },
        }
    }
    merged
}

fn template_point(device: Spot, file: FileId, index: usize, raw: &RawPoint) -> Detailed<'_> {
    Detailed { device, own: None, base: Some((Spot::entry(file, "point", index), raw)) }
}

/// Makes the points of one device.
struct Maker<'a> {
    id: DeviceId,
    device: &'a Device,
    detail: &'a Detail<'a>,
}

impl Maker<'_> {
    fn point(&self, detailed: &Detailed<'_>, hazards: &Hazards, context: &mut Context<'_>) -> Point {
        let hazard = detailed.get(|raw| raw.hazard.as_ref());
        let hazard = hazards.refer(hazard, detailed.place("hazard"), context);
        let source = self.source(detailed, context);
        let range = range(detailed, &source, context);
        Point {
            name: format!("{}.{}", self.device.name, detailed.signal()),
            title: self.title(detailed, context),
            device: self.id,
            hazard: hazard.or(self.device.hazard),
            unit: detailed.get(|raw| raw.unit.clone()).unwrap_or_default(),
            decimals: detailed.get(|raw| raw.decimals).unwrap_or(defaults::DECIMALS),
            range,
            role: detailed.get(|raw| raw.role.as_ref()).map(|role| role.0.clone()),
            source,
            poll: self.poll(detailed, context),
            max_age: self.max_age(detailed, context),
            stuck: stuck(detailed, context),
            keep: keep(detailed, context),
        }
    }

    /// A name from the site file stands as it is; one from a template says whose signal it is.
    fn title(&self, detailed: &Detailed<'_>, context: &mut Context<'_>) -> Text {
        if let Some(name) = detailed.own.and_then(|(_, raw)| raw.name.clone()) {
            return name.into();
        }
        if let Some(name) = detailed.base.and_then(|(_, raw)| raw.name.clone()) {
            let signal: Text = name.into();
            let device = &self.device.title;
            return Text::new(format!("{} {}", device.zh, signal.zh), format!("{} {}", device.en, signal.en));
        }
        context
            .findings
            .add(detailed.whole(), "`name` is missing")
            .hint("add `name = { zh = \"…\", en = \"…\" }`: what people call it");
        Text::default()
    }

    fn source(&self, detailed: &Detailed<'_>, context: &mut Context<'_>) -> Source {
        match &self.device.protocol {
            Protocol::Modbus(_) => {
                let register = registers::register(detailed, self.detail, context);
                Source::Modbus(Signal {
                    register,
                    conversion: conversion::conversion(detailed, Some(register.encoding), context),
                    ratios: helpers::ratios(detailed, self.detail, context),
                    qualifiers: helpers::qualifiers(detailed, register, self.detail, context),
                })
            }
            Protocol::Mqtt(mqtt) => {
                let conversion = conversion::conversion(detailed, None, context);
                Source::Mqtt(publishers::extract(detailed, mqtt, conversion, context))
            }
            Protocol::Derived => unreachable!("no device is written with that protocol"),
        }
    }

    fn poll(&self, detailed: &Detailed<'_>, context: &mut Context<'_>) -> Option<Duration> {
        let Protocol::Modbus(modbus) = &self.device.protocol else { return None };
        let poll = detailed.get(|raw| raw.poll)?;
        let least = Period(POLL_INTERVAL_MIN);
        if poll < least {
            let message = format!("`{poll}` is too short");
            context.findings.add(detailed.place("poll"), message).hint(format!("use at least {least}"));
        }
        (poll.0 != modbus.poll).then_some(poll.0)
    }

    fn max_age(&self, detailed: &Detailed<'_>, context: &mut Context<'_>) -> Duration {
        let (default, interval) = match &self.device.protocol {
            Protocol::Modbus(modbus) => {
                let poll = detailed.get(|raw| raw.poll).map_or(modbus.poll, |poll| poll.0);
                ((poll * 3 + modbus.timeout).max(defaults::MAX_AGE_MIN), poll)
            }
            Protocol::Mqtt(mqtt) => (mqtt.silence, Duration::ZERO),
            Protocol::Derived => (SITE_DURATION_MAX, Duration::ZERO),
        };
        match detailed.get(|raw| raw.max_age) {
            Some(age) if age.0 <= interval => {
                let message = format!("`{age}` is not longer than from one value to the next");
                context
                    .findings
                    .add(detailed.place("max_age"), message)
                    .hint("the value would be stale again and again: use several poll intervals");
                age.0
            }
            Some(age) => age.0,
            None => default,
        }
    }
}

fn stuck(detailed: &Detailed<'_>, context: &mut Context<'_>) -> Option<Stuck> {
    let raw = detailed.get(|raw| raw.stuck)?;
    let band = raw.band.unwrap_or(defaults::DEADBAND);
    if band < 0.0 {
        let finding =
            context.findings.add(detailed.place("stuck.band"), format!("a band of {band} is negative"));
        finding.hint("use 0 or more");
    }
    if raw.after.0.is_zero() {
        let finding =
            context.findings.add(detailed.place("stuck.after"), "every value would be stuck at once");
        finding.hint("use `after = \"30min\"` or the like");
    }
    Some(Stuck { after: raw.after.0, band })
}

fn keep(detailed: &Detailed<'_>, context: &mut Context<'_>) -> Option<Keep> {
    let raw = detailed.get(|raw| raw.keep)?;
    let deadband = raw.deadband.unwrap_or(0.0);
    if deadband < 0.0 {
        let finding = context
            .findings
            .add(detailed.place("keep.deadband"), format!("a deadband of {deadband} is negative"));
        finding.hint("use 0 or more");
    }
    let at_least = raw.at_least.map_or(defaults::KEEP_AT_LEAST, |period| period.0);
    if at_least.is_zero() {
        let finding = context.findings.add(detailed.place("keep.at_least"), "every reading would be kept");
        finding.hint("use `at_least = \"5min\"` or the like, or no `keep`");
    }
    Some(Keep { deadband, at_least })
}

fn range(detailed: &Detailed<'_>, source: &Source, context: &mut Context<'_>) -> Option<Range> {
    let [low, high] = detailed.get(|raw| raw.range)?;
    if low >= high {
        context
            .findings
            .add(detailed.place("range"), format!("the range [{low}, {high}] is empty"))
            .hint("write [low, high] with low < high");
        return None;
    }
    let conversion = match source {
        Source::Modbus(signal) => &signal.conversion,
        Source::Mqtt(extract) => &extract.conversion,
        Source::Derived(_) => return Some(Range { low, high }),
    };
    let is_span = detailed.get(|raw| raw.span).is_none_or(|[a, b]| (a.min(b), a.max(b)) == (low, high));
    Some(conversion::range(Range { low, high }, conversion, is_span))
}
