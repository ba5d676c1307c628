//! HTTP/1 without I/O: what an intermediary must know of RFC 9112 (messages) and RFC 9110 (semantics).
//!
//! Bytes in, verdicts and bytes out. Nothing here owns a socket, a buffer or a clock.
//!
//! | what | module | source |
//! |---|---|---|
//! | lines, octets | `lines`, `octets` | RFC 9112 §2.2, RFC 9110 §5.6 |
//! | a head as it arrives | `head` | RFC 9112 §2.1 |
//! | request line, target, Host | `request`, `target` | RFC 9112 §3 |
//! | status line | `response` | RFC 9112 §4 |
//! | field lines, and editing them | `fields` | RFC 9112 §5 |
//! | where content ends | `framing` | RFC 9112 §6 |
//! | content as it streams, chunks, trailers | `body`, `trailers` | RFC 9112 §6, §7 |
//! | fields of one connection | `hop` | RFC 9110 §7.6, §7.8 |
//! | the exchange on two connections, reuse, tunnels | `connection` | RFC 9112 §9 |
//! | heads as they are sent | `write` | |
//! | responses of our own, reasons for those without | `page`, `reason` | |
//! | names that mean something to whoever relays | `known` | RFC 9110, RFC 9112 |
//! | why a message is not passed on, and where it broke a rule | `refusal`, `fault` | each rule names its section where it is judged |
//! | how much there may be of everything | `limits` | |
//!
//! # The three promises
//!
//! 1. A message that cannot be framed with certainty is refused ([`Refusal`]), before a byte of it is sent on if its head is at
//!    fault. Where HAProxy 3.4 forwards, refuses or repairs, so does this; where the RFC demands more, this is stricter.
//! 2. What is sent on is written anew from what was understood. No octet whose meaning another reader could dispute (a lone LF,
//!    a chunk extension, a second Content-Length) is among it.
//! 3. A verdict depends on the bytes, not on how they were cut.
//!
//! # How a session drives it
//!
//! ```text
//!   front socket                                                    back socket
//!     bytes ──▶ Request::read ──▶ rules edit fields_mut()
//!                    │            Exchange::begin
//!                    │            Request::write(request_option()) ──▶ head
//!                    └─ framing() ──▶ Body::next ──▶ Data, Framing ──▶ content       (or Op::Fill / Op::Drain of data_left())
//!                                     Trailers::read, write        ──▶ trailer section
//!                                     on_request_end
//!
//!     head ◀── Response::write ◀── Exchange::on_response ◀── Response::read ◀── bytes
//!     content ◀── Body::next … on_response_end; Exchange::after says what becomes of both sockets
//! ```
//!
//! - The bytes of a head stay in one receive buffer, from its first byte, until the head is written; a head that does not fit is
//!   refused by [`Limits`]. `Request` and `Response` keep offsets, so they are reused from message to message without allocating.
//! - After `Progress::Complete { head_size }` the bytes behind `head_size` are content, or of the next message.
//! - The parts that `Body::next` names are ranges of the receive buffer: sent from there. With `Data` alone left to come
//!   (`data_left`), a flow that is busy enough is promoted to splicing as one of mode tcp is; what was moved is told with `skip`.
//! - At the end of a side's stream: `Body::on_end_of_stream`. An error there is a cut, and is passed on as one.
//! - `Reply::Tunnel`: both flows become those of mode tcp; bytes behind either head are their first.
//! - A response may be complete before its request. The rest of the request is still content: it is relayed, or, if the server takes
//!   no more, `Exchange::abandon_request`. Such a front is closed slowly: its sending half first, then what still comes is read
//!   and dropped for a while, so that the response is not lost to a reset (RFC 9112 §9.6).
//! - `After`: a kept back goes to the idle ones, and whatever it sends there closes it. A kept front reads its next request from
//!   what is left in the receive buffer.
#![forbid(unsafe_code)]

mod body;
mod connection;
mod fault;
mod fields;
mod framing;
mod head;
mod hop;
mod known;
mod limits;
mod lines;
mod octets;
mod page;
mod reason;
mod refusal;
mod request;
mod response;
mod target;
mod trailers;
mod write;

pub use body::{Body, Part, PartKind};
pub use connection::{After, Exchange, Persistence, Policy, Reply};
pub use fields::{EditError, Fields};
pub use framing::{Announced, Framing};
pub use head::Progress;
pub use limits::{
    CHUNK_LINE_SIZE_MAX, CHUNK_SIZE_MAX, CONNECTION_OPTION_COUNT_MAX, CONTENT_LENGTH_MAX, FIELD_NAME_SIZE_MAX, Limits,
};
pub use page::{Page, Status};
pub use refusal::Refusal;
pub use request::{Method, Request, Version};
pub use response::Response;
pub use target::Form;
pub use trailers::Trailers;
pub use write::{ConnectionOption, NoRoom};
