//! What every driver does, as scripts: on epoll they say what they say on io_uring and in the simulation.

#[macro_use]
#[path = "../../../uring/tests/conformance/expected.rs"]
mod expected;
#[path = "../../../uring/tests/conformance/kernel.rs"]
mod kernel;
#[path = "../../../uring/tests/conformance/scripts.rs"]
mod scripts;
#[path = "../../../uring/tests/conformance/splices.rs"]
mod splices;
#[path = "../../../uring/tests/conformance/stage.rs"]
mod stage;

use epoll::{Epoll, Options};
use kernel::Kernel;
use scripts::{BUFFER_COUNT, BUFFER_SIZE, PIPE_COUNT};
use socket::Wakeup;
use stage::Stage;

fn driver() -> Epoll {
    let options = Options {
        sessions_max: 64,
        buffer_count: BUFFER_COUNT,
        buffer_size: BUFFER_SIZE,
        pipes_max: PIPE_COUNT,
        wakeup: Wakeup::new().expect("a descriptor"),
    };
    Epoll::new(options).expect("every Linux has it")
}

/// Plays the scripts of a module.
macro_rules! plays {
    ($scripts:ident $($name:ident: $expect:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut stage = Stage::new(Kernel::of(driver));
            $scripts::$name(&mut stage);
            assert_eq!(stage.transcript(), $expect);
        }
    )*};
}

conformance!(plays);
