//! Samples: what rules may ask of a connection (`configuration.txt: section 7`).
//!
//! ```text
//!   Facts ──Fetch──▶ Sample ──Converter, …──▶ Value ──Matcher──▶ yes or no
//!                      │
//!                      └── not there yet: ask again when more bytes have come
//! ```
//!
//! A fetch that needs bytes which have not come says so ([`Sample::Awaited`]), and one whose value may still change says that
//! ([`Sample::Passing`]). Whoever asks decides how long to wait: once nothing more is waited for, both are as final as the
//! rest ([`Facts::is_final`]). Everything here is a pure function of the facts.
//!
//! | file | what it knows |
//! |---|---|
//! | `fetch`, `load` | the sources of samples |
//! | `certificate` | what certificates say |
//! | `payload`, `hello`, `http` | what the first bytes of a stream say |
//! | `message`, `content`, `size` | what a request or a response of HTTP says, and how long it is |
//! | `session`, `said` | what is known of a session, what it has kept, and how log lines show that |
//! | `variable` | what rules have kept |
//! | `convert`, `chunks`, `coding`, `digest`, `language`, `map`, `substitute`, `time` | samples out of samples |
//! | `format` | texts with samples in them |
//! | `matcher`, `text` | what a value is compared with |

mod certificate;
mod chunks;
mod coding;
mod content;
mod convert;
mod cookie;
mod digest;
mod fetch;
mod format;
mod hello;
mod http;
mod language;
mod load;
mod map;
mod matcher;
mod message;
mod parameter;
mod payload;
mod said;
mod session;
mod size;
mod substitute;
mod text;
mod time;
mod value;
mod variable;

pub use certificate::{CertificatePart, NameForm, Whose};
pub use chunks::Chunks;
pub use coding::{JsonInput, base64, base64_decoded};
pub use content::ContentPart;
pub use convert::{Amount, Converter, Key, Operation, TextPart};
pub use cookie::{CookieForm, CookiePart};
pub use digest::{Digest, xxh64};
pub use fetch::{Fetch, TlsPart};
pub use format::{Expression, Format, FormatPart};
pub use language::Languages;
pub use load::{BackLoad, FrontLoad, ServerLoad};
pub use map::{Map, MapKey};
pub use matcher::{Matcher, NumberRange};
pub(crate) use message::first_element;
pub use message::{Credential, FieldForm, FieldPart, Message, MessagePart};
pub use parameter::Parameter;
pub use payload::{CountedStart, Part, Speaker};
pub use said::{CapturesForm, LinePart, push_captures, push_line, push_words};
pub use session::{
    Captured, Captures, ConnectionsOf, Course, DateUnit, LineOf, SessionPart, Spent, SpentOn, TimeoutOf,
};
pub use size::{request_size, response_size, trailers_size};
pub use substitute::Substitution;
pub(crate) use substitute::expand;
pub(crate) use text::regex;
pub use text::{Compare, TextPatterns};
pub use time::TimeText;
pub use value::Value;
pub use variable::{Scope, Variable, Variables};

use std::net::SocketAddr;

use crate::{BackendId, FrontendId, Table};

/// What a condition may ask about a connection.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client, as its PROXY header says it where one was accepted; `None` for a client on a unix socket.
    pub src: Option<SocketAddr>,
    /// What the client connected to.
    pub dst: Option<SocketAddr>,
    /// Where the connection arrived.
    pub frontend: FrontendId,
    /// Where it goes, once that is known.
    pub backend: Option<BackendId>,
    pub heard: Heard<'a>,
    /// What the client's PROXY header says beside addresses.
    pub announced: &'a [Announced],
    /// What is known of the client's TLS, if it has any.
    pub tls: Option<&'a tls::Client>,
    /// The same of the server's, once a connection to it stands.
    pub back_tls: Option<&'a tls::Client>,
    /// What rules have kept so far.
    pub variables: &'a Variables,
    /// Of the session that asks; what asks without one knows less.
    pub course: Option<Course<'a>>,
    /// Whose counts are meant by `nbsrv(be)` and its like.
    pub table: &'a Table,
}

/// Something that a PROXY header says beside addresses (proxy-protocol.txt §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its type.
    pub kind: u8,
    pub value: Box<[u8]>,
}

/// Whose bytes may be looked at.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// Nobody's: the rule does not deal with contents.
    Nothing,
    Client(Payload<'a>),
    Server(Payload<'a>),
    /// A message of HTTP.
    Message(Message<'a>),
    /// One whose content is still waited for.
    Unfinished(Message<'a>),
}

/// The first bytes of a stream, none of them sent on yet.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    pub bytes: &'a [u8],
    /// Nothing more is waited for: the stream or the patience is at its end, or there is no room.
    pub is_final: bool,
}

/// What a fetch finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sample<'a> {
    /// It is this, whatever else comes.
    Settled(Value<'a>),
    /// It is this so far; more bytes may change it.
    Passing(Value<'a>),
    /// It is not there yet.
    Awaited,
    /// It is not there and never will be.
    Absent,
}

/// What the bytes so far say about something that is to be read from them. More bytes turn `Short` into one of the others,
/// and never change those.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading<T> {
    Known(T),
    Short,
    /// It is something else.
    Foreign,
}

impl<'a> Facts<'a> {
    /// Of a connection that has just arrived.
    pub fn new(table: &'a Table, frontend: FrontendId, src: Option<SocketAddr>, dst: Option<SocketAddr>) -> Facts<'a> {
        let (heard, variables) = (Heard::Nothing, Variables::none());
        let announced = &[];
        Facts {
            src,
            dst,
            frontend,
            backend: None,
            heard,
            announced,
            tls: None,
            back_tls: None,
            variables,
            course: None,
            table,
        }
    }

    /// Whether what is not there now will never be.
    pub fn is_final(&self) -> bool {
        match self.heard {
            Heard::Nothing | Heard::Message(_) => true,
            Heard::Unfinished(_) => false,
            Heard::Client(payload) | Heard::Server(payload) => payload.is_final,
        }
    }
}

impl<'a> Heard<'a> {
    pub(crate) fn message(self) -> Option<Message<'a>> {
        match self {
            Heard::Message(message) | Heard::Unfinished(message) => Some(message),
            Heard::Nothing | Heard::Client(_) | Heard::Server(_) => None,
        }
    }
}

impl<'a> From<Option<Value<'a>>> for Sample<'a> {
    fn from(value: Option<Value<'a>>) -> Sample<'a> {
        value.map_or(Sample::Absent, Sample::Settled)
    }
}

impl<'a> From<Reading<Value<'a>>> for Sample<'a> {
    fn from(reading: Reading<Value<'a>>) -> Sample<'a> {
        match reading {
            Reading::Known(value) => Sample::Settled(value),
            Reading::Short => Sample::Awaited,
            Reading::Foreign => Sample::Absent,
        }
    }
}
