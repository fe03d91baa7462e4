//! What measures a feeder: the points that it names, or those of its meter; each of the right unit, none of them measuring another feeder as well.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Context;
use super::super::condition;
use super::super::devices::Devices;
use super::super::points::Points;
use super::super::units::{Electrical, electrical, is_active};
use crate::model::{DeviceId, PointId};
use crate::site::bound::Bound;
use crate::site::expression;
use crate::site::feeder::Feeder;
use crate::site::raw::RawFeeder;
use crate::site::source::{Place, Spot};
use crate::site::values::Name;

/// Phases of a line.
const PHASES: [&str; 3] = ["a", "b", "c"];

/// What is known of points as feeders take them.
pub(super) struct Measured<'m, 'p> {
    devices: &'m Devices<'m>,
    points: &'m Points<'p>,
    /// What each measures already, and where that is said.
    taken: BTreeMap<PointId, (String, Place)>,
    /// The unit of power of the tree, and where it was first met.
    unit: Option<(String, Place)>,
}

/// What a point is to be.
#[derive(Debug, Clone, Copy)]
enum Quantity {
    Power,
    Energy,
    Current,
    Voltage,
}

/// A point, and where it is named.
type Found = (PointId, Place);

/// The feeder whose points are looked for.
struct One {
    spot: Spot,
    meter: Option<DeviceId>,
}

impl<'m, 'p> Measured<'m, 'p> {
    pub(super) const fn new(devices: &'m Devices<'m>, points: &'m Points<'p>) -> Self {
        Self { devices, points, taken: BTreeMap::new(), unit: None }
    }

    /// Finds the points of a feeder.
    pub(super) fn measure(
        &mut self,
        feeder: &mut Feeder,
        raw: &RawFeeder,
        spot: Spot,
        context: &mut Context<'_>,
    ) {
        let meter = raw
            .meter
            .as_ref()
            .and_then(|id| self.devices.names.find(&id.0, spot.key("meter"), context).map(DeviceId::new));
        let one = One { spot, meter };
        let power = self.find(&one, raw.power.as_ref(), "power", context);
        let energy = self.find(&one, raw.energy.as_ref(), "energy", context);
        let currents = self.phases(&one, &raw.currents, "current", context);
        let voltages = self.phases(&one, &raw.voltages, "voltage", context);
        let is_measured = power.is_some() || energy.is_some() || !currents.is_empty();
        if let Some(device) = meter.filter(|_| !is_measured && !context.damage.any()) {
            let device = &self.devices.list[device.index()].name;
            let message = format!("`{device}` has no point with the role `power`, `energy` or `current_a`");
            let hint = "name the points: `power = \"device.signal\"`";
            context.findings.add(spot.key("meter"), message).hint(hint);
        }
        feeder.meter = meter;
        feeder.power = self.take(power, Quantity::Power, &feeder.name, context);
        feeder.energy = self.take(energy, Quantity::Energy, &feeder.name, context);
        feeder.currents = self.take_all(currents, Quantity::Current, &feeder.name, context);
        feeder.voltages = self.take_all(voltages, Quantity::Voltage, &feeder.name, context);
        refuse_numbers(feeder, raw, spot, context);
    }

    /// For each feeder, what its meter says beyond what measures any; of several with one meter, the first has it.
    pub(super) fn others(&self, feeders: &[Feeder]) -> Vec<Vec<PointId>> {
        let mut known = BTreeSet::new();
        let mut others = |meter: Option<DeviceId>| {
            let meter = meter.filter(|meter| known.insert(*meter));
            let points = meter.iter().flat_map(|meter| &self.devices.list[meter.index()].points);
            points.copied().filter(|point| !self.taken.contains_key(point)).collect()
        };
        feeders.iter().map(|feeder| others(feeder.meter)).collect()
    }

    /// The point that is named, or the meter's.
    fn find(&self, one: &One, name: Option<&Name>, key: &str, context: &mut Context<'_>) -> Option<Found> {
        match name {
            Some(name) => self.named(name, one.spot.key(key), context),
            None => self.of_meter(one, key, context),
        }
    }

    /// The points that are named for the phases, or the meter's.
    fn phases(&self, one: &One, names: &[Name], what: &str, context: &mut Context<'_>) -> Vec<Found> {
        if names.is_empty() {
            let of_phase = |phase| self.of_meter(one, &format!("{what}_{phase}"), context);
            let found: Vec<Found> = PHASES.into_iter().filter_map(of_phase).collect();
            let count = if found.len() < PHASES.len() { 1 } else { PHASES.len() };
            return found.into_iter().take(count).collect();
        }
        let key = format!("{what}s");
        if names.len() != 1 && names.len() != PHASES.len() {
            let message = format!("{} points for the phases of a line", names.len());
            context.findings.add(one.spot.key(&key), message).hint("name one, or all three");
        }
        let each = names.iter().enumerate();
        each.filter_map(|(index, name)| self.named(name, one.spot.key(&format!("{key}[{index}]")), context))
            .collect()
    }

    fn named(&self, name: &Name, place: Place, context: &mut Context<'_>) -> Option<Found> {
        let point = |text: &str, names: &dyn expression::Points| expression::point(text, names);
        condition::read(&name.0, place.clone(), self.points, point, context).map(|point| (point, place))
    }

    /// The point of the meter that has this role, or else is this signal; none, and a mistake, where several have it.
    fn of_meter(&self, one: &One, what: &str, context: &mut Context<'_>) -> Option<Found> {
        let device = &self.devices.list[one.meter?.index()];
        let signal = format!("{}.{what}", device.name);
        let point = |id: &PointId| &self.points.list[id.index()];
        let by_role: Vec<PointId> =
            device.points.iter().copied().filter(|id| point(id).role.as_deref() == Some(what)).collect();
        if by_role.len() > 1 {
            let names: Vec<&str> = by_role.iter().take(3).map(|id| &*point(id).name).collect();
            let message =
                format!("several points of `{}` have the role `{what}`: {}", device.name, names.join(", "));
            let hint = format!("name the one that is meant: `{what} = \"{}\"`", names[0]);
            context.findings.add(one.spot.key("meter"), message).hint(hint);
            return None;
        }
        let by_signal = || device.points.iter().copied().find(|id| point(id).name == signal);
        let found = by_role.first().copied().or_else(by_signal)?;
        Some((found, one.spot.key("meter")))
    }

    fn take_all(
        &mut self,
        found: Vec<Found>,
        quantity: Quantity,
        feeder: &str,
        context: &mut Context<'_>,
    ) -> Vec<PointId> {
        found.into_iter().filter_map(|one| self.take(Some(one), quantity, feeder, context)).collect()
    }

    /// A point that is found fits if its unit does, and if it measures nothing else.
    fn take(
        &mut self,
        found: Option<Found>,
        quantity: Quantity,
        feeder: &str,
        context: &mut Context<'_>,
    ) -> Option<PointId> {
        let (id, place) = found?;
        let point = &self.points.list[id.index()];
        if let Some((other, first)) = self.taken.get(&id) {
            let message = format!("`{}` measures `{other}` already", point.name);
            let hint = "each point measures one feeder: name another, or leave it out";
            context.findings.add(place, message).hint(hint).first(first.clone());
            return None;
        }
        self.taken.insert(id, (feeder.to_owned(), place.clone()));
        let unit = &point.unit;
        let (power, wanted) = match (quantity, electrical(unit).filter(|_| is_active(unit))) {
            (Quantity::Power, Some(Electrical::Power { .. })) => (Some(unit.clone()), ""),
            (Quantity::Power, _) => (None, "no active power: W, kW or MW"),
            (Quantity::Energy, Some(Electrical::Energy { power })) => (Some(power), ""),
            (Quantity::Energy, _) => (None, "no counter of active energy: Wh, kWh or MWh"),
            (Quantity::Current, _) if unit == "A" || unit == "kA" => return Some(id),
            (Quantity::Current, _) => (None, "no current: A or kA"),
            (Quantity::Voltage, _) if unit == "V" || unit == "kV" => return Some(id),
            (Quantity::Voltage, _) => (None, "no voltage: V or kV"),
        };
        let Some(power) = power else {
            let message = format!("`{}` is in `{unit}`, which is {wanted}", point.name);
            let hint = "the `unit` of the point says what it is";
            context.findings.add(place, message).hint(hint);
            return None;
        };
        let (known, first) = self.unit.get_or_insert_with(|| (power.clone(), place.clone()));
        if *known != power {
            let message =
                format!("`{}` comes to `{power}`, and the tree's other feeders to `{known}`", point.name);
            let hint = "they are held against each other: give the point that unit, with `scale`";
            context.findings.add(place, message).hint(hint).first(first.clone());
            return None;
        }
        Some(id)
    }
}

/// Refuses numbers that say nothing for want of what they are held against, or that can't be.
fn refuse_numbers(feeder: &Feeder, raw: &RawFeeder, spot: Spot, context: &mut Context<'_>) {
    let (power, currents) = (feeder.power.is_some(), !feeder.currents.is_empty());
    let running = raw.running.is_some();
    let given = [
        ("rated_power", raw.rated_power, power, "power"),
        ("rated_current", raw.rated_current, currents, "currents"),
        ("running", raw.running.and_then(Bound::given), power, "power"),
        ("idle", raw.idle, running, "running"),
        ("overload", raw.overload, running, "running"),
        ("modulus", raw.modulus, feeder.energy.is_some(), "energy"),
    ];
    if raw.running.is_some_and(|running| running.given().is_none()) && !power && !context.damage.any() {
        let message = "`running` says nothing without `power`";
        context.findings.add(spot.key("running"), message).hint("add `power`, or leave it out");
    }
    for (key, value, has, other) in given {
        let Some(value) = value else { continue };
        if value <= 0.0 {
            context
                .findings
                .add(spot.key(key), format!("`{key}` = {value} is nothing"))
                .hint("use more than 0");
        } else if !has && !context.damage.any() {
            let message = format!("`{key}` says nothing without `{other}`");
            context.findings.add(spot.key(key), message).hint(format!("add `{other}`, or leave it out"));
        }
    }
}
