//! What reads bytes or text from outside, one function for each kind, for fuzzing and for replaying what fuzzing starts
//! from. Each takes any bytes, and panics where a decoder does, or where what it made of them can't be right. Not part of
//! the gateway: behind the feature `fuzzing`.

use std::collections::BTreeMap;

use crate::site;

/// One decoder.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name; its seeds stand in `fuzz/corpus-seeds/<name>/`.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
}

/// Every decoder.
pub const TARGETS: [Target; 14] = [
    Target { name: "modbus_tcp", run: crate::acquire::modbus::fuzz::tcp },
    Target { name: "modbus_rtu", run: crate::acquire::modbus::fuzz::rtu },
    Target { name: "registers", run: crate::acquire::modbus::fuzz::registers },
    Target { name: "dial_in", run: crate::acquire::modbus::fuzz::dial_in },
    Target { name: "mqtt_payload", run: crate::acquire::mqtt::fuzz::payload },
    Target { name: "sparkplug", run: crate::acquire::mqtt::fuzz::sparkplug },
    Target { name: "mqtt_topic", run: crate::acquire::mqtt::fuzz::topic },
    Target { name: "command", run: crate::forward::fuzz::command },
    Target { name: "edge_order", run: crate::forward::fuzz::edge_order },
    Target { name: "console_query", run: crate::console::fuzz::query },
    Target { name: "stored_row", run: crate::store::fuzz::row },
    Target { name: "recorded_csv", run: crate::recorded::fuzz::csv },
    Target { name: "site_file", run: site_file },
    Target { name: "scenario", run: scenario },
];

/// A site file: a site, or mistakes that stand where they are said to stand and can be shown.
fn site_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Err(mistakes) = site::parse("fuzz.toml", text, &BTreeMap::new()) else { return };
    assert!(!mistakes.render(false).is_empty(), "a refusal without a word");
    for mistake in &mistakes {
        let ends = mistake.span.as_ref().map_or(0, |span| span.end);
        // What is missing at the end of the file is shown behind it.
        assert!(ends <= text.len() + 1, "{mistake:?} in a text of {} bytes", text.len());
    }
}

/// A scenario: steps in the order of their times, or what is wrong with it.
fn scenario(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match simulators::Scenario::parse(text) {
        Ok(scenario) => assert!(scenario.steps.is_sorted_by_key(|step| step.at)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Bytes changed in each variant of a seed, at most.
    const CHANGES_MAX: usize = 6;
    /// Variants of each seed.
    const VARIANTS: usize = 150;

    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus-seeds").join(target);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// The seed with a few bytes changed, cut out or doubled.
    fn variant(seed: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..rng.usize(1..=CHANGES_MAX) {
            let at = rng.usize(..=bytes.len());
            match rng.u8(..4) {
                0 if at < bytes.len() => bytes[at] = rng.u8(..),
                1 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
                2 => bytes.truncate(at),
                _ => {
                    let end = (at + rng.usize(..8)).min(bytes.len());
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
        bytes
    }

    #[test]
    fn p2_every_decoder_survives_its_seeds_and_their_variants() {
        for Target { name, run } in TARGETS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "no seeds for {name}");
            let mut rng = fastrand::Rng::with_seed(3);
            for seed in seeds {
                run(&seed);
                // A whole site file takes a while in a debug build.
                let variants = if seed.len() > 4096 { VARIANTS / 10 } else { VARIANTS };
                for _ in 0..variants {
                    run(&variant(&seed, &mut rng));
                }
            }
        }
    }
}
