//! Limits: per second, of a backend, of a client's address, and how the operator changes them; servers that come back slowly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use e2e::admin::Admin;
use e2e::{Client, Origin, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        so_many_sessions_per_second,
        a_server_that_comes_back_is_warmed_up,
        answers_about_limits,
    ],
    alone: [],
}

/// What stands before the sections that are limited.
const PREAMBLE: &str = "
    global
        maxconn 200
        stats socket @socket@ level admin
";

const DEFAULTS: &str = "mode tcp\n timeout queue 10s\n timeout client 30s\n timeout server 30s";

/// A listener `px`; `rest` has its servers.
fn setup(subject: Subject, admin: &Admin, rest: &str) -> Setup {
    let sections = format!("{PREAMBLE}\n listen px\n bind @px@\n {rest}");
    Setup::sections(subject, DEFAULTS, &sections).with("socket", admin.path().display())
}

/// Takes out those who have been greeted.
fn take_greeted(waiting: &mut Vec<Client>) -> Vec<Client> {
    let (silent, greeted) = std::mem::take(waiting).into_iter().partition(Client::is_silent);
    *waiting = silent;
    greeted
}

/// When each of so many clients, who all come at once, is greeted.
fn greetings(proxy: &Proxy, count: usize) -> Vec<Duration> {
    let begun = Instant::now();
    let mut waiting: Vec<Client> = (0..count).map(|_| proxy.connect("px")).collect();
    let mut times = Vec::new();
    wait::until("all to be greeted", Duration::from_secs(20), || {
        times.extend(take_greeted(&mut waiting).iter().map(|_| begun.elapsed()));
        waiting.is_empty()
    });
    times
}

/// A burst of a second's worth, and then as many in each second that follows. What waits is not lost.
fn assert_paced(times: &[Duration], rate: usize) {
    let within = |span: u64| times.iter().filter(|&&time| time < Duration::from_millis(span)).count();
    assert!(within(500) <= rate + rate / 2 + 2, "{times:?}");
    let least = Duration::from_millis((times.len() / rate) as u64 * 1000 - 1050);
    assert!(times[times.len() - 1] >= least, "{times:?}");
}

fn so_many_sessions_per_second(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let listen = "backlog 100\n rate-limit sessions 20\n server s1 @s1@";
    let proxy = setup(subject, &admin, listen).with("s1", origin.target()).start();
    assert_paced(&greetings(&proxy, 60), 20);
}

/// HAProxy with several threads lets many more in at once.
#[test]
fn so_many_sessions_per_second_over_eight_shards() {
    let _turn = e2e::run::turn(e2e::run::Machine::Alone);
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let listen = "backlog 100\n rate-limit sessions 20\n server s1 @s1@";
    let setup = setup(Subject::Tidegate, &admin, listen).with("s1", origin.target());
    let proxy = setup.with("threads", 8).start();
    assert_paced(&greetings(&proxy, 80), 20);
}

/// `show stat` while `configuration.txt: slowstart` lasts.
fn a_server_that_comes_back_is_warmed_up(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let listen = "balance roundrobin\n server s1 @s1@ check slowstart 3s weight 16 maxconn 50";
    let _proxy = setup(subject, &admin, listen).with("s1", origin.target()).start();
    assert_eq!(admin.row("px", "s1")["weight"], "16", "nobody starts cold");
    admin.ask("disable server px/s1");
    admin.ask("enable server px/s1");
    let mut seen: Vec<[String; 3]> = Vec::new();
    wait::until("it to be warm", Duration::from_secs(10), || {
        let stat = admin.row("px", "s1");
        let row = ["weight", "uweight", "throttle"].map(|name| stat.get(name).cloned().unwrap_or_default());
        if seen.last() != Some(&row) {
            seen.push(row);
        }
        seen.last().is_some_and(|row| row[0] == "16")
    });
    assert_eq!(seen, [["1", "16", "6"], ["6", "16", "37"], ["11", "16", "68"], ["16", "16", ""]]);
}

/// HAProxy 2.6 lets those who wait in the backlog wait on when the limit rises, for seconds.
#[test]
fn limits_that_the_operator_changes() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let listen = "backlog 100\n server s1 @s1@";
    let proxy = setup(Subject::Tidegate, &admin, listen).with("s1", origin.target()).start();
    admin.ask("set maxconn frontend px 1");
    let (_first, _) = proxy.connect("px").greeted();
    let mut waiting: Vec<Client> = (0..4).map(|_| proxy.connect("px")).collect();
    assert!(waiting.iter().all(Client::is_silent));
    admin.ask("set maxconn frontend px 3");
    let mut served = Vec::new();
    wait::until("two more to be served", wait::SOON, || {
        served.extend(take_greeted(&mut waiting));
        served.len() >= 2
    });
    assert_eq!((served.len(), waiting.len()), (2, 2));
    assert_eq!(admin.row("px", "FRONTEND")["slim"], "3");
    admin.ask("set maxconn frontend px 100");
    wait::until("all to be served", wait::SOON, || waiting.iter().all(|client| !client.is_silent()));
}

fn answers_about_limits(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let _proxy = setup(subject, &admin, "server s1 @s1@").with("s1", origin.target()).start();
    for (command, answer) in [
        ("set maxconn frontend", "A frontend name is expected.\n\n"),
        ("set maxconn frontend px", "Integer value expected.\n\n"),
        ("set maxconn frontend px -1", "Value out of range.\n\n"),
        ("set maxconn frontend nobody 5", "No such frontend.\n\n"),
        ("set maxconn global", "Expects an integer value.\n\n"),
        ("set maxconn global 99999999", "Value out of range.\n\n"),
        ("set maxconn global 50", "\n"),
        ("set rate-limit connections global", "Expects an integer value.\n\n"),
        ("set rate-limit connections global -5", "Value out of range.\n\n"),
        ("set rate-limit connections global 12", "\n"),
        ("set rate-limit sessions global 13", "\n"),
    ] {
        assert_eq!(admin.ask(command), answer, "{command}");
    }
    let info = admin.ask("show info");
    for line in ["Maxconn: 50", "ConnRateLimit: 12", "SessRateLimit: 13"] {
        assert!(info.lines().any(|found| found == line), "{line} in {info}");
    }
}

#[test]
fn a_backend_has_a_limit_of_its_own() {
    let (one, two) = (Origin::named("s1"), Origin::named("s2"));
    let template = format!(
        "{PREAMBLE}
        frontend px
            bind @px@
            default_backend be
        backend be
            balance roundrobin
            maxconn 3
            server s1 @s1@
            server s2 @s2@"
    );
    let admin = Admin::new();
    let setup = Setup::sections(Subject::Tidegate, DEFAULTS, &template)
        .with("socket", admin.path().display())
        .with("threads", 8);
    let proxy = setup.with("s1", one.target()).with("s2", two.target()).start();
    let mut served: Vec<Client> = (0..3).map(|_| proxy.connect("px").greeted().0).collect();
    let mut waiting: Vec<Client> = (0..4).map(|_| proxy.connect("px")).collect();
    admin.wait_for("be", "BACKEND", "qcur", "4");
    assert!(waiting.iter().all(Client::is_silent));
    while !waiting.is_empty() {
        drop(served.remove(0));
        let mut next = Vec::new();
        wait::until("one to be served", wait::SOON, || {
            next.extend(take_greeted(&mut waiting));
            !next.is_empty()
        });
        assert_eq!(next.len(), 1, "one left, one came");
        served.extend(next);
    }
}

/// Hundreds of clients from many threads, under three limits at once: each of them holds at every moment, and all are served.
#[test]
fn limits_hold_over_eight_shards() {
    const THREADS: usize = 12;
    const EACH: usize = 25;
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let origin = Origin::serve({
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        move |mut client| {
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            let served = client.write_all(b"s1\n").and_then(|()| client.hear(4));
            // Before the end that lets the proxy give the place to the next.
            inside.fetch_sub(1, SeqCst);
            served.map(|_| ())
        }
    });
    let template = format!(
        "{PREAMBLE}
        frontend px
            bind @px@
            maxconn 6
            default_backend be
        backend be
            timeout queue 60s
            maxconn 3
            server s1 @s1@
            server s2 @s1@ maxconn 1"
    );
    let admin = Admin::new();
    let template = template.replace("maxconn 200", "maxconn 5");
    let setup = Setup::sections(Subject::Tidegate, DEFAULTS, &template);
    let setup = setup.with("socket", admin.path().display()).with("s1", origin.target()).with("threads", 8);
    let proxy = setup.start();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let mut client = proxy.connect("px");
                    assert_eq!(client.line(), "s1");
                    client.say("QUIT");
                    assert_eq!(client.to_end().0, b"");
                }
            });
        }
    });
    let number =
        |row: &str, column: &str, proxy: &str| admin.row(proxy, row)[column].parse::<usize>().expect("a number");
    assert!(most.load(SeqCst) <= 3, "{most:?} at the servers of a backend of three places");
    assert!(number("s2", "smax", "be") <= 1);
    assert!(number("FRONTEND", "smax", "px") <= 5, "the process has five places");
    assert_eq!(number("FRONTEND", "stot", "px"), THREADS * EACH, "all were served");
    admin.wait_for("px", "FRONTEND", "scur", "0");
}

/// Whether a client is reset before it hears anything: while it connects, or right after.
fn is_reset(address: SocketAddr) -> bool {
    let heard = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(wait::SOON))?;
        stream.read(&mut [0])
    });
    heard.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[test]
fn a_client_address_has_so_many_sessions() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let listen = "maxconn-per-source 3\n server s1 @s1@";
    let setup = setup(Subject::Tidegate, &admin, listen).with("s1", origin.target()).with("threads", 8);
    let proxy = setup.start();
    let mut served: Vec<Client> = (0..3).map(|_| proxy.connect("px").greeted().0).collect();
    for _ in 0..4 {
        assert!(is_reset(proxy.address("px")), "one too many");
    }
    assert_eq!(admin.row("px", "FRONTEND")["dses"], "4");
    drop(served.remove(0));
    admin.wait_for("px", "FRONTEND", "scur", "2");
    assert_eq!(proxy.connect("px").greeted().1, "s1", "one left");
}

/// Those who were there before a reload that brings a limit count as well.
#[test]
fn a_limit_that_a_reload_brings_counts_who_is_there() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let setup = setup(Subject::Tidegate, &admin, "server s1 @s1@").with("s1", origin.target());
    let mut proxy = setup.with("threads", 4).start();
    let mut served: Vec<Client> = (0..3).map(|_| proxy.connect("px").greeted().0).collect();
    let text = proxy.template().replace("server s1", "maxconn-per-source 2\n server s1");
    proxy.rewrite(&text);
    proxy.reload();
    wait::until("the reload", wait::SOON, || admin.ask("show info").contains("\nGeneration: 2\n"));
    assert!(is_reset(proxy.address("px")), "three are there");
    served.truncate(1);
    admin.wait_for("px", "FRONTEND", "scur", "1");
    let (_second, name) = proxy.connect("px").greeted();
    assert_eq!(name, "s1", "one left");
    assert!(is_reset(proxy.address("px")), "two are there");
}

#[test]
fn a_portable_file_has_no_keywords_of_ours() {
    let text = "global
        tidegate.strict-haproxy
        tidegate.io-engine auto
    defaults
        timeout connect 1s
        timeout client 1s
        timeout server 1s
    listen px
        bind 127.0.0.1:1
        maxconn-per-source 3
        option imapchk
    backend be
        maxconn 5
";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ours.cfg");
    let checked = |text: &str| {
        std::fs::write(&path, text).expect("room for a file");
        let ended = std::process::Command::new(Subject::Tidegate.binary()).arg("-c").arg("-f").arg(&path).output();
        let ended = ended.expect("a binary");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (code, told) = checked(text);
    assert_eq!(code, Some(1), "{told}");
    for what in ["tidegate.io-engine", "maxconn-per-source", "option imapchk", "maxconn in a backend"] {
        let message = format!("'{what}' is a keyword of Tidegate's own, which 'tidegate.strict-haproxy' forbids");
        assert!(told.contains(&message), "{what}: {told}");
    }
    assert_eq!(checked(&text.replace("tidegate.strict-haproxy", "")).0, Some(0));
}
