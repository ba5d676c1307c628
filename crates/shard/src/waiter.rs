//! What the table calls one who waits for a server, and which session of ours that is.

use driver::SessionId;
use table::{ShardIndex, Waiter};

pub(crate) fn of(shard: ShardIndex, id: SessionId) -> Waiter {
    Waiter { shard, session: u64::from(id.generation) << 32 | u64::from(id.index) }
}

pub(crate) fn session(waiter: Waiter) -> SessionId {
    SessionId { index: waiter.session as u32, generation: (waiter.session >> 32) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_again() {
        let id = SessionId { index: 0x8123_4567, generation: 0x89ab_cdef };
        assert_eq!(session(of(ShardIndex(3), id)), id);
    }
}
