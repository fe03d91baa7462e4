//! Every built-in template against a block of registers and what they mean: `blocks/<template>.toml` says where the block is
//! from. A template without one fails.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use super::super::guard::Answer;
use super::super::plan::{Located, plan};
use super::super::recipe::Making;
use crate::model::{Reading, Sample, Value, Wall};
use crate::site::{Protocol, Site, Source, Table};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blocks {
    /// Where they are from.
    origin: String,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Words, or 0 and 1, from each place on, in the protocol's own addresses.
    registers: BTreeMap<String, Vec<u16>>,
    /// What each signal says: a number, a number and its quality, or a quality alone.
    expect: BTreeMap<String, String>,
}

fn site(template: &str) -> Site {
    let text = format!(
        "version = 1\n[site]\nenterprise = \"e\"\ngateway = \"g\"\nname = \"n\"\n\
         [[device]]\nid = \"d\"\ntemplate = \"{template}\"\naddress = \"h:502\"\n"
    );
    crate::site::parse(template, &text, &BTreeMap::<String, String>::new())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn table(word: &str) -> Table {
    match word {
        "coil" => Table::Coil,
        "discrete" => Table::Discrete,
        "input" => Table::Input,
        "holding" => Table::Holding,
        other => panic!("{other} is no table"),
    }
}

fn words(case: &Case) -> BTreeMap<(Table, u16), u16> {
    let mut words = BTreeMap::new();
    for (place, run) in &case.registers {
        let (name, start) = place.split_once(':').expect("table:address");
        let start: u16 = start.parse().expect("an address");
        words.extend((start..).zip(run).map(|(at, word)| ((table(name), at), *word)));
    }
    words
}

/// What the gateway makes of the registers.
fn read(site: &Site, case: &Case) -> BTreeMap<String, Sample> {
    let Protocol::Modbus(modbus) = &site.devices[0].protocol else { panic!("not Modbus") };
    let located = site.devices[0].points.iter().flat_map(|point| match &site.point(*point).source {
        Source::Modbus(signal) => Located::all(*point, signal),
        Source::Mqtt(_) | Source::Derived(_) => Vec::new(),
    });
    let (words, mut making, mut readings) = (words(case), Making::default(), Vec::new());
    for block in plan(located.collect(), modbus) {
        for located in &block.points {
            let mut span = located.span.start..located.span.start + located.span.count;
            let known = span.all(|at| words.contains_key(&(located.span.table, at)));
            assert!(known, "no word for {:?}", located.span);
        }
        let run = block.span.start..block.span.start + block.span.count;
        let run = run.map(|at| words.get(&(block.span.table, at)).copied().unwrap_or_default());
        let answer = match block.span.table {
            Table::Coil | Table::Discrete => Answer::Bits(run.map(|word| word != 0).collect()),
            Table::Holding | Table::Input => Answer::Words(run.collect()),
        };
        for located in &block.points {
            if let Some(sample) = making.sample(readings.len(), located, &answer, &block) {
                readings.push(Reading { point: located.point, at: Wall(0), sample });
            }
        }
        making.keep(&block, answer);
    }
    for (place, sample) in making.finish() {
        readings[place].sample = sample;
    }
    let name = |reading: &Reading| site.point(reading.point).name["d.".len()..].to_owned();
    readings.iter().map(|reading| (name(reading), reading.sample)).collect()
}

fn says(sample: Sample, expected: &str) -> bool {
    let (number, quality) = match expected.split_once(' ') {
        Some((number, quality)) => (Some(number), quality),
        None if expected.starts_with("bad:") => (None, expected),
        None => (Some(expected), "good"),
    };
    let number: Option<f64> = number.map(|number| number.parse().expect("a number"));
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(1.0);
    sample.quality().to_string() == quality
        && match (sample.value().map(Value::as_f64), number) {
            (Some(got), Some(wanted)) => near(got, wanted),
            (got, wanted) => got.is_none() && wanted.is_none(),
        }
}

#[test]
fn every_template_reads_a_block_as_its_source_says() {
    let mut templates = 0;
    for file in fs::read_dir("config/devices").expect("the templates") {
        let file = file.expect("a file").file_name().into_string().expect("UTF-8");
        let template = file.strip_suffix(".toml").expect("TOML");
        let blocks = format!("src/acquire/modbus/tests/blocks/{file}");
        let text = fs::read_to_string(&blocks).unwrap_or_else(|_| panic!("{blocks} is missing"));
        let blocks: Blocks = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!blocks.origin.is_empty(), "{file} does not say where its blocks are from");
        let site = site(template);
        for (index, case) in blocks.case.iter().enumerate() {
            let got = read(&site, case);
            for (signal, expected) in &case.expect {
                let sample = got.get(signal).unwrap_or_else(|| panic!("{template} has no {signal}"));
                assert!(
                    says(*sample, expected),
                    "{template}, case {index}, {signal}: {sample:?}, not {expected}"
                );
            }
            assert!(index > 0 || got.keys().eq(case.expect.keys()), "{template}: a signal is not expected");
        }
        templates += 1;
    }
    assert!(templates >= 10, "{templates}");
}
