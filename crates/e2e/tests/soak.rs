//! Every byte of hundreds of unlike flows, and nothing left behind: no session, no descriptor, no byte in a pipe, no memory.
//!
//! `just soak` runs the same with tens of gigabytes and the release profile. `TIDEGATE_SOAK_GB` says how many for each subject,
//! `TIDEGATE_SOAK_SEED` which flows.

use std::env;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::admin::Admin;
use e2e::process::{self, OpenFiles};
use e2e::run::{Machine, turn};
use e2e::soak::{Farm, Soak};
use e2e::{Proxy, Setup, Subject, wait};
use nix::libc;

/// Pipes of all shards together (`socket::PIPES`).
const PIPES_MAX: usize = 64;

/// Of clients and servers in the configuration. A kernel whose queue of received packets is full drops them, on loopback too. A reset
/// is not sent again, so a connection whose reset was dropped looks idle, and stands until then.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a process may grow by in a second soak that is like the first: what allocators keep.
const GROWTH_MAX_KIB: u64 = 4 * 1024;

#[test]
fn haproxy() {
    if Subject::Haproxy.is_there("haproxy") {
        soak(Subject::Haproxy, "");
    }
}

#[test]
fn tidegate_on_io_uring() {
    soak(Subject::Tidegate, "tidegate.io-engine io_uring");
}

#[test]
fn tidegate_on_epoll() {
    soak(Subject::Tidegate, "tidegate.io-engine epoll");
}

/// Half of the bytes in each of two soaks through the same process: the second finds what the first has left.
fn soak(subject: Subject, global: &str) {
    let _turn = turn(Machine::Alone);
    let wish = wish();
    let halves = [0, 1].map(|half| Soak { seed: wish.seed + half, total: wish.total / 2, ..wish });
    let farms = halves.map(Farm::start);
    let admin = Admin::new();
    let proxy = start(subject, global, &farms, &admin);
    let threads = match subject {
        Subject::Haproxy => 1,
        Subject::Tidegate => 2,
    };
    // The listeners are there before the threads that serve them, and a thread has everybody's before it keeps its own.
    let before = wait::value("threads that relay", wait::SOON, || {
        Some(at_rest(&proxy))
            .filter(|sockets| sockets.len() == threads && sockets.iter().all(|&count| count == sockets[0] && count > 0))
    });
    let mut resident_kib = Vec::new();
    for ((half, farm), name) in halves.into_iter().zip(&farms).zip(["one", "two"]) {
        let (begun, dropped_before) = (Instant::now(), process::packets_dropped());
        let report = half.run(subject, proxy.address(name), farm);
        println!("{subject:?} {global}, seed {}: {report} in {:.1?}", half.seed, begun.elapsed());
        report.assert_all_right();
        let is_at_rest = || (at_rest(&proxy) == before).then_some(());
        let dropped = process::packets_dropped();
        if wait::within(wait::SOON, is_at_rest).is_none() {
            let listing = format!("{before:?} sockets before, {:?} now:\n{}", at_rest(&proxy), admin.ask("show sess"));
            assert!(dropped > dropped_before, "no packet was lost, and yet {listing}");
            println!("{} packets were lost, {listing}", dropped - dropped_before);
            assert!(wait::within(TIMEOUT, is_at_rest).is_some(), "the timeouts are over, and yet {listing}");
        }
        resident_kib.push(proxy.resident_kib());
    }
    match subject {
        Subject::Haproxy => {}
        Subject::Tidegate => assert_nothing_left(&proxy, &resident_kib),
    }
}

/// 160 MB in flows of up to 16 MiB where nobody asks for more; then flows of up to 512 MiB.
fn wish() -> Soak {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("TIDEGATE_SOAK_SEED").unwrap_or(1);
    match number("TIDEGATE_SOAK_GB") {
        None => Soak { seed, total: 160_000_000, at_once: 64, size_max: 16 << 20 },
        Some(gigabytes) => Soak { seed, total: gigabytes * 1_000_000_000, at_once: 200, size_max: 512 << 20 },
    }
}

fn start(subject: Subject, global: &str, farms: &[Farm; 2], admin: &Admin) -> Proxy {
    let text = format!(
        "global
            nbthread @threads@
            maxconn 2000
            stats socket @socket@
            {global}
        defaults
            mode tcp
            option splice-auto
            timeout connect 5s
            timeout client 60s
            timeout server 60s
        listen one
            bind @one@
            server s @s1@
        listen two
            bind @two@
            server s @s2@"
    );
    let setup = Setup::new(subject, &text).with("s1", farms[0].target()).with("s2", farms[1].target());
    setup.with("socket", admin.path().display()).start()
}

/// Sockets of each thread that relays: as many as before when every session is gone.
fn at_rest(proxy: &Proxy) -> Vec<usize> {
    relaying(proxy).iter().map(|files| files.count("socket")).collect()
}

fn relaying(proxy: &Proxy) -> Vec<OpenFiles> {
    let name = match proxy.subject() {
        Subject::Haproxy => "haproxy",
        Subject::Tidegate => "tidegate/",
    };
    process::open_files(proxy.pid()).into_iter().filter(|files| files.thread.starts_with(name)).collect()
}

fn assert_nothing_left(proxy: &Proxy, resident_kib: &[u64]) {
    let shards = relaying(proxy);
    let pipes: Vec<&Path> = shards.iter().flat_map(|files| files.of("pipe")).collect();
    println!("{} ends of pipes, resident {resident_kib:?} KiB", pipes.len());
    assert!(!pipes.is_empty(), "flows were spliced");
    assert!(pipes.len() <= 2 * PIPES_MAX, "{} ends of pipes", pipes.len());
    pipes.into_iter().for_each(assert_empty);
    let grown = resident_kib[1].saturating_sub(resident_kib[0]);
    assert!(grown <= GROWTH_MAX_KIB, "{resident_kib:?} KiB after the first and the second soak");
    assert_eq!(proxy.stderr().lines().find(|line| line.starts_with("[ALERT]")), None);
}

/// To open the descriptor of a pipe is to open the pipe (proc(5)): what lies in it can be read.
fn assert_empty(pipe: &Path) {
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(pipe);
    let found = opened.and_then(|mut pipe| pipe.read(&mut [0; 1]));
    let is_empty = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(is_empty, "{}: {found:?} instead of nothing", pipe.display());
}
