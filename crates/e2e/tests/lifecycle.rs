//! Starting, stopping and dying: exit codes by signal, the soft stop, a kill and what comes after it.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use e2e::{Client, Origin, Proxy, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        ends_by_signal,
        a_soft_stop_lets_sessions_finish,
        a_soft_stop_without_sessions_is_quick,
        requests_know_of_a_soft_stop,
        killed_and_started_again,
        a_taken_port_is_named,
        too_few_descriptors_are_named,
        the_started_pid_is_the_one_that_serves,
        several_files_are_one_configuration,
    ],
    alone: [],
}

fn relay(subject: Subject, origin: &Origin) -> Proxy {
    Setup::relay(subject, "", origin).start()
}

/// A client that has been served: the subject runs, its signal handlers are in place.
fn served(proxy: &Proxy) -> Client {
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    client
}

fn ends_by_signal(subject: Subject) {
    let origin = Origin::named("s1");
    // As a shell shows them: an end by a signal is 128 + its number.
    for (signal, expect) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let mut proxy = relay(subject, &origin);
        let mut client = served(&proxy);
        let status = proxy.stop_with(signal, wait::SOON);
        let code = status.code().or(status.signal().map(|number| 128 + number));
        assert_eq!(code, Some(expect), "{signal}");
        client.to_end();
    }
}

fn a_soft_stop_lets_sessions_finish(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = relay(subject, &origin);
    let mut clients: Vec<Client> = (0..20).map(|_| served(&proxy)).collect();
    proxy.signal(Signal::SIGUSR1);
    wait::until("new connections to be refused", Duration::from_secs(1), || {
        Client::try_to(proxy.address("px")).is_err()
    });
    for round in 0..20 {
        let question = format!("round {round}");
        assert!(clients.iter_mut().all(|client| client.ask(&question) == question), "sessions go on");
    }
    assert!(proxy.is_running(), "it waits for them");
    drop(clients);
    assert_eq!(proxy.wait_exit(Duration::from_secs(2)).code(), Some(0));
}

fn a_soft_stop_without_sessions_is_quick(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = relay(subject, &origin);
    drop(served(&proxy));
    assert_eq!(proxy.stop_with(Signal::SIGUSR1, Duration::from_secs(2)).code(), Some(0));
}

/// `configuration.txt: stopping`. A connection on which nothing is said would be closed, so that the request has begun before the stop.
fn requests_know_of_a_soft_stop(subject: Subject) {
    let origin = Origin::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let sections = "listen px\n bind @px@\n http-response set-header X-Stopping %[stopping]\n server s1 @s1@";
    let mut proxy = Setup::sections(subject, "mode http", sections).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    let answer = |client: &mut Client| {
        let lines = std::iter::from_fn(|| Some(client.line()).filter(|line| !line.is_empty()));
        lines.collect::<Vec<_>>().join("\n")
    };
    client.say("GET /first HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer(&mut client), "HTTP/1.1 200 OK\ncontent-length: 0\nx-stopping: 0");
    client.say("GET /second HTTP/1.1\r\n");
    proxy.signal(Signal::SIGUSR1);
    wait::until("new connections to be refused", wait::SOON, || Client::try_to(proxy.address("px")).is_err());
    assert!(proxy.is_running(), "it waits for the client");
    client.say("Host: x\r\n\r\n");
    assert_eq!(answer(&mut client), "HTTP/1.1 200 OK\ncontent-length: 0\nx-stopping: 1\nconnection: close");
    client.to_end();
    assert_eq!(proxy.wait_exit(wait::SOON).code(), Some(0));
}

fn killed_and_started_again(subject: Subject) {
    let origin = Origin::named("s1");
    let proxy = relay(subject, &origin);
    let mut clients: Vec<Client> = (0..50).map(|_| served(&proxy)).collect();
    let killed = Instant::now();
    let proxy = proxy.kill_and_restart();
    served(&proxy);
    let outage = killed.elapsed();
    println!("{subject:?}: serving again {outage:?} after the kill");
    assert!(outage < Duration::from_secs(2), "{outage:?}");
    for client in &mut clients {
        client.to_end();
    }
    wait::until("the server's sides of the dead to be gone", wait::SOON, || origin.open_count() == 0);
}

fn a_taken_port_is_named(subject: Subject) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let said = Setup::relay(subject, "", &Origin::mute()).with("px", address).run_to_failure();
    let alert = said.lines().find(|line| line.starts_with("[ALERT]")).expect("an alert says why");
    let expect = format!("cannot bind socket (Address already in use) for [{address}]");
    assert!(alert.contains(&expect), "{alert}");
    assert!(alert.contains(" : Binding [proxy.cfg:10] for "), "{alert}");
}

/// The limit of connections needs more descriptors than the process may have: better said at start than found out at night.
fn too_few_descriptors_are_named(subject: Subject) {
    let said = Setup::relay(subject, "maxconn 10000", &Origin::mute()).descriptor_max(200).run_to_failure();
    let alert = said.lines().find(|line| line.starts_with("[ALERT]")).expect("an alert says why");
    // Both name the limit. HAProxy says how many descriptors it wants, Tidegate what each of its shards can have, and the repair.
    let parts: &[&str] = match subject {
        Subject::Haproxy => &["Cannot raise FD limit to ", "limit is 200"],
        Subject::Tidegate => &["maxconn 10000", "200 file descriptors", "ulimit -n"],
    };
    assert!(parts.iter().all(|part| alert.contains(part)), "{alert}");
}

fn the_started_pid_is_the_one_that_serves(subject: Subject) {
    let (origin, logs) = (Origin::named("s1"), e2e::LogServer::udp());
    let px = "listen px\n bind @px@\n server s1 @s1@";
    let setup = Setup::file(subject, "log @log@ local0", "mode tcp\n log global", px);
    let proxy = setup.with("s1", origin.target()).with("log", logs.target()).start();
    drop(served(&proxy));
    let line = logs.line_with("Connect from");
    assert!(line.contains(&format!(" haproxy[{}]: ", proxy.pid())), "{line}");
    assert_eq!(mask::line(&line), "<134>DATE haproxy[PID]: Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (px/TCP)");
}

fn several_files_are_one_configuration(subject: Subject) {
    let origin = Origin::named("s1");
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let other = e2e::ports::Reservation::loopback();
    let more = format!("listen more\n bind {}\n server s1 {}\n", other.address(), origin.target());
    std::fs::write(directory.path().join("more.cfg"), more).expect("room for a file");
    std::fs::write(directory.path().join(".hidden.cfg"), "nonsense\n").expect("room for a file");
    std::fs::write(directory.path().join("notes.txt"), "nonsense\n").expect("room for a file");
    let defaults = directory.path().join("00-defaults.cfg");
    std::fs::write(&defaults, "defaults\n mode tcp\n timeout connect 2s\n timeout client 9s\n timeout server 9s\n")
        .expect("room for a file");
    let path = directory.path().display().to_string();
    let setup = Setup::relay(subject, "", &origin).argument("-f").argument(&path);
    let proxy = setup.start();
    served(&proxy);
    wait::until("the listener of the directory's file", wait::SOON, || {
        Client::try_to(other.address()).is_ok_and(|mut client| client.line() == "s1")
    });
}
