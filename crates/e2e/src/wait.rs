//! Waiting for a condition under a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for anything on loopback that is going to happen at all, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(10);

const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within `limit`; `what` then says what was waited for.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    value(what, limit, || condition().then_some(()));
}

/// Waits until `look` finds something and hands it out.
///
/// # Panics
/// When it finds nothing within `limit`; `what` then says what was waited for.
pub fn value<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    within(limit, &mut look).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}

/// As [`value`], where finding nothing within `limit` is an answer.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Watches `holds` for all of `period`: for what must not happen.
///
/// # Panics
/// As soon as it no longer holds; `what` then says what was promised.
pub fn throughout(what: &str, period: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + period;
    while Instant::now() < end {
        assert!(holds(), "did not hold: {what}");
        thread::sleep(BETWEEN_LOOKS);
    }
}
