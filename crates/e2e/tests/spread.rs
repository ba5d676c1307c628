//! New connections spread evenly over the shards: each has a listener of its own on the same port, and the kernel chooses by a hash
//! of the addresses (socket(7): SO_REUSEPORT).

use std::net::IpAddr;

use e2e::process;
use e2e::run::{Machine, turn};
use e2e::{Client, Crowd, Proxy, Setup, Subject, wait};

/// Connections at once: both ends of each are descriptors of this process.
const BATCH: usize = 4_000;

/// Connections between two looks at the server, which lets fewer than 128 of them wait.
const STEP: usize = 100;

#[test]
fn over_two_shards() {
    check(2, 10_000);
}

/// By chance alone one of eight shares is now and then 10 % off at 10,000 connections, and practically never at 20,000.
#[test]
fn over_eight_shards() {
    check(8, 20_000);
}

/// Every shard gets its share of `total` connections, give or take 10 %.
fn check(shard_count: usize, total: usize) {
    let _turn = turn(Machine::Alone);
    process::raise_descriptor_limit();
    let crowd = Crowd::echo();
    let proxy = start(shard_count, &crowd);
    let before = sockets(&proxy);
    assert_eq!(before.len(), shard_count);
    let mut shares = vec![0; shard_count];
    for batch in 0..total.div_ceil(BATCH) {
        let count = BATCH.min(total - batch * BATCH);
        let clients = connect(&proxy, &crowd, count);
        let held = || -> Vec<usize> { sockets(&proxy).iter().zip(&before).map(|(now, then)| now - then).collect() };
        assert_eq!(held().iter().sum::<usize>(), 2 * count, "two sockets for each connection");
        shares.iter_mut().zip(held()).for_each(|(share, held)| *share += held / 2);
        drop(clients);
        wait::until("all of them to be gone", wait::SOON, || sockets(&proxy) == before && crowd.open_count() == 0);
    }
    println!("{shares:?}");
    let even = total / shard_count;
    assert!(shares.iter().all(|share| share.abs_diff(even) <= even / 10), "{shares:?}");
}

fn start(shard_count: usize, crowd: &Crowd) -> Proxy {
    let template = "global
            nbthread @threads@
            maxconn 10000
        defaults
            mode tcp
            timeout connect 10s
            timeout client 60s
            timeout server 60s
        listen px
            bind @px@
            server s1 @s1@";
    Setup::new(Subject::Tidegate, template).with("threads", shard_count).with("s1", crowd.target()).start()
}

/// Sockets of each shard's own descriptor table, which its thread alone has.
fn sockets(proxy: &Proxy) -> Vec<usize> {
    let files = process::open_files(proxy.pid());
    files.iter().filter(|files| files.thread.starts_with("tidegate/")).map(|files| files.count("socket")).collect()
}

/// `count` connections that stand on both sides, from many addresses.
fn connect(proxy: &Proxy, crowd: &Crowd, count: usize) -> Vec<Client> {
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        for _ in 0..STEP.min(count - clients.len()) {
            let last = u8::try_from(1 + clients.len() % 200).expect("below 256");
            clients.push(Client::from(IpAddr::from([127, 0, 0, last]), proxy.address("px")));
        }
        wait::until("the server's side", wait::SOON, || crowd.open_count() == clients.len());
    }
    clients
}
