//! The process: background and pid file, what the command line overrides, limits and CPUs.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use e2e::ports::Reservation;
use e2e::process::Stray;
use e2e::proxy::Ended;
use e2e::{Client, Origin, Proxy, Setup, Subject, process, wait};

e2e::scenarios! {
    shared: [
        a_daemon_serves_when_its_starter_returns,
        a_daemon_that_cannot_start_says_so,
        the_foreground_wins_over_daemon,
        the_command_line_wins_over_maxconn,
        relative_paths_begin_where_told,
        the_local_peer_is_seen_by_the_file,
        threads_run_where_they_are_told,
        a_limit_that_cannot_be_raised_is_named,
        a_pidfile_that_cannot_be_made,
    ],
    alone: [],
}

fn a_daemon_serves_when_its_starter_returns(subject: Subject) {
    for (global, argument) in [("daemon", "-V"), ("nosplice", "-D")] {
        let (origin, px, run) = (Origin::named("s1"), Reservation::loopback(), TempDir::new().expect("a directory"));
        let pidfile = run.path().join("pid");
        let global = format!("{global}\n pidfile {}", pidfile.display());
        let setup = Setup::relay(subject, &global, &origin).with("px", px.address()).argument(argument);
        let Ended { status, stderr, .. } = setup.run_to_end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        let daemon = Stray::named_in(&pidfile);
        assert_eq!(fs::metadata(&pidfile).expect("it is there").permissions().mode() & 0o777, 0o644);
        assert_eq!(Client::to(px.address()).line(), "s1", "at once");
        assert!(process::standard_streams(daemon.pid()).iter().all(|stream| stream == Path::new("/dev/null")));
        daemon.end();
        assert!(pidfile.exists(), "it stays");
    }
}

fn a_daemon_that_cannot_start_says_so(subject: Subject) {
    let (taken, run) = (TcpListener::bind("127.0.0.1:0").expect("a free port"), TempDir::new().expect("a directory"));
    let origin = Origin::named("s1");
    let pidfile = format!("pidfile {}", run.path().join("pid").display());
    let setup = Setup::relay(subject, &pidfile, &origin).argument("-D").with("px", taken.local_addr().expect("bound"));
    let Ended { status, stderr, .. } = setup.run_to_end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot bind socket (Address already in use)"), "{stderr}");
}

fn the_foreground_wins_over_daemon(subject: Subject) {
    let (origin, run) = (Origin::named("s1"), TempDir::new().expect("a directory"));
    let pidfile = run.path().join("pid");
    let global = format!("daemon\n pidfile {}", pidfile.display());
    let mut proxy = Setup::relay(subject, &global, &origin).argument("-db").start();
    assert_eq!(proxy.connect("px").line(), "s1");
    assert!(proxy.is_running() && !pidfile.exists());
    proxy.stop_with(Signal::SIGTERM, wait::SOON);
}

fn the_command_line_wins_over_maxconn(subject: Subject) {
    let origin = Origin::named("s1");
    let proxy = Setup::relay(subject, "maxconn 1", &origin).argument("-n").argument("2").start();
    let mut both = [proxy.connect("px"), proxy.connect("px")];
    both.iter_mut().for_each(|client| assert_eq!(client.line(), "s1"));
    let mut third = proxy.connect("px");
    third.stream().set_read_timeout(Some(Duration::from_millis(200))).expect("not zero");
    assert!(third.try_line().is_err(), "it waits for a place");
    third.stream().set_read_timeout(Some(wait::SOON)).expect("not zero");
    drop(both);
    assert_eq!(third.line(), "s1");
}

fn relative_paths_begin_where_told(subject: Subject) {
    let (origin, run) = (Origin::named("s1"), TempDir::new().expect("a directory"));
    let px = Reservation::loopback();
    let text = format!(
        "global\n pidfile here.pid\n daemon\ndefaults\n mode tcp\n timeout connect 2s\n timeout client 9s\n timeout server 9s\n\
         listen px\n bind {}\n server s1 {}\n",
        px.address(),
        origin.target()
    );
    fs::write(run.path().join("there.cfg"), text).expect("room for a file");
    let directory = run.path().display().to_string();
    let output = std::process::Command::new(subject.binary()).args(["-C", &directory, "-f", "there.cfg"]).output();
    let output = output.expect("the subject runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let daemon = Stray::named_in(&run.path().join("here.pid"));
    assert_eq!(Client::to(px.address()).line(), "s1");
    daemon.end();
}

fn the_local_peer_is_seen_by_the_file(subject: Subject) {
    let origin = Origin::named("s1");
    let global = ".if streq(\"$HAPROXY_LOCALPEER\",me)\n maxconn 100\n .else\n nonsense\n .endif";
    let proxy = Setup::relay(subject, global, &origin).argument("-L").argument("me").start();
    assert_eq!(proxy.connect("px").line(), "s1");
}

/// Where the threads that move bytes may run.
fn affinities(subject: Subject, proxy: &Proxy) -> Vec<String> {
    process::affinities(proxy.pid())
        .into_iter()
        .filter(|(name, _)| match subject {
            Subject::Haproxy => true,
            Subject::Tidegate => name.starts_with("tidegate/"),
        })
        .map(|(_, cpus)| cpus)
        .collect()
}

fn threads_run_where_they_are_told(subject: Subject) {
    let origin = Origin::named("s1");
    let proxy = Setup::relay(subject, "cpu-map 1/all 0", &origin).start();
    assert_eq!(proxy.connect("px").line(), "s1");
    let cpus = affinities(subject, &proxy);
    assert!(!cpus.is_empty() && cpus.iter().all(|cpus| cpus == "0"), "{cpus:?}");
}

/// More than any system gives (fs.nr_open ends before it).
fn a_limit_that_cannot_be_raised_is_named(subject: Subject) {
    let origin = Origin::named("s1");
    let ended = Setup::relay(subject, "maxconn 50\n ulimit-n 2147483647", &origin).run_to_end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains(".main()] Cannot raise FD limit to 2147483647, "), "{}", ended.stderr);
}

fn a_pidfile_that_cannot_be_made(subject: Subject) {
    let origin = Origin::named("s1");
    let ended = Setup::relay(subject, "pidfile /nonexistent/pid", &origin).argument("-D").run_to_end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains(".main()] Cannot create pidfile /nonexistent/pid"), "{}", ended.stderr);
}

/// HAProxy 2.6 does not know these yet.
#[test]
fn versions_for_scripts() {
    for (option, expect) in [("-vq", "3.4.0\n"), ("-vqs", "3.4.0\n"), ("-vqb", "3.4\n")] {
        let output = std::process::Command::new(Subject::Tidegate.binary()).arg(option).output().expect("it runs");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(0), expect));
    }
}

/// HAProxy finds out at the start only.
#[test]
fn a_file_for_a_larger_machine_is_explained() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("a.cfg");
    let text = "global\n maxconn 2000000000\n nbthread 2\ndefaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n\
                listen px\n bind 127.0.0.1:1\n server s1 127.0.0.1:1\n";
    fs::write(&file, text).expect("room for a file");
    let output = std::process::Command::new(Subject::Tidegate.binary()).args(["-c", "-V", "-f"]).arg(&file).output();
    let output = output.expect("it runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), stdout.as_ref()), (Some(0), "Configuration file is valid\n"), "{stderr}");
    assert!(stderr.contains("Cannot hold maxconn 2000000000: 2 shards with "), "{stderr}");
}
