//! Raw HTTP exchanges with what must become of each: what a client sends, what a server answers, what each of them gets.
//!
//! The table is for everything that relays HTTP/1: the protocol alone, a simulated shard, the binary beside its peers. Expected
//! values come from the RFCs, and from a running HAProxy where they leave a choice.
//!
//! # The format of `cases/*.txt`
//!
//! ```text
//! # A comment.
//! name                          where the rule stands
//!   > POST / HTTP/1.1\r\nHost: a\r\n            what the client sends; several lines are one after the other
//!   < HTTP/1.1 200 OK\r\n\r\nhello{end}         what the server answers, one line for each request
//!   >> POST / HTTP/1.1\r\nhost: a\r\n\r\n       what the server gets: nothing, if there is no such line
//!   << HTTP/1.1 200 OK\r\n …                    what the client gets; not compared, if there is no such line
//!   = keep close                                what becomes of the client's and of the server's connection
//!   ~ HAProxy 2.6 …                             where a peer does otherwise, in words
//! ```
//!
//! - Bytes are text with `\r \n \t \0 \xHH \\`, and `{text*N}`, which is N times the text. `{end}` ends the sender's stream.
//! - Without a `<` line the server answers each request with `HTTP/1.1 204 No Content`.
//! - `=` is one of `keep keep` (the default), `keep close`, `close keep`, `close close`; `wait`: more bytes must come; `tunnel`;
//!   `cut`: a message ended too early, and whoever got it can see that; or a status such as `400`: refused with it.
#![forbid(unsafe_code)]

pub mod reader;
pub mod relay;

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub name: &'static str,
    /// From the client.
    pub request: Stream,
    /// From the server, one for each request. Empty means that it answers each with [`ANSWER`].
    pub responses: Vec<Stream>,
    /// What the server gets.
    pub forwarded: Vec<u8>,
    /// What the client gets.
    pub replied: Option<Vec<u8>>,
    pub outcome: Outcome,
    /// Where HAProxy does otherwise.
    pub remark: Option<&'static str>,
}

/// The answer of a server of which the row does not speak.
pub const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Bytes, and whether their sender ends its side behind them.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub bytes: Vec<u8>,
    pub ends: bool,
}

/// What becomes of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The last exchange is over; whether each connection serves another.
    Over {
        front_is_kept: bool,
        back_is_kept: bool,
    },
    /// More bytes must come.
    Waits,
    Tunnel,
    /// A message ended too early.
    Cut,
    /// The client is told this status, and nothing more is passed on.
    Refused(u16),
}

/// The whole table.
///
/// # Panics
/// A row is malformed.
pub fn all() -> Vec<Exchange> {
    FILES.iter().flat_map(|file| paragraphs(file)).map(|lines| row(&lines)).collect()
}

const FILES: [&str; 9] = [
    include_str!("../cases/lines.txt"),
    include_str!("../cases/targets.txt"),
    include_str!("../cases/fields.txt"),
    include_str!("../cases/lengths.txt"),
    include_str!("../cases/codings.txt"),
    include_str!("../cases/chunks.txt"),
    include_str!("../cases/hops.txt"),
    include_str!("../cases/connections.txt"),
    include_str!("../cases/responses.txt"),
];

fn paragraphs(file: &'static str) -> Vec<Vec<&'static str>> {
    let mut paragraphs: Vec<Vec<&str>> = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(line) => paragraphs.last_mut().expect("a row begins with its name").push(line),
            None => paragraphs.push(vec![line]),
        }
    }
    paragraphs
}

fn row(lines: &[&'static str]) -> Exchange {
    let name = lines[0].split("  ").next().expect("a line has a start");
    let mut exchange = Exchange {
        name,
        request: Stream::default(),
        responses: Vec::new(),
        forwarded: Vec::new(),
        replied: None,
        outcome: Outcome::Over { front_is_kept: true, back_is_kept: true },
        remark: None,
    };
    for line in &lines[1..] {
        let (mark, text) = line.split_once(' ').unwrap_or_else(|| panic!("{name}: no such line: {line}"));
        match mark {
            ">" => {
                let more = stream(text);
                exchange.request.bytes.extend(more.bytes);
                exchange.request.ends |= more.ends;
            }
            "<" => exchange.responses.push(stream(text)),
            ">>" => exchange.forwarded.extend(stream(text).bytes),
            "<<" => exchange.replied.get_or_insert_default().extend(stream(text).bytes),
            "=" => exchange.outcome = outcome(text),
            "~" => exchange.remark = Some(text),
            other => panic!("{name}: no such mark: {other}"),
        }
    }
    exchange
}

fn outcome(text: &str) -> Outcome {
    let is_kept = |word: &str| match word {
        "keep" => true,
        "close" => false,
        other => panic!("no such outcome: {other}"),
    };
    match text.split_once(' ') {
        Some((front, back)) => Outcome::Over { front_is_kept: is_kept(front), back_is_kept: is_kept(back) },
        None if text == "wait" => Outcome::Waits,
        None if text == "tunnel" => Outcome::Tunnel,
        None if text == "cut" => Outcome::Cut,
        None => Outcome::Refused(text.parse().unwrap_or_else(|_| panic!("no such outcome: {text}"))),
    }
}

fn stream(text: &str) -> Stream {
    let (text, ends) = match text.strip_suffix("{end}") {
        Some(text) => (text, true),
        None => (text, false),
    };
    Stream { bytes: bytes(text), ends }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => bytes.push(match chars.next() {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('\\') => b'\\',
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("not hexadecimal: {digits}"))
                }
                other => panic!("no such escape: {other:?} in {text}"),
            }),
            '{' => {
                let inside: String = chars.by_ref().take_while(|&char| char != '}').collect();
                let (unit, count) = inside.rsplit_once('*').unwrap_or_else(|| panic!("no {{text*N}}: {text}"));
                bytes.extend(self::bytes(unit).repeat(count.parse().unwrap_or_else(|_| panic!("no count: {text}"))));
            }
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes
}
