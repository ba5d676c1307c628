//! Times of HTTP/1 heads and chunks.

use benches::heads::Heads;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

criterion_group!(parts, heads);
criterion_main!(parts);

fn heads(criterion: &mut Criterion) {
    let mut heads = Heads::default();
    let mut group = criterion.benchmark_group("heads");
    group.throughput(Throughput::Bytes(heads.request_size()));
    group.bench_function("read", |bencher| bencher.iter(|| black_box(&mut heads).read_request()));
    group.bench_function("write", |bencher| bencher.iter(|| black_box(&mut heads).write_request()));
    group.bench_function("exchange", |bencher| bencher.iter(|| black_box(&mut heads).exchange()));
    group.throughput(Throughput::Bytes(heads.chunks_size()));
    group.bench_function("chunks", |bencher| bencher.iter(|| black_box(&heads).walk_chunks()));
}
