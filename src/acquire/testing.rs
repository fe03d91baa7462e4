//! What the tests of this room share: a small site, and ears for what the engine would hear.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{Context, Reception};
use crate::clock::Clock;
use crate::inbox::{Inbox, Message};
use crate::model::{Batch, DeviceId, Input, LinkReport, PointId, Sample, Text};
use crate::site::{
    AlarmOptions, Calendar, Device, Identity, Link, LinkKind, OutputSpec, Point, Protocol, Site, Source,
    StoreOptions,
};

/// A site that grows device by device, all on one link.
pub(super) struct SiteBuilder(Site);

impl SiteBuilder {
    /// A site with one link and nothing behind it.
    pub(super) fn new(kind: LinkKind) -> Self {
        let identity = Identity {
            enterprise: "acme".into(),
            gateway: "gw1".into(),
            name: Text::same("test"),
            zone: jiff::tz::TimeZone::UTC,
        };
        Self(Site {
            identity,
            hash: String::new(),
            hazards: Vec::new(),
            devices: Vec::new(),
            links: vec![Link { kind, devices: Vec::new() }],
            points: Vec::new(),
            derived: Vec::new(),
            calendar: Calendar::default(),
            left_out: Vec::new(),
            feeders: Vec::new(),
            alarms: AlarmOptions::default(),
            rules: Vec::new(),
            outputs: Vec::new(),
            forwarders: Vec::new(),
            store: StoreOptions {
                directory: PathBuf::new(),
                telemetry_bytes_max: 0,
                telemetry_age_max: None,
            },
            console: None,
            broker: None,
        })
    }

    /// Puts a device with one point for each source behind the link.
    pub(super) fn device(mut self, protocol: Protocol, sources: Vec<Source>) -> Self {
        let site = &mut self.0;
        let device = DeviceId::new(site.devices.len());
        let first = site.points.len();
        let name = format!("dev{}", device.index());
        site.points
            .extend(sources.into_iter().enumerate().map(|(n, source)| point(&name, n, device, source)));
        let points = (first..site.points.len()).map(PointId::new).collect();
        site.devices.push(Device { title: Text::same(&name), name, hazard: None, protocol, points });
        site.links[0].devices.push(device);
        self
    }

    /// Adds what may be written.
    pub(super) fn output(mut self, output: OutputSpec) -> Self {
        self.0.outputs.push(output);
        self
    }

    /// Gives point number `n` of the last device an interval of its own.
    pub(super) fn poll(mut self, n: usize, interval: Duration) -> Self {
        let site = &mut self.0;
        let point = site.devices.last().expect("a device").points[n];
        site.points[point.index()].poll = Some(interval);
        self
    }

    /// A context for this site, and the engine's ears.
    pub(super) fn build(self) -> (Context, Ears) {
        let (inbox, messages) = Inbox::new(Clock::start());
        let (_, orders) = watch::channel(vec![None; self.0.outputs.len()]);
        let (site, clock) = (Arc::new(self.0), Clock::start());
        let receptions = Reception::all(&site, clock).into();
        let context = Context { site, inbox, clock, receptions, orders };
        (context, Ears(messages))
    }
}

fn point(device: &str, n: usize, id: DeviceId, source: Source) -> Point {
    let name = format!("{device}.p{n}");
    Point {
        title: Text::same(&name),
        name,
        device: id,
        hazard: None,
        unit: String::new(),
        decimals: 0,
        range: None,
        role: None,
        source,
        poll: None,
        max_age: Duration::from_secs(10),
        stuck: None,
        keep: None,
    }
}

/// What the engine hears.
pub(super) struct Ears(mpsc::Receiver<Message>);

/// One thing heard.
#[derive(Debug)]
pub(super) enum Word {
    /// Readings.
    Batch(Batch),
    /// News of a link.
    Link(LinkReport),
}

impl Ears {
    /// The next thing heard, whatever it is.
    pub(super) async fn input(&mut self) -> Input {
        self.0.recv().await.expect("the sender lives").input
    }

    /// The next thing heard. Waits for ever: with time paused a test that waits in vain sees the time pass.
    pub(super) async fn next(&mut self) -> Word {
        match self.0.recv().await.expect("the sender lives").input {
            Input::Readings(batch) => Word::Batch(batch),
            Input::Link(report) => Word::Link(report),
            other => panic!("not of this room: {other:?}"),
        }
    }

    /// The next news of a link; readings are passed over.
    pub(super) async fn link(&mut self) -> LinkReport {
        loop {
            if let Word::Link(report) = self.next().await {
                return report;
            }
        }
    }

    /// The next readings; news are passed over.
    pub(super) async fn batch(&mut self) -> Batch {
        loop {
            if let Word::Batch(batch) = self.next().await {
                return batch;
            }
        }
    }
}

/// The samples of a batch, in the order of their points.
pub(super) fn samples(batch: &Batch) -> Vec<Sample> {
    let mut readings = batch.readings.clone();
    readings.sort_by_key(|reading| reading.point);
    readings.into_iter().map(|reading| reading.sample).collect()
}
