//! What sockets are set to.

use config::{Bind, ServerOptions, Settings};
use table::{Keepalive, Source, Tuning};

/// Of a `bind` line whose queue has the length `backlog`.
pub(super) fn of_bind(settings: &Settings, bind: &Bind, backlog: u32) -> Tuning {
    Tuning {
        keepalive: keepalive(settings.client_keepalive),
        user_timeout: bind.user_timeout,
        segment_size: bind.segment_size,
        defers_accept: bind.defers_accept,
        fast_open: bind.opens_fast.then_some(backlog),
        source: None,
    }
}

/// Of connections to a server.
pub(super) fn of_server(settings: &Settings, options: &ServerOptions, source: Option<Source>) -> Tuning {
    let keepalive = keepalive(settings.server_keepalive);
    Tuning { keepalive, user_timeout: options.user_timeout, source, ..Tuning::default() }
}

/// Numbers of probes mean nothing as long as nobody is probed.
fn keepalive(said: config::Keepalive) -> Option<Keepalive> {
    let config::Keepalive { is_on, count, idle, interval } = said;
    is_on.then_some(Keepalive { count, idle, interval })
}
