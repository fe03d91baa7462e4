//! A power tree of many feeders, each with a power that is read each second and all that the tree and its pack make of it: demand and energy by the clock, shares and balance,
//! what is ordinary of the load and of the share, state and hours. Ten days have gone by, so that what is ordinary is known.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hazgate::engine::Engine;
use hazgate::model::{
    Batch, DeviceId, Input, LinkCounters, LinkReport, LinkState, Mono, Now, Output, PointId, Reading, Sample,
    Value, Wall,
};
use hazgate::site::{self, Site};

/// Of which what is ordinary is learnt.
const DAYS: u64 = 10;

/// Meter 0 is the incomer's, meter `n` that of feeder `n`.
fn site(feeders: usize) -> Site {
    let mut text = "version = 1\n[site]\nenterprise = \"e\"\ngateway = \"g\"\nname = \"n\"\n[clock]\nsync = \"ignored\"\n\
                    [[pack]]\nuse = \"power_tree\"\nfeeders = [\"*\"]\n"
        .to_owned();
    for n in 0..=feeders {
        let parent = if n == 0 { "" } else { "parent = \"f0\"\nrunning = 20\n" };
        writeln!(
            text,
            "[[device]]\nid = \"m{n}\"\nprotocol = \"mqtt\"\nurl = \"mqtt://h:1883\"\ntopic = \"m{n}\"\n\
             [[point]]\ndevice = \"m{n}\"\nsignal = \"power\"\nname = \"P\"\nunit = \"kW\"\npointer = \"/p\"\nmax_age = \"1h\"\n\
             [[feeder]]\nid = \"f{n}\"\nname = \"F\"\nmeter = \"m{n}\"\nrated_power = 100000\n{parent}"
        )
        .expect("a text can be written to");
    }
    site::parse("bench", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A running engine over such a tree.
pub(crate) struct Tree {
    engine: Engine,
    now: Now,
    feeders: usize,
    out: Output,
}

impl Tree {
    pub(crate) fn new(feeders: usize) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall(1_780_000_200_000) };
        let mut out = Output::default();
        let mut engine = Engine::new(Arc::new(site(feeders)), Vec::new(), now, &mut out);
        for device in (0..=feeders).map(DeviceId::new) {
            let report =
                LinkReport { device, state: LinkState::Up, error: None, counters: LinkCounters::default() };
            engine.apply(now, Input::Link(report), &mut out);
        }
        let mut tree = Self { engine, now, feeders, out };
        (0..DAYS * 96).for_each(|_| tree.pass(Duration::from_secs(900)));
        tree
    }

    /// One reading of every meter.
    pub(crate) fn second(&mut self) {
        self.pass(Duration::from_secs(1));
    }

    fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall.0 += time.as_millis() as i64;
        for n in 0..=self.feeders {
            // What each draws sways a little, as loads do.
            let sway = (self.now.wall.0 / 1000 + n as i64 * 7) % 10;
            let each = 60.0 + sway as f64 / 10.0;
            let value = if n == 0 { each * self.feeders as f64 } else { each };
            let sample = Sample::Good(Value::Float(value));
            let reading = Reading { point: PointId::new(n), at: self.now.wall, sample };
            let batch = Batch { device: DeviceId::new(n), at: self.now.wall, readings: vec![reading] };
            self.engine.apply(self.now, Input::Readings(batch), &mut self.out);
        }
        self.out = Output::default();
    }
}
