//! Derived points: worked out anew when a point that they rest on has spoken, after everything that came in one batch is in, and in an order in
//! which each finds what it needs. From there on they are points like any other.

mod baseline;
#[cfg(test)]
mod baseline_tests;
mod clocked;
#[cfg(test)]
mod clocked_tests;
mod counter;
mod due;
mod joint;
#[cfg(test)]
mod joint_tests;
mod moment;
mod past;
mod production;
#[cfg(test)]
mod production_tests;
mod split;
#[cfg(test)]
mod split_tests;
#[cfg(test)]
mod tests;
mod window;

use crate::model::{
    Batch, EventKind, HazardId, Memory, Now, Output, PointId, PointState, Reading, Reason, Sample, Text,
    Transition, Value, Wall,
};
use crate::site::{Aspect, Clocked, Formula, Question, Site, Source};

use super::Engine;
use super::evaluate::{self, Latest};
use super::points::Points;
use super::rests::Rests;
use baseline::Feeder;
use clocked::Clockwork;
pub(crate) use counter::Counter;
use due::Due;
use production::{Change, ProductionWatch};
use window::Running;

/// Every derived point of a site, in the order in which they are worked out.
#[derive(Debug)]
pub(super) struct Derivations {
    list: Vec<Derivation>,
    /// Their places in the order of their points' names.
    by_name: Vec<u32>,
    rests: Rests,
    /// Places of those to be worked out at the present moment.
    due: Due,
    /// Places of those that go by the clock.
    clocked: Vec<u32>,
    /// What is ordered to stand still: a hazard, or the whole site.
    orders: Vec<Option<HazardId>>,
    /// What they want to be told again after a restart.
    memories: Vec<Memory>,
}

#[derive(Debug)]
struct Derivation {
    point: PointId,
    rests_on: Box<[PointId]>,
    past: Past,
    /// Something that it rests on has spoken, and not only the clock.
    is_asked: bool,
}

/// What a derived point remembers.
#[expect(
    clippy::large_enum_variant,
    reason = "a recent past is asked with every reading, and stands where its derivation does"
)]
#[derive(Debug)]
enum Past {
    /// Nothing: it rests on the latest only.
    None,
    /// The recent past of one point.
    Recent(Running),
    /// Stretches of the clock.
    Clocked(Box<Clockwork>),
    /// What is ordinary.
    Ordinary(Box<Feeder>),
    /// Nothing of its own: another one, by its place, knows what is ordinary.
    OfOrdinary(u32),
    /// The state of production.
    State(Box<ProductionWatch>),
    /// Nothing of its own: another one, by its place, knows from which load on a line runs. What was last told of it.
    OfState(u32, Option<Sample>),
    /// What the calendar last said.
    Said(Option<bool>),
}

/// What a derived point has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Derived {
    point: PointId,
    /// When the latest of what it rests on was taken.
    at: Wall,
    sample: Sample,
    /// That it is bad is told elsewhere, by the alarm of a point that it rests on, or is no fault: its past is too short as yet.
    is_excused: bool,
    /// That production has gone over to another state.
    change: Option<Change>,
}

impl Derivations {
    pub(super) fn new(site: &Site) -> Self {
        let mut list: Vec<Derivation> = Vec::with_capacity(site.derived.len());
        for point in &site.derived {
            let made = Derivation::new(site, *point, &list);
            list.extend(made);
        }
        let places = || list.iter().enumerate().map(|(place, it)| (place as u32, it));
        let pairs =
            places().flat_map(|(place, it)| it.rests_on.iter().map(move |point| (*point, place))).collect();
        let goes_by_points = |past: &Past| {
            matches!(past, Past::None | Past::Recent(_) | Past::OfOrdinary(_) | Past::OfState(..))
        };
        let clocked = places().filter(|(_, it)| !goes_by_points(&it.past));
        let mut by_name: Vec<u32> = (0..list.len() as u32).collect();
        by_name.sort_unstable_by_key(|place| &site.point(list[*place as usize].point).name);
        Self {
            by_name,
            due: Due::new(list.len()),
            orders: Vec::new(),
            rests: Rests::new(pairs, site.points.len()),
            clocked: clocked.map(|(place, _)| place).collect(),
            memories: Vec::new(),
            list,
        }
    }

    /// Whether any of them goes by the clock.
    pub(super) fn has_clocked(&self) -> bool {
        !self.clocked.is_empty()
    }

    /// A point has spoken, or can't be trusted any more.
    pub(super) fn note(&mut self, point: PointId) {
        for &place in self.rests.on(point) {
            self.list[place as usize].is_asked = true;
            self.due.insert(place);
        }
    }

    /// How many are to be worked out at the present moment.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// The wall clock has come to another minute.
    pub(super) fn note_minute(&mut self, now: Now) {
        for &place in &self.clocked {
            let is_over = match &self.list[place as usize].past {
                Past::Clocked(clockwork) => clockwork.is_over(now.wall),
                Past::State(watch) => watch.is_due(now),
                Past::Ordinary(feeder) => feeder.is_over(now.wall),
                _ => true,
            };
            if is_over {
                self.due.insert(place);
            }
        }
    }

    /// What is ordered to stand still is this from now on.
    pub(super) fn take_orders(&mut self, orders: Vec<Option<HazardId>>) {
        self.orders = orders;
        for &place in &self.clocked {
            if matches!(self.list[place as usize].past, Past::Said(_)) {
                self.due.insert(place);
            }
        }
    }

    /// Works out the next that is due; none when all are done. The caller takes it as a reading and notes it.
    fn next(&mut self, site: &Site, now: Now, points: &Points) -> Option<Derived> {
        while let Some(place) = self.due.pop_first() {
            let derivation = &mut self.list[place as usize];
            let derived = match &mut derivation.past {
                Past::Recent(running) => look_back(derivation.point, running, now, points),
                Past::OfOrdinary(_) => self.aspect(site, now, place),
                Past::OfState(..) => self.new_bound(site, now, place),
                Past::Said(said) => ask_calendar(site, derivation.point, &self.orders, said, now),
                Past::None | Past::Clocked(_) | Past::Ordinary(_) | Past::State(_) => {
                    let derived = derivation.work_out(site, now, points, &self.orders);
                    derivation.keep(site, now, &mut self.memories);
                    derived
                }
            };
            if derived.is_some() {
                return derived;
            }
        }
        None
    }

    /// From which load on a line runs, if that is new.
    fn new_bound(&mut self, site: &Site, now: Now, place: u32) -> Option<Derived> {
        let known = self.aspect(site, now, place)?;
        let Past::OfState(_, told) = &mut self.list[place as usize].past else { return None };
        (told.replace(known.sample) != Some(known.sample)).then_some(known)
    }

    /// What a point says that rests on what another one has learnt.
    fn aspect(&self, site: &Site, now: Now, place: u32) -> Option<Derived> {
        let Derivation { point, past, .. } = &self.list[place as usize];
        let (Past::OfOrdinary(base) | Past::OfState(base, _)) = past else { return None };
        let (at, sample) = match (&self.list[*base as usize].past, &site.point(*point).source) {
            (Past::Ordinary(feeder), Source::Derived(Formula::OfBaseline { aspect, .. })) => {
                feeder.aspect(*aspect)
            }
            (Past::State(watch), _) => (now.wall, watch.running_from()),
            _ => return None,
        };
        let is_excused = !matches!(sample, Sample::Good(_));
        Some(Derived { point: *point, at, sample, is_excused, change: None })
    }
}

/// The place of a derived point among those.
fn place_of(list: &[Derivation], point: PointId) -> Option<u32> {
    list.iter().rposition(|other| other.point == point).map(|place| place as u32)
}

/// What keys of what a derived point remembers begin with; the point's name follows.
const POINT: &str = "point.";

impl Derivations {
    /// Has all that is remembered put out anew: it bears the time of the wall clock, which has stepped.
    pub(super) fn keep_anew(&mut self) {
        for derivation in &mut self.list {
            if let Past::Clocked(clockwork) = &mut derivation.past {
                clockwork.keep_anew();
            }
        }
    }

    /// Takes up what a derived point remembered, if the memory is one of such and the point is still worked out in the same way.
    pub(super) fn recall(&mut self, site: &Site, memory: &Memory, now: Now) -> bool {
        let Some(key) = memory.key.strip_prefix(POINT) else { return false };
        let (name, part) = key.split_once('/').unwrap_or((key, ""));
        let name_of = |place: &u32| site.point(self.list[*place as usize].point).name.as_str();
        let Ok(found) = self.by_name.binary_search_by(|place| name_of(place).cmp(name)) else { return false };
        let derivation = &mut self.list[self.by_name[found] as usize];
        let body = memory.body.as_deref().and_then(|body| body.strip_prefix(&derivation.way(site)));
        match (&mut derivation.past, body) {
            (Past::Clocked(clockwork), Some(body)) => clockwork.recall(body, now).is_some(),
            (Past::State(watch), Some(body)) => watch.recall(part, body).is_some(),
            (Past::Ordinary(feeder), Some(body)) => feeder.recall(part, body).is_some(),
            _ => false,
        }
    }
}

impl Derivation {
    fn keep(&mut self, site: &Site, now: Now, memories: &mut Vec<Memory>) {
        let whole = |body| (String::new(), body);
        let parts = match &mut self.past {
            Past::Clocked(clockwork) => clockwork.keep(now).into_iter().map(whole).collect(),
            Past::State(watch) => watch.keep(now),
            Past::Ordinary(feeder) => feeder.keep(),
            _ => return,
        };
        for (part, body) in parts {
            let name = &site.point(self.point).name;
            let key =
                if part.is_empty() { format!("{POINT}{name}") } else { format!("{POINT}{name}/{part}") };
            memories.push(Memory { key, body: Some(self.way(site) + &body) });
        }
    }

    /// How it is worked out, for people and for comparison: what was counted of another point, or for other stretches, is of no use.
    fn way(&self, site: &Site) -> String {
        match &site.point(self.point).source {
            Source::Derived(Formula::Clocked(clocked)) => {
                let Clocked { of, period, figure, gauge, which: _ } = *clocked;
                format!("{figure:?} of {} {gauge:?} {period:?}\n", site.point(of).name)
            }
            Source::Derived(Formula::Production(production)) => {
                format!("state of {}\n", site.point(production.of).name)
            }
            Source::Derived(Formula::Baseline(baseline)) => {
                format!("baseline of {}\n", site.point(baseline.of).name)
            }
            _ => String::new(),
        }
    }

    /// `before` are those that it may rest on.
    fn new(site: &Site, point: PointId, before: &[Self]) -> Option<Self> {
        let Source::Derived(formula) = &site.point(point).source else { return None };
        let past = match formula {
            Formula::Window(window) => Past::Recent(Running::new(*window)),
            Formula::Clocked(clocked) => Past::Clocked(Box::new(Clockwork::new(*clocked))),
            Formula::Baseline(baseline) => Past::Ordinary(Box::new(Feeder::new(*baseline))),
            Formula::OfBaseline { of, .. } => Past::OfOrdinary(place_of(before, *of)?),
            Formula::RunningFrom(of) => Past::OfState(place_of(before, *of)?, None),
            Formula::Production(production) => Past::State(Box::new(ProductionWatch::new(*production))),
            Formula::Calendar(_) => Past::Said(None),
            Formula::Number(_) | Formula::Condition(_) | Formula::Joint(_) => Past::None,
        };
        Some(Self { point, rests_on: formula.points().into(), past, is_asked: false })
    }

    /// When the latest of what it rests on was taken, and why some of that is bad, or in doubt. None as long as one has never spoken.
    fn trust(&self, points: &Points) -> Option<(Wall, Option<Reason>, Option<Reason>)> {
        let (mut at, mut bad, mut doubt) = (Wall(i64::MIN), None, None);
        for &point in &self.rests_on {
            let latest = points.slot(point).latest()?;
            at = at.max(latest.at);
            match latest.sample {
                Sample::Good(_) => {}
                Sample::Uncertain(_, reason) => doubt = doubt.or(Some(reason)),
                Sample::Bad(reason) => bad = bad.or(Some(reason)),
            }
        }
        Some((at, bad, doubt))
    }

    /// None as long as a point that it rests on has never spoken, or if there is nothing to tell.
    fn work_out(
        &mut self,
        site: &Site,
        now: Now,
        points: &Points,
        orders: &[Option<HazardId>],
    ) -> Option<Derived> {
        let is_asked = std::mem::take(&mut self.is_asked);
        let mut change = None;
        let (mut at, bad, doubt) = self.trust(points)?;
        let Source::Derived(formula) = &site.point(self.point).source else { return None };
        let sample = match (formula, &mut self.past) {
            (Formula::Clocked(clocked), Past::Clocked(clockwork)) => {
                let zone = &site.identity.zone;
                if is_asked {
                    clockwork.take(now, at, points.sample(clocked.of)?, zone);
                } else {
                    clockwork.lapse(now, zone);
                    at = now.wall;
                }
                let (of, sample) = clockwork.tell(now, at)?;
                at = of;
                sample
            }
            (Formula::Baseline(baseline), Past::Ordinary(feeder)) => {
                let is_stopped = || is_stopped(site, site.point(self.point).hazard, orders, now);
                let said = if is_asked { Some(points.sample(baseline.of)?) } else { None };
                at = if is_asked { at } else { now.wall };
                if !feeder.take(now, (at, said), site, is_stopped) {
                    return None;
                }
                let (of, sample) = feeder.aspect(Aspect::Median);
                at = of;
                sample
            }
            (Formula::Production(production), Past::State(watch)) => {
                if is_asked {
                    watch.take(now, at, points.sample(production.of)?);
                } else {
                    at = now.wall;
                }
                change = watch.settle(now);
                watch.sample()
            }
            (Formula::Joint(joint), _) => {
                let (of, sample) = joint::work_out(joint, points)?;
                at = of;
                sample
            }
            (Formula::Number(number), _) => {
                let known = evaluate::number(number, points).map(|(value, sure)| (Value::Float(value), sure));
                trusted(known, bad, doubt)
            }
            (Formula::Condition(condition), _) => {
                let known = evaluate::known(condition, points).map(|(yes, sure)| (Value::Bool(yes), sure));
                trusted(known, bad, doubt)
            }
            // Each is made with the past that it needs; the calendar, the recent past and what rests on a baseline are asked elsewhere.
            _ => return None,
        };
        let is_excused = bad.is_some() || doubt.is_some() || is_young(sample);
        Some(Derived { point: self.point, at, sample, is_excused, change })
    }
}

/// What a function of a point's recent past has come to. By itself and not by way of the site's formulas, because there may be one for every
/// point, with every reading.
fn look_back(point: PointId, running: &mut Running, now: Now, points: &Points) -> Option<Derived> {
    let PointState { at, sample: of } = points.slot(running.of()).latest()?;
    let sample = running.take(now.mono, of);
    let is_excused = !matches!(of, Sample::Good(_)) || is_young(sample);
    Some(Derived { point, at, sample, is_excused, change: None })
}

/// Whether there is no number, or a doubtful one, because too little has been seen as yet.
fn is_young(sample: Sample) -> bool {
    matches!(sample, Sample::Bad(Reason::NoData) | Sample::Uncertain(_, Reason::NoData))
}

impl Engine {
    /// The event of a line whose production has gone over to another state.
    fn state_changed(&self, now: Now, point: PointId, change: Change) -> Transition {
        let (spec, at) = (self.site.point(point), self.stamp(now));
        let label = |state: usize| spec.label(Value::Int(state as i64)).cloned().unwrap_or_default();
        let (from, to) = (change.from.map(label), label(change.to));
        let message = match from {
            Some(from) => Text::new(
                format!("{}：{} → {}", spec.title.zh, from.zh, to.zh),
                format!("{}: {} → {}", spec.title.en, from.en, to.en),
            ),
            None => {
                Text::new(format!("{}：{}", spec.title.zh, to.zh), format!("{}: {}", spec.title.en, to.en))
            }
        };
        Transition {
            point: Some(spec.name.clone()),
            device: Some(self.site.device(spec.device).name.clone()),
            hazard: spec.hazard.map(|hazard| self.site.hazard(hazard).name.clone()),
            value: Some(Value::Int(change.to as i64)),
            ..Transition::new(at, EventKind::StateChanged, spec.name.clone(), message)
        }
    }

    /// Works out the derived points of which something has spoken. Like a condition, none is worked out between one point of a batch and the next.
    pub(super) fn derive(&mut self, now: Now, out: &mut Output) {
        let mut readings = Vec::new();
        while let Some(derived) = self.derivations.next(&self.site, now, &self.points) {
            let Derived { point, at, sample, is_excused, change } = derived;
            out.transitions.extend(change.map(|change| self.state_changed(now, point, change)));
            let mut reading = Reading { point, at, sample };
            let slot = self.points.slot_mut(point);
            let matters = slot.take(now.mono, &mut reading);
            if is_excused {
                slot.excuse();
            }
            if matters {
                self.examine(now, point);
            }
            self.note(point);
            if readings.is_empty() {
                readings.reserve_exact(1 + self.derivations.due());
            }
            readings.push(reading);
        }
        out.memories.append(&mut self.derivations.memories);
        if let Some(first) = readings.first() {
            let device = self.device_of(first);
            out.batches.push(Batch { device, at: now.wall, readings });
        }
    }
}

/// Whether a hazard, or without one the whole site, is to stand still.
fn is_stopped(site: &Site, hazard: Option<HazardId>, orders: &[Option<HazardId>], now: Now) -> bool {
    let is_ordered = |order: &Option<HazardId>| order.is_none() || *order == hazard;
    orders.iter().any(is_ordered) || site.calendar.is_stopped(hazard, now.wall)
}

/// What the calendar and the orders say, if it is new.
fn ask_calendar(
    site: &Site,
    point: PointId,
    orders: &[Option<HazardId>],
    said: &mut Option<bool>,
    now: Now,
) -> Option<Derived> {
    let Source::Derived(Formula::Calendar(question)) = &site.point(point).source else { return None };
    let local = now.wall.local(&site.identity.zone);
    let yes = match *question {
        Question::WorkingHours => site.calendar.is_working(local),
        Question::RestDay => site.calendar.is_rest_day(local.date()),
        Question::Stop(hazard) => is_stopped(site, hazard, orders, now),
        Question::Work(hazard) => site.calendar.is_declared_work(hazard, local),
    };
    let sample = Sample::Good(Value::Bool(yes));
    let is_new = said.replace(yes) != Some(yes);
    is_new.then_some(Derived { point, at: now.wall, sample, is_excused: false, change: None })
}

/// A value that is known, with the doubt of what it rests on. One that is not known is bad for the same reason as what it rests on; if that is
/// all there, there is no such number: something by zero.
fn trusted(known: Option<(Value, bool)>, bad: Option<Reason>, doubt: Option<Reason>) -> Sample {
    match known {
        Some((value, true)) => Sample::Good(value),
        Some((value, false)) => Sample::Uncertain(value, doubt.or(bad).unwrap_or(Reason::Range)),
        None => Sample::Bad(bad.unwrap_or(Reason::Range)),
    }
}
