//! `mode http` over several shards: they behave as one. The reference runs the same table on as many threads.

use std::io::Write;

use e2e::run::{Machine, turn};
use e2e::secure_origin::SecureOrigin;
use e2e::tls::Authority;
use e2e::{Admin, Origin, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        round_robin_over_separate_connections,
        connections_that_rest_are_counted,
    ],
    alone: [],
}

const THREADS: &str = "
    global
        nbthread 4
        stats socket @admin@ level admin
    defaults
        mode http
        timeout connect 2s
        timeout client 5s
        timeout server 5s
    listen px
        bind @px@
";

const CLIENTS: usize = 24;

/// Answers every request with this name.
fn named(name: &'static str) -> Origin {
    Origin::answering(move |_| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()))
}

/// A client of its own asks once, and is left: what was under way for it is over then.
fn ask(proxy: &e2e::Proxy) -> String {
    let mut client = proxy.connect("px");
    client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (answer, _) = client.to_end();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned()
}

fn round_robin_over_separate_connections(subject: Subject) {
    let origins = [named("a"), named("b"), named("c")];
    let admin = Admin::new();
    let template = format!(
        "{THREADS}
            balance roundrobin
            server a @a@
            server b @b@
            server c @c@"
    );
    let setup = Setup::new(subject, &template).with("admin", admin.path().display().to_string());
    let [a, b, c] = &origins;
    let proxy = setup.with("a", a.target()).with("b", b.target()).with("c", c.target()).start();
    let order: String = (0..CLIENTS).map(|_| ask(&proxy)).collect();
    assert_eq!(order, "abc".repeat(CLIENTS / 3));
}

/// `management.txt: srv_icur, src_ilim, idle_conn_cur, safe_conn_cur`: one is safe once it has served a second exchange.
fn connections_that_rest_are_counted(subject: Subject) {
    let origin = named("a");
    let admin = Admin::new();
    let template = format!(
        "{THREADS}
            http-reuse safe
            server a @a@ pool-max-conn 7"
    );
    let setup = Setup::new(subject, &template).with("admin", admin.path().display().to_string());
    let proxy = setup.with("a", origin.target()).start();
    let mut client = proxy.connect("px");
    for (one, none, reuses) in [("idle_conn_cur", "safe_conn_cur", "0"), ("safe_conn_cur", "idle_conn_cur", "1")] {
        client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.hear("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na".len());
        let row = admin.wait_for("px", "a", one, "1");
        let shown = [none, "srv_icur", "src_ilim", "reuse"].map(|column| row[column].as_str());
        assert_eq!(shown, ["0", "1", "7", reuses]);
    }
}

/// `configuration.txt: http-reuse`. HAProxy does so, too, but puts a connection to rest at a moment that no client sees.
#[test]
fn a_connection_that_rests_serves_clients_of_all_shards() {
    let _turn = turn(Machine::Shared);
    // Kernels before Linux 6.9 let no shard fetch what rests on another: each has its own then.
    let most = if has_named_threads() { 1 } else { 4 };
    let count = connections_for_all("");
    assert!((1..=most).contains(&count), "{count} connections");
}

/// `configuration.txt: pool-low-conn`.
#[test]
fn few_connections_that_rest_are_left_where_they_are() {
    let _turn = turn(Machine::Shared);
    let count = connections_for_all("pool-low-conn 4");
    assert!((2..=4).contains(&count), "{count} connections: one for each shard that a client came to");
}

/// How many it takes to serve one client after the other.
fn connections_for_all(settings: &str) -> usize {
    let origin = named("a");
    let admin = Admin::new();
    let template = format!(
        "{THREADS}
            http-reuse always
            server a @a@ {settings}"
    );
    let setup = Setup::new(Subject::Tidegate, &template).with("admin", admin.path().display().to_string());
    let proxy = setup.with("a", origin.target()).start();
    let order: String = (0..CLIENTS).map(|_| ask(&proxy)).collect();
    assert_eq!(order, "a".repeat(CLIENTS));
    let count = origin.seen().len();
    admin.wait_for("px", "a", "reuse", &(CLIENTS - count).to_string());
    count
}

/// What TLS has agreed on goes with a connection, and whoever asks for another host gets another connection.
#[test]
fn a_connection_with_tls_serves_clients_of_all_shards() {
    let _turn = turn(Machine::Shared);
    let authority = Authority::new();
    // It says for which host the connection was made.
    let origin = SecureOrigin::serve(authority.server(&["a.test", "b.test"], false, &[]), |client| {
        while http::head(client)?.is_some() {
            let name = client.conn.server_name().unwrap_or_default().to_owned();
            client.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()).as_bytes())?;
        }
        Ok(())
    });
    let admin = Admin::new();
    let template = format!(
        "{THREADS}
            http-reuse always
            server a @a@ ssl verify none sni req.hdr(host)"
    );
    let setup = Setup::new(Subject::Tidegate, &template).with("admin", admin.path().display().to_string());
    let proxy = setup.with("a", origin.target()).start();
    for _ in 0..CLIENTS / 2 {
        for host in ["a.test", "b.test"] {
            let mut client = proxy.connect("px");
            client.say(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            let (answer, _) = client.to_end();
            assert!(answer.ends_with(format!("\r\n\r\n{host}").as_bytes()), "{}", answer.escape_ascii());
        }
    }
    let most = if has_named_threads() { 2 } else { 8 };
    let count = origin.agreements().len();
    assert!((2..=most).contains(&count), "{count} connections for 2 hosts");
}

fn has_named_threads() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("proc(5)");
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(9))
}
