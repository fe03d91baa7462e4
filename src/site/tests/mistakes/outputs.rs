//! Mistakes about outputs: where they stand, what is written, and what calls for them.

use super::{Case, check};

/// An output that is right, at the end of the file, with something more in it.
macro_rules! output {
    ($more:expr) => {
        ("# end", concat!("[[output]]\nid = \"siren\"\nname = \"S\"\ndevice = \"plc\"\n", $more, "\n"))
    };
}

const PLACES: &[Case<'_>] = &[
    (
        &[("# end", "[[output]]\nid = \"a\"\nname = \"S\"\ndevice = «\"plx\"\nregister = \"coil:1\"")],
        &[&["no device `plx`", "did you mean `plc`"]],
    ),
    (
        &[("# end", "[[output]]\nid = \"a\"\nname = \"S\"\ndevice = «\"sensor\"\nregister = \"coil:1\"")],
        &[&["an output stands on a Modbus device, and this is none", "modbus-tcp"]],
    ),
    (
        &[(
            "# end",
            "[[device]]\nid = «\"bare\"\naddress = \"10.0.0.6:502\"\n[[output]]\nid = \"a\"\nname = \"S\"\ndevice = «\"bare\"\nregister = \"coil:1\"",
        )],
        &[&["device `bare` has no points"], &["device `bare` has no point", "add a [[point]] there"]],
    ),
    (&[output!("hazard = «\"tank2\"\nregister = \"coil:1\"")], &[&["no hazard `tank2`", "tank1"]]),
    (&[output!("register = «\"input:1\"")], &[&["this table can only be read", "`coil` or a `holding`"]]),
    (&[output!("register = «\"discrete:1\"")], &[&["this table can only be read"]]),
    (
        &[
            ("unit = 1", "unit = 1\naddress_base = 1"),
            ("input:0", "input:1"),
            output!("register = «\"coil:0\""),
        ],
        &[&["address 0 does not exist", "1 to 65536"]],
    ),
    (
        &[output!("register = «\"holding:65535\"\ntype = \"u32\"")],
        &[&["it ends beyond the table", "the last address for it is 65534"]],
    ),
    (
        &[output!(
            "register = \"holding:7\"\ntype = \"f32\"\n[[output]]\nid = \"b\"\nname = \"B\"\ndevice = \"plc\"\nregister = «\"holding:8\""
        )],
        &[&["another output stands there", "site.toml:60:12", "a coil or registers of its own"]],
    ),
    (
        &[output!(
            "register = \"coil:7\"\n[[output]]\nid = «\"siren\"\nname = \"B\"\ndevice = \"plc\"\nregister = \"coil:8\""
        )],
        &[&["output `siren` is defined twice", "site.toml:57:6"]],
    ),
];

#[test]
fn p8_an_output_stands_where_something_can_be_written() {
    check(PLACES);
}

const VALUES: &[Case<'_>] = &[
    (&[output!("register = \"coil:1\"\non = 1\noff = «1")], &[&["on and off are both 1", "different"]]),
    (&[output!("register = \"coil:1\"\ntype = «\"u16\"")], &[&["a coil holds a bit only", "drop `type`"]]),
    (&[output!("register = \"coil:1\"\non = «2")], &[&["a coil is 0 or 1"]]),
    (&[output!("register = \"coil:1\"\non = 0\noff = «0.5")], &[&["a coil is 0 or 1"]]),
    (
        &[output!("register = \"holding:1\"\ntype = «\"u64\"")],
        &[&["an output can't be written so", "u16, i16, u32, i32 or f32"]],
    ),
    (
        &[output!("register = \"holding:1\"\non = «65536")],
        &[&["it does not fit the type", "a whole number from 0 to 65535"]],
    ),
    (&[output!("register = \"holding:1\"\non = «0.5")], &[&["does not fit the type"]]),
    (
        &[output!("register = \"holding:1\"\ntype = \"i16\"\noff = «-32769")],
        &[&["does not fit the type", "from -32768 to 32767"]],
    ),
    (
        &[output!("register = \"holding:1\"\ntype = \"u32\"\non = «-1")],
        &[&["does not fit the type", "from 0 to 4294967295"]],
    ),
    (
        &[output!("register = \"holding:1\"\ntype = \"i32\"\non = «3000000000")],
        &[&["does not fit the type", "to 2147483647"]],
    ),
];

#[test]
fn p8_what_is_written_to_an_output_fits_it() {
    check(VALUES);
}

const CALLS: &[Case<'_>] = &[
    (
        &[output!("register = \"coil:1\"\nwhile_alarm = «[\"tank1.hot\"]")],
        &[&["alarms call for an output that is not enabled", "`enabled = true`", "`enabled = false`"]],
    ),
    (&[output!("register = \"coil:1\"\nlevel = «2")], &[&["alarms call for an output that is not enabled"]]),
    (
        &[output!("register = \"coil:1\"\nenabled = true\nwhile_alarm = [\"plc.level\", «\"tank1.hat\"]")],
        &[&["no alarm `tank1.hat`", "did you mean `tank1.hot`"]],
    ),
    (
        &[
            ("hazard = \"tank1\"\naddress", "address"),
            output!("register = \"coil:1\"\nenabled = true\nlevel = «2"),
        ],
        &[&["neither this output nor its device has one", "add `hazard`", "`while_alarm`"]],
    ),
    (
        &[output!("register = \"coil:1\"\nenabled = true\nfailed_after = «\"500ms\"")],
        &[&["`500ms` is too short", "at least 1s"]],
    ),
    (
        &[
            ("id = \"tank1.hot\"", "id = \"siren\""),
            ("# end", "[[output]]\nid = «\"siren\"\nname = \"S\"\ndevice = \"plc\"\nregister = \"coil:1\""),
        ],
        &[&["`siren` is an alarm's name already", "give one of them another"]],
    ),
    (
        &[
            ("id = \"tank1.hot\"", "id = \"siren.failed\""),
            (
                "# end",
                "[[output]]\nid = «\"siren\"\nname = \"S\"\ndevice = \"plc\"\nregister = \"coil:1\"\nenabled = true",
            ),
        ],
        &[&["alarm `siren.failed` is defined twice"]],
    ),
];

#[test]
fn p8_what_calls_for_an_output_is_there_and_it_is_said_whether_it_comes() {
    check(CALLS);
}

#[test]
fn p5_a_site_has_at_most_so_many_outputs() {
    use crate::model::limits::OUTPUTS_MAX;
    let output = |n: usize| {
        format!("[[output]]\nid = \"o{n}\"\nname = \"S\"\ndevice = \"plc\"\nregister = \"coil:{n}\"\n")
    };
    let all: String = (0..OUTPUTS_MAX).map(output).collect();
    super::super::site(&crate::site::tests::edited(&[("# end", &all)]));
    let more = format!("{all}«{}", output(OUTPUTS_MAX));
    check(&[(&[("# end", &more)], &[&["a site has at most 256 outputs"]])]);
}
