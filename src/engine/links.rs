//! What is known of the links on both sides: to the devices, to the destinations, and of the gateway's other parts.
//!
//! Whether a device is lost or the link before it is told from the others. A device that is down is *explained* as long as all behind its link
//! are silent (down, or nothing came when they were last asked) and nobody has been heard since it was found down. Once another has been
//! heard, the device is lost by itself, and stays so until it answers.

use jiff::tz::TimeZone;

use crate::model::{
    DeviceId, DeviceStatus, ForwarderId, HealthReport, HealthSource, LinkCounters, LinkReport, LinkState,
    Mono, Stamp, Text, UplinkStatus, Wall,
};
use crate::site::{Device, Protocol, Site};

/// Every device's link and every part's health.
#[derive(Debug)]
pub(super) struct Links {
    devices: Vec<DeviceLink>,
    shared: Vec<SharedLink>,
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
    /// When it was found down, if it is.
    down_at: Option<Mono>,
    /// When something last came from it; until then, when that was first waited for.
    heard: Mono,
    /// Whether it is down, or nothing came when it was last asked.
    is_silent: bool,
    /// The link that it shares with others, by its place among those.
    shared: Option<u32>,
}

/// A link with several devices behind it.
#[derive(Debug)]
struct SharedLink {
    devices: Vec<DeviceId>,
    /// When anyone behind it was last heard.
    heard: Option<Mono>,
    /// How many behind it are silent.
    silent: usize,
    /// Whether it explains that a device behind it is down.
    explains: bool,
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
    pub(super) fn new(site: &Site, at: Stamp, now: Mono) -> Self {
        let unheard = |device: &Device| {
            let is_gateway = device.protocol == Protocol::Derived;
            DeviceLink {
                state: if is_gateway { LinkState::Up } else { LinkState::Down },
                since: at,
                error: None,
                counters: LinkCounters::default(),
                down_at: (!is_gateway).then_some(now),
                heard: now,
                is_silent: !is_gateway,
                shared: None,
            }
        };
        let unconnected = |index| UplinkStatus {
            forwarder: ForwarderId::new(index),
            connected: false,
            since: at,
            error: None,
        };
        let mut devices: Vec<_> = site.devices.iter().map(unheard).collect();
        let mut shared = Vec::new();
        for link in site.links.iter().filter(|link| link.devices.len() > 1) {
            for device in &link.devices {
                devices[device.index()].shared = Some(shared.len() as u32);
            }
            shared.push(SharedLink {
                devices: link.devices.clone(),
                heard: None,
                silent: link.devices.len(),
                explains: true,
            });
        }
        Self {
            devices,
            shared,
            uplinks: (0..site.forwarders.len()).map(unconnected).collect(),
            store: None,
            task: None,
            clock: None,
        }
    }

    /// Takes news of a device. Returns what is new in them.
    pub(super) fn report(&mut self, report: LinkReport, at: Stamp, now: Mono) -> Novelty {
        let device = report.device;
        let link = &mut self.devices[device.index()];
        let (was_down, is_down) = (link.state == LinkState::Down, report.state == LinkState::Down);
        if was_down != is_down {
            link.down_at = is_down.then_some(now);
        }
        let counted = std::mem::replace(&mut link.counters, report.counters) != report.counters;
        if link.state == report.state && link.error == report.error {
            return if counted { Novelty::Counters } else { Novelty::None };
        }
        if link.state != report.state {
            link.since = at;
        }
        link.state = report.state;
        link.error = report.error;
        if was_down != is_down {
            self.tell_silence(device, is_down, now);
        }
        Novelty::State
    }

    /// A device is silent from now on, or something came from it.
    fn tell_silence(&mut self, device: DeviceId, is_silent: bool, now: Mono) {
        let one = &mut self.devices[device.index()];
        let was_silent = std::mem::replace(&mut one.is_silent, is_silent);
        if !is_silent {
            one.heard = now;
        }
        if let Some(link) = one.shared.map(|place| &mut self.shared[place as usize]) {
            link.silent = link.silent + usize::from(is_silent) - usize::from(was_silent);
            if !is_silent {
                link.heard = Some(now);
            }
        }
    }

    /// A device was asked, or spoke; `answered` says whether anything came. Returns whether its link may explain otherwise than before
    /// why devices behind it are down.
    pub(super) fn hear(&mut self, device: DeviceId, answered: bool, now: Mono) -> bool {
        self.tell_silence(device, !answered, now);
        let Some(place) = self.devices[device.index()].shared else { return false };
        let link = &self.shared[place as usize];
        link.explains != (link.silent == link.devices.len())
    }

    /// When something last came from a device; until then, when that was first waited for.
    pub(super) fn heard(&self, device: DeviceId) -> Mono {
        self.devices[device.index()].heard
    }

    /// Looks anew whether the device's link, if it shares one, explains why devices behind it are down. Returns those, where that is not as before.
    pub(super) fn review_link(&mut self, device: DeviceId) -> &[DeviceId] {
        let Some(place) = self.devices[device.index()].shared else { return &[] };
        let explains = self.shared[place as usize].devices.iter().any(|device| self.is_explained(*device));
        let link = &mut self.shared[place as usize];
        if std::mem::replace(&mut link.explains, explains) == explains { &[] } else { &link.devices }
    }

    /// Whether a device is down, and its link silent since.
    pub(super) fn is_explained(&self, device: DeviceId) -> bool {
        let DeviceLink { shared: Some(place), down_at: Some(down_at), .. } = self.devices[device.index()]
        else {
            return false;
        };
        let link = &self.shared[place as usize];
        link.silent == link.devices.len() && link.heard.is_none_or(|heard| heard <= down_at)
    }

    /// What is wrong with the first of these devices of which something is known, in words.
    pub(super) fn error_of_any(&self, devices: &[DeviceId]) -> Option<&Text> {
        devices.iter().find_map(|device| self.device_error(*device))
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
        let DeviceLink { state, since, error, counters, .. } = &self.devices[device.index()];
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
