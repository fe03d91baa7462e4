//! The engine allocates nothing while nothing changes: readings that are judged as before cost no trip to the allocator, whatever state their points
//! are in.

#[path = "../benches/engine/rig.rs"]
mod rig;

use allocation_counter::measure;
use hazgate::model::{Reason, Sample, Value};

use rig::{POINTS_PER_DEVICE, Rig};

const DEVICES: usize = 10;

fn allocations(has_rates: bool, sample: Sample) -> u64 {
    let mut rig = Rig::new(DEVICES, has_rates, sample);
    measure(|| (0..10).for_each(|_| rig.second())).count_total
}

#[test]
fn p5_readings_that_change_nothing_allocate_nothing() {
    let good = |value| Sample::Good(Value::Float(value));
    for sample in [
        good(50.0),
        good(95.0),
        Sample::Uncertain(Value::Float(50.0), Reason::Stuck),
        Sample::Bad(Reason::SensorFault),
    ] {
        assert_eq!(allocations(false, sample), 0, "{sample:?}");
    }
}

/// What is worked out is handed on like what was read, in a batch for each that came.
#[test]
fn p5_derived_points_cost_one_allocation_a_batch() {
    let batches = 10 * DEVICES as u64;
    assert_eq!(
        allocations(true, Sample::Good(Value::Float(50.0))),
        batches,
        "of {POINTS_PER_DEVICE} rates each"
    );
}

#[test]
fn the_counter_counts() {
    assert!(measure(|| drop(std::hint::black_box(vec![0_u8; 100]))).count_total > 0);
}
