//! The beginning of a TLS connection: which handshake message it is, and what a ClientHello asks for (RFC 8446 §4.1.2, §5.1,
//! RFC 6066 §3, RFC 7301 §3.1, RFC 5077 §3.2).
//!
//! A message may be cut into several records, and records into any number of segments: a ClientHello is read once it is whole.
//! The obsolete SSLv2 form is no ClientHello here.

use std::borrow::Cow;

use super::{Reading, Sample, Value};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const PROTOCOLS: u16 = 16;
const SESSION_TICKET: u16 = 35;
/// The only kind of name in a server name list.
const HOST_NAME: u8 = 0;

/// Longest fragment of a record: RFC 5246 §6.2.3 allows so much for one that is encrypted.
const FRAGMENT_MAX: usize = (1 << 14) + 2048;
/// Longest message: what rules look at is not longer.
const MESSAGE_MAX: usize = 1 << 14;

/// A whole ClientHello.
#[derive(Debug)]
pub(super) struct ClientHello<'a> {
    /// `legacy_version`: 0x0303 for TLS 1.2 and 1.3; here major in the upper 16 bits, minor in the lower.
    pub(super) version: u32,
    extensions: &'a [u8],
}

/// The type of the handshake message that the bytes begin with, once it is whole.
pub(super) fn kind(bytes: &[u8]) -> Reading<u8> {
    message(bytes).map(|(kind, _)| kind)
}

/// What `ask` finds in the ClientHello that the bytes begin with.
pub(super) fn client<'a>(bytes: &[u8], ask: impl FnOnce(&ClientHello<'_>) -> Option<Value<'static>>) -> Sample<'a> {
    match message(bytes) {
        Reading::Known((CLIENT_HELLO, body)) => read_hello(&body).and_then(|hello| ask(&hello)).into(),
        Reading::Known(_) | Reading::Foreign => Sample::Absent,
        Reading::Short => Sample::Awaited,
    }
}

/// Type and body of the first handshake message.
fn message(bytes: &[u8]) -> Reading<(u8, Cow<'_, [u8]>)> {
    let mut gathered: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut rest = bytes;
    loop {
        let (fragment, is_whole, after) = match record(rest) {
            Reading::Known(record) => record,
            Reading::Short => return Reading::Short,
            Reading::Foreign => return Reading::Foreign,
        };
        match gathered.is_empty() {
            true => gathered = Cow::Borrowed(fragment),
            false => gathered.to_mut().extend_from_slice(fragment),
        }
        if let Some((&[kind, high, middle, low], body)) = gathered.split_first_chunk::<4>() {
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if length > MESSAGE_MAX {
                return Reading::Foreign;
            }
            if body.len() >= length {
                let range = 4..4 + length;
                return Reading::Known((
                    kind,
                    match gathered {
                        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[range]),
                        Cow::Owned(bytes) => Cow::Owned(bytes[range].to_vec()),
                    },
                ));
            }
        }
        if !is_whole {
            return Reading::Short;
        }
        rest = after;
    }
}

/// The fragment of the next record as far as it has come, whether that is all of it, and what follows.
fn record(bytes: &[u8]) -> Reading<(&[u8], bool, &[u8])> {
    // Told apart by its first two bytes, so that other protocols need not be waited for.
    if bytes.first().is_some_and(|&kind| kind != HANDSHAKE) || bytes.get(1).is_some_and(|&major| major != 3) {
        return Reading::Foreign;
    }
    let Some((&[_, _, _, high, low], after)) = bytes.split_first_chunk::<5>() else { return Reading::Short };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length == 0 || length > FRAGMENT_MAX {
        return Reading::Foreign;
    }
    let (fragment, after) = after.split_at(length.min(after.len()));
    Reading::Known((fragment, fragment.len() == length, after))
}

fn read_hello(body: &[u8]) -> Option<ClientHello<'_>> {
    let mut reader = Reader(body);
    let &[major, minor] = reader.take(2)?.first_chunk()?;
    let _random = reader.take(32)?;
    let _session_id = reader.counted_by_one()?;
    let _cipher_suites = reader.counted_by_two()?;
    let _compression_methods = reader.counted_by_one()?;
    // They may be missing as a whole, in hellos as old as TLS 1.0.
    let extensions = if reader.0.is_empty() { &[] } else { reader.counted_by_two()? };
    Some(ClientHello { version: u32::from(major) << 16 | u32::from(minor), extensions })
}

impl<'a> ClientHello<'a> {
    /// The host that the client wants to talk to.
    pub(super) fn server_name(&self) -> Option<Vec<u8>> {
        let mut names = Reader(Reader(self.extension(SERVER_NAME)?).counted_by_two()?);
        loop {
            let &[kind] = names.take(1)?.first_chunk()?;
            let name = names.counted_by_two()?;
            if kind == HOST_NAME {
                return Some(name.to_vec());
            }
        }
    }

    /// The protocol that it would like best. HAProxy's manual speaks of all, but it tells the first.
    pub(super) fn protocol(&self) -> Option<Vec<u8>> {
        let mut names = Reader(Reader(self.extension(PROTOCOLS)?).counted_by_two()?);
        names.counted_by_one().map(<[u8]>::to_vec)
    }

    pub(super) fn has_curves(&self) -> bool {
        self.extension(SUPPORTED_GROUPS).is_some()
    }

    /// 0: it knows nothing of tickets of TLS 1.2; 1: it would take one; 2: it brings one.
    pub(super) fn ticket(&self) -> i64 {
        self.extension(SESSION_TICKET).map_or(0, |ticket| if ticket.is_empty() { 1 } else { 2 })
    }

    fn extension(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = Reader(self.extensions);
        loop {
            let kind = u16::from_be_bytes(*rest.take(2)?.first_chunk()?);
            let content = rest.counted_by_two()?;
            if kind == wanted {
                return Some(content);
            }
        }
    }
}

/// What is left to read; every step is `None` when less is left than it needs.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn counted_by_one(&mut self) -> Option<&'a [u8]> {
        let &[count] = self.take(1)?.first_chunk()?;
        self.take(count.into())
    }

    fn counted_by_two(&mut self) -> Option<&'a [u8]> {
        let count = u16::from_be_bytes(*self.take(2)?.first_chunk()?);
        self.take(count.into())
    }
}

#[cfg(test)]
mod tests;
