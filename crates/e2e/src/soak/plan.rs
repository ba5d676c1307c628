//! What one flow does, drawn from the seed and the flow's number: both of its ends know it without a word.

use std::time::Duration;

use crate::peers::pattern::{Pattern, mix};

/// Bytes of one send or receive where nothing speaks against it.
pub(super) const STEP: usize = 64 * 1024;

/// One flow.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What the client sends.
    pub(super) up: Stream,
    /// What the server sends.
    pub(super) down: Stream,
    pub(super) order: Order,
}

/// One direction of a flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) pattern: Pattern,
    /// Bytes.
    pub(super) size: u64,
    pub(super) sending: Pace,
    pub(super) receiving: Pace,
}

/// Who ends what when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Both directions at once, each ended when it is through.
    AtOnce,
    /// The client sends everything and ends its direction; only then the server answers.
    ClientFirst,
    /// The other way round.
    ServerFirst,
    /// The client resets the connection when it has sent so many bytes and received some.
    ClientResets { after: u64 },
    /// The server does.
    ServerResets { after: u64 },
}

/// How one end of a direction moves its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As fast as the other end allows.
    Eager,
    /// Rests at every quarter. A receiver that rests leaves bytes in the pipe.
    Pausing,
    /// Bursts, and between them messages that are not worth a splice: what demotes a flow and promotes it again.
    Trickling,
    /// Little by little at first.
    Slow,
}

/// What an end does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Moves at most so many bytes. Not zero.
    pub(super) bytes: usize,
    /// Rests so long before it.
    pub(super) rest: Duration,
}

impl Plan {
    /// Flow `number` of `seed`. No direction has more than `size_max` bytes.
    pub(super) fn of(seed: u64, number: u64, size_max: u64) -> Self {
        let key = mix(mix(seed).wrapping_add(number));
        let mut draw = Draw { state: key };
        let mut stream = |direction: u64| Stream {
            pattern: Pattern::keyed(key.wrapping_add(direction)),
            size: draw.size(size_max),
            sending: draw.pace(),
            receiving: draw.pace(),
        };
        let (mut up, mut down) = (stream(1), stream(2));
        let order = match draw.below(10) {
            0..=3 => Order::AtOnce,
            4 | 5 => Order::ClientFirst,
            6 | 7 => Order::ServerFirst,
            resets => {
                // Cut in the middle: both directions are long enough to be spliced by then.
                for stream in [&mut up, &mut down] {
                    stream.size = size_max / 8 + draw.below(size_max / 8);
                }
                let of = if resets == 8 { &up } else { &down };
                let after = draw.below(of.size);
                if resets == 8 { Order::ClientResets { after } } else { Order::ServerResets { after } }
            }
        };
        Plan { up, down, order }
    }
}

impl Pace {
    /// What comes next for an end that has moved `position` of `size` bytes.
    pub(super) fn step(self, position: u64, size: u64) -> Step {
        match self {
            Pace::Eager => Step::at_once(STEP as u64),
            Pace::Pausing => {
                let quarter = (size / 4).max(STEP as u64);
                let is_at_stop = position > 0 && position.is_multiple_of(quarter);
                let rest = if is_at_stop { Duration::from_millis(15) } else { Duration::ZERO };
                Step { rest, ..Step::at_once(quarter - position % quarter) }
            }
            Pace::Trickling => trickle(position, (size / 3).max(STEP as u64)),
            Pace::Slow if position < 2 << 20 => Step { bytes: 32 * 1024, rest: Duration::from_millis(1) },
            Pace::Slow => Step::at_once(STEP as u64),
        }
    }
}

/// Every `third` ends with a few small messages.
fn trickle(position: u64, third: u64) -> Step {
    const MESSAGE: u64 = 700;
    const MESSAGES: u64 = 24;
    let left = third - position % third;
    if left > MESSAGE * MESSAGES {
        return Step::at_once(left - MESSAGE * MESSAGES);
    }
    Step { rest: Duration::from_millis(1), ..Step::at_once(left.min(MESSAGE)) }
}

impl Step {
    /// At most `bytes`, and not more than a step.
    fn at_once(bytes: u64) -> Self {
        Step { bytes: usize::try_from(bytes).map_or(STEP, |bytes| bytes.min(STEP)), rest: Duration::ZERO }
    }
}

/// Numbers from a seed.
struct Draw {
    state: u64,
}

impl Draw {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state)
    }

    /// Below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Most flows are short, most bytes are in long ones.
    fn size(&mut self, max: u64) -> u64 {
        match self.below(20) {
            0 | 1 => 0,
            2..=4 => 1 + self.below(200),
            5..=8 => self.below(16 * 1024),
            9..=14 => self.below(max / 256),
            15..=18 => self.below(max / 32),
            _ => self.below(max),
        }
    }

    fn pace(&mut self) -> Pace {
        match self.below(8) {
            0..=3 => Pace::Eager,
            4 | 5 => Pace::Pausing,
            6 => Pace::Trickling,
            _ => Pace::Slow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE_MAX: u64 = 16 << 20;

    #[test]
    fn both_ends_draw_the_same() {
        let text = |seed, number| format!("{:?}", Plan::of(seed, number, SIZE_MAX));
        assert_eq!(text(1, 7), text(1, 7));
        assert_ne!(text(1, 7), text(1, 8));
        assert_ne!(text(1, 7), text(2, 7));
    }

    #[test]
    fn a_hundred_flows_hold_everything() {
        let plans: Vec<Plan> = (0..100).map(|number| Plan::of(1, number, SIZE_MAX)).collect();
        let paces = [Pace::Eager, Pace::Pausing, Pace::Trickling, Pace::Slow];
        for pace in paces {
            assert!(plans.iter().any(|plan| plan.up.sending == pace), "{pace:?} sender");
            assert!(plans.iter().any(|plan| plan.down.receiving == pace), "{pace:?} receiver");
        }
        let count = |is: fn(&Order) -> bool| plans.iter().filter(|plan| is(&plan.order)).count();
        for count in [
            count(|order| matches!(order, Order::AtOnce)),
            count(|order| matches!(order, Order::ClientFirst)),
            count(|order| matches!(order, Order::ServerFirst)),
            count(|order| matches!(order, Order::ClientResets { .. })),
            count(|order| matches!(order, Order::ServerResets { .. })),
        ] {
            assert!(count > 3, "{count}");
        }
    }

    #[test]
    fn every_pace_reaches_the_end() {
        for pace in [Pace::Eager, Pace::Pausing, Pace::Trickling, Pace::Slow] {
            for size in [0, 1, 100_000, 5 << 20] {
                let (mut position, mut rested) = (0, Duration::ZERO);
                while position < size {
                    let step = pace.step(position, size);
                    assert!((1..=STEP).contains(&step.bytes), "{step:?}");
                    position += step.bytes as u64;
                    rested += step.rest;
                }
                assert!(rested < Duration::from_millis(200), "{pace:?} rests {rested:?} in {size} bytes");
            }
        }
    }
}
