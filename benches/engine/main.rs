//! What one reading costs the engine: 10,000 points with four limits and a greatest age each, 100 to a device; the same with a rate of change
//! of each point and a limit on that; 1,000 and 100,000 points. And what a second of a power tree of 500 feeders costs.
//! `cargo bench --bench engine`; the throughput column is readings.

mod feeders;
mod rig;

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hazgate::model::{Reason, Sample, Value};

use feeders::Tree;
use rig::{POINTS_PER_DEVICE, Rig};

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reading");
    let calm = Sample::Good(Value::Float(50.0));
    for (name, devices, has_rates, sample) in [
        ("calm", 100, false, calm),
        ("calm, 100,000 points", 1000, false, calm),
        ("with its rate, 1,000 points", 10, true, calm),
        ("with its rate", 100, true, calm),
        ("with its rate, 100,000 points", 1000, true, calm),
        ("alarm standing", 100, false, Sample::Good(Value::Float(95.0))),
        ("uncertain", 100, false, Sample::Uncertain(Value::Float(50.0), Reason::Stuck)),
    ] {
        group.throughput(Throughput::Elements((devices * POINTS_PER_DEVICE) as u64)).sample_size(20);
        let mut rig = LazyCell::new(|| Rig::new(devices, has_rates, sample));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&mut *rig).second()));
    }
    group.finish();
}

/// A second of 500 feeders: in so many milliseconds as it takes, it takes so many tenths of a percent of a core.
fn feeders(criterion: &mut Criterion) {
    const FEEDERS: usize = 500;
    let mut group = criterion.benchmark_group("power tree");
    group.throughput(Throughput::Elements(FEEDERS as u64)).sample_size(20);
    let mut tree = Tree::new(FEEDERS);
    group.bench_function("500 feeders", |bencher| bencher.iter(|| black_box(&mut tree).second()));
    group.finish();
}

criterion_group!(benches, reading, feeders);
criterion_main!(benches);
