//! TLS in the kernel, where it has it (`just vm`): busy flows move there, and whatever is said on them stays what it was. Where the kernel
//! does no TLS, the same scenarios show that nothing depends on it, and what operators are told.

use std::fs::{self, File};
use std::io::{Read, Write};

use e2e::peers::pattern::{self, Checker, Pattern};
use e2e::run::{self, Machine};
use e2e::secure_origin::SecureOrigin;
use e2e::tls::{Authority, Key};
use e2e::{Admin, End, Origin, Proxy, Setup, Subject, http, wait};
use nix::fcntl::Flock;
use nix::unistd::Pid;

/// Bytes of a flow in one direction: more than buffers hold, and no whole number of records.
const TOTAL: u64 = 1024 * 1024 + 4321;

const ENGINES: [&str; 2] = ["io_uring", "epoll"];

const TEMPLATE: &str = "
    global
        nbthread 1
        tidegate.io-engine @engine@
        stats socket @admin@ level admin
    defaults
        mode @mode@
        timeout connect 10s
        timeout client 60s
        timeout server 60s
        @option@
    listen px
        bind @px@ @bind@
        server s1 @s1@ @server@";

/// What a scenario runs.
struct Scene {
    authority: Authority,
    setup: Setup,
    admin: Admin,
}

impl Scene {
    fn new(engine: &'static str) -> Scene {
        let (authority, admin) = (Authority::new(), Admin::new());
        let setup =
            Setup::new(Subject::Tidegate, TEMPLATE).with("engine", engine).with("admin", admin.path().display());
        let bind = format!("ssl crt {}", authority.host("mail.pem", &["mail.test"], Key::Ecdsa));
        let setup = setup.with("mode", "tcp").with("option", "").with("bind", bind).with("server", "");
        Scene { authority, setup, admin }
    }

    fn with(self, name: &str, value: &str) -> Scene {
        Scene { setup: self.setup.with(name, value), ..self }
    }

    /// Adds words to the `bind` line.
    fn offering(self, words: &str) -> Scene {
        let bind = format!("ssl crt {} {words}", self.authority.path("mail.pem").display());
        self.with("bind", &bind)
    }

    fn start(self, target: &str) -> Stage {
        let before = Moved::now();
        Stage { proxy: self.setup.with("s1", target).start(), authority: self.authority, admin: self.admin, before }
    }
}

struct Stage {
    proxy: Proxy,
    authority: Authority,
    admin: Admin,
    before: Moved,
}

/// Directions that the kernel has ever done (`/proc/net/tls_stat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moved {
    opened: u64,
    sealed: u64,
}

impl Moved {
    fn now() -> Moved {
        let text = fs::read_to_string("/proc/net/tls_stat").unwrap_or_default();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
        };
        Moved { opened: of("TlsRxSw"), sealed: of("TlsTxSw") }
    }
}

impl Stage {
    /// So many directions moved, where the kernel takes any, and were spliced; and the process knows whether it does.
    fn assert_moved(&self, opened: u64, sealed: u64) {
        let has_kernel_tls = has_kernel_tls();
        let info = self.admin.ask("show info");
        let said = if has_kernel_tls { "Kernel_tls: available\n" } else { "Kernel_tls: none\n" };
        assert!(info.contains(said), "{info}");
        if has_kernel_tls {
            let expected = Moved { opened: self.before.opened + opened, sealed: self.before.sealed + sealed };
            assert_eq!(Moved::now(), expected, "directions that the kernel does");
            assert_eq!(pipe_count(self.proxy.pid()) > 0, opened + sealed > 0, "what the kernel does is spliced");
        }
    }
}

/// What the kernel counts, it counts for all: where it does, nobody else moves anything meanwhile.
fn turn() -> Flock<File> {
    run::turn(if has_kernel_tls() { Machine::Alone } else { Machine::Shared })
}

fn has_kernel_tls() -> bool {
    let listed = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_ulp").unwrap_or_default();
    listed.split_whitespace().any(|layer| layer == "tls")
}

/// Ends of pipes that the threads of `pid` hold: they keep what they have spliced with.
fn pipe_count(pid: Pid) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a live process");
    let descriptors = tasks.filter_map(|task| fs::read_dir(task.ok()?.path().join("fd")).ok()).flatten();
    let links = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("pipe:")).count()
}

/// Takes all that comes, byte for byte, then sends as much, and ends.
fn exchange(client: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut checker = Checker::of(Pattern::default());
    let mut part = vec![0; 64 * 1024];
    while checker.count() < TOTAL {
        match client.read(&mut part)? {
            0 => panic!("only {} bytes came", checker.count()),
            count => checker.take(&part[..count]),
        }
    }
    pattern::pour(client, TOTAL)
}

fn exchanging() -> Origin {
    Origin::serve(|mut client| {
        exchange(&mut client)?;
        client.finish()?;
        client.read_to_end();
        Ok(())
    })
}

/// All of it goes to the server and back, and is announced to be over.
fn assert_exchanged(stage: &Stage, is_old: bool) {
    let trusting = stage.authority.trusting();
    let trusting = if is_old { trusting.old() } else { trusting };
    let mut client = trusting.connect(stage.proxy.address("px"));
    pattern::pour(&mut client.stream(), TOTAL).expect("the proxy takes the bytes");
    client.finish();
    let (bytes, end) = client.to_end();
    Checker::of(Pattern::default()).take(&bytes);
    assert_eq!((bytes.len() as u64, end), (TOTAL, Some(End::Fin)));
}

/// Every cipher, in both versions.
#[test]
fn every_byte_of_every_cipher() {
    let _turn = turn();
    let ciphers = [
        ("ciphersuites TLS_AES_128_GCM_SHA256", false),
        ("ciphersuites TLS_AES_256_GCM_SHA384", false),
        ("ciphersuites TLS_CHACHA20_POLY1305_SHA256", false),
        ("ciphers ECDHE-ECDSA-AES128-GCM-SHA256", true),
        ("ciphers ECDHE-ECDSA-AES256-GCM-SHA384", true),
        ("ciphers ECDHE-ECDSA-CHACHA20-POLY1305", true),
    ];
    for (index, (words, is_old)) in ciphers.into_iter().enumerate() {
        let origin = exchanging();
        let stage = Scene::new(ENGINES[index % 2]).offering(words).start(&origin.target());
        assert_exchanged(&stage, is_old);
        stage.assert_moved(1, 1);
    }
}

/// From cipher text to cipher text: four directions.
#[test]
fn both_sides() {
    let _turn = turn();
    for engine in ENGINES {
        let scene = Scene::new(engine);
        let origin = SecureOrigin::serve(scene.authority.server(&["back.test"], false, &[]), |client| {
            exchange(client)?;
            client.conn.send_close_notify();
            client.flush()?;
            // Whoever leaves with something unread resets the connection, and with it what is on its way.
            client.read_to_end(&mut Vec::new()).map(drop)
        });
        let stage = scene.with("server", "ssl verify none").start(&origin.target());
        assert_exchanged(&stage, false);
        stage.assert_moved(2, 2);
    }
}

/// A flow that is not busy stays, and so does one that may not move.
#[test]
fn who_stays() {
    let _turn = turn();
    let origin = exchanging();
    let stage = Scene::new("auto").with("option", "option ktls off").start(&origin.target());
    assert_exchanged(&stage, false);
    stage.assert_moved(0, 0);
    let echo = Origin::echo();
    let stage = Scene::new("auto").start(&echo.target());
    let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
    for _ in 0..20 {
        client.say("a word");
        assert_eq!(client.hear(6), b"a word");
    }
    stage.assert_moved(0, 0);
}

/// Contents of HTTP, one after the other on one connection.
#[test]
fn contents() {
    let _turn = turn();
    for engine in ENGINES {
        let origin = Origin::serve(|mut client| {
            for _ in 0..2 {
                http::head(&mut client)?;
                client.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n").as_bytes())?;
                pattern::pour(&mut client, TOTAL)?;
            }
            client.read_to_end();
            Ok(())
        });
        let stage = Scene::new(engine).with("mode", "http").start(&origin.target());
        let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
        for _ in 0..2 {
            client.say("GET / HTTP/1.1\r\nHost: mail.test\r\n\r\n");
            while !client.line().is_empty() {}
            let content = client.hear(TOTAL as usize);
            Checker::of(Pattern::default()).take(&content);
        }
        stage.assert_moved(0, 1);
    }
}

/// A client that leaves without its last word is taken at its TCP's, and the server's bytes still reach it.
#[test]
fn an_end_that_was_not_announced() {
    let _turn = turn();
    for engine in ENGINES {
        let origin = exchanging();
        let stage = Scene::new(engine).start(&origin.target());
        let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
        pattern::pour(&mut client.stream(), TOTAL).expect("the proxy takes the bytes");
        client.cut();
        let (bytes, end) = client.to_end();
        Checker::of(Pattern::default()).take(&bytes);
        assert_eq!((bytes.len() as u64, end), (TOTAL, Some(End::Fin)));
        assert_eq!(origin.end_of(0), End::Fin);
        stage.assert_moved(1, 1);
    }
}

/// What was touched on its way reaches nobody, and ends the connection.
#[test]
fn a_record_that_was_touched() {
    let _turn = turn();
    for engine in ENGINES {
        let origin = Origin::mute();
        let stage = Scene::new(engine).start(&origin.target());
        let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
        pattern::pour(&mut client.stream(), TOTAL).expect("the proxy takes the bytes");
        wait::until("the flow has moved", wait::SOON, || {
            !has_kernel_tls() || Moved::now().opened > stage.before.opened
        });
        client.say_wrong("never");
        assert_eq!(origin.end_of(0), End::Reset);
        stage.assert_moved(1, 0);
    }
}

/// The kernels that do TLS take no other keys: whoever changes his on a busy flow is let go. Here they follow.
#[test]
fn keys_that_change() {
    let _turn = turn();
    for engine in ENGINES {
        let origin = exchanging();
        let stage = Scene::new(engine).start(&origin.target());
        let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
        let (first, rest) = (TOTAL / 2, TOTAL - TOTAL / 2);
        pattern::pour(&mut client.stream(), first).expect("the proxy takes the bytes");
        client.change_keys();
        let mut last = vec![0; rest as usize];
        Pattern::default().fill(first, &mut last);
        let said = client.stream().write_all(&last);
        if has_kernel_tls() {
            assert_eq!(origin.end_of(0), End::Reset);
        } else {
            said.expect("the proxy takes the bytes");
            let (bytes, end) = client.to_end();
            assert_eq!((bytes.len() as u64, end), (TOTAL, Some(End::Fin)));
        }
        stage.assert_moved(1, 0);
    }
}

/// Who asks for it where it cannot be had is told at the start.
#[test]
fn operators_are_told() {
    let _turn = turn();
    let origin = Origin::echo();
    let stage = Scene::new("auto").offering("ktls on").start(&origin.target());
    let told = "'ktls on' : this kernel does no TLS (No such file or directory), so it is done here as ever.";
    assert_eq!(stage.proxy.stderr().contains(told), !has_kernel_tls(), "{}", stage.proxy.stderr());
    let mut client = stage.authority.trusting().connect(stage.proxy.address("px"));
    client.say("a word");
    assert_eq!(client.hear(6), b"a word");
}
