//! What every driver does, as scripts: each must say the same in every world, and what is written here.

mod kernel;
mod scripts;
mod simulated;
mod stage;

use kernel::Kernel;
use scripts as script;
use simulated::Simulated;
use stage::Stage;

/// The simulation draws what may come in any order.
const SEEDS: u64 = 20;

/// Plays a script in every world.
macro_rules! conforms {
    ($($name:ident: $expect:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut stage = Stage::new(Kernel::new());
            script::$name(&mut stage);
            assert_eq!(stage.transcript(), $expect, "on the kernel");
            for seed in 0..SEEDS {
                let mut stage = Stage::new(Simulated::new(seed));
                script::$name(&mut stage);
                assert_eq!(stage.transcript(), $expect, "in the simulation, seed={seed}");
            }
        }
    )*};
}

// Error numbers are those of `connect(2)`, `send(2)` and `tcp(7)`.
conforms! {
    recv_then_cancel: ["cancelled", "received ECANCELED"];
    recv_and_cancel_in_one_turn: ["cancelled", "received ECANCELED"];
    cancel_then_send: ["cancelled", "sent Ok(5)", "later"];
    cancel_twice: ["cancelled", "cancelled", "received ECANCELED"];
    data_then_end: ["received \"hello\"", "received the end", "received the end"];
    more_is_told: ["4096 bytes, more: true", "10 bytes, more: false"];
    reset_while_receiving: ["received ECONNRESET", "received the end", "sent Err(EPIPE)"];
    send_to_a_reset_peer: ["sent Err(ECONNRESET)", "sent Err(EPIPE)"];
    connect_is_refused: ["connected Err(ECONNREFUSED)", "closed"];
    connect_succeeds: ["connected Ok(())", "sent Ok(5)", "hello", "received \"* OK\""];
    connect_then_cancel: ["cancelled", "connected Err(ECANCELED)", "closed"];
    two_are_accepted: ["readable Ok(())", "accepted", "accepted", "nobody waits"];
    readable_is_cancelled: ["cancelled", "readable Err(ECANCELED)"];
    an_orderly_close: ["sent Ok(3)", "bye", "closed", "end"];
    a_close_by_reset: ["sent Ok(3)", "bye", "closed", "reset"];
    a_starved_receive_recovers: ["4 buffers are held", "starved: 1", "received \"x\""];
    a_starved_receive_is_cancelled:
        ["4 buffers are held", "starved: 1", "cancelled", "received ECANCELED", "received \"x\""];
    a_silent_receive_starves_nobody: ["4 buffers are held", "starved: 1", "received \"x\"", "starved: 1"];
    a_half_close_leaves_the_other_half:
        ["finished Ok(())", "end", "received \"still here\"", "sent Err(EPIPE)", "received the end"];
    a_full_socket_makes_sends_wait: ["a send waits", "all of it arrived"];
    a_waiting_send_is_cancelled: ["cancelled", "sent Err(ECANCELED)", "closed"];
    a_wake_ends_a_turn: ["woken", "woken", "and not again"];
    a_past_deadline_does_not_wait: ["at once"];
    a_bound_socket_is_discarded: ["the same address: true"];
}
