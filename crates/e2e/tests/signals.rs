//! Being told to stop, to pause, to reload, to hand over; and what a service manager is told.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use e2e::{Admin, Client, Origin, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        grace_serves_on,
        a_soft_stop_that_lasts_too_long_is_cut,
        a_successor_tells_its_predecessor_to_finish,
        a_dump_does_not_end_it,
        a_pause_refuses_and_ends_nothing,
        frontends_pause_and_stop,
        a_service_manager_is_told,
        a_predecessor_that_does_not_answer,
    ],
    alone: [],
}

fn grace_serves_on(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = Setup::relay(subject, "grace 500", &origin).start();
    assert_eq!(proxy.connect("px").line(), "s1");
    let told = Instant::now();
    proxy.signal(Signal::SIGUSR1);
    wait::until("the word of it", wait::SOON, || proxy.stderr().contains("Scheduling a soft-stop in 500 ms."));
    let is_served = Client::try_to(proxy.address("px")).is_ok_and(|mut client| client.line() == "s1");
    assert!(is_served || told.elapsed() > Duration::from_millis(500));
    assert_eq!(proxy.wait_exit(wait::SOON).code(), Some(0));
    assert!(told.elapsed() >= Duration::from_millis(500));
    assert!(proxy.stderr().contains("Grace period expired, proceeding with soft-stop now."), "{}", proxy.stderr());
}

fn a_soft_stop_that_lasts_too_long_is_cut(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = Setup::relay(subject, "hard-stop-after 500", &origin).start();
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    let told = Instant::now();
    assert_eq!(proxy.stop_with(Signal::SIGUSR1, wait::SOON).code(), Some(0));
    assert!(told.elapsed() >= Duration::from_millis(450), "{:?}", told.elapsed());
    let said = proxy.stderr();
    assert!(said.contains("soft-stop running for too long, performing a hard-stop."), "{said}");
    assert!(said.contains("Proxy px hard-stopped (1 remaining conns will be closed)."), "{said}");
    client.to_end();
}

/// As HAProxy 2.6's master does; that one loses signals for a moment after its start, when it executes itself again.
#[test]
fn a_master_ends_as_a_master() {
    let subject = Subject::Tidegate;
    let origin = Origin::named("s1");
    for (signal, expect) in [(Signal::SIGTERM, 0), (Signal::SIGINT, 130), (Signal::SIGUSR1, 0)] {
        let run = TempDir::new().expect("a directory");
        let pidfile = run.path().join("pid");
        let path = pidfile.display().to_string();
        let mut proxy = Setup::relay(subject, "", &origin).argument("-W").argument("-p").argument(&path).start();
        wait::until("the subject to serve", wait::SOON, || {
            Client::try_to(proxy.address("px")).is_ok_and(|mut client| client.line() == "s1")
        });
        wait::until("the pid file", wait::SOON, || {
            fs::read_to_string(&pidfile).is_ok_and(|text| text == format!("{}\n", proxy.pid()))
        });
        let status = proxy.stop_with(signal, wait::SOON);
        assert_eq!(status.code().or(status.signal().map(|number| 128 + number)), Some(expect), "{signal}");
    }
}

/// `-sf`: whoever is connected stays with the predecessor, everybody else is the successor's.
fn a_successor_tells_its_predecessor_to_finish(subject: Subject) {
    let (origin, other) = (Origin::named("s1"), Origin::named("s2"));
    let mut first = Setup::relay(subject, "", &origin).start();
    let mut held = first.connect("px");
    assert_eq!(held.line(), "s1");
    let pid = first.pid().to_string();
    let setup = Setup::relay(subject, "", &other).with("px", first.address("px")).argument("-sf").argument(&pid);
    let mut second = setup.start();
    wait::until("the successor to be alone", wait::SOON, || {
        (0..8).all(|_| {
            Client::try_to(first.address("px")).is_ok_and(|mut client| client.try_line().is_ok_and(|line| line == "s2"))
        })
    });
    assert_eq!(held.ask("still there?"), "still there?");
    assert!(first.is_running() && second.is_running());
    drop(held);
    assert_eq!(first.wait_exit(wait::SOON).code(), Some(0));
    second.stop_with(Signal::SIGTERM, wait::SOON);
}

fn a_dump_does_not_end_it(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = Setup::relay(subject, "", &origin).start();
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    let before = proxy.stderr().len();
    proxy.signal(Signal::SIGQUIT);
    wait::until("a dump", wait::SOON, || proxy.stderr().len() + proxy.stdout().len() > before);
    assert_eq!(client.ask("still there?"), "still there?");
    assert!(proxy.is_running());
}

fn a_pause_refuses_and_ends_nothing(subject: Subject) {
    let origin = Origin::named("s1");
    let mut proxy = Setup::relay(subject, "", &origin).start();
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    for _ in 0..2 {
        proxy.signal(Signal::SIGTTOU);
        wait::until("a refusal", wait::SOON, || Client::try_to(proxy.address("px")).is_err());
        assert_eq!(client.ask("paused?"), "paused?");
        proxy.signal(Signal::SIGTTIN);
        wait::until("somebody new to be served", wait::SOON, || is_served(&proxy, "px"));
        assert_eq!(client.ask("resumed?"), "resumed?");
    }
    let said = proxy.stderr();
    assert_eq!((said.matches("Paused proxy px.").count(), said.matches("Resumed proxy px.").count()), (2, 2), "{said}");
    assert!(proxy.is_running());
}

fn is_served(proxy: &Proxy, name: &str) -> bool {
    Client::try_to(proxy.address(name)).is_ok_and(|mut client| client.try_line().is_ok_and(|line| line == "s1"))
}

/// `disable`, `enable` and `shutdown frontend`: what is answered holds as soon as it is answered. HAProxy says nothing of a reload,
/// after which its new process has every frontend open.
fn frontends_pause_and_stop(subject: Subject) {
    const FILE: &str = "
        global
            nbthread @threads@
            stats socket @socket@ level admin
        defaults
            mode tcp
            timeout connect 2s
            timeout client 30s
            timeout server 30s
        frontend fe
            bind @fe@
            bind @second@
            bind @path@
            default_backend be
        listen px
            bind @px@
            server s1 @s1@
        backend be
            server s1 @s1@";
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let mut proxy = Setup::new(subject, FILE)
        .with("socket", admin.path().display())
        .with("path", admin.path_of("fe.sock").display())
        .with("s1", origin.target())
        .reloadable()
        .start();
    wait::until("the admin socket", wait::SOON, || admin.path().exists());
    let mut held = proxy.connect("fe");
    assert_eq!(held.line(), "s1");
    let status = || admin.row("fe", "FRONTEND")["status"].clone();
    let is_refused = |name| Client::try_to(proxy.address(name)).is_err();
    let (paused, open) = ("All sockets are already disabled.\n\n", "All sockets are already enabled.\n\n");
    for (command, answer, expect, are_refused) in [
        ("disable frontend", "A frontend name is expected.\n\n", "OPEN", false),
        ("disable frontend nope", "No such frontend.\n\n", "OPEN", false),
        ("shutdown frontend be", "No such frontend.\n\n", "OPEN", false),
        ("enable frontend fe", open, "OPEN", false),
        ("disable frontend fe", "\n", "PAUSED", true),
        ("disable frontend fe", paused, "PAUSED", true),
        ("enable frontend fe", "\n", "OPEN", false),
        ("disable frontend fe", "\n", "PAUSED", true),
        ("shutdown frontend fe", "\n", "STOP", true),
        ("shutdown frontend fe", "Frontend was already shut down.\n\n", "STOP", true),
        ("enable frontend fe", "Frontend was previously shut down, cannot enable.\n\n", "STOP", true),
        ("disable frontend fe", "Frontend was previously shut down, cannot disable.\n\n", "STOP", true),
    ] {
        assert_eq!(admin.ask(command), answer, "{command}");
        assert_eq!(status(), expect, "after {command}");
        assert_eq!((is_refused("fe"), is_refused("second"), is_refused("px")), (are_refused, are_refused, false));
        assert_eq!(held.ask("still there?"), "still there?", "after {command}");
    }
    let said = proxy.stderr();
    let counts = ["Paused frontend fe.", "Resumed frontend fe.", "Proxy fe stopped (cumulated conns: FE: "];
    let counts = counts.map(|text| said.matches(text).count());
    match subject {
        // With a session that lives on, HAProxy says that the proxy has stopped when the process does.
        Subject::Haproxy => assert_eq!(counts[..2], [2, 1], "{said}"),
        Subject::Tidegate => assert_eq!(counts, [2, 1, 1], "{said}"),
    }
    proxy.reload();
    wait::until("the frontend to be back", wait::SOON, || is_served(&proxy, "fe") && is_served(&proxy, "second"));
    assert!(proxy.is_running());
}

fn a_service_manager_is_told(subject: Subject) {
    let (origin, run) = (Origin::named("s1"), TempDir::new().expect("a directory"));
    let path = run.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(wait::SOON)).expect("not zero");
    let hear = || {
        let mut bytes = [0; 1024];
        let count = manager.recv(&mut bytes).expect("the manager is told");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let setup =
        Setup::relay(subject, "", &origin).argument("-Ws").environment("NOTIFY_SOCKET", &path.display().to_string());
    let mut proxy = setup.start();
    let mut first = hear();
    // HAProxy 2.6 reloads once to become a master.
    while subject == Subject::Haproxy && first.starts_with("RELOADING=1") {
        first = hear();
    }
    assert!(first.lines().any(|line| line == "READY=1"), "{first}");
    if subject == Subject::Tidegate {
        assert!(first.contains(&format!("MAINPID={}\n", proxy.pid())), "{first}");
        proxy.reload();
        let reloading = hear();
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        let ready = hear();
        assert!(ready.starts_with("READY=1\n") && ready.contains("STATUS=Configuration reloaded"), "{ready}");
        proxy.signal(Signal::SIGTERM);
        assert!(hear().starts_with("STOPPING=1\n"));
        assert_eq!(proxy.wait_exit(wait::SOON).code(), Some(0), "as a master");
    }
}

fn a_predecessor_that_does_not_answer(subject: Subject) {
    let origin = Origin::named("s1");
    let said = Setup::relay(subject, "", &origin).argument("-x").argument("/nonexistent/admin").run_to_failure();
    assert!(said.contains("Failed to get the sockets from the old process!"), "{said}");
}

/// HAProxy would share the port, and each of the two would get some of the clients.
#[test]
fn a_second_instance_is_refused() {
    let (origin, run) = (Origin::named("s1"), TempDir::new().expect("a directory"));
    let admin = run.path().join("admin.sock");
    let global = format!("stats socket {}", admin.display());
    let first = Setup::relay(Subject::Tidegate, &global, &origin).start();
    assert_eq!(first.connect("px").line(), "s1");
    let address = first.address("px");
    let said = Setup::relay(Subject::Tidegate, "", &origin).with("px", address).run_to_failure();
    let expect = format!("cannot bind socket (Address already in use) for [{address}]. Process {} (", first.pid());
    assert!(said.contains(&expect) && said.contains("'-sf "), "{said}");
    let said = Setup::relay(Subject::Tidegate, &global, &origin).run_to_failure();
    assert!(said.contains("cannot bind UNIX socket (Address already in use)"), "{said}");
    assert_eq!(first.connect("px").line(), "s1");
}

/// The listening sockets pass over, sessions end where they are, and nobody is refused.
fn check_takeover(test: &str, old: Subject, new: Subject) {
    if !Subject::Haproxy.is_there(test) {
        return;
    }
    let (origin, run) = (Origin::named("s1"), TempDir::new().expect("a directory"));
    let admin = run.path().join("admin.sock").display().to_string();
    let global = format!("stats socket {admin} expose-fd listeners level admin");
    let mut first = Setup::relay(old, &global, &origin).with("threads", 4).start();
    let mut held = first.connect("px");
    assert_eq!(held.line(), "s1");
    let address = first.address("px");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visit = || {
            let mut served = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(Client::to(address).line(), "s1", "after {served}");
                served += 1;
            }
            served
        };
        let clients = [scope.spawn(visit), scope.spawn(visit)];
        let pid = first.pid().to_string();
        let setup = Setup::relay(new, "", &origin).with("threads", 3).with("px", address);
        let mut second = setup.argument("-x").argument(&admin).argument("-sf").argument(&pid).start();
        assert_eq!(held.ask("still there?"), "still there?");
        drop(held);
        assert_eq!(first.wait_exit(wait::SOON).code(), Some(0));
        (0..20).for_each(|_| assert_eq!(Client::to(address).line(), "s1"));
        is_over.store(true, Ordering::Relaxed);
        for client in clients {
            assert!(client.join().expect("nobody is refused") > 0);
        }
        assert!(!second.stderr().contains("[WARNING]"), "{}", second.stderr());
        second.stop_with(Signal::SIGTERM, wait::SOON);
    });
}

/// The way from HAProxy to Tidegate.
#[test]
fn tidegate_takes_over_from_a_running_haproxy() {
    check_takeover("tidegate_takes_over_from_a_running_haproxy", Subject::Haproxy, Subject::Tidegate);
}

/// And back.
#[test]
fn haproxy_takes_over_from_a_running_tidegate() {
    check_takeover("haproxy_takes_over_from_a_running_tidegate", Subject::Tidegate, Subject::Haproxy);
}

/// The way to a new binary. More shards than before, or fewer: none of the sockets is left alone.
#[test]
fn tidegate_takes_over_from_itself() {
    check_takeover("tidegate_takes_over_from_itself", Subject::Tidegate, Subject::Tidegate);
}

/// Without `expose-fd listeners` nothing is given away, whoever asks.
#[test]
fn sockets_are_handed_over_only_where_the_file_says_so() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let global = format!("stats socket {} level admin", admin.path().display());
    let proxy = Setup::relay(Subject::Tidegate, &global, &origin).start();
    let mut stream = admin.connect();
    stream.write_all(b"_getsocks\n").expect("it listens");
    let mut count = [1; 4];
    stream.read_exact(&mut count).expect("a number");
    assert_eq!(i32::from_ne_bytes(count), 0);
    assert_eq!(proxy.connect("px").line(), "s1");
}
