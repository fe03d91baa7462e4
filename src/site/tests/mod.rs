//! Tests of the whole room: text in, site or mistakes out.

mod feeders;
mod files;
mod loads;
mod mistakes;
mod packs;
mod reference;
mod robust;
mod secrets;
mod tls;

use std::collections::BTreeMap;

use crate::site::{Mistakes, Site, parse};

/// A site that is right, with one of almost everything.
const BASE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant 1"
[[hazard]]
id = "tank1"
kind = "tank_farm"
name = { zh = "罐区", en = "Tanks" }
[[device]]
id = "plc"
hazard = "tank1"
address = "10.0.0.5:502"
unit = 1
[[point]]
device = "plc"
signal = "level"
name = "LT-101"
unit = "m"
range = [0, 12]
register = "holding:40"
type = "f32"
limits = { ll = 1, l = 2, h = 10, hh = 11, deadband = 0.1, on_delay = "1s" }
[[point]]
device = "plc"
signal = "gas"
name = "GT-101"
unit = "%LEL"
role = "gas_1"
register = "input:0"
[[device]]
id = "sensor"
protocol = "mqtt"
url = "mqtt://10.0.0.9:1883"
topic = "plant/sensor"
[[point]]
device = "sensor"
signal = "temperature"
name = "TT-1"
unit = "℃"
pointer = "/t"
[[rule]]
id = "tank1.hot"
kind = "limits"
point = "sensor.temperature"
h = 60
[[pack]]
use = "gas_combustible"
points = ["plc.gas"]
[[forward]]
id = "centre"
kind = "mqtt"
url = "mqtt://10.0.0.9:1883"
username = "gw1"
password = { env = "PW" }
# end
"#;

/// The variables of [`BASE`].
fn variables() -> BTreeMap<String, String> {
    BTreeMap::from([("PW".to_owned(), "hunter2".to_owned())])
}

/// [`BASE`] with some of its text replaced; each piece must be there.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(BASE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the text");
        text.replacen(from, to, 1)
    })
}

fn site(text: &str) -> Site {
    parse("site.toml", text, &variables()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn mistakes(text: &str) -> Mistakes {
    match parse("site.toml", text, &variables()) {
        Ok(_) => panic!("nothing is found wrong with:\n{text}"),
        Err(mistakes) => mistakes,
    }
}
