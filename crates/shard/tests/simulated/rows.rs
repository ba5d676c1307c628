//! The table of HTTP exchanges on a simulated shard: each row whole, cut in two at every place, and byte by byte.

use crate::tables::{BACK_PORT, Draft, FRONT_PORT, addr};
use arc_swap::ArcSwap;
use driver::{Driver, Wake};
use exchanges::{ANSWER, Exchange, Outcome, Stream};
use shard::{ControlPort, Mail, Mailbox, Notice, Parts, Shard, Shelves};
use sim::{Behaviour, Options, Peer, Script, Server, Sim, World};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use table::{Global, ShardIndex, StateBook, Table};

/// As `tune.bufsize` is by default: rows run into its limits.
const BUFFER_SIZE: usize = 16_384;
/// Longer than a connection rests.
const REST: Duration = Duration::from_secs(6);
/// Longer than anything in a calm world takes that waits for nothing.
const MOMENT: Duration = Duration::from_millis(1);
/// A row that goes round in circles is found out.
const TURNS_MOST: usize = 100_000;

/// What came out of a row.
#[derive(Debug)]
struct Run {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// How the client's connection was left.
    client: sim::Outcome,
}

/// One shard with one frontend and one server, in a world that the test plays by hand.
struct Stage {
    shard: Shard<Sim>,
    world: World,
    server: Server,
}

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

#[test]
fn a_row_is_relayed_as_it_should() {
    let mut stage = Stage::new();
    let wrong: Vec<String> = exchanges::all()
        .iter()
        .filter_map(|exchange| {
            let run = stage.play(exchange, &|_| Vec::new());
            verdict(exchange, &run).err().map(|wrong| format!("{}: {wrong}", exchange.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_cut_anywhere_changes_nothing() {
    let mut stage = Stage::new();
    for exchange in exchanges::all() {
        let whole = stage.play(&exchange, &|_| Vec::new());
        let sizes = exchange.responses.iter().map(|stream| stream.bytes.len()).chain([exchange.request.bytes.len()]);
        // Rows that run into a limit are long: some cuts of each say as much as all.
        let longest = sizes.max().unwrap_or_default();
        for cut in (1..longest).step_by(1 + longest / 150) {
            let run = stage.play(&exchange, &|size| if cut < size { vec![cut] } else { Vec::new() });
            check_same(&exchange, &run, &whole, &format!("cut at {cut}"));
        }
    }
}

#[test]
fn byte_by_byte_changes_nothing() {
    let mut stage = Stage::new();
    for exchange in exchanges::all() {
        // As many receives as there are bytes: those of the longest rows are of one kind.
        if exchange.request.bytes.len() > 4_000 {
            continue;
        }
        let whole = stage.play(&exchange, &|_| Vec::new());
        let run = stage.play(&exchange, &|size| (1..size).collect());
        check_same(&exchange, &run, &whole, "byte by byte");
    }
}

/// Whether a row went as the table says.
fn verdict(exchange: &Exchange, run: &Run) -> Result<(), String> {
    if !is_forwarded(exchange, &run.to_server) {
        return Err(format!("sent on {}", run.to_server.escape_ascii()));
    }
    let is_answered = match (&exchange.replied, exchange.outcome) {
        (_, Outcome::Refused(status)) => last_status(&run.to_client) == Some(status),
        // A content that breaks in one piece with its head: nothing of it was sent, so the client can still be told.
        (_, Outcome::Cut) if last_status(&run.to_client) == Some(502) => true,
        (replied, Outcome::Over { .. } | Outcome::Waits | Outcome::Tunnel | Outcome::Cut) => {
            replied.as_ref().is_none_or(|replied| *replied == run.to_client)
        }
    };
    if !is_answered {
        return Err(format!("answered {}", run.to_client.escape_ascii()));
    }
    let is_left = run.is_left();
    let is_as_told = match exchange.outcome {
        // The client ends its half itself where its stream ends, and is then left.
        Outcome::Over { front_is_kept, .. } => is_left != front_is_kept || exchange.request.ends,
        Outcome::Cut => is_left || last_status(&run.to_client) == Some(502),
        Outcome::Refused(_) => true,
        Outcome::Waits | Outcome::Tunnel => {
            !is_left || exchange.request.ends || exchange.responses.iter().any(|it| it.ends)
        }
    };
    if is_as_told { Ok(()) } else { Err(format!("left the client: {:?}", run.client)) }
}

/// How much of a message that is broken inside is sent on before that is found depends on where its bytes were cut.
fn is_forwarded(exchange: &Exchange, to_server: &[u8]) -> bool {
    let is_refused = matches!(exchange.outcome, Outcome::Refused(_));
    to_server == exchange.forwarded || is_refused && exchange.forwarded.starts_with(to_server)
}

/// **Invariant:** how bytes were cut is seen by nobody.
fn check_same(exchange: &Exchange, run: &Run, whole: &Run, how: &str) {
    let name = exchange.name;
    let is_more = matches!(exchange.outcome, Outcome::Refused(_)) && run.to_server.starts_with(&exchange.forwarded);
    let is_right = is_more || is_forwarded(exchange, &run.to_server);
    assert!(is_right, "{name}, {how}: sent on {}", run.to_server.escape_ascii());
    let is_same = match exchange.outcome {
        Outcome::Refused(status) => last_status(&run.to_client) == Some(status),
        Outcome::Cut => {
            let is_told = |run: &Run| last_status(&run.to_client) == Some(502);
            let is_beginning = |a: &Run, b: &Run| a.to_client.starts_with(&b.to_client);
            is_told(run) || is_told(whole) || is_beginning(run, whole) || is_beginning(whole, run)
        }
        Outcome::Over { .. } | Outcome::Waits | Outcome::Tunnel => {
            run.to_client == whole.to_client && run.is_left() == whole.is_left()
        }
    };
    assert!(is_same, "{name}, {how}:\n{}\n{}", run.to_client.escape_ascii(), whole.to_client.escape_ascii());
}

fn last_status(bytes: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.rsplit_once("HTTP/1.")?;
    rest.get(2..5)?.parse().ok()
}

impl Run {
    /// A client that goes on talking sees a reset.
    fn is_left(&self) -> bool {
        matches!(self.client, sim::Outcome::Ended | sim::Outcome::Reset)
    }
}

impl Stage {
    fn new() -> Stage {
        let sim = Sim::new(1, Options { buffer_count: 64, buffer_size: BUFFER_SIZE, ..Options::calm() });
        let world = sim.world();
        let mut book = StateBook::new(1);
        let empty = Table::new(0, Global::default(), Vec::new(), Vec::new(), Vec::new(), book.process());
        let published = Arc::new(ArcSwap::from_pointee(empty));
        let mailbox = Arc::new(Mailbox::new(sim.waker()));
        let port = Arc::new(ControlPort::new(4096, Arc::new(Nobody)));
        let mut shard = Shard::new(Parts {
            driver: sim,
            index: ShardIndex(0),
            published: published.clone(),
            sessions_max: 16,
            mailbox: mailbox.clone(),
            port: port.clone(),
            passage: Box::new(|_| 0),
            shelves: Arc::new(Shelves::new(1)),
            signer: None,
            seed: 1,
            heirlooms: Vec::new(),
        });
        let server = world.server(addr(BACK_PORT), Behaviour::accepting(Script::silent()));
        let table = Draft::of_rows().build(1, &mut book);
        assert!(mailbox.post(Mail::Prepare(table.clone())).is_ok());
        shard.turn().expect("the simulated world has no errors of its own");
        let Some(Notice::Prepared { result: Ok(()), .. }) = port.take_notice() else { panic!("an empty world") };
        table.take_over();
        published.store(table);
        mailbox.wake();
        let mut stage = Stage { shard, world, server };
        stage.settle();
        stage
    }

    /// The client sends its bytes cut like this; each request is answered once it is whole, or once all has come that the row lets
    /// expect.
    fn play(&mut self, exchange: &Exchange, cuts: &dyn Fn(usize) -> Vec<usize>) -> Run {
        let first = self.server.connection_count();
        let client = self.world.connect_in(addr(FRONT_PORT));
        self.settle();
        let mut play =
            Play { exchange, cuts, responses: exchange.responses.iter().cloned().collect(), read: Vec::new(), first };
        self.say(&client, &exchange.request, &mut play);
        self.serve(&mut play);
        let to_server = self.heard(first).concat();
        let run = Run { to_server, to_client: client.received(), client: client.outcome() };
        self.clear(&client, first);
        run
    }

    /// Lets happen what follows, and nothing that only waits for its time: a turn never has to wait.
    fn settle(&mut self) {
        for _ in 0..TURNS_MOST {
            self.world.pass(MOMENT);
            let was_quiet = self.world.is_quiet();
            self.world.wake_at(self.world.now());
            self.shard.turn().expect("the simulated world has no errors of its own");
            self.shard.check().expect("an invariant holds between two turns");
            if was_quiet && self.world.is_quiet() {
                return;
            }
        }
        panic!("no end: {:?}", self.shard.phases());
    }

    fn say(&mut self, peer: &Peer, stream: &Stream, play: &mut Play<'_>) {
        let mut start = 0;
        for end in (play.cuts)(stream.bytes.len()).into_iter().chain([stream.bytes.len()]) {
            if start < end {
                peer.send(&stream.bytes[start..end]);
                self.settle();
            }
            start = end;
        }
        if stream.ends {
            peer.finish();
            self.settle();
        }
    }

    /// What each connection to the server since `first` has brought.
    fn heard(&self, first: usize) -> Vec<Vec<u8>> {
        self.server.connections()[first..].iter().map(Peer::received).collect()
    }

    fn serve(&mut self, play: &mut Play<'_>) {
        while let Some((peer, answer)) = self.next_answer(play) {
            self.say(&peer, &answer, play);
        }
    }

    fn next_answer(&self, play: &mut Play<'_>) -> Option<(Peer, Stream)> {
        let heard = self.heard(play.first);
        play.read.resize(heard.len(), 0);
        let is_all = heard.iter().map(Vec::len).sum::<usize>() == play.exchange.forwarded.len();
        let peers = self.server.connections();
        for (index, bytes) in heard.iter().enumerate() {
            let unread = &bytes[play.read[index]..];
            let is_answered_early = is_all && !play.exchange.responses.is_empty();
            let size = request_size(unread).or((is_answered_early && !unread.is_empty()).then_some(unread.len()));
            let Some(size) = size else { continue };
            play.read[index] += size;
            let default = play.exchange.responses.is_empty().then(|| Stream { bytes: ANSWER.to_vec(), ends: false });
            return play.responses.pop_front().or(default).map(|answer| (peers[play.first + index].clone(), answer));
        }
        None
    }

    /// Everybody leaves, so that no row meets a connection of another.
    fn clear(&mut self, client: &Peer, first: usize) {
        client.reset();
        self.server.connections()[first..].iter().for_each(Peer::reset);
        self.settle();
        self.world.pass(REST);
        self.settle();
        assert_eq!(self.shard.sessions_count(), 0, "{:?}", self.shard.phases());
        assert_eq!((self.world.open_count(), self.world.lease_count()), (1, 0), "the listener stays, and nothing else");
    }
}

/// A row that is under way.
struct Play<'a> {
    exchange: &'a Exchange,
    cuts: &'a dyn Fn(usize) -> Vec<usize>,
    responses: VecDeque<Stream>,
    /// Bytes of each connection to the server that are answered.
    read: Vec<usize>,
    /// The first connection to the server of this row.
    first: usize,
}

/// The size of the request that these bytes begin with. Its framing is as it was forwarded: in lower case, and one of three.
fn request_size(bytes: &[u8]) -> Option<usize> {
    let head_size = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_size]).into_owned();
    let content = &bytes[head_size..];
    if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        let is_over = content.starts_with(b"0\r\n") || content.windows(5).any(|window| window == b"\r\n0\r\n");
        return (is_over && content.ends_with(b"\r\n\r\n")).then_some(bytes.len());
    }
    let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
    let length: usize = length.unwrap_or(0);
    (length <= content.len()).then_some(head_size + length)
}
