//! One program for every target: the variable `HAZGATE_FUZZ` names the one that is fed. `./run` builds and starts it.

#![no_main]

use std::sync::OnceLock;

use hazgate::fuzzing::{TARGETS, Target};

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn choose() -> Target {
    let name = std::env::var("HAZGATE_FUZZ").unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("HAZGATE_FUZZ must be one of {}", names.join(", ")))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| (CHOSEN.get_or_init(choose).run)(data));
