//! Rules on connections, sessions and contents (configuration.txt: tcp-request, tcp-response, use_backend, use-server, section 7),
//! and what the log says of those who were turned away.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::client::End;
use e2e::{Admin, Client, LogServer, Origin, Proxy, Row, Setup, Subject, mask, needs, wait};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [
        connections_are_rejected_by_source,
        sessions_are_rejected_by_source,
        a_rejected_content_is_logged,
        a_server_speaks_first_after_the_delay,
        bytes_in_pieces_are_kept_in_order,
        an_end_of_stream_ends_the_wait,
        a_silent_client_is_given_up,
        more_than_a_buffer_ends_the_wait,
        tls_goes_by_its_server_name,
        other_protocols_go_elsewhere_at_once,
        rules_of_a_backend_are_asked_behind_its_choice,
        a_rule_names_the_server,
        files_of_patterns_are_read_again,
        what_a_server_says_first_is_judged,
        a_silent_server_is_judged_after_the_delay,
        a_server_is_closed_with_what_it_said,
        each_request_passes_rules_on_contents,
        requests_pass_those_of_their_backend,
        rules_on_contents_wait_for_those_of_requests,
    ],
    alone: [],
}

const TCPLOG: &str = "mode tcp\n option tcplog\n retries 0";

/// A frontend `px` with these lines in front of the servers `s1` and `s2`, each of which is a backend, too.
fn start(subject: Subject, logs: &LogServer, origins: [&Origin; 2], lines: &str) -> Proxy {
    let sections = format!(
        "frontend px
            bind @px@
            {lines}
            default_backend b1
        backend b1
            server s1 @s1@
        backend b2
            server s2 @s2@"
    );
    between(subject, logs, origins, &sections).start()
}

/// These sections between the log server and the servers `s1` and `s2`.
fn between(subject: Subject, logs: &LogServer, [one, two]: [&Origin; 2], sections: &str) -> Setup {
    let setup = Setup::logged(subject, TCPLOG, sections).with("log", logs.target());
    setup.with("s1", one.target()).with("s2", two.target())
}

fn peers() -> (LogServer, Origin, Origin) {
    (LogServer::udp(), Origin::named("s1"), Origin::named("s2"))
}

/// What the log says behind the date.
fn tail(logs: &LogServer, part: &str) -> String {
    logs.masked(part).split_once("[DATE] ").expect("a tcplog line").1.to_owned()
}

/// A listener `px` with these lines in front of a server that says `s1`.
fn reviewed(subject: Subject, logs: &LogServer, origin: &Origin, lines: &str) -> Proxy {
    let sections = format!("listen px\n bind @px@\n {lines}\n server s1 @s1@");
    Setup::logged(subject, TCPLOG, &sections).with("log", logs.target()).with("s1", origin.target()).start()
}

fn what_a_server_says_first_is_judged(subject: Subject) {
    let logs = LogServer::udp();
    let rules = "tcp-response inspect-delay 5s
            tcp-response content accept if { res.payload(0,2) -m str s1 }
            tcp-response content reject";
    let (good, bad) = (Origin::named("s1"), Origin::named("s2"));
    let proxy = reviewed(subject, &logs, &good, rules);
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    assert_eq!(client.ask("and then?"), "and then?");
    let proxy = reviewed(subject, &logs, &bad, rules);
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    assert_eq!(tail(&logs, " PD "), "px px/s1 T/T/T 3 PD 1/1/0/0/0 0/0");
}

fn a_silent_server_is_judged_after_the_delay(subject: Subject) {
    let logs = LogServer::udp();
    let rules = "tcp-response inspect-delay 300ms\n tcp-response content reject unless { res.len gt 0 }";
    let origin = Origin::echo();
    let proxy = reviewed(subject, &logs, &origin, rules);
    let begun = Instant::now();
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
    assert_eq!(tail(&logs, " PD "), "px px/s1 T/T/T 0 PD 1/1/0/0/0 0/0");
    assert_eq!(proxy.connect("px").ask("at once"), "at once", "the client is heard meanwhile");
}

fn a_server_is_closed_with_what_it_said(subject: Subject) {
    let logs = LogServer::udp();
    let rules = "tcp-response inspect-delay 5s\n tcp-response content close if { res.len gt 2 }";
    let origin = Origin::named("s1");
    let proxy = reviewed(subject, &logs, &origin, rules);
    assert_eq!(proxy.connect("px").to_end(), (b"s1\n".to_vec(), End::Fin));
    assert_eq!(tail(&logs, "px px/s1"), "px px/s1 T/T/T 3 -- 1/1/0/0/0 0/0");
}

fn connections_are_rejected_by_source(subject: Subject) {
    let (logs, one, two) = peers();
    let proxy = start(subject, &logs, [&one, &two], "tcp-request connection reject if { src 127.0.0.1 }");
    assert_eq!(proxy.connect_from(2, "px").line(), "s1");
    // The reset may overtake the connect, which then fails.
    let heard = Client::try_to(proxy.address("px")).and_then(|mut client| client.try_hear(1));
    assert_eq!(heard.expect_err("127.0.0.1 is not taken").kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(proxy.connect_from(3, "px").line(), "s1");
    assert_eq!(logs.lines_with("px b1/s1", 2).len(), logs.lines().len(), "nothing is logged of it");
}

fn sessions_are_rejected_by_source(subject: Subject) {
    let (logs, one, two) = peers();
    let proxy = start(subject, &logs, [&one, &two], "tcp-request session reject unless LOCALHOST !{ src 127.0.0.2 }");
    assert_eq!(proxy.connect_from(2, "px").to_end(), (vec![], End::Fin));
    assert_eq!(proxy.connect_from(1, "px").line(), "s1");
    logs.masked("px b1/s1");
    assert_eq!(logs.lines().len(), 1, "nothing is logged of it");
}

fn a_rejected_content_is_logged(subject: Subject) {
    let (logs, one, two) = peers();
    let rules = "tcp-request inspect-delay 5s\n tcp-request content reject if { req.payload(0,4) -m bin 4556494c }";
    let proxy = start(subject, &logs, [&one, &two], rules);
    let mut client = proxy.connect("px");
    client.say("EVIL");
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(tail(&logs, "px px/"), "px px/<NOSRV> -1/-1/T 0 PR 1/1/0/0/0 0/0");
}

fn a_server_speaks_first_after_the_delay(subject: Subject) {
    let (logs, one, two) = peers();
    let rules = "tcp-request inspect-delay 300ms\n tcp-request content accept if { req.len gt 0 }";
    let proxy = start(subject, &logs, [&one, &two], rules);
    let begun = Instant::now();
    assert_eq!(proxy.connect("px").line(), "s1");
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

fn bytes_in_pieces_are_kept_in_order(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::echo(), Origin::echo());
    let rules = "tcp-request inspect-delay 10s\n tcp-request content accept if { req.len ge 6 }";
    let proxy = start(subject, &logs, [&one, &two], rules);
    let mut client = proxy.connect("px");
    for part in ["ab", "cd", "ef"] {
        client.say(part);
    }
    assert_eq!(client.hear(6), b"abcdef");
    assert_eq!(client.ask("gh"), "gh");
}

fn an_end_of_stream_ends_the_wait(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::echo(), Origin::echo());
    let rules = "tcp-request inspect-delay 10s\n tcp-request content accept if WAIT_END";
    let proxy = start(subject, &logs, [&one, &two], rules);
    let mut client = proxy.connect("px");
    client.say("all of it");
    client.finish();
    assert_eq!(client.to_end(), (b"all of it".to_vec(), End::Fin));
    assert_eq!(tail(&logs, "px b1/"), "px b1/s1 T/T/T 9 -- 1/1/0/0/0 0/0");
}

fn a_silent_client_is_given_up(subject: Subject) {
    let (logs, one, _) = peers();
    let lines = "timeout client 300ms
            tcp-request inspect-delay 10s
            tcp-request content accept if { req.len gt 0 }";
    let proxy = reviewed(subject, &logs, &one, lines);
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    assert_eq!(tail(&logs, "px px/"), "px px/<NOSRV> -1/-1/T 0 cR 1/1/0/0/0 0/0");
}

fn more_than_a_buffer_ends_the_wait(subject: Subject) {
    const COUNT: usize = 60_000;
    let (logs, one, two) = (LogServer::udp(), Origin::echo(), Origin::echo());
    let rules = "tcp-request inspect-delay 20s\n tcp-request content accept if WAIT_END";
    let proxy = start(subject, &logs, [&one, &two], rules);
    let mut client = proxy.connect("px");
    let bytes: Vec<u8> = (0..COUNT).map(|index| (index % 251) as u8).collect();
    client.say(&bytes);
    assert!(client.hear(COUNT) == bytes, "every byte comes back, in order");
}

/// `openssl s_client`, which sends a real ClientHello.
struct Hello(Child);

impl Hello {
    fn to(server: SocketAddr, name: &str) -> Hello {
        let openssl = needs::find("openssl").expect("the scenario asked for it");
        let child = Command::new(openssl)
            .args(["s_client", "-quiet", "-servername", name, "-connect", &server.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Hello(child.expect("openssl starts"))
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        // Either it lives, or it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tls_goes_by_its_server_name(subject: Subject) {
    if !needs::is_there("tls_goes_by_its_server_name", "openssl", "openssl") {
        return;
    }
    let (logs, one, two) = (LogServer::udp(), Origin::mute(), Origin::mute());
    let rules = "tcp-request inspect-delay 5s
            tcp-request content accept if { req.ssl_hello_type 1 }
            tcp-request content reject
            use_backend b2 if { req.ssl_sni -i IMAP.example.org } or { req.ssl_sni -m end .mail.example.org }";
    let proxy = start(subject, &logs, [&one, &two], rules);
    // First, while it is the only one that the line can count.
    let mut client = proxy.connect("px");
    client.say("a1 CAPABILITY\r\n");
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(tail(&logs, "<NOSRV>"), "px px/<NOSRV> -1/-1/T 0 PR 1/1/0/0/0 0/0");
    for (name, origin, index) in
        [("imap.example.org", &two, 0), ("www.example.org", &one, 0), ("pop.mail.example.org", &two, 1)]
    {
        let _client = Hello::to(proxy.address("px"), name);
        let seen = origin.seen_when(index, "a ClientHello", |seen| {
            seen.bytes.windows(name.len()).any(|window| window == name.as_bytes())
        });
        assert_eq!(seen.bytes[..2], [0x16, 3], "{name} is passed through as it is");
    }
}

fn other_protocols_go_elsewhere_at_once(subject: Subject) {
    let (logs, one, two) = peers();
    let rules = "tcp-request inspect-delay 20s
            tcp-request content accept if HTTP
            tcp-request content accept if REQ_CONTENT
            use_backend b2 if HTTP";
    let proxy = start(subject, &logs, [&one, &two], rules);
    for (says, expect) in [("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "s2"), ("a1 NOOP\r\n", "s1")] {
        let mut client = proxy.connect("px");
        client.say(says);
        assert_eq!(client.line(), expect, "{says}");
    }
}

fn rules_of_a_backend_are_asked_behind_its_choice(subject: Subject) {
    let (logs, one, two) = peers();
    let sections = "frontend px
            bind @px@
            tcp-request inspect-delay 10s
            tcp-request content accept if { req.len ge 2 }
            use_backend b2 if { req.payload(0,2) -m str b2 }
            default_backend b1
        backend b1
            server s1 @s1@
        backend b2
            tcp-request inspect-delay 10s
            tcp-request content reject if { req.payload(0,4) -m end no }
            server s2 @s2@";
    let proxy = between(subject, &logs, [&one, &two], sections).start();
    // The rejected one first: nobody else is counted in its line.
    for (first, second, expect) in [("b2", "no", ""), ("b1", "", "s1"), ("b2", "ok", "s2")] {
        let mut client = proxy.connect("px");
        client.say(first);
        client.say(second);
        match expect {
            "" => assert_eq!(client.to_end().0, b""),
            expect => assert_eq!(client.line(), expect),
        }
    }
    assert_eq!(tail(&logs, "PR"), "px b2/<NOSRV> -1/-1/T 0 PR 1/1/0/0/0 0/0");
}

fn a_rule_names_the_server(subject: Subject) {
    let (logs, one, two) = peers();
    let sections = "listen px
            bind @px@
            balance first
            use-server s3 if { src 127.0.0.2 }
            use-server s2 if { src 127.0.0.2 127.0.0.3 }
            server s1 @s1@
            server s2 @s2@
            server s3 @s2@ disabled";
    let proxy = between(subject, &logs, [&one, &two], sections).start();
    for (last, expect) in [(1, "s1"), (2, "s2"), (3, "s2"), (4, "s1")] {
        assert_eq!(proxy.connect_from(last, "px").line(), expect, "from 127.0.0.{last}");
    }
    assert_eq!(logs.lines_with("px/s2", 2).len(), 2, "both are logged under the server that they were sent to");
}

fn files_of_patterns_are_read_again(subject: Subject) {
    let (logs, one, two) = peers();
    let directory = TempDir::new().expect("a temporary directory");
    let list = directory.path().join("list");
    fs::write(&list, "# ours\n127.0.0.2\n10.0.0.0/8\n").expect("room for a list");
    let sections = "frontend px
            bind @px@
            acl ours src -f @list@
            use_backend b2 if ours
            default_backend b1
        backend b1
            server s1 @s1@
        backend b2
            server s2 @s2@";
    let setup = between(subject, &logs, [&one, &two], sections).with("list", list.display());
    let proxy = setup.reloadable().start();
    let server = |last| proxy.connect_from(last, "px").line();
    assert_eq!((server(2), server(3)), ("s2".to_owned(), "s1".to_owned()));
    fs::write(&list, "127.0.0.3\n").expect("room for a list");
    proxy.reload();
    wait::until("the new list", wait::SOON, || server(3) == "s2");
    assert_eq!(server(2), "s1");
}

/// A frontend `px` in `mode http` with these lines, in front of a backend with those.
fn start_http(subject: Subject, logs: &LogServer, admin: &Admin, origin: &Origin, [front, back]: [&str; 2]) -> Proxy {
    let sections = format!(
        "global
        stats socket @socket@
    frontend px
        bind @px@
        declare capture request len 10
        capture request header Host len 10
        {front}
        default_backend b1
    backend b1
        {back}
        server s1 @s1@"
    );
    let setup = Setup::logged(subject, "mode http\n option httplog", &sections).with("log", logs.target());
    setup.with("socket", admin.path().display()).with("s1", origin.target()).start()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// What the log says of the request whose line has this part.
fn said(logs: &LogServer, part: &str) -> String {
    mask::http(&logs.line_with(part))
}

fn shown(row: &Row, columns: &str) -> String {
    let shown: Vec<String> = columns.split(' ').map(|column| format!("{column}={}", row[column])).collect();
    shown.join(" ")
}

fn each_request_passes_rules_on_contents(subject: Subject) {
    let (logs, admin, origin) = (LogServer::udp(), Admin::new(), Origin::answering(|_| OK));
    let rules = "http-request deny if { path /bad }
        tcp-request content accept if { src 127.0.0.2 }
        tcp-request content reject if { path /bad }
        tcp-request content silent-drop if { hdr(host) nobody }";
    let proxy = start_http(subject, &logs, &admin, &origin, [rules, ""]);
    let mut client = proxy.connect("px");
    client.say(get("/good"));
    assert_eq!(client.hear(OK.len()), OK);
    assert_eq!(said(&logs, "/good"), "px b1/s1 T/T/T/T/T 200 49 - - ---- 1/1/0/0/0 0/0 {|h} \"GET /good HTTP/1.1\"");
    client.say(get("/bad"));
    assert_eq!(client.to_end(), (vec![], End::Fin), "what was a request before does not count for this one");
    assert_eq!(said(&logs, "BADREQ"), "px px/<NOSRV> -1/-1/-1/-1/T -1 0 - - PR-- 1/1/0/0/0 0/0 {|} \"<BADREQ>\"");
    admin.wait_for("px", "FRONTEND", "scur", "0");
    let row = admin.row("px", "FRONTEND");
    assert_eq!(
        shown(&row, "req_tot dreq ereq hrsp_2xx hrsp_4xx hrsp_other"),
        "req_tot=1 dreq=1 ereq=0 hrsp_2xx=1 hrsp_4xx=0 hrsp_other=1"
    );
    let mut client = proxy.connect_from(2, "px");
    client.say(get("/bad"));
    assert_eq!(client.line(), "HTTP/1.1 403 Forbidden", "it is a request for this client, and denied as one");
}

fn requests_pass_those_of_their_backend(subject: Subject) {
    let (logs, admin, origin) = (LogServer::udp(), Admin::new(), Origin::answering(|_| OK));
    let front = "http-request set-header x-from front";
    let back = "tcp-request content reject if { path /bad } { req.hdr(x-from) front }
        http-request deny";
    let proxy = start_http(subject, &logs, &admin, &origin, [front, back]);
    let mut client = proxy.connect("px");
    client.say(get("/bad"));
    assert_eq!(client.to_end(), (vec![], End::Fin));
    let line = "px b1/<NOSRV> -1/-1/-1/-1/T -1 0 - - PR-- 1/1/0/0/0 0/0 {|h} \"GET /bad HTTP/1.1\"";
    assert_eq!(said(&logs, "/bad"), line);
    admin.wait_for("px", "FRONTEND", "scur", "0");
    for (name, row) in [("px", admin.row("px", "FRONTEND")), ("b1", admin.row("b1", "BACKEND"))] {
        let denied = if name == "px" { 1 } else { 0 };
        let expected = format!("req_tot=1 dreq={denied} hrsp_other=1");
        assert_eq!(shown(&row, "req_tot dreq hrsp_other"), expected, "{name}");
    }
}

fn rules_on_contents_wait_for_those_of_requests(subject: Subject) {
    const HEAD: &str = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n";
    let (logs, admin, origin) = (LogServer::udp(), Admin::new(), Origin::answering(|_| OK));
    // Longer than anything takes here: what is decided before was decided by what had come.
    let rules = "tcp-request inspect-delay 30s
        tcp-request content reject if { req.body -m sub evil }
        tcp-request content accept if { path /p }
        tcp-request content reject if !HTTP";
    let proxy = start_http(subject, &logs, &admin, &origin, [rules, ""]);
    for (parts, is_served) in [(["ev", "il"], false), (["go", "od. "], true), (["evil", ""], false)] {
        let mut client = proxy.connect("px");
        client.say(HEAD);
        for part in parts {
            client.say(part);
        }
        match is_served {
            true => assert_eq!(client.hear(OK.len()), OK, "{parts:?}"),
            false => assert_eq!(client.to_end().0, b"", "{parts:?}"),
        }
    }
    let mut client = proxy.connect("px");
    client.say(get("/"));
    assert_eq!(client.hear(OK.len()), OK, "there is nothing to wait for");
    client.say(format!("{HEAD}some"));
    client.finish();
    assert_eq!(client.to_end().0, b"");
    assert_eq!(
        said(&logs, " CR-- "),
        "px b1/<NOSRV> T/-1/-1/-1/T -1 0 - - CR-- 1/1/0/0/0 0/0 {|h} \"POST /p HTTP/1.1\""
    );
    let rules = "tcp-request inspect-delay 300ms\n tcp-request content accept if WAIT_END";
    let proxy = start_http(subject, &logs, &Admin::new(), &origin, [rules, ""]);
    let mut client = proxy.connect("px");
    let begun = Instant::now();
    client.say(format!("{HEAD}some"));
    assert_eq!(client.hear(OK.len()), OK, "it is sent on as it is");
    assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
}
