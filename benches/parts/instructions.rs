//! Instructions of the same parts, counted by valgrind: the same on a busy machine as on a quiet one.
//!
//! Small work is repeated, so that the call itself does not count; what valgrind prints is for all repetitions together.

use benches::admit::Door;
use benches::balance::Churn;
use benches::configuration::{ConfigFile, Process, farm};
use benches::header::{Sample, samples};
use benches::heads::Heads;
use benches::line::Line;
use benches::relay::{Gets, Relay};
use benches::routing::Routing;
use benches::wheel::Timers;
use gungraun::{library_benchmark, library_benchmark_group, main};
use std::hint::black_box;

main!(library_benchmark_groups = parts);

library_benchmark_group!(
    name = parts,
    benchmarks = [
        parse,
        publish,
        route,
        admit,
        pick_and_release,
        turn,
        get,
        replace,
        touch,
        fire,
        encode,
        decode,
        format,
        exchange,
        chunks
    ]
);

/// Repetitions of small work.
const TIMES: usize = 1_000;

fn leastconn_farm(server_count: usize) -> ConfigFile {
    farm("leastconn", server_count)
}

#[library_benchmark(setup = leastconn_farm)]
#[benches::servers(args = [10, 1_000, 100_000])]
fn parse(file: ConfigFile) -> (ConfigFile, config::Parsed) {
    let parsed = file.parse();
    (file, parsed)
}

fn start(server_count: usize) -> (Process, ConfigFile) {
    (Process::new(), leastconn_farm(server_count))
}

#[library_benchmark(setup = start)]
#[benches::servers(args = [10, 1_000, 100_000])]
fn publish((mut process, file): (Process, ConfigFile)) -> (Process, ConfigFile) {
    process.publish(&file);
    (process, file)
}

#[library_benchmark]
#[bench::no_rule(Routing::default_only())]
#[bench::last_of_10_rules(Routing::last_of(10))]
#[bench::last_of_100_rules(Routing::last_of(100))]
#[bench::a_rule_of_10000_networks(Routing::among_networks(10_000))]
fn route(routing: Routing) -> Routing {
    for _ in 0..TIMES {
        black_box(black_box(&routing).decide());
    }
    routing
}

#[library_benchmark]
#[bench::leastconn_10(Churn::new("leastconn", 10))]
#[bench::leastconn_1000(Churn::new("leastconn", 1_000))]
#[bench::leastconn_10000(Churn::new("leastconn", 10_000))]
#[bench::roundrobin_10(Churn::new("roundrobin", 10))]
#[bench::roundrobin_1000(Churn::new("roundrobin", 1_000))]
#[bench::roundrobin_10000(Churn::new("roundrobin", 10_000))]
fn pick_and_release(mut churn: Churn) -> Churn {
    (0..TIMES).for_each(|_| churn.turn());
    churn
}

#[library_benchmark(setup = Relay::new)]
#[benches::busy_sessions(args = [1, 64])]
fn turn(mut relay: Relay) -> Relay {
    black_box(relay.turns(TIMES));
    relay
}

#[library_benchmark(setup = Gets::new)]
#[benches::clients(args = [1, 64])]
fn get(mut gets: Gets) -> Gets {
    black_box(gets.turns(TIMES));
    gets
}

#[library_benchmark]
#[bench::all(Timers::new())]
fn replace(mut timers: Timers) -> Timers {
    timers.replace_all();
    timers
}

#[library_benchmark]
#[bench::all(Timers::new())]
fn touch(mut timers: Timers) -> Timers {
    timers.touch_all();
    timers
}

#[library_benchmark]
#[bench::all(Timers::new())]
fn fire(mut timers: Timers) -> Timers {
    black_box(timers.pass_minute());
    timers
}

fn sample(index: usize) -> Sample {
    samples().into_iter().nth(index).expect("one of the four")
}

#[library_benchmark(setup = sample)]
#[bench::v1_ipv4(0)]
#[bench::v1_ipv6(1)]
#[bench::v2_ipv4(2)]
#[bench::v2_ipv6(3)]
fn encode(sample: Sample) -> Sample {
    for _ in 0..TIMES {
        black_box(black_box(&sample).encode());
    }
    sample
}

#[library_benchmark(setup = sample)]
#[bench::v1_ipv4(0)]
#[bench::v1_ipv6(1)]
#[bench::v2_ipv4(2)]
#[bench::v2_ipv6(3)]
fn decode(sample: Sample) -> Sample {
    for _ in 0..TIMES {
        black_box(black_box(&sample).decode());
    }
    sample
}

#[library_benchmark]
#[bench::maxconn(Door::new())]
fn admit(door: Door) -> Door {
    for _ in 0..TIMES {
        black_box(&door).pass();
    }
    door
}

#[library_benchmark]
#[bench::tcplog(Line::tcplog())]
#[bench::connect(Line::connect())]
fn format(mut line: Line) -> Line {
    for _ in 0..TIMES {
        black_box(line.format().len());
    }
    line
}

#[library_benchmark]
#[bench::request_and_response(Heads::default())]
fn exchange(mut heads: Heads) -> Heads {
    for _ in 0..TIMES {
        black_box(black_box(&mut heads).exchange());
    }
    heads
}

#[library_benchmark]
#[bench::of_1_kib(Heads::default())]
fn chunks(heads: Heads) -> Heads {
    for _ in 0..TIMES {
        black_box(black_box(&heads).walk_chunks());
    }
    heads
}
