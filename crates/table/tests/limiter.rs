//! The limit of the process: never exceeded, by nobody waited for while a place is spare, whatever the shards do.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use table::{ProcessState, ShardIndex, StateBook};

const SHARDS: u16 = 4;

fn process(limit: u32) -> Arc<ProcessState> {
    let process = StateBook::new(SHARDS).process();
    process.limiter.set_limit(limit);
    process
}

#[derive(Clone, Debug)]
enum Step {
    Admit(u16),
    Release(u16),
    Limit(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..SHARDS).prop_map(Step::Admit),
        6 => (0..SHARDS).prop_map(Step::Release),
        1 => prop_oneof![0_u32..6, 0_u32..3000].prop_map(Step::Limit),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    /// Against the limit as it is told: one number, compared at every admission.
    #[test]
    fn admits_whenever_there_is_a_place_and_never_else(first in 0_u32..300, steps in steps()) {
        let process = process(first);
        let (mut limit, mut inside) = (first, [0_u32; SHARDS as usize]);
        for step in steps {
            match step {
                Step::Admit(shard) => {
                    let has_place = inside.iter().sum::<u32>() < limit;
                    prop_assert_eq!(process.limiter.admit_or_wait(ShardIndex(shard)), has_place);
                    prop_assert_eq!(process.limiter.is_waiting(ShardIndex(shard)), !has_place);
                    inside[usize::from(shard)] += u32::from(has_place);
                }
                Step::Release(shard) if inside[usize::from(shard)] > 0 => {
                    inside[usize::from(shard)] -= 1;
                    process.limiter.release(ShardIndex(shard));
                    let has_place = inside.iter().sum::<u32>() < limit;
                    let waits = (0..SHARDS).any(|shard| process.limiter.is_waiting(ShardIndex(shard)));
                    prop_assert!(!(has_place && waits), "somebody waits for a place that is free");
                }
                Step::Release(_) => (),
                Step::Limit(most) => {
                    limit = most;
                    process.limiter.set_limit(most);
                }
            }
            prop_assert_eq!(process.limiter.admitted(), inside.iter().sum::<u32>());
        }
    }
}

/// A shard that sleeps until its bell rings.
#[derive(Default)]
struct Sleeper {
    is_rung: Mutex<bool>,
    changed: Condvar,
}

impl Sleeper {
    fn ring(&self) {
        *self.is_rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn sleep(&self) {
        let rung = self.is_rung.lock().unwrap();
        let (mut rung, late) = self.changed.wait_timeout_while(rung, Duration::from_secs(20), |rung| !*rung).unwrap();
        assert!(!late.timed_out(), "nobody rang, and there was a place");
        *rung = false;
    }
}

/// Shards that come and go as fast as they can, under a limit that somebody changes all the time.
fn crowd(limits: &[u32], each: usize) {
    let most = *limits.iter().max().expect("a limit");
    let process = &process(most);
    let (inside, is_done) = (&AtomicU32::new(0), &AtomicBool::new(false));
    thread::scope(|scope| {
        let shards = (0..SHARDS).map(ShardIndex).map(|shard| {
            let sleeper = Arc::new(Sleeper::default());
            let bell = sleeper.clone();
            process.bells.hang(shard, Box::new(move || bell.ring()));
            scope.spawn(move || {
                for round in 0..each {
                    while !process.limiter.admit_or_wait(shard) {
                        sleeper.sleep();
                    }
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < most, "more than {most}");
                    if round % 3 == 0 {
                        thread::yield_now();
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    process.limiter.release(shard);
                }
            })
        });
        let shards: Vec<_> = shards.collect();
        scope.spawn(move || {
            while !is_done.load(Ordering::SeqCst) {
                limits.iter().for_each(|&limit| process.limiter.set_limit(limit));
                thread::yield_now();
            }
        });
        shards.into_iter().for_each(|shard| shard.join().expect("no shard fails"));
        is_done.store(true, Ordering::SeqCst);
    });
    assert_eq!(process.limiter.admitted(), 0);
}

#[test]
fn threads_never_exceed_a_limit_and_never_oversleep() {
    crowd(&[1], 20_000);
    crowd(&[2], 20_000);
    crowd(&[3, 1, 2], 10_000);
    crowd(&[100, 2, 64], 10_000);
}
