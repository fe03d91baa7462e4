//! What one reading costs the engine: 10,000 points with four limits and a greatest age each, 100 to a device; the same with a rate of change
//! of each point and a limit on that; 1,000 and 100,000 points. `cargo bench --bench engine`; the throughput column is readings.

mod rig;

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hazgate::model::{Reason, Sample, Value};

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

criterion_group!(benches, reading);
criterion_main!(benches);
