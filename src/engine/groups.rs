//! Points whose age is looked after together. A timer for every point would cost more than all the rest of a reading; a
//! look at the ages of some neighbours costs next to nothing.

use std::ops::Range;

use crate::model::limits::AGE_GROUP_LEN_MAX;
use crate::model::{DeviceId, PointId};
use crate::site::Site;

/// Up to [`AGE_GROUP_LEN_MAX`] points of one device.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) device: DeviceId,
    /// Where they stand among the device's points.
    pub(super) places: Range<usize>,
}

/// Every point's group.
#[derive(Debug)]
pub(super) struct Groups {
    groups: Vec<Group>,
    of_points: Vec<u32>,
}

impl Groups {
    pub(super) fn new(site: &Site) -> Self {
        let mut groups = Vec::new();
        let mut of_points = vec![0; site.points.len()];
        for (device, points) in site.devices.iter().map(|device| &device.points).enumerate() {
            for start in (0..points.len()).step_by(AGE_GROUP_LEN_MAX) {
                let places = start..points.len().min(start + AGE_GROUP_LEN_MAX);
                for point in &points[places.clone()] {
                    of_points[point.index()] = groups.len() as u32;
                }
                groups.push(Group { device: DeviceId::new(device), places });
            }
        }
        Self { groups, of_points }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn of(&self, point: PointId) -> usize {
        self.of_points[point.index()] as usize
    }

    pub(super) fn get(&self, group: usize) -> Group {
        self.groups[group].clone()
    }
}
