//! Fields that belong to one connection: what they say to us, and what is not sent on (RFC 9110 §7.6.1).

use crate::fields::{Fields, Span};
use crate::known::Known;
use crate::limits::CONNECTION_OPTION_COUNT_MAX;
use crate::octets::{elements, offset_in};
use crate::{Method, Refusal};

/// What the `Connection` fields of a head say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// Names of other fields are among them.
    names_fields: bool,
}

/// What `Upgrade` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    Nothing,
    WebSocket,
    /// Whatever it is, both ends know it.
    Other,
}

/// Reads the `Connection` fields.
pub(crate) fn options(fields: &Fields, bytes: &[u8]) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut count = 0;
    for entry in fields.known(Known::Connection) {
        for option in elements(fields.value(bytes, entry)) {
            count += 1;
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            match option.len() {
                0 => {}
                5 if is("close") => options.close = true,
                7 if is("upgrade") => options.upgrade = true,
                10 if is("keep-alive") => options.keep_alive = true,
                _ => options.names_fields = true,
            }
        }
    }
    if count > CONNECTION_OPTION_COUNT_MAX { Err(Refusal::ConnectionOptions) } else { Ok(options) }
}

/// What a request or a response asks to change to, if `Connection` says so too (RFC 9110 §7.8).
///
/// h2c is never asked for on behalf of a client: what followed would pass unseen. HAProxy drops the whole field too.
pub(crate) fn upgrade(fields: &Fields, bytes: &[u8], options: Options) -> Upgrade {
    let protocols = || {
        fields
            .known(Known::Upgrade)
            .flat_map(|entry| elements(fields.value(bytes, entry)))
            .filter(|one| !one.is_empty())
    };
    let is = |protocol: &[u8], word: &str| protocol.eq_ignore_ascii_case(word.as_bytes());
    if !options.upgrade || protocols().any(|one| is(one, "h2c") || is(one, "h2")) || protocols().next().is_none() {
        Upgrade::Nothing
    } else if protocols().any(|one| is(one, "websocket")) {
        Upgrade::WebSocket
    } else {
        Upgrade::Other
    }
}

/// Removes what belongs to the connection on which the head arrived. `Connection: upgrade` and `Upgrade` stay if `keeps_upgrade`.
pub(crate) fn strip(fields: &mut Fields, bytes: &[u8], options: Options, keeps_upgrade: bool) {
    if !fields.entries().iter().any(|entry| entry.known.is_of_connection()) {
        return;
    }
    let nominated = if options.names_fields { nominated(fields, bytes) } else { Vec::new() };
    let mut has_upgrade = false;
    fields.retain(|fields, entry| match entry.known {
        Known::Upgrade => keeps_upgrade,
        Known::Connection if keeps_upgrade && !has_upgrade => {
            match upgrade_option(entry.value, fields.value(bytes, entry)) {
                Some(option) => {
                    entry.value = option;
                    has_upgrade = true;
                    true
                }
                None => false,
            }
        }
        Known::Connection | Known::Http2Settings | Known::KeepAlive | Known::ProxyConnection | Known::Te => false,
        // Nobody strips a message of what frames and routes it by naming that (RFC 9110 §7.6.1: such an option must not be sent).
        Known::ContentLength | Known::Host | Known::TransferEncoding => true,
        Known::MaxForwards | Known::WebSocketAccept | Known::WebSocketKey | Known::Other => {
            !nominated.iter().any(|option: &Vec<u8>| option.eq_ignore_ascii_case(fields.name(bytes, entry)))
        }
    });
}

/// RFC 9110 §7.6.2: TRACE and OPTIONS count the hops they may still make.
pub(crate) fn count_hop(fields: &mut Fields, bytes: &[u8], method: Method) -> Result<(), Refusal> {
    if !matches!(method, Method::Trace | Method::Options) {
        return Ok(());
    }
    let Some(entry) = fields.known(Known::MaxForwards).next() else { return Ok(()) };
    let digits = fields.value(bytes, entry);
    // What is no number is no limit, and a huge one is none either. `parse` alone would take a sign.
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let left = str::from_utf8(digits).ok().filter(|_| is_number).and_then(|digits| digits.parse::<u32>().ok());
    let Some(left) = left else { return Ok(()) };
    let left = left.checked_sub(1).ok_or(Refusal::MaxForwards)?.to_string();
    fields.replace(bytes, b"max-forwards", 0, left.as_bytes()).expect("one less has no more digits");
    Ok(())
}

/// The names that the `Connection` fields nominate: a rare thing, at most [`CONNECTION_OPTION_COUNT_MAX`].
fn nominated(fields: &Fields, bytes: &[u8]) -> Vec<Vec<u8>> {
    let lists = fields.known(Known::Connection).map(|entry| fields.value(bytes, entry));
    lists.flat_map(elements).map(<[u8]>::to_vec).collect()
}

/// The option `upgrade` in a list, spelt as it was.
fn upgrade_option(list: Span, text: &[u8]) -> Option<Span> {
    let option = elements(text).find(|option| option.eq_ignore_ascii_case(b"upgrade"))?;
    let start = offset_in(option, text);
    Some(list.part(start..start + option.len()))
}
