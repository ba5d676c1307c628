//! Times of a routing decision.

use benches::routing::Routing;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

criterion_group!(parts, routing);
criterion_main!(parts);

fn routing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("routing");
    group.throughput(Throughput::Elements(1));
    group.bench_function("no rule", |bencher| {
        let routing = Routing::default_only();
        assert_ne!(routing.decide(), routing.other());
        bencher.iter(|| routing.decide());
    });
    for rule_count in [1, 10, 100] {
        group.bench_function(format!("last of {rule_count} rules"), |bencher| {
            let routing = Routing::last_of(rule_count);
            assert_eq!(routing.decide(), routing.other());
            bencher.iter(|| routing.decide());
        });
    }
    for network_count in [60, 1_000, 10_000] {
        group.bench_function(format!("a rule of {network_count} networks"), |bencher| {
            let routing = Routing::among_networks(network_count);
            assert_eq!(routing.decide(), routing.other());
            bencher.iter(|| routing.decide());
        });
    }
    for address_count in [10_000, 1_000_000] {
        group.bench_function(format!("a rule on a file of {address_count} addresses"), |bencher| {
            let routing = Routing::from_file(address_count);
            assert_eq!(routing.decide(), routing.other());
            bencher.iter(|| routing.decide());
        });
    }
}
