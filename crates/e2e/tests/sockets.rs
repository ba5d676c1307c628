//! What operators say of sockets: probes of connections that rest, sizes of segments, and when a client is let in.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::{Client, Origin, Proxy, Setup, Subject, ports, wait};
use nix::sys::socket::{getsockopt, sockopt};

e2e::scenarios! {
    shared: [
        resting_connections_are_probed,
        a_section_takes_back_what_it_inherited,
        clients_hear_the_size_of_segments,
        who_says_nothing_is_not_let_in,
    ],
    alone: [],
}

const HEAD: &str = "
    global
        nbthread @threads@
    defaults
        mode tcp
        timeout connect 5s
        timeout client 60s
        timeout server 60s
";

fn start(subject: Subject, lines: &str, origin: &Origin) -> Proxy {
    Setup::new(subject, &format!("{HEAD}\n{lines}")).with("s1", origin.target()).start()
}

/// When the proxy will probe its client, and its server.
struct Probes {
    client: Option<Duration>,
    server: Option<Duration>,
}

/// Of a client who has been answered, so that nothing is in flight on either side.
fn probes(proxy: &Proxy, origin: &Origin) -> Probes {
    let mut client = proxy.connect("px");
    assert_eq!(client.ask("hello"), "hello");
    let from = origin.seen_when(0, "a connection", |seen| seen.count == 6).from.expect("it came over TCP");
    Probes { client: settled(proxy.address("px"), client.address()), server: settled(from, origin.address()) }
}

/// The timer of a socket, once nothing waits for an acknowledgement on it any more.
fn settled(local: SocketAddr, remote: SocketAddr) -> Option<Duration> {
    wait::value("all to be acknowledged", Duration::from_secs(5), || match ports::timer(local, remote) {
        ports::Timer::None => Some(None),
        ports::Timer::Keepalive(due) => Some(Some(due)),
        ports::Timer::Other => None,
    })
}

#[track_caller]
fn assert_due(probe: Option<Duration>, idle_seconds: u64) {
    let due = probe.expect("it is probed").as_secs();
    assert!((idle_seconds - 10..=idle_seconds).contains(&due), "in {due} s, of {idle_seconds} s");
}

/// `configuration.txt: clitcpka-idle`: a number without a unit counts seconds.
fn resting_connections_are_probed(subject: Subject) {
    let lines = "
        option tcpka
        clitcpka-idle 1000
        clitcpka-cnt 5
        clitcpka-intvl 500ms
        srvtcpka-idle 30m
    listen px
        bind @px@
        server s1 @s1@";
    let origin = Origin::echo();
    let proxy = start(subject, lines, &origin);
    let Probes { client, server } = probes(&proxy, &origin);
    assert_due(client, 1000);
    assert_due(server, 1800);
}

/// `no option` of one side leaves the other alone, and a server nobody spoke of has no timer.
fn a_section_takes_back_what_it_inherited(subject: Subject) {
    let lines = "
        option clitcpka
        option srvtcpka
        srvtcpka-idle 2000s
    listen px
        bind @px@
        no option clitcpka
        server s1 @s1@
    listen other
        bind @other@
        no option srvtcpka
        server s1 @s1@";
    let origin = Origin::echo();
    let proxy = start(subject, lines, &origin);
    let Probes { client, server } = probes(&proxy, &origin);
    assert_eq!(client, None);
    assert_due(server, 2000);
}

/// `configuration.txt: mss`. The kernel takes its options, 12 bytes at most here, from the size of a segment.
fn clients_hear_the_size_of_segments(subject: Subject) {
    let origin = Origin::echo();
    let proxy = start(subject, "listen px\n bind @px@ mss 1000 tcp-ut 5s tfo\n server s1 @s1@ tcp-ut 4s", &origin);
    let mut client = proxy.connect("px");
    assert_eq!(client.ask("hello"), "hello");
    let size = getsockopt(client.stream(), sockopt::TcpMaxSeg).expect("a live socket");
    assert!((988..=1000).contains(&size), "{size}");
}

/// `configuration.txt: defer-accept`
fn who_says_nothing_is_not_let_in(subject: Subject) {
    let origin = Origin::echo();
    let proxy = start(subject, "listen px\n bind @px@ defer-accept\n server s1 @s1@", &origin);
    let mut silent = Client::to(proxy.address("px"));
    wait::throughout("nobody at the server", Duration::from_millis(300), || origin.seen().is_empty());
    assert_eq!(silent.ask("hello"), "hello");
}

/// A reload sets the sockets anew that go on listening.
#[test]
fn a_reload_tunes_listeners_that_stay() {
    let _turn = e2e::run::turn(e2e::run::Machine::Shared);
    let origin = Origin::echo();
    let text = |option: &str| format!("{HEAD} clitcpka-idle 1000\n{option}\n listen px\n bind @px@\n server s1 @s1@");
    let setup = Setup::new(Subject::Tidegate, &text("")).with("s1", origin.target());
    let mut proxy = setup.reloadable().start();
    let probed = |proxy: &Proxy| {
        let mut client = proxy.connect("px");
        assert_eq!(client.ask("hello"), "hello");
        settled(proxy.address("px"), client.address())
    };
    assert_eq!(probed(&proxy), None);
    proxy.rewrite(&text("option clitcpka"));
    proxy.reload();
    wait::until("probes", Duration::from_secs(5), || probed(&proxy).is_some());
    assert_due(probed(&proxy), 1000);
    proxy.rewrite(&text(""));
    proxy.reload();
    wait::until("no probes", Duration::from_secs(5), || probed(&proxy).is_none());
}
