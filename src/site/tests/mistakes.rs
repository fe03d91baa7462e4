//! Files that are wrong: every mistake at its place, in words that say what would be right, and no other mistake.
//! `«` stands before the text that a mistake is to point at; `««` where two point at the same.

use super::{edited, mistakes};

/// Edits of [`super::BASE`], and for each mark the words that its mistake (message and hint) must hold.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a [&'a str]]);

fn check(cases: &[Case<'_>]) {
    for (edits, expected) in cases {
        let marked = edited(edits);
        let text = marked.replace('«', "");
        let found = mistakes(&text);
        let places: Vec<(usize, usize)> = marks(&marked);
        let got: Vec<(usize, usize)> =
            found.iter().map(|one| (one.line.unwrap_or(0), one.column.unwrap_or(0))).collect();
        assert_eq!(got, places, "places of the mistakes in {edits:?}:\n{found}");
        assert_eq!(found.len(), expected.len(), "{edits:?}:\n{found}");
        for (mistake, words) in found.iter().zip(*expected) {
            let said = format!("{} | {}", mistake.message, mistake.hint.as_deref().unwrap_or_default());
            for word in *words {
                assert!(said.contains(word), "`{word}` is not in `{said}`, for {edits:?}");
            }
        }
    }
}

/// Line and column of every mark, as if the marks were not there.
fn marks(text: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let before = line.char_indices().filter(|(_, c)| *c == '«').enumerate();
        places.extend(before.map(|(nth, (at, _))| (index + 1, line[..at].chars().count() - nth + 1)));
    }
    places
}

#[test]
fn p8_text_that_is_not_toml_is_placed() {
    check(&[
        (&[("gateway = \"gw1\"", "gateway = «gw 1")], &[&["not TOML"]]),
        (&[("gateway = \"gw1\"", "gateway = \"gw1\"\n«gateway = \"gw1\"")], &[&["not TOML", "duplicate"]]),
    ]);
}

#[test]
fn p8_structural_mistakes_are_placed_with_what_would_be_right() {
    check(&[
        (&[("address =", "«adress =")], &[&["unknown key `adress`", "did you mean `address`"]]),
        (&[("unit = 1", "unit = 1\n«colour = \"red\"")], &[&["unknown key `colour`", "known here", "poll"]]),
        (&[("[[hazard]]", "[[«hazards]]")], &[&["unknown key `hazards`", "did you mean `hazard`"]]),
        (&[("unit = 1", "unit = «1.0")], &[&["whole number", "without a fraction"]]),
        (&[("unit = 1", "unit = «\"1\"")], &[&["found a string", "without quotes"]]),
        (&[("unit = 1", "unit = «256")], &[&["256 is out of bounds", "0 to 255"]]),
        (&[("unit = 1", "unit = «-1")], &[&["-1 is out of bounds"]]),
        (&[("unit = 1", "gap_max = «125")], &[&["125 is out of bounds", "0 to 124"]]),
        (&[("version = 1", "version = «2")], &[&["2 is out of bounds", "use 1"]]),
        (&[("version = 1\n[site]", "«[site]")], &[&["`version` is missing", "add `version = 1`"]]),
        (&[("unit = 1", "poll = «5")], &[&["expected a string (duration)", "\"500ms\""]]),
        (&[("unit = 1", "poll = «\"5 s\"")], &[&["`5 s` is not a duration", "\"5s\""]]),
        (&[("unit = 1", "poll = «\"200h\"")], &[&["longer than a site may ask for", "at most 168h"]]),
        (&[("unit = \"m\"", "unit = «5")], &[&["expected a string", "in quotes"]]),
        (&[("range = [0, 12]", "range = «[0, 12, 13]")], &[&["expected 2 values, found 3"]]),
        (&[("range = [0, 12]", "range = [0, «\"12\"]")], &[&["expected a number"]]),
        (&[("range = [0, 12]", "range = [0, «inf]")], &[&["not a finite number"]]),
        (
            &[("kind = \"tank_farm\"", "kind = «\"tankfarm\"")],
            &[&["`tankfarm`", "did you mean `tank_farm`", "\"dust\""]],
        ),
        (&[("type = \"f32\"", "type = «\"float\"")], &[&["`float`", "\"f32\""]]),
        (&[("kind = \"mqtt\"", "kind = «\"amqp\"")], &[&["`amqp`", "\"influx\""]]),
        (
            &[("[[forward]]\nid = \"centre\"\nkind = \"mqtt\"", "«[[forward]]\nid = \"centre\"")],
            &[&["`kind` is missing", "\"influx\""]],
        ),
        (
            &[("[[point]]\ndevice = \"plc\"\nsignal = \"level\"", "«[[point]]\ndevice = \"plc\"")],
            &[&["`signal` is missing"]],
        ),
        (&[("on_delay = \"1s\"", "levels = { hh = «5 }")], &[&["5 is out of bounds", "1 to 4"]]),
        (&[("on_delay = \"1s\"", "levels = { hh = «\"red\" }")], &[&["`red`", "\"journal\""]]),
        (
            &[("name = \"LT-101\"", "name = { zh = \"液位\", «eng = \"level\" }")],
            &[&["unknown key `eng`", "`en`"]],
        ),
        (
            &[("name = \"Plant 1\"", "name = «7")],
            &[&["expected a string, or a table", "found a whole number"]],
        ),
        (&[("[site]", "«[[site]]")], &[&["expected a table, found an array", "one bracket"]]),
    ]);
}

#[test]
fn p8_names_are_defined_once_and_references_are_to_what_exists() {
    check(&[
        (&[("id = \"plc\"", "id = «\"pl c\"")], &[&["`pl c` can't be an id", "MQTT topic"]]),
        (&[("id = \"plc\"", "id = «\"\"")], &[&["can't be empty"]]),
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
            &[
                ("signal = \"gas\"", "signal = «\"level\""),
                ("points = [\"plc.gas\"]", "points = [«\"plc.gas\"]"),
            ],
            &[
                &["signal `level` of this device is defined twice", "site.toml:17:10"],
                &["no point `plc.gas`"],
            ],
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
    ]);
}

#[test]
fn p8_devices_and_links_fit_together() {
    check(&[
        (
            &[
                ("[[device]]\nid = \"plc\"", "«[[device]]\nid = \"plc\""),
                ("address = \"10.0.0.5:502\"\n", ""),
            ],
            &[&["`address` is missing", "10.0.0.5:502"]],
        ),
        (
            &[("10.0.0.5:502", "10.0.0.5"), ("address = \"", "address = «\"")],
            &[&["the port is missing in `10.0.0.5`", "host:port"]],
        ),
        (&[("address = \"10.0.0.5:502\"", "address = «\"10.0.0.5:70000\"")], &[&["`70000` is not a port"]]),
        (
            &[("address = \"10.0.0.5:502\"", "address = «\"tcp://10.0.0.5:502\"")],
            &[&["URL where host:port is expected"]],
        ),
        (&[("address = \"10.0.0.5:502\"", "address = «\"10.0.0 5:502\"")], &[&["not a host name"]]),
        (
            &[("unit = 1", "protocol = \"modbus-rtu-over-tcp\"\nunit = «248")],
            &[&["unit 248 is not a device on a bus", "1 to 247"]],
        ),
        (
            &[("unit = 1", "protocol = «\"modbus-rtu\"")],
            &[&["serial lines are not supported yet", "modbus-rtu-over-tcp"]],
        ),
        (&[("unit = 1", "poll = «\"10ms\"")], &[&["`10ms` is too short", "at least 50ms"]]),
        (&[("unit = 1", "timeout = «\"0s\"")], &[&["`0s` is no time to wait", "1min"]]),
        (&[("unit = 1", "unit = 1\ntopic = «\"a/b\"")], &[&["`topic` is for an MQTT device"]]),
        (
            &[("topic = \"plant/sensor\"", "topic = \"plant/sensor\"\nunit = «1")],
            &[&["`unit` is for a Modbus device"]],
        ),
        (
            &[("topic = \"plant/sensor\"", "topic = «\"plant/#/x\"")],
            &[&["not an MQTT topic filter", "`#` only for the last"]],
        ),
        (
            &[("topic = \"plant/sensor\"", "topic = \"a\"\nsilence = «\"10ms\"")],
            &[&["too short", "at least 1s"]],
        ),
        (
            &[
                ("[[device]]\nid = \"sensor\"", "««[[device]]\nid = \"sensor\""),
                ("url = \"mqtt://10.0.0.9:1883\"\ntopic = \"plant/sensor\"\n", ""),
            ],
            &[&["`topic` is missing"], &["`url` is missing", "mqtt://"]],
        ),
        (
            &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"http://10.0.0.9:1883\"\ntopic")],
            &[&["`http` can't be spoken", "mqtt://host:1883"]],
        ),
        (
            &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://10.0.0.9\"\ntopic")],
            &[&["the port is missing", "mqtt://host:1883"]],
        ),
        (&[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"10.0.0.9\"\ntopic")], &[&["not a URL"]]),
        (
            &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://me:pw@10.0.0.9:1883\"\ntopic")],
            &[&["credentials stand in the URL"]],
        ),
        (
            &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://10.0.0.9:1883/x\"\ntopic")],
            &[&["ends after the port"]],
        ),
        (
            &[
                ("unit = 1", "protocol = \"modbus-tcp\""),
                (
                    "# end",
                    "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.5:502\"\nunit = 2\nprotocol = «\"modbus-rtu-over-tcp\"",
                ),
            ],
            &[&["speaks Modbus TCP to one device and RTU frames to another", "site.toml:14:12"]],
        ),
        (
            &[(
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.5:502\"\nunit = «1",
            )],
            &[&["unit 1 at 10.0.0.5:502 is two devices", "site.toml:14:8"]],
        ),
        (
            &[("# end", "[[device]]\nid = «\"lonely\"\naddress = \"10.0.0.6:502\"")],
            &[&["device `lonely` has no points", "template"]],
        ),
        (
            &[("# end", "[console]\nlisten = «\"0.0.0.0:8080\"")],
            &[&["would listen to other machines", "only loopback"]],
        ),
        (&[("# end", "[broker]\nlisten = «\"192.168.0.1:1883\"")], &[&["would listen to other machines"]]),
        (
            &[("# end", "[broker]\nlisten = «\"localhost\"")],
            &[&["not an address to listen on", "127.0.0.1:8080"]],
        ),
        (&[("# end", "[broker]\nlisten = «\"127.0.0.1:8080\"")], &[&["console and broker both listen"]]),
        (
            &[("name = \"Plant 1\"", "name = \"x\"\ntimezone = «\"Asia/Peking\"")],
            &[&["not a time zone", "Asia/Shanghai"]],
        ),
        (&[("# end", "[store]\ntelemetry_mb_max = «0")], &[&["0 is out of bounds"]]),
    ]);
}

#[test]
fn p8_registers_are_in_their_table_and_types_fit() {
    check(&[
        (
            &[
                (
                    "[[point]]\ndevice = \"plc\"\nsignal = \"gas\"",
                    "«[[point]]\ndevice = \"plc\"\nsignal = \"gas\"",
                ),
                ("register = \"input:0\"\n", ""),
            ],
            &[&["`register` is missing", "holding:40"]],
        ),
        (
            &[("register = \"input:0\"", "register = «\"inputs:0\"")],
            &[&["`inputs` is not a table", "did you mean `input`"]],
        ),
        (&[("register = \"input:0\"", "register = «\"40001\"")], &[&["`40001` is not a register"]]),
        (
            &[("register = \"input:0\"", "register = «\"input:70000\"")],
            &[&["address 70000 is out of range", "0 to 65535"]],
        ),
        (
            &[("register = \"holding:40\"", "register = «\"holding:65535\"")],
            &[&["ends beyond the table", "last address for it is 65534"]],
        ),
        (
            &[("register = \"input:0\"", "register = «\"input:65536\"")],
            &[&["ends beyond the table", "65535"]],
        ),
        (
            &[("unit = 1", "address_base = 1"), ("register = \"input:0\"", "register = «\"input:0\"")],
            &[&["address 0 does not exist", "1 to 65536"]],
        ),
        (&[("register = \"input:0\"", "register = \"coil:0\"\ntype = «\"u16\"")], &[&["hold bits only"]]),
        (&[("register = \"input:0\"", "register = \"coil:0\"\nbit = «1")], &[&["are bits already"]]),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\ntype = «\"bit\"")],
            &[&["sixteen bits", "bit = 0"]],
        ),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\ntype = \"u16\"\nbit = «3")],
            &[&["`bit` goes with"]],
        ),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\nbit = «16")],
            &[&["16 is out of bounds", "0 to 15"]],
        ),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\nbyte_order = «\"ACBD\"")],
            &[&["`ACBD`", "\"CDAB\""]],
        ),
        (&[("register = \"input:0\"", "register = \"input:0\"\nscale = «0")], &[&["scale of 0"]]),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\npointer = «\"/x\"")],
            &[&["`pointer` is for an MQTT device"]],
        ),
        (
            &[("pointer = \"/t\"", "pointer = \"/t\"\nregister = «\"input:0\"")],
            &[&["`register` is for a Modbus device"]],
        ),
        (&[("pointer = \"/t\"", "pointer = «\"t\"")], &[&["not a JSON Pointer", "begin with `/`"]]),
        (&[("pointer = \"/t\"", "pointer = «\"/a~2\"")], &[&["not a JSON Pointer", "~0"]]),
        (
            &[
                ("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""),
                ("pointer = \"/t\"\n", ""),
            ],
            &[&["`pointer` is missing"]],
        ),
        (
            &[
                ("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""),
                ("name = \"TT-1\"\n", ""),
            ],
            &[&["`name` is missing", "zh"]],
        ),
        (
            &[("register = \"input:0\"", "register = \"input:0\"\nmax_age = «\"500ms\"")],
            &[&["shorter than the poll interval"]],
        ),
        (
            &[(
                "# end",
                "[[device]]\nid = \"th\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.6:502\"\n[[point]]\ndevice = \"th\"\nsignal = \"humidity\"\nrange = «[100, 0]",
            )],
            &[&["the range [100, 0] is empty"]],
        ),
    ]);
}

#[test]
fn p8_limits_are_in_order_and_within_reach() {
    const LIMITS: &str = "limits = { ll = 1, l = 2, h = 10, hh = 11, deadband = 0.1, on_delay = \"1s\" }";
    check(&[
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
        (
            &[(LIMITS, "limits = «{ deadband = 1 }")],
            &[&["no limit is given", "at least one of ll, l, h, hh"]],
        ),
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
    ]);
}

#[test]
fn p8_packs_are_applied_to_what_they_are_for() {
    check(&[
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
            &[
                ("use = \"gas_combustible\"", "use = \"tank\""),
                ("points = [\"plc.gas\"]", "hazard = «\"tank1\""),
            ],
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
    ]);
}

#[test]
fn p8_one_run_reports_the_mistakes_of_both_stages() {
    check(&[
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
        // A misspelt key is judged as the one that was meant.
        (
            &[("register = \"holding:40\"", "«regster = «\"holdin:40\"")],
            &[&["unknown key"], &["did you mean `holding`"]],
        ),
        (
            &[("register = \"holding:40\"", "«regster = «\"holding:65535\"")],
            &[&["unknown key"], &["beyond the table"]],
        ),
    ]);
}
