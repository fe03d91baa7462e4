//! The power tree over meters that are read at different moments: shares and balances by quarters of an hour, figures of days, and what is told of a tree that is out of
//! order. Every run begins on a Saturday at 20:00.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::site::FeederFigure;

const HEAD: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant"
[clock]
sync = "ignored"
[calendar]
shifts = ["08:00", "20:00"]
[[hazard]]
id = "line1"
kind = "power"
name = { zh = "1 号线", en = "line 1" }
[[feeder]]
id = "incomer"
name = { zh = "总进线", en = "incomer" }
meter = "m0"
[[feeder]]
id = "line"
name = { zh = "生产线", en = "line" }
parent = "incomer"
role = "production"
hazard = "line1"
meter = "m1"
running = 20
[[feeder]]
id = "fan"
name = { zh = "除尘风机", en = "dust fan" }
parent = "incomer"
role = "dust_removal"
hazard = "line1"
meter = "m2"
running = 5
[[pack]]
use = "power_tree"
feeders = ["*"]
"#;

/// The incomer's power, the line's, and the fan's.
const METERS: [PointId; 3] = [PointId::new(0), PointId::new(1), PointId::new(2)];

fn run() -> Run {
    let meter = |n| {
        format!(
            "[[device]]\nid = \"m{n}\"\nprotocol = \"mqtt\"\nurl = \"mqtt://127.0.0.1:1883\"\ntopic = \"m{n}\"\nsilence = \"24h\"\n\
             [[point]]\ndevice = \"m{n}\"\nsignal = \"power\"\nname = \"P{n}\"\npointer = \"/p\"\nmax_age = \"24h\"\nunit = \"kW\"\n"
        )
    };
    let text: String = [HEAD.to_owned()].into_iter().chain((0..3).map(meter)).collect();
    let site =
        crate::site::parse("site", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut run = Run::start(site);
    (0..3).for_each(|device| run.link(DeviceId::new(device), LinkState::Up));
    run
}

fn point(run: &Run, feeder: &str, figure: FeederFigure) -> PointId {
    let feeder = run.site.feeders.iter().find(|one| one.name == feeder).expect("a feeder");
    feeder.point(figure).unwrap_or_else(|| panic!("{figure:?}"))
}

/// What a point has told, by the moment that it bears.
fn told(run: &Run, point: PointId) -> Vec<(Wall, Sample)> {
    let readings = run.out.batches.iter().flat_map(|batch| &batch.readings);
    readings.filter(|reading| reading.point == point).map(|reading| (reading.at, reading.sample)).collect()
}

/// Has the meters say this for so many minutes, one after the other.
fn go(run: &mut Run, minutes: u32, powers: [f64; 3]) -> Vec<(EventKind, String, Level)> {
    for _ in 0..minutes * 2 {
        for (meter, power) in METERS.into_iter().zip(powers) {
            run.read(meter, good(power));
            run.wait(1.5);
        }
        run.wait(25.5);
    }
    run.events()
}

#[test]
fn shares_and_balance_are_of_one_quarter_of_an_hour_though_meters_are_read_at_different_moments() {
    let mut run = run();
    go(&mut run, 16, [100.0, 60.0, 30.0]);
    for (feeder, figure, expected) in [
        ("line", FeederFigure::Share, 60.0),
        ("fan", FeederFigure::Share, 30.0),
        ("incomer", FeederFigure::BalanceError, 10.0),
        ("incomer", FeederFigure::BalanceErrorPercent, 10.0),
    ] {
        let point = point(&run, feeder, figure);
        let [(of, Sample::Good(Value::Float(value)))] = told(&run, point)[..] else {
            panic!("{figure:?}: {:?}", told(&run, point))
        };
        assert!((value - expected).abs() < 0.1, "{figure:?} of {feeder}: {value}");
        assert_eq!(of, Wall(EPOCH + 900_000 - 1), "{figure:?}");
    }
}

#[test]
fn p2_while_a_meter_is_lost_there_is_no_balance_and_its_alarm_neither_comes_nor_goes() {
    let mut run = run();
    let raised = go(&mut run, 60, [100.0, 50.0, 30.0]);
    assert!(
        raised.contains(&(EventKind::Raised, "incomer.unmetered".to_owned(), Level::Yellow)),
        "{raised:?}"
    );
    let balance = point(&run, "incomer", FeederFigure::BalanceError);
    let before = told(&run, balance).len();
    run.link(DeviceId::new(1), LinkState::Down);
    for _ in 0..180 {
        run.read(METERS[0], good(100.0));
        run.read(METERS[2], good(30.0));
        run.wait(30.0);
    }
    let since = told(&run, balance).split_off(before);
    assert!(since.len() >= 4, "{since:?}");
    assert!(
        since[1..].iter().all(|(_, sample)| matches!(sample, Sample::Bad(_))),
        "no number is invented: {since:?}"
    );
    assert!(run.events().iter().all(|(_, alarm, _)| alarm != "incomer.unmetered"));
    run.link(DeviceId::new(1), LinkState::Up);
    let after = go(&mut run, 60, [100.0, 68.0, 30.0]);
    assert!(
        after.iter().any(|(event, alarm, _)| *event == EventKind::Cleared && alarm == "incomer.unmetered")
    );
}

#[test]
fn meters_that_say_more_than_the_incomer_are_told_as_a_fault_of_a_meter() {
    let mut run = run();
    let raised = go(&mut run, 60, [100.0, 90.0, 30.0]);
    let of_balance: Vec<_> = raised.iter().filter(|(_, alarm, _)| alarm.starts_with("incomer.")).collect();
    assert_eq!(of_balance, [&(EventKind::Raised, "incomer.overcounted".to_owned(), Level::Yellow)]);
}

#[test]
fn p1_production_without_its_dust_removal_is_told_by_the_tree_and_idle_dust_removal_too() {
    let mut run = run();
    let of_fan = |all: Vec<(EventKind, String, Level)>| -> Vec<_> {
        all.into_iter().filter(|(_, alarm, _)| alarm.starts_with("fan.protection")).collect()
    };
    let missing = |event| (event, "fan.protection_missing".to_owned(), Level::Red);
    let idle = |event| (event, "fan.protection_idle".to_owned(), Level::Blue);
    assert_eq!(of_fan(go(&mut run, 10, [60.0, 50.0, 8.0])), []);
    assert_eq!(of_fan(go(&mut run, 5, [52.0, 50.0, 0.1])), [missing(EventKind::Raised)]);
    assert_eq!(of_fan(go(&mut run, 5, [60.0, 50.0, 8.0])), [missing(EventKind::Cleared)]);
    assert_eq!(of_fan(go(&mut run, 50, [9.0, 0.5, 8.0])), [], "not for an hour yet");
    assert_eq!(of_fan(go(&mut run, 20, [9.0, 0.5, 8.0])), [idle(EventKind::Raised)]);
    assert_eq!(of_fan(go(&mut run, 10, [1.0, 0.5, 0.1])), [idle(EventKind::Cleared)]);
}

#[test]
fn the_figures_of_a_day_are_told_when_it_is_over() {
    let mut run = run();
    // From Saturday 20:00 to Monday 00:30; Sunday is the first whole day.
    go(&mut run, 240, [100.0, 60.0, 30.0]);
    go(&mut run, 480, [100.0, 60.0, 30.0]);
    go(&mut run, 480, [400.0, 360.0, 30.0]);
    go(&mut run, 510, [100.0, 60.0, 30.0]);
    let end_of_sunday = Wall(EPOCH + 28 * 3_600_000 - 1);
    for (figure, expected) in [
        (FeederFigure::EnergyDay, 4800.0),
        (FeederFigure::DemandMaxDay, 400.0),
        (FeederFigure::DemandMinDay, 100.0),
        (FeederFigure::DemandMeanDay, 200.0),
        (FeederFigure::LoadFactorDay, 50.0),
        (FeederFigure::PeakValleyDay, 4.0),
    ] {
        let all = told(&run, point(&run, "incomer", figure));
        let (of, sample) = *all.last().expect("it is told");
        let Sample::Good(Value::Float(value)) = sample else { panic!("{figure:?}: {all:?}") };
        assert!((value - expected).abs() < expected * 0.005, "{figure:?}: {value}");
        assert_eq!(of, end_of_sunday, "{figure:?}");
    }
    let hours = told(&run, point(&run, "line", FeederFigure::RunningHoursDay));
    let (_, Sample::Good(Value::Float(hours))) = *hours.last().expect("it is told") else {
        panic!("{hours:?}")
    };
    assert!((hours - 24.0).abs() < 0.1, "{hours}");
}

#[test]
fn the_figures_of_hours_shifts_and_months_are_told_when_they_are_over() {
    let mut run = run();
    // From Saturday, 21 November, 20:00 into January; December is the first whole month.
    for _ in 0..41 * 24 * 6 {
        for (meter, power) in METERS.into_iter().zip([120.0, 60.0, 30.0]) {
            run.read(meter, good(power));
        }
        run.wait(600.0);
    }
    let hour = 3_600_000;
    let (start, year) = (EPOCH, EPOCH + (4 + 9 * 24 + 31 * 24) * hour);
    for (feeder, figure, ends, expected) in [
        ("incomer", FeederFigure::EnergyHour, start + 2 * hour, 120.0),
        ("incomer", FeederFigure::EnergyShift, start + 12 * hour, 1440.0),
        ("line", FeederFigure::RunningHoursShift, start + 24 * hour, 12.0),
        ("incomer", FeederFigure::EnergyMonth, year, 120.0 * 744.0),
        ("line", FeederFigure::EnergyMonth, year, 60.0 * 744.0),
        ("incomer", FeederFigure::DemandMaxMonth, year, 120.0),
        ("incomer", FeederFigure::LoadFactorMonth, year, 100.0),
        ("incomer", FeederFigure::PeakValleyMonth, year, 1.0),
    ] {
        let all: BTreeMap<Wall, Sample> = told(&run, point(&run, feeder, figure)).into_iter().collect();
        let Some(Sample::Good(Value::Float(value))) = all.get(&Wall(ends - 1)) else {
            panic!("{feeder} {figure:?}: {:?}", all.get(&Wall(ends - 1)))
        };
        assert!((value - expected).abs() < expected * 0.005, "{feeder} {figure:?}: {value}");
    }
    let november = told(&run, point(&run, "incomer", FeederFigure::LoadFactorMonth));
    let of_november = |(of, _): &&(Wall, Sample)| *of < Wall(year - 744 * hour);
    let is_number = |(_, sample): &(Wall, Sample)| matches!(sample, Sample::Good(_));
    assert!(!november.iter().filter(of_november).any(is_number), "a third of a month is no month");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whichever meter is read when, and whether it can be read: of each quarter of an hour a balance is told once at most, by what the demands of that very quarter
    /// are, and not at all as a number if one of them is not known.
    #[test]
    fn p2_a_balance_is_the_difference_of_demands_of_the_same_quarter_or_no_number(
        steps in prop::collection::vec((1_u32..90, 0_usize..3, prop::option::weighted(0.95, 0_u32..100)), 200..600),
    ) {
        let mut run = run();
        for (seconds, meter, power) in steps {
            run.wait(f64::from(seconds));
            run.read(METERS[meter], power.map_or(BAD, |power| good(f64::from(power))));
        }
        let demands = ["incomer", "line", "fan"].map(|feeder| {
            let told = told(&run, point(&run, feeder, FeederFigure::Demand));
            told.into_iter().collect::<BTreeMap<Wall, Sample>>()
        });
        let balances = told(&run, point(&run, "incomer", FeederFigure::BalanceError));
        prop_assert!(balances.windows(2).all(|pair| pair[0].0 < pair[1].0), "told twice, or out of order");
        for (of, balance) in &balances {
            let of_quarter: Vec<Sample> = demands.iter().filter_map(|demand| demand.get(of).copied()).collect();
            prop_assert_eq!(of_quarter.len(), 3);
            let values: Option<Vec<f64>> = of_quarter.iter().map(|sample| Some(sample.value()?.as_f64())).collect();
            match (values, balance.value()) {
                (Some(values), Some(value)) => {
                    prop_assert!((value.as_f64() - (values[0] - values[1] - values[2])).abs() < 1e-9);
                }
                (None, None) => {}
                other => prop_assert!(false, "{:?} of {:?}", other, of_quarter),
            }
        }
        let quarters = demands[0].keys().filter(|of| demands[1].contains_key(of) && demands[2].contains_key(of));
        let quarters = quarters.filter(|of| (of.0 + 1) % 900_000 == 0).count();
        prop_assert_eq!(balances.iter().filter(|(of, _)| (of.0 + 1) % 900_000 == 0).count(), quarters);
    }
}
