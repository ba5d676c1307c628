//! The head of a response: read in place, edited, written (RFC 9112 §4).
//!
//! It is read as a [`Request`](crate::Request) is. What its content is depends on the request that it answers, so
//! [`Exchange`](crate::Exchange) says that.

use crate::fields::{EditError, Fields, Span};
use crate::framing::{Announced, Announcement, Framing, announced_by_response, of_response};
use crate::head::{self, Head, Progress, Reading};
use crate::hop::{self, Upgrade};
use crate::known::Known;
use crate::octets::{is_blank, is_value, trim_start};
use crate::reason::reason;
use crate::write::{NoRoom, Out};
use crate::{ConnectionOption, Limits, Method, Refusal, Version};
use std::ops::Range;

/// A response's head. Holds no bytes of it: they are brought to each call, the same ones from the first byte of the message.
#[derive(Clone, Debug)]
pub struct Response {
    limits: Limits,
    reading: Reading,
    version: Version,
    status: u16,
    reason: Span,
    fields: Fields,
    pub(crate) announcement: Announcement,
    pub(crate) traits: Traits,
}

/// What the connection needs to know of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// The server lets its connection be used again (RFC 9112 §9.3).
    pub(crate) is_persistent: bool,
    pub(crate) upgrade: Upgrade,
    pub(crate) has_websocket_accept: bool,
}

impl Response {
    pub fn new(limits: Limits) -> Response {
        Response {
            limits,
            reading: Reading::default(),
            version: Version::Http11,
            status: 0,
            reason: Span::default(),
            fields: Fields::new(limits),
            announcement: Announcement { announced: Announced::Nothing, is_ambiguous: false },
            traits: Traits { is_persistent: false, upgrade: Upgrade::Nothing, has_websocket_accept: false },
        }
    }

    /// Makes it ready for the next response. Keeps its memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        let fields = std::mem::replace(&mut self.fields, Fields::new(self.limits));
        *self = Response { fields, ..Response::new(self.limits) };
    }

    /// Reads on. `bytes` are all bytes of the message so far, and perhaps bytes behind it.
    pub fn read(&mut self, bytes: &[u8]) -> Progress {
        head::read(self, self.limits, bytes)
    }

    /// What of `bytes` stands behind the head: content, as it was received. Nothing before the head is whole.
    pub fn behind<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.reading.head_size().and_then(|size| bytes.get(size..)).unwrap_or_default()
    }

    /// 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The reason phrase; HAProxy's for this status if the server gave none.
    pub fn reason<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        match self.reason_received(bytes) {
            [] => reason(self.status).as_bytes(),
            received => received,
        }
    }

    /// The reason phrase as the server gave it; often empty.
    pub fn reason_received<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        self.fields.text(bytes, self.reason)
    }

    /// Where its content ends if it answers a request with this method: for whoever reads it without passing it on.
    pub fn framing(&self, method: Method) -> Framing {
        of_response(method, self.status, self.announcement.announced).0
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// `set-status`: the status and its reason.
    ///
    /// # Errors
    /// Neither status may be one that decides what follows the head: 1xx, 204, 304.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) -> Result<(), EditError> {
        if !(200..=999).contains(&status) || !is_value(reason) {
            return Err(EditError::Invalid);
        }
        let is_bound = |status| matches!(status, 100..=199 | 204 | 304);
        if status != self.status && (is_bound(status) || is_bound(self.status)) {
            return Err(EditError::Reserved);
        }
        self.fields.reserve(reason.len())?;
        let before = self.reason.size();
        self.status = status;
        self.reason = self.fields.store(reason);
        self.fields.grow_start(before, reason.len());
        Ok(())
    }

    /// Writes the head as it is sent to a client. Says how many bytes it has.
    pub fn write(&self, bytes: &[u8], connection: ConnectionOption, buffer: &mut [u8]) -> Result<usize, NoRoom> {
        let mut out = Out::new(buffer);
        out.put(match self.version {
            Version::Http10 => b"HTTP/1.0 ",
            Version::Http11 => b"HTTP/1.1 ",
        })?;
        let digit = |place: u16| b'0' + u8::try_from(self.status / place % 10).expect("a digit");
        out.put(&[digit(100), digit(10), digit(1), b' '])?;
        out.put(self.reason(bytes))?;
        out.put(b"\r\n")?;
        out.fields(&self.fields, bytes, self.announcement.announced, connection)
    }
}

impl Head for Response {
    const LINE_TOO_LONG: Refusal = Refusal::StatusLine;
    const LINE_MALFORMED: Refusal = Refusal::StatusLine;

    fn may_begin(first: u8) -> bool {
        first == b'H'
    }

    /// RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`. Some servers omit the second space with the reason, some
    /// write more blanks than one; as the line is written anew, neither harms.
    fn on_line(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refusal> {
        let line = &bytes[range.clone()];
        let (version, rest) = line.split_at_checked("HTTP/1.1".len()).ok_or(Refusal::StatusLine)?;
        self.version = Version::of(version).ok_or(Refusal::Version)?;
        let (code, reason) = trim_start(rest).split_at_checked(3).ok_or(Refusal::StatusLine)?;
        let is_apart = |text: &[u8]| text.first().is_none_or(|&byte| is_blank(byte));
        if !is_apart(rest) || !is_apart(reason) {
            return Err(Refusal::StatusLine);
        }
        let reason = trim_start(reason);
        // RFC 9110 §15: three digits. Those from 600 on mean nothing, and harm nobody who passes them on.
        let is_code = code.iter().all(u8::is_ascii_digit) && code[0] != b'0';
        if !is_code {
            return Err(Refusal::StatusLine);
        }
        self.status = code.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        self.reason = Span::of(range.end - reason.len()..range.end);
        // What is sent may have a reason that was not received.
        self.fields.set_start_size(line.len().max("HTTP/1.1 200 \r\n".len()) + crate::reason::SIZE_MAX);
        Ok(())
    }

    fn on_fields(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.announcement = announced_by_response(&self.fields, bytes, self.version)?;
        let options = hop::options(&self.fields, bytes)?;
        let upgrade = hop::upgrade(&self.fields, bytes, options);
        // RFC 9112 §9.3; and what announces its length twice is trusted once (§6.3).
        let is_persistent = !options.close && (self.version == Version::Http11 || options.keep_alive);
        self.traits = Traits {
            is_persistent: is_persistent && !self.announcement.is_ambiguous,
            upgrade,
            has_websocket_accept: self.fields.known(Known::WebSocketAccept).next().is_some(),
        };
        // RFC 9110 §15.5.22: 426 names the protocols that are required.
        hop::strip(&mut self.fields, bytes, options, matches!(self.status, 101 | 426));
        self.fields.reserve(0).map_err(|_| Refusal::FieldsSize)
    }

    fn parts(&mut self) -> (&mut Reading, &mut Fields) {
        (&mut self.reading, &mut self.fields)
    }
}
