//! Work on two threads at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long the slower of two takes for so many turns while the other does as many.
///
/// # Panics
/// If a turn does.
pub fn side_by_side<T: Send>(both: [&mut T; 2], turns: u64, turn: impl Fn(&mut T) + Sync) -> Duration {
    let start = Barrier::new(both.len());
    thread::scope(|scope| {
        let threads = both.map(|one| {
            let (start, turn) = (&start, &turn);
            scope.spawn(move || {
                start.wait();
                let begun = Instant::now();
                (0..turns).for_each(|_| turn(one));
                begun.elapsed()
            })
        });
        let spans = threads.map(|thread| thread.join().expect("a turn does not panic"));
        spans.into_iter().max().expect("there are two")
    })
}

/// How long `one` takes for what `measured` measures of so many turns, while `other` does its own without a pause.
///
/// # Panics
/// If a turn does.
pub fn beside<T: Send>(
    one: &mut T,
    other: &mut T,
    turns: u64,
    measured: impl Fn(&mut T) -> Duration,
    turn: impl Fn(&mut T) + Sync,
) -> Duration {
    let (start, over) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        let (start, over, turn) = (&start, &over, &turn);
        scope.spawn(move || {
            start.wait();
            while !over.load(Ordering::Relaxed) {
                turn(other);
            }
        });
        start.wait();
        let taken = (0..turns).map(|_| measured(one)).sum();
        over.store(true, Ordering::Relaxed);
        taken
    })
}
