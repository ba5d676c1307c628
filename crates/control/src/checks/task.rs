//! One check, carried out: what a probe asks for, done on a socket.

use super::plan::Plan;
use crate::uio::{ConnectError, Connection, Runtime, WriteError};
use check::{Event, Next, Outcome, Probe};
use std::time::Duration;
use tokio::time::Instant;

/// Checks a server once. Takes no longer than the probe's deadlines allow. Dropped, it closes its socket.
pub(super) async fn check(runtime: Runtime, plan: &Plan) -> Outcome {
    let begun = Instant::now();
    let mut probe = Probe::new(plan.script);
    let mut connection: Option<Connection> = None;
    loop {
        let deadline = begun + probe.deadline().unwrap_or(Duration::ZERO);
        let event = match (probe.next(), &mut connection) {
            (Next::Finish(outcome), _) => return outcome,
            (Next::Connect, _) => match Connection::open(runtime, &plan.to, deadline).await {
                Ok(opened) => Event::Connected(connection.insert(opened).addresses()),
                Err(ConnectError::Socket(errno)) => Event::SocketFailed(errno),
                Err(ConnectError::Failed(errno)) => Event::ConnectFailed(errno),
                Err(ConnectError::DeadlineReached) => Event::DeadlineReached,
            },
            (Next::Send(bytes), Some(connection)) => match connection.write(bytes, deadline).await {
                Ok(count) => Event::Sent(count),
                Err(WriteError::Failed(errno)) => Event::SendFailed(errno),
                Err(WriteError::DeadlineReached) => Event::DeadlineReached,
            },
            (Next::Send(_), None) => unreachable!("a probe sends once it is connected"),
        };
        probe.handle(begun.elapsed(), event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uio::{BlackHole, block_on};
    use check::{Script, Settings, Status, Timeouts};
    use proxyline::Version;
    use std::io::Read;
    use std::net::TcpListener;
    use table::ServerAddr;

    const RUNTIMES: [Runtime; 2] = [Runtime::IoUring, Runtime::Plain];

    fn checked(runtime: Runtime, to: ServerAddr, proxy: Option<Version>, inter_millis: u64) -> Outcome {
        let inter = Duration::from_millis(inter_millis);
        let script = Script { proxy, timeouts: Timeouts { inter, connect: None, check: None } };
        let plan = Plan { to, script, settings: Settings::every(inter) };
        block_on(runtime, check(runtime, &plan)).expect("these tests need io_uring")
    }

    /// The signature and the command LOCAL (PROXY protocol §2.2), before anything else.
    #[test]
    fn a_header_goes_first() {
        RUNTIMES.into_iter().for_each(header_goes_first);
    }

    fn header_goes_first(runtime: Runtime) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("bound");
        let server = std::thread::spawn(move || {
            let mut start = [0; 13];
            listener.accept().and_then(|(mut peer, _)| peer.read_exact(&mut start)).map(|()| start)
        });
        let outcome = checked(runtime, ServerAddr::Ip(addr), Some(Version::V2), 10_000);
        assert_eq!(outcome.status, Status::Layer4Passed);
        // The reset that ends the check may overtake the reader; what was read before it is right.
        if let Ok(start) = server.join().expect("no panic") {
            assert_eq!(&start, b"\r\n\r\n\0\r\nQUIT\n\x20");
        }
    }

    #[test]
    fn a_server_that_swallows_syns() {
        let hole = BlackHole::new();
        for runtime in RUNTIMES {
            let outcome = checked(runtime, hole.addr.clone(), None, 200);
            assert_eq!(outcome.status, Status::Layer4TimedOut, "{runtime:?}");
            assert!((200..5_000).contains(&outcome.duration.as_millis()), "{runtime:?}: {:?}", outcome.duration);
        }
    }

    #[test]
    fn nobody_behind_a_path() {
        for runtime in RUNTIMES {
            let outcome = checked(runtime, ServerAddr::Unix(b"/nonexistent/x"[..].into()), None, 10_000);
            assert_eq!(outcome.status, Status::SocketFailed(check::Errno(2)), "{runtime:?}: ENOENT");
        }
    }
}
