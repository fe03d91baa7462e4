//! Mistakes in the calendar, in stops, and in points and rules that go by them.

use super::{Case, check};

const CASES: &[Case<'_>] = &[
    (
        &[("# end", "[calendar]\nworking_hours = [«\"mon-frid 08:00-18:00\"]")],
        &[&["`mon-frid 08:00-18:00` is no time of the week"]],
    ),
    (
        &[("# end", "[calendar]\nholidays = [«\"2026-02-30\"]\nshifts = [«\"8:00\"]")],
        &[&["`2026-02-30` is no day", "2026-10-01"], &["`8:00` is no time of day"]],
    ),
    (
        &[("# end", "[calendar]\nholidays = [\"2026-10-01..2026-10-07\"]\nworking_days = [«\"2026-10-07\"]")],
        &[&["2026-10-07 is a holiday besides", "working_days"]],
    ),
    (&[("# end", "[calendar]\nshifts = «[\"08:00\", \"08:00\"]")], &[&["two shifts begin at the same time"]]),
    (
        &[(
            "# end",
            "[[stop]]\nname = \"n\"\nhazard = «\"tank2\"\nfrom = \"2026-12-02 08:00\"\nto = «\"2026-12-01 08:00\"",
        )],
        &[&["there is no hazard `tank2`", "tank1"], &["the stop ends before it begins"]],
    ),
    (
        &[(
            "# end",
            "[[work]]\nname = \"n\"\nhazard = «\"tank2\"\nfrom = \"2026-12-02 08:00\"\nto = «\"2026-12-01 08:00\"",
        )],
        &[&["there is no hazard `tank2`", "tank1"], &["the work ends before it begins"]],
    ),
    (
        &[("# end", "[[stop]]\nname = \"n\"\nfrom = «\"2026-12-02\"\nto = \"2026-12-03 08:00\"")],
        &[&["`2026-12-02` is no day and time", "2026-12-01 08:00"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\ncalendar = \"stop\"\nof = «\"plc.gas\"\n[[derived]]\nid = \"a.c\"\nname = \"n\"\nvalue = \"plc.gas\"\ncalendar = «\"stop\"",
        )],
        &[&["`of` says nothing beside `calendar`"], &["both `value` and `calendar` are given"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"max\"\nof = \"plc.gas\"\nperiod = «\"shift\"",
        )],
        &[&["nothing says when shifts begin", "[calendar]"]],
    ),
    (
        &[("h = 60", "h = 60\nonly_during = [«\"work_hours\"]")],
        &[&["`work_hours` is no time of the week", "working_hours"]],
    ),
];

#[test]
fn p8_of_the_calendar() {
    check(CASES);
}
