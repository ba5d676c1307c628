//! Servers that fail, limits that are reached, crowds: what is still possible goes on, and nothing spins.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use e2e::{BlackHole, Client, Crowd, Origin, Proxy, Refusing, Setup, Subject, process, wait};

e2e::scenarios! {
    shared: [
        refused_connections_are_redispatched,
        swallowed_syns_are_redispatched,
        a_swallowing_server_alone_costs_its_attempts,
        a_flapping_server_fails_nobody,
    ],
    alone: [
        the_limit_of_connections_is_a_queue,
        out_of_descriptors,
        fifteen_hundred_at_once,
        five_thousand_idle,
    ],
}

const DEFAULTS: &str = "
    defaults
        mode tcp
        timeout connect 2s
        timeout client 60s
        timeout server 60s
";

fn setup(subject: Subject, global: &str, listen: &str) -> Setup {
    let template = format!("global\n nbthread @threads@\n {global}\n {DEFAULTS}\n listen px\n bind @px@\n {listen}");
    Setup::new(subject, &template)
}

/// A client that has an answer: it is connected to a server.
fn settled(proxy: &Proxy) -> Client {
    let mut client = proxy.connect("px");
    assert_eq!(client.ask("hello"), "hello");
    client
}

fn refused_connections_are_redispatched(subject: Subject) {
    let (refusing, origin) = (Refusing::new(), Origin::named("s2"));
    let listen = "balance roundrobin\n retries 2\n option redispatch\n server s1 @s1@\n server s2 @s2@";
    let proxy = setup(subject, "", listen).with("s1", refusing.target()).with("s2", origin.target()).start();
    let begun = Instant::now();
    assert!((0..20).all(|_| proxy.connect("px").line() == "s2"), "every client finds the server that is there");
    assert!(begun.elapsed() < Duration::from_secs(2), "to another server at once: {:?}", begun.elapsed());
}

fn swallowed_syns_are_redispatched(subject: Subject) {
    let (hole, origin) = (BlackHole::new(), Origin::named("s2"));
    let listen = "balance roundrobin\n timeout connect 300ms\n option redispatch\n server s1 @s1@\n server s2 @s2@";
    let proxy = setup(subject, "", listen).with("s1", hole.target()).with("s2", origin.target()).start();
    for _ in 0..6 {
        let begun = Instant::now();
        assert_eq!(proxy.connect("px").line(), "s2");
        assert!(begun.elapsed() < Duration::from_millis(900), "one timeout at most: {:?}", begun.elapsed());
    }
}

fn a_swallowing_server_alone_costs_its_attempts(subject: Subject) {
    let (hole, origin) = (BlackHole::new(), Origin::echo());
    let listen = "retries 2\n timeout connect 300ms\n server s1 @s1@\n listen other\n bind @other@\n server s1 @s2@";
    let proxy = setup(subject, "", listen).with("s1", hole.target()).with("s2", origin.target()).start();
    let begun = Instant::now();
    let mut waiting = proxy.connect("px");
    let mut other = proxy.connect("other");
    assert_eq!(other.ask("hello"), "hello", "nobody else waits");
    assert_eq!(waiting.to_end().0, b"");
    let took = begun.elapsed();
    assert!((900..1500).contains(&took.as_millis()), "(retries + 1) x timeout connect: {took:?}");
}

fn a_flapping_server_fails_nobody(subject: Subject) {
    let (steady, mut flapping) = (Origin::named("s1"), Origin::named("s2"));
    let address = flapping.address();
    let listen = "balance roundrobin\n retries 3\n option redispatch
        default-server check inter 50ms rise 2 fall 2
        server s1 @s1@\n server s2 @s2@";
    let proxy = setup(subject, "", listen).with("s1", steady.target()).with("s2", flapping.target()).start();
    let mut held = loop {
        let mut client = proxy.connect("px");
        if client.line() == "s1" {
            break client;
        }
    };
    for _ in 0..3 {
        // Sessions that are open go on, as those of a server that is being upgraded do.
        flapping.stop_listening();
        assert!((0..40).all(|_| proxy.connect("px").line() == "s1"));
        flapping = Origin::named_at("s2", address);
        wait::until("the server to be used again", wait::SOON, || proxy.connect("px").line() == "s2");
    }
    assert_eq!(held.ask("still here"), "still here");
}

/// Which of `clients` have got their greeting by now.
fn greeted(clients: &mut Vec<Client>) -> Vec<Client> {
    let (greeted, waiting) = std::mem::take(clients).into_iter().partition(|client| {
        client.stream().set_nonblocking(true).expect("a live socket");
        let is_greeted = (&mut client.stream()).read(&mut [0; 16]).is_ok_and(|count| count > 0);
        client.stream().set_nonblocking(false).expect("a live socket");
        is_greeted
    });
    *clients = waiting;
    greeted
}

fn the_limit_of_connections_is_a_queue(subject: Subject) {
    let origin = Origin::named("s1");
    let proxy = setup(subject, "maxconn 20", "backlog 1000\n server s1 @s1@").with("s1", origin.target()).start();
    let mut waiting: Vec<Client> = (0..60).map(|_| proxy.connect("px")).collect();
    for round in 1..=3 {
        let mut served = Vec::new();
        wait::until("as many as the limit to be served", wait::SOON, || {
            served.append(&mut greeted(&mut waiting));
            served.len() >= 20
        });
        let cpu_before = proxy.cpu();
        wait::throughout("no more than the limit", Duration::from_millis(500), || {
            served.append(&mut greeted(&mut waiting));
            served.len() == 20
        });
        let cpu = proxy.cpu() - cpu_before;
        assert!(cpu <= Duration::from_millis(50), "round {round}: {cpu:?} in 500 ms with nothing to do");
        assert!(served.iter_mut().all(|client| client.ask("hello") == "hello"));
    }
    assert!(waiting.is_empty(), "everyone was served in turn");
}

fn out_of_descriptors(subject: Subject) {
    let origin = Origin::echo();
    let proxy = setup(subject, "maxconn 1000", "server s1 @s1@").with("s1", origin.target()).start();
    let mut held: Vec<Client> = (0..4).map(|_| settled(&proxy)).collect();
    let room = 40;
    proxy.limit_descriptors(u64::try_from(process::descriptor_count(proxy.pid()) + room).expect("small"));
    // More than fit, for every shard: each session takes two.
    let crowd: Vec<Client> = (0..200).map(|_| proxy.connect("px")).collect();
    let cpu_before = proxy.cpu();
    wait::throughout("those who are connected are served", Duration::from_millis(1500), || {
        held.iter_mut().all(|client| client.ask("hello") == "hello")
    });
    let cpu = proxy.cpu() - cpu_before;
    assert!(origin.open_count() < 150, "the limit was not felt: {} reached the server", origin.open_count());
    println!("{subject:?}: CPU {cpu:?} in 1.5 s at the limit of descriptors");
    // The four who ask all the time cost something; a spin would cost everything.
    assert!(cpu < Duration::from_millis(700), "{cpu:?} of CPU");
    drop(crowd);
    let begun = Instant::now();
    wait::until("new clients to be served", wait::SOON, || {
        Client::try_to(proxy.address("px"))
            .is_ok_and(|mut client| client.try_say("x\n").is_ok() && client.try_line().is_ok())
    });
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(held.iter_mut().all(|client| client.ask("hello") == "hello"));
}

fn fifteen_hundred_at_once(subject: Subject) {
    process::raise_descriptor_limit();
    let crowd = Crowd::echo();
    let proxy = setup(subject, "maxconn 4000", "server s1 @s1@").with("s1", crowd.target()).start();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..15 {
            scope.spawn(|| {
                let mut clients: Vec<Client> = (0..100).map(|_| proxy.connect("px")).collect();
                clients.iter_mut().for_each(|client| client.say("hello\n"));
                assert!(clients.iter_mut().all(|client| client.line() == "hello"));
            });
        }
    });
    println!("{subject:?}: 1500 served in {:?}", begun.elapsed());
    wait::until("both sides to be gone", wait::SOON, || crowd.open_count() == 0);
}

fn five_thousand_idle(subject: Subject) {
    // Two descriptors per client here, two in the subject. Where the hard limit is small the crowd is smaller.
    let limit = process::raise_descriptor_limit();
    let count = usize::try_from(limit.saturating_sub(500) / 2).expect("a limit of descriptors").min(5000);
    let crowd = Crowd::echo();
    let proxy = setup(subject, "maxconn 6000", "server s1 @s1@").with("s1", crowd.target()).start();
    drop(settled(&proxy));
    let resident_before = proxy.resident_kib();
    let mut clients: Vec<Client> = (0..count).map(|_| settled(&proxy)).collect();
    // What was needed for the start only may be given back meanwhile.
    let resident = proxy.resident_kib().saturating_sub(resident_before);
    let cpu_before = proxy.cpu();
    wait::throughout("they are all there", Duration::from_secs(3), || crowd.open_count() == count);
    let cpu = proxy.cpu() - cpu_before;
    let each = resident * 1024 / u64::try_from(count).expect("usize fits");
    println!("{subject:?}: {count} idle, {each} B resident each, CPU {cpu:?} in 3 s");
    assert!(cpu < Duration::from_millis(300), "{cpu:?} of CPU for nothing");
    assert!(each < 8 * 1024, "{each} B for an idle connection");
    let threads = process::threads(proxy.pid());
    assert!(
        !threads.iter().any(|name| name.starts_with("iou-wrk")),
        "a worker thread of the kernel per wait: {threads:?}"
    );

    let asked = Instant::now();
    settled(&proxy);
    assert!(asked.elapsed() < Duration::from_millis(500), "a new client is served at once: {:?}", asked.elapsed());
    assert!(clients.iter_mut().all(|client| client.ask("alive") == "alive"));
    drop(clients);
    let left = Instant::now();
    wait::until("the servers' sides to be gone", Duration::from_secs(5), || crowd.open_count() == 0);
    println!("{subject:?}: gone after {:?}", left.elapsed());
}
