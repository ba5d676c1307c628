//! The tools that read HAProxy's log read ours: rsyslogd receives it over a unix datagram socket, halog makes its reports of the file.

use std::fs::File;
use std::process::Command;

use e2e::rsyslog::Rsyslog;
use e2e::{Client, Origin, Proxy, Refusing, Setup, Subject, mask, needs};

e2e::scenarios! {
    shared: [rsyslog_files_the_lines, halog_reads_tcplog, halog_reads_a_format_like_httplog],
    alone: [],
}

/// Two backends behind two listeners: one answers, one refuses.
fn start(subject: Subject, rsyslog: &Rsyslog, lines: &str, origin: &Origin, refusing: &Refusing) -> Proxy {
    let sections = "listen mail
            bind @mail@
            server s1 @s1@
        listen gone
            bind @gone@
            server s2 @s2@";
    let setup = Setup::logged(subject, &format!("mode tcp\n retries 0\n {lines}"), sections);
    let setup = setup.with("log", rsyslog.target());
    setup.with("s1", origin.target()).with("s2", refusing.target()).start()
}

/// Three sessions that end well, one that the client cuts, two whose server refuses.
fn traffic(proxy: &Proxy, rsyslog: &Rsyslog) {
    for count in 1..=3 {
        let mut client: Client = proxy.connect("mail");
        assert_eq!(client.line(), "s1");
        client.finish();
        client.to_end();
        rsyslog.lines_with("mail/s1", count);
    }
    let mut cut = proxy.connect("mail");
    assert_eq!(cut.line(), "s1");
    cut.reset();
    rsyslog.lines_with("mail/s1", 4);
    for count in 1..=2 {
        proxy.connect("gone").to_end();
        rsyslog.lines_with("gone/s2", count);
    }
}

/// What halog says of the file, without what it says about itself.
fn halog(rsyslog: &Rsyslog, arguments: &str) -> Vec<String> {
    let output = Command::new(needs::find("halog").expect("halog_is_there was asked"))
        .args(["-q"])
        .args(arguments.split(' '))
        .stdin(File::open(rsyslog.file()).expect("rsyslogd has written"))
        .output()
        .expect("halog runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn are_there(test: &str) -> bool {
    Rsyslog::is_there(test) && needs::is_there(test, "haproxy", "halog")
}

fn rsyslog_files_the_lines(subject: Subject) {
    if !Rsyslog::is_there("rsyslog_files_the_lines") {
        return;
    }
    let (rsyslog, origin, refusing) = (Rsyslog::start(), Origin::named("s1"), Refusing::new());
    let proxy = start(subject, &rsyslog, "option tcplog", &origin, &refusing);
    traffic(&proxy, &rsyslog);
    let host = nix::unistd::gethostname().expect("a host has a name").into_string().expect("ASCII");
    let host = host.split('.').next().expect("there is always a first part").to_owned();
    assert_eq!(
        mask::line(&rsyslog.lines_with("mail/s1", 1)[0]),
        format!("DATE {host} haproxy[PID]: 127.0.0.1:PORT [DATE] mail mail/s1 T/T/T 3 -- 1/1/0/0/0 0/0")
    );
}

fn halog_reads_tcplog(subject: Subject) {
    if !are_there("halog_reads_tcplog") {
        return;
    }
    let (rsyslog, origin, refusing) = (Rsyslog::start(), Origin::named("s1"), Refusing::new());
    let proxy = start(subject, &rsyslog, "option tcplog", &origin, &refusing);
    traffic(&proxy, &rsyslog);
    assert_eq!(halog(&rsyslog, "-c"), ["6"]);
    let servers: Vec<String> = halog(&rsyslog, "-srv").iter().skip(1).map(|line| first_word(line)).collect();
    assert_eq!(servers, ["gone/s2", "mail/s1"]);
    assert!(!halog(&rsyslog, "-ac 1").is_empty(), "it reads the dates");
}

/// `configuration.txt` shows the format of HTTP; in a TCP proxy it says what there is to say, and halog has all its reports.
fn halog_reads_a_format_like_httplog(subject: Subject) {
    if !are_there("halog_reads_a_format_like_httplog") {
        return;
    }
    let (rsyslog, origin, refusing) = (Rsyslog::start(), Origin::named("s1"), Refusing::new());
    let format = "%ci:%cp [%t] %ft %b/%s 0/0/0/0/0 200 %B - - %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq \\\"TCP /\\\"";
    let proxy = start(subject, &rsyslog, &format!("log-format \"{format}\""), &origin, &refusing);
    traffic(&proxy, &rsyslog);
    assert_eq!(halog(&rsyslog, "-st"), ["200 6"]);
    assert_eq!(halog(&rsyslog, "-tc"), ["-- 3", "CD 1", "SC 2"]);
    assert_eq!(halog(&rsyslog, "-tcn SC -c"), ["2"]);
    assert_eq!(
        halog(&rsyslog, "-srv"),
        [
            "#srv_name 1xx 2xx 3xx 4xx 5xx other tot_req req_ok pct_ok avg_ct avg_rt",
            "gone/s2 0 2 0 0 0 0 2 2 100.0 0 0",
            "mail/s1 0 4 0 0 0 0 4 4 100.0 0 0",
        ]
    );
    assert_eq!(
        halog(&rsyslog, "-pct").last().map(|line| line.trim_end()),
        Some("100.0 6 0 0 0 0"),
        "it reads the times"
    );
}

fn first_word(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_owned()
}
