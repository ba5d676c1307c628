//! What `mode http` adds to a frontend and a backend (`configuration.txt: mode`).

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Condition, Cookie, Forwarded, HttpRules, Pages, StatsPage};

/// What becomes of connections once an exchange is over. Of a frontend and its backend the later of the two counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeping {
    /// `option http-keep-alive`: both are kept.
    #[default]
    Both,
    /// `option http-server-close`: the client's is kept.
    Front,
    /// `option httpclose`: of a frontend neither is kept, of a backend the client's.
    Nothing,
}

/// Which exchanges may use a connection on which another client was served (`http-reuse`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    Never,
    /// Not the first of a client: should such a connection break at that moment, a client that was served before tries again.
    #[default]
    Safe,
    /// The first of a client, too, if the connection has served more than one already.
    Aggressive,
    Always,
}

/// The HTTP half of a frontend.
#[derive(Clone, Debug, Default)]
pub struct HttpFront {
    pub keeping: Keeping,
    pub forward_for: Option<ForwardFor>,
    /// `option originalto`
    pub original_to: Option<ForwardFor>,
    /// `option http-buffer-request`: rules are asked when the content of a request has come.
    pub buffers_requests: bool,
    /// `option abortonclose`, where its backend says nothing of it.
    pub aborts_on_close: Option<bool>,
    /// `option http-ignore-probes`: clients that leave or are silent without having said anything are not told anything.
    pub ignores_probes: bool,
    /// `capture request header`, in file order.
    pub request_captures: Vec<Capture>,
    /// `capture response header`, in file order.
    pub response_captures: Vec<Capture>,
    pub rules: HttpRules,
    pub pages: Pages,
    pub monitor: Option<Monitor>,
    pub stats: Option<StatsPage>,
}

/// `monitor-uri`: a request that is answered by the proxy itself, and leaves no line in the log.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// All of its target.
    pub uri: Box<[u8]>,
    /// `monitor fail`: while any of these holds, the answer is 503 instead of 200.
    pub fail: Vec<Condition>,
}

/// The HTTP half of a backend.
#[derive(Clone, Debug, Default)]
pub struct HttpBack {
    /// No section of the file: what the process itself has to say is said by its server. It is in no statistics.
    pub is_service: bool,
    pub keeping: Keeping,
    pub forward_for: Option<ForwardFor>,
    /// `option originalto`
    pub original_to: Option<ForwardFor>,
    /// As that of a frontend.
    pub buffers_requests: bool,
    pub forwarded: Option<Forwarded>,
    /// `option http-pretend-keepalive`: servers are not told that their connections are not used again.
    pub pretends_keepalive: bool,
    /// `option abortonclose`: clients that end their half while they wait for a response are served no further.
    pub aborts_on_close: Option<bool>,
    /// `option checkcache`: a response with a cookie that a shared cache might keep is not passed on.
    pub checks_cache: bool,
    /// `http-send-name-header`: the field that tells servers which one they are.
    pub name_header: Option<Box<str>>,
    pub reuse: Reuse,
    /// `option prefer-last-server`: a client stays with the server that it has a connection to.
    pub prefers_last: bool,
    pub retry_on: RetryOn,
    /// Of a `listen` section the same as those of its frontend.
    pub rules: HttpRules,
    pub pages: Pages,
    pub cookie: Option<Cookie>,
    /// Of a `listen` section the same as that of its frontend.
    pub stats: Option<StatsPage>,
}

/// A failure after which a request may be sent again (`retry-on`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryEvent {
    /// The server could not be connected to.
    ConnFailure,
    /// It ended the connection without a word.
    EmptyResponse,
    /// What it said is no response.
    JunkResponse,
    /// It was silent for too long (`timeout server`).
    ResponseTimeout,
    Status(u16),
}

/// Which failures are a reason to send a request again. Each counts as one of the backend's `retries`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn(pub Vec<RetryEvent>);

impl Default for RetryOn {
    fn default() -> RetryOn {
        RetryOn(vec![RetryEvent::ConnFailure])
    }
}

impl RetryOn {
    pub fn has(&self, event: RetryEvent) -> bool {
        self.0.contains(&event)
    }

    /// Whether requests must be known for as long as their server may fail.
    pub fn needs_request(&self) -> bool {
        self.0.iter().any(|event| *event != RetryEvent::ConnFailure)
    }
}

/// `option forwardfor`: the client's address in a field of the request; `option originalto`: the address that it connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardFor {
    /// Addresses of this network are left out. Families do not meet here, as in HAProxy.
    pub except: Option<IpNet>,
    /// The field's name.
    pub header: Box<str>,
    /// Not where the request has such a field already.
    pub is_if_none: bool,
}

/// `capture request header NAME len N`: the value of the field's last occurrence, for log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// `None`: only rules fill it (`declare capture`).
    pub header: Option<Box<str>>,
    /// Bytes that are kept.
    pub size_max: usize,
}

impl ForwardFor {
    /// Whether clients at this address are left out.
    pub fn excepts(&self, addr: IpAddr) -> bool {
        self.except.is_some_and(|net| net.contains(&addr))
    }
}

impl Capture {
    /// What is kept of a value.
    pub fn cut<'v>(&self, value: &'v [u8]) -> &'v [u8] {
        &value[..value.len().min(self.size_max)]
    }
}
