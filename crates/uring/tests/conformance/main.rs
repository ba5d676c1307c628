//! What every driver does, as scripts: each must say the same in every world, and what is expected of all.

#[macro_use]
mod expected;
mod kernel;
mod scripts;
mod simulated;
mod splices;
mod stage;

use kernel::Kernel;
use scripts::{BUFFER_COUNT, BUFFER_SIZE, PIPE_COUNT};
use simulated::Simulated;
use stage::Stage;
use uring::{Options, Uring, Wakeup};

/// The simulation draws what may come in any order.
const SEEDS: u64 = 20;

fn driver() -> Uring {
    let options = Options {
        sessions_max: 64,
        buffer_count: BUFFER_COUNT,
        buffer_size: BUFFER_SIZE,
        pipes_max: PIPE_COUNT,
        wakeup: Wakeup::new().expect("a descriptor"),
    };
    Uring::new(options).expect("these tests need io_uring")
}

/// Plays the scripts of a module in both worlds.
macro_rules! plays {
    ($scripts:ident $($name:ident: $expect:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut stage = Stage::new(Kernel::of(driver));
            $scripts::$name(&mut stage);
            assert_eq!(stage.transcript(), $expect, "on the kernel");
            for seed in 0..SEEDS {
                let mut stage = Stage::new(Simulated::new(seed));
                $scripts::$name(&mut stage);
                assert_eq!(stage.transcript(), $expect, "in the simulation, seed={seed}");
            }
        }
    )*};
}

conformance!(plays);
