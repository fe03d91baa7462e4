//! Mistakes about what a number means, and about the registers that scale or qualify it.

use super::{Case, check};

const REGISTER: &str = "register = \"input:0\"";

const CONVERSIONS: &[Case<'_>] = &[
    (
        &[(REGISTER, "register = \"input:0\"\nraw = [0, 10]\nspan = [0, 1]\nscale = «2")],
        &[&["`scale` and `raw` both"]],
    ),
    (&[(REGISTER, "register = \"input:0\"\nraw = «[0, 10]")], &[&["ends of `raw` mean", "range = [0, 10]"]]),
    (
        &[(REGISTER, "register = \"input:0\"\nspan = [0, 1]\nraw = «[10, 0]")],
        &[&["[10, 0] is empty", "`span`"]],
    ),
    (
        &[(REGISTER, "register = \"input:0\"\nraw = [0, 9]\nspan = «[1, 1]")],
        &[&["both ends of `raw` mean the same"]],
    ),
    (&[(REGISTER, "register = \"input:0\"\nspan = «[0, 1]")], &[&["`span` says nothing without `raw`"]]),
    (&[(REGISTER, "register = \"input:0\"\nloop = «\"4-20ma\"")], &[&["not known", "raw = [4000, 20000]"]]),
    (
        &[(REGISTER, "register = \"input:0\"\nrange = [0, 100]\nraw = [0, 27648]\nloop = «\"4-20ma\"")],
        &[&["a broken wire would not be seen: 3.6 mA is -691", "sign"]],
    ),
    (&[(REGISTER, "register = \"coil:0\"\nspan = [0, 1]\nraw = «[0, 1]")], &[&["a bit is none"]]),
    (&[(REGISTER, "register = \"input:0\"\ninvalid = [1, «70000]")], &[&["never says 70000", "0x7FFF"]]),
    (&[(REGISTER, "register = \"input:0\"\ncodes = { x = «\"a\" }")], &[&["never says the code `x`"]]),
    (&[(REGISTER, "register = \"input:0\"\nscale = 2\ncodes = «{ 1 = \"a\" }")], &[&["can't be scaled"]]),
    (
        &[(REGISTER, "register = \"input:0\"\ntype = \"f32\"\ncodes = «{ 1 = \"a\" }")],
        &[&["this type is none"]],
    ),
    (
        &[(REGISTER, "register = \"input:0\"\ncodes = { 1 = \"a\" }\nwords = «{ RUN = 1 }")],
        &[&["`words` is for text", "ascii"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\ntype = \"ascii\"\nlength = 2\ncodes = { 1 = \"a\" }\nwords = { RUN = «2 }",
        )],
        &[&["`RUN` is no known code: 2"]],
    ),
    (&[(REGISTER, "register = \"input:0\"\ntype = «\"ascii\"")], &[&["length of the text", "length = 4"]]),
    (&[(REGISTER, "register = \"input:0\"\nlength = «2")], &[&["`length` is for texts"]]),
];

#[test]
fn p8_a_number_means_one_thing() {
    check(CONVERSIONS);
}

const HELPERS: &[Case<'_>] = &[
    (
        &[(REGISTER, "register = \"input:0\"\nscale_by = [{ register = «\"inputs:1\" }]")],
        &[&["not a table", "did you mean `input`"]],
    ),
    (
        &[(REGISTER, "register = \"input:0\"\nscale_by = [{ register = \"input:1\", scale = «0 }]")],
        &[&["greater than 0"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\nscale_by = [{ register = \"input:1\", kind = \"decimals\", scale = «2 }]",
        )],
        &[&["decimal places can't be scaled"]],
    ),
    (
        &[(REGISTER, "register = \"input:0\"\nscale_by = [{ register = \"input:1\", type = «\"ascii\" }]")],
        &[&["this is text"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\nspan = [0, 1]\nraw = [0, 9]\nscale_by = «[{ register = \"input:1\" }]",
        )],
        &[&["`raw` says already"]],
    ),
    (
        &[(REGISTER, "register = \"input:0\"\nstatus = [{ register = \"input:1\", quality = «\"good\" }]")],
        &[&["only take trust away", "sensor_fault"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\nstatus = [{ register = \"input:1\", quality = «\"bad:weather\" }]",
        )],
        &[&["not a quality", "maintenance"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\nstatus = [{ register = \"input:1\", is = [1], above = «2, quality = \"bad:stale\" }]",
        )],
        &[&["`is` and `above` are two tests"]],
    ),
    (
        &[(
            REGISTER,
            "register = \"input:0\"\nstatus = [{ register = \"coil:1\", above = «1, quality = \"bad:stale\" }]",
        )],
        &[&["a bit is 0 or 1"]],
    ),
    (
        &[("unit = 1", "unit = 1\nstatus = [{ register = «\"input:65536\", quality = \"bad:stale\" }]")],
        &[&["ends beyond the table"]],
    ),
    (
        &[("pointer = \"/t\"", "pointer = \"/t\"\nstatus = «[]")],
        &[&["`status` is for a Modbus device", "a [[point]] with `codes`"]],
    ),
    (
        &[("pointer = \"/t\"", "pointer = \"/t\"\nscale_by = «[]")],
        &[&["`scale_by` is for a Modbus device", "use `scale`"]],
    ),
    (
        &[("register = \"input:0\"", "register = «\"40011\"")],
        &[&["not a register", "\"holding:10\", or \"holding:11\" with address_base = 1"]],
    ),
];

#[test]
fn p8_helping_registers_are_held_to_the_same_rules() {
    check(HELPERS);
}
