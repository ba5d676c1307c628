//! A real nginx behind the load balancer: another reader of PROXY headers than ours, and keep-alive through a TCP relay.

use std::net::SocketAddr;
use std::process::Command;

use e2e::nginx::Nginx;
use e2e::{Client, Proxy, Setup, Subject, needs};

e2e::scenarios! {
    shared: [reads_both_versions_of_the_header, serves_curl],
    alone: [],
}

fn in_front_of(subject: Subject, nginx: &Nginx, header: &str) -> Proxy {
    let template = format!(
        "global
            nbthread @threads@
        defaults
            mode tcp
            timeout connect 2s
            timeout client 10s
            timeout server 10s
        listen px
            bind @px@
            server s1 @s1@ check inter 1s {header}"
    );
    Setup::new(subject, &template).with("s1", nginx.target()).start()
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
