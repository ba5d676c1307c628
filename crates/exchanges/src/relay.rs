//! The smallest thing that relays: the protocol with two receive buffers and two send buffers that never fill. Rows of the table, and
//! anything else, are run through it in any segmentation.

use crate::{ANSWER, Exchange as Row, Outcome, Stream};
use http1::{
    Body, ConnectionOption, Exchange, Limits, Method, PartKind, Persistence, Policy, Progress, Refusal, Reply, Request,
    Response, Trailers,
};

/// How a stream of bytes is cut: where, in ascending order.
pub type Cuts<'a> = &'a dyn Fn(usize) -> Vec<usize>;

/// What came out of a relay.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub to_server: Vec<u8>,
    pub to_client: Vec<u8>,
    pub outcome: Outcome,
}

/// What becomes of a row when its streams are cut like this.
pub fn run(exchange: &Row, cuts: Cuts<'_>) -> Run {
    run_counted(exchange, cuts).0
}

/// The client sends all it has; then each request that was sent on is answered. Says also which of them were HEAD.
pub fn run_counted(exchange: &Row, cuts: Cuts<'_>) -> (Run, Vec<bool>) {
    let mut relay = Relay::new();
    feed(&exchange.request, cuts, |bytes| relay.on_client(bytes));
    let mut responses = exchange.responses.iter();
    while relay.awaits_response() {
        relay.hold();
        match responses.next() {
            Some(response) => {
                feed(response, cuts, |bytes| relay.on_server(bytes));
                if response.ends {
                    relay.on_server_end();
                }
            }
            None if exchange.responses.is_empty() && relay.has_whole_request() => relay.on_server(ANSWER),
            None => break,
        }
        relay.release();
    }
    if exchange.request.ends {
        relay.on_client_end();
    }
    let run = Run { outcome: relay.outcome(), to_server: relay.to_server, to_client: relay.to_client };
    (run, relay.begun)
}

/// A message that turns out to be broken in its middle has been sent on up to there, and how far that is depends on the cuts.
///
/// # Panics
/// What the cuts changed.
pub fn check_same(name: &str, run: &Run, whole: &Run, how: &str) {
    assert_eq!(run.outcome, whole.outcome, "{name}, {how}");
    let is_broken_inside = matches!(whole.outcome, Outcome::Refused(_) | Outcome::Cut);
    for (sent, expected) in [(&run.to_server, &whole.to_server), (&run.to_client, &whole.to_client)] {
        let is_same =
            sent == expected || is_broken_inside && (sent.starts_with(expected) || expected.starts_with(sent));
        assert!(is_same, "{name}, {how}:\n{}\n{}", sent.escape_ascii(), expected.escape_ascii());
    }
}

fn feed(stream: &Stream, cuts: Cuts<'_>, mut to: impl FnMut(&[u8])) {
    let mut start = 0;
    for end in cuts(stream.bytes.len()).into_iter().chain([stream.bytes.len()]) {
        to(&stream.bytes[start..end]);
        start = end;
    }
}

/// One client connection, and the server connections behind it.
struct Relay {
    policy: Policy,
    front: Vec<u8>,
    back: Vec<u8>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// Of each request whose head was sent on, whether it was HEAD.
    begun: Vec<bool>,
    request: Request,
    request_trailers: Trailers,
    response: Response,
    response_trailers: Trailers,
    current: Option<Current>,
    /// Where the last exchange left the connections.
    rest: Outcome,
    /// Nothing more is read.
    end: Option<Outcome>,
    /// The next request waits until the server has said all it says to this one.
    is_held: bool,
}

struct Current {
    exchange: Exchange,
    request_body: Body,
    response_body: Option<Body>,
    is_unwrapped: bool,
}

impl Relay {
    fn new() -> Relay {
        let limits = Limits::default();
        Relay {
            policy: Policy { front: Persistence::Keep, back: Persistence::Keep },
            front: Vec::new(),
            back: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            begun: Vec::new(),
            request: Request::new(limits),
            request_trailers: Trailers::new(limits),
            response: Response::new(limits),
            response_trailers: Trailers::new(limits),
            current: None,
            rest: Outcome::Waits,
            end: None,
            is_held: false,
        }
    }

    fn on_client(&mut self, bytes: &[u8]) {
        self.front.extend_from_slice(bytes);
        self.advance();
    }

    fn on_server(&mut self, bytes: &[u8]) {
        self.back.extend_from_slice(bytes);
        self.advance();
    }

    /// A server begins to answer: what it says from here to [`release`](Relay::release) arrives before the next request is read.
    /// Later it could not be told from the answer to that.
    fn hold(&mut self) {
        self.is_held = true;
    }

    fn release(&mut self) {
        self.is_held = false;
        if let Outcome::Over { front_is_kept, .. } = self.rest
            && self.current.is_none()
            && !self.back.is_empty()
        {
            // Bytes behind a response are no response.
            self.rest = Outcome::Over { front_is_kept, back_is_kept: false };
        }
        self.end = match self.end {
            Some(Outcome::Over { .. }) => Some(self.rest),
            end => end,
        };
        self.advance();
    }

    fn on_client_end(&mut self) {
        let is_cut = self.current.as_mut().is_some_and(|current| current.request_body.on_end_of_stream().is_err());
        if is_cut && self.end.is_none() {
            self.end = Some(Outcome::Cut);
        }
    }

    fn on_server_end(&mut self) {
        let Some(current) = &mut self.current else { return };
        if self.end.is_some() {
            return;
        }
        let ending = current.response_body.as_mut().map(Body::on_end_of_stream);
        current.exchange.abandon_request();
        match ending {
            None => self.refuse_response(Refusal::CutShort),
            Some(Err(_)) => self.end = Some(Outcome::Cut),
            Some(Ok(())) => self.advance(),
        }
    }

    /// Whether a server is to answer now.
    fn awaits_response(&self) -> bool {
        self.end.is_none() && self.current.as_ref().is_some_and(|current| current.response_body.is_none())
    }

    /// Whether the whole request has been sent on.
    fn has_whole_request(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.request_body.is_done())
    }

    fn outcome(&self) -> Outcome {
        match self.end {
            Some(end) => end,
            None if self.current.is_some() || !self.front.is_empty() => Outcome::Waits,
            None => self.rest,
        }
    }

    fn advance(&mut self) {
        while self.end.is_none() && (self.advance_request() || self.advance_response() || self.finish()) {}
        if self.end == Some(Outcome::Tunnel) {
            self.to_server.append(&mut self.front);
            self.to_client.append(&mut self.back);
        }
    }

    /// Whether something was done.
    fn advance_request(&mut self) -> bool {
        let Some(current) = &mut self.current else { return self.begin() };
        let body = &mut current.request_body;
        if body.is_done() {
            return false;
        }
        let moved = if body.awaits_trailers() {
            pass_trailers(&mut self.request_trailers, body, &mut self.front, Some(&mut self.to_server))
        } else {
            pass_content(body, &mut self.front, &mut self.to_server, false)
        };
        match moved {
            Err(refusal) => self.end = Some(Outcome::Refused(refusal.status().page().code)),
            Ok(false) => return false,
            Ok(true) if current.request_body.is_done() => current.exchange.on_request_end(),
            Ok(true) => {}
        }
        true
    }

    fn begin(&mut self) -> bool {
        if self.is_held {
            return false;
        }
        match self.request.read(&self.front) {
            Progress::Incomplete => false,
            Progress::Refused(refusal) => {
                self.refuse_request(refusal);
                true
            }
            Progress::Complete { head_size } => {
                let exchange = Exchange::begin(&self.request, self.policy);
                let mut buffer = [0; 16_384];
                let option = exchange.request_option();
                let size = self.request.write(&self.front, option, &mut buffer).expect("limits leave room");
                self.to_server.extend_from_slice(&buffer[..size]);
                self.begun.push(self.request.method() == Method::Head);
                let request_body = Body::new(self.request.framing());
                self.front.drain(..head_size);
                self.request.clear();
                // What an earlier server connection still sent is on that connection.
                self.back.clear();
                self.current = Some(Current { exchange, request_body, response_body: None, is_unwrapped: false });
                true
            }
        }
    }

    fn advance_response(&mut self) -> bool {
        let Some(current) = &mut self.current else { return false };
        let Some(body) = &mut current.response_body else { return self.read_response() };
        if body.is_done() {
            return false;
        }
        let moved = if body.awaits_trailers() {
            let to = (!current.is_unwrapped).then_some(&mut self.to_client);
            pass_trailers(&mut self.response_trailers, body, &mut self.back, to)
        } else {
            pass_content(body, &mut self.back, &mut self.to_client, current.is_unwrapped)
        };
        match moved {
            Err(_) => self.end = Some(Outcome::Cut),
            Ok(moved) => return moved,
        }
        true
    }

    fn read_response(&mut self) -> bool {
        let head_size = match self.response.read(&self.back) {
            Progress::Incomplete => return false,
            Progress::Refused(refusal) => {
                self.refuse_response(refusal);
                return true;
            }
            Progress::Complete { head_size } => head_size,
        };
        let current = self.current.as_mut().expect("responses are read for a request");
        let (option, is_sent) = match current.exchange.on_response(&mut self.response) {
            Err(refusal) => {
                self.refuse_response(refusal);
                return true;
            }
            Ok(Reply::Interim) => (ConnectionOption::Silent, true),
            Ok(Reply::Suppressed) => (ConnectionOption::Silent, false),
            Ok(Reply::Tunnel) => {
                self.end = Some(Outcome::Tunnel);
                (ConnectionOption::Silent, true)
            }
            Ok(Reply::Final { framing, is_unwrapped, connection }) => {
                current.response_body = Some(Body::new(framing));
                current.is_unwrapped = is_unwrapped;
                (connection, true)
            }
        };
        if is_sent {
            let mut buffer = [0; 16_384];
            let size = self.response.write(&self.back, option, &mut buffer).expect("limits leave room");
            self.to_client.extend_from_slice(&buffer[..size]);
        }
        self.back.drain(..head_size);
        self.response.clear();
        true
    }

    /// Looks whether the exchange is over.
    fn finish(&mut self) -> bool {
        let Some(current) = &mut self.current else { return false };
        if current.response_body.as_ref().is_some_and(Body::is_done) {
            current.exchange.on_response_end();
        }
        let Some(after) = current.exchange.after() else { return false };
        let rest = Outcome::Over {
            front_is_kept: after.front == Persistence::Keep,
            back_is_kept: after.back == Persistence::Keep,
        };
        self.rest = rest;
        self.current = None;
        self.request_trailers.clear();
        self.response_trailers.clear();
        if after.front == Persistence::Close {
            self.end = Some(rest);
        }
        true
    }

    fn refuse_request(&mut self, refusal: Refusal) {
        let page = refusal.status().page();
        self.to_client.extend_from_slice(page.to_garbage.as_bytes());
        self.end = Some(Outcome::Refused(page.code));
    }

    fn refuse_response(&mut self, _: Refusal) {
        let page = http1::Status::BadGateway.page();
        let exchange = &mut self.current.as_mut().expect("a response to something").exchange;
        let mut buffer = [0; 512];
        let size = exchange.answer(page, &mut buffer).expect("pages are small");
        self.to_client.extend_from_slice(&buffer[..size]);
        self.end = Some(Outcome::Refused(page.code));
    }
}

/// Sends on what may be. Says whether there was anything.
fn pass_content(body: &mut Body, from: &mut Vec<u8>, to: &mut Vec<u8>, is_unwrapped: bool) -> Result<bool, Refusal> {
    let Some(part) = body.next(from)? else { return Ok(false) };
    let bytes = from.drain(..part.size);
    match part.kind {
        PartKind::Data => to.extend(bytes),
        PartKind::Framing if !is_unwrapped => to.extend(bytes),
        PartKind::Framing | PartKind::Extension => drop(bytes),
    }
    Ok(true)
}

fn pass_trailers(
    trailers: &mut Trailers,
    body: &mut Body,
    from: &mut Vec<u8>,
    to: Option<&mut Vec<u8>>,
) -> Result<bool, Refusal> {
    match trailers.read(from) {
        Progress::Incomplete => Ok(false),
        Progress::Refused(refusal) => Err(refusal),
        Progress::Complete { head_size } => {
            if let Some(to) = to {
                let mut buffer = [0; 16_384 * 2];
                let size = trailers.write(from, &mut buffer).expect("limits leave room");
                to.extend_from_slice(&buffer[..size]);
            }
            from.drain(..head_size);
            body.on_trailers();
            Ok(true)
        }
    }
}
