//! Where log lines go and what surrounds them: every envelope, tags and host names, lengths, samples, standard streams.
//!
//! The reference runs the same scenarios; what it says is expected byte for byte after masking ([`e2e::mask`]).

use e2e::{Client, LogServer, Origin, Proxy, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        every_envelope,
        host_names,
        tags,
        long_lines_are_cut,
        a_part_of_the_lines,
        lines_shared_out_among_servers,
        the_levels_of_a_target,
        log_global_said_twice,
        standard_streams,
        a_descriptor_of_ours,
    ],
    alone: [],
}

/// A proxy with one session of 6 bytes behind it, `global` in its first section.
fn after_a_session(subject: Subject, global: &str, own: &str, logs: &LogServer) -> Proxy {
    let origin = Origin::named("s1");
    let proxy = setup(subject, global, own).with("log", logs.target()).with("s1", origin.target()).start();
    talk(&proxy);
    proxy
}

fn setup(subject: Subject, global: &str, own: &str) -> Setup {
    let defaults = "mode tcp\n log global\n option tcplog\n retries 0";
    Setup::file(subject, global, defaults, &format!("listen px\n {own}\n bind @px@\n server s1 @s1@"))
}

fn talk(proxy: &Proxy) {
    let mut client: Client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    assert_eq!(client.ask("hi"), "hi");
    client.finish();
    client.to_end();
}

const TEXT: &str = "127.0.0.1:PORT [DATE] px px/s1 T/T/T 6 -- 1/1/0/0/0 0/0";

fn every_envelope(subject: Subject) {
    for (format, header) in [
        ("local", "<150>DATE haproxy[PID]: "),
        ("rfc3164", "<150>DATE localhost haproxy[PID]: "),
        ("rfc5424", "<150>1 DATE - haproxy PID - - "),
        ("priority", "<150>"),
        ("short", "<6>"),
        ("timed", "<6>DATE "),
        ("iso", "DATE "),
        ("raw", ""),
    ] {
        let logs = LogServer::udp();
        let _proxy = after_a_session(subject, &format!("log @log@ format {format} local2"), "", &logs);
        assert_eq!(logs.masked("px/s1"), format!("{header}{TEXT}"), "{format}");
        let datagram = logs.datagrams().swap_remove(0);
        assert_eq!(datagram.iter().filter(|byte| **byte == b'\n').count(), 1, "a newline at the end, and no other");
    }
}

fn host_names(subject: Subject) {
    let system = nix::unistd::gethostname().expect("a host has a name").into_string().expect("ASCII");
    for (format, name, header) in [
        ("", "", format!("<150>DATE {system} haproxy[PID]: ")),
        ("", "my.host", "<150>DATE my.host haproxy[PID]: ".to_owned()),
        ("format local", "my.host", "<150>DATE haproxy[PID]: ".to_owned()),
        ("format rfc5424", "my.host", "<150>1 DATE my.host haproxy PID - - ".to_owned()),
        ("format raw", "my.host", String::new()),
    ] {
        let logs = LogServer::udp();
        let global = format!("log-send-hostname {name}\n log @log@ {format} local2");
        let _proxy = after_a_session(subject, &global, "", &logs);
        assert_eq!(logs.masked("px/s1"), format!("{header}{TEXT}"), "{format} {name}");
    }
}

fn tags(subject: Subject) {
    for (global, own, header) in [
        ("log-tag mail\n log @log@ local2", "", "<150>DATE mail[PID]: "),
        ("log-tag mail\n log @log@ local2", "log-tag imap", "<150>DATE imap[PID]: "),
        ("log @log@ format rfc5424 local2", "log-tag imap", "<150>1 DATE - imap PID - - "),
        ("log @log@ format raw local2", "log-tag imap", ""),
    ] {
        let logs = LogServer::udp();
        let _proxy = after_a_session(subject, global, own, &logs);
        assert_eq!(logs.masked("px/s1"), format!("{header}{TEXT}"), "{global} {own}");
    }
}

/// Header and newline count; in datagrams of 2.6 the newline comes on top.
fn long_lines_are_cut(subject: Subject) {
    let length = match subject {
        Subject::Haproxy => 81,
        Subject::Tidegate => 80,
    };
    for format in ["local", "rfc5424", "iso"] {
        let logs = LogServer::udp();
        let _proxy = after_a_session(subject, &format!("log @log@ len 80 format {format} local2"), "", &logs);
        logs.lines_with("127.0.0.1:", 1);
        let datagram = logs.datagrams().swap_remove(0);
        assert_eq!((datagram.len(), datagram.last()), (length, Some(&b'\n')), "{format}");
    }
}

/// Expects the lines of the sessions with these numbers, from 1; each transfers as many bytes as its number says.
fn sampled(subject: Subject, sample: &str, session_count: usize, expected: &[usize]) {
    let (all, some, origin) = (LogServer::udp(), LogServer::udp(), Origin::echo());
    let global = format!("log @some@ sample {sample} local0\n log @all@ local0");
    let setup = setup(subject, &global, "").with("all", all.target()).with("some", some.target());
    let proxy = setup.with("s1", origin.target()).start();
    for number in 1..=session_count {
        let mut client = proxy.connect("px");
        client.say("x".repeat(number));
        client.hear(number);
        client.finish();
        client.to_end();
        all.lines_with("px/s1", number);
    }
    let byte_count = |line: &String| line.split(' ').rev().nth(3).and_then(|count| count.parse().ok());
    let lines = some.lines_with("px/s1", expected.len());
    let numbers: Vec<usize> = lines.iter().map(|line| byte_count(line).expect("a tcplog line")).collect();
    assert_eq!(numbers, expected, "{sample}");
}

fn a_part_of_the_lines(subject: Subject) {
    sampled(subject, "2:3", 8, &[2, 5, 8]);
    sampled(subject, "1,3-4:5", 9, &[1, 3, 4, 6, 8, 9]);
}

fn lines_shared_out_among_servers(subject: Subject) {
    let (one, two, origin) = (LogServer::udp(), LogServer::udp(), Origin::named("s1"));
    let global = "log @one@ sample 1:2 local0\n log @two@ sample 2:2 local0";
    let setup = setup(subject, global, "").with("one", one.target()).with("two", two.target());
    let proxy = setup.with("s1", origin.target()).start();
    for number in 1..=6 {
        talk(&proxy);
        let server = if number % 2 == 1 { &one } else { &two };
        server.lines_with("px/s1", usize::div_ceil(number, 2));
    }
    assert_eq!((one.lines().len(), two.lines().len()), (3, 3));
}

fn the_levels_of_a_target(subject: Subject) {
    let (errors, tamed, origin) = (LogServer::udp(), LogServer::udp(), Origin::named("s1"));
    let global = "log @errors@ local0 err\n log @tamed@ local0 info notice";
    let own = "server dead 127.0.0.1:1 check inter 100ms";
    let setup = setup(subject, global, own).with("errors", errors.target()).with("tamed", tamed.target());
    let proxy = setup.with("s1", origin.target()).start();
    assert!(errors.line_with("dead is DOWN").starts_with("<129>"), "local0.alert is 16 * 8 + 1");
    assert!(tamed.line_with("dead is DOWN").starts_with("<133>"), "not above notice");
    talk(&proxy);
    assert!(tamed.line_with("px/s1").starts_with("<134>"), "info is below notice");
    assert_eq!(errors.lines().len(), 1);
}

fn log_global_said_twice(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let setup = setup(subject, "log @log@ local2", "log global").with("log", logs.target());
    let proxy = setup.with("s1", origin.target()).start();
    for count in 1..=2 {
        talk(&proxy);
        assert_eq!(logs.lines_with("px/s1", count).len(), count, "one line for each session");
    }
}

fn standard_streams(subject: Subject) {
    let origin = Origin::named("s1");
    let global = "log stdout format short daemon\n log stderr format raw daemon notice notice\n log stdout len 80 format iso local0";
    let own = "server dead 127.0.0.1:1 check inter 100ms";
    let proxy = setup(subject, global, own).with("s1", origin.target()).start();
    let lines_of = |output: &dyn Fn() -> String, part: &str, count| {
        wait::value(&format!("{count} lines with {part}"), wait::SOON, || {
            let text = output();
            let lines: Vec<String> = text.lines().filter(|line| line.contains(part)).map(mask::line).collect();
            (lines.len() >= count && text.ends_with('\n')).then_some(lines)
        })
    };
    let down = "Server px/dead is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: Tms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.";
    // Until then a client may be sent to it.
    let err = lines_of(&|| proxy.stderr(), "dead is DOWN", 2);
    assert!(err.iter().any(|line| line == down), "beside what the console says: {err:?}");
    talk(&proxy);
    let out = lines_of(&|| proxy.stdout(), "127.0.0.1:", 2);
    assert_eq!(out[0], format!("<6>{TEXT}"));
    assert!(out[1].starts_with("DATE 127.0.0.1:PORT ["), "{out:?}");
    let raw = proxy.stdout().lines().find(|line| line.starts_with("20")).map(str::len);
    assert_eq!(raw, Some(79), "with its newline as long as it may be");
}

fn a_descriptor_of_ours(subject: Subject) {
    let origin = Origin::named("s1");
    let setup = setup(subject, "log @descriptor@ format raw daemon", "").with("descriptor", "fd@7");
    let proxy = setup.with("s1", origin.target()).descriptor(7).start();
    talk(&proxy);
    let text = wait::value("a line", wait::SOON, || Some(proxy.written()).filter(|text| text.ends_with('\n')));
    assert_eq!(mask::line(text.trim_end()), TEXT);
}
