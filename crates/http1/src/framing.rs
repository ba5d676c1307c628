//! Where a message's content ends: RFC 9112 §6, with the strictness of an intermediary.
//!
//! ```text
//!                     request                                    response
//!   TE and HTTP/1.0   refused (§6.1: faulty framing)             refused
//!   TE: chunked       chunked; a CL beside it is dropped and     chunked; a CL beside it is dropped and
//!                     the client's connection closed (§6.3)      the server's connection closed
//!   TE: other         refused: 422; not final: 400               refused
//!   one CL            that many octets                           that many octets
//!   several CL        one, if all are equal (§6.3); else refused
//!   none              no content                                 until the connection closes
//!   always            CONNECT: no content                        to HEAD, 1xx, 204, 304: no content
//!                                                                101, 2xx to CONNECT: a tunnel
//! ```
//!
//! **Invariant:** a message is passed on with exactly the framing by which it was read, or it is refused.

use crate::fields::Fields;
use crate::known::Known;
use crate::limits::CONTENT_LENGTH_MAX;
use crate::octets::elements;
use crate::{Method, Refusal, Version};

/// How the end of a message's content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// There is no content.
    None,
    /// So many octets, at most [`CONTENT_LENGTH_MAX`](crate::CONTENT_LENGTH_MAX).
    Length(u64),
    /// Chunks, then a trailer section (RFC 9112 §7.1).
    Chunked,
    /// All octets until the connection is closed. Responses only.
    UntilClose,
    /// It is no longer HTTP: octets both ways until both sides have ended.
    Tunnel,
}

/// What a head says about its content, which may be about the content of another message: the response to HEAD announces what
/// GET would have brought (RFC 9110 §8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Announced {
    Nothing,
    Length(u64),
    Chunked,
}

/// The framing fields of a head, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) announced: Announced,
    /// Content-Length stood beside Transfer-Encoding: whoever sent this may not know itself what it sends (RFC 9112 §6.3).
    pub(crate) is_ambiguous: bool,
}

/// Reads the framing fields of a request.
pub(crate) fn announced_by_request(fields: &Fields, bytes: &[u8], version: Version) -> Result<Announcement, Refusal> {
    announcement(fields, bytes, version, not_chunked_in_request)
}

/// Reads the framing fields of a response. Every fault of theirs is answered with 502.
pub(crate) fn announced_by_response(fields: &Fields, bytes: &[u8], version: Version) -> Result<Announcement, Refusal> {
    announcement(fields, bytes, version, |_| Refusal::UnknownCoding)
}

/// The framing of a request that announces this.
pub(crate) fn of_request(method: Method, version: Version, announced: Announced) -> Result<Framing, Refusal> {
    let framing = match announced {
        Announced::Nothing | Announced::Length(0) => return Ok(Framing::None),
        Announced::Length(length) => Framing::Length(length),
        Announced::Chunked => Framing::Chunked,
    };
    match method {
        // RFC 9110 §9.3.6: content of CONNECT has no meaning. Were it passed on it might be taken for the tunnel's first octets.
        Method::Connect => Err(Refusal::UnexpectedContent),
        // RFC 1945 §8 gives these no content, and recipients of that age may take it for the next request.
        Method::Get | Method::Head | Method::Delete if version == Version::Http10 => Err(Refusal::UnexpectedContent),
        Method::Get
        | Method::Head
        | Method::Delete
        | Method::Post
        | Method::Put
        | Method::Options
        | Method::Trace
        | Method::Other => Ok(framing),
    }
}

/// The framing of a response to a request with this method, and what of its announcement is sent on.
pub(crate) fn of_response(method: Method, status: u16, announced: Announced) -> (Framing, Announced) {
    match (status, method) {
        // RFC 9110 §15.2.2 and §9.3.6: the connection is a tunnel from here.
        (101, _) | (200..=299, Method::Connect) => (Framing::Tunnel, Announced::Nothing),
        // RFC 9110 §8.6, RFC 9112 §6.1: neither field in these.
        (100..=199 | 204, _) => (Framing::None, Announced::Nothing),
        // RFC 9110 §8.6: what these announce is what GET would have brought.
        (304, _) | (_, Method::Head) => (Framing::None, announced),
        _ => match announced {
            Announced::Nothing => (Framing::UntilClose, announced),
            Announced::Length(0) => (Framing::None, announced),
            Announced::Length(length) => (Framing::Length(length), announced),
            Announced::Chunked => (Framing::Chunked, announced),
        },
    }
}

fn announcement(
    fields: &Fields,
    bytes: &[u8],
    version: Version,
    not_chunked: fn(&[&[u8]]) -> Refusal,
) -> Result<Announcement, Refusal> {
    let length = read_length(fields, bytes)?;
    let is_chunked = read_coding(fields, bytes, not_chunked)?;
    // RFC 9112 §6.1: "must treat the message as if the framing is faulty". Somebody on the way does not know chunks.
    if is_chunked && version == Version::Http10 {
        return Err(Refusal::TransferEncoding);
    }
    let announced = match (is_chunked, length) {
        (true, _) => Announced::Chunked,
        (false, Some(length)) => Announced::Length(length),
        (false, None) => Announced::Nothing,
    };
    Ok(Announcement { announced, is_ambiguous: is_chunked && length.is_some() })
}

/// RFC 9112 §6.3: one number, however often it is said.
fn read_length(fields: &Fields, bytes: &[u8]) -> Result<Option<u64>, Refusal> {
    let mut length = None;
    for entry in fields.known(Known::ContentLength) {
        for element in elements(fields.value(bytes, entry)) {
            let said = parse_length(element).ok_or(Refusal::ContentLength)?;
            if length.replace(said).is_some_and(|before| before != said) {
                return Err(Refusal::ContentLength);
            }
        }
    }
    Ok(length)
}

/// RFC 9110 §8.6: `1*DIGIT`. No sign (CVE-2021-32715), no blank, not empty (CVE-2023-40225), nothing that overflows.
fn parse_length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let length = digits.iter().try_fold(0u64, |length, digit| match digit {
        b'0'..=b'9' => length.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })?;
    (length <= CONTENT_LENGTH_MAX).then_some(length)
}

/// RFC 9112 §6.1: chunked, once. It is the only coding that is understood here, so any other is refused.
fn read_coding(fields: &Fields, bytes: &[u8], not_chunked: fn(&[&[u8]]) -> Refusal) -> Result<bool, Refusal> {
    let mut entries = fields.known(Known::TransferEncoding).peekable();
    if entries.peek().is_none() {
        return Ok(false);
    }
    let mut codings = entries.flat_map(|entry| elements(fields.value(bytes, entry)));
    match (codings.next(), codings.next()) {
        (Some(only), None) if is_chunked(only) => Ok(true),
        (first, second) => Err(not_chunked(&first.into_iter().chain(second).chain(codings).collect::<Vec<_>>())),
    }
}

/// RFC 9112 §6.1: "Transfer-coding names are case-insensitive".
fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// RFC 9112 §6.3: without chunked as its last coding the length of a request cannot be known: 400. With it, and another before,
/// it can, but not what it is that was coded.
fn not_chunked_in_request(codings: &[&[u8]]) -> Refusal {
    let (last, others) = codings.split_last().expect("there is at least one element, if empty");
    if is_chunked(last) && others.iter().all(|coding| !coding.is_empty() && !is_chunked(coding)) {
        Refusal::UnknownCoding
    } else {
        Refusal::TransferEncoding
    }
}
