//! What the log server gets: the tcplog line for every way in which a session ends, the short line, and server states.
//!
//! The lines are HAProxy's after masking ([`e2e::mask`]); the reference runs the same table. Termination codes are explained in
//! configuration.txt, section "Session state at disconnection".

use std::io::Write;
use std::time::Duration;

use e2e::client::End;
use e2e::peers::pattern;
use e2e::{Admin, BlackHole, Client, DeafLogServer, LogServer, Origin, Refusing, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        a_session_that_ends_well,
        counts_of_connections,
        a_short_line_at_accept,
        half_closes_are_normal_ends,
        a_silent_client,
        a_silent_server,
        a_client_that_stops_reading,
        a_refusing_server,
        retries_at_the_same_server,
        redispatch_to_another_server,
        a_server_that_swallows_syns,
        no_server_at_all,
        a_client_that_resets,
        a_server_that_resets,
        a_header_names_the_client,
        a_server_goes_down_and_comes_back,
        the_last_server_and_the_backup,
        over_a_unix_socket,
        log_targets_of_a_proxy,
        levels_and_facilities,
        a_dead_log_server_disturbs_nobody,
        what_nobody_takes_is_counted,
    ],
    alone: [],
}

const TCPLOG: &str = "mode tcp\n option tcplog\n retries 0";

/// A listener `px` that logs one line per session; `rest` has its servers.
fn logging(subject: Subject, logs: &LogServer, rest: &str) -> Setup {
    logging_to(subject, logs.target(), rest)
}

fn logging_to(subject: Subject, target: &str, rest: &str) -> Setup {
    Setup::logged(subject, TCPLOG, &format!("listen px\n bind @px@\n {rest}")).with("log", target)
}

fn a_session_that_ends_well(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let proxy = logging(subject, &logs, "server s1 @s1@").with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    assert_eq!(client.ask("hello"), "hello");
    client.finish();
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(logs.masked("px/s1"), "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/T/T 9 -- 1/1/0/0/0 0/0");
    let line = logs.line_with("px/s1");
    assert!(line.contains(&format!(" {} [", client.address())), "{line}: the client is {}", client.address());
    let datagram = logs.datagrams().swap_remove(0);
    assert_eq!(datagram.last(), Some(&b'\n'), "a datagram ends in a newline");
}

fn counts_of_connections(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let sections = "frontend fe
            bind @fe@
            default_backend be
        frontend fe2
            bind @fe2@
            default_backend be
        backend be
            balance roundrobin
            server s1 @s1@
            server s2 @s2@";
    let setup = Setup::logged(subject, TCPLOG, sections).with("log", logs.target());
    let proxy = setup.with("s1", one.target()).with("s2", two.target()).start();
    let mut clients = Vec::new();
    for (frontend, server) in [("fe", "s1"), ("fe", "s2"), ("fe2", "s1"), ("fe", "s2")] {
        let mut client = proxy.connect(frontend);
        assert_eq!(client.line(), server);
        clients.push(client);
    }
    let mut lines = Vec::new();
    for count in 1..=4 {
        drop(clients.remove(0));
        lines = logs.lines_with(" be/", count);
    }
    let lines: Vec<String> = lines.iter().map(|line| mask::line(line)).collect();
    assert_eq!(
        lines,
        [
            "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s1 T/T/T 3 -- 4/3/3/1/0 0/0",
            "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s2 T/T/T 3 -- 3/2/2/1/0 0/0",
            "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe2 be/s1 T/T/T 3 -- 2/1/1/0/0 0/0",
            "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s2 T/T/T 3 -- 1/1/0/0/0 0/0",
        ]
    );
}

fn a_short_line_at_accept(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let setup = Setup::logged(subject, "mode tcp", "listen px\n bind @px@\n server s1 @s1@");
    let proxy = setup.with("log", logs.target()).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    client.line();
    assert_eq!(
        logs.masked("Connect from"),
        "<150>DATE haproxy[PID]: Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (px/TCP)"
    );
    let expect = format!("Connect from {} to {} (px/TCP)", client.address(), proxy.address("px"));
    assert!(logs.line_with("Connect from").ends_with(&expect), "{expect}");
}

/// The line of one session: `talk` is what the client does to the origin behind the proxy.
fn line_of(subject: Subject, origin: &Origin, talk: impl FnOnce(Client)) -> String {
    let logs = LogServer::udp();
    let proxy = logging(subject, &logs, "server s1 @s1@").with("s1", origin.target()).start();
    talk(proxy.connect("px"));
    let line = logs.masked("px/s1");
    line.split_once("[DATE] ").expect("a tcplog line").1.to_owned()
}

fn half_closes_are_normal_ends(subject: Subject) {
    let client_first = line_of(subject, &Origin::echo(), |mut client| {
        client.say("12345");
        client.finish();
        assert_eq!(client.to_end(), (b"12345".to_vec(), End::Fin));
    });
    assert_eq!(client_first, "px px/s1 T/T/T 5 -- 1/1/0/0/0 0/0");
    let server_first = line_of(subject, &Origin::pouring(1000), |mut client| {
        assert_eq!(client.to_end(), (pattern::part(0, 1000), End::Fin));
        client.say("after the end of the other direction");
        client.finish();
    });
    assert_eq!(server_first, "px px/s1 T/T/T 1000 -- 1/1/0/0/0 0/0");
}

/// As [`logging`], with one of the two inactivity timeouts at 300 ms, and how long the session took by the log.
fn timed_out(subject: Subject, timeout: &str, origin: &Origin, talk: impl FnOnce(Client)) -> String {
    let logs = LogServer::udp();
    let rest = format!("timeout {timeout} 300ms\n server s1 @s1@");
    let proxy = logging(subject, &logs, &rest).with("s1", origin.target()).start();
    talk(proxy.connect("px"));
    let line = logs.line_with("px/s1");
    let [_, _, total] = mask::tcp_times(&line);
    assert!((300..1500).contains(&total), "{line}");
    mask::line(&line).split_once("[DATE] ").expect("a tcplog line").1.to_owned()
}

fn a_silent_client(subject: Subject) {
    let line = timed_out(subject, "client", &Origin::named("s1"), |mut client| {
        assert_eq!(client.to_end().0, b"s1\n");
    });
    assert_eq!(line, "px px/s1 T/T/T 3 cD 1/1/0/0/0 0/0");
}

fn a_silent_server(subject: Subject) {
    let line = timed_out(subject, "server", &Origin::mute(), |mut client| {
        client.say("anybody there?");
        assert_eq!(client.to_end().0, b"");
    });
    assert_eq!(line, "px px/s1 T/T/T 0 sD 1/1/0/0/0 0/0");
}

fn a_client_that_stops_reading(subject: Subject) {
    const TOTAL: u64 = 64 << 20;
    let logs = LogServer::udp();
    let origin = Origin::pouring(TOTAL);
    let rest = "timeout client 500ms\n server s1 @s1@";
    let proxy = logging(subject, &logs, rest).with("s1", origin.target()).start();
    let _client = Client::with_receive_buffer(16 * 1024, proxy.address("px"));
    let line = logs.masked("px/s1");
    let code = line.rsplit(' ').nth(2).expect("a tcplog line");
    assert_eq!(code, "cD", "{line}");
}

fn a_refusing_server(subject: Subject) {
    let (logs, refusing) = (LogServer::udp(), Refusing::new());
    let proxy = logging(subject, &logs, "server s1 @s1@").with("s1", refusing.target()).start();
    assert_eq!(proxy.connect("px").to_end().0, b"");
    assert_eq!(
        logs.masked("px/s1"),
        "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/-1/T 0 SC 1/1/0/0/0 0/0"
    );
}

fn retries_at_the_same_server(subject: Subject) {
    let (logs, refusing) = (LogServer::udp(), Refusing::new());
    let rest = "retries 2\n timeout connect 200ms\n server s1 @s1@";
    let proxy = logging(subject, &logs, rest).with("s1", refusing.target()).start();
    assert_eq!(proxy.connect("px").to_end().0, b"");
    let line = logs.line_with("px/s1");
    let [_, _, total] = mask::tcp_times(&line);
    assert!((400..1200).contains(&total), "two waits of min(1 s, timeout connect): {line}");
    assert_eq!(mask::line(&line), "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/-1/T 0 SC 1/1/0/0/2 0/0");
}

fn redispatch_to_another_server(subject: Subject) {
    let (logs, refusing, origin) = (LogServer::udp(), Refusing::new(), Origin::named("s2"));
    let rest = "retries 3\n option redispatch\n balance roundrobin\n server s1 @s1@\n server s2 @s2@";
    let proxy = logging(subject, &logs, rest).with("s1", refusing.target()).with("s2", origin.target()).start();
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s2");
    drop(client);
    assert_eq!(logs.masked("px/s"), "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s2 T/T/T 3 -- 1/1/0/0/+1 0/0");
}

fn a_server_that_swallows_syns(subject: Subject) {
    let (logs, hole) = (LogServer::udp(), BlackHole::new());
    for (retries, expect) in [
        (0, "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/-1/T 0 sC 1/1/0/0/0 0/0"),
        (2, "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/-1/T 0 sC 1/1/0/0/2 0/0"),
    ] {
        let rest = format!("retries {retries}\n timeout connect 300ms\n server s1 @s1@");
        let proxy = logging(subject, &logs, &rest).with("s1", hole.target()).start();
        assert_eq!(proxy.connect("px").to_end().0, b"");
        let line = logs.lines_with("px/s1", if retries == 0 { 1 } else { 2 }).pop().expect("waited for it");
        let [_, _, total] = mask::tcp_times(&line);
        let attempts = 300 * (retries + 1);
        assert!((attempts..attempts + 600).contains(&total), "{line}");
        assert_eq!(mask::line(&line), expect);
    }
}

fn no_server_at_all(subject: Subject) {
    let (logs, refusing) = (LogServer::udp(), Refusing::new());
    let proxy = logging(subject, &logs, "server s1 @s1@ disabled").with("s1", refusing.target()).start();
    assert_eq!(proxy.connect("px").to_end().0, b"");
    assert_eq!(
        logs.masked("<NOSRV>"),
        "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/<NOSRV> -1/-1/T 0 SC 1/1/0/0/0 0/0"
    );
}

fn a_client_that_resets(subject: Subject) {
    let origin = Origin::named("s1");
    let line = line_of(subject, &origin, |mut client| {
        assert_eq!(client.line(), "s1");
        assert_eq!(client.ask("hello"), "hello");
        client.reset();
        assert_eq!(origin.end_of(0), End::Reset, "a cut is passed on as a cut");
    });
    assert_eq!(line, "px px/s1 T/T/T 9 CD 1/1/0/0/0 0/0");
}

fn a_server_that_resets(subject: Subject) {
    let line = line_of(subject, &Origin::resetting_after(5), |mut client| {
        client.say("hello");
        assert_eq!(client.to_end().0, b"");
    });
    assert_eq!(line, "px px/s1 T/T/T 0 SD 1/1/0/0/0 0/0");
}

fn a_header_names_the_client(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let setup = Setup::logged(subject, TCPLOG, "listen px\n bind @px@ accept-proxy\n server s1 @s1@");
    let proxy = setup.with("log", logs.target()).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    client.say("PROXY TCP4 192.0.2.44 198.51.100.7 40000 143\r\n");
    assert_eq!(client.line(), "s1");
    drop(client);
    let line = logs.line_with("px/s1");
    assert!(line.contains("]: 192.0.2.44:40000 ["), "{line}");
}

fn a_server_goes_down_and_comes_back(subject: Subject) {
    let (logs, mut one, two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let address = one.address();
    let rest = "balance roundrobin
            default-server check inter 100ms rise 2 fall 3
            server s1 @s1@
            server s2 @s2@";
    let proxy = logging(subject, &logs, rest).with("s1", one.target()).with("s2", two.target()).start();
    let mut held: Vec<Client> = (0..2).map(|_| proxy.connect("px")).collect();
    held.iter_mut().for_each(|client| assert!(client.line().starts_with('s')));
    one.stop();
    let down = logs.masked("is DOWN");
    assert_eq!(
        down,
        "<145>DATE haproxy[PID]: Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: Tms. 1 active and 0 backup servers left. 1 sessions active, 0 requeued, 0 remaining in queue."
    );
    let names: Vec<String> = (0..4).map(|_| proxy.connect("px").line()).collect();
    assert_eq!(names.join(" "), "s2 s2 s2 s2");
    let _one = Origin::named_at("s1", address);
    let up = logs.masked("is UP");
    assert_eq!(
        up,
        "<149>DATE haproxy[PID]: Server px/s1 is UP, reason: Layer4 check passed, check duration: Tms. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    let mut names: Vec<String> = (0..4).map(|_| proxy.connect("px").line()).collect();
    names.sort();
    assert_eq!(names.join(" "), "s1 s1 s2 s2");
}

fn the_last_server_and_the_backup(subject: Subject) {
    let (logs, refusing, backup) = (LogServer::udp(), Refusing::new(), Origin::named("b1"));
    let rest = "default-server check inter 100ms
            server s1 @s1@
            server b1 @b1@ backup
        backend alone
            server s1 @s1@ check inter 100ms";
    let proxy = logging(subject, &logs, rest).with("s1", refusing.target()).with("b1", backup.target()).start();
    assert_eq!(
        logs.masked("Server px/s1 is DOWN"),
        "<145>DATE haproxy[PID]: Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: Tms. 0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue."
    );
    assert_eq!(
        logs.masked("Server alone/s1 is DOWN"),
        "<145>DATE haproxy[PID]: Server alone/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: Tms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    );
    assert_eq!(
        logs.masked("has no server available"),
        "<144>DATE haproxy[PID]: backend alone has no server available!"
    );
    assert_eq!(proxy.connect("px").line(), "b1");
}

fn over_a_unix_socket(subject: Subject) {
    let (logs, origin) = (LogServer::unix(), Origin::named("s1"));
    let proxy = logging(subject, &logs, "server s1 @s1@").with("s1", origin.target()).start();
    proxy.connect("px").line();
    assert_eq!(logs.masked("px/s1"), "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] px px/s1 T/T/T 3 -- 1/1/0/0/0 0/0");
}

fn log_targets_of_a_proxy(subject: Subject) {
    let (global, own, origin) = (LogServer::udp(), LogServer::udp(), Origin::named("s1"));
    let rest = "no log\n log @own@ local0\n server s1 @s1@";
    let setup = logging(subject, &global, rest).with("own", own.target());
    let proxy = setup.with("s1", origin.target()).start();
    proxy.connect("px").line();
    assert!(own.line_with("px/s1").starts_with("<134>"), "local0.info is 16 * 8 + 6 (RFC 3164 section 4.1.1)");
    assert_eq!(global.lines(), [""; 0], "`no log` takes the global target away");
}

fn levels_and_facilities(subject: Subject) {
    let (all, alerts, refusing, origin) = (LogServer::udp(), LogServer::udp(), Refusing::new(), Origin::named("s2"));
    let rest = "log @alerts@ mail alert\n log @log@ daemon\n
            server s1 @s1@ check inter 100ms\n server s2 @s2@";
    let setup = logging(subject, &all, rest).with("alerts", alerts.target());
    let proxy = setup.with("s1", refusing.target()).with("s2", origin.target()).start();
    // mail is 2, daemon 3, local2 18; alert 1, info 6.
    assert!(alerts.line_with("s1 is DOWN").starts_with("<17>"));
    proxy.connect("px").line();
    let lines = all.lines_with("px/s2", 2);
    assert!(lines.iter().any(|line| line.starts_with("<30>")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("<150>")), "{lines:?}");
    assert_eq!(alerts.lines().len(), 1, "traffic is info, below alert");
}

/// As many sessions as this are served while nobody takes the log lines.
const SESSION_COUNT: usize = 300;

fn a_dead_log_server_disturbs_nobody(subject: Subject) {
    let (deaf, origin) = (DeafLogServer::new(), Origin::named("s1"));
    let nobody = Refusing::new();
    for target in [deaf.target(), nobody.target()] {
        let proxy = logging_to(subject, &target, "server s1 @s1@").with("s1", origin.target()).start();
        let mut held = proxy.connect("px");
        assert_eq!(held.line(), "s1");
        for _ in 0..SESSION_COUNT {
            assert_eq!(proxy.connect("px").line(), "s1");
        }
        wait::until("an answer within a tenth of a second", wait::SOON, || {
            let asked = std::time::Instant::now();
            held.stream().flush().is_ok()
                && held.ask("still there") == "still there"
                && asked.elapsed() < Duration::from_millis(100)
        });
    }
}

/// `management.txt: show info`
fn what_nobody_takes_is_counted(subject: Subject) {
    let (deaf, origin, admin) = (DeafLogServer::new(), Origin::named("s1"), Admin::new());
    let rest = "server s1 @s1@\n global\n stats socket @socket@";
    let setup = logging_to(subject, &deaf.target(), rest).with("socket", admin.path().display());
    let proxy = setup.with("s1", origin.target()).start();
    wait::until("the first line to be dropped", wait::SOON, || {
        assert_eq!(proxy.connect("px").line(), "s1");
        !admin.ask("show info").contains("\nDroppedLogs: 0\n")
    });
}
