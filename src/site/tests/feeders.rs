//! The power tree: what becomes of it, and of packs that are applied to it.

use super::files::load_files;
use crate::model::FeederId;
use crate::site::{Feeder, FeederFigure, FeederRole, Formula, JointFigure, RuleKind, Site, Source};

const HEAD: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant"
[[hazard]]
id = "line1"
kind = "power"
name = { zh = "1 号线", en = "line 1" }
[calendar]
shifts = ["08:00", "20:00"]
"#;

/// Feeders in no order: the incomer last, what is fed before what feeds it.
const TREE: &str = r#"
[[feeder]]
id = "fan1"
name = { zh = "除尘风机", en = "dust fan" }
parent = "line1"
role = "dust_removal"
power = "meter1.fan_power"
running = 5
[[feeder]]
id = "office"
name = "office"
parent = "incomer"
role = "office"
meter = "meter2"
[[feeder]]
id = "line1"
name = { zh = "1 号线", en = "line 1" }
parent = "incomer"
role = "production"
hazard = "line1"
meter = "meter1"
running = 20
rated_power = 200
[[feeder]]
id = "incomer"
name = { zh = "总进线", en = "incomer" }
meter = "meter0"
rated_current = 1000
"#;

pub(super) fn device(id: &str, points: &[(&str, &str, &str)]) -> String {
    let point = |(signal, unit, role): &(&str, &str, &str)| {
        let role = if role.is_empty() { String::new() } else { format!("role = \"{role}\"\n") };
        format!(
            "[[point]]\ndevice = \"{id}\"\nsignal = \"{signal}\"\nname = \"{signal}\"\nunit = \"{unit}\"\nregister = \"holding:0\"\n{role}"
        )
    };
    let points: String = points.iter().map(point).collect();
    format!("[[device]]\nid = \"{id}\"\naddress = \"{id}:502\"\n{points}")
}

fn meters() -> String {
    let phases = [("ia", "A", "current_a"), ("ib", "A", "current_b"), ("ic", "A", "current_c")];
    let voltages = [("ua", "V", "voltage_a"), ("ub", "V", "voltage_b"), ("uc", "V", "voltage_c")];
    let incomer = [&[("p", "kW", "power"), ("w", "kWh", "energy")][..], &phases, &voltages].concat();
    [
        device("meter0", &incomer),
        device("meter1", &[("power", "kW", ""), ("fan_power", "kW", ""), ("leak", "mA", "residual_current")]),
        device("meter2", &[("w", "kWh", "energy")]),
    ]
    .concat()
}

fn site(rest: &str) -> Site {
    let text = [HEAD, &meters(), TREE, rest].concat();
    load_files(&[("site.toml", &text)], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn feeder<'s>(site: &'s Site, name: &str) -> &'s Feeder {
    site.feeders.iter().find(|feeder| feeder.name == name).expect("a feeder")
}

/// The figures of a feeder.
fn figures(site: &Site, name: &str) -> Vec<&'static str> {
    feeder(site, name).figures.keys().map(|figure| figure.name()).collect()
}

#[test]
fn a_tree_stands_with_each_feeder_behind_what_it_is_fed_from() {
    let site = site("");
    let names: Vec<&str> = site.feeders.iter().map(|feeder| &*feeder.name).collect();
    assert_eq!(names, ["incomer", "office", "line1", "fan1"], "siblings in the order of the file");
    let parents: Vec<Option<usize>> =
        site.feeders.iter().map(|feeder| feeder.parent.map(FeederId::index)).collect();
    assert_eq!(parents, [None, Some(0), Some(0), Some(2)]);
    let fan = feeder(&site, "fan1");
    assert_eq!(fan.hazard, feeder(&site, "line1").hazard, "its points have none: it is its parent's");
    assert!(fan.hazard.is_some() && feeder(&site, "incomer").hazard.is_none());
    assert_eq!(fan.serves, [FeederId::new(2)]);
    assert_eq!(fan.role, Some(FeederRole::DustRemoval));
}

#[test]
fn where_a_feeder_runs_may_be_learnt_from_its_load() {
    let text = [HEAD, &meters(), &TREE.replace("running = 20", "running = \"learned\"")].concat();
    let site = load_files(&[("site.toml", &text)], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let (line, fan) = (feeder(&site, "line1"), feeder(&site, "fan1"));
    assert_eq!((line.running, fan.running), (None, Some(5.0)));
    let learnt_after = |feeder: &Feeder| {
        let state = feeder.point(FeederFigure::State).expect("a state");
        match &site.point(state).source {
            Source::Derived(Formula::Production(production)) => production.learnt_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((learnt_after(line), learnt_after(fan)), (Some(7), None));
    assert!(line.point(FeederFigure::RunningHoursDay).is_some());
}

#[test]
fn a_meter_gives_a_feeder_its_points_by_their_roles_and_else_by_their_signals() {
    let site = site("");
    let named = |name: &str| -> Vec<(&str, &str)> {
        feeder(&site, name)
            .named()
            .into_iter()
            .map(|(role, point)| (role, &*site.point(point).name))
            .collect()
    };
    assert_eq!(named("incomer").len(), 8);
    assert_eq!(named("incomer")[0], ("power", "meter0.p"));
    assert_eq!(named("line1"), [("power", "meter1.power")]);
    assert_eq!(named("fan1"), [("power", "meter1.fan_power")]);
    assert_eq!(named("office"), [("energy", "meter2.w")]);
}

#[test]
fn each_feeder_has_the_figures_that_it_has_the_points_for() {
    let site = site("");
    let common = [
        "demand",
        "energy_today",
        "energy_hour",
        "energy_shift",
        "energy_day",
        "energy_month",
        "demand_max_day",
        "demand_min_day",
        "demand_mean_day",
        "load_factor_day",
        "peak_valley_day",
        "demand_max_month",
        "demand_min_month",
        "demand_mean_month",
        "load_factor_month",
        "peak_valley_month",
        "baseline",
        "baseline_low",
        "baseline_high",
        "deviation",
    ];
    for (name, more) in [
        (
            "incomer",
            &["balance_error", "balance_error_percent", "load", "current_unbalance", "voltage_unbalance"][..],
        ),
        ("office", &["share"]),
        (
            "line1",
            &[
                "share",
                "balance_error",
                "balance_error_percent",
                "load",
                "state",
                "runs",
                "running_hours_day",
                "running_hours_shift",
                "declared_stop",
                "rest_day",
            ],
        ),
        (
            "fan1",
            &[
                "share",
                "share_of_parent",
                "state",
                "runs",
                "running_hours_day",
                "running_hours_shift",
                "wanted",
            ],
        ),
    ] {
        let mut expected: Vec<&str> = common.iter().chain(more).copied().collect();
        let mut found = figures(&site, name);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
    let demand = site.point(feeder(&site, "line1").point(FeederFigure::Demand).expect("a demand"));
    assert_eq!((&*demand.name, &*demand.unit, &*demand.title.zh), ("line1.demand", "kW", "1 号线需量"));
    assert_eq!(demand.hazard, feeder(&site, "line1").hazard);
    let of_counter = site.point(feeder(&site, "office").point(FeederFigure::Demand).expect("a demand"));
    assert_eq!(of_counter.unit, "kW");
}

#[test]
fn derived_points_may_rest_on_the_tree_and_the_tree_on_derived_points() {
    let site = site(
        "[[derived]]\nid = \"most\"\nname = \"n\"\nfunction = \"max\"\nof = \"pump.demand\"\nperiod = \"month\"\n\
         [[derived]]\nid = \"more\"\nname = \"n\"\nvalue = \"most * 2 + own\"\n\
         [[derived]]\nid = \"own\"\nname = \"n\"\nunit = \"kW\"\nvalue = \"meter1.leak / 10\"\n\
         [[feeder]]\nid = \"pump\"\nname = \"n\"\nparent = \"incomer\"\npower = \"own\"\n",
    );
    let place = |name: &str| site.derived.iter().position(|point| site.point(*point).name == name);
    let order = ["own", "pump.demand", "most", "more"].map(|name| place(name).expect("a point"));
    assert!(order.is_sorted(), "each behind what it rests on: {order:?}");
}

#[test]
fn what_no_meter_measures_has_the_demand_of_all_that_it_feeds_and_no_balance() {
    let text = [HEAD, &meters(), &TREE.replace("meter = \"meter0\"\nrated_current = 1000\n", "")].concat();
    let site = load_files(&[("site.toml", &text)], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(figures(&site, "incomer"), ["demand"]);
    let demand = feeder(&site, "incomer").point(FeederFigure::Demand).expect("a demand");
    let Source::Derived(Formula::Joint(joint)) = &site.point(demand).source else { panic!("a sum") };
    assert_eq!((joint.figure, joint.of.len()), (JointFigure::Sum, 2));
    assert!(figures(&site, "fan1").contains(&"share"));
}

#[test]
fn a_counter_that_does_what_no_counter_does_has_one_alarm() {
    let site = site("");
    let signals = site
        .rules
        .iter()
        .filter(|rule| matches!(rule.kind, RuleKind::Signal { point, .. } if site.derived.contains(&point)));
    let names: Vec<&str> = signals.map(|rule| &*rule.name).collect();
    assert_eq!(names, ["incomer.energy_today.signal", "office.energy_today.signal"]);
}

#[test]
fn a_pack_on_feeders_knows_their_points_by_role_and_their_set_points() {
    let site = site(
        "[[pack]]\nuse = \"power_tree\"\nfeeders = [\"*\"]\n\
         [[pack]]\nuse = \"power_safety\"\nfeeders = [\"line1\"]\nwithout = [\"production_in_stop\", \"production_on_rest_day\"]\n\
         [[pack]]\nuse = \"electrical_fire\"\nfeeders = [\"*\"]\n",
    );
    let has = |name: &str| site.rules.iter().any(|rule| rule.name == name);
    for name in [
        "incomer.unmetered",
        "incomer.overcounted",
        "incomer.phase",
        "incomer.load.load",
        "line1.unmetered",
        "line1.load.load",
        "line1.share.shift",
        "office.share.shift",
        "line1.production_in_stop",
        "line1.production_on_rest_day",
        "fan1.protection_missing",
        "fan1.protection_idle",
        "meter1.power.load",
        "meter1.leak.leakage",
    ] {
        assert!(has(name), "{name}");
    }
    assert!(!has("office.unmetered") && !has("line1.protection_missing"));
    let limits = site.rules.iter().find(|rule| rule.name == "meter1.power.load").map(|rule| &rule.kind);
    let Some(RuleKind::Limits(limits)) = limits else { panic!("limits") };
    assert_eq!(limits.hh.map(|limit| limit.value), Some(200.0), "in percent of the feeder's rating");
    let left: Vec<_> = site.left_out.iter().filter(|one| one.pack == "power_tree").collect();
    assert!(left.is_empty(), "{left:?}");
}
