//! One request and its response on two connections: what may happen next, and what is left of the connections afterwards.
//!
//! ```text
//!   request ╲ response │ awaited                     │ under way                 │ complete
//!   ───────────────────┼─────────────────────────────┼───────────────────────────┼──────────────────────────────────────
//!   under way          │ relay the request           │ relay both                │ relay the rest: it is content, never a request
//!                      │                             │                           │ (CVE-2025-4366); or abandon it: close both
//!   complete           │ wait                        │ relay the response        │ over: keep or close, each side by
//!                      │                             │                           │ what was said on it (RFC 9112 §9.3)
//!   ───────────────────┴─────────────────────────────┴───────────────────────────┴──────────────────────────────────────
//!   1xx                  the response stays awaited; sent on, but never to HTTP/1.0 (RFC 9110 §15.2)
//!   101, if asked for    ┐ tunnel: octets both ways until both have ended. Before that no octet behind the request is
//!   2xx to CONNECT       ┘ passed on (CVE-2026-2833); after any other status they are the next request
//! ```
//!
//! A connection is one exchange after the other. Requests that arrive early wait in the receive buffer (pipelining, RFC 9112
//! §9.3.2); the next one is read when the exchange is over and the front is kept. Bytes that a server sends behind a response
//! are no response: the back is closed, at rest too.
//!
//! **Invariant:** a side is kept only if both messages on it ended where their framing said, so that the next octet on it begins
//! a message.

use crate::framing::{Announced, Framing, of_response};
use crate::hop::Upgrade;
use crate::{ConnectionOption, Method, NoRoom, Page, Refusal, Request, Response, Version};

/// Whether a connection serves another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Persistence {
    Keep,
    Close,
}

/// What the operator wants of both connections.
///
/// | option | front | back |
/// |---|---|---|
/// | `http-keep-alive` | keep | keep |
/// | `http-server-close` | keep | close |
/// | `httpclose` | close | close (in a backend) |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub front: Persistence,
    pub back: Persistence,
}

/// One request and its response.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    method: Method,
    version: Version,
    upgrade: Upgrade,
    front: Persistence,
    back: Persistence,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Relaying { request: Half, response: Answer },
    Tunnel,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    UnderWay,
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    UnderWay,
    Complete,
}

/// What to do with the head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Send the head on, and await another.
    Interim,
    /// Do not send it on: the client speaks HTTP/1.0. Await another.
    Suppressed,
    /// Send the head on, then the content that is framed so.
    Final {
        framing: Framing,
        /// The client knows no chunks: of a chunked content it gets the data alone, then the end of the connection.
        is_unwrapped: bool,
        connection: ConnectionOption,
    },
    /// Send the head on, then everything both ways.
    Tunnel,
}

/// What becomes of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    pub front: Persistence,
    pub back: Persistence,
}

impl Exchange {
    /// Begins with a request's head that was read.
    pub fn begin(request: &Request, policy: Policy) -> Exchange {
        let request_half = match request.framing() {
            Framing::None => Half::Complete,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose | Framing::Tunnel => Half::UnderWay,
        };
        Exchange {
            method: request.method(),
            version: request.version(),
            upgrade: request.upgrade(),
            front: policy.front.max(kept_if(request.traits.is_persistent)),
            back: policy.back,
            state: State::Relaying { request: request_half, response: Answer::Awaited },
        }
    }

    /// The `connection` line of the request that is sent on.
    pub fn request_option(&self) -> ConnectionOption {
        match (self.back, self.version) {
            // `Connection: upgrade` says it all.
            _ if self.upgrade != Upgrade::Nothing => ConnectionOption::Silent,
            (Persistence::Keep, Version::Http11) | (Persistence::Close, Version::Http10) => ConnectionOption::Silent,
            (Persistence::Keep, Version::Http10) => ConnectionOption::KeepAlive,
            (Persistence::Close, Version::Http11) => ConnectionOption::Close,
        }
    }

    /// The content of the request has ended where its framing said.
    pub fn on_request_end(&mut self) {
        if let State::Relaying { request, .. } = &mut self.state {
            *request = Half::Complete;
            self.advance();
        }
    }

    /// Nobody takes the rest of the request any more. Neither connection can be used again, because that rest may still come.
    pub fn abandon_request(&mut self) {
        if let State::Relaying { request: Half::UnderWay, .. } = self.state {
            (self.front, self.back) = (Persistence::Close, Persistence::Close);
            self.on_request_end();
        }
    }

    /// A response's head was read.
    ///
    /// # Errors
    /// The response cannot be passed on; the client is told 502.
    pub fn on_response(&mut self, response: &mut Response) -> Result<Reply, Refusal> {
        let State::Relaying { request, response: Answer::Awaited } = self.state else {
            panic!("a response is read when it is awaited");
        };
        let announcement = response.announcement;
        let (framing, announced) = of_response(self.method, response.status(), announcement.announced);
        response.announcement.announced = announced;
        match framing {
            Framing::Tunnel => self.on_tunnel(request, response),
            _ if response.status() < 200 => Ok(match self.version {
                Version::Http11 => Reply::Interim,
                Version::Http10 => Reply::Suppressed,
            }),
            Framing::None | Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                Ok(self.on_final(request, response, framing))
            }
        }
    }

    /// The content of the response has ended where its framing said.
    pub fn on_response_end(&mut self) {
        if let State::Relaying { response, .. } = &mut self.state {
            *response = Answer::Complete;
            self.advance();
        }
    }

    /// The response was made here, without a server, and is complete once its page is sent.
    ///
    /// The request's content is not waited for, so the front is kept only if there is none left.
    ///
    /// # Panics
    /// A response was begun already: a second one would be taken for the next request's.
    pub fn on_own_response(&mut self) -> ConnectionOption {
        let State::Relaying { request, response: Answer::Awaited } = self.state else {
            panic!("a request has one response");
        };
        if request == Half::UnderWay {
            self.front = Persistence::Close;
        }
        self.back = Persistence::Close;
        self.state = State::Over;
        self.response_option(Version::Http11)
    }

    /// Answers with a page. Says how many bytes it has.
    ///
    /// # Panics
    /// As [`on_own_response`](Exchange::on_own_response).
    pub fn answer(&mut self, page: Page, buffer: &mut [u8]) -> Result<usize, NoRoom> {
        if page.closes {
            self.close_front();
        }
        let connection = self.on_own_response();
        page.write(self.method, connection, buffer)
    }

    /// Answers with a response that was made here, read and perhaps edited; `bytes` are all of it, `content` what stands behind its
    /// head. Says how many bytes are written.
    ///
    /// # Errors
    /// The buffer is too small; the exchange is as it was.
    ///
    /// # Panics
    /// As [`on_own_response`](Exchange::on_own_response).
    pub fn answer_with(
        &mut self,
        response: &mut Response,
        bytes: &[u8],
        content: &[u8],
        buffer: &mut [u8],
    ) -> Result<usize, NoRoom> {
        let before = *self;
        if !response.traits.is_persistent {
            self.close_front();
        }
        let (framing, announced) = of_response(self.method, response.status(), response.announcement.announced);
        // A response to HEAD says of its content what GET would have brought.
        if framing == Framing::UntilClose || announced == Announced::Nothing && !content.is_empty() {
            self.close_front();
        }
        self.on_own_response();
        let connection = self.response_option(response.version());
        response.announcement.announced = announced;
        let content = if framing == Framing::None { b"" } else { content };
        let written = response.write(bytes, connection, buffer).and_then(|head_size| {
            let room = buffer.get_mut(head_size..head_size + content.len()).ok_or(NoRoom)?;
            room.copy_from_slice(content);
            Ok(head_size + content.len())
        });
        if written.is_err() {
            *self = before;
        }
        written
    }

    /// The operator, or a drain, wants the client's connection closed after this response.
    pub fn close_front(&mut self) {
        self.front = Persistence::Close;
    }

    /// What becomes of the connections, once the exchange is over.
    pub fn after(&self) -> Option<After> {
        (self.state == State::Over).then_some(After { front: self.front, back: self.back })
    }

    pub fn is_tunnel(&self) -> bool {
        self.state == State::Tunnel
    }

    /// RFC 9110 §7.8, §9.3.6. A change of protocol is made only where both sides know of it, with no octet of the request
    /// outstanding.
    fn on_tunnel(&mut self, request: Half, response: &Response) -> Result<Reply, Refusal> {
        let is_agreed = match (self.method, self.upgrade, response.traits.upgrade) {
            (Method::Connect, _, _) => response.status() != 101,
            (_, Upgrade::WebSocket, Upgrade::WebSocket) => response.traits.has_websocket_accept,
            (_, Upgrade::Other, Upgrade::Other) => true,
            (_, Upgrade::Nothing | Upgrade::WebSocket | Upgrade::Other, _) => false,
        };
        if !is_agreed || request == Half::UnderWay {
            return Err(Refusal::UnaskedUpgrade);
        }
        self.state = State::Tunnel;
        Ok(Reply::Tunnel)
    }

    fn on_final(&mut self, request: Half, response: &mut Response, framing: Framing) -> Reply {
        let is_unwrapped = framing == Framing::Chunked && self.version == Version::Http10;
        // RFC 9112 §6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request
        // indicates HTTP/1.1".
        if self.version == Version::Http10 && response.announcement.announced == Announced::Chunked {
            response.announcement.announced = Announced::Nothing;
        }
        if is_unwrapped || framing == Framing::UntilClose {
            self.front = Persistence::Close;
        }
        if !response.traits.is_persistent || framing == Framing::UntilClose {
            self.back = Persistence::Close;
        }
        self.state = State::Relaying { request, response: Answer::UnderWay };
        let connection = self.response_option(response.version());
        if framing == Framing::None {
            self.on_response_end();
        }
        Reply::Final { framing, is_unwrapped, connection }
    }

    /// The `connection` line of a response of this version.
    fn response_option(&self, version: Version) -> ConnectionOption {
        match (self.front, version) {
            (Persistence::Keep, Version::Http11) if self.version == Version::Http11 => ConnectionOption::Silent,
            (Persistence::Keep, Version::Http10 | Version::Http11) => ConnectionOption::KeepAlive,
            (Persistence::Close, Version::Http11) => ConnectionOption::Close,
            (Persistence::Close, Version::Http10) => ConnectionOption::Silent,
        }
    }

    fn advance(&mut self) {
        if self.state == (State::Relaying { request: Half::Complete, response: Answer::Complete }) {
            self.state = State::Over;
        }
    }
}

fn kept_if(is_kept: bool) -> Persistence {
    if is_kept { Persistence::Keep } else { Persistence::Close }
}
