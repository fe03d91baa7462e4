//! Rule packs with derived points and conditions: what they become where they are applied, and where their mistakes are told.

use super::files::{check, load_files};
use crate::model::Class;
use crate::model::limits::ROLE_POINTS_MAX;
use crate::site::{Formula, Function, RuleKind, Site, Source};

/// A pack with one of everything.
const PACK: &str = r#"name = "Mine"
about = "x"
setpoints = { fast = 5 }
[[role]]
id = "level"
name = "n"
unit = "m"
[[role]]
id = "valve"
name = "n"
[[role]]
id = "gas"
name = "n"
unit = "%LEL"
many = 2
[[derived]]
id = "rate"
roles = ["level"]
name = { zh = "{name}速率", en = "{name}, rate" }
function = "rate"
of = "self"
over = "5min"
limits = { h = 3, only_when = "valve" }
[[rule]]
id = "leak"
roles = ["level"]
[rule.condition]
when = "!valve && self.rate > setpoints.fast"
message = { zh = "{name}泄漏", en = "{name} leaks" }
[[rule]]
id = "full"
[rule.condition]
when = "valve && level > 9"
message = { zh = "{name}：满", en = "{name}: full" }
[[rule]]
id = "vote"
[rule.condition]
when = "at_least(2, gas > 20)"
message = "two"
"#;

/// A site to put the pack on.
const SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant 1"
[[hazard]]
id = "tank1"
kind = "tank_farm"
name = { zh = "罐区", en = "Tanks" }
[[device]]
id = "plc"
hazard = "tank1"
address = "10.0.0.5:502"
[[point]]
device = "plc"
signal = "level"
name = { zh = "液位", en = "Level" }
unit = "m"
role = "level"
register = "holding:40"
[[point]]
device = "plc"
signal = "valve"
name = "V"
role = "valve"
register = "coil:1"
[[pack]]
use = "mine"
hazard = "tank1"
"#;

fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the text");
        text.replacen(from, to, 1)
    })
}

fn site(pack: &[(&str, &str)], site: &[(&str, &str)]) -> Site {
    let files = [("site.toml", &*edited(SITE, site)), ("packs/mine.toml", &*edited(PACK, pack))];
    load_files(&files, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn refuse(pack: &[(&str, &str)], site: &[(&str, &str)], expected: &[&[&str]]) {
    let files = [("site.toml", &*edited(SITE, site)), ("packs/mine.toml", &*edited(PACK, pack))];
    check(&files, &[], expected);
}

fn rule<'s>(site: &'s Site, name: &str) -> &'s crate::site::Rule {
    site.rules.iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("no rule {name}"))
}

#[test]
fn what_a_pack_makes_is_named_and_worded_by_what_it_is_made_for() {
    let site = site(&[], &[]);
    let rate = site.points.iter().find(|point| point.name == "plc.level.rate").expect("the derived point");
    assert_eq!((rate.title.zh.as_str(), rate.unit.as_str()), ("液位速率", "m/min"));
    assert_eq!((rate.hazard, rate.role.as_deref()), (site.points[0].hazard, Some("rate")));
    let Source::Derived(Formula::Window(window)) = &rate.source else { panic!("{rate:?}") };
    assert_eq!(window.of.index(), 0);
    assert!(matches!(window.function, Function::Rate { .. }));
    assert!(rule(&site, "plc.level.rate").binding.is_some());
    rule(&site, "plc.level.rate.signal");
    let leak = rule(&site, "plc.level.leak");
    assert_eq!(leak.message.as_ref().map(|text| text.zh.as_str()), Some("液位泄漏"));
    let RuleKind::Condition(condition) = &leak.kind else { panic!("{leak:?}") };
    assert_eq!(condition.points.iter().map(|point| point.index()).collect::<Vec<_>>(), [1, 2]);
    let full = rule(&site, "tank1.full");
    assert_eq!(full.message.as_ref().map(|text| text.en.as_str()), Some("Tanks: full"));
    assert_eq!(full.hazard, site.points[0].hazard);
}

#[test]
fn p2_what_cannot_be_made_for_want_of_a_signal_is_told() {
    let without_valve = site(&[], &[("role = \"valve\"\n", "")]);
    let told: Vec<(&str, &[String])> =
        without_valve.left_out.iter().map(|one| (one.rule.as_str(), &*one.lacks)).collect();
    let valve = ["valve".to_owned()];
    assert_eq!(told, [("tank1.full", &valve[..]), ("plc.level.leak", &valve[..])]);
    // Limits that were to count only while the valve is open count always.
    assert!(rule(&without_valve, "plc.level.rate").binding.is_none());
    // Of a vote nothing is there, so nothing is missed.
    assert!(site(&[], &[]).left_out.is_empty());
}

#[test]
fn a_vote_asks_every_point_that_has_the_role() {
    let gas = "[[point]]\ndevice = \"plc\"\nsignal = \"gN\"\nname = \"G\"\nunit = \"%LEL\"\nrole = \"gas\"\nregister = \"input:N\"\n";
    let points: String = ["1", "2", "3"].map(|number| gas.replace('N', number)).concat();
    let whole = site(&[], &[("[[pack]]", &format!("{points}[[pack]]"))]);
    let RuleKind::Condition(vote) = &rule(&whole, "tank1.vote").kind else { panic!("no condition") };
    assert_eq!(vote.points.len(), 3);
    let many: String = (0..=ROLE_POINTS_MAX).map(|number| gas.replace('N', &number.to_string())).collect();
    let wanted: &[&str] =
        &["wants at most 256 points with the role `gas`, and 257 have it", "name its `points`"];
    refuse(&[], &[("[[pack]]", &format!("{many}[[pack]]"))], &[wanted]);
    let one = site(&[], &[("[[pack]]", &format!("{}[[pack]]", gas.replace('N', "1")))]);
    assert!(one.rules.iter().all(|rule| rule.name != "tank1.vote"), "two are wanted");
}

#[test]
fn each_tank_of_a_hazard_has_its_own_pack() {
    let second = "[[point]]\ndevice = \"plc\"\nsignal = \"level2\"\nname = \"L2\"\nunit = \"m\"\nrole = \"level\"\nregister = \"holding:42\"\n\
                  [[point]]\ndevice = \"plc\"\nsignal = \"valve2\"\nname = \"V2\"\nrole = \"valve\"\nregister = \"coil:2\"\n";
    let packs = "[[pack]]\nuse = \"mine\"\nid = \"t1\"\npoints = [\"plc.level\", \"plc.valve\"]\n\
                 [[pack]]\nuse = \"mine\"\nid = \"t2\"\nname = \"T2\"\npoints = [\"plc.level2\", \"plc.valve2\"]\nsetpoints = { fast = 7 }\n";
    let whole = site(&[], &[("[[pack]]\nuse = \"mine\"\nhazard = \"tank1\"\n", &format!("{second}{packs}"))]);
    let full = rule(&whole, "t2.full");
    let RuleKind::Condition(condition) = &full.kind else { panic!("{full:?}") };
    assert_eq!(condition.points.iter().map(|point| point.index()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(full.message.as_ref().map(|text| text.en.as_str()), Some("T2: full"));
    rule(&whole, "t1.full");
    assert!(format!("{:?}", rule(&whole, "plc.level2.leak").kind).contains("7.0"));
    assert!(format!("{:?}", rule(&whole, "plc.level.leak").kind).contains("5.0"));
    let both = [("[[pack]]", &*format!("{second}[[pack]]"))];
    let message: &[&str] = &[
        "site.toml:",
        "one point with the role `valve`, and 2 have it: plc.valve, plc.valve2",
        "once for each",
    ];
    refuse(&[], &both, &[message]);
}

#[test]
fn what_is_not_wanted_is_left_out() {
    let whole = site(&[], &[("use = \"mine\"", "use = \"mine\"\nwithout = [\"full\"]")]);
    assert!(whole.rules.iter().all(|rule| rule.name != "tank1.full"));
    rule(&whole, "plc.level.leak");
    let wrong = [("use = \"mine\"", "use = \"mine\"\nwithout = [\"ful\"]")];
    refuse(&[], &wrong, &[&["site.toml:29:12", "has no rule `ful`", "did you mean `full`"]]);
}

#[test]
fn the_first_of_several_of_one_id_whose_signals_are_there_is_made() {
    let rules = "[[rule]]\nid = \"full\"\n[rule.condition]\nwhen = \"level > 8\"\nmessage = \"second\"\n[[rule]]\nid = \"full\"\n[rule.condition]\nwhen = \"level > 7\"\nmessage = \"third\"\n[[rule]]\nid = \"vote\"";
    let more = [("[[rule]]\nid = \"vote\"", rules)];
    assert_eq!(
        rule(&site(&more, &[]), "tank1.full").message.as_ref().map(|text| text.en.as_str()),
        Some("Tanks: full")
    );
    let lacking = site(&more, &[("role = \"valve\"\n", "")]);
    assert_eq!(rule(&lacking, "tank1.full").message.as_ref().map(|text| text.en.as_str()), Some("second"));
    assert!(lacking.left_out.iter().all(|one| one.rule != "tank1.full"), "{:?}", lacking.left_out);
}

#[test]
fn p8_mistakes_of_a_pack_are_told_in_it_once() {
    for (edit, expected) in [
        (
            ("valve && level > 9", "valve && levle > 9"),
            &["mine.toml:33:18", "no role `levle`", "did you mean `level`"][..],
        ),
        (
            ("valve && level > 9", "valve && self > 9"),
            &["mine.toml:33:18", "nothing is `self` here", "add `roles"],
        ),
        (("self.rate > setpoints.fast", "self.rat > 2"), &["mine.toml:28:19", "no role `self.rat`"]),
        (
            ("valve && level > 9", "valve && level"),
            &["mine.toml:33:18", "a number where a condition is wanted"],
        ),
        (("valve && level > 9", "valve & level > 9"), &["mine.toml:33:"]),
        (
            ("at_least(2, gas > 20)", "gas > 20"),
            &["mine.toml:38:9", "`gas` may be several points", "at_least"],
        ),
        (("of = \"self\"", "of = \"gsa\""), &["mine.toml:21:7", "no role `gsa`", "did you mean `gas`"]),
        (("only_when = \"valve\"", "only_when = \"vavle\""), &["mine.toml:23:32", "did you mean `valve`"]),
        (
            ("[[derived]]\n", "[[role]]\nid = \"rate\"\nname = \"n\"\n[[derived]]\n"),
            &["mine.toml:17:6", "`rate` stands for something else"],
        ),
        (
            ("roles = [\"level\"]\nname", "roles = [\"tank_level\"]\nname"),
            &["mine.toml:18:10", "the unit of `tank_level`"],
        ),
        (
            ("over = \"5min\"", "over = \"5min\"\npercent_of = \"fast\""),
            &["mine.toml:23:14", "nothing here is a percentage"],
        ),
        (
            (
                "[rule.condition]\nwhen = \"at_least",
                "percent_of = \"fast\"\n[rule.condition]\nwhen = \"at_least",
            ),
            &["mine.toml:37:14", "nothing here is a percentage"],
        ),
        (
            (
                "[rule.condition]\nwhen = \"at_least",
                "limits = { h = 1 }\n[rule.condition]\nwhen = \"at_least",
            ),
            &["mine.toml:35:1", "both limits and a condition"],
        ),
        (
            ("[rule.condition]\nwhen = \"at_least(2, gas > 20)\"\nmessage = \"two\"\n", ""),
            &["mine.toml:35:1", "it asks nothing"],
        ),
        (
            (
                "[rule.condition]\nwhen = \"at_least(2, gas > 20)\"\nmessage = \"two\"\n",
                "limits = { h = 1 }\n",
            ),
            &["mine.toml:35:1", "on no point"],
        ),
    ] {
        let mut second = String::from(SITE);
        second.push_str("[[pack]]\nuse = \"mine\"\npoints = [\"plc.level\"]\n");
        let pack = edited(PACK, &[edit]);
        check(&[("site.toml", &second), ("packs/mine.toml", &pack)], &[], &[expected]);
    }
}

#[test]
fn p8_mistakes_in_how_a_pack_is_applied_are_told_in_the_site_file() {
    refuse(
        &[("setpoints = { fast = 5 }\n", "")],
        &[],
        &[&["site.toml:27:1", "needs the set-point `fast`", "setpoints = { fast"]],
    );
    refuse(
        &[],
        &[("unit = \"m\"", "unit = \"cm\"")],
        &[
            &["site.toml:27:1", "needs `plc.level` in m, and it is in `cm`", "without"],
            &["site.toml:29:10", "needs `plc.level` in m"],
        ],
    );
    refuse(
        &[],
        &[("role = \"level\"\n", "")],
        &[&[
            "site.toml:28:10",
            "nothing of pack `mine` can be made",
            "`tank1.full` lacks a point with the role level",
        ]],
    );
    refuse(
        &[],
        &[
            ("hazard = \"tank1\"\naddress", "address"),
            ("use = \"mine\"\nhazard = \"tank1\"", "use = \"mine\"\npoints = [\"plc.level\", \"plc.valve\"]"),
        ],
        &[&["site.toml:26:1", "nothing says what this pack is applied to", "`id"]],
    );
}

#[test]
fn what_several_signals_or_a_trend_say_is_a_warning_unless_the_rule_says_otherwise() {
    let whole = site(&[("when = \"valve && level > 9\"", "when = \"level > 9\"")], &[]);
    let class = |site: &Site, name: &str| rule(site, name).class;
    assert_eq!(class(&whole, "plc.level.rate"), Class::Warning, "a limit on a trend");
    assert_eq!(class(&whole, "plc.level.leak"), Class::Warning, "several points");
    assert_eq!(class(&whole, "tank1.full"), Class::Alarm, "one point");
    assert_eq!(class(&whole, "plc.level.signal"), Class::Alarm);
    let said = [
        ("limits = { h = 3,", "limits = { h = 3, class = \"alarm\","),
        ("when = \"valve && level > 9\"", "when = \"level > 9\"\nclass = \"warning\""),
    ];
    let whole = site(&said, &[]);
    assert_eq!(class(&whole, "plc.level.rate"), Class::Alarm);
    assert_eq!(class(&whole, "tank1.full"), Class::Warning);
}
