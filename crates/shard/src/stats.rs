//! What a shard counts: plain numbers of its own, read on request.

use crate::Errands;
use session::{Cause, End};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub turns: u64,
    pub accepted: u64,
    pub closed: u64,
    /// Accepting stopped at the process's limit, or because every slot was taken.
    pub limit_reached: u64,
    /// Accepting stopped because the system had no descriptor or memory left (`EMFILE` and its like).
    pub accept_exhausted: u64,
    /// Connections that were gone before they were accepted, and other passing errors of `accept(2)`.
    pub accept_failed: u64,
    /// Sockets towards servers that could not be made.
    pub socket_failed: u64,
    /// Tables adopted after the first.
    pub reloads: u64,
    pub ends: Ends,
    pub errands: Errands,
}

/// Sessions by why they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub complete: u64,
    pub aborted: u64,
    pub idle: u64,
    pub unreachable: u64,
    pub connect_late: u64,
    pub no_server: u64,
    pub queue_late: u64,
    pub queue_full: u64,
    pub bad_header: u64,
    pub bad_handshake: u64,
    pub exhausted: u64,
    pub shut_down: u64,
    /// By rules, at any time.
    pub rejected: u64,
    /// What was said was no HTTP.
    pub malformed: u64,
}

impl Ends {
    pub(crate) fn count(&mut self, end: End) {
        let counter = match end.cause {
            Cause::Complete | Cause::Answered => &mut self.complete,
            Cause::Aborted(_) => &mut self.aborted,
            Cause::Idle(_) => &mut self.idle,
            Cause::Unreachable(_) | Cause::Unsecured(_) => &mut self.unreachable,
            Cause::ConnectLate => &mut self.connect_late,
            Cause::NoServer => &mut self.no_server,
            Cause::QueueLate => &mut self.queue_late,
            Cause::QueueFull => &mut self.queue_full,
            Cause::BadHeader(_) => &mut self.bad_header,
            Cause::BadHandshake(_) => &mut self.bad_handshake,
            Cause::Exhausted(_) => &mut self.exhausted,
            Cause::ShutDown(_) => &mut self.shut_down,
            Cause::NotAdmitted | Cause::Rejected | Cause::Denied | Cause::RuleFailed => &mut self.rejected,
            Cause::Malformed(..) => &mut self.malformed,
        };
        *counter += 1;
    }
}
