//! Whole shards in a seeded world: thousands of small lives, with everything that may go wrong in one.
//!
//! Each seed draws a configuration, clients, servers and faults, runs one to three shards until every session is over, and
//! compares what each peer got with what the other one sent. `TIDEGATE_SIM_SEED` replays one seed, `TIDEGATE_SIM_SEEDS` sets
//! how many are run.

mod farm;
mod limits;
mod tables;

use farm::{Farm, Mix, Tally};

const SEEDS: u64 = 20_000;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("TIDEGATE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEGATE_SIM_SEEDS").unwrap_or(SEEDS),
    }
}

/// Runs a seed; a failure says which one it was.
fn live(seed: u64) -> Tally {
    let life = std::panic::catch_unwind(|| Farm::new(seed, Mix::of(seed)).live());
    life.unwrap_or_else(|cause| {
        eprintln!("seed {seed} failed; `just sim seed={seed}` replays it");
        std::panic::resume_unwind(cause)
    })
}

#[test]
fn nothing_is_lost_and_nothing_leaks() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return a_planted_fault_is_caught();
    }
    let mut sum = Tally::default();
    for seed in seeds() {
        sum.add(live(seed));
    }
    println!("{sum:?}");
    if seeds() == (0..SEEDS) {
        sum.assert_eventful();
    }
}

/// The simulation would notice: with a fault planted in the code under test, seeds fail.
fn a_planted_fault_is_caught() {
    std::panic::set_hook(Box::new(|_| ()));
    let caught = (0..200).find(|&seed| std::panic::catch_unwind(|| Farm::new(seed, Mix::of(seed)).live()).is_err());
    let _ = std::panic::take_hook();
    println!("caught by seed {caught:?}");
    assert!(caught.is_some(), "two hundred seeds noticed nothing");
}
