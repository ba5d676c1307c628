//! What a visitor says, without I/O: bytes in, one request at a time out, its response in, bytes out.
//!
//! ```text
//!          head complete            content complete              response
//!   Head ────────────────▶ Content ──────────────────▶ Answering ──────────▶ Head    the connection is kept
//!    │                        │                                  └─────────▶ Over
//!    └── not HTTP, too large ─┴────────────────────────────────────────────▶ Over
//! ```
//!
//! **Invariant:** at most [`HEAD_MOST`] and [`CONTENT_MOST`] bytes are kept of what a visitor says.

use super::response::Response;
use http1::{ConnectionOption, Exchange, Framing, Limits, Method, Persistence, Policy, Progress, Request, Status};

/// The longest head, in bytes.
const HEAD_MOST: usize = 8 * 1024;

/// The longest content of a request, in bytes: forms of a page.
const CONTENT_MOST: usize = 16 * 1024;

/// The conversation with one visitor.
pub(super) struct Dialogue {
    /// What has come and is not answered yet.
    heard: Vec<u8>,
    request: Request,
    phase: Phase,
}

enum Phase {
    Head,
    Content {
        head_size: usize,
        content_size: usize,
        exchange: Exchange,
    },
    /// The first `size` bytes are being answered.
    Answering {
        size: usize,
        exchange: Exchange,
    },
    Over,
}

/// A request, as far as pages look at it. What is not there is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inquiry {
    pub(super) method: Method,
    pub(super) path: String,
    /// Without its `?`.
    pub(super) query: Option<String>,
    pub(super) host: String,
    pub(super) authorization: String,
    pub(super) origin: String,
    /// `Sec-Fetch-Site`
    pub(super) fetch_site: String,
    pub(super) content: String,
}

impl Inquiry {
    /// Path and query.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More must be heard.
    Listen,
    Ask(Inquiry),
    /// These bytes say why there is no answer. It is over with them.
    Refuse(&'static str),
    End,
}

impl Dialogue {
    pub(super) fn new() -> Dialogue {
        let limits = Limits { received_size_max: HEAD_MOST, ..Limits::default() };
        Dialogue { heard: Vec::new(), request: Request::new(limits), phase: Phase::Head }
    }

    /// Bytes have come.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
    }

    /// How much more may be heard now.
    pub(super) fn room(&self) -> usize {
        (HEAD_MOST + CONTENT_MOST).saturating_sub(self.heard.len())
    }

    /// Whether a request has begun.
    pub(super) fn is_begun(&self) -> bool {
        !self.heard.is_empty()
    }

    pub(super) fn next(&mut self) -> Step {
        loop {
            match self.phase {
                Phase::Over => return Step::End,
                Phase::Answering { .. } => panic!("a request is answered before the next one is read"),
                Phase::Head => match self.request.read(&self.heard) {
                    Progress::Incomplete => return Step::Listen,
                    Progress::Refused(refusal) => return self.refuse(refusal.status()),
                    Progress::Complete { head_size } => {
                        if let Some(refused) = self.on_head(head_size) {
                            return refused;
                        }
                    }
                },
                Phase::Content { head_size, content_size, mut exchange } => {
                    let size = head_size + content_size;
                    if self.heard.len() < size {
                        return Step::Listen;
                    }
                    if content_size > 0 {
                        exchange.on_request_end();
                    }
                    self.phase = Phase::Answering { size, exchange };
                    return Step::Ask(self.inquiry(head_size, size));
                }
            }
        }
    }

    /// Nothing more came in time.
    pub(super) fn give_up(&mut self) -> Step {
        match self.is_begun() {
            true => self.refuse(Status::RequestTimeout),
            false => Step::End,
        }
    }

    /// The response to what was asked.
    ///
    /// # Panics
    /// Nothing was.
    pub(super) fn answer(&mut self, response: &Response) -> Vec<u8> {
        let Phase::Answering { size, mut exchange } = self.phase else { panic!("a response follows a request") };
        let connection: ConnectionOption = exchange.on_own_response();
        let bytes = response.bytes(self.request.method(), connection);
        let is_kept = exchange.after().is_some_and(|after| after.front == Persistence::Keep);
        self.phase = if is_kept { Phase::Head } else { Phase::Over };
        self.heard.drain(..size);
        self.request.clear();
        bytes
    }

    /// A content of a size that is told beforehand is all that forms need.
    fn on_head(&mut self, head_size: usize) -> Option<Step> {
        let content_size = match self.request.framing() {
            Framing::None => 0,
            Framing::Length(size) => match usize::try_from(size) {
                Ok(size) if size <= CONTENT_MOST => size,
                Ok(_) | Err(_) => return Some(self.refuse(Status::ContentTooLarge)),
            },
            Framing::Chunked | Framing::UntilClose | Framing::Tunnel => {
                return Some(self.refuse(Status::NotImplemented));
            }
        };
        let policy = Policy { front: Persistence::Keep, back: Persistence::Close };
        self.phase = Phase::Content { head_size, content_size, exchange: Exchange::begin(&self.request, policy) };
        None
    }

    fn refuse(&mut self, status: Status) -> Step {
        self.phase = Phase::Over;
        Step::Refuse(status.page().to_garbage)
    }

    fn inquiry(&self, head_size: usize, size: usize) -> Inquiry {
        let bytes = &self.heard[..];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // Of two values that contradict each other neither is believed.
        let field = |name: &str| {
            let mut values = self.request.fields().values(bytes, name.as_bytes());
            match (values.next(), values.next()) {
                (Some(value), None) => text(value),
                _ => String::new(),
            }
        };
        Inquiry {
            method: self.request.method(),
            path: text(self.request.path(bytes)),
            query: self.request.query(bytes).map(text),
            host: field("host"),
            authorization: field("authorization"),
            origin: field("origin"),
            fetch_site: field("sec-fetch-site"),
            content: text(&bytes[head_size..size]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that follows from hearing `text` in pieces of `size`: what is asked, answered each time with `ok`, and refusals.
    fn asked(text: &str, size: usize) -> Vec<String> {
        let mut dialogue = Dialogue::new();
        let mut seen = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            dialogue.hear(piece);
            loop {
                match dialogue.next() {
                    Step::Listen => break,
                    Step::Ask(Inquiry { method, path, query, content, .. }) => {
                        let answer = dialogue.answer(&Response::ok("text/plain", "ok".into()));
                        let answer = String::from_utf8(answer).expect("text");
                        let end = if answer.contains("connection: close") { " close" } else { "" };
                        seen.push(format!("{method:?} {path} {} {content}{end}", query.unwrap_or_default()));
                    }
                    Step::Refuse(page) => seen.push(page.lines().next().expect("a status line").into()),
                    Step::End => return seen,
                }
            }
        }
        seen
    }

    fn check(text: &str, expected: &[&str]) {
        for size in [1, 3, 1000, 100_000] {
            assert_eq!(asked(text, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn requests_one_after_the_other() {
        check("GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\n", &["Get /metrics a=b "]);
        check(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=bHEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET",
            &["Post /  a=b", "Head /x   close"],
        );
        check("GET / HTTP/1.0\r\n\r\n", &["Get /   close"]);
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        check("\x16\x03\x01\x02\x00\x01", &["HTTP/1.1 400 Bad request"]);
        check("GET / HTTP/1.1\r\n\r\n", &["HTTP/1.1 400 Bad request"]);
        let large = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", CONTENT_MOST + 1);
        check(&large, &["HTTP/1.1 413 Payload Too Large"]);
        check("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", &["HTTP/1.1 501 Not Implemented"]);
        check(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_MOST)), &["HTTP/1.1 414 URI Too Long"]);
    }

    #[test]
    fn silence_ends_it() {
        let mut dialogue = Dialogue::new();
        assert_eq!(dialogue.give_up(), Step::End);
        dialogue.hear(b"GET /");
        assert_eq!(dialogue.next(), Step::Listen);
        let Step::Refuse(page) = dialogue.give_up() else { panic!("a request had begun") };
        assert!(page.starts_with("HTTP/1.1 408 "), "{page}");
        assert_eq!(dialogue.next(), Step::End);
    }
}
