//! What rests on which point: places in some list by the points that they look at, worked out once at start-up.

use std::ops::Range;

use crate::model::PointId;

/// Places by point.
#[derive(Debug)]
pub(super) struct Rests {
    /// Those of point 0, then those of point 1, and so on.
    places: Vec<u32>,
    /// Where each point's begin, and one more for the end; empty where nothing rests on any.
    starts: Vec<u32>,
}

impl Rests {
    /// From pairs of a point and a place, for so many points.
    pub(super) fn new(mut pairs: Vec<(PointId, u32)>, points: usize) -> Self {
        pairs.sort_unstable();
        let count = if pairs.is_empty() { 0 } else { points + 1 };
        let mut starts = vec![0; count];
        for (point, _) in &pairs {
            starts[point.index() + 1] += 1;
        }
        for index in 1..count {
            starts[index] += starts[index - 1];
        }
        Self { places: pairs.into_iter().map(|(_, place)| place).collect(), starts }
    }

    /// What rests on this point.
    pub(super) fn on(&self, point: PointId) -> &[u32] {
        &self.places[self.range(point)]
    }

    /// Where that stands: for [`Rests::at`], by whoever changes something between two looks.
    pub(super) fn range(&self, point: PointId) -> Range<usize> {
        match self.starts.get(point.index()..point.index() + 2) {
            Some([from, to]) => *from as usize..*to as usize,
            _ => 0..0,
        }
    }

    /// What stands at this place of a point's range.
    pub(super) fn at(&self, place: usize) -> u32 {
        self.places[place]
    }
}
