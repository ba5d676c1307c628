//! Whole shards in a seeded world: thousands of small lives, with everything that may go wrong in one.
//!
//! Each seed draws a configuration, clients, servers and faults, runs one to three shards until every session is over, and
//! compares what each peer got with what the other one sent. `TIDEGATE_SIM_SEED` replays one seed, `TIDEGATE_SIM_SEEDS` sets
//! how many are run.
//!
//! | file | what it knows |
//! |---|---|
//! | `farm` | one seed's life, whatever the peers say |
//! | `mix` | what kind of trouble there is in it |
//! | `tally` | what happened in it |
//! | `signers` | who signs in it |
//! | `streams` | what they say in `mode tcp` |
//! | `orders` | what they say in `mode http` |
//! | `secure` | the same over TLS |
//! | `tables`, `limits` | configurations, and their limits under watch |
//! | `rows` | the table of HTTP exchanges, in a calm world |
//! | `shelves` | connections that rest on one shard and serve another |
//! | `absent` | a signer that is not there |

mod absent;
mod farm;
mod limits;
mod mix;
mod orders;
#[cfg(not(any(feature = "plant_short_send", feature = "plant_close_in_flight")))]
mod rows;
mod secure;
#[cfg(not(any(feature = "plant_short_send", feature = "plant_close_in_flight")))]
mod shelves;
mod signers;
mod streams;
mod tables;
mod tally;

use farm::{Farm, Trade};
use mix::Mix;
use orders::Orders;
use secure::Secured;
use streams::Streams;
use tally::Tally;

const SEEDS: u64 = 20_000;
const HTTP_SEEDS: u64 = 1_000;
const TLS_SEEDS: u64 = 500;
const HTTPS_SEEDS: u64 = 250;

fn seeds(most: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match number("TIDEGATE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEGATE_SIM_SEEDS").unwrap_or(most),
    }
}

/// Runs a seed; a failure says which one it was.
fn live<T: Trade + Default>(seed: u64) -> Tally {
    let life = std::panic::catch_unwind(|| Farm::<T>::new(seed, Mix::of(seed)).live());
    life.unwrap_or_else(|cause| {
        eprintln!("seed {seed} failed; `just sim seed={seed}` replays it");
        std::panic::resume_unwind(cause)
    })
}

/// Runs all seeds, and says what happened in them, if it was all of them.
fn live_all<T: Trade + Default>(most: u64) -> Option<Tally> {
    let mut sum = Tally::default();
    for seed in seeds(most) {
        sum.add(live::<T>(seed));
    }
    println!("{sum:?}");
    (seeds(most) == (0..most)).then_some(sum)
}

#[test]
fn nothing_is_lost_and_nothing_leaks() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return a_planted_fault_is_caught::<Streams>();
    }
    if let Some(sum) = live_all::<Streams>(SEEDS) {
        sum.assert_eventful();
    }
}

#[test]
fn nothing_is_lost_and_nothing_leaks_over_tls() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return a_planted_fault_is_caught::<Secured<Streams>>();
    }
    if let Some(sum) = live_all::<Secured<Streams>>(TLS_SEEDS) {
        sum.assert_eventful_for_tls();
    }
}

#[test]
fn every_answer_belongs_to_its_request_over_tls() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return;
    }
    if let Some(sum) = live_all::<Secured<Orders>>(HTTPS_SEEDS) {
        sum.assert_eventful_for_https();
    }
}

/// No random number of a handshake decides anything.
#[test]
fn a_seed_replays_over_tls() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return;
    }
    for seed in 0..5 {
        assert_eq!(live::<Secured<Orders>>(seed), live::<Secured<Orders>>(seed), "seed {seed}");
        assert_eq!(live::<Secured<Streams>>(seed), live::<Secured<Streams>>(seed), "seed {seed}");
    }
}

#[test]
fn every_answer_belongs_to_its_request() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return;
    }
    if let Some(sum) = live_all::<Orders>(HTTP_SEEDS) {
        sum.assert_eventful_for_http();
    }
}

/// The simulation would notice: with a fault planted in the code under test, seeds fail.
fn a_planted_fault_is_caught<T: Trade + Default>() {
    std::panic::set_hook(Box::new(|_| ()));
    let caught =
        (0..200).find(|&seed| std::panic::catch_unwind(|| Farm::<T>::new(seed, Mix::of(seed)).live()).is_err());
    let _ = std::panic::take_hook();
    println!("caught by seed {caught:?}");
    assert!(caught.is_some(), "two hundred seeds noticed nothing");
}
