//! Times of PROXY headers.

use benches::header::samples;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

criterion_group!(parts, header);
criterion_main!(parts);

fn header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("header");
    for sample in samples() {
        assert!(sample.is_read_back(&sample.decode()), "{}", sample.name);
        group.throughput(Throughput::Bytes(sample.size()));
        group.bench_function(BenchmarkId::new("encode", sample.name), |bencher| {
            bencher.iter(|| black_box(&sample).encode());
        });
        group.bench_function(BenchmarkId::new("decode", sample.name), |bencher| {
            bencher.iter(|| {
                black_box(black_box(&sample).decode());
            });
        });
    }
}
