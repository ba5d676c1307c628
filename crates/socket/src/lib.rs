//! What every driver on the kernel needs of it, however it waits: the calls on sockets that never wait, their addresses,
//! pipes to splice with, the monotonic clock, wake-ups from other threads, and what a shard's thread does at its start.
//!
//! Every function here is safe for every argument: a number that is no socket's is answered with an error of the kernel,
//! and no address or length passes through as an integer.

mod accept;
mod clock;
mod ktls;
mod make;
mod name;
mod neighbours;
mod pipes;
mod portion;
mod splice;
mod sys;
mod thread;
mod transfer;
mod tune;
mod wake;

pub use accept::{accept, is_readable, local_addr};
pub use clock::now;
pub use ktls::{entrust, has_layer, probe_tls, receive_record, send_alert};
pub use make::{adopted, bound, connector, duplicate, listen, taken, unlisten};
pub use name::Name;
pub use neighbours::{Neighbours, thread};
pub use pipes::{PIPES, Stock};
pub use sys::{check, close, last_errno, set_nonblocking};
pub use thread::{close_inherited, pin, unshare_files};
pub use transfer::{
    connect, connect_unix, failure, finish, receive, reset_on_close, send, silence_on_close, unread_count,
};
pub use tune::tune;
pub use wake::Wakeup;

/// Who waits for a connection's socket. A listener's never waits, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The kernel: a call on it would block, and the ring waits instead.
    InKernel,
    /// We: a call on it that cannot go on says so (`O_NONBLOCK`).
    Outside,
}

impl Waiting {
    fn flags(self) -> i32 {
        match self {
            Waiting::InKernel => 0,
            Waiting::Outside => libc::SOCK_NONBLOCK,
        }
    }
}
