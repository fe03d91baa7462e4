//! Mistakes in derived points, and in `stuck`.

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
        &[("unit = \"m\"", "unit = \"m\"\nstuck = { after = «\"0s\", band = «-1 }")],
        &[&["stuck at once"], &["a band of -1 is negative"]],
    ),
];

#[test]
fn p8_of_derived_points() {
    check(CASES);
}
