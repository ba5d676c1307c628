//! The same work on two threads at once.

use std::sync::Barrier;
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
