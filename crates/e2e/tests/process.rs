//! The process: background and pid file, what the command line overrides, limits and CPUs, the master's socket.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use e2e::ports::Reservation;
use e2e::process::Stray;
use e2e::proxy::Ended;
use e2e::{Admin, Client, Origin, Proxy, Setup, Subject, admin, process, wait};

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
        the_masters_socket,
        the_command_line_limits_frontends,
        the_file_says_what_the_machine_is_called,
        an_address_from_the_environment,
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
    let said = setup.run_to_failure();
    assert!(said.contains("cannot bind socket (Address already in use)"), "{said}");
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
    let said = Setup::relay(subject, "maxconn 50\n ulimit-n 2147483647", &origin).run_to_failure();
    assert!(said.contains(".main()] Cannot raise FD limit to 2147483647, "), "{said}");
}

fn a_pidfile_that_cannot_be_made(subject: Subject) {
    let origin = Origin::named("s1");
    let said = Setup::relay(subject, "pidfile /nonexistent/pid", &origin).argument("-D").run_to_failure();
    assert!(said.contains(".main()] Cannot create pidfile /nonexistent/pid"), "{said}");
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

/// The socket of `-S`: HAProxy's master and its worker are one process here.
fn the_masters_socket(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let path = admin.path().display().to_string();
    let proxy = Setup::relay(subject, "", &origin).argument("-W").argument("-S").argument(&path).start();
    // HAProxy 2.6 executes itself again to become a master.
    let worker = wait::value("a worker", wait::SOON, || {
        let text = UnixStream::connect(admin.path()).ok().map(|_| admin.ask("show proc"))?;
        let row = text.lines().find(|line| line.contains(" worker "))?.to_owned();
        row.split(' ').next().map(str::to_owned)
    });
    let processes = admin.ask("show proc");
    let lines: Vec<Vec<&str>> = processes.lines().map(|line| line.split_ascii_whitespace().collect()).collect();
    assert_eq!(lines[0], ["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"], "{processes}");
    assert_eq!(lines[1][..3], [&*proxy.pid().to_string(), "master", "0"], "{processes}");
    assert_eq!((&lines[2][..], &lines[3][..3]), (&["#", "workers"][..], &[&*worker, "worker", "0"][..]), "{processes}");
    let shape = |text: &str| text.lines().map(|line| line.split_ascii_whitespace().count()).collect::<Vec<_>>();
    assert_eq!(shape(&admin.ask("@master show proc")), shape(&processes));
    for prefix in ["@1".to_owned(), format!("@!{worker}")] {
        let info = admin.ask(&format!("{prefix} show info"));
        assert!(info.contains(&format!("\nPid: {worker}\n")), "{info}");
    }
    for prefix in ["@2", "@!999999999"] {
        let expect = format!("Can't find the target PID matching the prefix '{prefix}'");
        assert_eq!(admin.ask(&format!("{prefix} show info")).trim_end(), expect);
    }
    assert!(admin.ask("show info").starts_with("Unknown command"));
    assert_eq!(admin.ask("show cli level"), "admin\n\n");
    assert_eq!(admin.ask("show cli level; @1 get weight px/s1"), "admin\n\n1 (initial 1)\n\n");
    let mut stream = admin.connect();
    for line in ["prompt\n", "@1\n", "show cli level\n", "@master show cli level\n", "quit\n"] {
        stream.write_all(line.as_bytes()).expect("the subject listens");
    }
    let said = admin::read_to_end(&mut stream).expect("it ends");
    assert!(said.contains("master> ") && said.contains(&format!("admin\n\n{worker}> admin\n\n{worker}> ")), "{said}");
}

/// As HAProxy 3.4 answers; 2.6 says nothing.
#[test]
fn a_reload_on_the_masters_socket_says_how_it_went() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let path = format!("{},level,admin,mode,600", admin.path().display());
    let setup = Setup::relay(Subject::Tidegate, "", &origin).argument("-Ws").argument("-S").argument(&path);
    let proxy = setup.start();
    wait::until("the socket", wait::SOON, || admin.path().exists());
    assert_eq!(fs::metadata(admin.path()).expect("a socket").permissions().mode() & 0o777, 0o600);
    assert_eq!(admin.ask("reload"), "Success=1\n--\n\n");
    proxy.overwrite("globl\n");
    let answer = admin.ask("reload");
    assert!(answer.starts_with("Success=0\n--\n[ALERT]") && answer.contains("unknown keyword 'globl'"), "{answer}");
    assert!(answer.contains("Configuration not reloaded: it has errors."), "{answer}");
    assert!(admin.ask("show startup-logs").contains("unknown keyword 'globl'"));
    let processes = admin.ask("show proc");
    assert!(processes.contains(" master          2 [failed: 1]   0d00h00m"), "{processes}");
    assert_eq!(admin.ask("user; reload"), "\nPermission denied\n\n");
    assert_eq!(proxy.connect("px").line(), "s1");
}

#[test]
fn a_masters_socket_that_cannot_be() {
    let origin = Origin::named("s1");
    let run = |option| Setup::relay(Subject::Tidegate, "", &origin).argument("-S").argument(option).run_to_failure();
    let said = run("/tmp/x.sock,level,king");
    assert!(said.contains("parsing [-S:2] : 'stats socket' : ''level' only supports"), "{said}");
    let said = run("/nonexistent/x.sock");
    assert!(said.contains("cannot bind UNIX socket (No such file or directory)"), "{said}");
}

/// `-N`: whoever comes on top waits in the kernel's queue.
fn the_command_line_limits_frontends(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let global = format!("stats socket {} level admin", admin.path().display());
    let proxy = Setup::relay(subject, &global, &origin).argument("-N").argument("1").start();
    let mut first = proxy.connect("px");
    assert_eq!(first.line(), "s1");
    let mut second = proxy.connect("px");
    assert_eq!(admin.wait_for("px", "FRONTEND", "scur", "1")["slim"], "1");
    first.finish();
    first.to_end();
    assert_eq!(second.line(), "s1");
}

fn the_file_says_what_the_machine_is_called(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let global =
        format!("stats socket {} level admin\n node lb-1.a_b\n description mail in front", admin.path().display());
    let _proxy = Setup::relay(subject, &global, &origin).start();
    wait::until("the admin socket", wait::SOON, || admin.path().exists());
    let info = admin.ask("show info");
    assert!(info.contains("\nnode: lb-1.a_b\ndescription: mail in front\n"), "{info}");
    let typed = admin.ask("show info typed");
    let described = |line: &str| line.contains(".description.1:COS") && line.ends_with(":str:mail in front");
    assert!(typed.lines().any(described), "{typed}");
}

/// `fd@${name}` and `"${name-default}"`: a socket that listens already, and an address that may be told from outside.
fn an_address_from_the_environment(subject: Subject) {
    const FILE: &str = "
        global
            nbthread @threads@
        defaults
            mode tcp
            timeout connect 2s
            timeout client 30s
            timeout server 30s
        listen px
            bind \"${PX-127.0.0.1:1}\"
            server s1 \"${S1-@s1@}\"";
    let (origin, px) = (Origin::named("s1"), Reservation::loopback());
    let proxy = Setup::new(subject, FILE).with("s1", origin.target()).environment("PX", &px.address().to_string());
    let proxy = proxy.start();
    wait::until("the listener", wait::SOON, || {
        Client::try_to(px.address()).is_ok_and(|mut client| client.line() == "s1")
    });
    drop(proxy);
}
