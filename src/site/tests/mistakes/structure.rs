//! Mistakes of form: what the schema alone can tell.

use super::{Case, check};

const NOT_TOML: &[Case<'_>] = &[
    (&[("gateway = \"gw1\"", "gateway = «gw 1")], &[&["not TOML"]]),
    (&[("gateway = \"gw1\"", "gateway = \"gw1\"\n«gateway = \"gw1\"")], &[&["not TOML", "duplicate"]]),
];

#[test]
fn p8_text_that_is_not_toml_is_placed() {
    check(NOT_TOML);
}

const STRUCTURE: &[Case<'_>] = &[
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
        &[&["expected a string (not empty), or a table", "found a whole number"]],
    ),
    (&[("[site]", "«[[site]]")], &[&["expected a table, found an array", "one bracket"]]),
];

#[test]
fn p8_structural_mistakes_are_placed_with_what_would_be_right() {
    check(STRUCTURE);
}
