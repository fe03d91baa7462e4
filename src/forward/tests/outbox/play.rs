//! One run: lives one after another on one disk, what they are told, what befalls them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::life::{BUDGET, DIRECTORY, MARK};
use super::mains;
use super::model::{Given, Model};

/// Lives of a run that do not end well.
const LIVES: u32 = 6;
/// Orders that a life is given at most before something befalls it.
const ORDERS_MAX: u32 = 60;
/// How long a life goes on at most after its last order, ms.
const LINGERS_MAX_MS: u64 = 25;
/// This test, which is a life where it is told so.
const TEST: &str = "forward::tests::outbox::p1_p5_the_outbox_keeps_what_it_promised_whatever_the_disk_does";
/// Places in the layer's control file (`layer.c`).
const DISK: u64 = 1;
const SHORT_WRITES: u64 = 2;
const LOST_SYNCS: u64 = 3;

/// A run.
pub(super) struct Run {
    seed: u64,
    folder: TempDir,
    control: File,
    random: fastrand::Rng,
    model: Model,
    budget: u64,
    starts: u32,
    told: Vec<String>,
}

/// A life that is under way.
struct Life {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for directory in ["data", "kept"] {
            fs::create_dir(folder.path().join(directory)).unwrap();
        }
        let control = folder.path().join("control");
        fs::write(&control, [0; 4 * size_of::<i64>()]).unwrap();
        let control = File::options().write(true).open(control).unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        let budget = if random.bool() { u64::MAX } else { random.u64(500..20_000) };
        let model = Model::default();
        let mut run = Self { seed, folder, control, random, model, budget, starts: 0, told: Vec::new() };
        run.boot();
        run
    }

    /// Plays it to its end.
    pub(super) fn play(mut self) {
        for _ in 0..self.random.u32(2..=LIVES) {
            self.live();
            if !self.model.complaints.is_empty() {
                return self.fail();
            }
        }
        self.clear();
        let mut life = self.start();
        tell(&life, "d");
        self.until(&mut life, "drained");
        self.end_well(life);
        self.model.delivered(&self.path("data"));
        if !self.model.complaints.is_empty() {
            return self.fail();
        }
        eprintln!("seed {}: {}; {} turns", self.seed, self.told.join(" "), self.model.given.len());
    }

    fn fail(self) {
        let (seed, told, complaints) = (self.seed, self.told.join(" "), self.model.complaints);
        panic!("seed {seed}: {told}: {complaints:#?}\nleft in {}", self.folder.keep().display());
    }

    /// A life, and what becomes of it.
    fn live(&mut self) {
        let mut life = self.start();
        for _ in 0..self.random.u32(..ORDERS_MAX) {
            self.order(&mut life);
        }
        if self.random.u8(..3) == 0 {
            self.trouble(&mut life);
        }
        std::thread::sleep(Duration::from_millis(self.random.u64(..LINGERS_MAX_MS)));
        match self.random.u8(..5) {
            0 => {
                self.clear();
                self.end_well(life);
            }
            1 | 2 => self.die(life, false),
            _ => self.die(life, true),
        }
    }

    /// One thing to do.
    fn order(&mut self, life: &mut Life) {
        let random = &mut self.random;
        let order = match random.u8(..20) {
            0..3 => {
                let (first, count) = (self.model.next(), random.u64(1..5));
                let number = self.model.give(Given { is_events: true, first, count });
                format!("e {number} {first} {count}")
            }
            3..10 => {
                let (device, first, count) = (random.u8(..2), self.model.next(), random.u64(1..30));
                let number = self.model.give(Given { is_events: false, first, count });
                format!("t {number} {device} {first} {count}")
            }
            10..13 => format!("h {} {}", random.u8(..4), random.u8(..40)),
            13..18 => format!("a {}", random.u16(..)),
            18 => "s".to_owned(),
            _ => "c".to_owned(),
        };
        tell(life, &order);
    }

    /// The disk is in trouble for a while, in which the life may end.
    fn trouble(&mut self, life: &mut Life) {
        let (what, value) = match self.random.u8(..3) {
            0 => (DISK, self.disk_bytes() + self.random.i64(1..65_536)),
            1 => (SHORT_WRITES, self.random.i64(1..6)),
            _ => (LOST_SYNCS, self.random.i64(1..4)),
        };
        self.told.push(["", "full", "short-writes", "lost-syncs"][what as usize].to_owned());
        self.set(what, value);
        for _ in 0..self.random.u32(..ORDERS_MAX / 2) {
            self.order(life);
        }
        std::thread::sleep(Duration::from_millis(self.random.u64(..4 * LINGERS_MAX_MS)));
        if self.random.bool() {
            self.clear();
            tell(life, "b");
            self.until(life, "calm");
            for _ in 0..self.random.u32(..ORDERS_MAX / 4) {
                self.order(life);
            }
        }
    }

    fn die(&mut self, mut life: Life, is_power_cut: bool) {
        life.child.kill().unwrap();
        self.told.push(if is_power_cut { "power-cut" } else { "kill" }.to_owned());
        self.hear_out(life);
        if is_power_cut {
            mains::cut(&self.path("data"), &self.path("kept"), &mut self.random);
            self.boot();
        }
        if self.random.bool() {
            self.clear();
        }
        self.model.judge(&self.path("data"), is_power_cut);
    }

    fn end_well(&mut self, mut life: Life) {
        self.told.push("close".to_owned());
        tell(&life, "q");
        self.until(&mut life, "closed");
        self.model.closed();
        self.hear_out(life);
        self.model.judge(&self.path("data"), false);
    }

    /// Starts a life. One that can't begin on a disk in trouble is started again on a sound one.
    fn start(&mut self) -> Life {
        let mut life = self.spawn();
        let mut said = life.next().unwrap_or_else(|| "nothing".to_owned());
        if said != "open" && self.is_in_trouble() {
            self.told.push("(no start)".to_owned());
            self.hear_out(life);
            self.clear();
            life = self.spawn();
            said = life.next().unwrap_or_else(|| "nothing".to_owned());
        }
        self.model.hold(said == "open", || format!("it did not start, and said: {said}"));
        life
    }

    fn spawn(&self) -> Life {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env("LD_PRELOAD", mains::layer(std::env::current_exe().unwrap().parent().unwrap()))
            .env("HAZGATE_JUDGE_CONTROL", self.path("control"))
            .env("HAZGATE_JUDGE_DIRECTORY", self.path("data").canonicalize().unwrap())
            .env("HAZGATE_JUDGE_KEPT", self.path("kept"))
            .env("HAZGATE_JUDGE_START", self.path("start"))
            .env(DIRECTORY, self.path("data").canonicalize().unwrap())
            .env(BUDGET, self.budget.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Life { child, said }
    }

    /// Hears what it says until it says this.
    fn until(&mut self, life: &mut Life, wanted: &str) {
        while let Some(line) = life.next() {
            if line == wanted {
                return;
            }
            self.model.hear(&line);
        }
        self.model.complaints.push(format!("it ended before it was {wanted}"));
    }

    /// Hears the rest of what one said that has ended.
    fn hear_out(&mut self, mut life: Life) {
        while let Some(line) = life.next() {
            if !line.starts_with("refused") {
                self.model.hear(&line);
            }
        }
        life.child.wait().unwrap();
    }

    fn set(&self, what: u64, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), what * size_of::<i64>() as u64).unwrap();
    }

    fn clear(&self) {
        for what in [DISK, SHORT_WRITES, LOST_SYNCS] {
            self.set(what, 0);
        }
    }

    fn is_in_trouble(&self) -> bool {
        fs::read(self.path("control")).unwrap().iter().any(|&byte| byte != 0)
    }

    fn disk_bytes(&self) -> i64 {
        let names = mains::FILES.into_iter().chain(["hazgate.reserve"]);
        names.filter_map(|name| Some(self.path("data").join(name).metadata().ok()?.len())).sum::<u64>() as i64
    }

    /// The computer starts.
    fn boot(&mut self) {
        self.starts += 1;
        fs::write(self.path("start"), format!("start-{}\n", self.starts)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Life {
    /// What it says next; none once it has ended.
    fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if let Some((_, words)) = line.trim_end().split_once(MARK) {
                return Some(words.to_owned());
            }
            line.clear();
        }
        None
    }
}

/// One that could not begin, or has died, hears nothing any more; what it says, or says not, is judged.
fn tell(life: &Life, order: &str) {
    writeln!(life.child.stdin.as_ref().unwrap(), "{order}").unwrap_or_default();
}
