//! What the table says of sockets, in the words of a driver.

use driver::{Keepalive, Tuning};

pub(crate) fn tuning_of(tuning: &table::Tuning) -> Tuning {
    let &table::Tuning { keepalive, user_timeout, segment_size, defers_accept, fast_open } = tuning;
    let keepalive = keepalive.map(|table::Keepalive { count, idle, interval }| Keepalive { count, idle, interval });
    Tuning { keepalive, user_timeout, segment_size, defers_accept, fast_open }
}
