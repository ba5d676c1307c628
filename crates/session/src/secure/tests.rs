//! Transcripts of one TLS connection, from hello to close, with whatever comes of the client cut in two anywhere.

use super::{News, Secure, Step};
use crate::Outbox;
use buf::Pool;
use driver::{Done, Errno, Fd, Hope, Op, Received};
use std::sync::LazyLock;
use tls::{
    Acceptor, Bundle, Certificates, Connection, Connector, Demand, Failure, NamedBundle, Next, Offer, Refusal, Trust,
    Version, VersionRange,
};

const FD: Fd = Fd(3);
const CHUNK_SIZE: usize = 16_384;
const CHUNK_COUNT: u32 = 8;

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
    let signed = rcgen::generate_simple_self_signed(vec!["a.test".to_string()]).expect("a certificate");
    let text = [signed.cert.pem(), signed.signing_key.serialize_pem()].concat();
    Bundle::read(text.as_bytes(), None, None).expect("a certificate and its key")
});

/// A connection under test, and a client at the other end of its socket.
struct Bench {
    secure: Secure,
    client: Connection,
    out: Outbox,
    pool: Pool,
    /// It has asked its socket for bytes.
    is_hearing: bool,
    /// Most bytes of a send that leave at once.
    leaving_most: u32,
    /// On their way to the client.
    sent: Vec<u8>,
    news: Vec<Heard>,
}

/// What the flow hears.
#[derive(Debug, PartialEq)]
enum Heard {
    Opened,
    Failed(Failure),
    Bytes(Vec<u8>),
    End,
    Broken(Errno),
    Sent(u32),
    Unsent(Errno),
    /// The socket's half is to end.
    Finish,
}

impl Heard {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Heard::Bytes(bytes) => bytes,
            Heard::Opened => Vec::new(),
            Heard::Failed(_) | Heard::End | Heard::Broken(_) | Heard::Sent(_) | Heard::Unsent(_) | Heard::Finish => {
                panic!("{self:?} in the middle")
            }
        }
    }
}

impl Bench {
    fn new(version: Version) -> Bench {
        let versions = VersionRange { least: version, most: version };
        let mut certificates = Certificates::new(false);
        certificates.add(NamedBundle { bundle: BUNDLE.clone(), names: None, except: Vec::new(), is_default: true });
        let offer = Offer {
            versions,
            ciphers: None,
            suites: None,
            groups: None,
            protocols: Vec::new(),
            gives_tickets: true,
            is_client_order: false,
            clients: None,
        };
        let demand = Demand {
            versions,
            ciphers: None,
            suites: None,
            groups: None,
            protocols: Vec::new(),
            takes_tickets: true,
            resumes: false,
            identity: None,
            trust: Trust::Anybody,
        };
        let acceptor = Acceptor::new(certificates, offer).expect("an offer that can be made");
        let connector = Connector::new(demand).expect("a demand that can be made");
        let client = Connection::connect(&connector, Some("a.test"), Vec::new()).expect("a name");
        let pool = Pool::new(CHUNK_COUNT, CHUNK_SIZE).expect("address space");
        let out = Outbox::new(pool.clone());
        let (secure, sent, news) = (Secure::accept(&acceptor), Vec::new(), Vec::new());
        Bench { secure, client, out, pool, is_hearing: false, leaving_most: u32::MAX, sent, news }
    }

    /// Does what follows, until nothing does.
    fn run(&mut self) {
        loop {
            match self.secure.next(FD, &self.out) {
                Step::Rest => return,
                Step::News(News::Opened) => self.news.push(Heard::Opened),
                Step::News(News::Failed(failure)) => self.news.push(Heard::Failed(failure)),
                Step::News(News::Done(done)) => self.note(done),
                Step::Op(Op::Recv { .. }) => {
                    assert!(!self.is_hearing, "one receive is in flight at most");
                    self.is_hearing = true;
                }
                Step::Op(Op::Send { lease, start, end, .. }) => {
                    let count = self.leaving_most.min(end - start);
                    self.sent.extend_from_slice(&lease.bytes()[start as usize..(start + count) as usize]);
                    assert!(self.secure.on_done(Done::Sent { lease, result: Ok(count) }).is_none());
                }
                Step::Op(Op::Finish { .. }) => self.news.push(Heard::Finish),
                Step::Op(op) => panic!("{op:?}"),
                Step::Errand(mut errand) => {
                    errand.run();
                    self.secure.on_errand(errand);
                }
            }
        }
    }

    fn note(&mut self, done: Done) {
        let heard = match done {
            Done::Received(Ok(Received::Bytes { lease, count, .. })) => {
                Heard::Bytes(lease.bytes()[..count as usize].to_vec())
            }
            Done::Received(Ok(Received::End)) => Heard::End,
            Done::Received(Err(errno)) => Heard::Broken(errno),
            Done::Sent { result: Ok(count), .. } => Heard::Sent(count),
            Done::Sent { result: Err(errno), .. } => Heard::Unsent(errno),
            Done::Readable(_)
            | Done::Connected(_)
            | Done::Filled(_)
            | Done::Drained { .. }
            | Done::Entrusted(..)
            | Done::AlertSent(_)
            | Done::RecordReceived { .. }
            | Done::Finished(_)
            | Done::Cancelled
            | Done::Closed => panic!("{done:?} is nothing that was asked for"),
        };
        self.news.push(heard);
    }

    /// The socket brings this.
    fn bring(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(CHUNK_SIZE - CHUNK_SIZE / 256) {
            self.run();
            assert!(self.is_hearing, "it asks for what comes");
            self.is_hearing = false;
            let mut lease = self.pool.lease().expect("few are in use");
            lease.bytes_mut()[..piece.len()].copy_from_slice(piece);
            let received = Received::Bytes { lease, count: piece.len() as u32, more: false };
            assert!(self.secure.on_done(Done::Received(Ok(received))).is_none());
            self.run();
        }
    }

    /// Both agree.
    fn opens(&mut self) {
        for _ in 0..2 {
            let said = self.client_says(b"");
            self.bring(&said);
            self.client_hears();
        }
        assert_eq!(self.take_news(), [Heard::Opened]);
    }

    /// What the client has to say, behind this.
    fn client_says(&mut self, mut plain: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            let mut room = vec![0; 20_000];
            let written = self.client.write(plain, &mut room).expect("keys that are new");
            said.extend_from_slice(&room[..written.filled]);
            plain = &plain[written.taken..];
            if written.filled == 0 {
                return said;
            }
        }
    }

    /// What the client hears.
    fn client_hears(&mut self) -> (Vec<u8>, Next) {
        let (mut heard, mut start, mut bytes) = (Vec::new(), 0, std::mem::take(&mut self.sent));
        loop {
            let mut room = vec![0; 20_000];
            let read = self.client.read(&mut bytes[start..], &mut room);
            start += read.consumed;
            heard.extend_from_slice(&room[..read.filled]);
            if read.next != Next::Room {
                return (heard, read.next);
            }
        }
    }

    fn asks(&mut self, op: Op) {
        assert!(self.secure.ask(op).is_none());
        self.run();
    }

    fn asks_for_bytes(&mut self) {
        self.asks(Op::Recv { fd: FD, hope: Hope::Later, count_max: u32::MAX });
    }

    fn take_news(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.news)
    }
}

/// The whole of a connection. Of its four messages `cut` says which is cut in two and where; says how long each of them is.
fn converse(version: Version, cut: (usize, usize), leaving_most: u32) -> [usize; 4] {
    let mut bench = Bench::new(version);
    bench.leaving_most = leaving_most;
    let mut sizes = [0; 4];
    let mut bring = |bench: &mut Bench, number: usize, bytes: &[u8]| {
        sizes[number] = bytes.len();
        let at = if cut.0 == number { cut.1.min(bytes.len()) } else { bytes.len() };
        bench.bring(&bytes[..at]);
        bench.bring(&bytes[at..]);
    };
    let hello = bench.client_says(b"");
    bring(&mut bench, 0, &hello);
    assert_eq!(bench.client_hears(), (Vec::new(), Next::More));
    let flight = bench.client_says(b"");
    bring(&mut bench, 1, &flight);
    assert_eq!(bench.take_news(), [Heard::Opened], "{version:?} {cut:?}");
    assert_eq!(bench.client_hears(), (Vec::new(), Next::More));

    bench.asks_for_bytes();
    let question = bench.client_says(b"question");
    bring(&mut bench, 2, &question);
    assert_eq!(bench.take_news(), [Heard::Bytes(b"question".to_vec())]);
    let mut lease = bench.pool.lease().expect("few are in use");
    lease.bytes_mut()[..8].copy_from_slice(b"..answer");
    bench.asks(Op::Send { fd: FD, lease, start: 2, end: 8 });
    assert_eq!(bench.take_news(), [Heard::Sent(6)]);
    assert_eq!(bench.client_hears(), (b"answer".to_vec(), Next::More));

    bench.asks_for_bytes();
    bench.client.close();
    let close = bench.client_says(b"");
    bring(&mut bench, 3, &close);
    assert_eq!(bench.take_news(), [Heard::End]);
    bench.asks(Op::Finish { fd: FD });
    assert_eq!(bench.take_news(), [Heard::Finish]);
    assert_eq!(bench.client_hears(), (Vec::new(), Next::End));
    assert_eq!(bench.pool.free_count(), CHUNK_COUNT as usize, "at rest no buffer is held");
    sizes
}

#[test]
fn every_cut_gives_the_same() {
    for version in [Version::Tls12, Version::Tls13] {
        let sizes = converse(version, (0, usize::MAX), u32::MAX);
        for (number, size) in sizes.into_iter().enumerate() {
            for at in 1..size {
                converse(version, (number, at), u32::MAX);
            }
        }
        for leaving_most in [1, 7, 100] {
            converse(version, (0, usize::MAX), leaving_most);
        }
    }
}

/// The last message of the handshake, a question and the end come in one receive.
#[test]
fn all_at_once() {
    for version in [Version::Tls12, Version::Tls13] {
        let mut bench = Bench::new(version);
        let hello = bench.client_says(b"");
        bench.bring(&hello);
        bench.client_hears();
        if version == Version::Tls12 {
            // Its client has to hear the server's last message first.
            let flight = bench.client_says(b"");
            bench.bring(&flight);
            bench.client_hears();
        }
        let mut flight = bench.client_says(b"question");
        bench.client.close();
        flight.append(&mut bench.client_says(b""));
        if version == Version::Tls12 {
            bench.asks_for_bytes();
        }
        bench.bring(&flight);
        let opened = bench.take_news();
        if version == Version::Tls13 {
            assert_eq!(opened, [Heard::Opened]);
            bench.asks_for_bytes();
        } else {
            assert_eq!(opened[..1], [Heard::Opened]);
        }
        let mut heard = opened;
        heard.append(&mut bench.take_news());
        bench.asks_for_bytes();
        heard.append(&mut bench.take_news());
        assert_eq!(heard, [Heard::Opened, Heard::Bytes(b"question".to_vec()), Heard::End], "{version:?}");
    }
}

/// More than a buffer holds, in records of all sizes: nothing of it is lost, and nothing is held behind.
#[test]
fn bulk() {
    for version in [Version::Tls12, Version::Tls13] {
        let mut bench = Bench::new(version);
        let hello = bench.client_says(b"");
        bench.bring(&hello);
        bench.client_hears();
        let flight = bench.client_says(b"");
        bench.bring(&flight);
        bench.client_hears();
        let plain: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let said: Vec<u8> = [16_384, 1, 3_000, 16_384, 16_384, 20_000, 127_847]
            .iter()
            .fold((Vec::new(), 0), |(mut said, start), size| {
                said.extend(bench.client_says(&plain[start..start + size]));
                (said, start + size)
            })
            .0;
        let mut heard = Vec::new();
        for piece in said.chunks(CHUNK_SIZE - CHUNK_SIZE / 256) {
            bench.asks_for_bytes();
            while !bench.is_hearing {
                heard.append(&mut bench.take_news());
                bench.asks_for_bytes();
            }
            bench.bring(piece);
        }
        while !bench.is_hearing {
            bench.asks_for_bytes();
        }
        heard.append(&mut bench.take_news());
        let bytes: Vec<u8> = heard.into_iter().flat_map(Heard::into_bytes).collect();
        assert!(bytes == plain, "{version:?}");
        assert_eq!(bench.pool.free_count(), CHUNK_COUNT as usize, "at rest no buffer is held");
    }
}

/// What does not decrypt ends the connection, and its peer is told (RFC 8446 §5.2).
#[test]
fn a_record_that_was_touched() {
    for version in [Version::Tls12, Version::Tls13] {
        let mut bench = Bench::new(version);
        let hello = bench.client_says(b"");
        bench.bring(&hello);
        bench.client_hears();
        let flight = bench.client_says(b"");
        bench.bring(&flight);
        bench.client_hears();
        bench.asks_for_bytes();
        let mut question = bench.client_says(b"question");
        let last = question.len() - 1;
        question[last] ^= 1;
        bench.bring(&question);
        assert_eq!(bench.take_news(), [Heard::Opened, Heard::Broken(Errno::ECONNRESET)]);
        assert_eq!(bench.client_hears().1, Next::Failed(Refusal::Alert(20)), "bad_record_mac");
    }
}

/// Cipher text has a buffer of its own. Where there is none, the flow gets back what it has asked for, and ends for that.
#[test]
fn nowhere_to_seal() {
    for version in [Version::Tls12, Version::Tls13] {
        let mut bench = Bench::new(version);
        bench.opens();
        let mut all: Vec<_> = std::iter::from_fn(|| bench.pool.lease()).collect();
        let lease = all.pop().expect("there are some");
        bench.asks(Op::Send { fd: FD, lease, start: 0, end: 6 });
        assert_eq!(bench.take_news(), [Heard::Unsent(Errno::ENOBUFS)]);
        bench.asks(Op::Finish { fd: FD });
        assert_eq!(bench.take_news(), [Heard::Finish]);

        // The last word needs one, too.
        let mut bench = Bench::new(version);
        bench.opens();
        let _all: Vec<_> = std::iter::from_fn(|| bench.pool.lease()).collect();
        bench.asks(Op::Finish { fd: FD });
        assert_eq!(bench.take_news(), [Heard::Finish]);
    }
}
