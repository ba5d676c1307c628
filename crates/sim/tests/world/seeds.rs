//! A correct shard over many seeds: no byte is lost, nothing is leaked, and the same seed is the same world.

use crate::echo::Echo;
use crate::rig::ip;
use sim::{Faults, Options, Outcome, Peer, Reading, Rng, Script, Sim};
use std::time::Duration;

const CLIENTS: usize = 12;

fn faults() -> Faults {
    Faults {
        fds_max: 9,
        reset_permille: 50,
        vanish_permille: 50,
        abort_permille: 50,
        pipe_permille: 50,
        ..Faults::none()
    }
}

fn options(seed: u64) -> Options {
    Options {
        buffer_count: if seed.is_multiple_of(3) { 2 } else { 64 },
        buffer_size: 512,
        pipe_count: (seed % 5) as usize,
        faults: if seed.is_multiple_of(2) { faults() } else { Faults::none() },
        ..Options::default()
    }
}

/// A few chunks with pauses between them, then an end; read at once or slowly.
fn script(rng: &mut Rng) -> Script {
    let mut script = Script::new();
    for _ in 0..rng.between(1, 4) {
        let chunk: Vec<u8> = (0..rng.between(1, 3000)).map(|_| rng.below(256) as u8).collect();
        script = script.send(chunk).pause(Duration::from_micros(rng.below(3000) as u64));
    }
    if rng.chance(200) {
        script = script.reading(Reading::Slowly { bytes: 500, every: Duration::from_millis(1) });
    }
    script.finish()
}

struct Run {
    clients: Vec<Peer>,
    trace: Vec<String>,
    exhausted_count: u32,
    pipeless_count: u32,
    starved: u64,
    spliced_bytes: u64,
}

fn run(seed: u64, options: Options, loses_bytes: bool) -> Run {
    let mut rng = Rng::new(seed ^ 0xC11E);
    let sim = Sim::new(seed, options);
    let world = sim.world();
    let clients: Vec<Peer> = (0..CLIENTS)
        .map(|_| world.client(driver::Instant::from_nanos(rng.below(5_000_000) as u64), ip(7), script(&mut rng)))
        .collect();
    let mut echo = Echo::new(sim);
    echo.loses_bytes = loses_bytes;
    echo.run();
    world.check();
    assert_eq!(world.open_count(), 1, "seed {seed}: only the listener stays open");
    assert_eq!(world.in_flight_count(), 1, "seed {seed}: only the listener waits");
    assert_eq!(world.lease_count(), 0, "seed {seed}: every buffer is back");
    assert_eq!(world.pipe_count(), 0, "seed {seed}: every pipe is back");
    let stats = world.stats();
    Run {
        clients,
        trace: world.trace(),
        exhausted_count: echo.exhausted_count,
        pipeless_count: echo.pipeless_count,
        starved: stats.starved,
        spliced_bytes: stats.spliced_bytes,
    }
}

/// What a client that no fault has hit must have seen.
fn is_right(client: &Peer) -> bool {
    client.outcome() == Outcome::Ended && client.received() == client.sent() && client.sent_count() > 0
}

#[test]
fn nothing_is_lost_over_many_seeds() {
    let (mut exhausted, mut starved, mut harmed) = (0, 0, 0);
    let (mut pipeless, mut spliced_bytes) = (0, 0);
    for seed in 0..300 {
        let run = run(seed, options(seed), false);
        exhausted += run.exhausted_count;
        starved += run.starved;
        pipeless += run.pipeless_count;
        spliced_bytes += run.spliced_bytes;
        for client in run.clients {
            harmed += u32::from(client.harm().is_some());
            let seen = (client.addr(), client.outcome(), client.sent_count(), client.received_count());
            assert!(client.harm().is_some() || is_right(&client), "seed {seed}: {seen:?}");
        }
    }
    assert!(harmed < 300 * CLIENTS as u32 / 4, "{harmed} are forgiven: the others say little");
    assert!(exhausted > 0 && starved > 0 && harmed > 0, "{exhausted} {starved} {harmed}: the faults must strike");
    assert!(pipeless > 100 && spliced_bytes > 1_000_000, "{pipeless} {spliced_bytes}: with pipes and without");
}

#[test]
fn a_lost_byte_is_seen() {
    let run = run(1, options(1), true);
    assert!(!run.clients.iter().all(is_right));
}

#[test]
fn one_seed_is_one_world() {
    for seed in 0..20 {
        let traced = || run(seed, Options { has_trace: true, ..options(seed) }, false).trace;
        let first = traced();
        assert!(first.len() > 50);
        assert_eq!(first, traced(), "seed {seed}");
    }
    let trace = |seed| run(seed, Options { has_trace: true, ..options(1) }, false).trace;
    assert_ne!(trace(1), trace(2));
}
