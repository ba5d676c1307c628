//! What a world is like: its memory, its network and what goes wrong in it.

use std::time::Duration;

/// Everything about a world that is not its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Buffers of the shard's pool. A number below the count of busy flows makes receives starve.
    pub buffer_count: u32,
    /// Bytes of one buffer.
    pub buffer_size: usize,
    /// Pipes that may be in use at once. At zero, as on a system that makes none, every fill ends without one.
    pub pipe_count: usize,
    /// Bytes that a pipe holds. Each is drawn a size of its own: the most, or what is left of it after halving it a few
    /// times.
    pub pipe_size_least: usize,
    pub pipe_size_most: usize,
    pub network: Network,
    pub faults: Faults,
    /// Keeps a line per op and completion, for `World::trace`.
    pub has_trace: bool,
}

/// How bytes travel, and how promptly the driver says so. Spans are drawn anew each time from `least..=most`.
#[derive(Clone, Debug)]
pub struct Network {
    /// From one end of a connection to the other. What one end sends never overtakes itself.
    pub latency_least: Duration,
    pub latency_most: Duration,
    /// Bytes that one direction of a connection holds: the sender's and the receiver's socket buffer together.
    pub socket_buffer_least: usize,
    pub socket_buffer_most: usize,
    /// One write arrives in up to so many pieces.
    pub segments_most: usize,
    /// A receive or send that could move more bytes than it does.
    pub short_permille: u32,
    /// A receive, send or finish that could complete within `submit`, and does.
    pub immediate_permille: u32,
    /// Between an op becoming possible and its completion: this is what reorders the completions of several sockets.
    pub completion_delay_most: Duration,
    /// A cancelled op that could have completed anyway, and does.
    pub race_permille: u32,
    /// A reset that overtakes the bytes sent before it; they are lost.
    pub reset_overtakes_permille: u32,
    /// What passes while a turn enters the kernel.
    pub turn_cost_most: Duration,
    /// How long after its deadline a turn may return.
    pub lateness_most: Duration,
    /// A turn that returns early and with nothing, as on a signal.
    pub spurious_permille: u32,
    /// The number of a closed socket is given out again at once. Where it is not, a stale number is caught at its first use.
    pub reuse_permille: u32,
}

/// What goes wrong. Rates are in permille and strike at random; the transcript of a [`Peer`](crate::Peer) says whom they hit.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Sockets that may be open at once; beyond it, `socket`, `bind` and `accept` answer `EMFILE`.
    pub fds_max: usize,
    /// Connects of ours that are refused though the server is up.
    pub refuse_permille: u32,
    /// Connects of ours that nobody answers.
    pub black_hole_permille: u32,
    /// Connections that their far side resets in mid-stream.
    pub reset_permille: u32,
    /// Connections whose far side falls silent for good: it reads nothing, says nothing, ends nothing.
    pub vanish_permille: u32,
    /// A reset or silence strikes within this span after the connection is made.
    pub strike_within: Duration,
    /// `socket` fails with `ENFILE`, `ENOBUFS` or `ENOMEM`.
    pub socket_permille: u32,
    /// The system makes no pipe for a fill.
    pub pipe_permille: u32,
    /// `accept` fails with `ECONNABORTED`: the client has reset the connection while it waited.
    pub abort_permille: u32,
}

impl Default for Options {
    /// A rough network in which nothing fails.
    fn default() -> Options {
        Options {
            buffer_count: 256,
            buffer_size: 2048,
            pipe_count: 16,
            pipe_size_least: 1,
            pipe_size_most: 1 << 16,
            network: Network::rough(),
            faults: Faults::none(),
            has_trace: false,
        }
    }
}

impl Options {
    /// A calm network in which nothing fails: for scripts that also run on a kernel.
    pub fn calm() -> Options {
        Options { network: Network::calm(), pipe_size_least: 1 << 16, ..Options::default() }
    }
}

impl Network {
    /// Like the loopback of an idle machine: whole, in order, at once.
    pub fn calm() -> Network {
        Network {
            latency_least: Duration::from_micros(5),
            latency_most: Duration::from_micros(5),
            socket_buffer_least: 1 << 18,
            socket_buffer_most: 1 << 18,
            segments_most: 1,
            short_permille: 0,
            immediate_permille: 0,
            completion_delay_most: Duration::ZERO,
            race_permille: 1000,
            reset_overtakes_permille: 0,
            turn_cost_most: Duration::ZERO,
            lateness_most: Duration::ZERO,
            spurious_permille: 0,
            reuse_permille: 1000,
        }
    }

    /// All that a kernel may do, often.
    pub fn rough() -> Network {
        Network {
            latency_least: Duration::from_micros(5),
            latency_most: Duration::from_micros(800),
            socket_buffer_least: 512,
            socket_buffer_most: 16384,
            segments_most: 3,
            short_permille: 150,
            immediate_permille: 300,
            completion_delay_most: Duration::from_micros(60),
            race_permille: 500,
            reset_overtakes_permille: 300,
            turn_cost_most: Duration::from_micros(20),
            lateness_most: Duration::from_micros(80),
            spurious_permille: 10,
            reuse_permille: 500,
        }
    }
}

impl Faults {
    pub fn none() -> Faults {
        Faults {
            fds_max: usize::MAX,
            refuse_permille: 0,
            black_hole_permille: 0,
            reset_permille: 0,
            vanish_permille: 0,
            strike_within: Duration::from_millis(20),
            socket_permille: 0,
            pipe_permille: 0,
            abort_permille: 0,
        }
    }
}
