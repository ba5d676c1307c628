//! What is done with bytes that a fuzzer makes: each target is a function, and panics where something is wrong.
//!
//! ```text
//!   input:  count │ places, two bytes each │ bytes …
//!           └─ where the bytes are cut ────┘ └─ a head; a content; or a client's stream, then each of a server's responses,
//!                                               with [`SEPARATOR`] between them
//! ```
//!
//! The same functions run in the tests of this crate, for a bounded time, on the table of exchanges with changes drawn at random; and
//! for as long as anybody likes under libFuzzer (`just fuzz`), whose binaries stand outside of the workspace.
//!
//! **Invariant:** how bytes are cut is seen by nobody.
//! **Invariant:** what is sent on is read by a strict reader as it was read here.
#![forbid(unsafe_code)]

use exchanges::relay::{check_same, run, run_counted};
use exchanges::{Exchange, Outcome, Stream, reader};
use http1::{Body, ConnectionOption, Framing, Limits, Part, PartKind, Progress, Request, Response, Trailers};

/// Between the streams of an input for [`connections`]. No text of HTTP has it.
pub const SEPARATOR: &[u8] = b"\xff\xfe";

/// Behind a stream whose sender ends its side.
pub const END: u8 = 0xfd;

/// Cuts of one input.
const CUTS_MOST: usize = 16;

/// A request's head, and a response's: what was read can be written, and what was written is read as the same and written as the same.
pub fn heads(input: &[u8]) {
    let (cuts, bytes) = split(input);
    let limits = Limits::default();
    let mut request = Request::new(limits);
    let progress = request.read(bytes);
    let (mut in_pieces, ends) = (Request::new(limits), cuts.ends(bytes.len()));
    assert_eq!(in_the_end(ends.iter().map(|&end| in_pieces.read(&bytes[..end]))), progress, "{}", bytes.escape_ascii());
    // RFC 9110 §7.6.2: this one is less each time, and at last there is no next.
    let is_counted = request.fields().values(bytes, b"max-forwards").next().is_some();
    if matches!(progress, Progress::Complete { .. }) && !is_counted {
        let written = write(|buffer| request.write(bytes, ConnectionOption::Silent, buffer).ok());
        let mut again = Request::new(limits);
        assert_eq!(again.read(&written), Progress::Complete { head_size: written.len() }, "{}", written.escape_ascii());
        let is_same = again.method() == request.method() && again.framing() == request.framing();
        assert!(is_same, "{}", written.escape_ascii());
        let twice = write(|buffer| again.write(&written, ConnectionOption::Silent, buffer).ok());
        assert!(twice == written, "{}\n{}", twice.escape_ascii(), written.escape_ascii());
    }
    let mut response = Response::new(limits);
    let progress = response.read(bytes);
    let mut in_pieces = Response::new(limits);
    assert_eq!(in_the_end(ends.iter().map(|&end| in_pieces.read(&bytes[..end]))), progress, "{}", bytes.escape_ascii());
    if let Progress::Complete { .. } = progress {
        let written = write(|buffer| response.write(bytes, ConnectionOption::Silent, buffer).ok());
        let mut again = Response::new(limits);
        assert_eq!(again.read(&written), Progress::Complete { head_size: written.len() }, "{}", written.escape_ascii());
        assert_eq!(again.status(), response.status(), "{}", written.escape_ascii());
    }
}

/// A chunked content, and the trailer section behind it: what is sent on is the same however it came, and a strict reader finds the same
/// octets in it.
pub fn contents(input: &[u8]) {
    let (cuts, bytes) = split(input);
    let whole = read_content(bytes, &[bytes.len()]);
    let cut = read_content(bytes, &cuts.ends(bytes.len()));
    assert_eq!(cut.is_refused, whole.is_refused, "{}", bytes.escape_ascii());
    let is_same = cut.sent == whole.sent || whole.is_refused;
    assert!(is_same, "{}\n{}", cut.sent.escape_ascii(), whole.sent.escape_ascii());
    if whole.is_refused {
        return;
    }
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let seen = reader::first_request(&[&head[..], &whole.sent].concat());
    match seen.unwrap_or_else(|why| panic!("a strict reader finds {why} in {}", whole.sent.escape_ascii())) {
        Some(seen) => assert!(whole.is_over && seen.content == whole.content, "{}", whole.sent.escape_ascii()),
        None => assert!(!whole.is_over, "{}", whole.sent.escape_ascii()),
    }
}

/// A client's connection and the servers behind it: no server reads another number of requests than were sent on, no client another
/// number of responses, and neither finds anything wrong with what it gets.
pub fn connections(input: &[u8]) {
    let (cuts, bytes) = split(input);
    let mut streams = streams(bytes).into_iter();
    let request = streams.next().unwrap_or_default();
    let exchange = Exchange {
        name: "fuzzed",
        request,
        responses: streams.collect(),
        forwarded: Vec::new(),
        replied: None,
        outcome: Outcome::Waits,
        remark: None,
    };
    let (whole, begun) = run_counted(&exchange, &|_| Vec::new());
    let cut = run(&exchange, &|size| cuts.places(size));
    check_same("fuzzed", &cut, &whole, "in pieces");
    // The reader knows no CONNECT, whose answer decides how what follows is read.
    if whole.outcome == Outcome::Tunnel || whole.to_server.windows(8).any(|window| window == b"CONNECT ") {
        return;
    }
    let reading = reader::read(&whole.to_server).unwrap_or_else(|why| panic!("a server finds {why}"));
    assert_eq!(reading.requests.len() + usize::from(reading.is_inside), begun.len(), "{reading:?}");
    let responses =
        reader::read_responses(&whole.to_client, &begun).unwrap_or_else(|why| panic!("a client finds {why}"));
    let (final_count, is_inside) = responses;
    match whole.outcome {
        Outcome::Over { .. } => assert_eq!((final_count, is_inside), (begun.len(), false)),
        // The one response more is the refusal of what was no request.
        Outcome::Refused(_) => assert!(final_count <= begun.len() + 1),
        Outcome::Waits | Outcome::Cut | Outcome::Tunnel => assert!(final_count + usize::from(is_inside) <= begun.len()),
    }
}

/// An input for [`connections`] out of a row of the table.
pub fn input_of(exchange: &Exchange) -> Vec<u8> {
    let mut input = vec![0];
    for (index, stream) in std::iter::once(&exchange.request).chain(&exchange.responses).enumerate() {
        if index > 0 {
            input.extend_from_slice(SEPARATOR);
        }
        input.extend_from_slice(&stream.bytes);
        input.extend(stream.ends.then_some(END));
    }
    input
}

/// Where an input is cut.
struct Cuts<'a>(&'a [u8]);

impl Cuts<'_> {
    /// In ascending order, inside of `size` bytes.
    fn places(&self, size: usize) -> Vec<usize> {
        let numbers = self.0.chunks_exact(2).map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
        let mut places: Vec<usize> = numbers.map(|number| number % (size + 1)).collect();
        places.sort_unstable();
        places
    }

    /// The ends of all pieces.
    fn ends(&self, size: usize) -> Vec<usize> {
        self.places(size).into_iter().chain([size]).collect()
    }
}

fn split(input: &[u8]) -> (Cuts<'_>, &[u8]) {
    let Some((&count, rest)) = input.split_first() else { return (Cuts(&[]), &[]) };
    let size = (2 * (usize::from(count) % (CUTS_MOST + 1))).min(rest.len());
    let (cuts, bytes) = rest.split_at(size);
    (Cuts(cuts), bytes)
}

fn streams(bytes: &[u8]) -> Vec<Stream> {
    let mut streams = Vec::new();
    let mut rest = Some(bytes);
    while let Some(bytes) = rest {
        let at = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        let one = at.map_or(bytes, |at| &bytes[..at]);
        rest = at.map(|at| &bytes[at + SEPARATOR.len()..]);
        let (bytes, ends) = match one.split_last() {
            Some((&END, before)) => (before, true),
            Some(_) | None => (one, false),
        };
        streams.push(Stream { bytes: bytes.to_vec(), ends });
    }
    streams
}

/// What the last look at bytes says that come piece by piece; once it is decided, nobody looks again.
fn in_the_end(mut looks: impl Iterator<Item = Progress>) -> Progress {
    looks.find(|progress| *progress != Progress::Incomplete).unwrap_or(Progress::Incomplete)
}

fn write(head: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut buffer = vec![0; Limits::default().sent_size_max];
    let size = head(&mut buffer).expect("limits leave room");
    buffer.truncate(size);
    buffer
}

/// What came of a chunked content.
#[derive(Default)]
struct Content {
    /// What is sent on, trailer section included.
    sent: Vec<u8>,
    /// The octets among it.
    content: Vec<u8>,
    is_refused: bool,
    is_over: bool,
}

fn read_content(bytes: &[u8], ends: &[usize]) -> Content {
    let (mut body, mut trailers) = (Body::new(Framing::Chunked), Trailers::new(Limits::default()));
    let (mut read, mut content) = (0, Content::default());
    for &end in ends {
        loop {
            if body.awaits_trailers() {
                match trailers.read(&bytes[read..end]) {
                    Progress::Incomplete => break,
                    Progress::Refused(_) => return Content { is_refused: true, ..content },
                    Progress::Complete { .. } => {
                        content.sent.extend(write(|buffer| trailers.write(&bytes[read..end], buffer).ok()));
                        return Content { is_over: true, ..content };
                    }
                }
            }
            match body.next(&bytes[read..end]) {
                Err(_) => return Content { is_refused: true, ..content },
                Ok(None) if body.awaits_trailers() => (),
                Ok(None) => break,
                Ok(Some(Part { kind, size })) => {
                    let part = &bytes[read..read + size];
                    read += size;
                    match kind {
                        PartKind::Data => {
                            content.sent.extend_from_slice(part);
                            content.content.extend_from_slice(part);
                        }
                        PartKind::Framing => content.sent.extend_from_slice(part),
                        PartKind::Extension => (),
                    }
                }
            }
        }
    }
    content
}
