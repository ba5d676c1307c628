//! Addresses that are listened on.

use super::Ownership;
use crate::address::{BindAddress, Host};
use crate::source::{Span, Spanned};
use std::time::Duration;

/// One `bind` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bind {
    /// The whole line, without its comment.
    pub span: Span,
    pub addresses: Vec<Spanned<BindAddress>>,
    pub name: Option<Spanned<String>>,
    /// Its number within the frontend; the next that is free unless set.
    pub id: Option<Spanned<u32>>,
    pub ownership: Ownership,
    /// The device that packets have to come through.
    pub interface: Option<String>,
    pub backlog: Option<Spanned<u32>>,
    /// What `[::]` listens on.
    pub v6: V6,
    /// Connections start with a PROXY header.
    pub accept_proxy: Option<Span>,
    /// `mss`: most bytes of a segment that clients are told to send; 88 to 32,767.
    pub segment_size: Option<u16>,
    /// `tcp-ut`: how long bytes may stay unacknowledged.
    pub user_timeout: Option<Duration>,
    /// `defer-accept`: clients are accepted when their first bytes have come.
    pub defers_accept: bool,
    /// `tfo`: clients may bring bytes with their first segment.
    pub opens_fast: bool,
    pub tls: BindTls,
}

/// What a `bind` line says about TLS, and `global` for all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BindTls {
    /// `ssl`; without it all the rest is without effect.
    pub is_on: Option<Span>,
    /// Files and directories, in the order of the line.
    pub certificates: Vec<Spanned<String>>,
    /// Files that name files, and the hosts that each is for.
    pub certificate_lists: Vec<Spanned<String>>,
    /// Those of names that nobody is for.
    pub default_certificates: Vec<Spanned<String>>,
    pub ca_file: Option<Spanned<String>>,
    pub crl_file: Option<Spanned<String>>,
    /// Clients are not asked for certificates unless set.
    pub verify: Option<Spanned<ClientVerify>>,
    /// Names of protocols, the one that is liked best first.
    pub alpn: Option<Spanned<Vec<String>>>,
    pub is_strict: bool,
    pub methods: TlsMethods,
    /// For TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<Spanned<String>>,
    /// For TLS 1.3, in OpenSSL's words.
    pub ciphersuites: Option<Spanned<String>>,
    pub curves: Option<Spanned<String>>,
    pub has_tickets: Option<bool>,
    pub prefers_client: bool,
    /// The kernel may do it, if that was said.
    pub ktls: Option<Spanned<bool>>,
}

/// Whether a client has to have a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientVerify {
    Optional,
    Required,
}

/// Which versions of TLS are agreed to. Where least or most are said, `no-tlsv…` counts for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsMethods {
    pub least: Option<Spanned<TlsVersion>>,
    pub most: Option<Spanned<TlsVersion>>,
    pub without: Vec<TlsVersion>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TlsVersion {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub const ALL: [TlsVersion; 5] =
        [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13];

    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "SSLv3",
            TlsVersion::Tls10 => "TLSv1.0",
            TlsVersion::Tls11 => "TLSv1.1",
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        }
    }
}

/// `source ADDRESS[:PORT] [interface NAME]`: where connections to servers come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearEnd {
    /// An address; unspecified: as the system has it.
    pub host: Host,
    /// 0: any.
    pub port: u16,
    /// The device that packets have to go through.
    pub interface: Option<String>,
}

/// How an IPv6 listener treats IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum V6 {
    /// As the system says (`net.ipv6.bindv6only`).
    #[default]
    System,
    /// `v4v6`: both families.
    Both,
    /// `v6only`.
    Only,
}
