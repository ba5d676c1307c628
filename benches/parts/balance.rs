//! Times of a pick and a release together, and of a pick alone while another shard does nothing else.

use benches::balance::Churn;
use benches::side_by_side::{beside, side_by_side};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(parts, balance);
criterion_main!(parts);

fn balance(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("balance");
    group.throughput(Throughput::Elements(1));
    for server_count in [10, 1_000, 10_000] {
        group.bench_function(BenchmarkId::new("consistent hash", server_count), |bencher| {
            let mut churn = Churn::new("source\n    hash-type consistent", server_count);
            bencher.iter(|| churn.turn());
        });
    }
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
            bencher.iter_custom(|turns| side_by_side([&mut one, &mut two], turns, Churn::turn));
        });
        group.bench_function(
            BenchmarkId::new(format!("{algorithm} pick alone beside another shard"), 10_000),
            |bencher| {
                let mut one = Churn::new(algorithm, 10_000);
                let mut two = one.twin();
                bencher.iter_custom(|turns| beside(&mut one, &mut two, turns, Churn::pick_of_turn, Churn::turn));
            },
        );
    }
}
