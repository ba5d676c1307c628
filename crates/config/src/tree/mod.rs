//! What a configuration says: sections with their settings, typed, each with its place in the file.
//!
//! Settings of `defaults` are already copied into the proxies that follow it. Nothing is resolved: proxies, servers and
//! ACLs name each other by name, hosts may be names. Times are absolute durations; no time means "no limit".

mod bind;
mod checks;
mod global;
mod http;
mod log;
mod proxy;
mod rules;
mod server;

pub use bind::{Bind, BindTls, ClientVerify, NearEnd, TlsMethods, TlsVersion, V6};
pub use checks::{
    Check, CheckExpect, CheckText, CheckVariable, HttpCheck, HttpFieldPattern, HttpPattern, HttpScript, HttpSend,
    HttpVersion, Likeness, TcpCheck, TcpConnect,
};
pub use global::{Access, CpuMap, Global, IoEngine, Ownership, Role, StatsSocket, UnixBind};
pub use http::{ForwardFor, HttpSettings, IpNet, Keeping, RetryEvent, Reuse};
pub use log::{Log, LogOptions, LogStyle, LogTarget};
pub use proxy::{Balance, Keepalive, Mode, Proxy, Redispatch, Settings, Splice, StateSource, Timeouts, UniqueId};
pub use rules::{Capture, TcpAction, TcpDeed, TcpResponseAction, TcpRule, TcpRules, UseBackend, UseServer};
pub use server::{
    InitAddr, InitState, Observed, OnError, ProxyHeader, ProxyOption, ProxyTlv, Server, ServerOptions, ServerTls,
    ServerVerify,
};

use crate::error_page::HttpErrors;
use crate::unserved::Unserved;
use crate::userlist::Userlist;
use crate::variables::SaidVariables;

/// Everything that the files said.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub global: Global,
    /// In file order. Names are unique over all of them.
    pub proxies: Vec<Proxy>,
    /// In file order.
    pub http_errors: Vec<HttpErrors>,
    /// In file order, each name once.
    pub userlists: Vec<Userlist>,
    /// What became of the environment.
    pub variables: SaidVariables,
    /// What was read but is not served, in file order (see [`crate::unserved`]).
    pub unserved: Vec<Unserved>,
}

impl Config {
    /// Whether anything listens. HAProxy checks such a file with exit code 2 and does not start it.
    pub fn has_listener(&self) -> bool {
        let is_open = |proxy: &Proxy| !proxy.settings.is_disabled && !proxy.binds.is_empty();
        !self.global.stats_sockets.is_empty() || !self.global.prometheus.is_empty() || self.proxies.iter().any(is_open)
    }

    /// The log targets of a proxy, with `log global` replaced by the targets of the global section; said twice, it counts once.
    pub fn logs_of<'a>(&'a self, proxy: &'a Proxy) -> impl Iterator<Item = &'a LogTarget> {
        let logs = &proxy.settings.logs;
        let first = logs.iter().position(|log| matches!(log, Log::Global(_)));
        logs.iter().enumerate().flat_map(move |(index, log)| match log {
            Log::Global(_) if Some(index) == first => self.global.logs.as_slice(),
            Log::Global(_) => &[],
            Log::Target(target) => std::slice::from_ref(target),
        })
    }
}
