//! What `mode http` adds.

use crate::cookie::Cookie;
use crate::error_page::ErrorPage;
use crate::forwarded::Forwarded;
use crate::source::Spanned;
use std::net::IpAddr;

/// The HTTP part of the settings.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    pub keeping: Keeping,
    pub reuse: Reuse,
    /// `option prefer-last-server`
    pub prefers_last: bool,
    /// `max-keep-alive-queue`
    pub keep_alive_queue_max: Option<u32>,
    /// `retry-on`; `None`: HAProxy's default.
    pub retry_on: Option<Vec<RetryEvent>>,
    pub forward_for: Option<Spanned<ForwardFor>>,
    /// `option originalto`
    pub original_to: Option<Spanned<ForwardFor>>,
    /// `option forwarded`
    pub forwarded: Option<Spanned<Forwarded>>,
    /// `option http-buffer-request`
    pub buffers_requests: bool,
    /// `option http-ignore-probes`
    pub ignores_probes: bool,
    /// `option http-pretend-keepalive`
    pub pretends_keepalive: bool,
    /// `option abortonclose`
    pub aborts_on_close: Option<Spanned<bool>>,
    /// `option checkcache`
    pub checks_cache: bool,
    /// `http-send-name-header`
    pub name_header: Option<String>,
    /// In file order: what a later one has for a status replaces what an earlier one has.
    pub pages: Vec<ErrorPage>,
    pub monitor_uri: Option<String>,
    pub cookie: Option<Spanned<Cookie>>,
    /// `dynamic-cookie-key`
    pub cookie_key: Option<String>,
}

/// A word of `retry-on`: a failure that is a reason to send a request again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryEvent {
    ConnFailure,
    EmptyResponse,
    JunkResponse,
    ResponseTimeout,
    Status(u16),
}

/// `http-reuse`: who may use a server's connection on which another client was served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reuse {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}

/// Which connections serve more than one exchange: the last of three options that was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keeping {
    /// `option http-keep-alive`.
    #[default]
    Both,
    /// `option http-server-close`.
    Front,
    /// `option httpclose`.
    Nothing,
}

/// `option forwardfor [except NET] [header NAME] [if-none]`, `option originalto [except NET] [header NAME]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ForwardFor {
    pub except: Option<IpNet>,
    pub header: Option<String>,
    pub is_if_none: bool,
}

/// A network. Bits behind the prefix are already cleared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpNet {
    pub address: IpAddr,
    /// Up to 32 for IPv4, up to 128 for IPv6.
    pub prefix: u8,
}
