//! Addresses as HAProxy writes them (configuration.txt §11 "Address formats"): `:1110`, `*:443`, `:::81`, `[::1]:81`,
//! `ipv4@…`, `ipv6@…`, `/run/x.sock`, `unix@…`, `abns@…`, `fd@3`, `host.example:25`, `:1000-1010`.
//!
//! Names stay names: this crate resolves nothing. `$NAME`, `${NAME}` and `${NAME-default}` are replaced here even
//! outside quotes, which is HAProxy's one exception for addresses.

use crate::environment::Environment;
use crate::value::natural;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// HAProxy binds a unix socket under a temporary name of up to ten characters more, and so limits the path.
const PATH_MAX: usize = 97;
/// `sun_path` less the leading NUL byte.
const ABSTRACT_MAX: usize = 106;

/// Which addresses a name may stand for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    Any,
    V4,
    V6,
}

/// The host part. An absent host or `*` is the unspecified address of its family, IPv4 by default.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    Ip(IpAddr),
    /// To be resolved at start.
    Name {
        name: String,
        family: Family,
    },
}

/// What a listener is bound to. One word of `bind` may list several, separated by commas.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum BindAddress {
    /// Every port of `first..=last`; a single port has both equal.
    Tcp { host: Host, first: u16, last: u16 },
    /// Absolute or relative path, at most 97 bytes.
    Unix(String),
    /// Linux abstract name, without the leading NUL.
    Abstract(String),
    /// A listening socket inherited by number. It cannot be bound again: all shards accept from this one.
    Inherited(i32),
}

/// Where a server lives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ServerAddress {
    Tcp { host: Host, port: ServerPort },
    Unix(String),
    Abstract(String),
}

/// A server's port, fixed or taken from the port that the client connected to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ServerPort {
    Fixed(u16),
    /// The client's destination port plus this (`server s 10.0.0.1:+1000`; no port at all is an offset of 0).
    Offset(i32),
}

/// Where log lines go.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LogAddress {
    /// Syslog over UDP; port 514 unless given.
    Udp {
        host: Host,
        port: u16,
    },
    Unix(String),
    Abstract(String),
    Stdout,
    Stderr,
    /// Any other inherited descriptor.
    Descriptor(i32),
}

/// Why a word is no address for its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AddressError {
    /// In HAProxy's words.
    Invalid(String),
    /// HAProxy knows this kind of address (`quic4@`, `ring@` …); Tidegate does not serve it.
    Unserved(&'static str),
}

/// Reads one address of a `bind` line (a comma list is split by the caller).
pub(crate) fn bind(word: &str, environment: &dyn Environment) -> Result<BindAddress, AddressError> {
    let address = Address::read(word, environment, Place::BIND)?;
    Ok(match address {
        Address::Inet { host, port: Port::Range(first, last) } => BindAddress::Tcp { host, first, last },
        Address::Inet { port: Port::Absent | Port::Offset(_), .. } => {
            return invalid(format!("missing port specification in '{word}'"));
        }
        Address::Unix(path) => BindAddress::Unix(path),
        Address::Abstract(name) => BindAddress::Abstract(name),
        Address::Descriptor(number) => BindAddress::Inherited(number),
    })
}

/// Reads the address of a `server` line.
pub(crate) fn server(word: &str, environment: &dyn Environment) -> Result<ServerAddress, AddressError> {
    let address = Address::read(word, environment, Place::SERVER)?;
    Ok(match address {
        Address::Inet { host, port } => {
            let port = match port {
                Port::Absent | Port::Range(0, _) => ServerPort::Offset(0),
                Port::Range(port, _) => ServerPort::Fixed(port),
                Port::Offset(offset) => ServerPort::Offset(offset),
            };
            ServerAddress::Tcp { host, port }
        }
        Address::Unix(path) => ServerAddress::Unix(path),
        Address::Abstract(name) => ServerAddress::Abstract(name),
        Address::Descriptor(_) => return invalid(format!("a file descriptor is not acceptable here in '{word}'")),
    })
}

/// Reads the address that checks of a server go to: a host, and a port if the word has one.
pub(crate) fn check(word: &str, environment: &dyn Environment) -> Result<(Host, Option<u16>), AddressError> {
    match Address::read(word, environment, Place::CHECK)? {
        Address::Inet { host: host @ Host::Ip(_), port } => {
            let port = match port {
                Port::Range(port, _) if port > 0 => Some(port),
                Port::Range(..) | Port::Absent | Port::Offset(_) => None,
            };
            Ok((host, port))
        }
        Address::Inet { host: Host::Name { name, .. }, .. } => {
            invalid(format!("invalid address: '{name}' in '{word}'"))
        }
        Address::Unix(_) | Address::Abstract(_) | Address::Descriptor(_) => {
            invalid(format!("invalid address: '{word}' in '{word}'"))
        }
    }
}

/// Reads where connections to servers come from: an address, and a port, or 0 for any.
pub(crate) fn source(word: &str, environment: &dyn Environment) -> Result<(Host, u16), AddressError> {
    match Address::read(word, environment, Place::CHECK)? {
        Address::Inet { host: host @ Host::Ip(_), port: Port::Range(port, _) } => Ok((host, port)),
        Address::Inet { host: host @ Host::Ip(_), port: Port::Absent | Port::Offset(_) } => Ok((host, 0)),
        Address::Inet { host: Host::Name { name, .. }, .. } => {
            invalid(format!("invalid address: '{name}' in '{word}'"))
        }
        Address::Unix(_) | Address::Abstract(_) | Address::Descriptor(_) => {
            invalid(format!("invalid address: '{word}' in '{word}'"))
        }
    }
}

/// Reads the target of a `log` line.
pub(crate) fn log(word: &str, environment: &dyn Environment) -> Result<LogAddress, AddressError> {
    match word {
        "stdout" => return Ok(LogAddress::Stdout),
        "stderr" => return Ok(LogAddress::Stderr),
        _ => {}
    }
    let address = Address::read(word, environment, Place::LOG)?;
    Ok(match address {
        Address::Inet { host, port } => {
            let port = match port {
                Port::Range(port, _) if port > 0 => port,
                Port::Range(..) | Port::Absent | Port::Offset(_) => 514,
            };
            LogAddress::Udp { host, port }
        }
        Address::Unix(path) => LogAddress::Unix(path),
        Address::Abstract(name) => LogAddress::Abstract(name),
        Address::Descriptor(1) => LogAddress::Stdout,
        Address::Descriptor(2) => LogAddress::Stderr,
        Address::Descriptor(number) => LogAddress::Descriptor(number),
    })
}

/// What is allowed where.
#[derive(Clone, Copy)]
struct Place {
    is_datagram: bool,
    needs_port: bool,
    allows_range: bool,
    allows_offset: bool,
}

impl Place {
    const BIND: Place = Place { is_datagram: false, needs_port: true, allows_range: true, allows_offset: false };
    const SERVER: Place = Place { is_datagram: false, needs_port: false, allows_range: false, allows_offset: true };
    const CHECK: Place = Place { is_datagram: false, needs_port: false, allows_range: false, allows_offset: false };
    const LOG: Place = Place { is_datagram: true, needs_port: false, allows_range: false, allows_offset: false };
}

/// Any address, before its place has had its say.
enum Address {
    Inet { host: Host, port: Port },
    Unix(String),
    Abstract(String),
    Descriptor(i32),
}

enum Port {
    Absent,
    Range(u16, u16),
    Offset(i32),
}

impl Address {
    fn read(word: &str, environment: &dyn Environment, place: Place) -> Result<Address, AddressError> {
        let expanded = expand(word, environment);
        if expanded.is_empty() {
            return invalid(format!("'{word}' resolves to an empty address (environment variable missing?)"));
        }
        let (is_datagram, text) = match (expanded.strip_prefix("stream+"), expanded.strip_prefix("dgram+")) {
            (Some(rest), _) => (Some(false), rest),
            (None, Some(rest)) => (Some(true), rest),
            (None, None) => (None, expanded.as_str()),
        };
        let (kind, rest) = Kind::of(text);
        if is_datagram.or(kind.is_datagram()).is_some_and(|is| is && !place.is_datagram) {
            return invalid(format!("dgram-type address not acceptable in '{word}'"));
        }
        if is_datagram.or(kind.is_datagram()).is_some_and(|is| !is && place.is_datagram) {
            return Err(AddressError::Unserved("a stream address for logs"));
        }
        match kind {
            Kind::Inet(family) | Kind::Tcp(family) | Kind::Udp(family) => inet(word, rest, family, place),
            Kind::Unix | Kind::UnixStream | Kind::UnixDatagram => path(rest),
            Kind::Abstract if rest.len() > ABSTRACT_MAX => {
                invalid(format!("abstract name '{rest}' too long (max {ABSTRACT_MAX})"))
            }
            Kind::Abstract => Ok(Address::Abstract(rest.to_string())),
            Kind::Descriptor => match natural(rest) {
                Some(number) => Ok(Address::Descriptor(number)),
                None => invalid(format!("file descriptor '{rest}' is not a valid integer in '{word}'")),
            },
            Kind::Unserved(prefix) => Err(AddressError::Unserved(prefix)),
        }
    }
}

/// What stands before the `@`.
#[derive(Clone, Copy)]
enum Kind {
    Inet(Family),
    Tcp(Family),
    Udp(Family),
    Unix,
    UnixStream,
    UnixDatagram,
    Abstract,
    Descriptor,
    Unserved(&'static str),
}

impl Kind {
    fn of(text: &str) -> (Kind, &str) {
        const PREFIXES: &[(&str, Kind)] = &[
            ("ipv4@", Kind::Inet(Family::V4)),
            ("ipv6@", Kind::Inet(Family::V6)),
            ("tcp@", Kind::Tcp(Family::Any)),
            ("tcp4@", Kind::Tcp(Family::V4)),
            ("tcp6@", Kind::Tcp(Family::V6)),
            ("udp@", Kind::Udp(Family::Any)),
            ("udp4@", Kind::Udp(Family::V4)),
            ("udp6@", Kind::Udp(Family::V6)),
            ("unix@", Kind::Unix),
            ("uxst@", Kind::UnixStream),
            ("uxdg@", Kind::UnixDatagram),
            ("abns@", Kind::Abstract),
            ("fd@", Kind::Descriptor),
            ("abnsz@", Kind::Unserved("abnsz@")),
            ("backend@", Kind::Unserved("backend@")),
            ("mptcp@", Kind::Unserved("mptcp@")),
            ("mptcp4@", Kind::Unserved("mptcp4@")),
            ("mptcp6@", Kind::Unserved("mptcp6@")),
            ("quic@", Kind::Unserved("quic@")),
            ("quic4@", Kind::Unserved("quic4@")),
            ("quic6@", Kind::Unserved("quic6@")),
            ("rhttp@", Kind::Unserved("rhttp@")),
            ("ring@", Kind::Unserved("ring@")),
            ("sockpair@", Kind::Unserved("sockpair@")),
        ];
        if text.starts_with('/') {
            return (Kind::Unix, text);
        }
        PREFIXES
            .iter()
            .find_map(|(prefix, kind)| text.strip_prefix(prefix).map(|rest| (*kind, rest)))
            .unwrap_or((Kind::Inet(Family::Any), text))
    }

    /// Whether the prefix alone decides between stream and datagram.
    fn is_datagram(self) -> Option<bool> {
        match self {
            Kind::Tcp(_) | Kind::UnixStream => Some(false),
            Kind::Udp(_) | Kind::UnixDatagram => Some(true),
            Kind::Inet(_) | Kind::Unix | Kind::Abstract | Kind::Descriptor | Kind::Unserved(_) => None,
        }
    }
}

fn path(path: &str) -> Result<Address, AddressError> {
    if path.is_empty() {
        return invalid("socket path is empty".to_string());
    }
    if path.len() > PATH_MAX {
        return invalid(format!("socket path '{path}' too long (max {PATH_MAX})"));
    }
    Ok(Address::Unix(path.to_string()))
}

/// `host:port`. The last colon splits, so that `:::81` is `::` and 81; a word ending in `]` has no port.
fn inet(word: &str, text: &str, family: Family, place: Place) -> Result<Address, AddressError> {
    let (host_text, port_text) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        Some(_) | None => (text, ""),
    };
    let port = port(word, port_text, place)?;
    match host(host_text, family) {
        Some(host) => Ok(Address::Inet { host, port }),
        None => invalid(format!("invalid address: '{host_text}' in '{word}'")),
    }
}

fn port(word: &str, text: &str, place: Place) -> Result<Port, AddressError> {
    let out_of_range = |text: &str| invalid(format!("invalid port '{text}'"));
    let Some(first) = text.chars().next() else {
        return if place.needs_port {
            invalid(format!("missing port specification in '{word}'"))
        } else {
            Ok(Port::Absent)
        };
    };
    if matches!(first, '+' | '-') {
        if !place.allows_offset {
            return invalid(format!("port offset not permitted here in '{word}'"));
        }
        return match natural::<u16>(&text[1..]) {
            Some(offset) if first == '-' => Ok(Port::Offset(-i32::from(offset))),
            Some(offset) => Ok(Port::Offset(i32::from(offset))),
            None => out_of_range(text),
        };
    }
    if let Some(character) = text.chars().find(|character| !character.is_ascii_digit() && *character != '-') {
        return invalid(format!("invalid character '{character}' in port number '{text}' in '{word}'"));
    }
    let smallest = u16::from(place.needs_port);
    let number = |text: &str| natural::<u16>(text).filter(|port| *port >= smallest);
    let Some((low, high)) = text.split_once('-') else {
        return number(text).map_or_else(|| out_of_range(text), |port| Ok(Port::Range(port, port)));
    };
    if !place.allows_range {
        return invalid(format!("port range not permitted here in '{word}'"));
    }
    match (number(low), number(high)) {
        (Some(low), Some(high)) if low <= high => Ok(Port::Range(low, high)),
        (Some(_), Some(_)) => invalid(format!("invalid port range '{text}'")),
        (None, _) => out_of_range(low),
        (_, None) => out_of_range(high),
    }
}

fn host(text: &str, family: Family) -> Option<Host> {
    if text.is_empty() || text == "*" {
        return Some(Host::Ip(match family {
            Family::Any | Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }));
    }
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = inside.parse::<IpAddr>() {
        let fits = match family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        return fits.then_some(Host::Ip(ip));
    }
    is_host_name(inside).then(|| Host::Name { name: inside.to_string(), family })
}

/// A name that a resolver may be asked for. Digits and dots alone are a misspelled IPv4 address, never a name.
fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Replaces `$NAME`, `${NAME}` and `${NAME-default}`. A dollar that starts no name stays; an unclosed brace ends at the
/// end of the word, as in HAProxy.
fn expand(word: &str, environment: &dyn Environment) -> String {
    let mut expanded = String::new();
    let mut rest = word;
    while let Some(dollar) = rest.find('$') {
        let (before, after) = (&rest[..dollar], &rest[dollar + 1..]);
        expanded.push_str(before);
        let is_braced = after.starts_with('{');
        let named = &after[usize::from(is_braced)..];
        let length = named.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, tail) = named.split_at(length);
        if name.is_empty() && !is_braced {
            expanded.push('$');
            rest = after;
            continue;
        }
        let (default, tail) = match (is_braced, tail.strip_prefix('-')) {
            (true, Some(default)) => default.split_once('}').unwrap_or((default, "")),
            (true, None) => ("", tail.strip_prefix('}').unwrap_or(tail)),
            (false, _) => ("", tail),
        };
        expanded.push_str(&environment.var(name).unwrap_or_else(|| default.to_string()));
        rest = tail;
    }
    expanded.push_str(rest);
    expanded
}

fn invalid<T>(message: String) -> Result<T, AddressError> {
    Err(AddressError::Invalid(message))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
