//! Whether bytes may go from socket to socket inside the kernel.

/// Which directions may be spliced (`configuration.txt: option splice-auto, splice-request, splice-response`). Splicing is on
/// unless the file says `no option splice-auto`; a flow is spliced once it is busy enough to gain by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Splice {
    /// From client to server.
    pub request: bool,
    /// From server to client.
    pub response: bool,
}

impl Splice {
    pub const ALWAYS: Splice = Splice { request: true, response: true };
    pub const NEVER: Splice = Splice { request: false, response: false };

    /// What both ends of a proxy allow.
    pub fn and(self, other: Splice) -> Splice {
        Splice { request: self.request && other.request, response: self.response && other.response }
    }
}
