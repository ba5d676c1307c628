//! A real nginx behind the load balancer: another reader of PROXY headers and of checks than ours, and keep-alive through a TCP
//! relay.

use std::net::SocketAddr;
use std::process::Command;

use e2e::nginx::Nginx;
use e2e::{Admin, Client, LogServer, Proxy, Setup, Subject, needs};

e2e::scenarios! {
    shared: [reads_both_versions_of_the_header, serves_curl, answers_checks],
    alone: [],
}

fn in_front_of(subject: Subject, nginx: &Nginx, header: &str) -> Proxy {
    let template = format!(
        "listen px
            bind @px@
            server s1 @s1@ check inter 1s {header}"
    );
    Setup::sections(subject, "mode tcp", &template).with("s1", nginx.target()).start()
}

/// Asks over a connection that stays open and hands out the body, which is one line.
fn client_as_seen(client: &mut Client) -> String {
    client.say("GET / HTTP/1.1\r\nHost: rig.example.org\r\n\r\n");
    assert_eq!(client.line(), "HTTP/1.1 200 OK");
    while !client.line().is_empty() {}
    client.line()
}

fn reads_both_versions_of_the_header(subject: Subject) {
    if !Nginx::is_there("reads_both_versions_of_the_header") {
        return;
    }
    let nginx = Nginx::start();
    for header in ["send-proxy", "send-proxy-v2"] {
        let proxy = in_front_of(subject, &nginx, header);
        for last in 1..=3 {
            let mut client = proxy.connect_from(last, "px");
            let expect = format!("127.0.0.{last} {}", client.address().port());
            for _ in 0..3 {
                assert_eq!(client_as_seen(&mut client), expect, "{header}");
            }
        }
    }
}

fn curl(url: &str) -> String {
    let output =
        Command::new("curl").args(["--silent", "--show-error", "--max-time", "10", url]).output().expect("curl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn serves_curl(subject: Subject) {
    if !Nginx::is_there("serves_curl") || !needs::is_there("serves_curl", "curl", "curl") {
        return;
    }
    let nginx = Nginx::start();
    let proxy = in_front_of(subject, &nginx, "send-proxy-v2");
    let address: SocketAddr = proxy.address("px");
    for _ in 0..10 {
        let body = curl(&format!("http://{address}/"));
        assert!(body.starts_with("127.0.0.1 "), "{body}");
    }
}

/// `configuration.txt`: option httpchk. What it answers a check that greets it with a PROXY header.
fn answers_checks(subject: Subject) {
    if !Nginx::is_there("answers_checks") {
        return;
    }
    let (nginx, logs, admin) = (Nginx::start(), LogServer::udp(), Admin::new());
    let template = "
        global
            nbthread @threads@
            log @log@ local2
            stats socket @socket@ level admin
        defaults
            mode tcp
            log global
            timeout connect 2s
            timeout client 10s
            timeout server 10s
            option httpchk GET / HTTP/1.1
            default-server check inter 100ms send-proxy
        listen idle
            bind @idle@
        backend content
            http-check send meth GET uri /x ver HTTP/1.1 hdr Host rig.example.org
            http-check expect rstring ^127.0.0.1
            server s1 @s1@
        backend hostless
            server s1 @s1@
        backend moved
            option httpchk HEAD /
            http-check expect status 301
            server s1 @s1@";
    let setup = Setup::new(subject, template).with("log", logs.target()).with("s1", nginx.target());
    let _proxy = setup.with("socket", admin.path().display()).start();
    let row = admin.wait_for("content", "s1", "check_health", "4");
    assert_eq!((row["check_code"].as_str(), row["check_desc"].as_str()), ("200", "Layer7 check passed"));
    // RFC 9112 §3.2: HTTP/1.1 without Host is a bad request.
    for (backend, found) in [("hostless", "code: 400, info: \"Bad Request\""), ("moved", "code: 200, info: \"OK\"")] {
        assert_eq!(
            logs.masked(&format!("Server {backend}/s1 is DOWN")),
            format!(
                "<145>DATE haproxy[PID]: Server {backend}/s1 is DOWN, reason: Layer7 wrong status, {found}, check duration: \
                 Tms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
            )
        );
    }
}
