//! Transcripts of checks: what happens, when, and what is asked for.

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn timeouts(connect: Option<u64>, check: Option<u64>) -> Timeouts {
    Timeouts { inter: ms(2000), connect: connect.map(ms), check: check.map(ms) }
}

fn plain() -> Probe {
    Probe::new(Script { proxy: None, timeouts: timeouts(None, None) })
}

fn sending(version: Version) -> Probe {
    Probe::new(Script { proxy: Some(version), timeouts: timeouts(None, None) })
}

fn loopback() -> Option<Addresses> {
    let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Some(Addresses { source: address(55296), destination: address(49475) })
}

fn finished(status: Status, millis: u64) -> Next<'static> {
    Next::Finish(Outcome { status, duration: ms(millis) })
}

#[test]
fn a_connection_is_enough() {
    let mut probe = plain();
    assert_eq!(probe.next(), Next::Connect);
    assert_eq!(probe.handle(ms(3), Event::Connected(loopback())), finished(Status::Layer4Passed, 3));
    assert_eq!(probe.deadline(), None);
}

#[test]
fn failures() {
    let refused = Errno(111);
    for (event, status) in [
        (Event::ConnectFailed(refused), Status::Layer4Failed(refused)),
        (Event::SocketFailed(Errno(24)), Status::SocketFailed(Errno(24))),
        (Event::DeadlineReached, Status::Layer4TimedOut),
    ] {
        assert_eq!(plain().handle(ms(7), event), finished(status, 7));
    }
}

/// The bytes are those that HAProxy 2.6 sends in its checks.
#[test]
fn the_header_of_a_check() {
    for (version, connection, expected) in [
        (Version::V1, loopback(), &b"PROXY TCP4 127.0.0.1 127.0.0.1 55296 49475\r\n"[..]),
        (Version::V1, None, b"PROXY UNKNOWN\r\n"),
        (Version::V2, loopback(), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        (Version::V2, None, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
    ] {
        let mut probe = sending(version);
        assert_eq!(probe.handle(ms(1), Event::Connected(connection)), Next::Send(expected));
        assert_eq!(probe.handle(ms(2), Event::Sent(expected.len())), finished(Status::Layer4Passed, 2));
    }
}

#[test]
fn a_short_write_goes_on() {
    let mut probe = sending(Version::V1);
    probe.handle(ms(1), Event::Connected(None));
    assert_eq!(probe.handle(ms(2), Event::Sent(0)), Next::Send(b"PROXY UNKNOWN\r\n"));
    assert_eq!(probe.handle(ms(2), Event::Sent(6)), Next::Send(b"UNKNOWN\r\n"));
    assert_eq!(probe.handle(ms(3), Event::Sent(9)), finished(Status::Layer4Passed, 3));
}

#[test]
fn a_header_that_does_not_go_out() {
    let reset = Errno(104);
    for (event, status) in
        [(Event::SendFailed(reset), Status::Layer4Failed(reset)), (Event::DeadlineReached, Status::Layer4TimedOut)]
    {
        let mut probe = sending(Version::V2);
        probe.handle(ms(1), Event::Connected(None));
        assert_eq!(probe.handle(ms(9), event), finished(status, 9));
    }
}

#[test]
fn the_end_is_the_end() {
    let mut probe = plain();
    probe.handle(ms(3), Event::Connected(None));
    for late in [Event::DeadlineReached, Event::ConnectFailed(Errno(111)), Event::Sent(1)] {
        assert_eq!(probe.handle(ms(9), late), finished(Status::Layer4Passed, 3));
    }
}

/// CFG 4.2, `timeout check`: with it, min(`timeout connect`, `inter`) bounds the connection and it bounds the rest;
/// without it, `inter` bounds everything. The columns: connect, check, deadline to connect, deadline after 100 ms.
#[test]
fn deadlines() {
    for (connect, check, connecting, exchanging) in [
        (None, None, 2000, 2000),
        (Some(300), None, 2000, 2000),
        (Some(300), Some(500), 300, 600),
        (Some(9000), Some(500), 2000, 600),
        (None, Some(500), 2000, 600),
        (Some(300), Some(9000), 300, 9100),
    ] {
        let script = Script { proxy: Some(Version::V2), timeouts: timeouts(connect, check) };
        let mut probe = Probe::new(script);
        assert_eq!(probe.deadline(), Some(ms(connecting)), "{connect:?} {check:?}");
        probe.handle(ms(100), Event::Connected(None));
        assert_eq!(probe.deadline(), Some(ms(exchanging)), "{connect:?} {check:?}");
    }
}
