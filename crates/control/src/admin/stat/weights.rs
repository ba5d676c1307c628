//! The weights of servers as they are shown: as the file has them, and what is in force of them.

use std::sync::Arc;
use table::{Backend, Server, WEIGHT_SCALE};

/// The weight of the servers that connections are spread over.
pub(crate) fn weight(backend: &Backend) -> u32 {
    let usable = |is_backup: bool| {
        let is_meant = move |server: &&Arc<Server>| server.settings.backup == is_backup && server.state.is_usable();
        backend.servers.iter().filter(is_meant).map(|server| u32::from(server.state.effective_weight()))
    };
    shown_weight(match (backend.state.usable().active, backend.all_backups) {
        (0, true) => usable(true).sum(),
        (0, false) => usable(true).next().unwrap_or(0),
        _ => usable(false).sum(),
    })
}

/// As a server line has it, rounded up.
pub(crate) fn shown_weight(effective: u32) -> u32 {
    effective.div_ceil(u32::from(WEIGHT_SCALE))
}

/// Percent of its weight that a server has which warms up.
pub(crate) fn throttle(server: &Server) -> u32 {
    let (effective, whole) = (u32::from(server.state.effective_weight()), u32::from(server.state.weight()));
    let scale = u32::from(WEIGHT_SCALE);
    (100 * effective + scale - 1) / (scale * whole)
}
