//! Times of the timer wheel, each over all slots.

use benches::wheel::{SLOT_COUNT, Timers};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(parts, wheel);
criterion_main!(parts);

fn wheel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel");
    group.throughput(Throughput::Elements(u64::from(SLOT_COUNT)));
    group.bench_function("disarm and arm", |bencher| {
        let mut timers = Timers::new();
        bencher.iter(|| timers.replace_all());
    });
    group.bench_function("arm again, later", |bencher| {
        let mut timers = Timers::new();
        bencher.iter(|| timers.touch_all());
    });
    group.bench_function("fire and arm again", |bencher| {
        let mut timers = Timers::new();
        bencher.iter(|| timers.pass_minute());
    });
}
