//! Which names in the data are which points of the site.

use std::collections::HashMap;

use super::mistake::RecordedError;
use super::{Mapping, Tally};
use crate::model::{PointId, Reading, Reason, Sample, Value, Wall};
use crate::site::{Site, Source};

/// What a name in the data stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meaning {
    pub(super) point: PointId,
    /// What its numbers are multiplied by.
    pub(super) factor: f64,
}

impl Meaning {
    /// What the point says, in its unit.
    #[inline]
    pub(super) fn reading(self, at: Wall, sample: Sample) -> Reading {
        Reading { point: self.point, at, sample: self.scaled(sample) }
    }

    #[inline]
    fn scaled(self, sample: Sample) -> Sample {
        if self.factor == 1.0 {
            return sample;
        }
        let scaled = |value: Value| match value {
            Value::Bool(on) => Some(Value::Bool(on)),
            number => {
                Some(Value::Float(number.as_f64() * self.factor)).filter(|value| value.as_f64().is_finite())
            }
        };
        let fault = Sample::Bad(Reason::SensorFault);
        match sample {
            Sample::Good(value) => scaled(value).map_or(fault, Sample::Good),
            Sample::Uncertain(value, reason) => {
                scaled(value).map_or(fault, |value| Sample::Uncertain(value, reason))
            }
            Sample::Bad(reason) => Sample::Bad(reason),
        }
    }
}

/// Every name of a measured point. Derived points have none: the engine works them out anew.
#[derive(Debug)]
pub(super) struct Names(HashMap<Vec<u8>, Option<Meaning>>);

impl Names {
    pub(super) fn new(site: &Site, mappings: &[Mapping]) -> Result<Self, RecordedError> {
        let meaning = |n: usize| {
            let point = PointId::new(n);
            let is_derived = matches!(site.point(point).source, Source::Derived(_));
            (!is_derived).then_some(Meaning { point, factor: 1.0 })
        };
        let own =
            site.points.iter().enumerate().map(|(n, point)| (point.name.clone().into_bytes(), meaning(n)));
        let mut names: HashMap<_, _> = own.collect();
        for Mapping { column, point, factor } in mappings {
            let known = names.get(point.as_bytes()).copied().flatten();
            let Some(Meaning { point, .. }) = known else {
                return Err(RecordedError::Mapping { column: column.clone(), point: point.clone() });
            };
            names.insert(column.clone().into_bytes(), Some(Meaning { point, factor: *factor }));
        }
        Ok(Self(names))
    }

    /// What the name stands for; what is not taken is noted in the tally.
    #[inline]
    pub(super) fn find(&self, name: &[u8], tally: &mut Tally) -> Option<Meaning> {
        match self.0.get(name) {
            Some(Some(meaning)) => Some(*meaning),
            Some(None) => {
                tally.worked_out(&String::from_utf8_lossy(name));
                None
            }
            None => {
                tally.stranger(&String::from_utf8_lossy(name));
                None
            }
        }
    }
}
