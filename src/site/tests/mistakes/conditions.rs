//! Mistakes in conditions, each at its column in the expression.

use super::{Case, check};

const CASES: &[Case<'_>] = &[
    (
        &[("# end", RULE), ("LEVEL > 1", "plc.level > 1 && «plc.gsa > 2")],
        &[&["there is no point `plc.gsa`", "plc.gas"]],
    ),
    (
        &[("# end", RULE), ("LEVEL > 1", "plc.level > 1 && («plc.gas)")],
        &[&["a number where a condition is wanted"]],
    ),
    (&[("# end", RULE), ("\"LEVEL > 1", "«\"1 > 2")], &[&["the condition looks at no point"]]),
    (
        &[("# end", RULE), ("LEVEL > 1\"", "plc.level > 1\"\nuntil = \"plc.level «= 1\"")],
        &[&["`=` gives a value", "compare with `==`"]],
    ),
    (
        &[("# end", RULE), ("LEVEL > 1\"", "plc.level > 1\"\nlevel = «\"red\"")],
        &[&["`red` is not known here"]],
    ),
    (
        &[("# end", RULE), ("LEVEL > 1\"", "plc.level > 1\"\n«point = \"plc.level\"")],
        &[&["unknown key `point`", "known here"]],
    ),
    (&[("# end", "«[[rule]]\nid = \"x\"\nkind = \"condition\"\nmessage = \"m\"")], &[&["`when` is missing"]]),
];

const RULE: &str = "[[rule]]\nid = \"both\"\nkind = \"condition\"\nmessage = \"m\"\nwhen = \"LEVEL > 1\"";

#[test]
fn p8_of_conditions() {
    check(CASES);
}
