//! What a shard's driver is made for.

use socket::Wakeup;

/// The same as on io_uring, so that whoever starts shards chooses an engine and nothing else.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sessions that are expected at once, for which room is made beforehand.
    pub sessions_max: u32,
    /// Buffers of the shard's pool.
    pub buffer_count: u32,
    /// Bytes of one buffer.
    pub buffer_size: usize,
    /// Pipes that may exist at once, each of two descriptors. Flows beyond them are copied.
    pub pipes_max: u32,
    /// Ends the wait of a turn from other threads.
    pub wakeup: Wakeup,
}
