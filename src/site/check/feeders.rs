//! `[[feeder]]`: one tree, each node of it measured by points of the right units; then the points that are worked out for each (`figures`).

mod figures;
mod measured;

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use super::condition;
use super::derived::{self, Derived};
use super::devices::Devices;
use super::hazards::Hazards;
use super::names::Names;
use super::points::Points;
use super::rules::Rules;
use crate::model::limits::FEEDERS_MAX;
use crate::model::{FeederId, PointId};
use crate::site::bound::Bound;
use crate::site::feeder::{Feeder, FeederFigure, FeederRole};
use crate::site::load::Gathered;
use crate::site::raw::{FeederWord, RawFeeder};
use crate::site::source::{Place, Spot};
use measured::Measured;

/// The feeders of a site in the order of the tree, and where each is written.
pub(super) struct Feeders<'a> {
    pub(super) list: Vec<Feeder>,
    spots: Vec<Spot>,
    raws: Vec<&'a RawFeeder>,
    names: Names,
    /// For each, what its meter says beyond what measures feeders; of several with one meter, the first has it.
    others: Vec<Vec<PointId>>,
}

/// The names that the points of the tree will have, as far as they can be made.
pub(super) fn names(gathered: &Gathered) -> BTreeSet<String> {
    let ids = written(gathered).map(|(_, raw)| &raw.id.0);
    ids.flat_map(|id| FeederFigure::ALL.iter().map(move |figure| figure.of(id))).collect()
}

fn written(gathered: &Gathered) -> impl Iterator<Item = (Spot, &RawFeeder)> {
    let of_part = |part: &crate::site::part::Part| {
        (0..part.raw.feeder.len()).map(|index| part.spot("feeder", index)).collect::<Vec<_>>()
    };
    gathered.parts.iter().flat_map(move |part| of_part(part).into_iter().zip(&part.raw.feeder))
}

/// Checks the tree and adds the points that are worked out for it.
pub(super) fn check<'a>(
    gathered: &'a Gathered,
    hazards: &Hazards,
    devices: &Devices<'_>,
    derived: &mut Derived,
    points: &mut Points<'_>,
    context: &mut Context<'_>,
) -> Feeders<'a> {
    let tree = Tree::read(gathered, context);
    let mut feeders = Feeders::of(&tree, context);
    let mut measured = Measured::new(devices, points);
    for place in 0..feeders.list.len() {
        let (spot, raw) = (feeders.spots[place], feeders.raws[place]);
        measured.measure(&mut feeders.list[place], raw, spot, context);
        let own = hazards.refer(raw.hazard.as_ref(), spot.key("hazard"), context);
        let feeder = &feeders.list[place];
        let named: Vec<PointId> = feeder.named().into_iter().map(|(_, point)| point).collect();
        let parent = feeder.parent.and_then(|parent| feeders.list[parent.index()].hazard);
        feeders.list[place].hazard = own.or_else(|| condition::common(points, &named)).or(parent);
    }
    feeders.others = measured.others(&feeders.list);
    feeders.refuse_unmeasured(context);
    feeders.serve(context);
    figures::add(&mut feeders, derived, points, context);
    feeders
}

/// The tree as it is written.
struct Tree<'a> {
    entries: Vec<(Spot, &'a RawFeeder)>,
    names: Names,
    /// What each is fed from.
    parents: Vec<Option<usize>>,
}

impl<'a> Tree<'a> {
    fn read(gathered: &'a Gathered, context: &mut Context<'_>) -> Self {
        let mut tree = Self { entries: Vec::new(), names: Names::new("feeder"), parents: Vec::new() };
        for (spot, raw) in written(gathered) {
            if tree.names.define(&raw.id.0, tree.entries.len(), spot.key("id"), context.findings) {
                tree.entries.push((spot, raw));
            }
        }
        if let Some((spot, _)) = tree.entries.get(FEEDERS_MAX) {
            context.findings.add(spot.place(), format!("a site has at most {FEEDERS_MAX} feeders"));
        }
        for (spot, raw) in &tree.entries {
            let parent = raw.parent.as_ref();
            let parent = parent.and_then(|id| tree.names.find(&id.0, spot.key("parent"), context));
            tree.parents.push(parent);
        }
        tree.refuse_cycles(context);
        tree.refuse_roots(context);
        tree
    }

    /// Each cycle is told once and cut.
    fn refuse_cycles(&mut self, context: &mut Context<'_>) {
        /// Whether the way up from a feeder ends.
        #[derive(Clone, Copy, PartialEq)]
        enum Way {
            Unknown,
            Walked,
            Ends,
        }
        let mut ways = vec![Way::Unknown; self.entries.len()];
        for start in 0..self.entries.len() {
            let (mut walked, mut here) = (Vec::new(), Some(start));
            while let Some(place) = here.filter(|place| ways[*place] == Way::Unknown) {
                ways[place] = Way::Walked;
                walked.push(place);
                here = self.parents[place];
            }
            if let Some(place) = here.filter(|place| ways[*place] == Way::Walked) {
                let from = walked.iter().position(|one| *one == place).unwrap_or_default();
                let names: Vec<&str> =
                    walked[from..].iter().chain([&place]).map(|one| &*self.entries[*one].1.id.0).collect();
                let (spot, raw) = self.entries[place];
                let message = format!("`{}` is fed from itself: {}", raw.id.0, names.join(" from "));
                let hint = "the incomer has no `parent`, and the way up from each feeder ends there";
                context.findings.add(spot.key("parent"), message).hint(hint);
                self.parents[place] = None;
            }
            for place in walked {
                ways[place] = Way::Ends;
            }
        }
    }

    /// A site has one tree.
    fn refuse_roots(&self, context: &mut Context<'_>) {
        if context.damage.any() {
            return;
        }
        let mut roots = self.entries.iter().filter(|(_, raw)| raw.parent.is_none());
        let Some((first, incomer)) = roots.next() else { return };
        for (spot, raw) in roots {
            let message = format!("`{}` has no `parent`, and neither has `{}`", raw.id.0, incomer.id.0);
            let hint = "a site has one power tree: add `parent = …`, or put a feeder above both that no meter measures";
            context.findings.add(spot.key("id"), message).hint(hint).first(first.key("id"));
        }
    }

    /// Each behind what it is fed from, and what is fed from one in the order of the file.
    fn order(&self) -> Vec<usize> {
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (place, parent) in self.parents.iter().enumerate() {
            children.entry(*parent).or_default().push(place);
        }
        let (mut order, mut next) = (Vec::new(), children.remove(&None).unwrap_or_default());
        next.reverse();
        while let Some(place) = next.pop() {
            order.push(place);
            next.extend(children.remove(&Some(place)).into_iter().flatten().rev());
        }
        order
    }
}

impl<'a> Feeders<'a> {
    fn of(tree: &Tree<'a>, context: &mut Context<'_>) -> Self {
        let order = tree.order();
        let place_of: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(place, entry)| (*entry, place)).collect();
        let (names, others) = (Names::new("feeder"), Vec::new());
        let mut feeders = Self { list: Vec::new(), spots: Vec::new(), raws: Vec::new(), names, others };
        for entry in order {
            let (spot, raw) = tree.entries[entry];
            feeders.names.define(&raw.id.0, feeders.list.len(), spot.key("id"), context.findings);
            let parent = tree.parents[entry].and_then(|parent| place_of.get(&parent));
            feeders.list.push(Feeder {
                name: raw.id.0.clone(),
                title: raw.name.clone().into(),
                parent: parent.map(|parent| FeederId::new(*parent)),
                role: raw.role.map(role),
                hazard: None,
                serves: Vec::new(),
                meter: None,
                power: None,
                energy: None,
                currents: Vec::new(),
                voltages: Vec::new(),
                rated_power: raw.rated_power,
                rated_current: raw.rated_current,
                running: raw.running.and_then(Bound::given),
                figures: BTreeMap::new(),
            });
            feeders.spots.push(spot);
            feeders.raws.push(raw);
        }
        feeders
    }

    /// The place of the feeder of this name, which is meant to exist.
    pub(super) fn find(&self, name: &str, place: Place, context: &mut Context<'_>) -> Option<usize> {
        self.names.find(name, place, context)
    }

    /// An alarm for each energy counter that does what no counter does. What else can't be worked out is told with the point that it rests on, or no fault: one for each
    /// figure would tell of one meter a dozen times.
    pub(super) fn rules(&self, points: &Points<'_>, rules: &mut Rules, context: &mut Context<'_>) {
        for (feeder, spot) in self.list.iter().zip(&self.spots).filter(|(feeder, _)| feeder.energy.is_some())
        {
            if let Some(point) = feeder.point(FeederFigure::EnergyToday) {
                derived::signal(point.index(), spot.key("id"), points, rules, context);
            }
        }
    }

    /// What the meter of the one at this place says beyond what measures feeders.
    pub(super) fn others(&self, place: usize) -> &[PointId] {
        &self.others[place]
    }

    /// The places of those that are fed from one.
    fn fed_from(&self, place: usize) -> Vec<usize> {
        let is_fed = |one: &usize| self.list[*one].parent == Some(FeederId::new(place));
        (place + 1..self.list.len()).filter(is_fed).collect()
    }

    /// What feeds nothing must be measured, else nothing is known of it.
    fn refuse_unmeasured(&self, context: &mut Context<'_>) {
        if context.damage.any() {
            return;
        }
        let feed: BTreeSet<&str> =
            self.raws.iter().filter_map(|raw| Some(raw.parent.as_ref()?.0.as_str())).collect();
        for (raw, spot) in self.raws.iter().zip(&self.spots) {
            if !raw.names_any() && !feed.contains(raw.id.0.as_str()) {
                let message = format!("nothing measures `{}`, and it feeds nothing", raw.id.0);
                let hint = "add `meter = \"…\"`, or `power = \"device.signal\"`";
                context.findings.add(spot.key("id"), message).hint(hint);
            }
        }
    }

    /// Finds for each that protects what must not run without it.
    fn serve(&mut self, context: &mut Context<'_>) {
        for place in 0..self.list.len() {
            let (spot, raw, feeder) = (self.spots[place], self.raws[place], &self.list[place]);
            let protects = feeder.role.is_some_and(FeederRole::protects);
            if !raw.serves.is_empty() && !protects {
                let message = format!("`{}` protects nothing, by its role", feeder.name);
                let hint = "`serves` goes with the roles dust_removal, fume_removal, cooling, ventilation and safety";
                context.findings.add(spot.key("serves"), message).hint(hint);
                continue;
            }
            let is_production = |one: &usize| self.list[*one].role == Some(FeederRole::Production);
            let mut serves = Vec::new();
            for (index, id) in raw.serves.iter().enumerate() {
                let at = spot.key(&format!("serves[{index}]"));
                let Some(line) = self.names.find(&id.0, at.clone(), context) else { continue };
                if !is_production(&line) {
                    let message = format!("`{}` is no production line, by its role", id.0);
                    context.findings.add(at, message).hint("give it `role = \"production\"`");
                }
                serves.push(line);
            }
            let is_of_all = protects && feeder.role != Some(FeederRole::Safety) && raw.serves.is_empty();
            if is_of_all && feeder.hazard.is_some() {
                let same = |one: &usize| self.list[*one].hazard == feeder.hazard;
                serves = (0..self.list.len()).filter(is_production).filter(same).collect();
            }
            self.list[place].serves = serves.into_iter().map(FeederId::new).collect();
        }
    }
}

impl RawFeeder {
    /// Whether it names anything that measures it.
    const fn names_any(&self) -> bool {
        self.meter.is_some()
            || self.power.is_some()
            || self.energy.is_some()
            || !self.currents.is_empty()
            || !self.voltages.is_empty()
    }
}

const fn role(word: FeederWord) -> FeederRole {
    match word {
        FeederWord::Production => FeederRole::Production,
        FeederWord::DustRemoval => FeederRole::DustRemoval,
        FeederWord::FumeRemoval => FeederRole::FumeRemoval,
        FeederWord::Cooling => FeederRole::Cooling,
        FeederWord::Ventilation => FeederRole::Ventilation,
        FeederWord::Safety => FeederRole::Safety,
        FeederWord::Office => FeederRole::Office,
    }
}
