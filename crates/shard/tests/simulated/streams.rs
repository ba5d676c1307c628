//! Clients and servers of `mode tcp`: each client sends its name and then anything, each server does what it likes.

use crate::farm::{Client, Scene, Trade};
use crate::mix::Mix;
use crate::tables::Draft;
use sim::{Outcome, Reading, Rng, Script, Server};
use std::time::Duration;
use table::Mode;

#[derive(Default)]
pub(crate) struct Streams;

/// Bytes that name a client, in front of what it sends.
const NAME_SIZE: usize = 8;

impl Trade for Streams {
    const MODE: Mode = Mode::Tcp;

    /// Sends its name and then something; ends its half sooner or later; or goes wrong in one of the ways of clients.
    fn client(&mut self, rng: &mut Rng, mix: Mix, number: usize, header: &[u8]) -> Script {
        let mut script = Script::new();
        if rng.chance(200) {
            script = script.reading(Reading::Slowly { bytes: 1 + rng.below(400), every: Duration::from_micros(200) });
        }
        script = introduce(script, rng, header);
        script = script.send((number as u64 | 0xab00_0000_0000_0000).to_be_bytes());
        for _ in 0..rng.below(5) {
            script = script.send(payload(rng, 3000));
            if rng.chance(300) {
                script = script.pause(Duration::from_micros(rng.below(3_000) as u64));
            }
        }
        match rng.below(if mix.has_faults() { 8 } else { 5 }) {
            0..=4 => script.finish(),
            5 => script.reset(),
            6 => script.vanish(),
            _ => script.close(),
        }
    }

    /// Echoes, greets first, ends first, or hangs up.
    fn server(&self, rng: &mut Rng, mix: Mix, _draft: &Draft) -> Script {
        let greeting = payload(rng, 2000);
        match rng.below(if mix.has_faults() { 7 } else { 4 }) {
            0 => Script::new().echo().finish(),
            1 => Script::new().send(greeting).echo().finish(),
            2 => Script::new().send(greeting).finish().await_end(),
            3 => Script::new().await_end().send(greeting).finish(),
            4 => Script::new().send(greeting).reset(),
            5 => Script::new().await_bytes(20).close(),
            _ => Script::silent(),
        }
    }

    /// Whether both sides got everything. What they got is what was sent, in order, in any case.
    fn is_whole(&self, scene: &Scene<'_>, _number: usize, client: &Client) -> bool {
        let sent = client.peer.sent();
        let sent = sent.get(client.header.len()..).unwrap_or_default();
        let Some(name) = sent.get(..NAME_SIZE) else { return false };
        let servers = scene.servers.iter().flat_map(Server::connections);
        let mut matching = servers.filter_map(|peer| {
            let received = peer.received();
            let body = received.get(server_header_size(scene, &received)?..)?.to_vec();
            body.starts_with(name).then_some((peer, body))
        });
        let Some((server, at_server)) = matching.next() else { return false };
        assert!(matching.next().is_none(), "one client reached two servers");
        let at_client = client.peer.received();
        let answered = server.sent();
        assert!(sent.starts_with(&at_server), "the server got what the client did not send");
        assert!(answered.starts_with(&at_client), "the client got what the server did not send");
        // Whoever was too slow, or found no buffer, was cut off; that is no clean end of the bytes, though it may look like one.
        let is_idle_possible = scene.ends.idle + scene.ends.exhausted > 0 || scene.mix.has_faults();
        let is_harmed = client.peer.harm().is_some() || server.harm().is_some();
        if client.peer.outcome() == Outcome::Ended && !is_idle_possible && !is_harmed {
            assert_eq!(at_client.len(), answered.len(), "the client saw a clean end without all bytes");
        }
        if server.outcome() == Outcome::Ended && !is_idle_possible && !is_harmed {
            assert_eq!(at_server.len(), sent.len(), "the server saw a clean end without all bytes");
        }
        client.peer.outcome() == Outcome::Ended && at_client.len() == answered.len() && at_server.len() == sent.len()
    }
}

/// Length of the header in front of what a server got; `None` if it has not got all of it.
fn server_header_size(scene: &Scene<'_>, received: &[u8]) -> Option<usize> {
    if scene.draft.servers[0].header.is_none() {
        return Some(0);
    }
    match proxyline::decode(received) {
        proxyline::Decoded::Complete(header) => Some(header.header_len),
        proxyline::Decoded::Incomplete => None,
        proxyline::Decoded::Invalid(why) => panic!("a server got a bad header: {why}"),
    }
}

fn payload(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.below(most)).map(|_| rng.below(256) as u8).collect()
}

/// Sends a PROXY header in two pieces.
pub(crate) fn introduce(mut script: Script, rng: &mut Rng, header: &[u8]) -> Script {
    if header.is_empty() {
        return script;
    }
    let cut = rng.below(header.len());
    script = script.send(&header[..cut]);
    if rng.chance(500) {
        script = script.pause(Duration::from_micros(rng.below(3_000) as u64));
    }
    script.send(&header[cut..])
}
