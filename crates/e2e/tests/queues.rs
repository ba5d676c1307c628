//! Who waits for a server: limits that hold over all shards, the order of a queue, and how waiting ends.
//!
//! The reference runs the same table: the lines and the orders are HAProxy's.

use std::time::{Duration, Instant};

use e2e::client::End;
use e2e::{Admin, Client, LogServer, Origin, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        a_full_server_makes_clients_wait_in_turn,
        places_are_balanced_by_leastconn,
        a_full_server_is_passed_over_by_roundrobin,
        waiting_too_long,
        timeout_connect_limits_waiting_too,
        a_client_that_leaves_the_line,
        a_client_that_said_something_is_served,
        a_server_that_comes_up_serves_the_line,
        a_full_frontend_leaves_clients_in_the_backlog,
        a_line_may_be_full,
        a_full_line_that_only_a_rule_wanted_is_left,
        a_limit_that_grows_with_the_crowd,
    ],
    alone: [
        never_two_at_a_server_of_one_place,
    ],
}

/// A listener `px` that logs one line per session; `rest` has its servers.
fn setup(subject: Subject, logs: &LogServer, rest: &str) -> Setup {
    let defaults = "mode tcp\n option tcplog\n retries 0\n timeout queue 10s";
    Setup::logged(subject, defaults, &format!("listen px\n bind @px@\n {rest}")).with("log", logs.target())
}

/// What the log says of the sessions, from the frontend's name on, in the order of their ends.
fn lines(logs: &LogServer, count: usize) -> Vec<String> {
    let lines = logs.lines_with(" px/", count);
    lines.iter().map(|line| mask::line(line).split_once("[DATE] ").expect("a tcplog line").1.to_owned()).collect()
}

/// Connects, and waits until the proxy has accepted: one after the other, so that the order is known.
fn connect_in_turn(proxy: &e2e::Proxy, count: usize) -> Vec<Client> {
    (0..count)
        .map(|_| {
            let client = proxy.connect("px");
            // Nothing says from outside that a client stands in line; a moment is enough for the kernel and for the proxy.
            wait::throughout("the client to stand in line", Duration::from_millis(30), || true);
            client
        })
        .collect()
}

fn a_full_server_makes_clients_wait_in_turn(subject: Subject) {
    let (logs, origin, admin) = (LogServer::udp(), Origin::named("s1"), Admin::new());
    let listen = "server s1 @s1@ maxconn 1\n global\n stats socket @admin@";
    let setup = setup(subject, &logs, listen).with("s1", origin.target()).with("admin", admin.path().display());
    let proxy = setup.start();
    let (first, _) = proxy.connect("px").greeted();
    let mut waiting = connect_in_turn(&proxy, 3);
    assert!(waiting.iter().all(Client::is_silent) && origin.open_count() == 1);
    drop(first);
    while !waiting.is_empty() {
        let (next, _) = waiting.remove(0).greeted();
        assert!(waiting.iter().all(Client::is_silent), "who came first is served first");
        admin.wait_for("px", "FRONTEND", "scur", &(waiting.len() + 1).to_string());
        drop(next);
    }
    assert_eq!(
        lines(&logs, 4),
        [
            "px px/s1 T/T/T 3 -- 4/4/3/0/0 0/0",
            "px px/s1 T/T/T 3 -- 3/3/2/0/0 0/1",
            "px px/s1 T/T/T 3 -- 2/2/1/0/0 0/2",
            "px px/s1 T/T/T 3 -- 1/1/0/0/0 0/3",
        ]
    );
}

fn places_are_balanced_by_leastconn(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let rest = "balance leastconn\n server s1 @s1@ maxconn 2\n server s2 @s2@ maxconn 2";
    let proxy = setup(subject, &logs, rest).with("s1", one.target()).with("s2", two.target()).start();
    let mut served: Vec<(Client, String)> = (0..4).map(|_| proxy.connect("px").greeted()).collect();
    assert_eq!((one.open_count(), two.open_count()), (2, 2));
    let waiting = connect_in_turn(&proxy, 2);
    assert!(waiting.iter().all(Client::is_silent));
    for client in waiting {
        let (gone, freed) = served.remove(0);
        drop(gone);
        let (client, name) = client.greeted();
        assert_eq!(name, freed, "the place that was freed is the one that is given");
        served.push((client, name));
    }
}

fn a_full_server_is_passed_over_by_roundrobin(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let rest = "balance roundrobin\n server s1 @s1@ maxconn 1\n server s2 @s2@";
    let proxy = setup(subject, &logs, rest).with("s1", one.target()).with("s2", two.target()).start();
    let mut served: Vec<(Client, String)> = (0..4).map(|_| proxy.connect("px").greeted()).collect();
    let names: Vec<&str> = served.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names, ["s1", "s2", "s2", "s2"]);
    drop(served.remove(0));
    wait::until("the place to be free", wait::SOON, || one.open_count() == 0);
    let names: Vec<String> = (0..4).map(|_| proxy.connect("px").greeted().1).collect();
    assert!(names.contains(&"s1".to_owned()), "{names:?}");
}

fn waiting_too_long(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let rest = "timeout queue 300ms\n server s1 @s1@ maxconn 1";
    let proxy = setup(subject, &logs, rest).with("s1", origin.target()).start();
    let (first, _) = proxy.connect("px").greeted();
    let begun = Instant::now();
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    let took = begun.elapsed().as_millis();
    assert!((290..900).contains(&took), "timeout queue: {took} ms");
    let line = logs.line_with("px/<NOSRV>");
    let [queue, connect, total] = mask::tcp_times(&line);
    assert!((300..900).contains(&queue) && connect == -1 && queue.abs_diff(total) <= 2, "{line}");
    assert_eq!(lines(&logs, 1), ["px px/<NOSRV> T/-1/T 0 sQ 2/2/1/0/0 0/1"]);
    drop(first);
    assert_eq!(proxy.connect("px").greeted().1, "s1", "nothing is left of the one that gave up");
}

fn timeout_connect_limits_waiting_too(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let sections = "listen px\n bind @px@\n timeout connect 400ms\n server s1 @s1@ maxconn 1";
    let setup = Setup::logged(subject, "mode tcp\n option tcplog", sections).with("log", logs.target());
    let proxy = setup.with("s1", origin.target()).start();
    let _first = proxy.connect("px").greeted();
    let begun = Instant::now();
    assert_eq!(proxy.connect("px").to_end().0, b"");
    assert!((390..1000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(lines(&logs, 1), ["px px/<NOSRV> T/-1/T 0 sQ 2/2/1/0/0 0/1"]);
}

fn a_client_that_leaves_the_line(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let proxy = setup(subject, &logs, "server s1 @s1@ maxconn 1").with("s1", origin.target()).start();
    let (first, _) = proxy.connect("px").greeted();
    let [closes, finishes, resets, stays] = connect_in_turn(&proxy, 4).try_into().expect("four");
    drop(closes);
    assert_eq!(lines(&logs, 1), ["px px/<NOSRV> T/-1/T 0 CQ 5/5/4/0/0 0/1"]);
    finishes.finish();
    assert_eq!(lines(&logs, 2)[1], "px px/<NOSRV> T/-1/T 0 CQ 4/4/3/0/0 0/1");
    resets.reset();
    // The manual's word for it is CQ, whatever the client did; HAProxy 2.6 says CD of a reset.
    let code = match subject {
        Subject::Haproxy => "CD",
        Subject::Tidegate => "CQ",
    };
    assert_eq!(lines(&logs, 3)[2], format!("px px/<NOSRV> T/-1/T 0 {code} 3/3/2/0/0 0/1"));
    assert!(stays.is_silent());
    drop(first);
    assert_eq!(stays.greeted().1, "s1");
    assert_eq!(origin.seen().len(), 2, "the server never saw those who left");
}

fn a_client_that_said_something_is_served(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let proxy = setup(subject, &logs, "server s1 @s1@ maxconn 1").with("s1", origin.target()).start();
    let (first, _) = proxy.connect("px").greeted();
    let mut said = connect_in_turn(&proxy, 1).remove(0);
    said.say("deliver this\n");
    said.finish();
    wait::throughout("it stands in line", Duration::from_millis(100), || said.is_silent());
    drop(first);
    assert_eq!(said.to_end(), (b"s1\ndeliver this\n".to_vec(), End::Fin));
    assert_eq!(lines(&logs, 2)[1], "px px/s1 T/T/T 16 -- 1/1/0/0/0 0/1");
}

fn a_server_that_comes_up_serves_the_line(subject: Subject) {
    let (logs, one) = (LogServer::udp(), Origin::named("s1"));
    let late = Origin::named("s2");
    let address = late.address();
    drop(late);
    let rest = "balance roundrobin
            default-server check inter 100ms rise 1 fall 1
            server s1 @s1@ maxconn 1
            server s2 @s2@ maxconn 2";
    let proxy = setup(subject, &logs, rest).with("s1", one.target()).with("s2", address).start();
    logs.line_with("Server px/s2 is DOWN");
    let _first = proxy.connect("px").greeted();
    let waiting = connect_in_turn(&proxy, 2);
    assert!(waiting.iter().all(Client::is_silent));
    let _late = Origin::named_at("s2", address);
    for client in waiting {
        assert_eq!(client.greeted().1, "s2");
    }
}

/// The limit is the frontend's own: another one of the same process goes on, and whoever waits is neither reset nor forgotten.
fn a_full_frontend_leaves_clients_in_the_backlog(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let listen = "maxconn 3\n backlog 100\n server s1 @s1@\n listen other\n bind @other@\n server s1 @s1@";
    let proxy = setup(subject, &logs, listen).with("s1", origin.target()).start();
    let mut waiting: Vec<Client> = (0..12).map(|_| proxy.connect("px")).collect();
    while !waiting.is_empty() {
        let mut served = Vec::new();
        wait::until("as many as the limit to be served", wait::SOON, || {
            let (silent, greeted) = std::mem::take(&mut waiting).into_iter().partition(Client::is_silent);
            waiting = silent;
            served.extend::<Vec<Client>>(greeted);
            served.len() >= 3
        });
        assert_eq!(proxy.connect("other").line(), "s1", "the other frontend is not full");
        assert_eq!(served.len(), 3);
        assert!(waiting.iter().all(Client::is_silent));
        assert!(served.iter_mut().all(|client| client.line() == "s1" && client.ask("hello") == "hello"));
    }
}

fn a_line_may_be_full(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let listen = "balance source\n option redispatch\n server s1 @s1@ maxconn 1 maxqueue 2";
    let proxy = setup(subject, &logs, listen).with("s1", origin.target()).start();
    let (first, _) = proxy.connect("px").greeted();
    let waiting = connect_in_turn(&proxy, 2);
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    assert_eq!(lines(&logs, 1), ["px px/s1 -1/-1/T 0 SQ 4/4/3/1/0 0/0"]);
    drop(first);
    for client in waiting {
        drop(client.greeted());
    }
    assert_eq!(
        lines(&logs, 4)[1..],
        ["px px/s1 T/T/T 3 -- 3/3/2/0/0 0/0", "px px/s1 T/T/T 3 -- 2/2/1/0/0 1/0", "px px/s1 T/T/T 3 -- 1/1/0/0/0 2/0",]
    );
}

/// `configuration.txt: maxqueue`, with `option redispatch`; without it such a session ends.
fn a_full_line_that_only_a_rule_wanted_is_left(subject: Subject) {
    let (logs, one, two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let rest = "balance first\n use-server s1 if TRUE\n server s1 @s1@ maxconn 1 maxqueue 1\n server s2 @s2@";
    let start = |rest: &str| setup(subject, &logs, rest).with("s1", one.target()).with("s2", two.target()).start();
    let proxy = start(&format!("option redispatch\n {rest}"));
    let (_first, name) = proxy.connect("px").greeted();
    let waiting = connect_in_turn(&proxy, 1);
    assert_eq!(name, "s1");
    assert_eq!(proxy.connect("px").greeted().1, "s2");
    assert!(waiting.iter().all(Client::is_silent));
    drop(proxy);

    let proxy = start(rest);
    let (_first, _) = proxy.connect("px").greeted();
    let waiting = connect_in_turn(&proxy, 1);
    assert_eq!(proxy.connect("px").to_end(), (vec![], End::Fin));
    assert!(waiting.iter().all(Client::is_silent));
}

/// `configuration.txt: fullconn`: with fullconn 10, minconn 1 and maxconn 5 a server takes 1 at first, and 4 of 8.
fn a_limit_that_grows_with_the_crowd(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let listen = "fullconn 10\n server s1 @s1@ minconn 1 maxconn 5";
    let proxy = setup(subject, &logs, listen).with("s1", origin.target()).start();
    let mut clients = connect_in_turn(&proxy, 3);
    wait::until("the first to be served", wait::SOON, || origin.open_count() == 1);
    clients.extend(connect_in_turn(&proxy, 5));
    // HAProxy looks at the limit again when somebody leaves; here a newcomer is enough.
    drop(clients.remove(0));
    wait::until("the limit to have grown", wait::SOON, || origin.open_count() >= 3);
    wait::throughout("no more than its share", Duration::from_millis(300), || origin.open_count() <= 4);
}

/// Eight shards, one place, hundreds of clients from many threads: the server never sees two at once, and all are served.
fn never_two_at_a_server_of_one_place(subject: Subject) {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const THREADS: usize = 16;
    const EACH: usize = 40;
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let origin = Origin::serve({
        let (inside, most) = (inside.clone(), most.clone());
        move |mut client| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let served = client.write_all(b"s1\n").and_then(|()| client.hear(4));
            // Before the end that lets the proxy give the place to the next.
            inside.fetch_sub(1, Ordering::SeqCst);
            served.map(|_| ())
        }
    });
    let logs = LogServer::udp();
    let setup = setup(subject, &logs, "timeout queue 60s\n server s1 @s1@ maxconn 1").with("s1", origin.target());
    let proxy = setup.with("threads", 8).start();
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let proxy = &proxy;
            scope.spawn(move || {
                for round in 0..EACH {
                    let mut client = proxy.connect("px");
                    if (number + round) % 7 == 0 {
                        // Some do not wait, and nobody may be kept waiting by that. They leave in order, so that the server
                        // sees the end of one before the next.
                        client.finish();
                        client.to_end();
                        continue;
                    }
                    assert_eq!(client.line(), "s1");
                    client.say("QUIT");
                    assert_eq!(client.to_end().0, b"");
                }
            });
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1, "never two at once");
    assert_eq!(proxy.connect("px").greeted().1, "s1", "the place is free afterwards");
}
