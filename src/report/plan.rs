//! Which lines a site has, and which of its points say what of them.
//!
//! A line is a node of the power tree whose power is measured, or, beside the tree, a load (a power or a current) of which the site works out a state of production, a demand or
//! what is ordinary. Its alarms are those of its own points: all that its meter says, what is worked out for the node and from its points alone; and those of rules
//! that look at any of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{DeviceId, FeederId, PointId, Text};
use crate::site::{
    Aspect, ClockSpan, Clocked, Feeder, FeederFigure, FeederRole, Figure, Formula, Gauge, Protocol, Rule,
    RuleKind, Site, Source, energy_unit,
};

/// How long what is worked out from something may take to be said again after it, in ms.
const SLACK_MS: i64 = 2000;

/// What reports of a site are made of.
#[derive(Debug)]
pub struct Plan {
    /// Its lines, in the order of the site file.
    pub lines: Vec<Line>,
    /// The devices that say something of any of them.
    pub(super) devices: BTreeSet<String>,
    /// Which lines a point speaks of, and what it says of them.
    pub(super) says: HashMap<String, Vec<(usize, Says)>>,
}

/// What a point says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Load,
    Energy,
    State,
    Median,
    Low,
    High,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its id: one MQTT topic level.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// The hazard that it belongs to.
    pub hazard: Option<String>,
    /// What it feeds, if the site says so.
    pub role: Option<&'static str>,
    /// The line that it is fed by, if the site says so.
    pub parent: Option<String>,
    /// The load.
    pub load: String,
    /// Unit of the load.
    pub unit: String,
    /// Decimal places to show of it.
    pub decimals: u8,
    /// How long a value of the load stands for, in ms.
    pub(super) stands_ms: i64,
    /// The unit of energy, where the load is a power.
    pub(super) energy_unit: Option<String>,
    /// The energy counter, if it has one.
    pub energy: Option<Counter>,
    /// The point that says the state.
    pub state: Option<String>,
    /// What is ordinary: the median, the lower and the upper edge of the range.
    pub ordinary: [Option<String>; 3],
    /// The alarms, each with the point that its evidence is of, and the device of that.
    pub(super) alarms: BTreeMap<String, Witness>,
}

/// An energy counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// The point.
    pub point: String,
    /// Its unit.
    pub unit: String,
    /// The value at which it begins again with 0.
    pub(super) modulus: Option<f64>,
}

/// The point that shows why an alarm came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) point: String,
    pub(super) unit: String,
    pub(super) device: String,
}

impl Plan {
    /// The lines of a site.
    pub fn new(site: &Site) -> Self {
        let mut plan = Self { lines: Vec::new(), devices: BTreeSet::new(), says: HashMap::new() };
        let mut beside = loads(site);
        for feeder in &site.feeders {
            if let Some(load) = feeder.power {
                beside.remove(&load);
                plan.add(site, Line::of_feeder(site, feeder, load));
            }
        }
        for load in beside {
            plan.add(site, Line::new(site, load));
        }
        plan
    }

    fn add(&mut self, site: &Site, line: Line) {
        let place = self.lines.len();
        let [median, low, high] = line.ordinary.clone();
        let energy = line.energy.as_ref().map(|counter| counter.point.clone());
        for (point, says) in [
            (Some(line.load.clone()), Says::Load),
            (energy, Says::Energy),
            (line.state.clone(), Says::State),
            (median, Says::Median),
            (low, Says::Low),
            (high, Says::High),
        ] {
            let Some(point) = point else { continue };
            let device = site.points.iter().find(|it| it.name == point).map(|it| it.device);
            self.devices.extend(device.map(|device| site.device(device).name.clone()));
            self.says.entry(point).or_default().push((place, says));
        }
        self.lines.push(line);
    }
}

impl Line {
    /// A node of the power tree.
    fn of_feeder(site: &Site, feeder: &Feeder, load: PointId) -> Self {
        let is_measured = |id: &FeederId| site.feeder(*id).power.is_some();
        let above = std::iter::successors(feeder.parent, |id| site.feeder(*id).parent).find(is_measured);
        let mut own: BTreeSet<PointId> = feeder.named().into_iter().map(|(_, point)| point).collect();
        own.extend(feeder.figures.values());
        if let Some(meter) = feeder.meter {
            own.extend(&site.device(meter).points);
        }
        let name = |figure| feeder.point(figure).map(|id| site.point(id).name.clone());
        let plain = Self::new(site, load);
        Self {
            name: feeder.name.clone(),
            title: feeder.title.clone(),
            hazard: feeder.hazard.map(|hazard| site.hazard(hazard).name.clone()).or(plain.hazard),
            role: feeder.role.map(role),
            parent: above.map(|id| site.feeder(id).name.clone()),
            energy: feeder.energy.map(|counter| Counter::new(site, counter)),
            state: name(FeederFigure::State).or(plain.state),
            ordinary: [
                name(FeederFigure::Baseline).or(plain.ordinary[0].clone()),
                name(FeederFigure::BaselineLow).or(plain.ordinary[1].clone()),
                name(FeederFigure::BaselineHigh).or(plain.ordinary[2].clone()),
            ],
            alarms: alarms(site, load, own, feeder.meter),
            ..plain
        }
    }

    fn new(site: &Site, load: PointId) -> Self {
        let spec = site.point(load);
        let find = |wanted: &dyn Fn(&Formula) -> bool| {
            let is_it = |id: &&PointId| matches!(&site.point(**id).source, Source::Derived(it) if wanted(it));
            site.derived.iter().find(is_it).copied()
        };
        let median = find(&|it| matches!(it, Formula::Baseline(baseline) if baseline.of == load));
        let edge = |wanted: Aspect| {
            let base = median?;
            find(&|it| matches!(it, Formula::OfBaseline { of, aspect } if *of == base && *aspect == wanted))
        };
        let state = find(&|it| matches!(it, Formula::Production(production) if production.of == load));
        let name = |id: Option<PointId>| id.map(|id| site.point(id).name.clone());
        Self {
            name: spec.name.clone(),
            title: spec.title.clone(),
            hazard: spec.hazard.map(|hazard| site.hazard(hazard).name.clone()),
            role: None,
            parent: None,
            load: spec.name.clone(),
            unit: spec.unit.clone(),
            decimals: spec.decimals,
            stands_ms: stands_ms(site, load),
            energy_unit: energy_unit(&spec.unit),
            energy: counter(site, spec.device),
            state: name(state),
            ordinary: [name(median), name(edge(Aspect::Low)), name(edge(Aspect::High))],
            alarms: {
                let is_metered = site.device(spec.device).protocol != Protocol::Derived;
                let meter = is_metered.then_some(spec.device);
                let said = meter.map(|meter| site.device(meter).points.iter().copied());
                alarms(site, load, said.into_iter().flatten().chain([load]).collect(), meter)
            },
        }
    }

    /// The quarters of an hour of a day.
    pub(super) fn quarters(span: ClockSpan) -> Vec<ClockSpan> {
        const QUARTER_MS: i64 = 900_000;
        let begins = (span.from.0..span.to.0).step_by(QUARTER_MS as usize);
        let quarter = |from: i64| ClockSpan {
            from: crate::model::Wall(from),
            to: crate::model::Wall((from + QUARTER_MS).min(span.to.0)),
        };
        begins.map(quarter).collect()
    }
}

/// The loads of the lines, in the order of their points.
fn loads(site: &Site) -> BTreeSet<PointId> {
    let of = |id: &PointId| match &site.point(*id).source {
        Source::Derived(Formula::Production(production)) => Some(production.of),
        Source::Derived(Formula::Baseline(baseline)) if baseline.gauge == Gauge::Level => Some(baseline.of),
        Source::Derived(Formula::Clocked(Clocked {
            of,
            figure: Figure::Demand,
            gauge: Gauge::Level,
            ..
        })) => Some(*of),
        _ => None,
    };
    site.derived.iter().filter_map(of).collect()
}

/// The energy counter of a meter: what the site works energy out from.
fn counter(site: &Site, device: DeviceId) -> Option<Counter> {
    if site.device(device).protocol == Protocol::Derived {
        return None;
    }
    let counters = site.derived.iter().filter_map(|id| counted_by(site, *id));
    let own = counters.map(|(counter, _)| counter).find(|counter| site.point(*counter).device == device);
    own.map(|counter| Counter::new(site, counter))
}

/// The counter that a point works energy out from, and the value at which that begins again with 0.
fn counted_by(site: &Site, point: PointId) -> Option<(PointId, Option<f64>)> {
    match &site.point(point).source {
        Source::Derived(Formula::Clocked(Clocked {
            of,
            figure: Figure::Amount,
            gauge: Gauge::Counter { modulus },
            ..
        })) => Some((*of, *modulus)),
        _ => None,
    }
}

impl Counter {
    fn new(site: &Site, counter: PointId) -> Self {
        let spec = site.point(counter);
        let known = site.derived.iter().filter_map(|id| counted_by(site, *id));
        let modulus = known.filter(|(of, _)| *of == counter).find_map(|(_, modulus)| modulus);
        Self { point: spec.name.clone(), unit: spec.unit.clone(), modulus }
    }
}

/// A role as machines know it: as it is written in a site file.
const fn role(role: FeederRole) -> &'static str {
    match role {
        FeederRole::Production => "production",
        FeederRole::DustRemoval => "dust_removal",
        FeederRole::FumeRemoval => "fume_removal",
        FeederRole::Cooling => "cooling",
        FeederRole::Ventilation => "ventilation",
        FeederRole::Safety => "safety",
        FeederRole::Office => "office",
    }
}

/// How long a value of a point stands for: until it would be stale, or its policy has another one kept.
fn stands_ms(site: &Site, point: PointId) -> i64 {
    let spec = site.point(point);
    let rests_on = match &spec.source {
        Source::Derived(formula) => formula.points(),
        _ => Vec::new(),
    };
    let age = if rests_on.is_empty() {
        i64::try_from(spec.max_age.as_millis()).unwrap_or(i64::MAX)
    } else {
        rests_on.into_iter().map(|other| stands_ms(site, other)).max().unwrap_or(0)
    };
    let kept = spec.keep.map_or(0, |keep| i64::try_from(keep.at_least.as_millis()).unwrap_or(i64::MAX));
    age.saturating_add(kept).saturating_add(SLACK_MS)
}

/// The alarms of the line with this load and these points, and what shows why each came.
fn alarms(
    site: &Site,
    load: PointId,
    mut own: BTreeSet<PointId>,
    meter: Option<DeviceId>,
) -> BTreeMap<String, Witness> {
    for id in &site.derived {
        let Source::Derived(formula) = &site.point(*id).source else { continue };
        let rests_on = formula.points();
        if !rests_on.is_empty() && rests_on.iter().all(|point| own.contains(point)) {
            own.insert(*id);
        }
    }
    let mut alarms = BTreeMap::new();
    for rule in &site.rules {
        if let Some(point) = witness(rule, &own, load, meter) {
            let spec = site.point(point);
            let device = site.device(spec.device).name.clone();
            let witness = Witness { point: spec.name.clone(), unit: spec.unit.clone(), device };
            alarms.insert(rule.name.clone(), witness);
        }
    }
    alarms
}

/// The point that shows why the alarm of a rule came, if it is one of the line.
fn witness(rule: &Rule, own: &BTreeSet<PointId>, load: PointId, device: Option<DeviceId>) -> Option<PointId> {
    match &rule.kind {
        RuleKind::Limits(limits) => Some(limits.point).filter(|point| own.contains(point)),
        RuleKind::Condition(condition) => {
            condition.points.iter().any(|point| own.contains(point)).then_some(load)
        }
        RuleKind::Signal { point, .. } => Some(*point).filter(|point| own.contains(point)),
        RuleKind::DeviceLost { device: lost, .. } => (Some(*lost) == device).then_some(load),
        RuleKind::LinkLost { devices, .. } => {
            device.is_some_and(|device| devices.contains(&device)).then_some(load)
        }
        _ => None,
    }
}
