//! Sample fetches that an ACL may name (configuration.txt §7.3), and HAProxy's predefined ACLs (§7.4).

use crate::fetch::{
    BackendLoad, CookieForm, Credential, FieldForm, FrontendLoad, ServerLoad, Speaker, TimeoutOf, Whose,
};
use crate::pattern::{Compare, Method};

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

/// The names of the fetches that are read.
pub(crate) const READ: &[&str] = &[
    "act_conn",
    "always_false",
    "always_true",
    "avg_queue",
    "base",
    "base32",
    "baseq",
    "be_conn",
    "be_conn_free",
    "be_id",
    "be_name",
    "be_server_timeout",
    "be_sess_rate",
    "be_tunnel_timeout",
    "bin",
    "bool",
    "capture.req.hdr",
    "capture.req.method",
    "capture.req.uri",
    "capture.req.ver",
    "capture.res.hdr",
    "capture.res.ver",
    "connslots",
    "cur_client_timeout",
    "cur_server_timeout",
    "cur_tunnel_timeout",
    "date",
    "date_us",
    "dst",
    "dst_port",
    "env",
    "fc_http_major",
    "fc_pp_authority",
    "fc_pp_tlv",
    "fc_pp_unique_id",
    "fe_client_timeout",
    "fe_conn",
    "fe_defbe",
    "fe_id",
    "fe_name",
    "fe_req_rate",
    "fe_sess_rate",
    "hdr",
    "hostname",
    "http_auth",
    "http_auth_bearer",
    "http_auth_group",
    "http_auth_pass",
    "http_auth_type",
    "http_auth_user",
    "http_first_req",
    "int",
    "meth",
    "method",
    "nbproc",
    "nbsrv",
    "path",
    "pathq",
    "pid",
    "proc",
    "query",
    "queue",
    "rand",
    "req.body",
    "req.body_len",
    "req.body_param",
    "req.body_size",
    "req.cook",
    "req.cook_cnt",
    "req.cook_val",
    "req.fhdr",
    "req.hdr",
    "req.hdr_names",
    "req.hdrs",
    "req.len",
    "req.payload",
    "req.payload_lv",
    "req.proto_http",
    "req.ssl_alpn",
    "req.ssl_ec_ext",
    "req.ssl_hello_type",
    "req.ssl_sni",
    "req.ssl_st_ext",
    "req.ssl_ver",
    "req.ver",
    "res.body",
    "res.body_len",
    "res.body_size",
    "res.cook",
    "res.cook_cnt",
    "res.cook_val",
    "res.fhdr",
    "res.hdr",
    "res.hdr_names",
    "res.hdrs",
    "res.len",
    "res.payload",
    "res.payload_lv",
    "res.ssl_hello_type",
    "res.ver",
    "so_id",
    "so_name",
    "src",
    "src_port",
    "srv_conn",
    "srv_conn_free",
    "srv_id",
    "srv_is_up",
    "srv_iweight",
    "srv_name",
    "srv_queue",
    "srv_sess_rate",
    "srv_uweight",
    "srv_weight",
    "ssl_bc",
    "ssl_bc_alg_keysize",
    "ssl_bc_alpn",
    "ssl_bc_cipher",
    "ssl_bc_is_resumed",
    "ssl_bc_protocol",
    "ssl_bc_use_keysize",
    "ssl_c_ca_err",
    "ssl_c_ca_err_depth",
    "ssl_c_der",
    "ssl_c_err",
    "ssl_c_i_dn",
    "ssl_c_key_alg",
    "ssl_c_notafter",
    "ssl_c_notbefore",
    "ssl_c_s_dn",
    "ssl_c_serial",
    "ssl_c_sha1",
    "ssl_c_sig_alg",
    "ssl_c_used",
    "ssl_c_verify",
    "ssl_c_version",
    "ssl_f_der",
    "ssl_f_i_dn",
    "ssl_f_key_alg",
    "ssl_f_notafter",
    "ssl_f_notbefore",
    "ssl_f_s_dn",
    "ssl_f_serial",
    "ssl_f_sha1",
    "ssl_f_sig_alg",
    "ssl_f_version",
    "ssl_fc",
    "ssl_fc_alg_keysize",
    "ssl_fc_alpn",
    "ssl_fc_cipher",
    "ssl_fc_has_crt",
    "ssl_fc_has_early",
    "ssl_fc_has_sni",
    "ssl_fc_is_resumed",
    "ssl_fc_protocol",
    "ssl_fc_sni",
    "ssl_fc_use_keysize",
    "status",
    "stopping",
    "str",
    "thread",
    "txn.status",
    "unique-id",
    "url",
    "url32",
    "url_param",
    "urlp_val",
    "uuid",
    "var",
    "wait_end",
];

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
        _ => return UNREAD.split_ascii_whitespace().any(|known| known == name).then_some(None),
    };
    Some(Some(keyword))
}

/// Predefined ACLs that ask about HTTP, or about bytes of the request: known, and refused.
pub(crate) const PREDEFINED_UNSERVED: &[&str] =
    &["HTTP_2.0", "HTTP_3.0", "HTTP_CONTENT", "HTTP_URL_ABS", "HTTP_URL_SLASH", "HTTP_URL_STAR", "RDP_COOKIE"];

/// Fetches that HAProxy knows and nothing here reads.
const UNREAD: &str = "
accept_date base32+src bc.timer.connect bc_be bc_dst bc_dst_port bc_err bc_err_name
bc_err_str bc_glitches bc_http_major bc_nb_streams bc_reused bc_rtt bc_rttvar bc_setting_max_streams
bc_settings_streams_limit bc_src bc_src_port bc_srv be_connect_timeout
be_tarpit_timeout bs.aborted bs.debug_str bs.id bytes_in bytes_out
cookie cpu_calls cpu_ns_avg cpu_ns_tot current_filter current_rule
distcc_body distcc_param dst_conn dst_is_local fc.timer.handshake fc.timer.total fc_be fc_dst
fc_dst_is_local fc_dst_port fc_err fc_err_str fc_fackets fc_glitches fc_lost fc_nb_streams
fc_rcvd_proxy fc_reordering fc_retrans fc_rtt fc_rttvar fc_sacked
fc_saved_syn fc_settings_streams_limit fc_src fc_src_is_local fc_src_port fc_unacked fcgi.docroot fcgi.index
fe_tarpit_timeout fs.aborted fs.debug_str fs.id
internal.htx.data
internal.htx.free internal.htx.free_data internal.htx.has_eom internal.htx.nbblks internal.htx.size internal.htx.used
internal.htx_blk.data internal.htx_blk.hdrname internal.htx_blk.hdrval internal.htx_blk.size
internal.htx_blk.start_line internal.htx_blk.type internal.strm.is_htx ipv4 ipv6 last_entity last_rule_file
last_rule_line lat_ns_avg lat_ns_tot payload payload_lv prio_class prio_offset quic_enabled
rdp_cookie rdp_cookie_cnt req.bytes_in req.bytes_out
req.ssl_cipherlist req.ssl_keyshare_groups req.ssl_sigalgs req.ssl_supported_groups
req.cook_names req.hdrs_bin req.rdp_cookie req.rdp_cookie_cnt
req.timer.hdr req.timer.idle req.timer.queue req.timer.tq req_rdp_cookie req_rdp_cookie_cnt
request_date res.bytes_in res.bytes_out res.cache_hit res.cache_name res.comp
res.comp_algo res.hdrs_bin res.timer.data res.timer.hdr rtt
sc0_bytes_in_rate sc0_bytes_out_rate sc0_clr_gpc0 sc0_clr_gpc1 sc0_conn_cnt sc0_conn_cur sc0_conn_rate sc0_get_gpc0
sc0_get_gpc1 sc0_get_gpt0 sc0_gpc0_rate sc0_gpc1_rate sc0_http_err_cnt sc0_http_err_rate sc0_http_fail_cnt
sc0_http_fail_rate sc0_http_req_cnt sc0_http_req_rate sc0_inc_gpc0 sc0_inc_gpc1 sc0_kbytes_in sc0_kbytes_out sc0_key
sc0_sess_cnt sc0_sess_rate sc0_tracked sc0_trackers sc1_bytes_in_rate sc1_bytes_out_rate sc1_clr_gpc sc1_clr_gpc0
sc1_clr_gpc1 sc1_conn_cnt sc1_conn_cur sc1_conn_rate sc1_get_gpc0 sc1_get_gpc1 sc1_get_gpt0 sc1_gpc0_rate
sc1_gpc1_rate sc1_http_err_cnt sc1_http_err_rate sc1_http_fail_cnt sc1_http_fail_rate sc1_http_req_cnt
sc1_http_req_rate sc1_inc_gpc0 sc1_inc_gpc1 sc1_kbytes_in sc1_kbytes_out sc1_key sc1_sess_cnt sc1_sess_rate
sc1_tracked sc1_trackers sc2_bytes_in_rate sc2_bytes_out_rate sc2_clr_gpc0 sc2_clr_gpc1 sc2_conn_cnt sc2_conn_cur
sc2_conn_rate sc2_get_gpc0 sc2_get_gpc1 sc2_get_gpt0 sc2_gpc0_rate sc2_gpc1_rate sc2_http_err_cnt sc2_http_err_rate
sc2_http_fail_cnt sc2_http_fail_rate sc2_http_req_cnt sc2_http_req_rate sc2_inc_gpc0 sc2_inc_gpc1 sc2_kbytes_in
sc2_kbytes_out sc2_key sc2_sess_cnt sc2_sess_rate sc2_tracked sc2_trackers sc_bytes_in_rate sc_bytes_out_rate
sc_clr_gpc sc_clr_gpc0 sc_clr_gpc1 sc_conn_cnt sc_conn_cur sc_conn_rate sc_get_gpc sc_get_gpc0 sc_get_gpc1 sc_get_gpt
sc_get_gpt0 sc_glitch_cnt sc_glitch_rate sc_gpc0_rate sc_gpc1_rate sc_gpc_rate sc_http_err_cnt sc_http_err_rate
sc_http_fail_cnt sc_http_fail_rate sc_http_req_cnt sc_http_req_rate sc_inc_gpc sc_inc_gpc0 sc_inc_gpc1 sc_kbytes_in
sc_kbytes_out sc_key sc_sess_cnt sc_sess_rate sc_tracked sc_trackers
src_bytes_in_rate src_bytes_out_rate src_clr_gpc
src_clr_gpc0 src_clr_gpc1 src_conn_cnt src_conn_cur src_conn_rate src_get_gpc src_get_gpc0 src_get_gpc1 src_get_gpt
src_get_gpt0 src_gpc0_rate src_gpc1_rate src_gpc_rate src_http_err_cnt src_http_err_rate src_http_fail_cnt
src_http_fail_rate src_http_req_cnt src_http_req_rate src_inc_gpc src_inc_gpc0 src_inc_gpc1 src_is_local src_kbytes_in
src_kbytes_out src_sess_cnt src_sess_rate src_updt_conn_cnt
ssl_bc_client_random ssl_bc_err ssl_bc_err_str ssl_bc_npn ssl_bc_server_random
ssl_bc_session_id ssl_bc_session_key ssl_bc_unique_id ssl_c_chain_der ssl_f_ca_cert
ssl_fc_cipherlist_bin ssl_fc_cipherlist_hex ssl_fc_cipherlist_str ssl_fc_cipherlist_xxh ssl_fc_ciphers_str
ssl_fc_client_early_traffic_secret ssl_fc_client_handshake_traffic_secret ssl_fc_client_random
ssl_fc_client_traffic_secret_0 ssl_fc_early_exporter_secret ssl_fc_ecformats_bin ssl_fc_eclist_bin ssl_fc_err
ssl_fc_err_str ssl_fc_exporter_secret ssl_fc_extlist_bin
ssl_fc_npn ssl_fc_protocol_hello_id ssl_fc_server_handshake_traffic_secret
ssl_fc_server_random ssl_fc_server_traffic_secret_0 ssl_fc_session_id ssl_fc_session_key ssl_fc_sigalgs_bin
ssl_fc_supported_versions_bin ssl_fc_unique_id ssl_s_chain_der
ssl_s_der ssl_s_i_dn ssl_s_key_alg ssl_s_notafter ssl_s_notbefore ssl_s_s_dn ssl_s_serial ssl_s_sha1 ssl_s_sig_alg
ssl_s_version table_avl table_cnt term_events txn.conn_retries txn.id32 txn.redispatched
txn.sess_term_state txn.timer.total txn.timer.user url32+src url_ip url_port
";
