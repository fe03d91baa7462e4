//! What befalls the gateway, at random from a seed: deaths, power cuts, brokers that go or forget, cut lines, full and failing disks,
//! jumps of the clock. Then a quiet end, in which everything that is owed must come.

use std::collections::BTreeSet;
use std::time::Duration;

use hazgate::clock::Clock;
use hazgate::model::Mono;
use serde_json::json;

use super::far_end::FarEnd;
use super::gateway::{Control, Gateway};
use super::meter::Meter;
use super::verdict;

const METERS: u64 = 4;
/// Longest wait for what is owed once nothing is wrong any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the writer may wait before it tries a disk again that has refused (2 s), and a little.
const DISK_RECOVERS_MAX: Duration = Duration::from_millis(2500);

/// A death of the gateway, and from when on answers of the meters may be lost by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Death {
    pub(crate) since: Mono,
    pub(crate) until: Mono,
}

/// One run.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) gateway: Gateway,
    pub(crate) meters: Vec<Meter>,
    pub(crate) far_ends: Vec<FarEnd>,
    pub(crate) deaths: Vec<Death>,
    /// Telemetry that some disk held after a death.
    pub(crate) kept: BTreeSet<(String, u64)>,
    clock: Clock,
    random: fastrand::Rng,
    /// Since when the disk has refused to keep, and until when it may still do so.
    trouble: Option<(Mono, Mono)>,
    commands: u32,
    told: Vec<String>,
}

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill,
    PowerCut,
    BrokerGoes,
    BrokerForgets,
    BrokerMute,
    LineCut,
    Dawdle,
    DiskFull,
    DiskFails,
    ClockJumps,
}

const BLOWS: [Blow; 16] = [
    Blow::Kill,
    Blow::Kill,
    Blow::Kill,
    Blow::PowerCut,
    Blow::PowerCut,
    Blow::PowerCut,
    Blow::BrokerGoes,
    Blow::BrokerForgets,
    Blow::BrokerForgets,
    Blow::BrokerMute,
    Blow::LineCut,
    Blow::LineCut,
    Blow::Dawdle,
    Blow::DiskFull,
    Blow::DiskFails,
    Blow::ClockJumps,
];

impl Run {
    async fn new(seed: u64) -> Self {
        let (clock, random) = (Clock::start(), fastrand::Rng::with_seed(seed));
        let mut meters = Vec::new();
        for n in 0..METERS {
            meters.push(Meter::start(clock, METERS * seed + n).await);
        }
        let far_ends = vec![FarEnd::start("park", false).await, FarEnd::start("city", true).await];
        let gateway = Gateway::new(&meters, &far_ends);
        Self {
            seed,
            gateway,
            meters,
            far_ends,
            deaths: Vec::new(),
            kept: BTreeSet::new(),
            clock,
            random,
            trouble: None,
            commands: 0,
            told: Vec::new(),
        }
    }

    /// Plays blows for so long, then waits for what is owed, and judges.
    pub(crate) async fn play(seed: u64, blows_for: Duration) {
        let mut run = Self::new(seed).await;
        run.gateway.start();
        let end = run.clock.mono() + blows_for;
        while run.clock.mono() < end {
            run.pause(100, 900).await;
            run.command();
            let blow = BLOWS[run.random.usize(..BLOWS.len())];
            run.strike(blow).await;
        }
        run.all_well();
        if run.gateway.has_ended() {
            run.gateway.start();
        }
        run.until_delivered().await;
        let (telling, complaints) = verdict::judge(&run);
        eprintln!("seed {seed}: {}; {telling}", run.told.join(" "));
        if !complaints.is_empty() {
            let log = run.gateway.log();
            let folder = run.gateway.keep();
            panic!("seed {seed}: {complaints:#?}\nleft in {}\n{log}", folder.display());
        }
    }

    async fn strike(&mut self, blow: Blow) {
        self.told.push(format!("{blow:?}"));
        let far_end = self.far_ends[self.random.usize(..self.far_ends.len())].clone();
        match blow {
            Blow::Kill => self.die(false).await,
            Blow::PowerCut => self.die(true).await,
            Blow::BrokerGoes | Blow::BrokerForgets => {
                far_end.change(|manner| manner.is_away = true);
                self.pause(50, 2000).await;
                if matches!(blow, Blow::BrokerForgets) {
                    far_end.wipe();
                }
                far_end.change(|manner| manner.is_away = false);
            }
            Blow::BrokerMute => {
                far_end.change(|manner| manner.is_mute = true);
                self.pause(50, 2000).await;
                far_end.change(|manner| manner.is_away = true);
                self.pause(10, 100).await;
                far_end.change(|manner| (manner.is_away, manner.is_mute) = (false, false));
            }
            Blow::LineCut => far_end.cut_after(self.random.u64(1..3000)),
            Blow::Dawdle => {
                let ms = if far_end.dawdles() { 0 } else { self.random.u64(1..10) };
                far_end.change(|manner| manner.dawdles = Duration::from_millis(ms));
            }
            Blow::DiskFull => {
                let room = self.gateway.disk_bytes() + self.random.i64(1..65_536);
                self.disk(Control::Disk, room).await;
            }
            Blow::DiskFails => {
                let (what, one_in) = if self.random.bool() {
                    (Control::ShortWrites, self.random.i64(1..6))
                } else {
                    (Control::LostSyncs, self.random.i64(1..3))
                };
                self.disk(what, one_in).await;
            }
            Blow::ClockJumps => {
                let us = self.random.i64(-7_200_000_000..7_200_000_000);
                self.gateway.set(Control::Clock, us);
            }
        }
    }

    /// The disk is in trouble for a while; every other time the gateway dies in the middle of it.
    async fn disk(&mut self, what: Control, value: i64) {
        let now = self.clock.mono();
        // What the disk refused in a trouble just before may still be in memory.
        let since = self.trouble.filter(|(_, ended)| *ended >= now).map_or(now, |(began, _)| began);
        self.trouble = Some((since, Mono::from_start(Duration::MAX)));
        self.gateway.set(what, value);
        self.pause(200, 2500).await;
        if self.random.bool() {
            let is_power_cut = self.random.bool();
            self.die(is_power_cut).await;
            self.pause(0, 500).await;
            let is_full = matches!(what, Control::Disk);
            assert!(
                !is_full || !self.gateway.has_ended(),
                "seed {}: no start on a full disk\n{}",
                self.seed,
                self.gateway.log()
            );
        }
        self.gateway.set(what, 0);
        self.trouble = Some((since, self.clock.mono() + DISK_RECOVERS_MAX));
    }

    async fn die(&mut self, is_power_cut: bool) {
        if self.gateway.has_ended() {
            // It could not start on this disk: who looks after it starts it again.
            self.told.push("(restart)".to_owned());
            return self.gateway.start();
        }
        let now = self.clock.mono();
        let mut since =
            Mono::from_start(now.since_start().saturating_sub(verdict::lost_at_most(is_power_cut)));
        if let Some((began, ended)) = self.trouble
            && ended >= now
        {
            since = since.min(Mono::from_start(
                began.since_start().saturating_sub(verdict::lost_at_most(is_power_cut)),
            ));
        }
        if is_power_cut {
            self.gateway.cut_power(&mut self.random).await;
        } else {
            self.gateway.kill().await;
        }
        self.deaths.push(Death { since, until: self.clock.mono() });
        self.kept.extend(self.gateway.holds().rows);
        self.pause(0, 400).await;
        self.gateway.start();
    }

    /// The centres want something done: an alarm taken out of service or put back.
    fn command(&mut self) {
        let far_end = &self.far_ends[self.random.usize(..self.far_ends.len())];
        if self.far_ends.iter().any(FarEnd::is_ordering) {
            return;
        }
        self.commands += 1;
        let (id, what) = (
            format!("judge-{}", self.commands),
            ["in_service", "out_of_service"][self.commands as usize % 2],
        );
        far_end.order(
            json!({"v": 1, "id": id, "cmd": what, "alarm": "m0.level3", "by": id, "reason": "the judge wants it"}),
        );
    }

    /// Nothing is wrong any more, and nothing new befalls the plant.
    fn all_well(&mut self) {
        self.meters.iter().for_each(Meter::calm);
        for what in [Control::Disk, Control::ShortWrites, Control::LostSyncs] {
            self.gateway.set(what, 0);
        }
        for far_end in &self.far_ends {
            far_end.change(|manner| {
                (manner.is_away, manner.is_mute, manner.dawdles) = (false, false, Duration::ZERO);
            });
        }
    }

    /// Waits until all that the disk holds by now has come, and commands are answered.
    async fn until_delivered(&mut self) {
        let patience_ends = self.clock.mono() + PATIENCE;
        self.pause(3000, 3001).await;
        while let Some(owed) = self.is_owed() {
            assert!(
                self.clock.mono() < patience_ends,
                "seed {}: {}: still owed: {owed}\n{}",
                self.seed,
                self.told.join(" "),
                self.gateway.log()
            );
            self.pause(200, 201).await;
        }
    }

    fn is_owed(&self) -> Option<String> {
        let holds = self.gateway.holds_now();
        let of = |far_end: &FarEnd| {
            let unanswered = far_end.is_ordering().then(|| "the answer to a command".to_owned());
            unanswered.or_else(|| verdict::is_owed(&holds, &far_end.ledger()))
        };
        self.far_ends.iter().find_map(|far_end| Some(format!("{}: {}", far_end.name, of(far_end)?)))
    }

    async fn pause(&mut self, least_ms: u64, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.random.u64(least_ms..most_ms))).await;
    }
}
