//! The head of a request: read in place, edited, written (RFC 9112 §3).

use crate::fields::{EditError, Fields, Span};
use crate::framing::{Announced, Framing, announced_by_request, of_request};
use crate::head::{self, Head, Progress, Reading};
use crate::hop::{self, Upgrade};
use crate::known::Known;
use crate::octets::{is_target, is_token, is_token_octet};
use crate::target::{self, Form, Normal};
use crate::write::{NoRoom, Out};
use crate::{ConnectionOption, Limits, Refusal};
use std::ops::Range;

/// The methods that mean something to whoever relays them (RFC 9110 §9). Methods are case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Other,
}

/// RFC 9112 §2.3. A higher minor version is treated as 1.1; another major version is another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    Http10,
    Http11,
}

/// A request's head. Holds no bytes of it: they are brought to each call, the same ones from the first byte of the message.
#[derive(Clone, Debug)]
pub struct Request {
    limits: Limits,
    reading: Reading,
    method: Method,
    method_text: Span,
    version: Version,
    target: Span,
    form: Form,
    fields: Fields,
    framing: Framing,
    announced: Announced,
    pub(crate) traits: Traits,
}

/// What the connection needs to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// The client wants to use its connection again (RFC 9112 §9.3).
    pub(crate) is_persistent: bool,
    pub(crate) upgrade: Upgrade,
}

impl Request {
    pub fn new(limits: Limits) -> Request {
        Request {
            limits,
            reading: Reading::default(),
            method: Method::Other,
            method_text: Span::default(),
            version: Version::Http11,
            target: Span::default(),
            form: Form::Origin,
            fields: Fields::new(limits),
            framing: Framing::None,
            announced: Announced::Nothing,
            traits: Traits { is_persistent: false, upgrade: Upgrade::Nothing },
        }
    }

    /// Makes it ready for the next request. Keeps its memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        let fields = std::mem::replace(&mut self.fields, Fields::new(self.limits));
        *self = Request { fields, ..Request::new(self.limits) };
    }

    /// Reads on. `bytes` are all bytes of the message so far, and perhaps bytes behind it.
    pub fn read(&mut self, bytes: &[u8]) -> Progress {
        head::read(self, self.limits, bytes)
    }

    /// What of `bytes` stands behind the head: content, as it was received. Nothing before the head is whole.
    pub fn behind<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.reading.head_size().and_then(|size| bytes.get(size..)).unwrap_or_default()
    }

    /// Takes a default port off the target and off `Host`. CONNECT keeps its port: it is what is connected to.
    fn normalise(&mut self, bytes: &[u8], normal: Normal) {
        let target = self.target(bytes).to_vec();
        let authority = match &self.form {
            Form::Absolute { authority, .. } => authority.clone(),
            Form::Authority | Form::Origin | Form::Asterisk => 0..target.len(),
        };
        let end = authority.start + normal.authority_size;
        let host = self.fields.store(&target[authority.start..end]);
        self.fields.set_value(Known::Host, host);
        if let Form::Absolute { .. } = self.form {
            let shorter = [&target[..end], &target[authority.end..]].concat();
            self.set_target(&shorter).expect("a port less is a shorter target of the same form");
        }
    }

    /// What it asks to change to, unless a rule has removed that.
    pub(crate) fn upgrade(&self) -> Upgrade {
        match self.fields.known(Known::Upgrade).next() {
            Some(_) => self.traits.upgrade,
            None => Upgrade::Nothing,
        }
    }

    /// RFC 6455 §4.2.1: 16 octets in base64.
    fn has_websocket_key(&self, bytes: &[u8]) -> bool {
        self.fields.known(Known::WebSocketKey).any(|entry| self.fields.value(bytes, entry).len() == 24)
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub fn method_text<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        self.fields.text(bytes, self.method_text)
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn target<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        self.fields.text(bytes, self.target)
    }

    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The path, without the query. Empty where the target has none.
    pub fn path<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        let target = self.target(bytes);
        &target[target::path_range(&self.form, target)]
    }

    /// The path and the query, with its `?`. Empty where the target has no path.
    pub fn path_and_query<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        let target = self.target(bytes);
        &target[target::path_range(&self.form, target).start..]
    }

    /// The query, without its `?`.
    pub fn query<'a>(&'a self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let target = self.target(bytes);
        target.get(target::path_range(&self.form, target).end + 1..)
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// How the content is delimited, both as it arrives and as it is sent on.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// `set-method`.
    ///
    /// # Errors
    /// A method that changes what the exchange is about (CONNECT, HEAD) cannot be put on or taken off.
    pub fn set_method(&mut self, method: &[u8]) -> Result<(), EditError> {
        if !is_token(method) {
            return Err(EditError::Invalid);
        }
        let known = Method::of(method);
        let is_bound = |method| matches!(method, Method::Connect | Method::Head);
        if known != self.method && (is_bound(known) || is_bound(self.method)) {
            return Err(EditError::Reserved);
        }
        self.fields.reserve(method.len().saturating_sub(self.method_text.size()))?;
        let before = self.method_text.size();
        self.method = known;
        self.method_text = self.fields.store(method);
        self.fields.grow_start(before, method.len());
        Ok(())
    }

    /// `set-uri`: the whole target. `Host` follows one that names a host.
    pub fn set_target(&mut self, target: &[u8]) -> Result<(), EditError> {
        if !is_target(target) {
            return Err(EditError::Invalid);
        }
        let form = target::recognise(self.method, target).map_err(|_| EditError::Invalid)?;
        let before = self.target.size();
        let named = match &form {
            Form::Absolute { authority, .. } => Some(&target[authority.clone()]),
            Form::Origin | Form::Authority | Form::Asterisk => None,
        };
        let host_before = self.fields.known(Known::Host).next().map_or(0, |entry| entry.value.size());
        let host_growth = named.map_or(0, |host| host.len().saturating_sub(host_before));
        self.fields.reserve(target.len().saturating_sub(before) + host_growth)?;
        if let Some(host) = named {
            let host = self.fields.store(host);
            self.fields.set_value(Known::Host, host);
        }
        self.form = form;
        self.target = self.fields.store(target);
        self.fields.grow_start(before, target.len());
        Ok(())
    }

    /// Makes target and `Host` name the same host again, after edits: of a target with an authority, `Host` decides. RFC 9112 §3.2.2
    /// lets the next reader go by either.
    pub fn reconcile_host(&mut self, bytes: &[u8]) -> Result<(), EditError> {
        let Form::Absolute { authority, .. } = self.form.clone() else { return Ok(()) };
        let Some(entry) = self.fields.known(Known::Host).next() else { return Ok(()) };
        let (host, target) = (self.fields.value(bytes, entry), self.target(bytes));
        if host.eq_ignore_ascii_case(&target[authority.clone()]) {
            return Ok(());
        }
        let target = [&target[..authority.start], host, &target[authority.end..]].concat();
        self.set_target(&target)
    }

    /// `set-path`: the path; the query stays.
    pub fn set_path(&mut self, bytes: &[u8], path: &[u8]) -> Result<(), EditError> {
        let (range, old) = (target::path_range(&self.form, self.target(bytes)), self.target(bytes));
        let target = [&old[..range.start], path, &old[range.end..]].concat();
        self.set_target(&target)
    }

    /// `set-pathq`: the path and the query.
    pub fn set_path_and_query(&mut self, bytes: &[u8], path: &[u8]) -> Result<(), EditError> {
        let (range, old) = (target::path_range(&self.form, self.target(bytes)), self.target(bytes));
        let target = [&old[..range.start], path].concat();
        self.set_target(&target)
    }

    /// `set-query`: the query, without `?`; the path stays.
    pub fn set_query(&mut self, bytes: &[u8], query: &[u8]) -> Result<(), EditError> {
        let (range, old) = (target::path_range(&self.form, self.target(bytes)), self.target(bytes));
        let target = [&old[..range.end], b"?", query].concat();
        self.set_target(&target)
    }

    /// Writes the head as it is sent to a server. Says how many bytes it has.
    pub fn write(&self, bytes: &[u8], connection: ConnectionOption, buffer: &mut [u8]) -> Result<usize, NoRoom> {
        let mut out = Out::new(buffer);
        out.put(self.method_text(bytes))?;
        out.put(b" ")?;
        out.put(self.target(bytes))?;
        out.put(self.version.text())?;
        out.fields(&self.fields, bytes, self.announced, connection)
    }
}

impl Head for Request {
    const LINE_TOO_LONG: Refusal = Refusal::TargetSize;
    const LINE_MALFORMED: Refusal = Refusal::RequestLine;

    fn may_begin(first: u8) -> bool {
        is_token_octet(first)
    }

    /// RFC 9112 §3: `method SP request-target SP HTTP-version`.
    fn on_line(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refusal> {
        let line = &bytes[range.clone()];
        let method_size = memchr::memchr(b' ', line).ok_or(Refusal::RequestLine)?;
        let target_start = method_size + 1;
        let target_size = memchr::memchr(b' ', &line[target_start..]).ok_or(Refusal::RequestLine)?;
        let target_end = target_start + target_size;
        let (method, target) = (&line[..method_size], &line[target_start..target_end]);
        if !is_token(method) {
            return Err(Refusal::RequestLine);
        }
        self.version = Version::of(&line[target_end + 1..]).ok_or(Refusal::Version)?;
        self.method = Method::of(method);
        self.form = target::recognise(self.method, target)?;
        self.method_text = Span::of(range.start..range.start + method_size);
        self.target = Span::of(range.start + target_start..range.start + target_end);
        self.fields.set_start_size(line.len() + 2);
        Ok(())
    }

    fn on_fields(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        // Everything that follows makes the head shorter.
        self.fields.reserve(0).map_err(|_| Refusal::FieldsSize)?;
        let hosts = self.fields.known(Known::Host).map(|entry| self.fields.value(bytes, entry));
        if let Some(normal) = target::check_host(&self.form, self.target(bytes), self.version, hosts)? {
            self.normalise(bytes, normal);
        }
        let announcement = announced_by_request(&self.fields, bytes, self.version)?;
        self.framing = of_request(self.method, self.version, announcement.announced)?;
        self.announced = announcement.announced;
        let options = hop::options(&self.fields, bytes)?;
        // RFC 9110 §7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request".
        let upgrade = match self.version {
            Version::Http10 => Upgrade::Nothing,
            Version::Http11 => hop::upgrade(&self.fields, bytes, options),
        };
        if upgrade == Upgrade::WebSocket && !self.has_websocket_key(bytes) {
            return Err(Refusal::WebSocketKey);
        }
        // RFC 9112 §9.3, and §6.1 for a request that announces its length twice.
        let is_persistent = !options.close && (self.version == Version::Http11 || options.keep_alive);
        self.traits = Traits { is_persistent: is_persistent && !announcement.is_ambiguous, upgrade };
        hop::strip(&mut self.fields, bytes, options, upgrade != Upgrade::Nothing);
        hop::count_hop(&mut self.fields, bytes, self.method)
    }

    fn parts(&mut self) -> (&mut Reading, &mut Fields) {
        (&mut self.reading, &mut self.fields)
    }
}

impl Method {
    fn of(text: &[u8]) -> Method {
        match text {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"CONNECT" => Method::Connect,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            _ => Method::Other,
        }
    }
}

impl Version {
    /// RFC 9112 §2.3: `"HTTP/" DIGIT "." DIGIT`, case-sensitive.
    pub(crate) fn of(text: &[u8]) -> Option<Version> {
        match text {
            b"HTTP/1.0" => Some(Version::Http10),
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Some(Version::Http11),
            _ => None,
        }
    }

    fn text(self) -> &'static [u8] {
        match self {
            Version::Http10 => b" HTTP/1.0\r\n",
            Version::Http11 => b" HTTP/1.1\r\n",
        }
    }
}
