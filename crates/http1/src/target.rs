//! What a request is about: the four forms of a target (RFC 9112 §3.2), and whether `Host` says the same.
//!
//! ```text
//!   origin-form      /path?query                     all methods but CONNECT
//!   absolute-form    http://host:port/path?query     all methods but CONNECT; its authority is the one that counts (§3.2.2)
//!   authority-form   host:port                       CONNECT only (§3.2.3)
//!   asterisk-form    *                               OPTIONS only (§3.2.4)
//! ```

use crate::octets::{is_reg_name, is_target};
use crate::{Method, Refusal, Version};
use std::ops::Range;

/// The form of a target, and where its parts are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    Origin,
    /// `path_start` is where the path begins, or the end where there is none.
    Absolute {
        authority: Range<usize>,
        path_start: usize,
    },
    Authority,
    Asterisk,
}

/// Recognises the form of a target, or refuses one that does not fit its method.
pub(crate) fn recognise(method: Method, target: &[u8]) -> Result<Form, Refusal> {
    if !is_target(target) {
        return Err(Refusal::Target);
    }
    match (method, target) {
        (Method::Connect, _) => match split_host(target) {
            Some((host, Some(port))) if !host.is_empty() && !port.is_empty() => Ok(Form::Authority),
            _ => Err(Refusal::Target),
        },
        (_, [b'/', ..]) => Ok(Form::Origin),
        (Method::Options, b"*") => Ok(Form::Asterisk),
        _ => absolute(target).ok_or(Refusal::Target),
    }
}

/// What is sent on instead of a target's authority and the `Host` beside it: the same without a default port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Bytes of the authority that stay.
    pub(crate) authority_size: usize,
}

/// RFC 9112 §3.2: a request of HTTP/1.1 has exactly one valid `Host`. One that contradicts the target would let two readers
/// route the same request to two places; HAProxy refuses it as well.
///
/// `Some` where the target has a default port, which is not sent on (RFC 9110 §4.2.3); HAProxy takes it off too.
pub(crate) fn check_host<'a>(
    form: &Form,
    target: &[u8],
    version: Version,
    mut hosts: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<Normal>, Refusal> {
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) if version == Version::Http10 => return Ok(None),
        _ => return Err(Refusal::Host),
    };
    let (name, port) = split_host(host).ok_or(Refusal::Host)?;
    let (authority, default_ports): (_, &[&[u8]]) = match form {
        Form::Origin | Form::Asterisk => return Ok(None),
        Form::Authority => (target, &[b"80", b"443"]),
        Form::Absolute { authority, .. } => (&target[authority.clone()], default_ports(target)),
    };
    let (expected_name, expected_port) = split_host(authority).ok_or(Refusal::Host)?;
    let is_default = |port: &[u8]| port.is_empty() || default_ports.contains(&port);
    let is_same_port = port.filter(|port| !is_default(port)) == expected_port.filter(|port| !is_default(port));
    if !name.eq_ignore_ascii_case(expected_name) || !is_same_port {
        return Err(Refusal::Host);
    }
    Ok(expected_port.filter(|port| is_default(port)).map(|_| Normal { authority_size: expected_name.len() }))
}

/// The path and query of a target, and where the query's `?` is in it. A target of another form has no path.
pub(crate) fn path_range(form: &Form, target: &[u8]) -> Range<usize> {
    let start = match form {
        Form::Origin | Form::Asterisk => 0,
        Form::Absolute { path_start, .. } => *path_start,
        Form::Authority => return target.len()..target.len(),
    };
    let end = memchr::memchr(b'?', &target[start..]).map_or(target.len(), |at| start + at);
    start..end
}

/// RFC 9110 §4.2: `scheme "://" authority path-abempty [ "?" query ]`. User information in it is an error (§4.2.4), as is an
/// empty host (§4.2.1).
fn absolute(target: &[u8]) -> Option<Form> {
    let scheme_size = memchr::memmem::find(target, b"://")?;
    let (first, others) = target[..scheme_size].split_first()?;
    let is_scheme_octet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !first.is_ascii_alphabetic() || !others.iter().all(is_scheme_octet) {
        return None;
    }
    let start = scheme_size + 3;
    // RFC 3986 §3.2 would end an authority at `?` too. Some readers do not; HAProxy refuses it.
    let end = memchr::memchr(b'/', &target[start..]).map_or(target.len(), |at| start + at);
    let (host, _) = split_host(&target[start..end])?;
    (!host.is_empty()).then_some(Form::Absolute { authority: start..end, path_start: end })
}

/// RFC 3986 §3.2: `host [ ":" port ]`. `None` if it is not one.
fn split_host(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let host_size = match text {
        [b'[', ..] => memchr::memchr(b']', text)? + 1,
        _ => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_size);
    let is_host = match host {
        [b'[', address @ .., b']'] => {
            !address.is_empty() && address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        _ => is_reg_name(host),
    };
    let port = match rest {
        [] => None,
        [b':', port @ ..] if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) => Some(port),
        _ => return None,
    };
    is_host.then_some((host, port))
}

/// RFC 9110 §4.2.1 and §4.2.2.
fn default_ports(target: &[u8]) -> &'static [&'static [u8]] {
    let is =
        |scheme: &str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()));
    if is("http://") {
        &[b"80"]
    } else if is("https://") {
        &[b"443"]
    } else {
        &[]
    }
}
