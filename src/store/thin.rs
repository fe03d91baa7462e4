//! Which readings are kept, where a point's policy says that not all are: those that tell something, and one now and then. Who holds the last
//! kept value until the next has the series to within the deadband.

use crate::model::{Reading, Sample, Value};
use crate::site::{Keep, Site};

/// The last reading kept of each point that has a policy.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    last: Vec<Option<Reading>>,
}

impl Thinner {
    /// For the points of `site`; the first reading of each is kept.
    pub(super) fn new(site: &Site) -> Self {
        let has_policies = site.points.iter().any(|point| point.keep.is_some());
        Self { last: if has_policies { vec![None; site.points.len()] } else { Vec::new() } }
    }

    /// Whether any point has a policy.
    pub(super) const fn is_needed(&self) -> bool {
        !self.last.is_empty()
    }

    /// Whether the reading is to be kept; it then counts as kept.
    pub(super) fn keeps(&mut self, reading: &Reading, site: &Site) -> bool {
        let Some(policy) = site.point(reading.point).keep else { return true };
        let last = &mut self.last[reading.point.index()];
        let keeps = last.is_none_or(|last| tells(&policy, &last, reading));
        if keeps {
            *last = Some(*reading);
        }
        keeps
    }
}

/// Whether a reading tells something that the one before did not, or is due.
fn tells(policy: &Keep, last: &Reading, new: &Reading) -> bool {
    // Stamps may go back; then nothing is known of the time between.
    let apart_ms = u128::from(new.at.0.abs_diff(last.at.0));
    apart_ms >= policy.at_least.as_millis() || !is_near(last.sample, new.sample, policy.deadband)
}

fn is_near(last: Sample, new: Sample, deadband: f64) -> bool {
    if last.quality() != new.quality() {
        return false;
    }
    match (last.value(), new.value()) {
        (Some(Value::Float(a)), Some(Value::Float(b))) => (a - b).abs() <= deadband,
        (Some(Value::Int(a)), Some(Value::Int(b))) => a.abs_diff(b) as f64 <= deadband,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{PointId, Reason, Wall};
    use crate::store::fixtures::site;

    fn samples() -> impl Strategy<Value = Sample> {
        let value = prop_oneof![
            4 => (-20_i32..20).prop_map(|n| Value::Float(f64::from(n) / 4.0)),
            1 => (-5_i64..5).prop_map(Value::Int),
            1 => any::<bool>().prop_map(Value::Bool),
        ];
        prop_oneof![
            8 => value.clone().prop_map(Sample::Good),
            1 => value.prop_map(|value| Sample::Uncertain(value, Reason::Range)),
            1 => Just(Sample::Bad(Reason::Comm)),
        ]
    }

    fn distance(a: Value, b: Value) -> f64 {
        match (a, b) {
            (Value::Float(a), Value::Float(b)) => (a - b).abs(),
            (Value::Int(a), Value::Int(b)) => (a - b).abs() as f64,
            (a, b) if a == b => 0.0,
            _ => f64::INFINITY,
        }
    }

    proptest! {
        #[test]
        fn the_series_can_be_rebuilt_to_within_the_deadband_and_is_never_silent_for_long(
            series in prop::collection::vec((samples(), 1_i64..3000), 1..200),
            deadband in (0_i32..8).prop_map(|n| f64::from(n) / 4.0),
        ) {
            let mut site = site(Path::new("unused"), vec![]);
            site.points[0].keep = Some(Keep { deadband, at_least: Duration::from_secs(10) });
            let mut thinner = Thinner::new(&site);
            let (mut at, mut held, mut kept) = (0, None::<Reading>, 0);
            for (sample, later) in &series {
                at += later;
                let reading = Reading { point: PointId::new(0), at: Wall(at), sample: *sample };
                if thinner.keeps(&reading, &site) {
                    held = Some(reading);
                    kept += 1;
                }
                let held = held.expect("the first is kept");
                prop_assert_eq!(held.sample.quality(), sample.quality());
                if let (Some(a), Some(b)) = (held.sample.value(), sample.value()) {
                    prop_assert!(distance(a, b) <= deadband, "{:?} stands for {:?}", a, b);
                }
                prop_assert!(at - held.at.0 < 10_000);
            }
            let steps = series.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
            prop_assert!(kept <= 1 + steps + (at / 10_000) as usize, "what does not change is not kept again");
        }
    }

    #[test]
    fn a_point_without_a_policy_keeps_every_reading_and_a_clock_that_goes_back_hides_nothing() {
        let mut site = site(Path::new("unused"), vec![]);
        assert!(!Thinner::new(&site).is_needed());
        site.points[0].keep = Some(Keep { deadband: 1.0, at_least: Duration::from_secs(10) });
        let mut thinner = Thinner::new(&site);
        let mut keeps = |point, at| {
            let sample = Sample::Good(Value::Float(5.0));
            thinner.keeps(&Reading { point: PointId::new(point), at: Wall(at), sample }, &site)
        };
        assert_eq!(
            [keeps(1, 0), keeps(1, 1), keeps(0, 100_000), keeps(0, 100_001)],
            [true, true, true, false]
        );
        assert_eq!([keeps(0, 1), keeps(0, 2)], [true, false]);
    }
}
