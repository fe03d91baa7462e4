//! Rules: those written with points, those written by themselves, those of packs, and those that every site has:
//! a lost or degraded device, an untrusted point, a dead destination, a full disk.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::calendar;
use super::condition;
use super::derived;
use super::devices::Devices;
use super::feeders::Feeders;
use super::forward::Forwarders;
use super::hazards::Hazards;
use super::limits::{self, Written};
use super::names::Names;
use super::outputs::Outputs;
use super::packs::Packs;
use super::points::Points;
use crate::model::{DeviceId, ForwarderId, HazardId, HealthSource, Level, LinkId, PointId};
use crate::site::calendar::Calendar;
use crate::site::defaults;
use crate::site::load::Gathered;
use crate::site::model::{LeftOut, Link, Point, Protocol};
use crate::site::raw::{ClockWord, RawRule};
use crate::site::rule::{Rule, RuleKind};
use crate::site::source::{Place, Spot};

/// What the journal has beside alarms; no rule may be called so.
const NO_RULES: [&str; 2] = ["gateway.clock_step", "gateway.sleep"];

/// So much of where a link leads goes into the name of its alarm.
const LINK_NAME_CHARS_MAX: usize = 40;

/// Rules as they are collected.
pub(super) struct Rules {
    pub(super) list: Vec<Rule>,
    /// What rule packs could not make for want of a signal.
    pub(super) left_out: Vec<LeftOut>,
    names: Names,
}

impl Rules {
    /// Takes in a rule whose name stands at `place`.
    pub(super) fn add(&mut self, rule: Rule, place: Place, context: &mut Context<'_>) {
        if self.names.define(&rule.name, self.list.len(), place, context.findings) {
            self.list.push(rule);
        }
    }

    /// The alarm of this name, which is meant to exist. None and no mistake, if it may be among what the first stage
    /// left out: a device or a point has alarms of its own.
    pub(super) fn find(&self, name: &str, place: Place, context: &mut Context<'_>) -> Option<usize> {
        if context.damage.any() && !self.names.knows(name) {
            return None;
        }
        self.names.find(name, place, context)
    }

    /// The alarm of a link that may speak for this one, if it is of a lost device: who asks for the one means the other as well.
    pub(super) fn link_for(&self, alarm: usize) -> Option<usize> {
        let RuleKind::DeviceLost { device, .. } = &self.list.get(alarm)?.kind else { return None };
        let speaks = |rule: &Rule| matches!(&rule.kind, RuleKind::LinkLost { devices, .. } if devices.contains(device));
        self.list.iter().position(speaks)
    }

    /// Refuses the name of something else that events are told of, if it is an alarm's.
    pub(super) fn refuse_name(&self, name: &str, place: Place, context: &mut Context<'_>) {
        if self.names.knows(name) {
            context
                .findings
                .add(place, format!("`{name}` is an alarm's name already"))
                .hint("events of both would be told under one name: give one of them another");
        }
    }
}

/// What has been checked already and has rules of its own.
pub(super) struct Made<'m> {
    pub(super) packs: &'m Packs<'m>,
    pub(super) feeders: &'m Feeders<'m>,
    pub(super) calendar: &'m Calendar,
    pub(super) outputs: &'m Outputs<'m>,
    pub(super) forwarders: &'m Forwarders,
}

pub(super) fn check(
    gathered: &Gathered,
    hazards: &Hazards,
    (devices, links): (&Devices<'_>, &[Link]),
    points: &Points<'_>,
    made: &Made<'_>,
    context: &mut Context<'_>,
) -> Rules {
    let mut rules = Rules { list: Vec::new(), left_out: Vec::new(), names: Names::new("alarm") };
    with_points(points, &mut rules, context);
    for part in &gathered.parts {
        for (index, raw) in part.raw.rule.iter().enumerate() {
            let spot = part.spot("rule", index);
            if let Some(rule) = written(raw, spot, hazards, points, context) {
                rules.add(rule, spot.key("id"), context);
            }
        }
    }
    rules.left_out = made.packs.rules(points, &mut rules, context);
    of_devices(devices, points, &mut rules, context);
    of_links(hazards, devices, links, &mut rules, context);
    of_points(devices, points, &mut rules, context);
    derived::rules(gathered, points, &mut rules, context);
    made.feeders.rules(points, &mut rules, context);
    derived::stop_orders(hazards, points, &mut rules, context);
    calendar::rules(gathered, made.calendar, hazards, &mut rules, context);
    for (rule, place) in made.outputs.failures() {
        rules.add(rule, place, context);
    }
    of_gateway(gathered, made.forwarders, &mut rules, context);
    rules
}

/// `limits = { … }` of points.
fn with_points(points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
    for (index, (point, detailed)) in points.list.iter().zip(&points.details).enumerate() {
        let Some((raw, whole)) = detailed.limits() else { continue };
        let place =
            |key: &str| if key.is_empty() { whole.clone() } else { detailed.place(&format!("limits.{key}")) };
        let written = Written { name: point.name.clone(), raw, factor: 1.0, names: points, place: &place };
        let rule = limits::rule(&written, PointId::new(index), point, context);
        rules.add(rule, whole.clone(), context);
    }
}

/// `[[rule]]`.
fn written(
    raw: &RawRule,
    spot: Spot,
    hazards: &Hazards,
    points: &Points<'_>,
    context: &mut Context<'_>,
) -> Option<Rule> {
    let raw = match raw {
        RawRule::Limits(raw) => raw,
        RawRule::Condition(raw) => return condition::of_site(raw, spot, hazards, points, context),
    };
    let hazard = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context);
    let index = points.names.find(&raw.point.0, spot.key("point"), context)?;
    let place = |key: &str| if key.is_empty() { spot.place() } else { spot.key(key) };
    let written =
        Written { name: raw.id.0.clone(), raw: &raw.limits, factor: 1.0, names: points, place: &place };
    let rule = limits::rule(&written, PointId::new(index), &points.list[index], context);
    Some(Rule { hazard: hazard.or(rule.hazard), ..rule })
}

fn of_devices(devices: &Devices<'_>, points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
    let slowest = slowest_polls(devices, points);
    for (index, (device, detail)) in devices.list.iter().zip(&devices.details).enumerate() {
        let rule = Rule {
            on_delay: detail.lost_after.0,
            ..Rule::new(
                format!("{}.lost", device.name),
                device.hazard,
                RuleKind::DeviceLost { device: DeviceId::new(index), level: detail.lost_level },
            )
        };
        rules.add(rule, detail.spot.key("id"), context);
        let rule = Rule {
            on_delay: defaults::DEGRADED_AFTER.max(slowest[index] * defaults::DEGRADED_AFTER_POLLS),
            off_delay: defaults::DEGRADED_UNTIL.max(slowest[index] * defaults::DEGRADED_UNTIL_POLLS),
            ..Rule::new(
                format!("{}.degraded", device.name),
                device.hazard,
                RuleKind::DeviceDegraded { device: DeviceId::new(index) },
            )
        };
        rules.add(rule, detail.spot.key("id"), context);
    }
}

/// Several devices behind one link that serve one hazard have an alarm in common, for when nobody behind the link answers.
fn of_links(
    hazards: &Hazards,
    devices: &Devices<'_>,
    links: &[Link],
    rules: &mut Rules,
    context: &mut Context<'_>,
) {
    for (index, link) in links.iter().enumerate() {
        let mut by_hazard: BTreeMap<Option<HazardId>, Vec<DeviceId>> = BTreeMap::new();
        for device in &link.devices {
            by_hazard.entry(devices.list[device.index()].hazard).or_default().push(*device);
        }
        for (hazard, those) in by_hazard.into_iter().filter(|(_, those)| those.len() > 1) {
            let details = || those.iter().map(|device| &devices.details[device.index()]);
            let Some(level) = details().map(|detail| detail.lost_level).max() else { continue };
            let on_delay = details().map(|detail| detail.lost_after.0).min().unwrap_or_default();
            let place = devices.details[those[0].index()].spot.key("id");
            let name =
                link_alarm(link, hazard.map(|hazard| hazards.list[hazard.index()].name.as_str()), rules);
            let kind = RuleKind::LinkLost { link: LinkId::new(index), devices: those, level };
            rules.add(Rule { on_delay, ..Rule::new(name, hazard, kind) }, place, context);
        }
    }
}

/// A name for the alarm of a link, made from where it leads; of several that would be the same, the later ones are numbered.
fn link_alarm(link: &Link, hazard: Option<&str>, rules: &Rules) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let title: String = link.title().chars().map(part).take(LINK_NAME_CHARS_MAX).collect();
    let title = title.trim_matches('-');
    let prefix = hazard.map(|hazard| format!("{hazard}.")).unwrap_or_default();
    let names = (1..).map(|n| match n {
        1 => format!("{prefix}link.{title}.lost"),
        n => format!("{prefix}link.{title}-{n}.lost"),
    });
    names.into_iter().find(|name| !rules.names.knows(name)).unwrap_or_default()
}

/// How far the polls of each device are apart at most; zero for one that is not polled.
fn slowest_polls(devices: &Devices<'_>, points: &Points<'_>) -> Vec<Duration> {
    let mut slowest = vec![Duration::ZERO; devices.list.len()];
    for point in &points.list {
        let device = point.device.index();
        if let Protocol::Modbus(modbus) = &devices.list[device].protocol {
            slowest[device] = slowest[device].max(point.poll.unwrap_or(modbus.poll));
        }
    }
    slowest
}

/// Longer than a device takes from the first poll of the point that it misses to being found lost, which is then the one
/// alarm.
fn signal_after(protocol: &Protocol, point: &Point) -> Duration {
    match protocol {
        Protocol::Modbus(modbus) => {
            point.poll.unwrap_or(modbus.poll) + modbus.timeout * 4 + defaults::SIGNAL_AFTER
        }
        Protocol::Mqtt(_) | Protocol::Derived => defaults::SIGNAL_AFTER,
    }
}

fn of_points(devices: &Devices<'_>, points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
    for (index, (point, detailed)) in points.list.iter().zip(&points.details).enumerate() {
        let level = devices.details[point.device.index()].signal_level;
        let rule = Rule {
            on_delay: signal_after(&devices.list[point.device.index()].protocol, point),
            ..Rule::new(
                format!("{}.signal", point.name),
                point.hazard,
                RuleKind::Signal { point: PointId::new(index), level },
            )
        };
        rules.add(rule, detailed.place("signal"), context);
    }
}

/// The gateway's own health counts for no hazard.
fn of_gateway(gathered: &Gathered, forwarders: &Forwarders, rules: &mut Rules, context: &mut Context<'_>) {
    for (index, (forwarder, spot)) in forwarders.list.iter().zip(&forwarders.spots).enumerate() {
        let source = HealthSource::Forwarder(ForwarderId::new(index));
        let rule = health(&format!("forward.{}", forwarder.name), source, defaults::FORWARD_LEVEL);
        let rule = Rule { on_delay: defaults::FORWARD_AFTER, ..rule };
        rules.add(rule, spot.key("id"), context);
    }
    let place = Spot::table(gathered.main, "site").place();
    rules.add(health("store", HealthSource::Store, defaults::STORE_LEVEL), place.clone(), context);
    rules.add(health("task", HealthSource::Task, defaults::TASK_LEVEL), place.clone(), context);
    let clock = gathered.services.as_ref().map_or(ClockWord::default(), |services| services.clock.sync);
    if clock == ClockWord::Required {
        let rule = health("clock", HealthSource::Clock, defaults::CLOCK_LEVEL);
        rules.add(Rule { on_delay: defaults::CLOCK_AFTER, ..rule }, place.clone(), context);
    }
    rules.add(Rule::new("gateway.flood", None, RuleKind::Flood), place.clone(), context);
    for name in NO_RULES {
        rules.names.define(name, rules.list.len(), place.clone(), context.findings);
    }
}

fn health(part: &str, source: HealthSource, level: Level) -> Rule {
    Rule::new(format!("gateway.{part}"), None, RuleKind::Health { source, level })
}
