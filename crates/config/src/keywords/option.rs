//! The names of `option` (configuration.txt §4.1, rows "option …").

use super::Meaning::{self, Inert, Ours, Refused, Served};
use super::{DB, DF, DFB, Scope};
use crate::tree::Keeping;

/// The options that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keyword {
    AbortOnClose,
    AllBackups,
    BufferRequest,
    Check(CheckName),
    CheckCache,
    ForwardFor,
    Forwarded,
    HttpCheck,
    HttpLog,
    IgnoreProbes,
    Keepalive(Sides),
    Keeping(Keeping),
    Ktls,
    Log(LogWay),
    LogHealthChecks,
    OriginalTo,
    Persist,
    PreferLastServer,
    PretendKeepalive,
    Redispatch,
    SocketStats,
    Splice(Way),
    TcpLog,
}

/// The options that say how servers are checked, but for `httpchk`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CheckName {
    Tcp,
    Smtp,
    Redis,
    SslHello,
    Imap,
    Pop3,
    Lmtp,
}

/// Whose connections are probed when they rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sides {
    Client,
    Server,
    Both,
}

/// Which of the splice options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Auto,
    Request,
    Response,
}

/// Which of the options about log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogWay {
    Asap,
    DontNormal,
    DontNull,
    SeparateErrors,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    /// Whether `no option NAME` and `default option NAME` exist.
    pub(crate) is_invertible: bool,
    pub(crate) meaning: Meaning<Keyword>,
}

/// An option that `no` can switch off again.
const fn switch(name: &'static str, scope: Scope, meaning: Meaning<Keyword>) -> Row {
    Row { name, scope, is_invertible: true, meaning }
}

/// An option that can only be said.
const fn once(name: &'static str, scope: Scope, meaning: Meaning<Keyword>) -> Row {
    Row { name, scope, is_invertible: false, meaning }
}

const TCP_ACK: &str = "it delays one TCP acknowledgement, which the kernel does as it sees fit";

const PROXY_HEADER: &str = "'Proxy-Connection' belongs to the connection, and is never passed on; HAProxy's own option has no effect since 2.0";

pub(crate) const TABLE: &[Row] = &[
    switch("abortonclose", DFB, Served(Keyword::AbortOnClose)),
    switch("accept-invalid-http-request", DF, Refused),
    switch("accept-invalid-http-response", DB, Refused),
    switch("accept-unsafe-violations-in-http-request", DF, Refused),
    switch("accept-unsafe-violations-in-http-response", DB, Refused),
    switch("allbackups", DB, Served(Keyword::AllBackups)),
    switch("assume-rfc6587-ntf", DF, Refused),
    switch("checkcache", DB, Served(Keyword::CheckCache)),
    switch("clitcpka", DF, Served(Keyword::Keepalive(Sides::Client))),
    switch("contstats", DF, Inert("bytes are counted as they come, always")),
    switch("disable-h2-upgrade", DF, Refused),
    switch("dont-parse-log", DF, Refused),
    switch("dontlog-normal", DF, Served(Keyword::Log(LogWay::DontNormal))),
    switch("dontlognull", DF, Served(Keyword::Log(LogWay::DontNull))),
    once("external-check", DB, Refused),
    once("forwarded", DB, Served(Keyword::Forwarded)),
    once("forwardfor", DFB, Served(Keyword::ForwardFor)),
    switch("h1-case-adjust-bogus-client", DF, Refused),
    switch("h1-case-adjust-bogus-server", DB, Refused),
    switch("host", DF, Refused),
    switch("http-buffer-request", DFB, Served(Keyword::BufferRequest)),
    switch("http-drop-request-trailers", DB, Refused),
    switch("http-drop-response-trailers", DF, Refused),
    switch("http-ignore-probes", DF, Served(Keyword::IgnoreProbes)),
    switch("http-keep-alive", DFB, Served(Keyword::Keeping(Keeping::Both))),
    switch("http-no-delay", DFB, Inert("what has come is sent on at once, always")),
    switch("http-pretend-keepalive", DB, Served(Keyword::PretendKeepalive)),
    once("http-restrict-req-hdr-names", DFB, Refused),
    switch("http-server-close", DFB, Served(Keyword::Keeping(Keeping::Front))),
    switch("http-use-htx", DFB, Refused),
    switch("http-use-proxy-header", DF, Inert(PROXY_HEADER)),
    once("httpchk", DB, Served(Keyword::HttpCheck)),
    switch("httpclose", DFB, Served(Keyword::Keeping(Keeping::Nothing))),
    once("httplog", DFB, Served(Keyword::HttpLog)),
    once("httpslog", DF, Refused),
    switch("idle-close-on-response", DF, Refused),
    once("imapchk", DB, Ours(Keyword::Check(CheckName::Imap))),
    switch("independent-streams", DFB, Refused),
    switch("ktls", DFB, Ours(Keyword::Ktls)),
    once("ldap-check", DB, Refused),
    once("lmtpchk", DB, Ours(Keyword::Check(CheckName::Lmtp))),
    switch("log-health-checks", DB, Served(Keyword::LogHealthChecks)),
    switch("log-separate-errors", DF, Served(Keyword::Log(LogWay::SeparateErrors))),
    switch("logasap", DF, Served(Keyword::Log(LogWay::Asap))),
    once("mysql-check", DB, Refused),
    switch("nolinger", DFB, Refused),
    once("originalto", DFB, Served(Keyword::OriginalTo)),
    switch("persist", DB, Served(Keyword::Persist)),
    once("pgsql-check", DB, Refused),
    once("pop3chk", DB, Ours(Keyword::Check(CheckName::Pop3))),
    switch("prefer-last-server", DB, Served(Keyword::PreferLastServer)),
    once("redis-check", DB, Served(Keyword::Check(CheckName::Redis))),
    switch("redispatch", DB, Served(Keyword::Redispatch)),
    once("smtpchk", DB, Served(Keyword::Check(CheckName::Smtp))),
    switch("socket-stats", DF, Served(Keyword::SocketStats)),
    switch("splice-auto", DFB, Served(Keyword::Splice(Way::Auto))),
    switch("splice-request", DFB, Served(Keyword::Splice(Way::Request))),
    switch("splice-response", DFB, Served(Keyword::Splice(Way::Response))),
    once("spop-check", DB, Refused),
    switch("srvtcpka", DB, Served(Keyword::Keepalive(Sides::Server))),
    once("ssl-hello-chk", DB, Served(Keyword::Check(CheckName::SslHello))),
    once("tcp-check", DB, Served(Keyword::Check(CheckName::Tcp))),
    switch("tcp-smart-accept", DF, Inert(TCP_ACK)),
    switch("tcp-smart-connect", DB, Inert(TCP_ACK)),
    once("tcpka", DFB, Served(Keyword::Keepalive(Sides::Both))),
    once("tcplog", DFB, Served(Keyword::TcpLog)),
    switch("transparent", DB, Refused),
    switch("use-small-buffers", DB, Refused),
];
