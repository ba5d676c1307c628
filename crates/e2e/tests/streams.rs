//! Bytes through the load balancer: all of them, in order, with the end that their sender meant.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use e2e::client::End;
use e2e::peers::pattern::{self, Checker};
use e2e::{Client, Origin, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        a_client_that_finishes_first,
        a_server_that_finishes_first,
        both_directions_at_once,
        single_bytes,
        a_client_reset_reaches_the_server,
        a_server_reset_reaches_the_client,
        a_server_that_dies_in_the_middle,
        a_connection_without_a_byte,
    ],
    alone: [slow_readers_cost_nobody_else, servers_that_do_not_read_cost_nobody_else],
}

const MEGABYTE: u64 = 1 << 20;

fn relay(subject: Subject, origin: &Origin) -> Proxy {
    Setup::relay(subject, "", origin).start()
}

fn pour(client: &Client, total: u64) {
    pattern::pour(&mut client.stream(), total).expect("the proxy takes the bytes");
}

/// Receives to the end and checks every byte.
fn receive_pattern(client: &mut Client, total: u64) {
    let mut checker = Checker::default();
    let end = client.to_end_with(|part| checker.take(part));
    assert_eq!((checker.count(), end), (total, End::Fin));
}

fn a_client_that_finishes_first(subject: Subject) {
    let origin = Origin::serve(|mut client| {
        client.read_to_end();
        pattern::pour(&mut client, 2 * MEGABYTE)
    });
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    pour(&client, MEGABYTE);
    client.finish();
    receive_pattern(&mut client, 2 * MEGABYTE);
    let seen = origin.seen().swap_remove(0);
    assert_eq!((seen.count, seen.end), (MEGABYTE, Some(End::Fin)));
    assert!(seen.bytes == pattern::part(0, seen.bytes.len()), "the upload is intact");
}

fn a_server_that_finishes_first(subject: Subject) {
    let origin = Origin::pouring(2 * MEGABYTE);
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    receive_pattern(&mut client, 2 * MEGABYTE);
    pour(&client, 2 * MEGABYTE);
    client.finish();
    assert_eq!(origin.end_of(0), End::Fin);
    assert_eq!(origin.seen()[0].count, 2 * MEGABYTE, "what is sent after the other end is not lost");
}

fn both_directions_at_once(subject: Subject) {
    let origin = Origin::echo();
    let proxy = relay(subject, &origin);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = proxy.connect("px");
                let sender = client.stream().try_clone().expect("a second handle");
                let sending = thread::spawn(move || {
                    pattern::pour(&mut &sender, 8 * MEGABYTE).expect("the proxy takes the bytes");
                    sender.shutdown(std::net::Shutdown::Write).expect("still open");
                });
                receive_pattern(&mut client, 8 * MEGABYTE);
                sending.join().expect("the sender does not panic");
            });
        }
    });
}

fn single_bytes(subject: Subject) {
    let origin = Origin::echo();
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    for byte in 0..=255_u8 {
        client.say([byte]);
        assert_eq!(client.hear(1), [byte]);
    }
}

fn a_client_reset_reaches_the_server(subject: Subject) {
    let origin = Origin::echo();
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    assert_eq!(client.ask("hello"), "hello");
    let cut = Instant::now();
    client.reset();
    assert_eq!(origin.end_of(0), End::Reset, "a cut is not a clean end");
    assert!(cut.elapsed() < Duration::from_secs(1), "{:?}", cut.elapsed());
}

/// HAProxy tells the client of a server's reset with a FIN, which a client cannot tell from a complete answer.
fn end_after_server_reset(subject: Subject) -> End {
    match subject {
        Subject::Haproxy => End::Fin,
        Subject::Tidegate => End::Reset,
    }
}

fn a_server_reset_reaches_the_client(subject: Subject) {
    let origin = Origin::resetting_after(5);
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    client.say("hello");
    let cut = Instant::now();
    assert_eq!(client.to_end(), (vec![], end_after_server_reset(subject)));
    assert!(cut.elapsed() < Duration::from_secs(1), "{:?}", cut.elapsed());
}

fn a_server_that_dies_in_the_middle(subject: Subject) {
    let origin = Origin::serve(|mut client| {
        // Asked first: a reset that overtakes the client's connect would be a failure to connect.
        client.hear(1)?;
        pattern::pour(&mut client, MEGABYTE)?;
        client.reset();
        Ok(())
    });
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    client.say("?");
    let begun = Instant::now();
    let mut checker = Checker::default();
    let end = client.to_end_with(|part| checker.take(part));
    assert!(checker.count() <= MEGABYTE, "a part of what was sent, every byte right");
    assert_eq!(end, end_after_server_reset(subject));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    wait::until("the server's side to be gone", wait::SOON, || origin.open_count() == 0);
}

fn a_connection_without_a_byte(subject: Subject) {
    let origin = Origin::mute();
    let proxy = relay(subject, &origin);
    let mut client = proxy.connect("px");
    client.finish();
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(origin.seen_when(0, "its end", |seen| seen.end.is_some()).bytes, b"");
}

/// Two relays: `bulk` to an origin that stalls, `quick` to an echo, with which others can be seen to be served.
fn bulk_and_quick(subject: Subject, bulk: &Origin, quick: &Origin) -> (Proxy, Client) {
    let template = "global
            nbthread @threads@
        defaults
            mode tcp
            timeout connect 2s
            timeout client 60s
            timeout server 60s
        listen bulk
            bind @bulk@
            server s1 @b1@
        listen quick
            bind @quick@
            server s1 @q1@";
    let proxy = Setup::new(subject, template).with("b1", bulk.target()).with("q1", quick.target()).start();
    let mut others = proxy.connect("quick");
    assert_eq!(others.ask("warm"), "warm");
    (proxy, others)
}

/// Watches for two seconds that `others` are served and what it costs, while `stalled_count` connections have bytes that nobody takes.
fn assert_cheap(proxy: &Proxy, others: &mut Client, stalled_count: usize, resident_before: u64) {
    let cpu_before = proxy.cpu();
    let mut slowest = Duration::ZERO;
    wait::throughout("others are served", Duration::from_secs(2), || {
        let asked = Instant::now();
        let is_served = others.ask("still quick") == "still quick";
        slowest = slowest.max(asked.elapsed());
        is_served
    });
    let cpu = proxy.cpu() - cpu_before;
    let grown = proxy.resident_kib().saturating_sub(resident_before);
    let subject = proxy.subject();
    println!(
        "{subject:?}: slowest {slowest:?}, CPU {cpu:?} in 2 s, {grown} KiB for {stalled_count} stalled connections"
    );
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    // The quick client alone asks some hundred times a second; a spin would take both seconds.
    assert!(cpu < Duration::from_secs(1), "{cpu:?} of CPU while nothing moves");
    assert!(
        grown <= 1024 * u64::try_from(stalled_count).expect("small"),
        "{grown} KiB for {stalled_count} connections"
    );
}

fn slow_readers_cost_nobody_else(subject: Subject) {
    const TOTAL: u64 = 8 * MEGABYTE;
    let (bulk, quick) = (Origin::pouring(TOTAL), Origin::echo());
    let (proxy, mut others) = bulk_and_quick(subject, &bulk, &quick);
    let resident_before = proxy.resident_kib();
    let mut stalled: Vec<Client> = (0..20).map(|_| proxy.connect("bulk")).collect();
    wait::until("all of them to be connected", wait::SOON, || bulk.open_count() == stalled.len());
    assert_cheap(&proxy, &mut others, stalled.len(), resident_before);
    stalled.iter_mut().for_each(|client| receive_pattern(client, TOTAL));
}

/// More bytes than a subject has buffers for: every one of many clients sends until nothing more is taken.
fn servers_that_do_not_read_cost_nobody_else(subject: Subject) {
    let (bulk, quick) = (Origin::stalled(), Origin::echo());
    let (proxy, mut others) = bulk_and_quick(subject, &bulk, &quick);
    let resident_before = proxy.resident_kib();
    let stalled: Vec<Client> = (0..300).map(|_| proxy.connect("bulk")).collect();
    let part = vec![0x5A; 256 * 1024];
    for client in &stalled {
        client.stream().set_nonblocking(true).expect("a live socket");
        // What does not fit is the point.
        let _ = (&mut client.stream()).write(&part);
    }
    wait::until("all of them to be connected", wait::SOON, || bulk.open_count() == stalled.len());
    assert_cheap(&proxy, &mut others, stalled.len(), resident_before);
    drop(stalled);
    assert_eq!(others.ask("still here"), "still here");
}
