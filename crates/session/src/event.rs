//! What a session is told: who has come, and what happened since.

use crate::{Kept, View};
use driver::{Addr, Done, Errno, Fd, Side};
use std::sync::Arc;
use table::{FrontendId, Passed, Server, ShardIndex, Ticket};
use tls::Errand;

/// A connection that was just accepted.
#[derive(Debug)]
pub struct Arrival {
    pub table: View,
    pub frontend: FrontendId,
    pub listener: u32,
    /// `accept-proxy`: a header comes first and says who the client is.
    pub expects_header: bool,
    pub fd: Fd,
    pub client: Addr,
    /// What the client connected to.
    pub destination: Addr,
    pub shard: ShardIndex,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Event {
    Done(Side, Done),
    /// The answer to [`Ask::Server`] and to [`Ask::Socket`].
    Assigned {
        server: Arc<Server>,
        link: Result<Link, Errno>,
    },
    /// Another answer to [`Ask::Server`]: no server has a place. With a server: it is the only one that is waited for.
    Queued(Ticket, Option<Arc<Server>>),
    /// What ends the wait: as [`Event::Assigned`], after so many others.
    Granted {
        server: Arc<Server>,
        link: Result<Link, Errno>,
        passed: Passed,
    },
    /// Another answer to [`Ask::Server`]: nobody more may wait for this server, to which the session belongs.
    LineFull(Arc<Server>),
    /// The last answer to [`Ask::Server`]: no server of the backend is usable.
    NoServer,
    /// The answer to [`Ask::Source`].
    Source(Addr),
    /// The answer to [`Ask::Errand`]: it is done.
    Errand(Errand),
}

/// A way to a server.
#[derive(Debug)]
pub enum Link {
    /// A socket that is to be connected.
    Fresh(Fd),
    /// A connection on which an exchange was served before.
    Kept(Kept),
}
