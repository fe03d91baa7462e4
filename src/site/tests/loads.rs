//! Files that are right.

use std::collections::BTreeMap;

use crate::site::parse;

const SMALL: &str = r#"
version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = { zh = "示例", en = "Example" }

[[device]]
id = "plc"
address = "10.0.0.5:502"

[[point]]
device = "plc"
signal = "level"
name = "LT-101"
unit = "m"
range = [0, 12]
register = "holding:40"
type = "f32"
limits = { l = 1, h = 10.0, hh = 11, deadband = 0.1 }
"#;

#[test]
fn the_smallest_useful_file_loads_with_its_automatic_rules() {
    let site = parse("small.toml", SMALL, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let rules: Vec<&str> = site.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(rules, ["plc.level", "plc.lost", "plc.level.signal", "gateway.store", "gateway.task"]);
}
