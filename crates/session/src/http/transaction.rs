//! What an exchange needs while it is under way. One is used again and again: a client that rests holds none.

use super::content::{Asked, AskedBack, Gathering};
use super::facts::Facts;
use super::stream::Stream;
use crate::Cause;
use driver::Side;
use http1::{Exchange, Limits, Request, Response};
use std::rc::Rc;
use std::sync::Arc;
use table::{BackendId, Persistence, Server, Words};

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(super) request: Request,
    pub(super) response: Response,
    /// Once the request's head is whole.
    pub(super) exchange: Option<Exchange>,
    /// The same when the request was begun to be sent.
    pub(super) begun: Option<Exchange>,
    /// Bytes of the request's head, as it was received.
    pub(super) head_size: usize,
    /// Front to back.
    pub(super) up: Stream,
    /// Back to front.
    pub(super) down: Stream,
    /// The response was the last of HTTP: what follows it is a tunnel.
    pub(super) is_tunnel: bool,
    /// In a backend that knows its clients by a cookie.
    pub(super) persistence: Option<Persistence>,
    /// The server that a rule names.
    pub(super) imposed: Option<Arc<Server>>,
    /// The host that servers with TLS are asked for, once one was.
    pub(super) server_name: Option<Option<Box<str>>>,
    /// What is known of the server's TLS, from when its connection is somebody else's.
    pub(super) tls_server: Option<Rc<tls::Client>>,
    /// The backend that a service of our own answers for, where the request had come that far.
    pub(super) section: Option<BackendId>,
    /// What the operator answers in place of a server.
    pub(super) own: Option<Words>,
    /// While rules on the request are being asked.
    pub(super) asked: Option<Asked>,
    /// While rules on the response are being asked.
    pub(super) asked_back: Option<AskedBack>,
    /// In [`Phase::Gathering`](crate::Phase::Gathering).
    pub(super) gathering: Option<Gathering>,
    /// Why no more of its content comes, although it is not whole.
    pub(super) cut: Option<Cause>,
    /// Memory for what rules write.
    pub(super) scratch: Vec<u8>,
    pub(super) facts: Facts,
    /// Of its messages.
    pub(crate) limits: Limits,
}

impl Transaction {
    pub(crate) fn new(limits: Limits) -> Transaction {
        Transaction {
            request: Request::new(limits),
            response: Response::new(limits),
            exchange: None,
            begun: None,
            head_size: 0,
            up: Stream::new(limits),
            down: Stream::new(limits),
            is_tunnel: false,
            persistence: None,
            imposed: None,
            server_name: None,
            tls_server: None,
            section: None,
            own: None,
            asked: None,
            asked_back: None,
            gathering: None,
            cut: None,
            scratch: Vec::new(),
            facts: Facts::default(),
            limits,
        }
    }

    /// Makes it ready for the next exchange. Keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.request.clear();
        self.response.clear();
        self.exchange = None;
        self.begun = None;
        self.head_size = 0;
        self.up.clear();
        self.down.clear();
        self.is_tunnel = false;
        self.persistence = None;
        self.imposed = None;
        self.server_name = None;
        self.tls_server = None;
        self.section = None;
        self.own = None;
        self.asked = None;
        self.asked_back = None;
        self.gathering = None;
        self.cut = None;
        self.facts.clear();
    }

    /// Whether the client has sent, or is about to send, what nobody will look at if its connection closes now: the rest of its
    /// content, or another request behind it.
    pub(super) fn has_unread(&self) -> bool {
        let looked_at = if self.up.is_begun { 0 } else { self.head_size };
        self.exchange.is_none() || !self.up.body.is_done() || self.up.gathered.bytes().len() > looked_at
    }

    /// The stream whose bytes come from this side.
    pub(super) fn stream_from(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Front => &mut self.up,
            Side::Back => &mut self.down,
        }
    }
}
