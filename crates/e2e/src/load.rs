//! Clients at work while something happens, and whether any of them noticed.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::client::Client;
use crate::peers::pattern;
use crate::wait::{self, SOON};

/// Threads that hold connections; there are as many again that connect all the time.
const THREAD_COUNT: usize = 4;

/// What a held connection sends at once and gets back.
const PART: usize = 1024;

/// What the clients of a load have done. Shown, it is one line.
#[derive(Debug, Default)]
pub struct Load {
    stopping: AtomicBool,
    ready: AtomicUsize,
    connected: AtomicUsize,
    exchanged: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Does `meanwhile` under load on `server`, which sends back what it gets: `held_count` connections that always have bytes in
    /// flight, and four clients each of which connects, asks, hears and leaves, again and again.
    pub fn during(server: SocketAddr, held_count: usize, meanwhile: impl FnOnce()) -> Self {
        let load = Self::default();
        thread::scope(|scope| {
            for _ in 0..THREAD_COUNT {
                scope.spawn(|| load.hold(server, held_count / THREAD_COUNT));
                scope.spawn(|| load.connect_again_and_again(server));
            }
            // However this ends, the clients have to stop, or the scope waits for them forever.
            let _stop = StopOnDrop(&load.stopping);
            wait::until("the load to be there", SOON, || load.ready.load(Ordering::Relaxed) == THREAD_COUNT);
            meanwhile();
        });
        load
    }

    /// # Panics
    /// When a connection was refused, cut or gave wrong bytes, and when there was no load at all.
    pub fn assert_nothing_lost(&self) {
        let failures = self.failures.lock().expect("nobody panics under the lock");
        let first = &failures[..failures.len().min(5)];
        assert!(failures.is_empty(), "{} failures in {self}, the first: {first:?}", failures.len());
        assert!(self.connected.load(Ordering::Relaxed) > 0 && self.exchanged.load(Ordering::Relaxed) > 0, "{self}");
    }

    fn hold(&self, server: SocketAddr, count: usize) {
        let mut clients: Vec<Client> =
            (0..count).filter_map(|_| self.kept(Client::try_to(server), "to hold")).collect();
        self.exchange(&mut clients, 0);
        self.ready.fetch_add(1, Ordering::Relaxed);
        (1..)
            .take_while(|_| !self.stopping.load(Ordering::Relaxed))
            .for_each(|round| self.exchange(&mut clients, round));
    }

    /// Everyone sends a part of the pattern, then everyone has to get it back: meanwhile the bytes are in flight.
    fn exchange(&self, clients: &mut Vec<Client>, round: u64) {
        let part = pattern::part(round * 1024, PART);
        clients.retain_mut(|client| self.kept(client.try_say(&part), "held, sending").is_some());
        clients.retain_mut(|client| {
            let echoed = self.kept(client.try_hear(PART), "held, receiving");
            self.exchanged.fetch_add(1, Ordering::Relaxed);
            echoed.is_some_and(|echoed| echoed == part || self.wrong())
        });
    }

    fn connect_again_and_again(&self, server: SocketAddr) {
        while !self.stopping.load(Ordering::Relaxed) {
            let answer = Client::try_to(server).and_then(|mut client| {
                client.try_say("hello\n")?;
                client.try_line()
            });
            self.connected.fetch_add(1, Ordering::Relaxed);
            if self.kept(answer, "new").is_some_and(|answer| answer != "hello") {
                self.wrong();
            }
        }
    }

    fn kept<T>(&self, result: io::Result<T>, which: &str) -> Option<T> {
        result.inspect_err(|error| self.fail(format!("{which}: {error}"))).ok()
    }

    /// Notes wrong bytes; such a connection is not used again.
    fn wrong(&self) -> bool {
        self.fail("wrong bytes".to_owned());
        false
    }

    fn fail(&self, failure: String) {
        self.failures.lock().expect("nobody panics under the lock").push(failure);
    }
}

impl fmt::Display for Load {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connected, exchanged) = (self.connected.load(Ordering::Relaxed), self.exchanged.load(Ordering::Relaxed));
        write!(out, "{connected} new connections and {exchanged} exchanges")
    }
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
