//! Lines as HAProxy wrote them, from the facts that were behind them.

use super::*;
use crate::load::tests::table_of;
use driver::{Addr, Errno, Instant, Side};
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use proxyline::Error;
use session::{Cause, Counts, End, Moment as SessionMoment, Progress, RecordKind, Times};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

const PROXIES: &str = "
frontend t
    bind 127.0.0.1:1001
    bind 127.0.0.1:1002 accept-proxy
    bind 127.0.0.1:1003 accept-proxy name foo
    default_backend bt
listen px
    bind unix@/run/px.sock
    server s1 127.0.0.1:9
    server s2 127.0.0.1:9
backend bt
    server s1 127.0.0.1:9
    server 10.41.1.131 127.0.0.1:9
";

/// A session that ended without trouble, and what may differ from it.
struct Facts {
    client: &'static str,
    frontend: &'static str,
    backend: Option<&'static str>,
    server: Option<&'static str>,
    /// Milliseconds: queue, connect, total.
    times: (Option<u64>, Option<u64>, u64),
    bytes_out: u64,
    end: End,
    counts: [u64; 4],
    retries: u16,
    is_redispatched: bool,
    /// What stands in `defaults`.
    lines: &'static str,
    /// It goes on; the line was due when the server was connected.
    is_early: bool,
}

const COMPLETE: End = End { moment: SessionMoment::Done, cause: Cause::Complete };

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            client: "127.0.0.1:43456",
            frontend: "t",
            backend: Some("bt"),
            server: Some("s1"),
            times: (Some(1), Some(0), 1),
            bytes_out: 547,
            end: COMPLETE,
            counts: [1, 1, 0, 0],
            retries: 0,
            is_redispatched: false,
            lines: "option tcplog",
            is_early: false,
        }
    }
}

/// The text of a session that was accepted at 18:13:06.740 in a zone two hours east of Greenwich.
fn closed(facts: Facts) -> String {
    let Facts { client, frontend, backend, server, times, bytes_out, end, counts, .. } = facts;
    let table = table_of(&format!("defaults\n {}\n{PROXIES}", facts.lines));
    let backend = backend.map(|name| table.backend_named(name).expect("above"));
    let server = server.zip(backend).map(|(name, backend)| {
        let servers = &table.backend(backend).servers;
        Arc::clone(servers.iter().find(|server| &*server.name == name).expect("above"))
    });
    let [process, frontend_count, backend_count, server_count] = counts;
    let source = server.is_some().then(|| Box::new(Addr::Ip(([127, 0, 0, 1], 42534).into())));
    let progress = Progress {
        end,
        times: Times {
            handshake: Duration::ZERO,
            queue: times.0.map(Duration::from_millis),
            connect: times.1.map(Duration::from_millis),
            total: Duration::from_millis(times.2),
        },
        server,
        source,
        bytes_in: 4711,
        bytes_out,
        retries: facts.retries,
        is_redispatched: facts.is_redispatched,
        counts: Counts { process, frontend: frontend_count, backend: backend_count, server: server_count },
        passed: table::Passed::default(),
        exchange: None,
    };
    let kind = if facts.is_early { RecordKind::Connected(progress) } else { RecordKind::Ended(progress) };
    text(&table, frontend, client, backend, 1, kind)
}

fn text(
    table: &Arc<Table>,
    frontend: &str,
    client: &str,
    backend: Option<table::BackendId>,
    listener: u32,
    kind: RecordKind,
) -> String {
    let record = Record {
        table: Arc::clone(table),
        frontend: table.frontend_named(frontend).expect("above"),
        backend,
        client: client.parse().map_or(Addr::Unnamed, Addr::Ip),
        destination: Addr::Ip(([127, 0, 0, 1], 18145).into()),
        accepted_at: Instant::from_nanos(50_000_000_000),
        listener,
        agreed: None,
        unique_id: None,
        sampled: None,
        kind,
    };
    let accepted: Timestamp = "2026-11-22T16:13:06.740Z".parse().expect("a time");
    let later = Duration::from_millis(3_250);
    let now = Moment { instant: record.accepted_at + later, wall: accepted + later };
    let speaker = Speaker { pid: 18120, hostname: "vm".into() };
    let context = Context { now, speaker: &speaker, line_count: 10 };
    let mut clocks = Clocks::new(TimeZone::fixed(tz::offset(2)));
    let (mut text, mut structured) = (Vec::new(), Vec::new());
    format::push(&record, &context, &mut clocks, &mut text);
    format::push_structured(&record, &context, &mut clocks, &mut structured);
    structured.append(&mut text);
    String::from_utf8(structured).expect("ASCII")
}

/// A connection that never became a session.
fn refused(why: Error) -> Progress {
    Progress {
        end: End { moment: SessionMoment::Request, cause: Cause::BadHeader(why) },
        times: Times { handshake: Duration::ZERO, queue: None, connect: None, total: Duration::ZERO },
        server: None,
        source: None,
        bytes_in: 0,
        bytes_out: 0,
        retries: 0,
        is_redispatched: false,
        counts: Counts { process: 1, frontend: 1, backend: 0, server: 0 },
        passed: table::Passed::default(),
        exchange: None,
    }
}

/// `configuration.txt` §8.2.2 and §8.5; the lines are from running HAProxys, dates and ports aside.
#[test]
fn tcplog() {
    let cases = [
        (Facts::default(), "127.0.0.1:43456 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/1 547 -- 1/1/0/0/0 0/0"),
        (
            Facts {
                client: "127.0.0.1:55062",
                server: Some("10.41.1.131"),
                times: (Some(1), Some(0), 3001),
                bytes_out: 6,
                end: End { moment: SessionMoment::Data, cause: Cause::Idle(Side::Front) },
                counts: [6, 5, 4, 2],
                ..Facts::default()
            },
            "127.0.0.1:55062 [22/Nov/2026:18:13:06.740] t bt/10.41.1.131 1/0/3001 6 cD 6/5/4/2/0 0/0",
        ),
        (
            Facts { client: "[::1]:44650", times: (Some(1), Some(0), 0), bytes_out: 6, ..Facts::default() },
            "::1:44650 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/0 6 -- 1/1/0/0/0 0/0",
        ),
        (
            Facts { client: "[::ffff:192.0.2.7]:1025", ..Facts::default() },
            "::ffff:192.0.2.7:1025 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/1 547 -- 1/1/0/0/0 0/0",
        ),
        (
            Facts {
                backend: None,
                server: None,
                times: (None, None, 0),
                bytes_out: 0,
                end: End { moment: SessionMoment::Connect, cause: Cause::NoServer },
                ..Facts::default()
            },
            "127.0.0.1:43456 [22/Nov/2026:18:13:06.740] t t/<NOSRV> -1/-1/0 0 SC 1/1/0/0/0 0/0",
        ),
        (
            Facts {
                client: "unix",
                frontend: "px",
                backend: Some("px"),
                times: (Some(1), None, 3003),
                bytes_out: 0,
                end: End { moment: SessionMoment::Connect, cause: Cause::Unreachable(Errno::ECONNREFUSED) },
                retries: 3,
                ..Facts::default()
            },
            "unix:1 [22/Nov/2026:18:13:06.740] px px/s1 1/-1/3003 0 SC 1/1/0/0/3 0/0",
        ),
        (
            Facts {
                client: "127.0.0.1:9",
                frontend: "px",
                backend: Some("px"),
                server: Some("s2"),
                bytes_out: 3,
                times: (Some(0), Some(1), 2),
                retries: 1,
                is_redispatched: true,
                ..Facts::default()
            },
            "127.0.0.1:9 [22/Nov/2026:18:13:06.740] px px/s2 0/1/2 3 -- 1/1/0/0/+1 0/0",
        ),
    ];
    for (facts, expected) in cases {
        assert_eq!(closed(facts), expected);
    }
}

#[test]
fn at_accept() {
    let table = table_of(PROXIES);
    let at_accept = |frontend, client| text(&table, frontend, client, None, 1, RecordKind::Connect);
    assert_eq!(at_accept("t", "127.0.0.1:56148"), "Connect from 127.0.0.1:56148 to 127.0.0.1:18145 (t/TCP)");
    assert_eq!(at_accept("px", "unix"), "Connect to unix:1 (px/TCP)");
}

/// Lines of HAProxy 2.6.12; the listener has its name, else its number.
#[test]
fn headers_that_are_none() {
    let table = table_of(PROXIES);
    let bad = |client, listener, why| text(&table, "t", client, None, listener, RecordKind::Ended(refused(why)));
    assert_eq!(
        bad("127.0.0.1:53676", 2, Error::NotHeader),
        "127.0.0.1:53676 [22/Nov/2026:18:13:06.740] t/2: Received something which does not look like a PROXY protocol header"
    );
    assert_eq!(
        bad("127.0.0.1:49776", 3, Error::BadProtocol),
        "127.0.0.1:49776 [22/Nov/2026:18:13:06.740] t/foo: Received an unhandled protocol in the PROXY protocol header"
    );
    assert_eq!(
        bad("unix", 1, Error::Closed),
        "unix:1 [22/Nov/2026:18:13:06.740] t/1: Connection closed while waiting for PROXY protocol header"
    );
}

/// What HAProxy 2.6.12 made of these formats, for its own dates, ports and pids.
#[test]
fn formats() {
    let check = |lines, expected: &str| assert_eq!(closed(Facts { lines, ..Facts::default() }), expected, "{lines}");
    check("log-format \"%ci %cp %fi %fp\"", "127.0.0.1 43456 127.0.0.1 18145");
    check(
        "log-format %{+X}ci:%{+X}cp_%{+X}fi_%{+X}ms_%{+X}pid_%{+X}lc_%{+X}B",
        "7F000001:A9C0_7F000001_2E4_46C8_000A_547",
    );
    check(
        "log-format \"%{+Q}o %ci %cp %s %t %ID %{-Q}s %ft %ts %hr %H %B\"",
        "\"127.0.0.1\" 43456 \"s1\" 22/Nov/2026:18:13:06.740 \"\" s1 \"t\" -- \"vm\" 547",
    );
    check(
        "log-format \"%T|%Tl|%t|%ms|%Ts\"",
        "22/Nov/2026:16:13:06 +0000|22/Nov/2026:18:13:06 +0200|22/Nov/2026:18:13:06.740|740|1795363986",
    );
    check("log-format \"  %ci   %hr   %b \"", "127.0.0.1 bt ");
    check("log-format %Th/%Tw/%Tc/%Tt\\ %Td\\ %Tu", "0/1/0/1 0 1");
    check(
        "log-format \"%si:%sp %bi:%bp %sslv/%sslc %lc %pid %U %tsc %OG\"",
        "127.0.0.1:9 127.0.0.1:42534 -/- 10 18120 4711 ---- txn_close",
    );
    check("log-format %ID|%{+Q}ID|%{-M}ID", "-|\"\"|");
    check("log-format %{+E}b\\ %%\\ %hrl", "bt % ");
    check(
        "option tcplog\n log-format-sd %{+Q,+E}o\\ [a@1\\ bytes=%B\\ be=%b]",
        "[a@1 bytes=547 be=\"bt\"]127.0.0.1:43456 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/1 547 -- 1/1/0/0/0 0/0",
    );
}

/// Where there was no server, or none that could be reached.
#[test]
fn what_is_not_known() {
    let lines = "log-format \"%b %s %Th/%Tw/%Tc/%Tt %Td %Tu %ts %tsc %B %sc/%rc %bi %bp %si %sp\"";
    let facts = Facts {
        lines,
        backend: None,
        server: None,
        times: (None, None, 0),
        bytes_out: 0,
        end: End { moment: SessionMoment::Connect, cause: Cause::NoServer },
        ..Facts::default()
    };
    assert_eq!(closed(facts), "t <NOSRV> 0/-1/-1/0 -1 0 SC SC-- 0 0/0 - - - -");
    let unix = Facts { client: "unix", frontend: "px", lines: "log-format %ci:%cp", ..Facts::default() };
    assert_eq!(closed(unix), "unix:1");
}

#[test]
fn as_soon_as_possible() {
    let lines = "option tcplog\n option logasap";
    let early = Facts {
        lines,
        is_early: true,
        times: (Some(1), Some(0), 0),
        bytes_out: 0,
        counts: [1, 1, 1, 1],
        ..Facts::default()
    };
    assert_eq!(closed(early), "127.0.0.1:43456 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/+0 +0 -- 1/1/1/1/0 0/0");
    let end = End { moment: SessionMoment::Data, cause: Cause::Idle(Side::Front) };
    let late = Facts { lines, times: (Some(1), Some(0), 301), bytes_out: 4, end, ..Facts::default() };
    assert_eq!(closed(late), "127.0.0.1:43456 [22/Nov/2026:18:13:06.740] t bt/s1 1/0/+301 +4 cD 1/1/0/0/0 0/0");
}

#[test]
fn error_formats() {
    let lines = "option tcplog\n error-log-format %ci\\ %ft\\ %b\\ %s\\ %Th/%Tw/%Tc/%Tt\\ %ts\\ %tsc\\ %ac/%fc/%bc/%sc/%rc\\ %si\\ %OG";
    let table = table_of(&format!("defaults\n {lines}\n{PROXIES}"));
    let kind = RecordKind::Ended(refused(Error::NotHeader));
    assert_eq!(
        text(&table, "t", "127.0.0.1:54040", None, 1, kind),
        "127.0.0.1 t t <NOSRV> 0/-1/-1/0 PR PR-- 1/1/0/0/0 - sess_killed"
    );
    let unreachable = Facts { lines: "option tcplog\n error-log-format %ci", server: None, ..Facts::default() };
    assert!(closed(unreachable).contains(" bt/<NOSRV> "), "sessions keep their own format");
}

/// `configuration.txt: option log-separate-errors`.
#[test]
fn levels() {
    let level_of = |lines: &str, progress: Progress| {
        let table = table_of(&format!("defaults\n option tcplog\n {lines}\n{PROXIES}"));
        let record = Record {
            frontend: table.frontend_named("t").expect("above"),
            table,
            backend: None,
            client: Addr::Unnamed,
            destination: Addr::Unnamed,
            accepted_at: Instant::EPOCH,
            listener: 1,
            agreed: None,
            unique_id: None,
            sampled: None,
            kind: RecordKind::Ended(progress),
        };
        format::level(&record)
    };
    let normal = || Progress { end: COMPLETE, ..refused(Error::NotHeader) };
    let separate = "option log-separate-errors";
    assert_eq!(level_of(separate, normal()), LogLevel::Info);
    assert_eq!(level_of(separate, refused(Error::NotHeader)), LogLevel::Err);
    assert_eq!(level_of(separate, Progress { retries: 1, ..normal() }), LogLevel::Err);
    assert_eq!(level_of(separate, Progress { is_redispatched: true, ..normal() }), LogLevel::Err);
    assert_eq!(level_of("", refused(Error::NotHeader)), LogLevel::Info);
}

/// `configuration.txt: log`: lines below the maximum level are not sent, lines above the minimum are sent at it.
#[test]
fn levels_per_target() {
    let server = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("not zero");
        socket
    };
    let (all, alerts, tamed) = (server(), server(), server());
    let port = |socket: &UdpSocket| socket.local_addr().expect("bound").port();
    let table = table_of(&format!(
        "global
            log 127.0.0.1:{} local2
            log 127.0.0.1:{} mail alert
            log 127.0.0.1:{} local0 info err
        listen px
            log global
            bind 127.0.0.1:1001
            server s 127.0.0.1:9\n",
        port(&all),
        port(&alerts),
        port(&tamed)
    ));
    let mut log = Log::new(1, TimeZone::UTC);
    let mut console = Console::new(1, |text| panic!("{}", String::from_utf8_lossy(text)));
    log.tell_all(&table, LogLevel::Info, "traffic", &mut console);
    log.tell_all(&table, LogLevel::Emerg, "down", &mut console);
    let next = |socket: &UdpSocket| {
        let mut bytes = [0; 1024];
        let count = socket.recv(&mut bytes).expect("a datagram within five seconds");
        let line = String::from_utf8(bytes[..count].to_vec()).expect("ASCII");
        let priority = line.split_once('>').expect("a priority").0.to_owned();
        (priority, line.rsplit(' ').next().expect("a text").to_owned())
    };
    assert_eq!(next(&all), ("<150".into(), "traffic\n".into()));
    assert_eq!(next(&all), ("<144".into(), "down\n".into()));
    assert_eq!(next(&alerts), ("<16".into(), "down\n".into()));
    assert_eq!(next(&tamed), ("<134".into(), "traffic\n".into()));
    assert_eq!(next(&tamed), ("<131".into(), "down\n".into()));
}
