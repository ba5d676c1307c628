//! Reloads: no connection is closed, reset or refused, whatever the new file says.
//!
//! A reload is seen to be taken by what it changes: each one switches the server behind the listener `mark`.

use std::env;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use e2e::run::{Machine, turn};
use e2e::{Admin, Client, Load, Origin, Proxy, Refusing, Setup, Subject, process, wait};

e2e::scenarios! {
    shared: [
        connection_counts_continue,
        server_states_continue,
        listeners_come_and_go,
        servers_come_and_go,
    ],
    alone: [
        a_hundred_reloads_under_load,
        signals_in_a_burst,
        a_broken_file_changes_nothing,
        a_file_that_cannot_serve_changes_nothing,
    ],
}

/// The gap between two reloads at which nothing may be lost.
const GAP: Duration = Duration::from_millis(50);

/// A file in which the listener `mark` leads to the origin `mark`, and what else is in it.
fn marked(mark: &str, rest: &str) -> String {
    format!(
        "global
            nbthread @threads@
        defaults
            mode tcp
            retries 0
            timeout connect 5s
            timeout client 60s
            timeout server 60s
        listen mark
            bind @mark@
            server {mark} @{mark}@
        {rest}"
    )
}

/// A listener `px` with `servers`, of which `s1` and `s2` are there and `s3` refuses.
fn px(servers: &str) -> String {
    format!("listen px\n bind @px@\n {servers}")
}

/// A subject that reloads, and its peers.
struct Rig {
    s1: Origin,
    _others: [Origin; 3],
    _s3: Refusing,
    proxy: Proxy,
}

impl Rig {
    /// Starts with the mark `even` and `rest`.
    fn start(subject: Subject, rest: &str) -> Self {
        Self::with_first(Origin::named("s1"), subject, rest)
    }

    fn with_first(s1: Origin, subject: Subject, rest: &str) -> Self {
        let others = ["s2", "even", "odd"].map(Origin::named);
        let s3 = Refusing::new();
        let proxy = Setup::new(subject, &marked("even", rest))
            .with("s1", s1.target())
            .with("s2", others[0].target())
            .with("s3", s3.target())
            .with("even", others[1].target())
            .with("odd", others[2].target())
            .reloadable()
            .start();
        Self { s1, _others: others, _s3: s3, proxy }
    }

    /// Reloads with another mark and `rest`, and waits until new connections are served by that file.
    fn reload(&mut self, mark: &str, rest: &str) {
        self.proxy.rewrite(&marked(mark, rest));
        self.proxy.reload();
        self.wait_for(mark);
    }

    fn wait_for(&self, mark: &str) {
        wait::until(&format!("the reload to {mark}"), wait::SOON, || self.proxy.connect("mark").line() == mark);
    }

    /// A client of `px` that stays, and who greeted it.
    fn stay(&self) -> (String, Client) {
        let mut client = self.proxy.connect("px");
        (client.line(), client)
    }
}

fn a_hundred_reloads_under_load(subject: Subject) {
    // A haproxy that reloads starts a process each time: a tenth of them proves the scenario.
    let reload_count = match subject {
        Subject::Haproxy => 10,
        Subject::Tidegate => 100,
    };
    let rest = px("server s1 @s1@");
    let mut rig = Rig::with_first(Origin::echo(), subject, &rest);
    let pid = rig.proxy.pid();
    let load = Load::during(rig.proxy.address("px"), 200, || {
        for mark in ["odd", "even"].into_iter().cycle().take(reload_count) {
            let begun = Instant::now();
            rig.reload(mark, &rest);
            // Not to wait for anything: the rate of reloads is what the scenario is about.
            thread::sleep(GAP.saturating_sub(begun.elapsed()));
        }
    });
    println!("{subject:?}: {reload_count} reloads, {load}");
    load.assert_nothing_lost();
    assert!(rig.proxy.is_running());
    match subject {
        Subject::Haproxy => {}
        Subject::Tidegate => assert_eq!(process::children(pid), [], "one process before and after"),
    }
}

fn signals_in_a_burst(subject: Subject) {
    // Each signal costs haproxy a process.
    let round_count = match subject {
        Subject::Haproxy => 1,
        Subject::Tidegate => 10,
    };
    let rest = px("server s1 @s1@");
    let mut rig = Rig::with_first(Origin::echo(), subject, &rest);
    let load = Load::during(rig.proxy.address("px"), 20, || {
        for last in ["s2", "odd"].into_iter().cycle().take(round_count) {
            for mark in ["even", "even", "even", "even", last] {
                rig.proxy.rewrite(&marked(mark, &rest));
                (0..4).for_each(|_| rig.proxy.reload());
            }
            rig.wait_for(last);
        }
    });
    println!("{subject:?}: {round_count} bursts, {load}");
    match subject {
        // It ends well, but connections that arrive between two of its processes may be reset.
        Subject::Haproxy => {}
        Subject::Tidegate => load.assert_nothing_lost(),
    }
    assert!(rig.proxy.is_running());
}

/// Reloads with each of `files` under load: the subject complains each time and serves as before.
fn check_refused(subject: Subject, files: &[(&str, String)]) {
    let rest = px("server s1 @s1@");
    let mut rig = Rig::with_first(Origin::echo(), subject, &rest);
    let load = Load::during(rig.proxy.address("px"), 20, || {
        for (what, text) in files {
            let alert_count = |proxy: &Proxy| proxy.stderr().matches("[ALERT]").count();
            let before = alert_count(&rig.proxy);
            rig.proxy.overwrite(text);
            rig.proxy.reload();
            wait::until(&format!("an alert about {what}"), wait::SOON, || alert_count(&rig.proxy) > before);
            assert_eq!(rig.proxy.connect("mark").line(), "even", "{what}");
        }
        rig.reload("odd", &rest);
    });
    load.assert_nothing_lost();
    assert!(rig.proxy.is_running());
}

fn a_broken_file_changes_nothing(subject: Subject) {
    check_refused(
        subject,
        &[
            ("an unknown section", "globl\n maxconn 10\n".to_owned()),
            ("an unknown keyword", "listen px\n mode tcp\n bnd 127.0.0.1:1\n server s1 127.0.0.1:1\n".to_owned()),
            ("an unknown backend", "frontend px\n mode tcp\n bind 127.0.0.1:1\n default_backend nowhere\n".to_owned()),
        ],
    );
}

/// HAProxy takes an empty file for a valid one and stops listening, and it gives its listeners away before it knows that it cannot
/// have the new ones. There is nothing to compare with: Tidegate promises more.
fn a_file_that_cannot_serve_changes_nothing(subject: Subject) {
    match subject {
        Subject::Haproxy => {}
        Subject::Tidegate => {
            let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let listen = |address: &str| format!("listen px\n mode tcp\n bind {address}\n server s1 127.0.0.1:1\n");
            check_refused(
                subject,
                &[
                    ("an empty file", String::new()),
                    ("no listener", "defaults\n mode tcp\nbackend b\n server s1 127.0.0.1:1\n".to_owned()),
                    ("a taken address", listen(&taken.local_addr().expect("bound").to_string())),
                    // TEST-NET-1 (RFC 5737) is no address of this machine.
                    ("a foreign address", listen("192.0.2.1:8143")),
                ],
            );
        }
    }
}

fn connection_counts_continue(subject: Subject) {
    let rest = px("balance leastconn\n server s1 @s1@\n server s2 @s2@");
    let mut rig = Rig::start(subject, &rest);
    let mut clients: Vec<(String, Client)> = (0..6).map(|_| rig.stay()).collect();
    clients.retain(|(name, _)| name == "s2");
    assert_eq!(clients.len(), 3);
    wait::until("the clients of s1 to be gone", wait::SOON, || rig.s1.open_count() == 0);
    rig.reload("odd", &rest);
    let mut newcomers: Vec<(String, Client)> = (0..2).map(|_| rig.stay()).collect();
    newcomers.sort_by(|(one, _), (other, _)| one.cmp(other));
    let names: Vec<&str> = newcomers.iter().map(|(name, _)| name.as_str()).collect();
    let expect = match subject {
        // The new process knows nothing of the connections that the old one has.
        Subject::Haproxy => ["s1", "s2"],
        Subject::Tidegate => ["s1", "s1"],
    };
    assert_eq!(names, expect);
    assert!(clients.iter_mut().chain(&mut newcomers).all(|(_, client)| client.ask("still here") == "still here"));
}

fn server_states_continue(subject: Subject) {
    let rest = px("balance roundrobin\n server s3 @s3@ check inter 20s\n server s2 @s2@ check inter 20s");
    let mut rig = Rig::start(subject, &rest);
    wait::until("the dead server to be found out", wait::SOON, || rig.proxy.stderr().contains("Server px/s3 is DOWN"));
    assert!((0..4).all(|_| rig.stay().0 == "s2"));
    rig.reload("odd", &rest);
    match subject {
        // Every server is UP again until its first check.
        Subject::Haproxy => {}
        Subject::Tidegate => {
            for _ in 0..8 {
                assert_eq!(rig.stay().0, "s2", "what was DOWN before is DOWN after");
            }
        }
    }
}

fn listeners_come_and_go(subject: Subject) {
    let (without, with) = (px("server s1 @s1@"), px("server s1 @s1@\n listen extra\n bind @extra@\n server s2 @s2@"));
    let mut rig = Rig::start(subject, &without);
    let (_, mut held) = rig.stay();
    rig.reload("odd", &with);
    rig.proxy.wait_listening();
    let mut extra = rig.proxy.connect("extra");
    assert_eq!(extra.line(), "s2");
    rig.reload("even", &without);
    wait::until("the removed listener to refuse", wait::SOON, || Client::try_to(rig.proxy.address("extra")).is_err());
    assert_eq!(extra.ask("still here"), "still here", "its session lives on");
    assert_eq!(held.ask("still here"), "still here");
    assert_eq!(rig.stay().0, "s1");
    rig.reload("odd", &with);
    wait::until("the listener to be back", wait::SOON, || Client::try_to(rig.proxy.address("extra")).is_ok());
}

fn servers_come_and_go(subject: Subject) {
    let mut rig = Rig::start(subject, &px("server s1 @s1@"));
    let (name, mut held) = rig.stay();
    assert_eq!(name, "s1");
    rig.reload("odd", &px("server s2 @s2@"));
    assert!((0..4).all(|_| rig.stay().0 == "s2"), "new connections go by the new file");
    assert_eq!(held.ask("still here"), "still here", "old ones keep the server that they have");
    rig.reload("even", &px("balance roundrobin\n server s1 @s1@\n server s2 @s2@"));
    let mut names: Vec<String> = (0..4).map(|_| rig.stay().0).collect();
    names.sort();
    assert_eq!(names, ["s1", "s1", "s2", "s2"]);
    assert_eq!(held.ask("still here"), "still here");
}

/// How often the file changes in `many_unlike_reloads`, unless `TIDEGATE_RELOADS` says otherwise: `just soak-reload` does.
const UNLIKE_RELOADS: usize = 100;

/// What may be held more after many reloads than after few, in KiB: less than a table for each of them.
const GROWTH_MOST: u64 = 8 * 1024;

/// A farm whose threads, limits, addresses, sections, servers and their order are others in each round.
fn unlike(round: usize) -> String {
    let threads = [8, 8, 4, 16][round % 4];
    let second = if round.is_multiple_of(3) { "bind @second@" } else { "" };
    let mut servers: Vec<String> = (1..=3)
        .filter(|number| *number == 1 || (round >> number) & 1 == 0)
        .map(|number| format!("server s{number} @s{number}@ maxconn {}", 200 + round % 5))
        .collect();
    if round % 2 == 1 {
        servers.reverse();
    }
    let extra = match round % 5 {
        0 => format!("backend other{round}\n server s1 @s1@"),
        1 | 2 => format!("listen extra{}\n bind @extra@\n server s1 @s1@", round % 2),
        _ => String::new(),
    };
    farm(threads, 1000 + round % 7, 300 + 200 * (round / 2 % 2), second, &servers.join("\n "), &extra)
}

fn farm(threads: usize, most: usize, front_most: usize, binds: &str, servers: &str, rest: &str) -> String {
    format!(
        "global
            nbthread {threads}
            maxconn {most}
            stats socket @socket@ level admin
        defaults
            mode tcp
            balance leastconn
            timeout connect 5s
            timeout client 60s
            timeout server 60s
        frontend px
            maxconn {front_most}
            bind @px@
            {binds}
            default_backend be
        backend be
            {servers}
        {rest}"
    )
}

/// Eight shards under load while everything in the file changes: nobody is dropped, and afterwards counts and limits are exact.
#[test]
fn many_unlike_reloads() {
    if !Subject::Tidegate.is_there("many_unlike_reloads") {
        return;
    }
    let _turn = turn(Machine::Alone);
    let count = env::var("TIDEGATE_RELOADS").map_or(UNLIKE_RELOADS, |count| count.parse().expect("a number"));
    let (admin, origins) = (Admin::new(), [Origin::echo(), Origin::echo(), Origin::echo()]);
    let mut setup = Setup::new(Subject::Tidegate, &unlike(0)).with("socket", admin.path().display());
    for (origin, name) in origins.iter().zip(["s1", "s2", "s3"]) {
        setup = setup.with(name, origin.target());
    }
    let mut proxy = setup.start();
    let mut generation = 1;
    let mut reload = |proxy: &mut Proxy, file: &str| {
        proxy.rewrite(file);
        proxy.reload();
        generation += 1;
        let expect = format!("\nGeneration: {generation}\n");
        wait::until("the next generation", wait::SOON, || admin.ask("show info").contains(&expect));
    };
    let mut run = |proxy: &mut Proxy, rounds: std::ops::Range<usize>| {
        reload(proxy, &unlike(0));
        let load = Load::during(proxy.address("px"), 100, || rounds.for_each(|round| reload(proxy, &unlike(round))));
        println!("{load}");
        load.assert_nothing_lost();
        let servers = "server s1 @s1@ maxconn 3\n server s2 @s2@ maxconn 3";
        reload(proxy, &farm(8, 1000, 8, "", servers, ""));
        admin.wait_for("px", "FRONTEND", "scur", "0");
    };
    run(&mut proxy, 1..20);
    let held = |proxy: &Proxy| (proxy.resident_kib(), process::descriptor_count(proxy.pid()));
    let few = held(&proxy);
    run(&mut proxy, 20..count.max(21));
    let many = held(&proxy);
    println!("after few reloads {few:?}, after many {many:?} (KiB, descriptors)");
    assert!(many.0 <= few.0 + GROWTH_MOST && many.1 <= few.1, "{few:?}, {many:?}");
    let current = |proxy: &str, name: &str| admin.row(proxy, name)["scur"].clone();
    let mut served: Vec<Client> = (0..6).map(|_| proxy.connect("px")).collect();
    served.iter_mut().for_each(|client| assert_eq!(client.ask("me"), "me"));
    assert_eq!([current("be", "s1"), current("be", "s2")], ["3", "3"], "leastconn knows who is there");
    let mut others: Vec<Client> = (0..4).map(|_| proxy.connect("px")).collect();
    admin.wait_for("be", "BACKEND", "qcur", "2");
    assert_eq!([current("px", "FRONTEND"), current("be", "s1"), current("be", "s2")], ["8", "3", "3"]);
    served.truncate(2);
    others.iter_mut().for_each(|client| assert_eq!(client.ask("my turn"), "my turn"));
    drop((served, others));
    for name in ["s1", "s2", "BACKEND"] {
        admin.wait_for("be", name, "scur", "0");
    }
    assert!(proxy.is_running());
}
