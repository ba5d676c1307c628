//! The `global` section.

use super::{BindTls, LogTarget, ServerTls, ServerVerify};
use crate::address::BindAddress;
use crate::source::{Span, Spanned};
use std::time::Duration;

/// The `global` sections, merged.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// Concurrent client connections of the process; 0 or unset: derived from the descriptor limit.
    pub maxconn: Option<Spanned<u32>>,
    /// Most new connections per second; 0 or unset is without limit.
    pub maxconnrate: Option<Spanned<u32>>,
    /// Most new sessions per second; 0 or unset is without limit.
    pub maxsessrate: Option<Spanned<u32>>,
    /// 0 is without limit.
    pub maxsslconn: Option<Spanned<u32>>,
    pub maxsslrate: Option<Spanned<u32>>,
    /// Percent, 0 to 50.
    pub spread_checks: Option<u32>,
    pub max_spread_checks: Option<Duration>,
    pub nbthread: Option<Spanned<u16>>,
    /// Bytes; unset is 16,384.
    pub buffer_size: Option<Spanned<u32>>,
    /// Bytes of a buffer that are kept for edits of a head; unset is 1,024.
    pub rewrite_size: Option<u32>,
    /// Lines of a head, the first included; unset is 101.
    pub head_line_count_max: Option<u16>,
    /// `tidegate.io-engine`; unset is [`IoEngine::Auto`].
    pub io_engine: Option<Spanned<IoEngine>>,
    pub logs: Vec<LogTarget>,
    /// The name of the process in syslog's headers; `haproxy` unless set.
    pub log_tag: Option<Spanned<String>>,
    /// `log-send-hostname`; `None` inside is the system's name.
    pub log_hostname: Option<Spanned<Option<String>>>,
    pub user: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub uid: Option<Spanned<u32>>,
    pub gid: Option<Spanned<u32>>,
    pub chroot: Option<Spanned<String>>,
    pub pidfile: Option<Spanned<String>>,
    pub daemon: Option<Span>,
    /// Descriptors to ask the system for; 0 or unset: as many as it gives.
    pub ulimit_n: Option<Spanned<u32>>,
    /// Descriptors to use at most, whatever the system gives; 0 or unset: no limit of ours.
    pub fd_hard_limit: Option<Spanned<u32>>,
    /// `no strict-limits`
    pub takes_less: bool,
    /// `set-dumpable`
    pub is_dumpable: bool,
    /// `master-worker`
    pub is_master: bool,
    /// How long a soft stop may last.
    pub hard_stop_after: Option<Spanned<Duration>>,
    /// How long to serve on after a soft stop was asked for.
    pub grace: Option<Spanned<Duration>>,
    pub node: Option<Spanned<String>>,
    pub description: Option<Spanned<String>>,
    pub cpu_maps: Vec<CpuMap>,
    /// Where files of server states are whose names are relative.
    pub server_state_base: Option<Spanned<String>>,
    /// The file of those sections that load theirs from the global one.
    pub server_state_file: Option<Spanned<String>>,
    /// `tidegate.strict-haproxy`: keywords of our own are refused, so that the file stays one of HAProxy's.
    pub is_strict: bool,
    /// `tidegate.watch-certificates`: what changes on disk is taken over.
    pub watches_certificates: bool,
    /// `nosplice`: whatever the proxies say.
    pub is_splice_off: bool,
    /// `tidegate.prometheus`: where metrics are served.
    pub prometheus: Vec<Spanned<BindAddress>>,
    /// `ssl-default-bind-…`: what `bind` lines start from.
    pub bind_tls: BindTls,
    /// `ssl-default-server-…`: what `server` lines start from.
    pub server_tls: ServerTls,
    /// `ssl-server-verify`: whether servers have to prove who they are where their lines do not say it; they have to unless set.
    pub server_verify: Option<ServerVerify>,
    /// Where certificates are whose names are relative.
    pub crt_base: Option<Spanned<String>>,
    /// The same of authorities and revocation lists.
    pub ca_base: Option<Spanned<String>>,
    pub stats_sockets: Vec<StatsSocket>,
    pub unix_bind: UnixBind,
    pub stats_timeout: Option<Spanned<Duration>>,
    pub stats_maxconn: Option<Spanned<u32>>,
}

/// `cpu-map`: where threads may run. A later line about a thread replaces an earlier one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CpuMap {
    /// `auto:`: the first of the threads on the first of the CPUs, and so on; else each of them on any.
    pub is_auto: bool,
    /// Ascending, from 1.
    pub threads: Vec<u16>,
    /// Ascending, from 0. As many as threads if `is_auto`.
    pub cpus: Vec<u16>,
}

/// `tidegate.io-engine`, a keyword of our own: which of the kernel's interfaces moves the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IoEngine {
    /// io_uring; where the kernel refuses it, epoll and a warning.
    #[default]
    Auto,
    /// io_uring, or no start.
    IoUring,
    /// epoll; io_uring is not even tried.
    Epoll,
}

impl IoEngine {
    /// Every engine there is.
    pub const ALL: [IoEngine; 3] = [IoEngine::Auto, IoEngine::IoUring, IoEngine::Epoll];

    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            IoEngine::Auto => "auto",
            IoEngine::IoUring => "io_uring",
            IoEngine::Epoll => "epoll",
        }
    }
}

/// `stats socket ADDRESS …`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatsSocket {
    pub addresses: Vec<Spanned<BindAddress>>,
    pub ownership: Ownership,
    pub access: Access,
    /// `expose-fd listeners`: a successor may fetch the listening sockets here.
    pub exposes_listeners: bool,
    /// The master's (`-S`), a keyword of our own in the file.
    pub is_master: bool,
}

/// Who owns the path of a unix socket, and who may connect. A name counts before a number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ownership {
    /// Permission bits.
    pub mode: Option<u32>,
    pub user: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl Ownership {
    /// What `other` says where this says nothing.
    pub fn or(self, other: &Ownership) -> Ownership {
        // A number says whose it is, too.
        let (has_user, has_group) =
            (self.user.is_some() || self.uid.is_some(), self.group.is_some() || self.gid.is_some());
        Ownership {
            mode: self.mode.or(other.mode),
            user: self.user.or_else(|| other.user.clone().filter(|_| !has_user)),
            group: self.group.or_else(|| other.group.clone().filter(|_| !has_group)),
            uid: self.uid.or(other.uid.filter(|_| !has_user)),
            gid: self.gid.or(other.gid.filter(|_| !has_group)),
        }
    }
}

/// `unix-bind`: what holds for all unix sockets of `bind` lines that say nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnixBind {
    /// Stands before every path.
    pub prefix: Option<String>,
    pub ownership: Ownership,
}

/// What the users of an admin socket may do; each level includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Access {
    User,
    #[default]
    Operator,
    Admin,
}

impl Access {
    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            Access::User => "user",
            Access::Operator => "operator",
            Access::Admin => "admin",
        }
    }
}

/// Which side of a connection a section has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Frontend,
    Backend,
    Listen,
}

impl Role {
    pub fn has_front(self) -> bool {
        matches!(self, Role::Frontend | Role::Listen)
    }

    pub fn has_back(self) -> bool {
        matches!(self, Role::Backend | Role::Listen)
    }

    /// The keyword that opens the section.
    pub fn keyword(self) -> &'static str {
        match self {
            Role::Frontend => "frontend",
            Role::Backend => "backend",
            Role::Listen => "listen",
        }
    }

    /// What HAProxy calls such a section in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Role::Frontend => "frontend",
            Role::Backend => "backend",
            Role::Listen => "proxy",
        }
    }
}
