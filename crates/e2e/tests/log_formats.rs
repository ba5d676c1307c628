//! What log lines say, when they are written, and which are not: `log-format` and its kin, the options about log lines.
//!
//! The reference runs the same scenarios; what it says is expected byte for byte after masking ([`e2e::mask`]).

use e2e::{Client, LogServer, Origin, Refusing, Setup, Subject};

e2e::scenarios! {
    shared: [
        formats,
        addresses,
        dates,
        structured_data,
        a_line_that_waits_for_nothing,
        as_soon_as_possible,
        no_line_for_silent_probes,
        no_line_for_normal_sessions,
        levels_of_trouble,
        errors_have_their_own_format,
        lines_are_numbered,
        what_only_http_can_tell_is_refused,
    ],
    alone: [],
}

/// A listener `px` whose sections have `lines` in `defaults` and `own` of its own.
fn setup(subject: Subject, logs: &LogServer, lines: &str, own: &str) -> Setup {
    let defaults = format!("mode tcp\n log global\n retries 0\n {lines}");
    let sections = format!("listen px\n bind @px@ @accept@\n {own}");
    let setup = Setup::file(subject, "log @log@ @format@ local2", &defaults, &sections);
    setup.with("log", logs.target()).with("format", "format priority").with("accept", "")
}

const SERVER: &str = "server s1 @s1@";

/// Three bytes to the server, six to the client.
fn talk(mut client: Client) {
    assert_eq!(client.line(), "s1");
    assert_eq!(client.ask("hi"), "hi");
    client.finish();
    client.to_end();
}

/// The line of one session that ends well.
fn line_of(subject: Subject, lines: &str) -> String {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let proxy = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).start();
    talk(proxy.connect("px"));
    logs.masked("<150>")
}

fn formats(subject: Subject) {
    for (format, expected) in [
        (
            "%ci [%t] %ft %b/%s %B %U %ts %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq",
            "127.0.0.1 [DATE] px px/s1 6 3 -- ---- 1/1/0/0/0 0/0",
        ),
        ("%{+Q}o %ci %s %{-Q}b %ID %ft %ts %B", "\"127.0.0.1\" \"s1\" px \"\" \"px\" -- 6"),
        ("%{+X}ci %{+X}fi %{+X}si %{+X}B", "7F000001 7F000001 7F000001 6"),
        ("  %B   %hr   %b ", "6 px"),
        ("100%% of %b, %{-M}ID.", "100% of px, ."),
        ("%sslv/%sslc|%hrl%hsl|%{+Q}sslv", "-/-||\"\""),
        ("%B%U%s", "63s1"),
    ] {
        assert_eq!(line_of(subject, &format!("log-format \"{format}\"")), format!("<150>{expected}"), "{format}");
    }
}

fn addresses(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let lines = "log-format \"%ci:%cp %fi:%fp %si:%sp %bi:%bp %B\"";
    let proxy = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).start();
    let client = proxy.connect("px");
    let addresses = [client.address(), proxy.address("px"), origin.address()];
    talk(client);
    let line = logs.line_with("<150>");
    let words: Vec<&str> = line.trim_start_matches("<150>").split(' ').collect();
    assert_eq!(words[..3], addresses.map(|address| address.to_string()));
    let source = words[3].strip_prefix("127.0.0.1:").and_then(|port| port.parse::<u16>().ok());
    assert!(source.is_some_and(|port| port > 0), "{line}");
}

/// `%Ts` and `%t` are of the same moment, near now.
fn dates(subject: Subject) {
    let line = line_of(subject, "log-format \"%Ts|%T|%Tl|[%t]|%ms|%B\"");
    let parts: Vec<&str> = line.trim_start_matches("<150>").split('|').collect();
    let seconds: i64 = parts[0].parse().expect("a number");
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs() as i64;
    assert!((now - 20..=now).contains(&seconds), "{line}");
    let day_of = |text: &str| text.trim_start_matches('[').split(':').next().map(str::to_owned);
    assert!(parts[1].ends_with(" +0000"), "{line}");
    assert_eq!(day_of(parts[2]), day_of(parts[3]));
    assert_eq!((parts[3].len(), parts[4].len()), (26, 3));
    assert_eq!(parts[3].trim_end_matches(']').rsplit('.').next(), Some(parts[4]));
}

fn structured_data(subject: Subject) {
    for (sd, expected) in [
        ("%{+Q,+E}o [mail@at@32473 bytes=%B be=%b]", "[mail@32473 bytes=6 be=\"px\"]"),
        ("[a@at@1 x=\\\"%s\\\"]", "[a@1 x=\"s1\"]"),
    ] {
        let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
        let lines = format!("option tcplog\n log-format-sd \"{sd}\"");
        let setup = setup(subject, &logs, &lines, SERVER).with("s1", origin.target());
        let proxy = setup.with("format", "format rfc5424").with("at", "@").start();
        talk(proxy.connect("px"));
        let text = "127.0.0.1:PORT [DATE] px px/s1 T/T/T 6 -- 1/1/0/0/0 0/0";
        assert_eq!(logs.masked("px/s1"), format!("<150>1 DATE - haproxy PID - {expected} {text}"));
    }
}

/// Written when the server is connected: the client still talks.
fn a_line_that_waits_for_nothing(subject: Subject) {
    let (logs, origin, refusing) = (LogServer::udp(), Origin::named("s1"), Refusing::new());
    let proxy = setup(subject, &logs, "log-format \"%ci %s %si %tsc\"", SERVER).with("s1", origin.target()).start();
    let client = proxy.connect("px");
    assert_eq!(logs.line_with("<150>"), "<150>127.0.0.1 s1 127.0.0.1 ----");
    talk(client);
    talk(proxy.connect("px"));
    assert_eq!(logs.lines_with("<150>", 2).len(), 2, "one line for each session");

    let logs = LogServer::udp();
    let proxy = setup(subject, &logs, "log-format \"%ci %s %tsc\"", SERVER).with("s1", refusing.target()).start();
    proxy.connect("px").to_end();
    assert_eq!(logs.line_with("<150>"), "<150>127.0.0.1 s1 SC--", "at its end, if it never was connected");
}

fn as_soon_as_possible(subject: Subject) {
    let (logs, origin, refusing) = (LogServer::udp(), Origin::named("s1"), Refusing::new());
    let lines = "option tcplog\n option logasap";
    let proxy = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    assert_eq!(logs.masked("px/s1"), "<150>127.0.0.1:PORT [DATE] px px/s1 T/T/+T +0 -- 1/1/1/1/0 0/0");
    assert_eq!(client.line(), "s1");
    drop((client, proxy));
    assert_eq!(logs.lines_with("px/s1", 1).len(), 1, "no second line at the end");

    let logs = LogServer::udp();
    let proxy = setup(subject, &logs, lines, SERVER).with("s1", refusing.target()).start();
    proxy.connect("px").to_end();
    assert_eq!(logs.masked("px/s1"), "<150>127.0.0.1:PORT [DATE] px px/s1 T/-1/+T +0 SC 1/1/0/0/0 0/0");
}

fn no_line_for_silent_probes(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let lines = "option tcplog\n option dontlognull";
    let proxy = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).start();
    for _ in 0..3 {
        let mut probe = proxy.connect("px");
        assert_eq!(probe.line(), "s1");
        probe.finish();
        probe.to_end();
    }
    talk(proxy.connect("px"));
    assert_eq!(logs.masked("px/s1"), "<150>127.0.0.1:PORT [DATE] px px/s1 T/T/T 6 -- 1/1/0/0/0 0/0");
    assert_eq!(logs.lines().len(), 1, "{:?}", logs.lines());

    let setup = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).with("accept", "accept-proxy");
    let proxy = setup.start();
    let probe = proxy.connect("px");
    probe.finish();
    drop(probe);
    let mut stranger = proxy.connect("px");
    stranger.say("GET / HTTP/1.0\r\n\r\n");
    stranger.to_end();
    let expected =
        "<150>127.0.0.1:PORT [DATE] px/1: Received something which does not look like a PROXY protocol header";
    assert_eq!(logs.masked("px/1"), expected);
    assert_eq!(logs.lines().len(), 2, "{:?}", logs.lines());
}

const TROUBLE: &str = "retries 1
    option redispatch
    balance first
    server s0 @s0@
    server s1 @s1@
    listen other
    bind @other@
    server s1 @s1@";

/// The lines of three sessions: one that is redispatched, one that is not, one that the client cuts.
fn lines_of_three(subject: Subject, option: &str, count: usize) -> Vec<String> {
    let (logs, origin, refusing) = (LogServer::udp(), Origin::named("s1"), Refusing::new());
    let lines = format!("log-format \"%s %ts %rc\"\n option {option}");
    let setup = setup(subject, &logs, &lines, TROUBLE).with("s0", refusing.target()).with("s1", origin.target());
    let proxy = setup.start();
    talk(proxy.connect("px"));
    logs.lines_with("+1", 1);
    talk(proxy.connect("other"));
    let mut cut = proxy.connect("other");
    assert_eq!(cut.line(), "s1");
    assert_eq!(cut.ask("hi"), "hi");
    cut.reset();
    logs.lines_with("CD", 1);
    let lines = logs.lines();
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

fn no_line_for_normal_sessions(subject: Subject) {
    let lines = lines_of_three(subject, "dontlog-normal", 2);
    assert_eq!(lines[0], "<150>s1 -- +1");
    assert!(lines[1].starts_with("<150>s1 CD "), "{lines:?}");
}

fn levels_of_trouble(subject: Subject) {
    let lines = lines_of_three(subject, "log-separate-errors", 3);
    assert_eq!(lines[..2], ["<147>s1 -- +1", "<150>s1 -- 0"], "local2.err is 18 * 8 + 3");
    assert!(lines[2].starts_with("<147>s1 CD "), "{lines:?}");
}

fn errors_have_their_own_format(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let lines = "option tcplog\n option log-separate-errors
        error-log-format \"%ci %ft %b/%s %Tw/%Tc %ts %tsc %B %ac/%fc/%bc/%sc/%rc\"";
    let setup = setup(subject, &logs, lines, SERVER).with("s1", origin.target()).with("accept", "accept-proxy");
    let proxy = setup.start();
    let mut stranger = proxy.connect("px");
    stranger.say("GET / HTTP/1.0\r\n\r\n");
    stranger.to_end();
    assert_eq!(logs.line_with("PR"), "<147>127.0.0.1 px px/<NOSRV> -1/-1 PR PR-- 0 1/1/0/0/0");
    let mut client = proxy.connect("px");
    client.say("PROXY TCP4 192.0.2.44 198.51.100.7 40000 143\r\n");
    talk(client);
    assert_eq!(logs.masked("px/s1"), "<150>192.0.2.44:PORT [DATE] px px/s1 T/T/T 6 -- 1/1/0/0/0 0/0");
}

fn lines_are_numbered(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let proxy = setup(subject, &logs, "log-format %lc:%B", SERVER).with("s1", origin.target()).start();
    for count in 1..=3 {
        talk(proxy.connect("px"));
        logs.lines_with("<150>", count);
    }
    assert_eq!(logs.lines(), ["<150>0:6", "<150>1:6", "<150>2:6"]);
}

fn what_only_http_can_tell_is_refused(subject: Subject) {
    for (keyword, alias) in [("log-format", "HM"), ("error-log-format", "Tq"), ("log-format-sd", "r")] {
        let logs = LogServer::udp();
        let lines = format!("option tcplog\n {keyword} %{alias}");
        let said = setup(subject, &logs, &lines, "server s1 127.0.0.1:1").run_to_failure();
        let expected = format!("failed to parse {keyword} : format variable '{alias}' is reserved for HTTP mode.");
        assert!(said.contains(&expected), "{said}");
    }
}
