//! Times of a configuration: parse; parse, lower and publish at the start; the same at a reload; the end of the old table.

use benches::configuration::{Process, changed_farm, farm};
use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::time::Duration;

criterion_group!(parts, configuration);
criterion_main!(parts);

fn configuration(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("configuration");
    for server_count in [10, 1_000, 100_000] {
        group.throughput(Throughput::Elements(server_count as u64));
        if server_count == 100_000 {
            // Tenths of a second each: few samples of one run.
            group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(500));
        }
        group.bench_function(BenchmarkId::new("parse", server_count), |bencher| {
            let file = farm("leastconn", server_count);
            bencher.iter_with_large_drop(|| file.parse());
        });
        group.bench_function(BenchmarkId::new("parse, lower, publish", server_count), |bencher| {
            let file = farm("leastconn", server_count);
            let start = |mut process: Process| {
                let before = process.publish(&file);
                (process, before)
            };
            bencher.iter_batched(Process::new, start, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("reload, one server changed", server_count), |bencher| {
            let files = [farm("leastconn", server_count), changed_farm("leastconn", server_count)];
            let mut process = Process::new();
            process.publish(&files[0]);
            let mut reloads = 0;
            bencher.iter_with_large_drop(|| {
                reloads += 1;
                process.publish(&files[reloads % 2])
            });
        });
        group.bench_function(BenchmarkId::new("drop the old table", server_count), |bencher| {
            let file = farm("leastconn", server_count);
            let mut process = Process::new();
            process.publish(&file);
            bencher.iter_batched(|| process.publish(&file), drop, BatchSize::PerIteration);
        });
    }
}
