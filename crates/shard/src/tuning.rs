//! What the table says of sockets, in the words of a driver.

use driver::{Keepalive, Ownership, Source, Tuning};

/// What the table wants of a socket.
pub fn tuning_of(tuning: &table::Tuning) -> Tuning {
    let table::Tuning { keepalive, user_timeout, segment_size, defers_accept, fast_open, source } = tuning;
    let keepalive = keepalive.map(|table::Keepalive { count, idle, interval }| Keepalive { count, idle, interval });
    let source = source.as_ref().map(|table::Source { addr, device }| Source { addr: *addr, device: device.clone() });
    Tuning {
        keepalive,
        user_timeout: *user_timeout,
        segment_size: *segment_size,
        defers_accept: *defers_accept,
        fast_open: *fast_open,
        source,
    }
}

pub(crate) fn ownership_of(ownership: table::Ownership) -> Ownership {
    let table::Ownership { mode, uid, gid } = ownership;
    Ownership { mode, uid, gid }
}
