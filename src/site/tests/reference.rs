//! docs/site-file.md says what the code does.

use std::collections::BTreeMap;
use std::fs;

use crate::site::{Site, parse, reference};

const FILE: &str = "docs/site-file.md";
const MARK: &str = "<!-- Below this line: written by `UPDATE=1 cargo test`, from the code. -->\n";

#[test]
fn the_reference_in_the_docs_is_that_of_the_code() {
    let text = fs::read_to_string(FILE).expect("the page is there");
    let (introduction, written) = text.split_once(MARK).expect("the page has its mark");
    let reference = reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(FILE, format!("{introduction}{MARK}{reference}")).expect("the page can be written");
        return;
    }
    assert!(written == reference, "{FILE} is out of date: run `UPDATE=1 cargo test reference_in_the_docs`");
}

/// What the examples of a page make up, behind `head`.
fn site_of_examples(page: &str, head: &str) -> Site {
    let text = fs::read_to_string(page).expect("the page is there");
    let examples = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let whole: String = std::iter::once(head).chain(examples).collect();
    let env: BTreeMap<String, String> = [("CENTRE_PASSWORD".to_owned(), "x".to_owned())].into();
    parse("examples", &whole, &env).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const HEAD: &str = "version = 1\n[site]\nenterprise = \"e\"\ngateway = \"g\"\nname = \"n\"\n";

#[test]
fn the_examples_in_the_docs_make_up_a_site() {
    let site = site_of_examples(FILE, "");
    assert_eq!(site.devices.len(), 3);
    assert!(site.rules.iter().any(|rule| rule.name == "gas_plc.detector.gas"));
}

#[test]
fn the_examples_of_registers_in_the_docs_are_points_of_a_site() {
    let head = format!("{HEAD}[[device]]\nid = \"plc\"\naddress = \"h:502\"\n");
    assert_eq!(site_of_examples("docs/points.md", &head).points.len(), 10);
}

#[test]
fn the_examples_of_rules_in_the_docs_are_rules_of_a_site() {
    let meter = |id: &str, signal: &str| {
        format!(
            "[[device]]\nid = \"{id}\"\naddress = \"{id}:502\"\n[[point]]\ndevice = \"{id}\"\nsignal = \"{signal}\"\nname = \"n\"\nregister = \"holding:0\"\n"
        )
    };
    let head = [HEAD, &meter("meter1", "power"), &meter("meter2", "fan_power")].concat();
    let site = site_of_examples("docs/rules.md", &head);
    for name in [
        "dust1.fan_linkage",
        "dust1.fan_share",
        "dust1.power_rate",
        "dust1.minutes_to_contract",
        "dust1.fan_power",
    ] {
        assert!(site.rules.iter().any(|rule| rule.name == name), "{name}");
    }
    // Five of the page, and what pack `tank` makes of the level but for `to_full`.
    assert_eq!(site.derived.len(), 6);
    assert!(site.rules.iter().any(|rule| rule.name == "meter1.level.level"));
}

#[test]
fn the_example_of_a_pack_in_the_docs_is_one() {
    let text = fs::read_to_string("docs/rules.md").expect("the page is there");
    let (_, rest) = text.split_once("```toml packs/tank_leak.toml\n").expect("the example is there");
    let (pack, _) = rest.split_once("```").expect("it ends");
    let point = |signal: &str, unit: &str| {
        format!(
            "[[point]]\ndevice = \"plc\"\nsignal = \"{signal}\"\nname = \"n\"\nunit = \"{unit}\"\nrole = \"{signal}\"\nregister = \"holding:0\"\n"
        )
    };
    let site = [
        HEAD,
        "[[hazard]]\nid = \"tank1\"\nkind = \"tank_farm\"\nname = \"T\"\n[[device]]\nid = \"plc\"\nhazard = \"tank1\"\naddress = \"h:502\"\n",
        &point("level", "m"),
        &point("inlet_valve", "%"),
        "[[pack]]\nuse = \"tank_leak\"\nhazard = \"tank1\"\nsetpoints = { level_full = 12 }\n",
    ]
    .concat();
    let site = super::files::load_files(&[("site.toml", &site), ("packs/tank_leak.toml", pack)], &[])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    for name in ["plc.level.leak", "plc.level.level", "plc.level.fall.signal"] {
        assert!(site.rules.iter().any(|rule| rule.name == name), "{name}");
    }
}

#[test]
fn the_examples_of_power_in_the_docs_are_points_of_a_site() {
    let point = |signal: &str, unit: &str| {
        format!(
            "[[point]]\ndevice = \"meter1\"\nsignal = \"{signal}\"\nname = \"n\"\nunit = \"{unit}\"\nregister = \"holding:0\"\n"
        )
    };
    let meter = "[[device]]\nid = \"meter1\"\naddress = \"meter1:502\"\n";
    let head =
        [HEAD, meter, &point("power", "kW"), &point("fan_power", "kW"), &point("energy", "kWh")].concat();
    let site = site_of_examples("docs/power.md", &head);
    let unit =
        |name: &str| site.points.iter().find(|point| point.name == name).map(|point| point.unit.as_str());
    for (name, expected) in [
        ("line1.demand", "kW"),
        ("line1.energy_today", "kWh"),
        ("line1.energy_last_month", "kWh"),
        ("line1.demand_max", "kW"),
        ("line1.stop", ""),
        ("line1.state", ""),
        ("line1.baseline", "kW"),
        ("line1.baseline_high", "kW"),
        ("line1.deviation", ""),
        ("line1.running_hours", "h"),
        ("line2.load_factor_day", "%"),
        ("fan2.share_of_parent", "%"),
        ("fan2.wanted", ""),
    ] {
        assert_eq!(unit(name), Some(expected), "{name}");
    }
    for rule in
        ["line1.production_in_stop", "meter1.line_power.load", "fan2.protection_missing", "incomer.unmetered"]
    {
        assert!(site.rules.iter().any(|one| one.name == rule), "{rule}");
    }
}
