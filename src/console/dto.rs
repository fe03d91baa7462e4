//! What the live state looks like on the wire. The same shapes carry the whole state and the changes since an
//! earlier one: a whole state is what changed since nothing was known.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::output::{self, OutputDto};
use crate::model::{
    Board, ClockSync, DeviceStatus, Event, PointState, Quality, Risk, Snapshot, Stamp, Text, UplinkStatus,
    Value, Wall,
};
use crate::site::Site;

/// Everything that moves, at one moment.
#[derive(Serialize)]
pub(super) struct StateDto<'a> {
    /// Hazgate's own version: another one is another page.
    version: &'static str,
    /// The site file's hash: another one is another site document.
    config: &'a str,
    #[serde(flatten)]
    fault: FaultDto<'a>,
    board: BoardDto<'a>,
    values: ValuesDto<'a>,
}

/// What is on disk: alarms that stand, devices, outputs, risk.
#[derive(Serialize, Default, PartialEq)]
pub(super) struct BoardDto<'a> {
    /// Each as its last event; null where it stands no more.
    alarms: BTreeMap<&'a str, Option<&'a Event>>,
    devices: BTreeMap<&'a str, Option<&'a DeviceStatus>>,
    outputs: BTreeMap<&'a str, OutputDto<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<&'a Risk>,
}

/// The latest of points and destinations.
#[derive(Serialize)]
pub(super) struct ValuesDto<'a> {
    at: Stamp,
    #[serde(serialize_with = "as_map")]
    points: Vec<(&'a str, PointDto)>,
    #[serde(serialize_with = "as_map")]
    uplinks: Vec<(&'a str, UplinkDto<'a>)>,
}

/// The latest of one point. A bad one has no value.
#[derive(Serialize)]
struct PointDto {
    at: Wall,
    value: Option<Value>,
    quality: Quality,
}

#[derive(Serialize)]
struct UplinkDto<'a> {
    connected: bool,
    since: Stamp,
    error: Option<&'a Text>,
}

/// What keeps the gateway from keeping alarms; null when nothing does.
#[derive(Serialize)]
pub(super) struct FaultDto<'a> {
    pub(super) fault: Option<&'a Text>,
}

/// The gateway's clock, so that a viewer knows how old what it sees is.
#[derive(Serialize)]
pub(super) struct BeatDto {
    pub(super) at: Stamp,
    /// What vouches for it, and so for the stamps of what comes now.
    pub(super) clock: ClockSync,
}

impl<'a> StateDto<'a> {
    pub(super) fn new(
        site: &'a Site,
        fault: Option<&'a Text>,
        board: &'a Board,
        snapshot: &'a Snapshot,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            config: &site.hash,
            fault: FaultDto { fault },
            board: BoardDto::since(site, None, board),
            values: ValuesDto::since(site, None, snapshot),
        }
    }
}

impl<'a> BoardDto<'a> {
    /// What `new` has that `old` had not.
    pub(super) fn since(site: &'a Site, old: Option<&'a Board>, new: &'a Board) -> Self {
        let shown = old.map(|old| output::states(site, old)).unwrap_or_default();
        let mut outputs = output::states(site, new);
        outputs.retain(|name, state| shown.get(name) != Some(state));
        Self {
            alarms: changes(old.map(|old| &old.alarms), &new.alarms),
            devices: changes(old.map(|old| &old.devices), &new.devices),
            outputs,
            risk: (old.map(|old| &old.risk) != Some(&new.risk)).then_some(&*new.risk),
        }
    }

    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<'a> ValuesDto<'a> {
    /// What `new` has that `old` had not.
    pub(super) fn since(site: &'a Site, old: Option<&Snapshot>, new: &'a Snapshot) -> Self {
        let before = |index: usize| old.and_then(|old| old.points.get(index).copied().flatten());
        let points = site.points.iter().zip(&new.points).enumerate();
        let points = points.filter_map(|(index, (point, state))| {
            let state = state.filter(|state| before(index) != Some(*state))?;
            Some((point.name.as_str(), PointDto::from(state)))
        });
        let known = |status: &&UplinkStatus| old.is_none_or(|old| !old.uplinks.contains(status));
        let uplinks = new.uplinks.iter().filter(known);
        Self {
            at: new.at,
            points: points.collect(),
            uplinks: uplinks.map(|up| (site.forwarder(up.forwarder).name.as_str(), up.into())).collect(),
        }
    }

    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.uplinks.is_empty()
    }
}

impl From<PointState> for PointDto {
    fn from(state: PointState) -> Self {
        Self { at: state.at, value: state.sample.value(), quality: state.sample.quality() }
    }
}

impl<'a> From<&'a UplinkStatus> for UplinkDto<'a> {
    fn from(status: &'a UplinkStatus) -> Self {
        Self { connected: status.connected, since: status.since, error: status.error.as_ref() }
    }
}

/// Entries of `new` that are not the same in `old`, and null for those that are no more.
fn changes<'a, T: PartialEq>(
    old: Option<&'a BTreeMap<String, Arc<T>>>,
    new: &'a BTreeMap<String, Arc<T>>,
) -> BTreeMap<&'a str, Option<&'a T>> {
    let gone = old.into_iter().flat_map(BTreeMap::keys).filter(|key| !new.contains_key(*key));
    let is_new = |key: &str, entry: &Arc<T>| {
        let known = old.and_then(|old| old.get(key));
        known.is_none_or(|known| !Arc::ptr_eq(known, entry) && known != entry)
    };
    let changed = new.iter().filter(|(key, entry)| is_new(key, entry));
    let changed = changed.map(|(key, entry)| (key.as_str(), Some(&**entry)));
    gone.map(|key| (key.as_str(), None)).chain(changed).collect()
}

fn as_map<S: Serializer, V: Serialize>(entries: &[(&str, V)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}
