//! Times of log lines: from a session's record to the datagram that a log server is sent.

use benches::line::Line;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(parts, line);
criterion_main!(parts);

fn line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    for (name, mut line) in [("tcplog", Line::tcplog()), ("connect", Line::connect())] {
        group.throughput(Throughput::Bytes(line.format().len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| line.format().len()));
    }
}
