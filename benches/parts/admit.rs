//! Times of an admission and the departure that follows it.

use benches::admit::Door;
use benches::side_by_side::side_by_side;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

criterion_group!(parts, admit);
criterion_main!(parts);

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    group.throughput(Throughput::Elements(1));
    let door = Door::new();
    group.bench_function("maxconn, alone", |bencher| bencher.iter(|| door.pass()));
    group.bench_function("maxconn, on two shards", |bencher| {
        let mut one = Door::new();
        let mut two = one.twin();
        bencher.iter_custom(|turns| side_by_side([&mut one, &mut two], turns, |door| door.pass()));
    });
    group.bench_function("one place for two shards", |bencher| {
        let mut one = Door::new();
        let mut two = one.twin();
        one.narrow(1);
        bencher.iter_custom(|turns| side_by_side([&mut one, &mut two], turns, |door| door.pass()));
    });
    group.bench_function("no rate-limit", |bencher| bencher.iter(|| door.pass_in_time(Duration::ZERO)));
    group.bench_function("rate-limit", |bencher| {
        door.set_rate(1_000_000_000);
        let mut nanos = 0;
        bencher.iter(|| {
            nanos += 1_000;
            assert!(door.pass_in_time(Duration::from_nanos(nanos)));
        });
    });
    group.bench_function("maxconn-per-source", |bencher| {
        let mut number = 0_u16;
        bencher.iter(|| {
            number = number.wrapping_add(7);
            black_box(door.pass_by_source(number))
        });
    });
}
