//! Which lines a site has.

use crate::report::plan::Plan;
use crate::site::{ProcessEnvironment, parse};

const TREE: &str = r#"
version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "test"
timezone = "Asia/Shanghai"
[[hazard]]
id = "power1"
kind = "power"
name = "power"
METERS
[[feeder]]
id = "incomer"
name = { zh = "总进线", en = "incomer" }
meter = "meter0"
[[feeder]]
id = "shop"
name = "shop"
parent = "incomer"
[[feeder]]
id = "line1"
name = { zh = "1 号线", en = "line 1" }
parent = "shop"
role = "production"
meter = "meter1"
running = 20
[[derived]]
id = "other.state"
name = "state of what is in no tree"
function = "state"
of = "meter2.power"
running = 5
"#;

fn meter(id: &str) -> String {
    let point = |signal: &str, unit: &str, register: u8| {
        format!(
            "[[point]]\ndevice = \"{id}\"\nsignal = \"{signal}\"\nname = \"{signal}\"\nunit = \"{unit}\"\nregister = \"holding:{register}\"\n\
             role = \"{signal}\"\n"
        )
    };
    let device = format!(
        "[[device]]\nid = \"{id}\"\nname = \"{id}\"\nhazard = \"power1\"\nprotocol = \"modbus-tcp\"\naddress = \"127.0.0.1:1502{}\"\n",
        &id[5..]
    );
    device + &point("power", "kW", 0) + &point("energy", "kWh", 2)
}

#[test]
fn the_nodes_of_the_tree_whose_power_is_measured_are_lines_and_so_are_loads_beside_it() {
    let meters = ["meter0", "meter1", "meter2"].map(meter).concat();
    let site = parse("test", &TREE.replace("METERS", &meters), &ProcessEnvironment)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let plan = Plan::new(&site);
    let told: Vec<(&str, Option<&str>, Option<&str>)> =
        plan.lines.iter().map(|line| (line.name.as_str(), line.parent.as_deref(), line.role)).collect();
    let expected = [
        ("incomer", None, None),
        // The shop has no meter: what feeds it feeds the line.
        ("line1", Some("incomer"), Some("production")),
        ("meter2.power", None, None),
    ];
    assert_eq!(told, expected);
    let line = &plan.lines[1];
    assert_eq!((line.load.as_str(), line.state.as_deref()), ("meter1.power", Some("line1.state")));
    assert_eq!(line.energy.as_ref().map(|it| it.point.as_str()), Some("meter1.energy"));
    let ordinary =
        ["line1.baseline", "line1.baseline_low", "line1.baseline_high"].map(|it| Some(it.to_owned()));
    assert_eq!(line.ordinary, ordinary);
    assert!(line.alarms.contains_key("meter1.lost"), "{:?}", line.alarms.keys());
    assert!(!line.alarms.contains_key("meter2.lost"));
    assert_eq!(plan.lines[2].state.as_deref(), Some("other.state"));
    assert!(plan.devices.contains("derived") && plan.devices.contains("meter1"));
}
