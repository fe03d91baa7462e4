//! Mistakes about names, limits and packs, and mistakes of both stages at once.

use super::{Case, check};

const NAMES: &[Case<'_>] = &[
    (&[("id = \"plc\"", "id = «\"pl c\"")], &[&["`pl c` can't be an id", "MQTT topic"]]),
    (&[("id = \"plc\"", "id = «\"\"")], &[&["can't be empty"]]),
    (&[("name = \"LT-101\"", "name = «\" \"")], &[&["text is empty", "write what they call it"]]),
    (
        &[("zh = \"罐区\", en = \"Tanks\"", "zh = «\"\", en = «\"\"")],
        &[&["text is empty"], &["text is empty"]],
    ),
    (&[("name = \"Plant 1\"", "name = «\"\"")], &[&["text is empty"]]),
    (&[("gateway = \"gw1\"", "gateway = «\"gw/1\"")], &[&["`/` is not allowed"]]),
    (
        &[("# end", "[[hazard]]\nid = «\"tank1\"\nkind = \"dust\"\nname = \"x\"")],
        &[&["hazard `tank1` is defined twice", "site.toml:7:6"]],
    ),
    (
        &[
            ("id = \"sensor\"", "id = «\"plc\""),
            ("device = \"sensor\"", "device = «\"sensor\""),
            ("point = \"sensor.temperature\"", "point = «\"sensor.temperature\""),
        ],
        &[
            &["device `plc` is defined twice", "site.toml:11:6"],
            &["no device `sensor`"],
            &["no point `sensor.temperature`"],
        ],
    ),
    (
        &[("signal = \"gas\"", "signal = «\"level\""), ("points = [\"plc.gas\"]", "points = [«\"plc.gas\"]")],
        &[&["signal `level` of this device is defined twice", "site.toml:17:10"], &["no point `plc.gas`"]],
    ),
    (
        &[("# end", "[[forward]]\nid = «\"centre\"\nkind = \"mqtt\"\nurl = \"mqtt://h:1\"")],
        &[&["forwarder `centre` is defined twice", "site.toml:51:6"]],
    ),
    (
        &[("id = \"tank1.hot\"", "id = «\"plc.level\"")],
        &[&["alarm `plc.level` is defined twice", "site.toml:23:10"]],
    ),
    (
        &[("id = \"tank1.hot\"", "id = \"plc.lost\""), ("id = \"plc\"", "id = «\"plc\"")],
        &[&["alarm `plc.lost` is defined twice", "site.toml:43:6"]],
    ),
    (&[("hazard = \"tank1\"", "hazard = «\"tank2\"")], &[&["no hazard `tank2`", "did you mean `tank1`"]]),
    (
        &[
            ("device = \"sensor\"", "device = «\"banana\""),
            ("point = \"sensor.temperature\"", "point = «\"sensor.temperature\""),
        ],
        &[&["no device `banana`", "known: plc, sensor"], &["no point"]],
    ),
    (
        &[("point = \"sensor.temperature\"", "point = «\"sensor.temprature\"")],
        &[&["no point", "did you mean `sensor.temperature`"]],
    ),
    (
        &[("points = [\"plc.gas\"]", "points = [«\"plc.gass\"]")],
        &[&["no point `plc.gass`", "did you mean `plc.gas`"]],
    ),
    (
        &[("use = \"gas_combustible\"", "use = «\"gas_combustable\"")],
        &[&["no rule pack `gas_combustable`", "did you mean `gas_combustible`", "packs/"]],
    ),
    (
        &[("unit = 1", "template = «\"acrel\"")],
        &[&["no device template `acrel`", "acrel-adw300", "devices/"]],
    ),
];

#[test]
fn p8_names_are_defined_once_and_references_are_to_what_exists() {
    check(NAMES);
}

const LIMITS: &str = "limits = { ll = 1, l = 2, h = 10, hh = 11, deadband = 0.1, on_delay = \"1s\" }";

const LIMITS_AND_RANGES: &[Case<'_>] = &[
    (
        &[(LIMITS, "limits = { ll = 3, l = «2, h = 10, hh = 11 }")],
        &[&["`ll` = 3 is not below `l` = 2", "ll < l < h < hh"]],
    ),
    (&[(LIMITS, "limits = { l = 2, h = «2 }")], &[&["`l` = 2 is not below `h` = 2"]]),
    (
        &[(LIMITS, "limits = { hh = 10, h = 11 }"), ("hh = 10", "hh = «10")],
        &[&["`h` = 11 is not below `hh` = 10"]],
    ),
    (&[(LIMITS, "limits = { ll = 2, hh = «1 }")], &[&["`ll` = 2 is not below `hh` = 1"]]),
    (&[(LIMITS, "limits = «{ deadband = 1 }")], &[&["no limit is given", "at least one of ll, l, h, hh"]]),
    (&[(LIMITS, "limits = { h = 10, deadband = «-1 }")], &[&["deadband of -1 is negative"]]),
    (&[(LIMITS, "limits = { l = 2, h = 10, deadband = «4 }")], &[&["would never clear", "less than 4"]]),
    (
        &[(LIMITS, "limits = { h = 10, hh = «12.5 }")],
        &[&["`hh` = 12.5 is outside the point's range", "0 to 12"]],
    ),
    (&[(LIMITS, "limits = { h = 10, levels = { l = «2 } }")], &[&["a level for `l`, and no limit `l`"]]),
    (&[(LIMITS, "limits = { h = 9, hh = 10, levels = { hh = «4 } }")], &[&["less grave"]]),
    (&[(LIMITS, "limits = { h = 9, on_delay = «\"fast\" }")], &[&["`fast` is not a duration"]]),
    (&[("h = 60", "h = 60\nl = 70"), ("h = 60", "h = «60")], &[&["`l` = 70 is not below `h` = 60"]]),
    (&[("[[rule]]", "«[[rule]]"), ("h = 60\n", "")], &[&["no limit is given"]]),
    (&[("range = [0, 12]", "range = «[12, 0]")], &[&["the range [12, 0] is empty", "low < high"]]),
];

#[test]
fn p8_limits_are_in_order_and_within_reach() {
    check(LIMITS_AND_RANGES);
}

const PACKS: &[Case<'_>] = &[
    (
        &[("unit = \"%LEL\"", "unit = \"ppm\""), ("points = [\"plc.gas\"]", "points = [«\"plc.gas\"]")],
        &[&["needs `plc.gas` in %LEL", "in `ppm`"]],
    ),
    (&[("points = [\"plc.gas\"]", "points = [\"plc.gas\", «\"plc.level\"]")], &[&["in %LEL", "`m`"]]),
    (
        &[
            ("use = \"gas_combustible\"", "use = \"dust_dry\""),
            ("points = [\"plc.gas\"]", "points = [«\"plc.gas\"]"),
        ],
        &[&["no rule for `plc.gas`, whose role is gas_1", "hopper_temperature"]],
    ),
    (&[("[[pack]]", "«[[pack]]"), ("points = [\"plc.gas\"]\n", "")], &[&["applied to nothing"]]),
    (
        &[("use = \"gas_combustible\"", "use = \"tank\""), ("points = [\"plc.gas\"]", "hazard = «\"tank1\"")],
        &[&["no point of this hazard has a role", "level"]],
    ),
    (
        &[("points = [\"plc.gas\"]", "points = [\"plc.gas\"]\nsetpoints = { flow = «1 }")],
        &[&["has no set-point `flow`"]],
    ),
    (
        &[
            ("role = \"gas_1\"", "role = \"cooling_flow\""),
            ("unit = \"%LEL\"", "unit = \"m³/h\""),
            ("use = \"gas_combustible\"", "use = \"casting_water\""),
            ("points = [\"plc.gas\"]", "points = [«\"plc.gas\"]"),
        ],
        &[&["needs the set-point `cooling_flow`", "setpoints"]],
    ),
    (
        &[
            ("role = \"gas_1\"", "role = \"cooling_flow\""),
            ("unit = \"%LEL\"", "unit = \"m³/h\""),
            ("use = \"gas_combustible\"", "use = \"casting_water\"\nsetpoints = { cooling_flow = «-5 }"),
        ],
        &[&["set-point of -5"]],
    ),
    (
        &[
            ("unit = \"%LEL\"", "unit = \"%LEL\"\nrange = [0, 20]"),
            ("points = [\"plc.gas\"]", "points = [««\"plc.gas\"]"),
        ],
        &[&["`h` = 25 is outside"], &["`hh` = 50 is outside"]],
    ),
];

#[test]
fn p8_packs_are_applied_to_what_they_are_for() {
    check(PACKS);
}

const BOTH_STAGES: &[Case<'_>] = &[
    (
        &[
            ("name = \"Plant 1\"", "name = \"Plant 1\"\n«colour = 1"),
            ("address =", "«adress ="),
            ("unit = 1", "unit = 1\npoll = «\"1ms\""),
            ("register = \"holding:40\"", "«regster = \"holding:40\""),
            ("ll = 1, l = 2", "ll = 3, l = «2"),
            ("h = 60", "h = «\"60\""),
            ("points = [\"plc.gas\"]", "points = [«\"plc.gaz\"]"),
            ("password = { env = \"PW\" }", "password = «{ env = \"NO_SUCH\" }"),
        ],
        &[
            &["unknown key `colour`"],
            &["did you mean `address`"],
            &["too short"],
            &["did you mean `register`"],
            &["not below"],
            &["expected a number"],
            &["no point `plc.gaz`"],
            &["`NO_SUCH` is not set"],
        ],
    ),
    // What is left out for a mistake of the first stage is not called missing by the second.
    (&[("kind = \"tank_farm\"", "kind = «\"tanks\"")], &[&["`tanks`"]]),
    (&[("protocol = \"mqtt\"", "protocol = «\"mqqt\"")], &[&["did you mean `mqtt`"]]),
    (&[("device = \"sensor\"", "device = \"sensor\"\ndecimals = «10")], &[&["10 is out of bounds"]]),
    (&[("[[hazard]]", "«[hazard]")], &[&["expected an array", "two brackets"]]),
    // A misspelt key is judged as the one that was meant.
    (
        &[("register = \"holding:40\"", "«regster = «\"holdin:40\"")],
        &[&["unknown key"], &["did you mean `holding`"]],
    ),
    (
        &[("register = \"holding:40\"", "«regster = «\"holding:65535\"")],
        &[&["unknown key"], &["beyond the table"]],
    ),
];

#[test]
fn p8_one_run_reports_the_mistakes_of_both_stages() {
    check(BOTH_STAGES);
}
