//! Memory that a burst has left behind goes back to the system: what the moments before have needed twice over stays.
//!
//! A shard with little memory never looks; one that rests after a burst looks a few times, and then no more.

use crate::Shard;
use driver::Driver;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(500);
/// Buffers whose memory stays whatever happens: less than what a few sessions have.
const BUFFERS_LEAST: usize = 64;

impl<D: Driver> Shard<D> {
    pub(crate) fn tidy(&mut self) {
        if self.tidy_due.is_some_and(|due| due <= self.now) {
            self.driver.tidy(BUFFERS_LEAST);
            self.tidy_due = None;
        }
        if self.tidy_due.is_none() && self.driver.pool().is_larger_than(BUFFERS_LEAST) {
            self.tidy_due = Some(self.now + EVERY);
        }
    }
}
