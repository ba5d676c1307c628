//! Signals: what the operator asks for by `kill`.
//!
//! They are blocked in every thread and read from a descriptor (`signalfd(2)`). A handler could run in a shard's thread, whose
//! descriptors are its own: what it wrote to wake control would go to whichever socket has that number there.

use crate::uio;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use tokio::io::unix::AsyncFd;

/// Which signal ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// `SIGTERM`.
    Terminate,
    /// `SIGINT`.
    Interrupt,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// End now.
    Stop(StopSignal),
    /// `SIGUSR1`: take no new connections, end with the last session.
    Drain,
    /// `SIGHUP`, `SIGUSR2`: read the configuration again.
    Reload,
    /// `SIGQUIT`: say what the shards hold.
    Dump,
    /// `SIGTTOU`: refuse connections, on all listeners.
    Pause,
    /// `SIGTTIN`: take connections again.
    Resume,
}

const HANDLED: [(Signal, Request); 8] = [
    (Signal::SIGTERM, Request::Stop(StopSignal::Terminate)),
    (Signal::SIGINT, Request::Stop(StopSignal::Interrupt)),
    (Signal::SIGUSR1, Request::Drain),
    (Signal::SIGHUP, Request::Reload),
    (Signal::SIGUSR2, Request::Reload),
    (Signal::SIGQUIT, Request::Dump),
    (Signal::SIGTTOU, Request::Pause),
    (Signal::SIGTTIN, Request::Resume),
];

/// Blocks the signals that control reads, for this thread and all that it starts.
///
/// To be called before the first thread is started: a signal that any thread leaves open does what it does by default, and
/// most of these end the process.
pub fn block_signals() -> io::Result<()> {
    handled().thread_block().map_err(io::Error::from)
}

/// Where requests come from.
pub(crate) enum Signals {
    Kernel(AsyncFd<SignalFd>),
    /// Somebody who plays the operator.
    #[cfg(test)]
    Channel(tokio::sync::mpsc::UnboundedReceiver<Request>),
}

impl Signals {
    /// Must be called inside of the runtime.
    pub(crate) fn system() -> io::Result<Signals> {
        block_signals()?;
        let descriptor = SignalFd::with_flags(&handled(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Signals::Kernel(uio::watch(descriptor)?))
    }

    /// Waits for the next request. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> io::Result<Request> {
        match self {
            Signals::Kernel(descriptor) => read(descriptor).await,
            #[cfg(test)]
            Signals::Channel(requests) => match requests.recv().await {
                Some(request) => Ok(request),
                None => std::future::pending().await,
            },
        }
    }
}

async fn read(descriptor: &mut AsyncFd<SignalFd>) -> io::Result<Request> {
    loop {
        let mut ready = descriptor.readable_mut().await?;
        match ready.get_inner_mut().read_signal()? {
            Some(signal) => {
                let number = signal.ssi_signo as i32;
                let asked = HANDLED.iter().find(|(handled, _)| *handled as i32 == number);
                return Ok(asked.expect("the descriptor reads no other signals").1);
            }
            None => ready.clear_ready(),
        }
    }
}

fn handled() -> SigSet {
    HANDLED.iter().map(|&(signal, _)| signal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    /// Signals that a thread raises for itself can only be read by itself, so other tests do not meet them.
    #[test]
    fn requests() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut signals = Signals::system().expect("a descriptor");
            for (signal, request) in HANDLED {
                raise(signal).expect("a signal of our own");
                assert_eq!(signals.next().await.expect("readable"), request);
            }
        });
    }
}
