//! Connections to servers that are kept for one client (configuration.txt: http-reuse never, send-proxy, prefer-last-server,
//! max-keep-alive-queue; NTLM and its kin): how many servers see, and which server a client comes back to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Admin, Client, Origin, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        a_client_keeps_its_connections,
        connections_bear_the_header_of_their_client,
        a_client_prefers_the_server_that_it_knows,
        a_client_goes_elsewhere_where_too_many_wait,
        who_is_known_by_a_connection_has_it_alone,
    ],
    alone: [],
}

const HTTP: &str = "
    global
        nbthread @threads@
        stats socket @socket@ level admin
    defaults
        mode http
        timeout connect 1s
        timeout queue 10s
        timeout client 10s
        timeout server 10s
        http-reuse never
    listen px
        bind @px@
";

/// Two servers, and what they do with requests.
struct Rig {
    proxy: Proxy,
    origins: [Origin; 2],
    admin: Admin,
    /// A request for `/held` is answered when this is so.
    is_open: Arc<AtomicBool>,
}

impl Rig {
    /// A listener with these lines, in front of servers `s0` and `s1` with these words.
    fn new(subject: Subject, lines: &str, words: &str) -> Rig {
        let is_open = Arc::new(AtomicBool::new(false));
        let origins = ["s0", "s1"].map(|name| {
            let is_open = Arc::clone(&is_open);
            Origin::answering(move |head| {
                if head.contains("GET /login ") {
                    return format!("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\", ntlm\r\ncontent-length: 3\r\n\r\n{name}\n");
                }
                if head.contains("GET /held ") {
                    wait::until("the test to go on", wait::SOON, || is_open.load(Ordering::Relaxed));
                }
                format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{name}\n")
            })
        });
        let admin = Admin::new();
        let template = format!("{HTTP} {lines}\n server s0 @s0@ {words}\n server s1 @s1@ {words}");
        let setup = Setup::new(subject, &template).with("socket", admin.path().display());
        let proxy = setup.with("s0", origins[0].target()).with("s1", origins[1].target()).start();
        Rig { proxy, origins, admin, is_open }
    }

    /// How many connections each server has seen.
    fn connections(&self) -> [usize; 2] {
        [0, 1].map(|index| self.origins[index].seen().len())
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// Which server answers.
fn answer(client: &mut Client) -> String {
    while !client.line().is_empty() {}
    client.line()
}

fn ask(client: &mut Client, path: &str) -> String {
    client.say(get(path));
    answer(client)
}

fn a_client_keeps_its_connections(subject: Subject) {
    let rig = Rig::new(subject, "balance roundrobin", "");
    let mut clients = [rig.proxy.connect("px"), rig.proxy.connect("px")];
    for _ in 0..4 {
        let mut answers: Vec<String> = clients.iter_mut().map(|client| ask(client, "/")).collect();
        answers.sort();
        assert_eq!(answers, ["s0", "s1"], "each is the other's turn");
    }
    // Of two clients in turn each always meets the same server.
    assert_eq!(rig.connections(), [1, 1]);
    let [mut one, two] = clients;
    drop(two);
    let mut met = Vec::new();
    for _ in 0..4 {
        met.push(ask(&mut one, "/"));
    }
    met.sort();
    assert_eq!(met, ["s0", "s0", "s1", "s1"]);
    let mut seen = rig.connections();
    seen.sort();
    assert_eq!(seen, [1, 2], "one of each server's, and what was the other client's is nobody else's");
    drop(one);
    for origin in &rig.origins {
        for index in 0..origin.seen().len() {
            origin.end_of(index);
        }
    }
}

fn connections_bear_the_header_of_their_client(subject: Subject) {
    let lines = "balance first\n http-request set-src hdr(x-from)";
    let rig = Rig::new(subject, lines, "send-proxy");
    let mut client = rig.proxy.connect("px");
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "/"), "s0");
    }
    assert_eq!(rig.connections(), [1, 0]);
    for _ in 0..2 {
        client.say("GET / HTTP/1.1\r\nHost: h\r\nX-From: 192.0.2.1\r\n\r\n");
        assert_eq!(answer(&mut client), "s0");
    }
    assert_eq!(rig.connections(), [2, 0], "who is announced as somebody else is served on another connection");
    let said = String::from_utf8_lossy(&rig.origins[0].seen()[1].bytes).into_owned();
    assert!(said.starts_with("PROXY TCP4 192.0.2.1 127.0.0.1 "), "{said}");
    assert_eq!(said.matches("PROXY").count(), 1, "{said}");
    let mut other = rig.proxy.connect("px");
    assert_eq!(ask(&mut other, "/"), "s0");
    assert_eq!(rig.connections(), [3, 0]);
}

fn a_client_prefers_the_server_that_it_knows(subject: Subject) {
    let rig = Rig::new(subject, "balance roundrobin\n option prefer-last-server", "");
    let mut client = rig.proxy.connect("px");
    let first = ask(&mut client, "/");
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "/"), first);
    }
    let mut seen = rig.connections();
    seen.sort();
    assert_eq!(seen, [0, 1]);
    let own = if first == "s0" { "s0" } else { "s1" };
    assert_eq!(rig.admin.ask(&format!("set server px/{own} state maint")).trim(), "");
    assert_ne!(ask(&mut client, "/"), first, "it goes elsewhere when it has to");
}

fn a_client_goes_elsewhere_where_too_many_wait(subject: Subject) {
    for (most, expected) in [(0, "s1"), (1, "s0"), (-1, "s0")] {
        let lines = format!("balance first\n option prefer-last-server\n max-keep-alive-queue {most}");
        let rig = Rig::new(subject, &lines, "maxconn 1");
        let mut client = rig.proxy.connect("px");
        assert_eq!(ask(&mut client, "/"), "s0");
        rig.admin.wait_for("px", "s0", "scur", "0");
        let mut holder = rig.proxy.connect("px");
        holder.say(get("/held"));
        rig.admin.wait_for("px", "s0", "scur", "1");
        client.say(get("/"));
        if expected == "s0" {
            rig.admin.wait_for("px", "s0", "qcur", "1");
            rig.is_open.store(true, Ordering::Relaxed);
        }
        assert_eq!(answer(&mut client), expected, "max-keep-alive-queue {most}");
        rig.is_open.store(true, Ordering::Relaxed);
        assert_eq!(answer(&mut holder), "s0");
    }
}

/// A server that asks for NTLM or Negotiate (RFC 4559) takes all that follows on the connection as its client's.
fn who_is_known_by_a_connection_has_it_alone(subject: Subject) {
    let rig = Rig::new(subject, "balance roundrobin\n http-reuse always", "");
    let mut known = rig.proxy.connect("px");
    let server = ask(&mut known, "/login");
    for _ in 0..3 {
        assert_eq!(ask(&mut known, "/"), server);
    }
    let own = usize::from(server == "s1");
    assert_eq!((rig.connections()[own], rig.connections()[1 - own]), (1, 0), "one of the server that it knows");
    let mut other = rig.proxy.connect("px");
    let mut met = [(); 4].map(|()| ask(&mut other, "/"));
    met.sort();
    assert_eq!(met, ["s0", "s0", "s1", "s1"]);
    assert_eq!((rig.connections()[own], rig.connections()[1 - own]), (2, 1), "nobody else is served on it");
}
