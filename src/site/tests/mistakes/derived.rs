//! Mistakes in derived points, in `stuck` and in `keep`.

use super::{Case, check};

const CASES: &[Case<'_>] = &[
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.level + «plc.gsa\"")],
        &[&["there is no point `plc.gsa`", "plc.gas"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.level + («plc.gas > 2)\"")],
        &[&["a condition where a number is wanted"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = «\"1 + 2\"")],
        &[&["it looks at no point"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.level + «a.b\"")],
        &[&["`a.b` is defined further down, or is this point itself", "put it before"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"«a.c > 1\"\n[[derived]]\nid = \"a.c\"\nname = \"n\"\nvalue = \"plc.level\"",
        )],
        &[&["`a.c` is defined further down"]],
    ),
    (
        &[("# end", "«[[derived]]\nid = \"a.b\"\nname = \"n\"")],
        &[&["nothing says how it is worked out", "`function`"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.level\"\nfunction = «\"mean\"")],
        &[&["both `value` and `function`", "keep one"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.level\"\nover = «\"5min\"")],
        &[&["`over` says nothing beside `value`"]],
    ),
    (
        &[("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = ««\"mean\"")],
        &[&["`of` is missing"], &["`over` is missing", "5min"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"mean\"\nof = \"«plc.levle\"\nover = «\"0s\"",
        )],
        &[&["there is no point `plc.levle`", "plc.level"], &["a window of no length"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = «\"forecast\"\nof = \"plc.level\"\nover = \"5min\"",
        )],
        &[&["`to` is missing"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"mean\"\nof = \"plc.level\"\nover = \"5min\"\nper = «\"1min\"",
        )],
        &[&["`per` says nothing with this function"]],
    ),
    (
        &[("# end", "[[derived]]\nid = «\"plc.level\"\nname = \"n\"\nvalue = \"plc.gas\"")],
        &[&["point `plc.level` is defined twice"]],
    ),
    (
        &[
            ("id = \"sensor\"", "id = «\"derived\""),
            ("device = \"sensor\"", "device = \"derived\""),
            ("point = \"sensor.temperature\"", "point = \"derived.temperature\""),
            ("# end", "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.gas\""),
        ],
        &[&["`derived` is what derived points belong to", "another id"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nvalue = \"plc.gas\"\nrange = «[5, 1]\nlimits = { h = 3, hh = «2 }",
        )],
        &[&["the range [5, 1] is empty"], &["`h` = 3 is not below `hh` = 2"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = «\"energy\"\nof = «\"plc.level\"\nover = «\"5min\"",
        )],
        &[
            &["`period` is missing", "day"],
            &["`plc.level` is in `m`", "kWh"],
            &["`over` says nothing with this function", "period"],
        ],
    ),
    (
        &[
            ("unit = \"m\"", "unit = \"kW\""),
            (
                "# end",
                "[[derived]]\nid = \"a.b\"\nname = \"n\"\nunit = «\"MWh\"\nfunction = \"energy\"\nof = \"plc.level\"\nperiod = \"day\"\nmodulus = «1000",
            ),
        ],
        &[&["it comes to `kWh`, and not to `MWh`"], &["`plc.level` is a power, which never begins again"]],
    ),
    (
        &[
            ("unit = \"m\"", "unit = \"kWh\""),
            (
                "# end",
                "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"demand\"\nof = \"plc.level\"\nmodulus = «-1",
            ),
        ],
        &[&["a counter that begins again at -1 counts nothing"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"max\"\nof = \"plc.level\"\nperiod = «\"dya\"",
        )],
        &[&["`dya` is not known here", "day"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"max\"\nof = \"plc.level\"\nover = «\"5min\"\nperiod = \"day\"",
        )],
        &[&["both `over` and `period` are given", "keep one"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"mean\"\nof = \"plc.level\"\nover = \"5min\"\nwhich = «\"last\"",
        )],
        &[&["`which` says nothing without `period`"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = «\"state\"\nof = \"plc.level\"\nidle = 2\nover = «\"5min\"",
        )],
        &[&["`running` is missing", "from which load"], &["`over` says nothing with this function"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"state\"\nof = \"plc.level\"\nidle = 2\nrunning = 20\noverload = «15\ndeadband = «-1",
        )],
        &[&["`running` = 20 is not below `overload` = 15"], &["a deadband of -1 is negative"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"state\"\nof = \"plc.level\"\nidle = 2\nrunning = 20\ndeadband = «18",
        )],
        &[&["a deadband of 18 is wider than a state, which spans 18"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"hours\"\nof = «\"plc.level\"\nrunning = «20",
        )],
        &[
            &["`plc.level` is a number, and hours are those in which something is on", "state"],
            &["`running` says nothing with this function"],
        ],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"deviation\"\nof = «\"plc.level\"\npercent = «5",
        )],
        &[
            &["`plc.level` is no baseline", "function = \"baseline\""],
            &["`percent` says nothing with this function"],
        ],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"baseline\"\nof = \"plc.level\"\npercent = «-5\nover = «\"5min\"",
        )],
        &[&["a margin of -5 % is negative"], &["`over` says nothing with this function"]],
    ),
    (
        &[("unit = \"m\"", "unit = \"m\"\nkeep = { at_least = «\"0s\", deadband = «-1 }")],
        &[&["every reading would be kept"], &["a deadband of -1 is negative"]],
    ),
    (
        &[("unit = \"m\"", "unit = \"m\"\nstuck = { after = «\"0s\", band = «-1 }")],
        &[&["stuck at once"], &["a band of -1 is negative"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"state\"\nof = \"plc.level\"\nrunning = «\"learnt\"",
        )],
        &[&["learned"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"state\"\nof = \"plc.level\"\nrunning = 20\ndays = «3",
        )],
        &[&["`days` = 3 says nothing where `running` is given", "learned"]],
    ),
    (
        &[(
            "# end",
            "[[derived]]\nid = \"a.b\"\nname = \"n\"\nfunction = \"running_from\"\nof = «\"plc.level\"",
        )],
        &[&["`plc.level` is no state of production", "function = \"state\""]],
    ),
];

#[test]
fn p8_of_derived_points() {
    check(CASES);
}
