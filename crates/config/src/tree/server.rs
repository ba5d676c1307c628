//! Servers, and how they are spoken to.

use super::{NearEnd, TlsMethods};
use crate::acl::Expression;
use crate::address::{Host, ServerAddress};
use crate::http_rule::Format;
use crate::source::{Span, Spanned};
use std::net::IpAddr;
use std::time::Duration;

/// One `server` line, with `default-server` applied.
#[derive(Clone, Debug)]
pub struct Server {
    pub name: Spanned<String>,
    pub address: Spanned<ServerAddress>,
    pub options: ServerOptions,
}

/// The parameters of a server line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerOptions {
    /// Its number within the backend; the next that is free unless set.
    pub id: Option<Spanned<u32>>,
    /// Where connections to it come from; what the proxy says unless set.
    pub near_end: Option<Spanned<NearEnd>>,
    pub check: Option<Span>,
    pub check_address: Option<Spanned<Host>>,
    pub check_port: Option<Spanned<u16>>,
    pub check_send_proxy: Option<Span>,
    /// The server that it follows: its backend, unless it is the same one, and its name.
    pub track: Option<Spanned<(Option<String>, String)>>,
    /// `observe none` takes it back.
    pub observe: Option<Spanned<Observed>>,
    /// At least 1; 10 unless set.
    pub error_limit: Option<u32>,
    /// [`OnError::FailCheck`] unless set.
    pub on_error: Option<OnError>,
    /// Where its first address comes from if it is named: the first that knows one. `last,libc` if there are none.
    pub init_addr: Vec<InitAddr>,
    /// [`InitState::Up`] unless set.
    pub init_state: Option<InitState>,
    pub agent: Option<Span>,
    pub agent_address: Option<Spanned<Host>>,
    pub agent_port: Option<Spanned<u16>>,
    /// Between two questions to the agent; 2 s unless set.
    pub agent_inter: Option<Spanned<Duration>>,
    /// What is said to the agent first.
    pub agent_send: Option<String>,
    /// Between checks; 2 s unless set.
    pub inter: Option<Spanned<Duration>>,
    /// Between checks while going up or down; `inter` unless set.
    pub fastinter: Option<Spanned<Duration>>,
    /// Between checks while down; `inter` unless set.
    pub downinter: Option<Spanned<Duration>>,
    /// Successes that make it up; at least 1; 2 unless set.
    pub rise: Option<Spanned<u32>>,
    /// Failures that make it down; at least 1; 3 unless set.
    pub fall: Option<Spanned<u32>>,
    /// 0 (takes no new connections) to 256; 1 unless set.
    pub weight: Option<Spanned<u16>>,
    /// How long it takes until it has its full weight, after it came up; 0 or unset: at once.
    pub slowstart: Option<Spanned<Duration>>,
    pub is_backup: bool,
    pub is_disabled: bool,
    /// `on-marked-down shutdown-sessions`.
    pub shuts_sessions_when_down: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub shuts_backups_when_up: bool,
    pub proxy_header: Option<Spanned<ProxyHeader>>,
    /// `proxy-v2-options`: what a header of version 2 says beside that.
    pub proxy_options: Vec<ProxyOption>,
    /// `set-proxy-v2-tlv-fmt`: TLVs of the operator's own, in their order.
    pub proxy_tlvs: Vec<ProxyTlv>,
    pub tls: ServerTls,
    /// Most connections at once; 0 or unset is without limit.
    pub maxconn: Option<Spanned<u32>>,
    /// The limit while the backend is empty; 0 or unset: that of `maxconn`.
    pub minconn: Option<Spanned<u32>>,
    /// Most that wait for this server alone; 0 or unset is without limit.
    pub maxqueue: Option<Spanned<u32>>,
    /// `tcp-ut`: how long bytes may stay unacknowledged; unset: as long as the system has it.
    pub user_timeout: Option<Duration>,
    /// `pool-max-conn`: most connections that rest; -1 or unset is without limit.
    pub pool_most: Option<i64>,
    /// `pool-low-conn`: with so many that rest, or fewer, no thread takes one of another's; 0 unless set.
    pub pool_low: Option<u32>,
    /// `pool-purge-delay`: how long one rests at most; 5 s unless set.
    pub pool_rest: Option<Duration>,
    /// The value of its clients' cookie.
    pub cookie: Option<String>,
}

/// What a server line says about TLS, and `global` for all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerTls {
    /// `ssl`; without it all the rest is without effect.
    pub is_on: Option<Span>,
    /// Who asks: a file.
    pub certificate: Option<Spanned<String>>,
    pub ca_file: Option<Spanned<String>>,
    pub crl_file: Option<Spanned<String>>,
    /// What `global` says unless set.
    pub verify: Option<ServerVerify>,
    /// The name that its certificate has to have, whatever it is asked for.
    pub verify_host: Option<String>,
    /// The host that it is asked for.
    pub name: Option<Expression>,
    /// That of the request, unless another one is said; so it is unless set.
    pub takes_name_of_request: Option<bool>,
    /// Names of protocols, the one that is liked best first.
    pub alpn: Option<Spanned<Vec<String>>>,
    pub methods: TlsMethods,
    /// For TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<Spanned<String>>,
    /// For TLS 1.3, in OpenSSL's words.
    pub ciphersuites: Option<Spanned<String>>,
    pub curves: Option<Spanned<String>>,
    pub takes_tickets: Option<bool>,
    /// The kernel may do it, if that was said.
    pub ktls: Option<Spanned<bool>>,
    /// Earlier sessions are taken up again unless set.
    pub resumes: Option<bool>,
    /// Checks have TLS; unless set they have it where the server has it and is checked where it is.
    pub is_checked: Option<bool>,
    /// The host that checks ask for.
    pub check_name: Option<String>,
    /// `[no-]check-sni-auto`
    pub check_takes_name_of_request: Option<bool>,
    pub check_alpn: Option<Spanned<Vec<String>>>,
}

/// Whether a server has to prove who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerVerify {
    None,
    Required,
}

/// What of its sessions counts for its health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Observed {
    /// `layer4`
    Connections,
    /// `layer7`
    Responses,
}

/// `on-error`: what follows from too many errors in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    Fastinter,
    FailCheck,
    SuddenDeath,
    MarkDown,
}

/// `init-addr`: where an address may come from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InitAddr {
    /// A file of server states.
    Last,
    /// The system's resolver.
    Libc,
    /// It has none, and is in maintenance until it is told one.
    None,
    Ip(IpAddr),
}

/// `init-state`: what is thought of a server before its first check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitState {
    FullyUp,
    Up,
    Down,
    FullyDown,
}

/// A word of `proxy-v2-options`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyOption {
    Authority,
    CertCn,
    CertKey,
    CertSig,
    Crc32c,
    Ssl,
    SslCipher,
    UniqueId,
}

/// A TLV: its type, and what its value is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyTlv {
    pub kind: u8,
    pub value: Format,
}

/// Which PROXY header a server is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    V1,
    V2,
    /// With the TLS TLV.
    V2Ssl,
    /// With the TLS TLV and the certificate's common name.
    V2SslCn,
}
