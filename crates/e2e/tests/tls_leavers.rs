//! Clients that leave in the midst of a handshake whose signature takes long, in all the ways of clients, beside others who stay.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use e2e::client::{Client, End};
use e2e::peers::pattern;
use e2e::tls::{Authority, ClientSetup, Key, SecureClient};
use e2e::{Admin, Origin, Proxy, Setup, Subject, wait};
use nix::sys::signal::Signal;
use rustls::{ClientConnection, HandshakeKind, StreamOwned};

e2e::scenarios! {
    shared: [
        whoever_leaves_holds_up_nobody,
        a_soft_stop_waits_for_handshakes,
    ],
    alone: [],
}

/// Each shakes hands anew, with a signature of its own.
const VISITS_LEAST: usize = 40;
/// For each who stays; a quarter of them leaves in each way.
const LEAVERS: usize = 12;
const THREADS: usize = 4;
const PART: usize = 10_000;
/// Signatures that keep a machine busy for longer than it takes to ask for them.
const BEGUN: u64 = 200;

const TEMPLATE: &str = "
    global
        nbthread @threads@
        stats socket @admin@ level admin
        @engine@
    defaults
        mode tcp
        timeout connect 5s
        timeout client 20s
        timeout server 20s
    listen px
        bind @px@ ssl crt @crt@
        server s1 @s1@
    listen mark
        bind @mark@
        server s1 @first@";

/// Both of Tidegate's; the other subject has one.
fn engines(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Tidegate => &["tidegate.io-engine io_uring", "tidegate.io-engine epoll"],
        Subject::Haproxy => &[""],
    }
}

/// A listener with a key by RSA in front of an echo, and one that shows which file is in force.
struct Rig {
    authority: Authority,
    admin: Admin,
    proxy: Proxy,
    _origins: [Origin; 3],
}

impl Rig {
    fn start(subject: Subject, engine: &str) -> Rig {
        let (authority, admin) = (Authority::new(), Admin::new());
        let origins = [Origin::echo(), Origin::named("first"), Origin::named("second")];
        let setup = Setup::new(subject, TEMPLATE).with("engine", engine).with("admin", admin.path().display());
        let setup = setup.with("crt", authority.host("m.pem", &["mail.test"], Key::Rsa));
        let setup = setup.with("s1", origins[0].target()).with("first", origins[1].target());
        let proxy = setup.with("second", origins[2].target()).start();
        Rig { authority, admin, proxy, _origins: origins }
    }

    /// Clients that are connected, and those of them with TLS.
    fn conns(&self) -> [u64; 2] {
        ["CurrConns", "CurrSslConns"].map(|name| self.admin.info(name))
    }

    fn client(&self) -> SecureClient {
        self.authority.trusting().connect(self.proxy.address("px"))
    }

    /// In the one process that it has; HAProxy's would be another, and count from nothing.
    fn reload(&mut self) {
        self.proxy.rewrite(&TEMPLATE.replace("@first@", "@second@"));
        self.proxy.reload();
        wait::until("the reload", wait::SOON, || self.proxy.connect("mark").line() == "second");
    }

    fn assert_ends_well(&mut self) {
        self.proxy.signal(Signal::SIGUSR1);
        self.assert_ended_well();
    }

    fn assert_ended_well(&mut self) {
        assert_eq!(self.proxy.wait_exit(wait::SOON).code(), Some(0));
        let said = self.proxy.stderr();
        assert!(!said.contains("panicked"), "{said}");
    }
}

fn whoever_leaves_holds_up_nobody(subject: Subject) {
    for engine in engines(subject) {
        let mut rig = Rig::start(subject, engine);
        let before = rig.conns();
        let mut early = rig.client();
        assert_echoes(&mut early);
        Storm::new(&rig).during(|| {
            if subject == Subject::Tidegate {
                rig.reload();
            }
            assert_echoes(&mut early);
        });
        assert_echoes(&mut early);
        assert_ends(early);
        wait::until("nothing to be left of them", wait::SOON, || rig.conns() == before);
        rig.assert_ends_well();
    }
}

/// Who has begun when the soft stop comes is served to the end; who leaves then is not waited for.
fn a_soft_stop_waits_for_handshakes(subject: Subject) {
    for engine in engines(subject) {
        let mut rig = Rig::start(subject, engine);
        let setup = rig.authority.trusting();
        let [before, _] = rig.conns();
        let begun: Vec<Client> = (0..BEGUN).map(|_| rig.proxy.connect("px")).collect();
        wait::until("all of them to be accepted", wait::SOON, || rig.conns()[0] == before + BEGUN);
        let mut begun: Vec<(Client, ClientConnection)> = begun
            .into_iter()
            .map(|mut client| {
                let (tls, hello) = setup.hello();
                client.say(hello);
                (client, tls)
            })
            .collect();
        rig.proxy.signal(Signal::SIGUSR1);
        let unanswered = begun.iter().filter(|(client, _)| !has_answer(client)).count();
        assert!(unanswered > 0, "no signature was under way any more");
        let going_on = begun.split_off(begun.len() / 4 * 3);
        begun.into_iter().for_each(|(client, _)| client.reset());
        for (client, tls) in going_on {
            let mut stream = StreamOwned::new(tls, client.stream());
            stream.write_all(b"hello").expect("both agree");
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).expect("the echo");
            assert_eq!(&heard, b"hello");
        }
        rig.assert_ended_well();
    }
}

fn has_answer(client: &Client) -> bool {
    let stream = client.stream();
    stream.set_nonblocking(true).expect("a socket");
    let is_there = stream.peek(&mut [0]).is_ok();
    stream.set_nonblocking(false).expect("a socket");
    is_there
}

fn assert_echoes(client: &mut SecureClient) {
    let bytes = pattern::part(7, PART);
    client.say(&bytes);
    assert!(client.hear(PART) == bytes, "{PART} bytes and back");
}

fn assert_ends(mut client: SecureClient) {
    client.finish();
    assert_eq!(client.to_end(), (vec![], Some(End::Fin)));
}

/// Clients that come and leave again and again, and among them some who want to be served.
struct Storm {
    server: SocketAddr,
    setup: ClientSetup,
    hello: Vec<u8>,
    stopping: AtomicBool,
    served: AtomicUsize,
}

impl Storm {
    fn new(rig: &Rig) -> Storm {
        let setup = rig.authority.trusting();
        let (_, hello) = setup.hello();
        let server = rig.proxy.address("px");
        Storm { server, setup, hello, stopping: AtomicBool::new(false), served: AtomicUsize::new(0) }
    }

    /// Does `meanwhile` in the midst of it.
    ///
    /// # Panics
    /// When somebody was not served who wanted to be.
    fn during(&self, meanwhile: impl FnOnce()) {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| self.come_again_and_again());
            }
            // However this ends, the clients have to stop, or the scope waits for them forever.
            let _stop = StopOnDrop(&self.stopping);
            self.wait_for(VISITS_LEAST / 2);
            meanwhile();
            self.wait_for(VISITS_LEAST);
        });
    }

    fn wait_for(&self, visits: usize) {
        wait::until("so many to be served", wait::SOON, || self.served.load(Ordering::Relaxed) >= visits);
    }

    fn come_again_and_again(&self) {
        while !self.stopping.load(Ordering::Relaxed) {
            (0..LEAVERS).for_each(|number| self.leave(number));
            self.visit();
            self.served.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Behind a hello or half of one, with a FIN or a RST.
    fn leave(&self, number: usize) {
        let (is_half, is_reset) = (number.is_multiple_of(2), number % 4 < 2);
        let count = if is_half { self.hello.len() / 2 } else { self.hello.len() };
        let mut client = Client::to(self.server);
        client.say(&self.hello[..count]);
        if is_reset {
            client.reset();
        } else {
            client.finish();
        }
    }

    fn visit(&self) {
        let mut client = self.setup.connect(self.server);
        assert_eq!(client.tls().handshake_kind(), Some(HandshakeKind::Full));
        assert_echoes(&mut client);
        assert_ends(client);
    }
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
