//! Mistakes in how alarms are handled and in when rules are active.

use super::{Case, check};

const CASES: &[Case<'_>] = &[
    (
        &[("h = 60", "h = 60\nonly_when = \"plc.level > 1 && «plc.gsa > 2\"")],
        &[&["there is no point `plc.gsa`", "plc.gas"]],
    ),
    (&[("h = 60", "h = 60\nonly_when = \"«plc.level\"")], &[&["a number where a condition is wanted"]]),
    (
        &[("h = 60", "h = 60\nonly_during = [«\"8-18\"]")],
        &[&["`8-18` is no time of the week", "mon-fri 08:00-18:00"]],
    ),
    (&[("h = 60", "h = 60\nnot_during = [\"sat,sun\", «\"mon 25:00-26:00\"]")], &[&["no time of the week"]]),
    (&[("h = 60", "h = 60\nonly_during = «[]")], &[&["no time is given"]]),
    (&[("h = 60", "h = 60\nacknowledge = false\nlatch = «true")], &[&["latched, and nobody need take note"]]),
    (&[("h = 60", "h = 60\nlatch = «\"yes\"")], &[&["true"]]),
    (&[("# end", "[alarms]\nescalate_after = { 1 = «\"5min\" }")], &[&["nothing is graver than level 1"]]),
    (&[("# end", "[alarms]\nremind_after = { 2 = «\"0s\" }")], &[&["nobody could be so quick"]]),
    (&[("# end", "[alarms]\nescalate_after = { «orange = \"5min\" }")], &[&["unknown key `orange`"]]),
    (&[("# end", "[alarms]\nshelve_max = «\"0s\"")], &[&["no alarm could ever be shelved"]]),
];

#[test]
fn p8_of_handling() {
    check(CASES);
}
