//! What is known of the links on both sides: to the devices, to the destinations, and of the gateway's other parts.

use jiff::tz::TimeZone;

use crate::model::{
    DeviceId, DeviceStatus, ForwarderId, HealthReport, HealthSource, LinkCounters, LinkReport, LinkState,
    Stamp, Text, UplinkStatus, Wall,
};
use crate::site::{Device, Protocol, Site};

/// Every device's link and every part's health.
#[derive(Debug)]
pub(super) struct Links {
    devices: Vec<DeviceLink>,
    uplinks: Vec<UplinkStatus>,
    /// What is wrong with the parts that are no destinations.
    store: Option<Text>,
    task: Option<Text>,
    clock: Option<Text>,
}

#[derive(Debug)]
struct DeviceLink {
    state: LinkState,
    since: Stamp,
    error: Option<Text>,
    counters: LinkCounters,
}

/// What is new in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Nothing.
    None,
    /// More has been counted; nothing else.
    Counters,
    /// The state or its reason.
    State,
}

impl Links {
    /// Nothing has been heard of anything yet: every device but the gateway itself is down, no destination is connected.
    pub(super) fn new(site: &Site, at: Stamp) -> Self {
        let unheard = |device: &Device| DeviceLink {
            state: if device.protocol == Protocol::Derived { LinkState::Up } else { LinkState::Down },
            since: at,
            error: None,
            counters: LinkCounters::default(),
        };
        let unconnected = |index| UplinkStatus {
            forwarder: ForwarderId::new(index),
            connected: false,
            since: at,
            error: None,
        };
        Self {
            devices: site.devices.iter().map(unheard).collect(),
            uplinks: (0..site.forwarders.len()).map(unconnected).collect(),
            store: None,
            task: None,
            clock: None,
        }
    }

    /// Takes news of a device. Returns what is new in them.
    pub(super) fn report(&mut self, report: LinkReport, at: Stamp) -> Novelty {
        let link = &mut self.devices[report.device.index()];
        let counted = std::mem::replace(&mut link.counters, report.counters) != report.counters;
        if link.state == report.state && link.error == report.error {
            return if counted { Novelty::Counters } else { Novelty::None };
        }
        if link.state != report.state {
            link.since = at;
        }
        link.state = report.state;
        link.error = report.error;
        Novelty::State
    }

    /// Takes news of a part of the gateway.
    pub(super) fn health(&mut self, report: HealthReport, at: Stamp) {
        match report.source {
            HealthSource::Store => self.store = report.error,
            HealthSource::Task => self.task = report.error,
            HealthSource::Clock => self.clock = report.error,
            HealthSource::Forwarder(forwarder) => {
                let uplink = &mut self.uplinks[forwarder.index()];
                let connected = report.error.is_none();
                if uplink.connected != connected {
                    uplink.since = at;
                }
                uplink.connected = connected;
                uplink.error = report.error;
            }
        }
    }

    /// Puts every stamp forward by so many ms, or back.
    pub(super) fn restamp(&mut self, by_ms: i64, zone: &TimeZone) {
        let devices = self.devices.iter_mut().map(|link| &mut link.since);
        for since in devices.chain(self.uplinks.iter_mut().map(|uplink| &mut uplink.since)) {
            *since = Wall(since.wall.0.saturating_add(by_ms)).stamp(zone);
        }
    }

    /// How a device answers.
    pub(super) fn state(&self, device: DeviceId) -> LinkState {
        self.devices[device.index()].state
    }

    pub(super) fn is_down(&self, device: DeviceId) -> bool {
        self.state(device) == LinkState::Down
    }

    /// What is wrong with a device, in words.
    pub(super) fn device_error(&self, device: DeviceId) -> Option<&Text> {
        self.devices[device.index()].error.as_ref()
    }

    /// What is wrong with a part, in words.
    pub(super) fn part_error(&self, source: HealthSource) -> Option<&Text> {
        match source {
            HealthSource::Store => self.store.as_ref(),
            HealthSource::Task => self.task.as_ref(),
            HealthSource::Clock => self.clock.as_ref(),
            HealthSource::Forwarder(forwarder) => self.uplinks[forwarder.index()].error.as_ref(),
        }
    }

    /// A device's state for others to see.
    pub(super) fn status(&self, site: &Site, device: DeviceId, at: Stamp) -> DeviceStatus {
        let DeviceLink { state, since, error, counters } = &self.devices[device.index()];
        DeviceStatus {
            at,
            device: site.device(device).name.clone(),
            state: *state,
            since: *since,
            error: error.clone(),
            counters: *counters,
        }
    }

    /// Each destination, in the order of their ids.
    pub(super) fn uplinks(&self) -> Vec<UplinkStatus> {
        self.uplinks.clone()
    }
}
