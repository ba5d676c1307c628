//! Sample fetches that an ACL may name (configuration.txt §7.3), and HAProxy's predefined ACLs (§7.4).

use super::fetch_names;
use crate::fetch::{BackendLoad, CookieForm, Credential, FieldForm, FrontendLoad, ServerLoad, Speaker, Whose};
use crate::pattern::{Compare, Method};
use crate::session_part::TimeoutOf;

/// The fetches that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keyword {
    AlwaysFalse,
    AlwaysTrue,
    Bin,
    Bool,
    /// The type of the TLV, unless the argument says it.
    Announced(Option<u8>),
    BackendLoad(BackendLoad),
    BeConn,
    BeId,
    BeName,
    Date,
    DateMicroseconds,
    Dst,
    DstPort,
    Environment,
    FeConn,
    FeId,
    FeName,
    FrontendLoad(FrontendLoad),
    Hostname,
    HelloCurves,
    HelloName,
    HelloProtocols,
    HelloTicket,
    HelloType(Speaker),
    HelloVersion,
    Int,
    Len(Speaker),
    Message(MessageName),
    One,
    Nbsrv,
    Payload(Speaker),
    PayloadLv(Speaker),
    ProtoHttp,
    Rand,
    ServerLoad(ServerLoad),
    Session(SessionName),
    Src,
    SrcPort,
    SrvConn,
    SrvIsUp,
    Str,
    Thread,
    Tls(TlsName),
    BackTls(TlsName),
    Uuid,
    Variable,
    WaitEnd,
}

/// Those that ask about the client's TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TlsName {
    Certificate(Whose, CertificateName),
    CertificateUsed,
    Cipher,
    HasCertificate,
    HasName,
    KeySize,
    Name,
    Protocol,
    Resumed,
    Used,
    Verify,
    Version,
}

/// What is asked of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CertificateName {
    Fingerprint,
    Issuer,
    KeyAlgorithm,
    Serial,
    SignatureAlgorithm,
    Subject,
    ValidFrom,
    ValidUntil,
    Version,
    Whole,
}

/// `ssl_c_…`, `ssl_f_…`
fn certificate(name: &str) -> Option<TlsName> {
    let (whose, rest) = match (name.strip_prefix("ssl_c_"), name.strip_prefix("ssl_f_")) {
        (Some(rest), _) => (Whose::Client, rest),
        (None, Some(rest)) => (Whose::Shown, rest),
        (None, None) => return None,
    };
    let part = match rest {
        "der" => CertificateName::Whole,
        "i_dn" => CertificateName::Issuer,
        "key_alg" => CertificateName::KeyAlgorithm,
        "notafter" => CertificateName::ValidUntil,
        "notbefore" => CertificateName::ValidFrom,
        "s_dn" => CertificateName::Subject,
        "serial" => CertificateName::Serial,
        "sha1" => CertificateName::Fingerprint,
        "sig_alg" => CertificateName::SignatureAlgorithm,
        "version" => CertificateName::Version,
        _ => return None,
    };
    Some(TlsName::Certificate(whose, part))
}

/// Those of the server's.
fn back_tls(name: &str) -> Option<TlsName> {
    Some(match name {
        "ssl_bc" => TlsName::Used,
        "ssl_bc_alg_keysize" | "ssl_bc_use_keysize" => TlsName::KeySize,
        "ssl_bc_alpn" => TlsName::Protocol,
        "ssl_bc_cipher" => TlsName::Cipher,
        "ssl_bc_is_resumed" => TlsName::Resumed,
        "ssl_bc_protocol" => TlsName::Version,
        _ => return None,
    })
}

fn tls(name: &str) -> Option<TlsName> {
    Some(match name {
        "ssl_c_used" => TlsName::CertificateUsed,
        // Whoever cannot be verified is refused.
        "ssl_c_ca_err" | "ssl_c_ca_err_depth" | "ssl_c_err" | "ssl_c_verify" => TlsName::Verify,
        "ssl_fc" => TlsName::Used,
        "ssl_fc_alg_keysize" | "ssl_fc_use_keysize" => TlsName::KeySize,
        "ssl_fc_alpn" => TlsName::Protocol,
        "ssl_fc_cipher" => TlsName::Cipher,
        "ssl_fc_has_crt" => TlsName::HasCertificate,
        "ssl_fc_has_sni" => TlsName::HasName,
        "ssl_fc_is_resumed" => TlsName::Resumed,
        "ssl_fc_protocol" => TlsName::Version,
        "ssl_fc_sni" => TlsName::Name,
        name => return certificate(name),
    })
}

/// Those that ask for what is known of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionName {
    Captured(Speaker),
    RequestMethod,
    RequestTarget,
    RequestVersion,
    ResponseVersion,
    ServerName,
    ServerId,
    Status,
    ProcessConnections,
    ProcessId,
    Timeout(TimeoutOf),
    DefaultBackend,
    FirstExchange,
    ListenerId,
    ListenerName,
    Stopping,
    UniqueId,
}

fn session(name: &str) -> Option<SessionName> {
    Some(match name {
        "capture.req.hdr" => SessionName::Captured(Speaker::Client),
        "capture.req.method" => SessionName::RequestMethod,
        "capture.req.uri" => SessionName::RequestTarget,
        "capture.req.ver" => SessionName::RequestVersion,
        "capture.res.hdr" => SessionName::Captured(Speaker::Server),
        "capture.res.ver" => SessionName::ResponseVersion,
        "act_conn" => SessionName::ProcessConnections,
        "http_first_req" => SessionName::FirstExchange,
        "so_id" => SessionName::ListenerId,
        "so_name" => SessionName::ListenerName,
        "be_server_timeout" | "cur_server_timeout" => SessionName::Timeout(TimeoutOf::Server),
        "be_tunnel_timeout" | "cur_tunnel_timeout" => SessionName::Timeout(TimeoutOf::Tunnel),
        "cur_client_timeout" | "fe_client_timeout" => SessionName::Timeout(TimeoutOf::Client),
        "fe_defbe" => SessionName::DefaultBackend,
        "pid" => SessionName::ProcessId,
        "srv_id" => SessionName::ServerId,
        "srv_name" => SessionName::ServerName,
        "stopping" => SessionName::Stopping,
        "txn.status" => SessionName::Status,
        "unique-id" => SessionName::UniqueId,
        _ => return None,
    })
}

/// Those that ask a message of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MessageName {
    Authorized,
    Base,
    BaseAndQuery,
    Content(Speaker, ContentName),
    Cookie(Speaker, CookieForm),
    Credential(Credential),
    /// Whether whole values are meant, and what of them.
    Field(Speaker, bool, FieldForm),
    FieldLines(Speaker),
    FieldNames(Speaker),
    Groups,
    Method,
    Parameter {
        is_number: bool,
    },
    Path,
    PathAndQuery,
    Query,
    Status,
    Target,
    Version(Speaker),
}

/// What is asked of a content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContentName {
    Length,
    Octets,
    Parameter,
    Size,
}

/// A name without the ending that says how it is compared: `path_beg` is `path` with `-m beg`.
pub(crate) fn derived(name: &str) -> Option<(&str, Method)> {
    let (base, ending) = name.rsplit_once('_')?;
    let is_of_tls = base == "ssl_fc_sni" && matches!(ending, "end" | "reg");
    let is_of_http = matches!(base, "base" | "cook" | "hdr" | "path" | "scook" | "shdr" | "url" | "url_param" | "urlp");
    let is_derivable = is_of_tls || is_of_http;
    let method = match ending {
        "beg" => Method::Text(Compare::Begin),
        "dir" => Method::Text(Compare::Directory),
        "dom" => Method::Text(Compare::Domain),
        "end" => Method::Text(Compare::End),
        "len" => Method::Length,
        "reg" => Method::Text(Compare::Regex),
        "sub" => Method::Text(Compare::Inside),
        _ => return None,
    };
    is_derivable.then_some((base, method))
}

fn message(name: &str) -> Option<MessageName> {
    use FieldForm::{Address, Count, Number, Text};
    use Speaker::{Client, Server};
    Some(match name {
        "base" | "base32" => MessageName::Base,
        "baseq" | "url32" => MessageName::BaseAndQuery,
        "http_auth_bearer" => MessageName::Credential(Credential::Bearer),
        "http_auth_pass" => MessageName::Credential(Credential::Password),
        "http_auth_type" => MessageName::Credential(Credential::Scheme),
        "http_auth_user" => MessageName::Credential(Credential::User),
        "req.hdr_names" => MessageName::FieldNames(Client),
        "req.hdrs" => MessageName::FieldLines(Client),
        "res.hdr_names" => MessageName::FieldNames(Server),
        "res.hdrs" => MessageName::FieldLines(Server),
        "req.body" | "req_body" => MessageName::Content(Client, ContentName::Octets),
        "req.body_len" => MessageName::Content(Client, ContentName::Length),
        "req.body_param" => MessageName::Content(Client, ContentName::Parameter),
        "req.body_size" => MessageName::Content(Client, ContentName::Size),
        "res.body" => MessageName::Content(Server, ContentName::Octets),
        "res.body_len" => MessageName::Content(Server, ContentName::Length),
        "res.body_size" => MessageName::Content(Server, ContentName::Size),
        "cook" | "req.cook" => MessageName::Cookie(Client, CookieForm::Text),
        "cook_cnt" | "req.cook_cnt" => MessageName::Cookie(Client, CookieForm::Count),
        "cook_val" | "req.cook_val" => MessageName::Cookie(Client, CookieForm::Number),
        "scook" | "res.cook" => MessageName::Cookie(Server, CookieForm::Text),
        "scook_cnt" | "res.cook_cnt" => MessageName::Cookie(Server, CookieForm::Count),
        "scook_val" | "res.cook_val" => MessageName::Cookie(Server, CookieForm::Number),
        "hdr" | "req.hdr" => MessageName::Field(Client, false, Text),
        "hdr_cnt" | "req.hdr_cnt" => MessageName::Field(Client, false, Count),
        "hdr_ip" | "req.hdr_ip" => MessageName::Field(Client, false, Address),
        "hdr_val" | "req.hdr_val" => MessageName::Field(Client, false, Number),
        "req.fhdr" => MessageName::Field(Client, true, Text),
        "req.fhdr_cnt" => MessageName::Field(Client, true, Count),
        "shdr" | "res.hdr" => MessageName::Field(Server, false, Text),
        "shdr_cnt" | "res.hdr_cnt" => MessageName::Field(Server, false, Count),
        "shdr_ip" | "res.hdr_ip" => MessageName::Field(Server, false, Address),
        "shdr_val" | "res.hdr_val" => MessageName::Field(Server, false, Number),
        "res.fhdr" => MessageName::Field(Server, true, Text),
        "res.fhdr_cnt" => MessageName::Field(Server, true, Count),
        "http_auth" => MessageName::Authorized,
        "http_auth_group" => MessageName::Groups,
        "method" => MessageName::Method,
        "path" => MessageName::Path,
        "pathq" => MessageName::PathAndQuery,
        "query" => MessageName::Query,
        "req.ver" | "req_ver" => MessageName::Version(Client),
        "res.ver" | "resp_ver" => MessageName::Version(Server),
        "status" => MessageName::Status,
        "url" => MessageName::Target,
        "url_param" | "urlp" => MessageName::Parameter { is_number: false },
        "urlp_val" => MessageName::Parameter { is_number: true },
        _ => return None,
    })
}

/// What HAProxy knows under a name, if anything.
pub(crate) fn find(name: &str) -> Option<Option<Keyword>> {
    let keyword = match name {
        // Early data is never taken.
        "always_false" | "ssl_fc_has_early" => Keyword::AlwaysFalse,
        "always_true" => Keyword::AlwaysTrue,
        "bin" => Keyword::Bin,
        "bool" => Keyword::Bool,
        // There is one process, and one version of HTTP.
        "fc_http_major" | "nbproc" | "proc" => Keyword::One,
        "rand" => Keyword::Rand,
        "thread" => Keyword::Thread,
        "uuid" => Keyword::Uuid,
        "avg_queue" => Keyword::BackendLoad(BackendLoad::AverageQueue),
        "be_conn" => Keyword::BeConn,
        "be_conn_free" => Keyword::BackendLoad(BackendLoad::FreeConnections),
        "be_sess_rate" => Keyword::BackendLoad(BackendLoad::SessionRate),
        "connslots" => Keyword::BackendLoad(BackendLoad::Slots),
        "date" => Keyword::Date,
        "date_us" => Keyword::DateMicroseconds,
        "fe_req_rate" => Keyword::FrontendLoad(FrontendLoad::RequestRate),
        "fe_sess_rate" => Keyword::FrontendLoad(FrontendLoad::SessionRate),
        "queue" => Keyword::BackendLoad(BackendLoad::Queue),
        "srv_conn_free" => Keyword::ServerLoad(ServerLoad::FreeConnections),
        "srv_iweight" => Keyword::ServerLoad(ServerLoad::WeightConfigured),
        "srv_uweight" => Keyword::ServerLoad(ServerLoad::WeightWanted),
        "srv_weight" => Keyword::ServerLoad(ServerLoad::Weight),
        "srv_queue" => Keyword::ServerLoad(ServerLoad::Queue),
        "srv_sess_rate" => Keyword::ServerLoad(ServerLoad::SessionRate),
        "be_id" => Keyword::BeId,
        "be_name" => Keyword::BeName,
        "dst" => Keyword::Dst,
        "env" => Keyword::Environment,
        "fc_pp_authority" => Keyword::Announced(Some(0x02)),
        "fc_pp_tlv" => Keyword::Announced(None),
        "fc_pp_unique_id" => Keyword::Announced(Some(0x05)),
        "dst_port" => Keyword::DstPort,
        "fe_conn" => Keyword::FeConn,
        "fe_id" => Keyword::FeId,
        "fe_name" => Keyword::FeName,
        "hostname" => Keyword::Hostname,
        "int" => Keyword::Int,
        "nbsrv" => Keyword::Nbsrv,
        "req.len" | "req_len" => Keyword::Len(Speaker::Client),
        "req.payload" => Keyword::Payload(Speaker::Client),
        "req.payload_lv" => Keyword::PayloadLv(Speaker::Client),
        "req.proto_http" | "req_proto_http" => Keyword::ProtoHttp,
        "req.ssl_alpn" => Keyword::HelloProtocols,
        "req.ssl_ec_ext" => Keyword::HelloCurves,
        "req.ssl_hello_type" | "req_ssl_hello_type" => Keyword::HelloType(Speaker::Client),
        "req.ssl_sni" | "req_ssl_sni" => Keyword::HelloName,
        "req.ssl_st_ext" => Keyword::HelloTicket,
        "req.ssl_ver" | "req_ssl_ver" => Keyword::HelloVersion,
        "res.len" => Keyword::Len(Speaker::Server),
        "res.payload" => Keyword::Payload(Speaker::Server),
        "res.payload_lv" => Keyword::PayloadLv(Speaker::Server),
        "res.ssl_hello_type" | "rep_ssl_hello_type" => Keyword::HelloType(Speaker::Server),
        "src" => Keyword::Src,
        "src_port" => Keyword::SrcPort,
        "srv_conn" => Keyword::SrvConn,
        "srv_is_up" => Keyword::SrvIsUp,
        "meth" | "str" => Keyword::Str,
        "var" => Keyword::Variable,
        "wait_end" => Keyword::WaitEnd,
        _ if tls(name).is_some() => return tls(name).map(|name| Some(Keyword::Tls(name))),
        _ if session(name).is_some() => return session(name).map(|name| Some(Keyword::Session(name))),
        _ if back_tls(name).is_some() => return back_tls(name).map(|name| Some(Keyword::BackTls(name))),
        _ if message(name).is_some() => return message(name).map(|message| Some(Keyword::Message(message))),
        _ => return fetch_names::UNREAD.split_ascii_whitespace().any(|known| known == name).then_some(None),
    };
    Some(Some(keyword))
}
