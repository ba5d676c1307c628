//! One seed's life: shards, clients, servers, an operator who reloads and pauses frontends, checks that flap.

use crate::limits::Watch;
use crate::mix::Mix;
use crate::signers::Signers;
use crate::tables::{BACK_PORT, Draft, addr};
use crate::tally::Tally;
use arc_swap::ArcSwap;
use driver::{Wake, Waker};
use session::{Cause, Progress, RecordKind, Shutdown};
use shard::{ControlPort, Ends, Errands, Mail, Mailbox, Notice, Parts, Shard, Shelves, Whose};
use sim::{Behaviour, Outcome, Peer, Reach, Rng, Script, Server, Sim, World};
use std::sync::Arc;
use std::time::Duration;
use table::{Health, Mode, ShardIndex, Standing, StateBook, Table};

/// A client, and what tells its server's side of the connection from others.
pub(crate) struct Client {
    pub(crate) peer: Peer,
    /// The PROXY header that it sends first, if its listener expects one; not passed on.
    pub(crate) header: Vec<u8>,
    world: usize,
}

/// What clients and servers say to each other, and whether each of them got what the other one said.
pub(crate) trait Trade {
    const MODE: Mode;

    /// Changes the configuration that was drawn to what it is about.
    fn settle(&mut self, _rng: &mut Rng, _draft: &mut Draft) {}

    /// A client's part, by its number. It begins with `header`.
    fn client(&mut self, rng: &mut Rng, mix: Mix, number: usize, header: &[u8]) -> Script;

    /// A server's part on one connection.
    fn server(&self, rng: &mut Rng, mix: Mix, draft: &Draft) -> Script;

    /// Whether this client and its servers got everything. Asserts what must hold in any case.
    fn is_whole(&self, scene: &Scene<'_>, number: usize, client: &Client) -> bool;
}

/// What was around a client.
pub(crate) struct Scene<'a> {
    pub(crate) mix: Mix,
    pub(crate) draft: &'a Draft,
    /// The ends of all sessions of its shard.
    pub(crate) ends: &'a Ends,
    /// The servers that its shard reaches.
    pub(crate) servers: &'a [Server],
}

pub(crate) struct Farm<T> {
    trade: T,
    rng: Rng,
    mix: Mix,
    shards: Vec<Shard<Sim>>,
    worlds: Vec<World>,
    servers: Vec<Server>,
    clients: Vec<Client>,
    published: Arc<ArcSwap<Table>>,
    mailboxes: Vec<Arc<Mailbox>>,
    port: Arc<ControlPort>,
    book: StateBook,
    draft: Draft,
    /// Turns until the operator does something.
    rest: usize,
    reloads: u64,
    retried: u64,
    queued: u64,
    /// Frontends were told how to stand, and shards have said that their listeners follow.
    orders: u64,
    followed: u64,
    /// Turns for which each shard may still be counting who was there before a reload.
    counting: Vec<u32>,
    signers: Signers,
}

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// A shard has fewer things to do with all of its sessions at once.
const SWEEPS_MOST: u32 = 5;
const TURNS_MOST: usize = 400_000;
/// Servers of each world. A configuration may use fewer.
const SERVERS: usize = 4;

impl<T: Trade + Default> Farm<T> {
    pub(crate) fn new(seed: u64, mix: Mix) -> Farm<T> {
        let mut rng = Rng::new(seed ^ 0x7469_6465);
        let shard_count = 1 + rng.below(3);
        let maxconn = if mix.is_scarce() { 1 + rng.below(6) as u32 } else { 1000 };
        let timeout =
            if mix.has_faults() || mix.is_scarce() { Duration::from_secs(2) } else { Duration::from_secs(3600) };
        let mut draft = Draft::of(&mut rng, T::MODE, maxconn, timeout);
        let mut trade = T::default();
        trade.settle(&mut rng, &mut draft);
        let book = StateBook::new(shard_count as u16);
        let empty = Table::new(0, table::Global::default(), Vec::new(), Vec::new(), Vec::new(), book.process());
        let published = Arc::new(ArcSwap::from_pointee(empty));
        let sims: Vec<Sim> =
            (0..shard_count).map(|index| Sim::new(seed * 4 + index as u64, mix.options(&mut rng))).collect();
        let wakers: Vec<Waker> = sims.iter().map(driver::Driver::waker).collect();
        let port = Arc::new(ControlPort::new(4096, Arc::new(Nobody)));
        let shelves = Arc::new(Shelves::new(shard_count as u16));
        let worlds: Vec<World> = sims.iter().map(Sim::world).collect();
        let signers = Signers::of(seed, mix, &wakers);
        let mailboxes: Vec<Arc<Mailbox>> = wakers.into_iter().map(|waker| Arc::new(Mailbox::new(waker))).collect();
        let shards = sims.into_iter().enumerate().map(|(index, driver)| {
            Shard::new(Parts {
                driver,
                index: ShardIndex(index as u16),
                published: published.clone(),
                sessions_max: if mix.is_scarce() { 1 + rng.below(12) as u32 } else { 200 },
                mailbox: mailboxes[index].clone(),
                port: port.clone(),
                passage: Box::new(|_| 0),
                shelves: shelves.clone(),
                signer: signers.of_shard(index),
                seed: seed + index as u64,
                heirlooms: Vec::new(),
            })
        });
        let shards = shards.collect();
        let mut farm = Farm {
            trade,
            rest: 1 + rng.below(60),
            rng,
            mix,
            shards,
            worlds,
            servers: Vec::new(),
            clients: Vec::new(),
            published,
            mailboxes,
            port,
            book,
            draft,
            reloads: 0,
            retried: 0,
            queued: 0,
            orders: 0,
            followed: 0,
            counting: vec![0; shard_count],
            signers,
        };
        farm.add_servers();
        farm.publish(1);
        farm.add_clients();
        farm
    }

    /// Until every session is over; then compares and counts.
    pub(crate) fn live(mut self) -> Tally {
        let mut turns = 0;
        while !self.is_over() {
            self.turn_all();
            self.operate();
            turns += 1;
            assert!(turns < TURNS_MOST, "no end: {}", self.describe());
        }
        if !self.signers.are_left() {
            self.await_errands();
        }
        self.drain();
        self.compare()
    }

    /// What was left to signers comes back, although nobody waits for it.
    fn await_errands(&mut self) {
        let mut is_over = false;
        while !is_over {
            is_over = !self.signers.work_off();
            for shard in &mut self.shards {
                shard.turn().expect("the simulated world has no errors of its own");
            }
        }
        for shard in &self.shards {
            let Errands { left, taken_back, late, passed_over } = shard.stats().errands;
            assert_eq!(left, taken_back + late + passed_over, "an errand was lost");
        }
    }

    /// What is left, for whoever looks for the reason.
    fn describe(&self) -> String {
        let shards = self.shards.iter().map(|shard| format!("{:?}, {:?}; ", shard.phases(), shard.stats()));
        let clients =
            self.clients.iter().map(|client| format!("{:?} {:?}; ", client.peer.outcome(), client.peer.departure()));
        let worlds = self.worlds.iter().map(|world| format!("at {}, quiet {}; ", world.now(), world.is_quiet()));
        worlds.chain(shards).chain(clients).collect()
    }

    /// Every client has come, and every session has gone.
    fn is_over(&self) -> bool {
        self.shards.iter().all(|shard| shard.sessions_count() == 0)
            && self.clients.iter().all(|client| {
                let is_gone = client.peer.departure().is_some();
                is_gone
                    || matches!(
                        client.peer.outcome(),
                        Outcome::Failed(_) | Outcome::Ended | Outcome::Reset | Outcome::Torn
                    )
            })
    }

    fn turn_all(&mut self) {
        let down: Vec<_> = self.down_servers().map(|state| (state.clone(), state.conns_total())).collect();
        let all = self.shards.iter_mut().zip(&self.worlds).zip(&mut self.counting);
        for (index, ((shard, world), counting)) in all.enumerate() {
            self.signers.work(index, world);
            if !shard.is_stopped() {
                let watch = Watch::begin(self.published.load_full());
                let reloads = shard.stats().reloads;
                shard.turn().expect("the simulated world has no errors of its own");
                shard.check().expect("an invariant holds between two turns");
                world.check();
                let is_new = shard.stats().reloads != reloads;
                *counting = if is_new { SWEEPS_MOST } else { counting.saturating_sub(1) };
                watch.end(*counting > 0);
            }
        }
        for (state, picked) in down {
            assert_eq!(state.conns_total(), picked, "a server that is DOWN was given a connection");
        }
        self.hear();
    }

    fn down_servers(&self) -> impl Iterator<Item = Arc<table::ServerState>> {
        let table = self.published.load_full();
        let servers: Vec<_> = table.backends.iter().flat_map(|backend| backend.servers.clone()).collect();
        servers.into_iter().map(|server| server.state.clone()).filter(|state| state.health() == Health::Down)
    }

    fn hear(&mut self) {
        while let Some(notice) = self.port.take_notice() {
            self.on_notice(&notice);
        }
        while let Some(record) = self.port.take_record() {
            if std::env::var_os("TIDEGATE_SIM_SEED").is_some() {
                println!("{:?} {:?}", record.client, record.kind);
            }
            if let RecordKind::Ended(Progress { end, retries, passed, .. }) = record.kind {
                self.retried += u64::from(retries > 0);
                self.queued += u64::from(passed != table::Passed::default());
                assert_eq!(end.cause == Cause::Complete, end.termination_code().to_string() == "--");
            }
        }
    }

    /// Now and then: a reload, a server that the checks find down or up, a server that changes its mind about connects.
    fn operate(&mut self) {
        self.rest = self.rest.saturating_sub(1);
        if self.rest > 0 {
            return;
        }
        self.rest = 5 + self.rng.below(120);
        if self.mix.has_reloads() && self.reloads < 8 {
            self.draft.change(&mut self.rng);
            self.publish(self.reloads + 2);
            self.reloads += 1;
        }
        if self.mix.has_reloads() && self.rng.chance(300) {
            self.stand();
        }
        if self.mix.has_faults() {
            self.flap();
        }
    }

    fn on_notice(&mut self, notice: &Notice) {
        if let Notice::Followed { refused, .. } = notice {
            assert_eq!(*refused, None, "nobody takes the address of a listener that rests");
            self.followed += 1;
        }
    }

    /// An operator pauses a frontend, opens it again, or stops it for good.
    fn stand(&mut self) {
        let table = self.published.load_full();
        let state = &table.frontends[self.rng.below(table.frontends.len())].state;
        let after = match (state.standing(), self.rng.below(20)) {
            (Standing::Stopped, _) => return,
            (_, 0) => Standing::Stopped,
            (Standing::Open, 1..=7) => Standing::Paused,
            (Standing::Open | Standing::Paused, _) => Standing::Open,
        };
        state.stand(after);
        for mailbox in &self.mailboxes {
            assert!(mailbox.post(Mail::Follow(self.orders)).is_ok());
            self.orders += 1;
        }
    }

    fn flap(&mut self) {
        let table = self.published.load_full();
        let backend = &table.backends[0];
        let server = &backend.servers[self.rng.below(backend.servers.len())];
        let health = match self.rng.below(10) {
            0..4 => Health::Up,
            4 => Health::Stopping,
            _ => Health::Down,
        };
        let watch = Watch::begin(table.clone());
        backend.state.set_health(server, health);
        watch.end(false);
        let (whose, why) = match health {
            Health::Up => (Whose::Backups(backend.state.clone()), Shutdown::ActiveUp),
            Health::Down => (Whose::Server(server.state.clone()), Shutdown::ServerDown),
            // Whom it has it serves on.
            Health::Stopping => return,
        };
        if self.rng.chance(300) {
            for mailbox in &self.mailboxes {
                assert!(mailbox.post(Mail::Shutdown { whose: whose.clone(), why }).is_ok());
            }
        }
        let reach = match self.rng.below(5) {
            0 => Reach::Refuses,
            1 => Reach::BlackHole,
            _ => Reach::Accepts,
        };
        let index = self.rng.below(self.servers.len());
        let world = &self.worlds[index / SERVERS];
        self.servers[index].switch(world.now(), reach);
    }

    /// Bind everywhere, then swap: as control does it.
    fn publish(&mut self, generation: u64) {
        let table = self.draft.build(generation, &mut self.book);
        for mailbox in &self.mailboxes {
            assert!(mailbox.post(Mail::Prepare(table.clone())).is_ok());
        }
        let mut prepared = 0;
        let mut failed = 0;
        while prepared < self.shards.len() {
            for shard in &mut self.shards {
                shard.turn().expect("the simulated world has no errors of its own");
            }
            while let Some(notice) = self.port.take_notice() {
                if let Notice::Prepared { result, .. } = notice {
                    prepared += 1;
                    failed += usize::from(result.is_err());
                } else {
                    self.on_notice(&notice);
                }
            }
        }
        if failed > 0 && generation > 1 {
            self.mailboxes.iter().for_each(|mailbox| assert!(mailbox.post(Mail::Forget).is_ok()));
            return;
        }
        assert_eq!(failed, 0, "the first table is bound in an empty world");
        let watch = Watch::begin(table.clone());
        table.take_over();
        watch.end(false);
        self.published.store(table);
        self.mailboxes.iter().for_each(|mailbox| mailbox.wake());
    }

    fn add_servers(&mut self) {
        for world in &self.worlds {
            for number in 0..SERVERS as u16 {
                let reach = if self.mix.has_faults() && self.rng.chance(200) { Reach::Refuses } else { Reach::Accepts };
                let scripts = (0..3).map(|_| self.trade.server(&mut self.rng, self.mix, &self.draft)).collect();
                let behaviour = Behaviour::varying(scripts).reach(reach);
                self.servers.push(world.server(addr(BACK_PORT + number), behaviour));
            }
        }
    }

    fn add_clients(&mut self) {
        let count = 1 + self.rng.below(10);
        for number in 0..count {
            let world = self.rng.below(self.worlds.len());
            let (port, expects_header) = self.draft.ports[self.rng.below(self.draft.ports.len())];
            let header = if expects_header { client_header(&mut self.rng) } else { Vec::new() };
            let script = self.trade.client(&mut self.rng, self.mix, number, &header);
            let now = self.worlds[world].now();
            let at = now + Duration::from_micros(self.rng.below(30_000) as u64);
            let peer = self.worlds[world].client(at, addr(port), script);
            self.clients.push(Client { peer, header, world });
        }
    }

    /// All listeners leave, and nothing stays behind.
    fn drain(&mut self) {
        self.mailboxes.iter().for_each(|mailbox| assert!(mailbox.post(Mail::Drain).is_ok()));
        let mut turns = 0;
        while !self.shards.iter().all(Shard::is_stopped) {
            self.shards
                .iter_mut()
                .filter(|shard| !shard.is_stopped())
                .for_each(|shard| shard.turn().expect("no errors"));
            turns += 1;
            assert!(turns < 10_000, "draining does not end");
        }
        self.hear();
        assert_eq!(self.orders, self.followed, "listeners have not followed, or too often");
        assert_eq!(self.published.load().process.limiter.admitted(), 0, "places leaked");
        let (mut accepted, mut unknown) = (0, 0);
        for (shard, world) in self.shards.iter_mut().zip(&self.worlds) {
            assert_eq!(world.open_count(), 0, "sockets leaked");
            assert_eq!(world.in_flight_count(), 0, "ops leaked");
            assert_eq!(world.lease_count(), 0, "leases leaked");
            assert_eq!(world.pipe_count(), 0, "pipes leaked");
            let stats = shard.stats();
            assert_eq!(stats.accepted, stats.closed);
            accepted += stats.accepted;
            unknown += stats.ends.bad_header + stats.ends.bad_handshake + stats.ends.rejected;
        }
        let table = self.published.load();
        let counted = table.process.tally.totals();
        assert_eq!(
            (counted.connections, counted.sessions),
            (accepted, accepted - unknown),
            "counters and shards differ"
        );
        for server in table.backends.iter().flat_map(|backend| &backend.servers) {
            assert_eq!(server.state.conns(), 0, "a server was not released");
        }
        for frontend in &table.frontends {
            assert_eq!(frontend.state.sources.count(), 0, "a source was not released");
        }
        assert_eq!(table.process.conns.current(), 0);
        assert_eq!(table.backends[0].state.conns.current(), 0);
        assert_eq!(table.backends[0].state.waiting(), 0, "somebody stands in a line for ever");
        let shards = 0..self.shards.len() as u16;
        assert!(shards.into_iter().all(|shard| table.process.inboxes.is_empty(ShardIndex(shard))), "a grant was lost");
    }

    fn compare(self) -> Tally {
        let mut tally = Tally { reloads: self.reloads, retried: self.retried, queued: self.queued, ..Tally::default() };
        for (number, client) in self.clients.iter().enumerate() {
            let scene = Scene {
                mix: self.mix,
                draft: &self.draft,
                ends: &self.shards[client.world].stats().ends,
                servers: &self.servers[client.world * SERVERS..][..SERVERS],
            };
            tally.whole += u64::from(self.trade.is_whole(&scene, number, client));
        }
        let counted = self.published.load().backends[0].state.tally.totals();
        tally.reused = counted.reuses;
        tally.failed = counted.responses_failed;
        tally.errands_ran = self.signers.ran;
        for (shard, world) in self.shards.iter().zip(&self.worlds) {
            let stats = shard.stats();
            tally.add_ends(&stats.ends);
            tally.starved += world.stats().starved;
            tally.add_errands(&stats.errands);
            tally.limit_reached += stats.limit_reached;
            tally.accept_exhausted += stats.accept_exhausted;
        }
        tally
    }
}

/// Mostly a header as another proxy would send it.
fn client_header(rng: &mut Rng) -> Vec<u8> {
    let from =
        |rng: &mut Rng| std::net::SocketAddr::from(([192, 0, 2, rng.below(256) as u8], 1 + rng.below(60_000) as u16));
    let addresses = proxyline::Addresses { source: from(rng), destination: from(rng) };
    match rng.below(8) {
        0 => b"EHLO mail.example.org\r\n".to_vec(),
        1 => proxyline::encode(proxyline::Version::V2, None).to_vec(),
        2..=4 => proxyline::encode(proxyline::Version::V1, Some(addresses)).to_vec(),
        _ => proxyline::encode(proxyline::Version::V2, Some(addresses)).to_vec(),
    }
}
