//! Mistakes in the power tree, and in packs on it.

use super::{Case, check};

/// A meter of three circuits, and the tree's incomer.
const TREE: &str = r#"[[device]]
id = "m"
address = "10.0.0.7:502"
[[point]]
device = "m"
signal = "power"
name = "P"
unit = "kW"
register = "holding:0"
[[point]]
device = "m"
signal = "power_2"
name = "P2"
unit = "kW"
register = "holding:2"
[[point]]
device = "m"
signal = "power_3"
name = "P3"
unit = "MW"
register = "holding:4"
[[point]]
device = "m"
signal = "reactive"
name = "Q"
unit = "kvar"
register = "holding:6"
[[feeder]]
id = "incomer"
name = "I"
meter = "m"
"#;

/// A case whose edits stand behind the tree.
fn behind(text: &str) -> String {
    format!("{TREE}{text}# end")
}

/// What stands behind the tree, and the words of each mistake in it.
const CASES: &[(&str, &[&[&str]])] = &[
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\npower = \"m.power_2\"\nparent = «\"incomr\"\n",
        &[&["there is no feeder `incomr`", "incomer"]],
    ),
    (
        "[[feeder]]\nid = «\"a\"\nname = \"A\"\npower = \"m.power_2\"\n",
        &[&["`a` has no `parent`, and neither has `incomer`", "one power tree"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\npower = \"m.power_2\"\nparent = «\"b\"\n[[feeder]]\nid = \"b\"\nname = \"B\"\nparent = \"a\"\n",
        &[&["`a` is fed from itself: a from b from a", "the incomer has no `parent`"]],
    ),
    (
        "[[feeder]]\nid = «\"a\"\nname = \"A\"\nparent = \"incomer\"\n",
        &[&["nothing measures `a`, and it feeds nothing", "meter"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = «\"m.power\"\n",
        &[&["`m.power` measures `incomer` already"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = «\"m.power_3\"\n",
        &[&["`m.power_3` comes to `MW`, and the tree's other feeders to `kW`", "scale"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = «\"m.reactive\"\n",
        &[&["`m.reactive` is in `kvar`, which is no active power: W, kW or MW"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\nenergy = «\"m.power_2\"\n",
        &[&["`m.power_2` is in `kW`, which is no counter of active energy"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\nmeter = «\"sensor\"\n",
        &[&["`sensor` has no point with the role `power`, `energy` or `current_a`", "power = "]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"«m.pwer\"\n",
        &[&["there is no point `m.pwer`", "m.power"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\ncurrents = «[«\"m.power_3\", «\"m.reactive\"]\n",
        &[
            &["2 points for the phases of a line"],
            &["`m.power_3` is in `MW`, which is no current"],
            &["`m.reactive`"],
        ],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\nserves = «[\"incomer\"]\n",
        &[&["`a` protects nothing, by its role", "cooling"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\nrole = \"cooling\"\nserves = [«\"incomer\", «\"b\"]\n",
        &[&["`incomer` is no production line, by its role"], &["there is no feeder `b`"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\nidle = «3\nrated_current = «30\nrated_power = «-1\nmodulus = «1000\n",
        &[
            &["`idle` says nothing without `running`"],
            &["`rated_current` says nothing without `currents`"],
            &["`rated_power` = -1 is nothing"],
            &["`modulus` says nothing without `energy`"],
        ],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\nrunning = 20\noverload = «10\n",
        &[&["`running` = 20 is not below `overload` = 10"]],
    ),
    (
        "[[feeder]]\nid = «\"a\"\nname = \"A\"\nparent = \"incomer\"\nrunning = «\"learned\"\n",
        &[&["nothing measures `a`"], &["`running` says nothing without `power`"]],
    ),
    (
        "[[feeder]]\nid = «\"incomer\"\nname = \"A\"\npower = \"m.power_2\"\n",
        &[&["feeder `incomer` is defined twice"]],
    ),
    (
        "[[derived]]\nid = \"a.demand\"\nname = \"n\"\nfunction = \"demand\"\nof = \"m.power\"\n[[feeder]]\nid = «\"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\n",
        &[&["`a.demand` is a point already", "another id"]],
    ),
    (
        "[[pack]]\nuse = \"power_tree\"\nfeeders = [«\"incomr\"]\nhazard = «\"tank1\"\n",
        &[&["there is no feeder `incomr`"], &["both `feeders` and `hazard` are given"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\npower = \"m.power_2\"\n[[pack]]\nuse = \"power_tree\"\nfeeders = [\"incomer\", «\"incomer\"]\n",
        &[&["`incomer` is named twice"]],
    ),
    (
        "[[pack]]\nuse = \"power_tree\"\nfeeders = «[\"incomer\"]\n",
        &[&["no point of feeder `incomer` has a role that pack `power_tree` knows"]],
    ),
    (
        "[[feeder]]\nid = \"a\"\nname = \"A\"\nparent = \"incomer\"\nrole = \"production\"\npower = \"m.power_2\"\n[[pack]]\nuse = \"power_safety\"\nfeeders = «[\"a\"]\nwithout = [\"production_in_stop\", \"production_on_rest_day\"]\n",
        &[&["pack `power_safety` needs the set-point `rated_power`", "give feeder `a` its `rated_power`"]],
    ),
];

#[test]
fn p8_of_feeders() {
    for (text, expected) in CASES {
        let text = behind(text);
        let edits: &[(&str, &str)] = &[("# end", &text)];
        let case: Case<'_> = (edits, expected);
        check(&[case]);
    }
}

#[test]
fn p8_of_packs_on_no_tree() {
    check(&[(
        &[("# end", "[[pack]]\nuse = \"power_tree\"\nfeeders = [«\"*\"]")],
        &[&["this site has no power tree", "[[feeder]]"]],
    )]);
}
