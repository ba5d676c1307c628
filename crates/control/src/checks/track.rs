//! Servers that follow another one, in health and in administrative state (`configuration.txt: track`).

use table::{Server, ServerId, Table};

/// The server that `server` follows.
pub(crate) fn tracked<'a>(table: &'a Table, server: &Server) -> Option<&'a Server> {
    let tracked = server.settings.track.as_ref()?;
    let id = table.server_named(&tracked.backend, &tracked.server)?;
    Some(table.server(id))
}

/// The one at the end of the chain, whose checks count; a server that follows nobody is its own.
pub(crate) fn root<'a>(table: &'a Table, server: &'a Server) -> &'a Server {
    let mut root = server;
    while let Some(next) = tracked(table, root) {
        root = next;
    }
    root
}

/// Those that follow `server` directly; the last of the file come first, as HAProxy tells of them.
pub(crate) fn followers(table: &Table, server: &Server) -> Vec<ServerId> {
    let mut followers: Vec<ServerId> = super::plan::servers(table)
        .filter(|(_, other)| {
            let tracked = other.settings.track.as_ref();
            tracked.is_some_and(|tracked| tracked.backend == server.backend_name && tracked.server == server.name)
        })
        .map(|(id, _)| id)
        .collect();
    followers.reverse();
    followers
}

/// Everybody follows from the start, and nobody is told of that.
pub(super) fn settle(table: &Table) {
    for (_, server) in super::plan::servers(table).filter(|(_, server)| server.settings.track.is_none()) {
        lead(table, server);
    }
}

fn lead(table: &Table, server: &Server) {
    for id in followers(table, server) {
        let (backend, follower) = (table.backend(id.backend), table.server(id));
        if follower.state.inherited_admin() != server.state.admin() {
            backend.state.set_inherited_admin(follower, server.state.admin());
        }
        if follower.state.health() != server.state.health() {
            backend.state.set_health(follower, server.state.health());
        }
        lead(table, follower);
    }
}
