//! One check, carried out: what a probe asks for, done on a socket.

use super::formulas::Knowledge;
use super::plan::Plan;
use crate::uio::{ConnectError, Connection, Runtime, TransferError};
use check::{Event, Next, Outcome, Probe};
use std::time::Duration;
use table::Place;
use tokio::time::Instant;

/// Checks a server once. Takes no longer than the probe's deadlines allow. Dropped, it closes its socket.
pub(super) async fn check(runtime: Runtime, plan: &Plan, is_in_use: bool, knowledge: Option<Knowledge>) -> Outcome {
    let begun = Instant::now();
    let mut probe = Probe::new(plan.script.clone());
    if is_in_use {
        probe = probe.of_server_in_use();
    }
    if let Some(knowledge) = knowledge {
        probe = probe.with_formulas(Box::new(knowledge));
    }
    let mut connection: Option<Connection> = None;
    let mut received = Vec::new();
    loop {
        let deadline = begun + probe.deadline().unwrap_or(Duration::ZERO);
        let event = match (probe.next(), &mut connection) {
            (Next::Finish(outcome), _) => return outcome.clone(),
            (Next::Connect(connect), open) => {
                // The one before is closed first: a server may take one at a time.
                *open = None;
                let to = Place { ip: connect.ip, port: connect.port }.of(&plan.to);
                match Connection::open(runtime, &to, &plan.tuning, connect.ending, deadline).await {
                    Ok(opened) => Event::Connected(open.insert(opened).addresses()),
                    Err(ConnectError::Socket(errno)) => Event::SocketFailed(errno),
                    Err(ConnectError::Failed(errno)) => Event::ConnectFailed(errno),
                    Err(ConnectError::DeadlineReached) => Event::DeadlineReached,
                }
            }
            (Next::Send(bytes), Some(connection)) => match connection.write(bytes, deadline).await {
                Ok(count) => Event::Sent(count),
                Err(TransferError::Failed(errno)) => Event::Broken(errno),
                Err(TransferError::DeadlineReached) => Event::DeadlineReached,
            },
            (Next::Receive, Some(connection)) => match connection.read(deadline).await {
                Ok(bytes) if bytes.is_empty() => Event::Ended,
                Ok(bytes) => {
                    received = bytes;
                    Event::Received(&received)
                }
                Err(TransferError::Failed(errno)) => Event::Broken(errno),
                Err(TransferError::DeadlineReached) => Event::DeadlineReached,
            },
            (Next::Send(_) | Next::Receive, None) => unreachable!("a probe connects first"),
        };
        probe.handle(begun.elapsed(), event);
        received.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uio::{BlackHole, block_on};
    use check::{Preset, Script, Settings, Status, Timeouts};
    use proxyline::Version;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use table::ServerAddr;

    const RUNTIMES: [Runtime; 2] = [Runtime::IoUring, Runtime::Plain];

    fn timeouts(inter_millis: u64) -> Timeouts {
        Timeouts { inter: Duration::from_millis(inter_millis), connect: None, check: None }
    }

    fn checked(runtime: Runtime, to: ServerAddr, script: Script) -> Outcome {
        let settings = Settings::every(script.timeouts.inter);
        let plan = Plan { to, script, formulas: [].into(), settings, tuning: table::Tuning::default() };
        block_on(runtime, check(runtime, &plan, true, None)).expect("these tests need io_uring")
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
        let script = Script::connect_only(Some(Version::V2), timeouts(10_000));
        let outcome = checked(runtime, ServerAddr::Ip(addr), script);
        assert_eq!(outcome.status, Status::Layer4Passed);
        // The reset that ends the check may overtake the reader; what was read before it is right.
        if let Ok(start) = server.join().expect("no panic") {
            assert_eq!(&start, b"\r\n\r\n\0\r\nQUIT\n\x20");
        }
    }

    /// RFC 1939 §6: the server hears `QUIT`, answers and closes; it sees the end of a client that left in order.
    #[test]
    fn a_conversation_that_ends_in_order() {
        for runtime in RUNTIMES {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let addr = listener.local_addr().expect("bound");
            let server = std::thread::spawn(move || {
                let (mut peer, _) = listener.accept().expect("a client");
                peer.write_all(b"+OK ready\r\n").expect("it listens");
                let mut quit = [0; 6];
                peer.read_exact(&mut quit).expect("it speaks");
                peer.write_all(b"+OK bye\r\n").expect("it listens");
                peer.shutdown(std::net::Shutdown::Write).expect("it is open");
                (quit, peer.read_to_end(&mut Vec::new()).map_err(|error| error.kind()))
            });
            let outcome = checked(runtime, ServerAddr::Ip(addr), Preset::Pop3.script(None, timeouts(10_000)));
            assert_eq!((outcome.status, &outcome.info[..]), (Status::Layer7Passed, &b"+OK bye"[..]), "{runtime:?}");
            assert_eq!(server.join().expect("no panic"), (*b"QUIT\r\n", Ok(0)), "{runtime:?}");
        }
    }

    #[test]
    fn a_server_that_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = ServerAddr::Ip(listener.local_addr().expect("bound"));
        for runtime in RUNTIMES {
            let outcome = checked(runtime, addr.clone(), Preset::Imap.script(None, timeouts(200)));
            assert_eq!(outcome.status, Status::Layer7TimedOut, "{runtime:?}");
            assert!((200..5_000).contains(&outcome.duration.as_millis()), "{runtime:?}: {:?}", outcome.duration);
        }
    }

    #[test]
    fn a_server_that_swallows_syns() {
        let hole = BlackHole::new();
        for runtime in RUNTIMES {
            let outcome = checked(runtime, hole.addr.clone(), Script::connect_only(None, timeouts(200)));
            assert_eq!(outcome.status, Status::Layer4TimedOut, "{runtime:?}");
            assert!((200..5_000).contains(&outcome.duration.as_millis()), "{runtime:?}: {:?}", outcome.duration);
        }
    }

    #[test]
    fn nobody_behind_a_path() {
        for runtime in RUNTIMES {
            let script = Script::connect_only(None, timeouts(10_000));
            let outcome = checked(runtime, ServerAddr::Unix(b"/nonexistent/x"[..].into()), script);
            assert_eq!(outcome.status, Status::SocketFailed, "{runtime:?}");
            // errno(3): ENOENT.
            let expected = b"General socket error (No such file or directory)";
            assert_eq!(outcome.info, expected, "{runtime:?}");
        }
    }
}
