//! Random plants and what happens to them, for the properties. Small numbers of everything, so that limits, delays,
//! doubts and losses meet often.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::site::{Binding, Condition, ConditionRule, Formula, Function, Number, Relation, Rule, Window};

/// Devices of every random plant, each with two points.
pub(super) const DEVICES: usize = 2;
pub(super) const POINTS: usize = 2 * DEVICES;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Device, and a sample for each of its points that speaks.
    Read(usize, [Option<Sample>; 2]),
    Link(usize, LinkState),
    Store(bool),
    /// Number of the alarm.
    Acknowledge(usize),
}

/// A plant and what happens there, each thing some milliseconds after the one before.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) site: Site,
    pub(super) events: Vec<(u64, Event)>,
}

/// The input that an event is.
pub(super) fn input(site: &Site, now: Now, event: &Event) -> Input {
    match *event {
        Event::Read(device, samples) => {
            let points = &site.devices[device].points;
            let said = points.iter().zip(samples).filter_map(|(point, sample)| Some((*point, sample?)));
            let readings = said.map(|(point, sample)| Reading { point, at: now.wall, sample }).collect();
            Input::Readings(Batch { device: DeviceId::new(device), at: now.wall, readings })
        }
        Event::Link(device, state) => {
            let error = (state != LinkState::Up).then(|| Text::same("no answer"));
            Input::Link(LinkReport {
                device: DeviceId::new(device),
                state,
                error,
                counters: LinkCounters::default(),
            })
        }
        Event::Store(works) => {
            let error = (!works).then(|| Text::same("disk full"));
            Input::Health(HealthReport { source: HealthSource::Store, error })
        }
        Event::Acknowledge(alarm) => {
            let alarm = site.rules[alarm % site.rules.len()].name.clone();
            let action = Action::Acknowledge { alarm, raised_at: None };
            Input::Command(Command { action, by: "li".into(), reason: None })
        }
    }
}

pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    (plant(), vec((time(), event()), 0..60)).prop_map(|(plant, events)| Scenario { site: plant.site, events })
}

/// The same with points that are worked out from others and from the past, and with a condition.
pub(super) fn derived() -> impl Strategy<Value = Scenario> {
    (plant(), limits(), limits(), vec((time(), event()), 0..60)).prop_map(
        |(mut plant, sum, window, events)| {
            derive(&mut plant, sum, window);
            Scenario { site: plant.site, events }
        },
    )
}

/// The same again, where rules of each kind are active only while a point says so.
pub(super) fn bound() -> impl Strategy<Value = Scenario> {
    (derived(), 0..POINTS).prop_map(|(mut scenario, by)| {
        let only_when = Some(compare(PointId::new(by), Relation::More, 40.0));
        let binding = Binding { only_when, only_during: None, not_during: None };
        let process = |rule: &&mut Rule| matches!(rule.kind, RuleKind::Limits(_) | RuleKind::Condition(_));
        for rule in scenario.site.rules.iter_mut().filter(process).step_by(2) {
            rule.binding = Some(Box::new(binding.clone()));
        }
        scenario
    })
}

fn compare(point: PointId, relation: Relation, value: f64) -> Condition {
    Condition::Compare(Box::new(Number::Point(point)), relation, Box::new(Number::Constant(value)))
}

/// A mean of two devices, a maximum of three seconds of one point, and a condition over both and a point.
fn derive(plant: &mut Plant, sum: Shape, window: Shape) {
    let [a, b] = [0, 2].map(|point| Number::Point(PointId::new(point)));
    let sum_of_both = Number::Sum(Box::new([a, b]));
    let both = Number::Product(Box::new([sum_of_both, Number::Constant(0.5)]));
    let mean = plant.derived("mean", Formula::Number(both));
    let past = Window { of: PointId::new(1), over: Duration::from_secs(3), function: Function::Greatest };
    let most = plant.derived("most", Formula::Window(past));
    for (name, point, Shape { bounds, deadband, on, off }) in [("mean", mean, sum), ("most", most, window)] {
        plant.signal(&format!("derived.{name}.signal"), point, 1.5);
        let [ll, l, h, hh] = bounds;
        let limits = Limits { ll, l, h, hh, ..no_limits(point, deadband) };
        plant.rule(&format!("derived.{name}"), RuleKind::Limits(limits), on, off);
    }
    let last = PointId::new(POINTS - 1);
    let when = Condition::All(vec![compare(mean, Relation::More, 50.0), compare(last, Relation::Less, 30.0)]);
    let condition = ConditionRule { stays: when.clone(), when, points: vec![last, mean], level: Level::Red };
    plant.rule("linkage", RuleKind::Condition(condition), 0.5, 2.0);
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), (1_u64..40).prop_map(|n| n * 100), Just(15_000)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0..DEVICES, sample(), sample()).prop_map(|(device, a, b)| Event::Read(device, [a, b])),
        2 => (0..DEVICES, link()).prop_map(|(device, state)| Event::Link(device, state)),
        1 => any::<bool>().prop_map(Event::Store),
        2 => (0..16_usize).prop_map(Event::Acknowledge),
    ]
}

fn link() -> impl Strategy<Value = LinkState> {
    prop_oneof![Just(LinkState::Up), Just(LinkState::Up), Just(LinkState::Degraded), Just(LinkState::Down)]
}

/// Values at 5, 15, … 105; the last is outside the points' range.
fn sample() -> impl Strategy<Value = Option<Sample>> {
    let value = || (0..11_u8).prop_map(|n| f64::from(n) * 10.0 + 5.0);
    prop_oneof![
        6 => value().prop_map(|v| Some(good(v))),
        2 => value().prop_map(|v| Some(uncertain(v))),
        1 => Just(Some(BAD)),
        1 => Just(Some(good(f64::NAN))),
        1 => Just(None),
    ]
}

fn plant() -> impl Strategy<Value = Plant> {
    vec(limits(), POINTS..=POINTS).prop_map(|limits| {
        let mut plant = Plant::new();
        let hazard = plant.hazard("tank");
        plant.health("store", HealthSource::Store);
        let mut limits = limits.into_iter();
        for d in 0..DEVICES {
            let device = plant.device(&format!("d{d}"), Text::same("device"), (d == 0).then_some(hazard));
            plant.lost(&format!("d{d}.lost"), device, 2.0);
            plant.degraded(&format!("d{d}.degraded"), device, 1.0, 3.0);
            for (signal, Shape { bounds, deadband, on, off }) in ["a", "b"].into_iter().zip(&mut limits) {
                let point = plant.point(device, signal, Text::same(signal));
                plant.signal(&format!("d{d}.{signal}.signal"), point, 1.5);
                let [ll, l, h, hh] = bounds;
                let limits = Limits { ll, l, h, hh, ..no_limits(point, deadband) };
                plant.rule(&format!("d{d}.{signal}"), RuleKind::Limits(limits), on, off);
            }
        }
        plant
    })
}

/// A random limit rule.
#[derive(Debug, Clone)]
struct Shape {
    /// LL, L, H, HH.
    bounds: [Option<crate::site::Limit>; 4],
    deadband: f64,
    on: f64,
    off: f64,
}

/// Limits at multiples of 20 from 20 on, a random half of them absent.
fn limits() -> impl Strategy<Value = Shape> {
    let bound = || prop::option::of(prop_oneof![Just(Level::Red), Just(Level::Orange), Just(Level::Yellow)]);
    let delay = || prop_oneof![Just(0.0), Just(0.5), Just(2.0), Just(5.0)];
    let deadband = prop_oneof![Just(0.0), Just(4.0), Just(8.0)];
    ([bound(), bound(), bound(), bound()], deadband, delay(), delay()).prop_map(
        |(levels, deadband, on, off)| {
            let mut bounds = [20.0, 40.0, 60.0, 80.0].into_iter();
            let bounds = levels.map(|level| {
                let value = bounds.next()?;
                limit(value, level?)
            });
            Shape { bounds, deadband, on, off }
        },
    )
}
