//! Scenarios as text: a site, what its sensors say and people do at which second, and the log of alarms that must come of it, word for
//! word. One file each in `logs/`; who can read the file can check the rule. After a change that is meant to change them,
//! `UPDATE=1 cargo test --lib engine::tests::logs` writes the logs anew: read the difference before committing it.
//!
//! ```text
//! What this shows, in a sentence or two.
//! --- site
//! [[device]] …                        # the tables of a site file; [site] is supplied
//! --- run
//! 0   line.power = 25.5               # said each second from then on, with the rest of its device
//! 10  line.power = uncertain:26       # or `bad`
//! 20  line.power silent               # says nothing from then on
//! 30  down line                       # the device; `up line` brings it back
//! 40  ack dust1.fan_linkage
//! 45  order dust1                      # to stop; `lift dust1` lifts it
//! 50  restart                         # a new engine, from what stood
//! 60  end
//! --- log
//! 10.000 raised dust1.fan_linkage …
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::*;
use crate::site;

const HEADER: &str = "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"Plant\"\n\
    timezone = \"Asia/Shanghai\"\n[clock]\nsync = \"ignored\"\n";

#[test]
fn p7_each_scenario_makes_the_log_that_stands_in_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/tests/logs");
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let write = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("the scenario");
        let (head, expected) = text.split_once("--- log\n").unwrap_or((&text, ""));
        let log = play(&name, head);
        if write {
            fs::write(&file, format!("{head}--- log\n{log}")).expect("the scenario");
        } else if log != expected {
            writeln!(wrong, "{name}: expected\n{expected}\nand got\n{log}")
                .expect("a string takes everything");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The log of a scenario.
fn play(name: &str, text: &str) -> String {
    let (_, rest) = text.split_once("--- site\n").unwrap_or_else(|| panic!("{name}: no site"));
    let (tables, script) = rest.split_once("--- run\n").unwrap_or_else(|| panic!("{name}: no run"));
    let site = site::parse(name, &format!("{HEADER}{tables}"), &BTreeMap::new())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut scene = Scene::new(site);
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let second: u64 =
            words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{name}: {line}"));
        scene.until(second);
        let words: Vec<&str> = words.collect();
        scene.act(&words).unwrap_or_else(|| panic!("{name}: what is `{line}`?"));
    }
    scene.log
}

/// A plant whose sensors say the same each second until told otherwise.
struct Scene {
    run: Run,
    said: BTreeMap<PointId, Sample>,
    down: Vec<DeviceId>,
    second: u64,
    standing: BTreeMap<String, Transition>,
    log: String,
}

impl Scene {
    fn new(site: Site) -> Self {
        let devices = site.devices.len();
        let mut scene = Self {
            run: Run::start(site),
            said: BTreeMap::new(),
            down: Vec::new(),
            second: 0,
            standing: BTreeMap::new(),
            log: String::new(),
        };
        (0..devices).for_each(|device| scene.run.link(DeviceId::new(device), LinkState::Up));
        scene.note();
        scene
    }

    /// Lets the seconds before this one pass.
    fn until(&mut self, second: u64) {
        while self.second < second {
            self.speak();
            self.run.wait(1.0);
            self.second += 1;
            self.note();
        }
    }

    fn speak(&mut self) {
        for device in
            (0..self.run.site.devices.len()).map(DeviceId::new).filter(|device| !self.down.contains(device))
        {
            let of_device = |point: &PointId| self.run.site.point(*point).device == device;
            let samples: Vec<_> = self
                .said
                .iter()
                .filter(|(point, _)| of_device(point))
                .map(|(point, sample)| (*point, *sample))
                .collect();
            if !samples.is_empty() {
                self.run.read_all(&samples);
            }
        }
        self.note();
    }

    fn act(&mut self, words: &[&str]) -> Option<()> {
        match *words {
            [point, "=", value] => {
                let point = self.point(point)?;
                self.said.insert(point, sample(value)?);
            }
            [point, "silent"] => {
                let point = self.point(point)?;
                self.said.remove(&point);
            }
            ["down", device] => {
                let device = self.device(device)?;
                self.down.push(device);
                self.run.link(device, LinkState::Down);
            }
            ["up", device] => {
                let device = self.device(device)?;
                self.down.retain(|down| *down != device);
                self.run.link(device, LinkState::Up);
            }
            ["ack", alarm] => self.run.acknowledge(alarm, None).ok()?,
            ["order" | "lift", hazard] => {
                let action = Action::OrderStop { hazard: Some(hazard.into()), stands: words[0] == "order" };
                let command = Command { action, by: "centre".into(), reason: Some("test".into()) };
                self.run.apply(Input::Command(command));
                self.run.out.results.pop()?.ok()?;
            }
            ["restart"] => self.restart(),
            ["end"] => {}
            _ => return None,
        }
        self.note();
        Some(())
    }

    fn restart(&mut self) {
        let standing: Vec<_> = self.standing.values().cloned().collect();
        let site = Site::clone(&self.run.site);
        self.run = Run::resume(site, standing, self.run.ms);
        let up =
            (0..self.run.site.devices.len()).map(DeviceId::new).filter(|device| !self.down.contains(device));
        up.collect::<Vec<_>>().into_iter().for_each(|device| self.run.link(device, LinkState::Up));
    }

    fn point(&self, name: &str) -> Option<PointId> {
        self.run.site.points.iter().position(|point| point.name == name).map(PointId::new)
    }

    fn device(&self, name: &str) -> Option<DeviceId> {
        self.run.site.devices.iter().position(|device| device.name == name).map(DeviceId::new)
    }

    /// Writes down what has been decided since the last time.
    fn note(&mut self) {
        for t in self.run.transitions() {
            let ms = t.at.wall.0 - EPOCH;
            let (event, state, level) = (word(&t.event), word(&t.state), word(&t.level));
            writeln!(
                self.log,
                "{}.{:03} {event} {} {state} level {level}: {}",
                ms / 1000,
                ms % 1000,
                t.alarm,
                t.message.en
            )
            .expect("a string takes everything");
            self.standing.insert(t.alarm.clone(), t);
        }
    }
}

/// As it is called in the public contract.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("a word or a number");
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `12.5`, `true`, `uncertain:12.5`, `bad`.
fn sample(word: &str) -> Option<Sample> {
    let value = |word: &str| match word {
        "true" | "on" => Some(Value::Bool(true)),
        "false" | "off" => Some(Value::Bool(false)),
        number => number.parse().ok().map(Value::Float),
    };
    match word.split_once(':') {
        Some(("uncertain", word)) => Some(Sample::Uncertain(value(word)?, Reason::Stuck)),
        Some(_) => None,
        None if word == "bad" => Some(BAD),
        None => Some(Sample::Good(value(word)?)),
    }
}
