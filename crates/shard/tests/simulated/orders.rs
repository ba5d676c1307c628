//! Clients and servers of `mode http`: each request says what is to be answered, so a server is a function of what it hears, and
//! both sides know what belongs to what.
//!
//! ```text
//!   GET /NUMBER/SIZE/STATUS/SIZE/FRAMING/MANNER      whose content is how long; what the answer is to be, and in which manner
//!   x-order: NUMBER                                  in the answer
//! ```
//!
//! **Invariant:** a client gets one answer to each of its requests, in their order, and nothing else.
//! **Invariant:** what a server gets is HTTP, and each request reaches a server once, unless `retry-on` sends it again.

use crate::farm::{Client, Scene, Trade};
use crate::mix::Mix;
use crate::streams::introduce;
use crate::tables::Draft;
use exchanges::reader::{self, Got};
use sim::{Heard, Outcome, Reading, Rng, Script, Server};
use std::str::FromStr;
use std::time::Duration;
use table::{Keeping, Mode};

/// What the clients have asked for, by their numbers.
#[derive(Default)]
pub(crate) struct Orders {
    by_client: Vec<Vec<Order>>,
}

/// A request, and the answer that it asks for.
#[derive(Clone, Debug)]
struct Order {
    number: u64,
    method: Method,
    /// Octets of its content.
    size: usize,
    status: u16,
    answer_size: usize,
    framing: Framing,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    /// With a length.
    Put,
    /// In chunks.
    Post,
}

/// How an answer says where its content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunks,
    UntilClose,
}

/// What a server does besides answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Keeps,
    /// It closes, and has said so.
    Closes,
    /// Interim responses come first.
    Hesitates,
    /// Becomes a tunnel.
    Upgrades,
    /// It answers and leaves without having said so.
    Leaves,
    /// It answers before it has heard everything.
    Interrupts,
    /// It breaks off in the middle.
    BreaksOff,
    Hangs,
    HangsUp,
    Babbles,
}

const HARMLESS: usize = 3;
const MANNERS: [(char, Manner); 10] = [
    ('k', Manner::Keeps),
    ('c', Manner::Closes),
    ('h', Manner::Hesitates),
    ('u', Manner::Upgrades),
    ('l', Manner::Leaves),
    ('i', Manner::Interrupts),
    ('b', Manner::BreaksOff),
    ('s', Manner::Hangs),
    ('x', Manner::HangsUp),
    ('j', Manner::Babbles),
];
const FRAMINGS: [(char, Framing); 3] = [('n', Framing::Length), ('c', Framing::Chunks), ('e', Framing::UntilClose)];

impl Trade for Orders {
    const MODE: Mode = Mode::Http;

    /// Asks for several things, one after the other or all at once, and then leaves in one of the ways of clients.
    fn client(&mut self, rng: &mut Rng, mix: Mix, number: usize, header: &[u8]) -> Script {
        let count = 1 + rng.below(6);
        let mut orders: Vec<Order> = (0..count).map(|index| Order::draw(rng, mix, number * 100 + index)).collect();
        if rng.chance(50) {
            orders[count - 1].manner = Manner::Upgrades;
            orders[count - 1].method = Method::Get;
            orders[count - 1].size = 0;
        }
        let mut script = Script::new();
        if rng.chance(100) {
            script = script.reading(Reading::Slowly { bytes: 1 + rng.below(2_000), every: Duration::from_micros(200) });
        }
        script = introduce(script, rng, header);
        if rng.chance(250) {
            let all: Vec<u8> = orders.iter().flat_map(Order::request).collect();
            script = say(script, rng, &all);
            script = orders.iter().fold(script, |script, order| order.awaited(script));
        } else {
            for order in &orders {
                script = order.awaited(say(script, rng, &order.request()));
                if rng.chance(200) {
                    script = script.pause(Duration::from_micros(rng.below(5_000) as u64));
                }
            }
        }
        if let Some(last) = orders.last().filter(|order| order.manner == Manner::Upgrades) {
            script = say(script, rng, &pattern(last.number, last.answer_size));
        }
        self.by_client.push(orders);
        match rng.below(if mix.has_faults() { 8 } else { 5 }) {
            0..=4 => script.finish(),
            5 => script.reset(),
            6 => script.vanish(),
            _ => script.close(),
        }
    }

    fn server(&self, rng: &mut Rng, _mix: Mix, draft: &Draft) -> Script {
        let mut script = Script::new();
        if rng.chance(200) {
            script = script.reading(Reading::Slowly { bytes: 1 + rng.below(2_000), every: Duration::from_micros(200) });
        }
        if draft.servers[0].header.is_some() {
            script = script.await_message(|heard| header_size(heard.bytes));
        }
        script.answer(answer)
    }

    fn is_whole(&self, scene: &Scene<'_>, number: usize, client: &Client) -> bool {
        let orders = &self.by_client[number];
        let received = client.peer.received();
        if std::env::var_os("TIDEGATE_SIM_SEED").is_some() {
            println!("{orders:?}\n{}", received.escape_ascii());
        }
        let (answered, is_left) = compare(orders, &received);
        let ends = scene.ends;
        let is_turned_away = ends.rejected + ends.bad_header + ends.queue_full + ends.exhausted > 0;
        // Whose connection is closed while it still talks may see a reset before the answer.
        let is_closed = scene.draft.front.keeping == Keeping::Nothing || orders.iter().any(Order::closes);
        let is_reset = is_closed && client.peer.outcome() == Outcome::Reset;
        if scene.mix == Mix::Faultless && !is_turned_away && !is_reset {
            assert!(
                answered == orders.len() || is_left,
                "{answered} of {orders:?}:\n{}\n{:?} {:?}",
                received.escape_ascii(),
                client.peer.outcome(),
                ends
            );
        }
        let may_repeat = scene.draft.back.retry_on.needs_request();
        let heard: Vec<u64> = scene.servers.iter().flat_map(|server| heard(server, scene.draft)).collect();
        for order in orders {
            let count = heard.iter().filter(|&&number| number == order.number).count();
            assert!(count <= 1 || may_repeat, "{order:?} reached a server {count} times");
        }
        answered == orders.len() && client.peer.outcome() == Outcome::Ended
    }
}

/// How many of the orders were answered by a server, and whether the client was told that there will be no more.
fn compare(orders: &[Order], received: &[u8]) -> (usize, bool) {
    let (mut answered, mut rest) = (0, received);
    for order in orders {
        let Some(got) = next_final(&mut rest, order) else { return (answered, false) };
        let is_of_server = got.field("x-order").is_some();
        if is_of_server {
            order.check(&got);
            answered += 1;
        } else {
            assert!(matches!(got.status, 400 | 408 | 500 | 502..=504), "{got:?}");
        }
        if got.status == 101 {
            assert!(pattern(order.number, order.answer_size).starts_with(rest), "another tunnel");
            return (answered, true);
        }
        if order.manner == Manner::Upgrades {
            // It has not become a tunnel, and what the client says in it is no request.
            return (answered, true);
        }
        if got.lasts_until_close || got.field("connection") == Some(b"close") {
            assert!(rest.is_empty(), "behind the last answer: {}", rest.escape_ascii());
            return (answered, true);
        }
    }
    assert!(rest.is_empty(), "nobody has asked for {}", rest.escape_ascii());
    (answered, true)
}

/// The next response that is not an interim one.
fn next_final(rest: &mut &[u8], order: &Order) -> Option<Got> {
    loop {
        let mut got = reader::first_response(rest, order.method == Method::Head).expect("a client gets HTTP")?;
        if matches!(got.status, 400 | 408) {
            // It was not understood which method this is.
            got = reader::first_response(rest, false).expect("a client gets HTTP")?;
        }
        *rest = &rest[got.size..];
        if got.status >= 200 || got.status == 101 {
            return Some(got);
        }
    }
}

/// Which orders a server has got whole.
fn heard(server: &Server, draft: &Draft) -> Vec<u64> {
    let mut numbers = Vec::new();
    for peer in server.connections() {
        let received = peer.received();
        let header_size = if draft.servers[0].header.is_some() { header_size(&received) } else { Some(0) };
        let mut rest = header_size.map_or(&[][..], |size| &received[size..]);
        while let Some(seen) = reader::first_request(rest).expect("a server gets HTTP") {
            let order: Order = seen.line.parse().expect("it was made here");
            numbers.push(order.number);
            rest = &rest[seen.size..];
            if order.manner == Manner::Upgrades {
                break;
            }
        }
    }
    numbers
}

/// What a server does about what it hears.
fn answer(heard: Heard<'_>) -> Option<(usize, Script)> {
    if let Some(order) = interrupted(heard.bytes) {
        return Some((heard.bytes.len(), order.answer()));
    }
    let seen = reader::first_request(heard.bytes).unwrap_or_else(|why| panic!("a server got {why}"))?;
    let order: Order = seen.line.parse().expect("it was made here");
    assert_eq!(seen.content, pattern(order.number, order.size), "another content than that of {order:?}");
    Some((seen.size, order.answer()))
}

/// The order that is answered before it is heard to its end, once its head is there.
fn interrupted(bytes: &[u8]) -> Option<Order> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..bytes.iter().position(|&byte| byte == b'\r')?]).into_owned();
    let order: Order = line.rsplit_once(' ')?.0.parse().ok()?;
    (order.manner == Manner::Interrupts).then_some(order)
}

fn header_size(bytes: &[u8]) -> Option<usize> {
    match proxyline::decode(bytes) {
        proxyline::Decoded::Complete(header) => Some(header.header_len),
        proxyline::Decoded::Incomplete => None,
        proxyline::Decoded::Invalid(why) => panic!("a server got a bad header: {why}"),
    }
}

impl Order {
    fn draw(rng: &mut Rng, mix: Mix, number: usize) -> Order {
        let method = [Method::Get, Method::Get, Method::Head, Method::Put, Method::Post][rng.below(5)];
        let manners = if mix.has_faults() && rng.chance(300) { MANNERS.len() } else { HARMLESS };
        let manner = MANNERS[rng.below(manners)].1;
        let manner = if manner == Manner::Upgrades { Manner::Keeps } else { manner };
        let framing = match (FRAMINGS[rng.below(3)].1, manner) {
            // Its end must not be mistaken for the end of the content.
            (Framing::UntilClose, Manner::BreaksOff) => Framing::Length,
            (framing, _) => framing,
        };
        let has_content = matches!(method, Method::Put | Method::Post);
        Order {
            number: number as u64,
            method,
            size: if has_content { size(rng) } else { 0 },
            status: [200, 200, 200, 204, 304, 404, 503][rng.below(7)],
            answer_size: size(rng),
            framing,
            manner,
        }
    }

    /// Whether the client's connection may close behind the answer.
    fn closes(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    fn target(&self) -> String {
        let letter = |manner| MANNERS.iter().find(|(_, other)| *other == manner).expect("all are there").0;
        let framing = FRAMINGS.iter().find(|(_, other)| *other == self.framing).expect("all are there").0;
        let Order { number, size, status, answer_size, manner, .. } = self;
        format!("/{number}/{size}/{status}/{answer_size}/{framing}/{}", letter(*manner))
    }

    fn request(&self) -> Vec<u8> {
        let target = self.target();
        let content = pattern(self.number, self.size);
        let (method, framing, content) = match self.method {
            Method::Get => ("GET", String::new(), Vec::new()),
            Method::Head => ("HEAD", String::new(), Vec::new()),
            Method::Put => ("PUT", format!("Content-Length: {}\r\n", self.size), content),
            Method::Post => ("POST", "Transfer-Encoding: chunked\r\n".to_owned(), chunked(self.number, &content)),
        };
        let upgrade = if self.manner == Manner::Upgrades { "Connection: upgrade\r\nUpgrade: echo\r\n" } else { "" };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{framing}{upgrade}\r\n");
        [head.into_bytes(), content].concat()
    }

    /// The client's script, waiting for the answer.
    fn awaited(&self, script: Script) -> Script {
        let order = self.clone();
        script.await_message(move |heard| {
            let mut rest = heard.bytes;
            let got = next_final(&mut rest, &order)?;
            (!got.lasts_until_close || heard.is_ended).then_some(heard.bytes.len() - rest.len())
        })
    }

    /// The server's script. What it draws is the same each time that this order is answered.
    fn answer(&self) -> Script {
        let mut rng = Rng::new(self.number);
        let (is_closed, response) = self.response();
        let script = Script::new();
        match self.manner {
            Manner::Hesitates => {
                let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
                let script = say(script, &mut rng, &[interim.as_bytes(), &response].concat());
                if is_closed { script.close() } else { script }
            }
            Manner::Keeps | Manner::Closes => {
                let script = say(script, &mut rng, &response);
                if is_closed { script.close() } else { script }
            }
            Manner::Upgrades => say(script, &mut rng, &response).echo().finish(),
            Manner::Leaves => {
                say(script, &mut rng, &response).pause(Duration::from_micros(rng.below(3_000) as u64)).close()
            }
            Manner::Interrupts => say(script, &mut rng, &response).close(),
            Manner::BreaksOff => {
                let broken = rng.below(response.len());
                let script = say(script, &mut rng, &response[..broken]);
                if rng.chance(500) { script.close() } else { script.reset() }
            }
            Manner::Hangs => script.await_end(),
            Manner::HangsUp => script.close(),
            Manner::Babbles => say(script, &mut rng, b"220 mail.example.org ESMTP\r\n").close(),
        }
    }

    /// The response, and whether it says that the connection closes.
    fn response(&self) -> (bool, Vec<u8>) {
        let Order { number, status, .. } = self;
        if self.manner == Manner::Upgrades {
            let head =
                format!("HTTP/1.1 101 Switching\r\nx-order: {number}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
            return (false, head.into_bytes());
        }
        let content = self.content();
        let (framing, content) = match self.framing {
            _ if matches!(status, 204 | 304) => (String::new(), Vec::new()),
            Framing::Length => (format!("Content-Length: {}\r\n", self.answer_size), content),
            Framing::Chunks if self.method == Method::Head => ("Transfer-Encoding: chunked\r\n".to_owned(), content),
            Framing::Chunks => ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(*number, &content)),
            Framing::UntilClose => (String::new(), content),
        };
        let is_until_close = framing.is_empty() && !matches!(status, 204 | 304);
        let is_closed = is_until_close || matches!(self.manner, Manner::Closes | Manner::Interrupts);
        let connection = if is_closed { "Connection: close\r\n" } else { "" };
        let head = format!("HTTP/1.1 {status} Said\r\nx-order: {number}\r\n{framing}{connection}\r\n");
        (is_closed, [head.into_bytes(), content].concat())
    }

    /// What the client is to get.
    fn content(&self) -> Vec<u8> {
        let is_empty = self.method == Method::Head || matches!(self.status, 204 | 304);
        if is_empty { Vec::new() } else { pattern(self.number, self.answer_size) }
    }

    /// **Invariant:** an answer belongs to its request, and a content that seems whole is.
    fn check(&self, got: &Got) {
        let expected = self.content();
        assert_eq!(got.field("x-order"), Some(self.number.to_string().as_bytes()), "the answer to {self:?}");
        if self.manner == Manner::Upgrades {
            return;
        }
        assert_eq!(got.status, self.status);
        if got.lasts_until_close {
            assert!(expected.starts_with(&got.content), "another content than that of {self:?}");
        } else {
            assert_eq!(got.content, expected, "the content of {self:?}");
        }
    }
}

impl FromStr for Order {
    type Err = ();

    /// From a method and a target.
    fn from_str(line: &str) -> Result<Order, ()> {
        let (method, target) = line.split_once(' ').ok_or(())?;
        let parts: Vec<&str> = target.split('/').skip(1).collect();
        let [number, size, status, answer_size, framing, manner] = parts[..] else { return Err(()) };
        let first = |text: &str| text.chars().next();
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            _ => return Err(()),
        };
        Ok(Order {
            number: number.parse().map_err(drop)?,
            method,
            size: size.parse().map_err(drop)?,
            status: status.parse().map_err(drop)?,
            answer_size: answer_size.parse().map_err(drop)?,
            framing: FRAMINGS.iter().find(|(letter, _)| Some(*letter) == first(framing)).ok_or(())?.1,
            manner: MANNERS.iter().find(|(letter, _)| Some(*letter) == first(manner)).ok_or(())?.1,
        })
    }
}

/// Mostly little; now and then more than a buffer holds, or enough to be spliced.
fn size(rng: &mut Rng) -> usize {
    match rng.below(20) {
        0..3 => 0,
        3..14 => rng.below(300),
        14..19 => rng.below(6_000),
        _ => 30_000 + rng.below(60_000),
    }
}

/// Octets that belong to one order.
fn pattern(number: u64, size: usize) -> Vec<u8> {
    let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..size as u64).map(|at| (seed.rotate_left(at as u32 % 61) ^ (at >> 6)) as u8).collect()
}

/// In chunks of many sizes.
fn chunked(number: u64, content: &[u8]) -> Vec<u8> {
    let mut rng = Rng::new(number);
    let (mut rest, mut bytes) = (content, Vec::new());
    while !rest.is_empty() {
        let size = (1 + rng.below(3_000)).min(rest.len());
        bytes.extend(format!("{size:x}\r\n").into_bytes());
        bytes.extend_from_slice(&rest[..size]);
        bytes.extend_from_slice(b"\r\n");
        rest = &rest[size..];
    }
    bytes.extend_from_slice(if rng.chance(300) { b"0\r\nx-end: here\r\n\r\n" } else { b"0\r\n\r\n" });
    bytes
}

/// Says it in a few pieces.
fn say(mut script: Script, rng: &mut Rng, bytes: &[u8]) -> Script {
    let mut rest = bytes;
    for _ in 0..rng.below(4) {
        let (piece, behind) = rest.split_at(rng.below(rest.len() + 1));
        script = script.send(piece);
        if rng.chance(500) {
            script = script.pause(Duration::from_micros(rng.below(2_000) as u64));
        }
        rest = behind;
    }
    script.send(rest)
}
