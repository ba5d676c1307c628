//! Times of a shard's turns on the simulated driver. The throughput is in messages carried from one side to the other, and in requests
//! answered.

use benches::relay::{Gets, Relay};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(parts, relay, gets);
criterion_main!(parts);

/// Turns of one measured run: the simulation remembers every byte, so each run gets a new world.
const TURNS: usize = 1_000;

fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay");
    for session_count in [1, 64] {
        // The simulation does the same each time, so what one run carries all of them carry.
        let message_count = Relay::new(session_count).turns(TURNS);
        group.throughput(Throughput::Elements(message_count));
        group.bench_function(BenchmarkId::new("1,000 turns, busy sessions", session_count), |bencher| {
            let run = |mut relay: Relay| {
                assert_eq!(relay.turns(TURNS), message_count);
                relay
            };
            bencher.iter_batched(|| Relay::new(session_count), run, BatchSize::PerIteration);
        });
    }
}

fn gets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gets");
    for client_count in [1, 64] {
        let answer_count = Gets::new(client_count).turns(TURNS);
        group.throughput(Throughput::Elements(answer_count));
        group.bench_function(BenchmarkId::new("1,000 turns, clients", client_count), |bencher| {
            let run = |mut gets: Gets| {
                assert_eq!(gets.turns(TURNS), answer_count);
                gets
            };
            bencher.iter_batched(|| Gets::new(client_count), run, BatchSize::PerIteration);
        });
    }
}
