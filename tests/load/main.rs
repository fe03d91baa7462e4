//! The proof of the analysis of electrical load, on half a year of a real steel plant: what `hazgate replay` finds of anomalies that are put into the record, how much of what is
//! untouched it takes for one, and where it learns that the plant runs. docs/power.md has the results; `cargo test --test load -- --nocapture` prints them.

mod data;
mod injection;
mod plant;

use std::collections::BTreeMap;

use hazgate::model::{EventKind, Transition, Value};
use jiff::civil::DateTime;

use data::half_year;
use injection::{Injected, KINDS, Kind, Spoilt, inject};
use plant::{LEAST_MINUTES, WARM, calls, local, replay, site};

/// Seeds of the proof, if `HAZGATE_LOAD_SEEDS` says no other number; each makes a half year of its own.
const SEEDS: u64 = 4;
/// Anomalies of each kind in one of them.
const EACH: usize = 7;
/// Of the untouched data: false alarms in 30 days, at most.
const FALSE_A_MONTH_MAX: f64 = 2.0;
/// Of each kind, in percent, at least.
const FOUND_PERCENT_MIN: f64 = 95.0;

#[test]
fn on_untouched_data_there_are_at_most_two_false_anomalies_a_month() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = half_year();
    let events = replay(folder.path(), &site(&[]), &rows);
    let raised: Vec<&Transition> =
        events.iter().filter(|event| calls(event) && local(event) >= WARM).collect();
    for event in &raised {
        println!("{} {} {}", local(event), event.alarm, event.message.en);
    }
    let end = rows.last().expect("rows").at;
    let days = (end.duration_since(WARM).as_secs() as f64) / 86_400.0;
    let a_month = raised.len() as f64 * 30.0 / days;
    println!("untouched: {} alarms in {days:.0} days, {a_month:.2} in 30 days", raised.len());
    assert!(a_month <= FALSE_A_MONTH_MAX, "{a_month:.2} in 30 days");
    assert_no_state_is_too_short(&events);
}

/// Each state lasts its least time; that of half an hour, and that of the pack, five minutes.
fn assert_no_state_is_too_short(events: &[Transition]) {
    for (name, least, at_least) in [("line.slow_state", LEAST_MINUTES, 400), ("meter.power.state", 5, 400)] {
        let changes: Vec<&Transition> = events
            .iter()
            .filter(|event| event.event == EventKind::StateChanged && event.alarm == name)
            .collect();
        assert!(changes.len() > at_least, "{name}: {} changes in half a year", changes.len());
        for pair in changes.windows(2) {
            let lasted = local(pair[1]).duration_since(local(pair[0])).as_mins();
            assert!(lasted >= least, "{name}: {lasted} min from {} on", local(pair[0]));
            assert_ne!(pair[0].value, pair[1].value, "{name} at {}", local(pair[1]));
        }
        let states = changes.iter().filter_map(|change| change.value);
        assert!(states.into_iter().all(|state| matches!(state, Value::Int(0 | 2))), "{name}");
    }
}

#[test]
fn of_each_kind_of_injected_anomaly_at_least_95_percent_are_found() {
    let untouched = half_year();
    let given = std::env::var("HAZGATE_LOAD_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds: Vec<u64> = (1..=given.unwrap_or(SEEDS)).collect();
    let halves: Vec<Vec<u64>> = seeds.chunks(seeds.len().div_ceil(2)).map(<[u64]>::to_vec).collect();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let run =
            |half: &Vec<u64>| half.iter().flat_map(|seed| outcomes_of(&untouched, *seed)).collect::<Vec<_>>();
        let threads: Vec<_> = halves.iter().map(|half| scope.spawn(move || run(half))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut of_kinds: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    for Outcome { seed, injected, found } in &outcomes {
        let (all, hits) = of_kinds.entry(injected.kind).or_default();
        *all += 1;
        *hits += usize::from(*found);
        if !found {
            println!(
                "seed {seed}: {:?} from {} to {} was not found",
                injected.kind, injected.from, injected.by
            );
        }
    }
    let mut short = Vec::new();
    for kind in KINDS {
        let (all, hits) = of_kinds[&kind];
        let percent = hits as f64 * 100.0 / all as f64;
        println!("{kind:?}: {hits} of {all} found, {percent:.1} %");
        if percent < FOUND_PERCENT_MIN {
            short.push((kind, percent));
        }
    }
    assert!(short.is_empty(), "{short:?}");
}

/// One anomaly, and whether it was found.
struct Outcome {
    seed: u64,
    injected: Injected,
    found: bool,
}

fn outcomes_of(untouched: &[data::Row], seed: u64) -> Vec<Outcome> {
    let folder = tempfile::tempdir().expect("a folder");
    let Spoilt { rows, stops, injected } = inject(untouched, EACH, seed);
    let events = replay(folder.path(), &site(&stops), &rows);
    let called: Vec<(&str, DateTime)> = events
        .iter()
        .filter(|event| calls(event))
        .map(|event| (event.alarm.as_str(), local(event)))
        .collect();
    let is_found = |one: &Injected| {
        called.iter().any(|(alarm, at)| *alarm == one.kind.alarm() && (one.from..=one.by).contains(at))
    };
    injected.into_iter().map(|one| Outcome { seed, found: is_found(&one), injected: one }).collect()
}

/// Writes what the tool makes of a seed for other programs: the record, the site file, and what is in it and by when it must be found.
/// `HAZGATE_LOAD_DIR=/tmp/load HAZGATE_LOAD_SEED=7 cargo test --test load files`.
#[test]
fn the_record_the_site_and_the_truth_are_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let given = std::env::var_os("HAZGATE_LOAD_DIR");
    let path = given.as_ref().map_or_else(|| folder.path(), std::path::Path::new);
    let seed = std::env::var("HAZGATE_LOAD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let Spoilt { rows, stops, injected } = inject(&half_year(), EACH, seed);
    let line = |one: &Injected| format!("{:?},{},{},{}\n", one.kind, one.kind.alarm(), one.from, one.by);
    let truth: String =
        std::iter::once("kind,alarm,from,by\n".to_owned()).chain(injected.iter().map(line)).collect();
    assert_eq!(truth.lines().count(), 1 + KINDS.len() * EACH);
    plant::write(path, &site(&stops), &rows);
    std::fs::write(path.join("truth.csv"), truth).expect("the truth");
    let record = std::fs::read_to_string(path.join("record.csv")).expect("the record");
    let missing = rows.iter().filter(|row| row.is_missing).count();
    assert_eq!(record.lines().count(), 1 + rows.len() - missing);
    let check = std::process::Command::new(env!("CARGO_BIN_EXE_hazgate"))
        .arg("check")
        .arg(path.join("site.toml"))
        .output()
        .expect("hazgate check runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
