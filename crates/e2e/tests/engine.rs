//! `tidegate.io-engine`: what serves on which engine, and what happens where the kernel refuses io_uring.
//!
//! A refusal is what container engines do: a seccomp filter. One that ends the process instead of the call shows that an engine
//! does not even try.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::ports::{self, Reservation};
use e2e::run::{Machine, turn};
use e2e::{Client, End, Load, Origin, Proxy, Setup, Subject, needs, process, wait};
use nix::libc;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;

fn configuration(engine: &str, listen: &str) -> String {
    format!(
        "global
            nbthread @threads@
            tidegate.io-engine {engine}
        defaults
            mode tcp
            timeout connect 5s
            timeout client 60s
            timeout server 60s
        listen px
            bind @px@
            {listen}"
    )
}

fn start(engine: &str, origin: &Origin) -> Proxy {
    let text = configuration(engine, "server s1 @s1@");
    Setup::new(Subject::Tidegate, &text).with("s1", origin.target()).start()
}

/// Rings that the threads of `pid` hold; each thread may have a descriptor table of its own.
fn ring_count(pid: Pid) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a live process");
    let descriptors = tasks.filter_map(|task| fs::read_dir(task.ok()?.path().join("fd")).ok()).flatten();
    let links = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    links.filter(|link| link.as_os_str() == "anon_inode:[io_uring]").count()
}

fn warnings(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.starts_with("[WARNING]")).collect()
}

#[test]
fn rings_where_they_are_wanted_and_nowhere_else() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    for (engine, has_rings) in [("io_uring", true), ("auto", true), ("epoll", false)] {
        let proxy = start(engine, &origin);
        assert_eq!(proxy.connect("px").ask("hello"), "hello");
        assert_eq!(ring_count(proxy.pid()) > 0, has_rings, "{engine}");
        assert_eq!(warnings(&proxy.stderr()), Vec::<&str>::new(), "{engine}");
    }
}

#[test]
fn an_unknown_engine_is_refused_with_the_known_ones() {
    let _turn = turn(Machine::Shared);
    let text = configuration("uring", "server s1 127.0.0.1:1");
    let said = Setup::new(Subject::Tidegate, &text).run_to_failure();
    let expected = "config : parsing [proxy.cfg:3] : 'tidegate.io-engine' only supports 'auto', 'io_uring' and 'epoll' \
                    (got 'uring')";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn epoll_carries_a_half_close() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::serve(|mut client| {
        client.read_to_end();
        client.write_all(b"that was all")?;
        client.finish()
    });
    let proxy = start("epoll", &origin);
    let bytes = vec![b'x'; 1 << 20];
    for index in 0..10 {
        let mut client = proxy.connect("px");
        client.say(&bytes);
        client.finish();
        assert_eq!(client.to_end(), (b"that was all".to_vec(), End::Fin));
        assert_eq!(origin.seen()[index].count, 1 << 20);
    }
    assert_eq!(ring_count(proxy.pid()), 0);
}

#[test]
fn epoll_reloads_under_load() {
    let _turn = turn(Machine::Alone);
    let (echo, others) = (Origin::echo(), ["even", "odd"].map(Origin::named));
    let text = |mark: &str| {
        configuration("epoll", "server s1 @s1@") + &format!("\nlisten mark\n bind @mark@\n server s @{mark}@")
    };
    let setup = Setup::new(Subject::Tidegate, &text("even"))
        .with("s1", echo.target())
        .with("even", others[0].target())
        .with("odd", others[1].target());
    let mut proxy = setup.start();
    let load = Load::during(proxy.address("px"), 20, || {
        for mark in ["odd", "even"].into_iter().cycle().take(10) {
            proxy.rewrite(&text(mark));
            proxy.reload();
            wait::until("the reload to be taken", wait::SOON, || proxy.connect("mark").line() == mark);
        }
    });
    load.assert_nothing_lost();
    assert_eq!(ring_count(proxy.pid()), 0);
    assert_eq!(warnings(&proxy.stderr()), Vec::<&str>::new());
}

#[test]
fn epoll_checks_servers() {
    let _turn = turn(Machine::Shared);
    let mut flapping = Origin::named("s1");
    let (steady, address) = (Origin::named("s2"), flapping.address());
    let text = configuration(
        "epoll",
        "default-server check inter 50ms rise 1 fall 1\n server s1 @s1@\n server s2 @s2@ backup",
    );
    let setup = Setup::new(Subject::Tidegate, &text).with("s1", flapping.target()).with("s2", steady.target());
    let proxy = setup.start();
    assert_eq!(proxy.connect("px").line(), "s1");
    flapping.stop_listening();
    wait::until("the server to be down", wait::SOON, || proxy.stderr().contains("Server px/s1 is DOWN, "));
    assert_eq!(proxy.connect("px").line(), "s2");
    let _back = Origin::named_at("s1", address);
    wait::until("the server to be up", wait::SOON, || proxy.stderr().contains("Server px/s1 is UP, "));
    assert_eq!(proxy.connect("px").line(), "s1");
    assert_eq!(ring_count(proxy.pid()), 0);
}

#[test]
fn a_reload_keeps_the_engine() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    for (kept, other, has_rings) in [("epoll", "io_uring", false), ("io_uring", "epoll", true)] {
        let mut proxy = start(kept, &origin);
        let mut held = proxy.connect("px");
        assert_eq!(held.ask("before"), "before");
        proxy.rewrite(&configuration(other, "server s1 @s1@"));
        proxy.reload();
        wait::until("the reload", wait::SOON, || proxy.stderr().contains("Configuration reloaded: "));
        assert_eq!(held.ask("after"), "after");
        assert_eq!(proxy.connect("px").ask("new"), "new");
        assert_eq!(ring_count(proxy.pid()) > 0, has_rings, "{kept}");
        let said = proxy.stderr();
        let expected =
            format!("'tidegate.io-engine {other}' takes effect at the next start; {kept} is kept until then.");
        assert!(matches!(warnings(&said)[..], [warning] if warning.ends_with(&expected)), "{said}");
    }
}

#[test]
fn auto_falls_back_with_one_warning() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    let mut confined = Confined::spawn(Verdict::NotPermitted, "auto", &origin);
    confined.wait_listening();
    assert_eq!(confined.connect().ask("hello"), "hello");
    assert_eq!(ring_count(confined.pid()), 0);
    let said = confined.stderr();
    let [warning] = warnings(&said)[..] else { panic!("one warning: {said}") };
    // The cause with its evidence, the repair, and what is done about it.
    for part in ["io_uring refused: EPERM; a seccomp filter is active", " Fix: ", "epoll"] {
        assert!(warning.contains(part), "'{part}' in {warning}");
    }
    assert!(!said.contains("[ALERT]"), "{said}");

    // What was said at the start is not said again at a reload.
    signal::kill(confined.pid(), Signal::SIGHUP).expect("it runs");
    wait::until("the reload", wait::SOON, || confined.stderr().contains("Configuration reloaded: "));
    assert_eq!(confined.connect().ask("hello"), "hello");
    assert_eq!(warnings(&confined.stderr()).len(), 1);
}

#[test]
fn io_uring_or_no_start() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    let mut confined = Confined::spawn(Verdict::NotPermitted, "io_uring", &origin);
    let status = process::wait_exit(&mut confined.child, wait::SOON);
    let said = confined.stderr();
    assert_eq!(status.code(), Some(1), "{said}");
    let alert = said.lines().find(|line| line.starts_with("[ALERT]")).expect("an alert says why");
    for part in ["io_uring refused: EPERM; a seccomp filter is active", " Fix: "] {
        assert!(alert.contains(part), "'{part}' in {alert}");
    }
}

#[test]
fn epoll_does_not_even_try_io_uring() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    let mut confined = Confined::spawn(Verdict::Killed, "epoll", &origin);
    confined.wait_listening();
    assert_eq!(confined.connect().ask("hello"), "hello");
    // Checks are what control does with its own runtime.
    wait::until("a check to pass over it", wait::SOON, || origin.seen().len() > 3);
    assert!(confined.is_running());
    assert_eq!(warnings(&confined.stderr()), Vec::<&str>::new());
}

/// The filter of the test above ends whoever asks for a ring; otherwise it would prove nothing.
#[test]
fn the_filter_ends_who_tries() {
    let _turn = turn(Machine::Shared);
    let origin = Origin::echo();
    let mut confined = Confined::spawn(Verdict::Killed, "io_uring", &origin);
    let status = process::wait_exit(&mut confined.child, wait::SOON);
    assert_eq!(status.signal(), Some(Signal::SIGSYS as i32), "seccomp(2): SECCOMP_RET_KILL_PROCESS");
}

/// What becomes of a process that calls io_uring_setup(2).
#[derive(Clone, Copy)]
enum Verdict {
    NotPermitted,
    Killed,
}

impl Verdict {
    /// The filter's return value (seccomp(2)).
    fn action(self) -> u32 {
        match self {
            Verdict::NotPermitted => libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
            Verdict::Killed => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

/// Installs a filter and becomes the program that follows; the pid is the same. Only a process can confine itself, and perl is
/// there on every Debian and may make any system call.
///
/// The filter loads the number of the call, compares it, and returns one of two verdicts (seccomp(2)).
const CONFINE: &str = r#"
    # syscall() takes a string for an address, so what is a number must be one.
    my ($prctl, $set_no_new_privs, $set_seccomp, $filter_mode, $forbidden, $action) = map { $_ + 0 } splice(@ARGV, 0, 6);
    my ($load, $jump_if_equal, $return, $allow) = (0x20, 0x15, 0x06, 0x7fff0000);
    my $rules = pack("(SCCL)4",
        $load, 0, 0, 0,  $jump_if_equal, 0, 1, $forbidden,  $return, 0, 0, $action,  $return, 0, 0, $allow);
    my $filter = pack("S x![P] P", 4, $rules);
    syscall($prctl, $set_no_new_privs, 1, 0, 0, 0) == 0 or die "PR_SET_NO_NEW_PRIVS: $!";
    syscall($prctl, $set_seccomp, $filter_mode, $filter, 0, 0) == 0 or die "PR_SET_SECCOMP: $!";
    exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!";
"#;

/// A Tidegate under a filter.
struct Confined {
    child: Child,
    px: Reservation,
    directory: TempDir,
}

impl Confined {
    fn spawn(verdict: Verdict, engine: &str, origin: &Origin) -> Confined {
        let (directory, px) = (TempDir::new().expect("a temporary directory"), Reservation::loopback());
        let text = configuration(engine, &format!("server s1 {} check inter 50ms", origin.target()));
        let text = text.replace("@threads@", "2").replace("@px@", &px.address().to_string());
        fs::write(directory.path().join("proxy.cfg"), text + "\n").expect("room for a configuration");
        let numbers = [
            libc::SYS_prctl.to_string(),
            libc::PR_SET_NO_NEW_PRIVS.to_string(),
            libc::PR_SET_SECCOMP.to_string(),
            libc::SECCOMP_MODE_FILTER.to_string(),
            libc::SYS_io_uring_setup.to_string(),
            verdict.action().to_string(),
        ];
        let child = Command::new(needs::find("perl").expect("perl-base is essential in Debian"))
            .args(["-e", CONFINE])
            .args(numbers)
            .arg(Subject::Tidegate.binary())
            .args(["-f", "proxy.cfg"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stderr(File::create(directory.path().join("stderr")).expect("room for output"))
            .spawn()
            .expect("perl starts");
        Confined { child, px, directory }
    }

    fn pid(&self) -> Pid {
        process::pid(&self.child)
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).expect("created at start")
    }

    fn wait_listening(&mut self) {
        wait::until("it to listen", wait::SOON, || {
            assert!(self.is_running(), "it ended: {}", self.stderr());
            ports::listener_count(self.px.address()) > 0
        });
    }

    fn connect(&self) -> Client {
        Client::to(self.px.address())
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        process::end(&mut self.child, Duration::from_secs(2));
        if std::thread::panicking() {
            eprintln!("Tidegate said:\n{}", self.stderr());
        }
    }
}
