//! The timers of one shard.

use driver::Instant;
use shard::Wheel;
use std::time::Duration;

/// Slots of the wheel, each armed.
pub const SLOT_COUNT: u32 = 10_000;

/// Inactivity that each session may have.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A shard's wheel with a deadline for every slot, spread evenly over the next minute.
pub struct Timers {
    wheel: Wheel,
    now: Instant,
    due: Vec<u32>,
}

impl Timers {
    pub fn new() -> Timers {
        let now = Instant::EPOCH + Duration::from_secs(1_000_000);
        let mut wheel = Wheel::new(now);
        wheel.grow(SLOT_COUNT as usize);
        let mut timers = Timers { wheel, now, due: Vec::with_capacity(SLOT_COUNT as usize) };
        timers.arm_all();
        timers
    }

    /// Every session ends and another takes its slot.
    pub fn replace_all(&mut self) {
        (0..SLOT_COUNT).for_each(|slot| self.wheel.disarm(slot));
        self.arm_all();
    }

    /// Every session has moved bytes: its deadline moves, its place in the wheel does not.
    pub fn touch_all(&mut self) {
        let deadline = self.now + TIMEOUT * 2;
        (0..SLOT_COUNT).for_each(|slot| self.wheel.arm(slot, deadline));
    }

    /// A minute of a shard on which nothing else happens: it sleeps until the next place, fires it and files again who was
    /// there. Each slot fires once. Answers how often it woke up.
    pub fn pass_minute(&mut self) -> u32 {
        let (mut wakes, mut fired) = (0, 0);
        while fired < SLOT_COUNT {
            self.now = self.wheel.next().expect("all slots are armed");
            self.wheel.fire(self.now, &mut self.due);
            fired += self.due.len() as u32;
            wakes += 1;
            for slot in self.due.drain(..) {
                self.wheel.arm(slot, self.now + TIMEOUT);
            }
        }
        wakes
    }

    fn arm_all(&mut self) {
        for slot in 0..SLOT_COUNT {
            // Neighbours in memory are not neighbours in time: 7,919 is coprime to the count.
            let place = slot * 7_919 % SLOT_COUNT + 1;
            self.wheel.arm(slot, self.now + TIMEOUT * place / SLOT_COUNT);
        }
    }
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}
