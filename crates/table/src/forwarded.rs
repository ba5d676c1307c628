//! `option forwarded`: what a server is told of the connection that a request came on (RFC 7239).
//!
//! Behind what other proxies have told it is put only where all of that is understood: a server that trusts the last element must not read
//! somebody else's into it. Otherwise it has a field of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http1::{EditError, Fields};

use crate::sample::first_element;
use crate::{Facts, Message};

/// What is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// `proto`: whether the client uses TLS.
    pub has_proto: bool,
    /// `host`: what the request says.
    pub has_host: bool,
    /// `by`: what the client connected to.
    pub by: NodeForm,
    /// `for`: the client.
    pub client: NodeForm,
}

/// How an address is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeForm {
    #[default]
    Absent,
    Name,
    NameAndPort,
}

impl Forwarded {
    /// This hop's element: `proto=http;for=192.0.2.1`.
    pub fn element(&self, facts: &Facts<'_>) -> String {
        let proto = self.has_proto.then(|| format!("proto={}", if facts.tls.is_some() { "https" } else { "http" }));
        // In quotes always: so whatever reads it need not know what a host may be.
        let host = self.has_host.then(|| format!("host=\"{}\"", host(facts).unwrap_or_default()));
        let by = self.by.of(facts.dst).map(|node| format!("by={node}"));
        let client = self.client.of(facts.src).map(|node| format!("for={node}"));
        [proto, host, by, client].into_iter().flatten().collect::<Vec<_>>().join(";")
    }

    /// Tells it in the fields of a request.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn tell(element: &str, fields: &mut Fields, bytes: &[u8]) -> Result<(), EditError> {
        const NAME: &[u8] = b"forwarded";
        let count = fields.values(bytes, NAME).count();
        let last = fields.values(bytes, NAME).next_back().map(<[u8]>::to_vec);
        match last.filter(|_| fields.values(bytes, NAME).all(is_understood)) {
            Some(told) => fields.replace(bytes, NAME, count - 1, &[&told, &b", "[..], element.as_bytes()].concat()),
            None => fields.add(NAME, element.as_bytes()),
        }
    }
}

impl NodeForm {
    fn of(self, addr: Option<SocketAddr>) -> Option<String> {
        let name = addr.map(|addr| match addr.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        let name = name.unwrap_or("unknown".into());
        match (self, addr) {
            (NodeForm::Absent, _) => None,
            (NodeForm::Name, Some(SocketAddr::V6(_))) | (NodeForm::NameAndPort, None) => Some(format!("\"{name}\"")),
            (NodeForm::Name, _) => Some(name),
            (NodeForm::NameAndPort, Some(addr)) => Some(format!("\"{name}:{}\"", addr.port())),
        }
    }
}

fn host<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    let Some(Message::Request { request, bytes }) = facts.heard.message() else { return None };
    let host = request.fields().values(bytes, b"host").next()?;
    str::from_utf8(host).ok().filter(|host| is_host(host))
}

/// Whether all elements of a list are ones that RFC 7239 §4 and §6 describe.
fn is_understood(list: &[u8]) -> bool {
    let mut rest = Some(list);
    while let Some(list) = rest {
        let (element, behind) = first_element(list);
        rest = behind;
        if !str::from_utf8(element.trim_ascii()).is_ok_and(is_element) {
            return false;
        }
    }
    true
}

/// `for=192.0.2.1;proto=https`: each name once, no others.
fn is_element(element: &str) -> bool {
    let mut names = Vec::new();
    element.split(';').all(|pair| {
        let Some((name, value)) = pair.split_once('=') else { return false };
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let is_first = !names.contains(&name);
        names.push(name);
        is_first
            && match name {
                "proto" => matches!(value, "http" | "https"),
                "host" => is_host(quoted.unwrap_or(value)) && (quoted.is_some() || !value.contains([':', '['])),
                "for" | "by" => is_node(quoted.unwrap_or(value), quoted.is_some()),
                _ => false,
            }
    })
}

/// A name or an address, perhaps with a port (RFC 9110 §4.2.1).
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("", port),
        Some(_) => return false,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) && is_port(port)
}

/// RFC 7239 §6: an address, `unknown`, or an obfuscated name; addresses of IPv6 and ports in quotes only.
fn is_node(node: &str, is_quoted: bool) -> bool {
    let (name, port) = match node.find(']') {
        Some(end) => node.split_at(end + 1),
        None => node.split_at(node.find(':').unwrap_or(node.len())),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = match address {
        Some(address) => is_quoted && address.parse::<Ipv6Addr>().is_ok(),
        None => name == "unknown" || is_obfuscated(name) || name.parse::<Ipv4Addr>().is_ok(),
    };
    let is_place = port.is_empty() || is_quoted && (is_port(port) || port.strip_prefix(':').is_some_and(is_obfuscated));
    is_name && is_place
}

fn is_obfuscated(name: &str) -> bool {
    let name = name.strip_prefix('_').unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Nothing, or a colon and a number.
fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7239 §4, §6 and §7.4 that name things a proxy can check, and some that do not.
    #[test]
    fn elements() {
        for (list, expect) in [
            ("for=192.0.2.43", true),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", true),
            ("for=192.0.2.43, for=\"[2001:db8:cafe::17]\"", true),
            ("for=\"[2001:db8:cafe::17]:4711\"", true),
            ("for=\"192.0.2.43:47011\"", true),
            ("for=_hidden, for=_SEVKISEK", true),
            ("for=unknown", true),
            ("for=\"192.0.2.43:_port\";host=\"example.org:80\"", true),
            ("for=[2001:db8:cafe::17]", false),
            ("for=192.0.2.43:47011", false),
            ("for=192.0.2.43;for=192.0.2.44", false),
            ("for=192.0.2.43;secret=x", false),
            ("for=\"192.0.2.43", false),
            ("proto=gopher", false),
            ("for=192.0.2.43,", false),
            ("", false),
        ] {
            assert_eq!(is_understood(list.as_bytes()), expect, "{list}");
        }
    }

    #[test]
    fn nodes() {
        let (v4, v6) = (Some(([192, 0, 2, 1], 9).into()), Some((Ipv6Addr::LOCALHOST, 9).into()));
        for (form, addr, expect) in [
            (NodeForm::Absent, v4, None),
            (NodeForm::Name, v4, Some("192.0.2.1")),
            (NodeForm::Name, v6, Some("\"[::1]\"")),
            (NodeForm::Name, None, Some("unknown")),
            (NodeForm::NameAndPort, v4, Some("\"192.0.2.1:9\"")),
            (NodeForm::NameAndPort, v6, Some("\"[::1]:9\"")),
            (NodeForm::NameAndPort, None, Some("\"unknown\"")),
        ] {
            assert_eq!(form.of(addr).as_deref(), expect, "{form:?} of {addr:?}");
        }
    }
}
