//! Times of a pick and a release together.

use benches::balance::Churn;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

criterion_group!(parts, balance);
criterion_main!(parts);

fn balance(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("balance");
    group.throughput(Throughput::Elements(1));
    for algorithm in ["leastconn", "roundrobin"] {
        for server_count in [10, 1_000, 10_000] {
            group.bench_function(BenchmarkId::new(algorithm, server_count), |bencher| {
                let mut churn = Churn::new(algorithm, server_count);
                bencher.iter(|| churn.turn());
            });
        }
        group.bench_function(BenchmarkId::new(format!("{algorithm} on two shards"), 10_000), |bencher| {
            let mut one = Churn::new(algorithm, 10_000);
            let mut two = one.twin();
            bencher.iter_custom(|turns| side_by_side([&mut one, &mut two], turns));
        });
    }
}

/// How long a shard takes for so many turns while another one does as many on the same backend.
fn side_by_side(churns: [&mut Churn; 2], turns: u64) -> Duration {
    let start = Barrier::new(churns.len());
    thread::scope(|scope| {
        let threads = churns.map(|churn| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let begun = Instant::now();
                (0..turns).for_each(|_| churn.turn());
                begun.elapsed()
            })
        });
        let spans = threads.map(|thread| thread.join().expect("a turn does not panic"));
        spans.into_iter().max().expect("there are two")
    })
}
