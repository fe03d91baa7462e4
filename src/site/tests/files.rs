//! Files: includes, libraries beside the site file, what can't be read, and the environment over it all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{BASE, edited, variables};
use crate::model::limits::{DEVICES_MAX, POINTS_MAX, SITE_FILE_BYTES_MAX, SITE_INCLUDES_MAX};
use crate::site::{Mistakes, Site, load, parse};

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directory");
        fs::write(path, text).expect("file");
    }
}

pub(super) fn load_files(files: &[(&str, &str)], extra: &[(&str, &str)]) -> Result<Site, Mistakes> {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), files);
    let mut env = variables();
    env.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    load(&directory.path().join("site.toml"), &env)
}

/// Each mistake as `file name:line:column message | hint`.
fn said(result: Result<Site, Mistakes>) -> Vec<String> {
    let mistakes = result.expect_err("something is wrong");
    let say = |one: &crate::site::Mistake| {
        let file = one.file.rsplit('/').next().unwrap_or_default();
        let (line, column) = (one.line.unwrap_or(0), one.column.unwrap_or(0));
        format!("{file}:{line}:{column} {} | {}", one.message, one.hint.as_deref().unwrap_or_default())
    };
    mistakes.iter().map(say).collect()
}

pub(super) fn check(files: &[(&str, &str)], extra: &[(&str, &str)], expected: &[&[&str]]) {
    let said = said(load_files(files, extra));
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (line, words) in said.iter().zip(expected) {
        for word in *words {
            assert!(line.contains(word), "`{word}` is not in `{line}`");
        }
    }
}

const PART: &str =
    "[[device]]\nid = \"meter\"\ntemplate = \"acrel-adw300\"\naddress = \"10.0.0.7:502\"\nunit = 4\n";

#[test]
fn includes_add_their_tables_relative_to_the_file_that_names_them() {
    let main = edited(&[("version = 1", "version = 1\ninclude = [\"parts/a.toml\"]")]);
    let part = format!("include = [\"b.toml\"]\n{PART}");
    let site = load_files(
        &[
            ("site.toml", &main),
            ("parts/a.toml", &part),
            ("parts/b.toml", "[[hazard]]\nid = \"h2\"\nkind = \"dust\"\nname = \"x\"\n"),
        ],
        &[],
    )
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(site.devices.iter().any(|device| device.name == "meter"));
    assert_eq!(site.hazards.len(), 2);
}

#[test]
fn p8_mistakes_of_included_files_are_placed_in_them() {
    let main = edited(&[("version = 1", "version = 1\ninclude = [\"a.toml\"]")]);
    let with = |part: &str| [("site.toml".to_owned(), main.clone()), ("a.toml".to_owned(), part.to_owned())];
    let run = |part: &str, expected: &[&[&str]]| {
        let files = with(part);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        check(&files, &[], expected);
    };
    run("[site]\nenterprise = \"x\"\n", &[&["a.toml:1:2", "unknown key `site`", "device"]]);
    run(
        "[[device]]\nid = \"plc\"\naddress = \"h:502\"\n",
        &[&["a.toml:2:6", "device `plc` is defined twice", "site.toml:12:6"]],
    );
    run("include = [\"site.toml\"]\n", &[&["a.toml:1:12", "already part of this site"]]);
    run("include = [\"no.toml\"]\n", &[&["a.toml:1:12", "can't read `no.toml`", "no such file"]]);
    run("[[device]\n", &[&["a.toml:1", "not TOML"]]);
}

#[test]
fn p8_a_reference_into_a_file_that_cannot_be_read_is_no_second_mistake() {
    let main = edited(&[
        ("version = 1", "version = 1\ninclude = [\"no.toml\"]"),
        ("point = \"sensor.temperature\"", "point = \"elsewhere.temperature\""),
    ]);
    check(&[("site.toml", &main)], &[], &[&["site.toml:2:12", "can't read `no.toml`"]]);
}

#[test]
fn p8_unreadable_and_too_large_files_are_mistakes_without_a_position() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = load(&directory.path().join("no.toml"), &BTreeMap::new());
    assert!(said(missing)[0].contains("no.toml:0:0 can't read"));
    assert!(said(load(directory.path(), &BTreeMap::new()))[0].contains("it is a directory"));
    let large = directory.path().join("large.toml");
    fs::write(&large, vec![b'#'; SITE_FILE_BYTES_MAX as usize + 1]).expect("file");
    assert!(said(load(&large, &BTreeMap::new()))[0].contains("larger than 16 MB"));
    let binary = directory.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe, 0x00]).expect("file");
    assert!(said(load(&binary, &BTreeMap::new()))[0].contains("not UTF-8"));
}

#[test]
fn p8_a_site_includes_a_bounded_number_of_files() {
    let names: Vec<String> = (0..=SITE_INCLUDES_MAX).map(|index| format!("p{index}.toml")).collect();
    let main = edited(&[("version = 1", &format!("version = 1\ninclude = {names:?}"))]);
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("site.toml", &main));
    check(&files, &[], &[&["site.toml:2:", "more than 256 files"]]);
}

#[test]
fn a_template_or_pack_beside_the_site_file_wins() {
    let template = "name = \"Mine\"\nsource = \"me\"\n[[point]]\nsignal = \"x\"\nname = \"X\"\nregister = \"holding:1\"\n";
    let main = format!("{BASE}{PART}");
    let site = load_files(&[("site.toml", &main), ("devices/acrel-adw300.toml", template)], &[])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(site.points.iter().any(|point| point.name == "meter.x" && point.title.en == "Mine X"));
}

#[test]
fn p8_mistakes_in_a_template_or_pack_are_placed_in_it() {
    let main = format!("{BASE}{PART}");
    let template = "name = \"Mine\"\nsource = \"me\"\n[[point]]\nsignal = \"x\"\nname = \"X\"\nregister = \"holding:65536\"\n";
    check(
        &[("site.toml", &main), ("devices/acrel-adw300.toml", template)],
        &[],
        &[&["acrel-adw300.toml:6:12", "beyond the table"]],
    );
    let template = "name = \"Mine\"\nsource = \"me\"\n[device]\naddress = \"h:1\"\n";
    check(
        &[("site.toml", &main), ("devices/acrel-adw300.toml", template)],
        &[],
        &[&["acrel-adw300.toml:4:1", "unknown key `address`"]],
    );
    let pack = "name = \"Mine\"\nabout = \"x\"\nrule = 5\n";
    check(
        &[("site.toml", &main), ("packs/gas_combustible.toml", pack)],
        &[],
        &[&["gas_combustible.toml:3:8", "expected an array"]],
    );
}

#[test]
fn a_name_of_a_template_cannot_leave_its_directory() {
    let main = edited(&[("unit = 1", "template = \"../secret\"")]);
    check(&[("site.toml", &main)], &[], &[&["site.toml:14:12", "can't be an id"]]);
}

#[test]
fn p8_a_site_that_stands_in_no_file_can_include_and_read_none() {
    let text = edited(&[
        ("version = 1", "version = 1\ninclude = [\"a.toml\"]"),
        ("{ env = \"PW\" }", "{ file = \"pw\" }"),
    ]);
    let said = said(parse("built-in demo", &text, &variables()));
    assert!(said[0].contains("can't include `a.toml`"), "{said:?}");
    assert!(said[1].contains("can't read `pw`"), "{said:?}");
}

#[test]
fn p8_counts_have_limits() {
    let device = |index: usize, template: &str| {
        format!("[[device]]\nid=\"d{index}\"\ntemplate=\"{template}\"\naddress=\"h:{}\"\n", index + 1)
    };
    let signal =
        |index: usize| format!("[[point]]\nsignal=\"p{index}\"\nname=\"x\"\nregister=\"input:{index}\"\n");
    let large: String = (0..200).map(signal).collect();
    let large = format!("name = \"large\"\nsource = \"none\"\n{large}");
    let many: String = (0..POINTS_MAX / 200).map(|index| device(index, "large")).collect();
    let files = [("site.toml", format!("{BASE}{many}")), ("devices/large.toml", large)];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    check(&files, &[], &[&["at most 100000 points"]]);
    let many: String = (0..DEVICES_MAX).map(|index| device(index, "generic-transmitter")).collect();
    check(&[("site.toml", &format!("{BASE}{many}"))], &[], &[&["at most 10000 devices"]]);
}

#[test]
fn the_environment_overrides_single_values() {
    let site = load_files(
        &[("site.toml", BASE)],
        &[
            ("HAZGATE__SITE__GATEWAY", "gw2"),
            ("HAZGATE__SITE__NAME", "42"),
            ("HAZGATE__STORE__DIRECTORY", "/var/lib/hazgate"),
            ("HAZGATE__STORE__TELEMETRY_MB_MAX", "7"),
            ("HAZGATE__CONSOLE__ENABLED", "false"),
            ("HAZGATE__BROKER__LISTEN", "127.0.0.1:1999"),
            ("HAZGATE_LOG", "debug"),
        ],
    )
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(site.identity.gateway, "gw2");
    assert_eq!(site.identity.name.en, "42");
    assert_eq!(site.identity.enterprise, "acme");
    assert_eq!(site.store.directory, Path::new("/var/lib/hazgate"));
    assert_eq!(site.store.telemetry_bytes_max, 7 * 1024 * 1024);
    assert!(site.console.is_none());
    assert_eq!(site.broker.map(|broker| broker.listen.port()), Some(1999));
}

#[test]
fn p8_a_variable_that_fits_nothing_is_a_mistake_that_names_it() {
    for (name, value, words) in [
        ("HAZGATE__SITE__GATEWY", "x", ["there is no key `gatewy`", "did you mean `gateway`"]),
        ("HAZGATE__DEVICE__PLC", "x", ["`[device]` can't be overridden", ""]),
        ("HAZGATE__STORE__TELEMETRY_MB_MAX", "many", ["`many` does not fit", "whole number"]),
        ("HAZGATE__STORE__TELEMETRY_MB_MAX", "1.5", ["`1.5` does not fit", "whole number"]),
        ("HAZGATE__CONSOLE__ENABLED", "yes", ["`yes` does not fit", "true or false"]),
        ("HAZGATE__CONSOLE__LISTEN", "0.0.0.0:80", ["would listen to other machines", "loopback"]),
        ("HAZGATE__SITE__GATEWAY", "a b", ["can't be an id", ""]),
        ("HAZGATE__SITE", "a", ["does not fit", ""]),
    ] {
        let said = said(load_files(&[("site.toml", BASE)], &[(name, value)]));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("{name}:0:0 ")), "{said:?}");
        assert!(words.iter().all(|word| said[0].contains(word)), "{said:?}");
    }
}

#[test]
fn the_hash_changes_with_every_text_and_override() {
    let hash = |files: &[(&str, &str)], extra: &[(&str, &str)]| {
        load_files(files, extra).unwrap_or_else(|mistakes| panic!("{mistakes}")).hash
    };
    let base = hash(&[("site.toml", BASE)], &[]);
    assert_eq!(base.len(), 64);
    assert_eq!(base, hash(&[("site.toml", BASE)], &[]));
    let changed = edited(&[("h = 60", "h = 61")]);
    assert_ne!(base, hash(&[("site.toml", &changed)], &[]));
    assert_ne!(base, hash(&[("site.toml", BASE)], &[("HAZGATE__SITE__GATEWAY", "gw2")]));
    let pack = fs::read_to_string("config/packs/gas_combustible.toml").expect("the pack");
    let pack = pack.replace("h = 25", "h = 20");
    assert_ne!(base, hash(&[("site.toml", BASE), ("packs/gas_combustible.toml", &pack)], &[]));
}
