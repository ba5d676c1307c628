//! How much may complete within `submit` between two looks at the kernel.
//!
//! What completes at once makes its session ask for more at once. Without a limit, one flow whose sender is as fast as its
//! receiver would never let the turn end. What exceeds the budget waits for the next turn, in line with everybody else.

/// Attempts for one socket: a burst of so many full buffers passes in one turn. Beyond it, others come first.
const SOCKET_MOST: u8 = 8;
/// Attempts for all sockets: a few milliseconds of copying buffers of 36 KiB.
const TURN_MOST: u32 = 512;

/// What all sockets may attempt in this turn.
#[derive(Debug)]
pub(crate) struct Budget {
    turn: u32,
    left: u32,
}

/// What one socket has attempted of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    turn: u32,
    spent: u8,
}

impl Default for Budget {
    fn default() -> Budget {
        // A share that was never used is of turn zero, which is over.
        Budget { turn: 1, left: TURN_MOST }
    }
}

impl Budget {
    /// A turn begins.
    pub(crate) fn renew(&mut self) {
        *self = Budget { turn: self.turn.wrapping_add(1), left: TURN_MOST };
    }

    /// Takes one attempt, if there is one left.
    pub(crate) fn spend(&mut self, share: &mut Share) -> bool {
        if share.turn != self.turn {
            *share = Share { turn: self.turn, spent: 0 };
        }
        if self.left == 0 || share.spent == SOCKET_MOST {
            return false;
        }
        self.left -= 1;
        share.spent += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_its_share_and_a_turn_its_end() {
        let mut budget = Budget::default();
        let mut shares = vec![Share::default(); 100];
        let mut spend_all = |budget: &mut Budget| -> Vec<usize> {
            let mut spend =
                |share: &mut Share| std::iter::repeat_with(|| budget.spend(share)).take_while(|&may| may).count();
            shares.iter_mut().map(&mut spend).collect()
        };
        for _ in 0..3 {
            let spent = spend_all(&mut budget);
            assert_eq!(spent[0], usize::from(SOCKET_MOST));
            assert_eq!(spent.iter().sum::<usize>(), TURN_MOST as usize);
            assert_eq!(spend_all(&mut budget).iter().sum::<usize>(), 0, "until the next turn");
            budget.renew();
        }
    }
}
