//! How much a turn splices, and how much of it one flow.
//!
//! A call of `splice` moves up to a pipe's worth, half a millisecond of work. With a hundred flows that always have more, a turn that
//! served each of them would keep a short message waiting for fifty, and a flow whose window is small would get one
//! window for each such turn. So a turn ends after [`TURN_MOST`], with the rest in line for the next; and the more of
//! them wait, the less each takes at once.
//!
//! CPU per gigabyte rises by a fifth from calls of 1 MiB to calls of 256 KiB ([`crate::PIPES`] has the figures), which is why few
//! flows take all they can.

/// Bytes that a turn moves, in and out of pipes, before it looks at everybody else: some four milliseconds. With 4 MiB, 16 flows
/// cost a tenth more CPU per byte; with 64 MiB, another twentieth less.
const TURN_MOST: u64 = 16 << 20;
/// Bytes that all who wait take together, at one call each.
const ROUND_MOST: u32 = 16 << 20;
/// What a flow may always take: below it, calls cost more than bytes.
const PORTION_LEAST: u32 = 256 << 10;

/// What a turn has moved so far.
#[derive(Debug, Default)]
pub(crate) struct Portions {
    moved: u64,
}

impl Portions {
    pub(crate) fn on_turn(&mut self) {
        self.moved = 0;
    }

    pub(crate) fn on_moved(&mut self, count: u32) {
        self.moved += u64::from(count);
    }

    pub(crate) fn is_turn_over(&self) -> bool {
        self.moved >= TURN_MOST
    }
}

/// Bytes that one of `waiting_count` flows may take at once.
pub(crate) fn portion(waiting_count: usize) -> u32 {
    let share = u64::from(ROUND_MOST) / waiting_count.max(1) as u64;
    u32::try_from(share).unwrap_or(ROUND_MOST).max(PORTION_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_take_all_they_can_and_many_take_turns() {
        assert_eq!(
            [0, 1, 16, 32, 64, 10_000].map(portion),
            [16 << 20, 16 << 20, 1 << 20, 512 << 10, 256 << 10, 256 << 10]
        );
    }

    #[test]
    fn a_turn_ends_and_another_begins() {
        let mut portions = Portions::default();
        portions.on_moved(u32::MAX);
        assert!(portions.is_turn_over());
        portions.on_turn();
        assert!(!portions.is_turn_over());
    }
}
