//! Where samples come from, as values (configuration.txt §7.3.2 to §7.3.6). They are read in `sample_reader.rs`.

use crate::http_rule::Variable;
use crate::session_part::SessionPart;
use crate::source::Span;

/// Something of a client's TLS (configuration.txt §7.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TlsPart {
    /// `ssl_fc`
    IsUsed,
    /// `ssl_fc_has_sni`
    HasName,
    /// `ssl_fc_is_resumed`
    IsResumed,
    /// `ssl_fc_protocol`
    Version,
    /// `ssl_fc_cipher`
    Cipher,
    /// `ssl_fc_alg_keysize`, `ssl_fc_use_keysize`
    KeySize,
    /// `ssl_fc_sni`
    Name,
    /// `ssl_fc_alpn`
    Protocol,
    /// `ssl_fc_has_crt`
    HasCertificate,
    /// `ssl_c_used`
    IsCertificateUsed,
    /// `ssl_c_verify`
    Verified,
    /// `ssl_c_…`, `ssl_f_…`
    Certificate(Whose, CertificatePart),
}

/// Whose certificate is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    Client,
    /// The one that the client was shown.
    Shown,
}

/// What is told of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameForm {
    /// All of it, in one line.
    Line,
    /// The same as RFC 2253 has it.
    Rfc2253,
    /// One attribute: its kind, and its position among those of that kind.
    Attribute(String, i32),
}

/// Something of a certificate (configuration.txt §7.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificatePart {
    /// `…_s_dn`
    Subject(NameForm),
    /// `…_i_dn`
    Issuer(NameForm),
    Serial,
    /// `…_sha1`
    Fingerprint,
    /// `…_notbefore`
    ValidFrom,
    /// `…_notafter`
    ValidUntil,
    /// `…_sig_alg`
    SignatureAlgorithm,
    /// `…_key_alg`
    KeyAlgorithm,
    Version,
    /// `…_der`
    Whole,
}

/// Where a sample comes from (configuration.txt §7.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetch {
    /// `src`, `dst`
    Address(End),
    Number(Number),
    /// `fe_name`
    FrontendName,
    /// What is known of the client's TLS.
    Tls(TlsPart),
    /// `fc_pp_tlv(N)` and its kin: what the client's PROXY header says beside addresses, by the TLV's type.
    Announced(u8),
    /// `ssl_bc…`: the same of the server's.
    BackTls(TlsPart),
    /// `be_name`
    BackendName,
    /// `str(…)`
    Text(String),
    /// `wait_end`
    WaitEnd,
    /// `req.…`, `res.…`: bytes of one side, and what they are the beginning of.
    Payload(Speaker, Part),
    /// `path`, `hdr(…)` and so on: what a message of HTTP says.
    Message(MessagePart),
    /// `var(name)`
    Variable(Variable),
    /// `var(name,default)`
    VariableOr(Variable, String),
    /// `bin(…)`
    Octets(Vec<u8>),
    /// `rand([range])`
    Random(u32),
    /// `uuid`
    Uuid,
    /// `unique-id`, `capture.req.hdr(…)` and so on.
    Session(SessionPart),
    /// `hostname`
    Hostname,
    /// `env(name)`
    Environment(String),
}

/// What is asked of a request or a response (configuration.txt §7.3.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessagePart {
    /// `method`
    Method,
    /// `url`
    Target,
    /// `path`
    Path,
    /// `pathq`
    PathAndQuery,
    /// `query`
    Query,
    /// `base`
    Base,
    /// `req.ver`, `res.ver`
    Version(Speaker),
    /// `status`
    Status,
    /// `req.hdr(name)` and its kin; `fhdr` asks for whole values.
    Field {
        speaker: Speaker,
        name: String,
        is_whole: bool,
        form: FieldForm,
        /// Which of several: from 1, or from -1 at the end; `None` is the last, and any of them in a condition.
        nth: Option<i32>,
    },
    /// `req.cook([name])`, `res.cook([name])` and their kin.
    Cookie { speaker: Speaker, name: Option<String>, form: CookieForm },
    /// `url_param([name[,delimiter[,i]]])`, `urlp_val`
    Parameter(Parameter),
    /// `http_auth(userlist)`: the client has said a name and its password.
    Authorized(UserlistRef),
    /// `http_auth_group(userlist)`: the groups of one who has.
    Groups(UserlistRef),
    /// `req.body`, `res.body` and their kin: what has come of the content.
    Content(Speaker, ContentPart),
    /// `baseq`
    BaseAndQuery,
    /// `req.hdr_names([delimiter])`, `res.hdr_names([delimiter])`
    FieldNames(Speaker, String),
    /// `req.hdrs`, `res.hdrs`
    FieldLines(Speaker),
    /// `http_auth_user` and its kin
    Credential(Credential),
}

/// What of the credentials that a request brings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Credential {
    User,
    Password,
    Scheme,
    /// `http_auth_bearer`
    Bearer,
}

/// What of a content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContentPart {
    /// `req.body`
    Octets,
    /// `req.body_len`
    Length,
    /// `req.body_size`
    Size,
    /// `req.body_param([name[,i]])`
    Parameter(Parameter),
}

/// A parameter of a query or a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// `None`: the first of all.
    pub name: Option<String>,
    pub is_case_insensitive: bool,
    /// What parameters begin behind, and what ends one beside `&` and `;`.
    pub delimiter: u8,
    /// `urlp_val`
    pub is_number: bool,
}

/// What of a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CookieForm {
    Text,
    /// `req.cook_cnt`
    Count,
    /// `req.cook_val`
    Number,
}

/// A `userlist` section by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserlistRef {
    pub name: String,
    /// The fetch with its argument.
    pub span: Span,
}

/// What of a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FieldForm {
    Text,
    /// `hdr_cnt`
    Count,
    /// `hdr_val`
    Number,
    /// `hdr_ip`
    Address,
}

impl Fetch {
    /// Whether only an exchange of HTTP has it.
    pub(crate) fn is_of_http(&self) -> bool {
        let is_said = |part: &SessionPart| matches!(part, SessionPart::Said(_) | SessionPart::Captures(..));
        match self {
            Fetch::Message(_) => true,
            Fetch::Session(part) => is_said(part),
            Fetch::Address(_)
            | Fetch::Number(_)
            | Fetch::FrontendName
            | Fetch::Tls(_)
            | Fetch::Announced(_)
            | Fetch::BackTls(_)
            | Fetch::BackendName
            | Fetch::Text(_)
            | Fetch::WaitEnd
            | Fetch::Payload(..)
            | Fetch::Variable(_)
            | Fetch::VariableOr(..)
            | Fetch::Octets(_)
            | Fetch::Random(_)
            | Fetch::Uuid
            | Fetch::Hostname
            | Fetch::Environment(_) => false,
        }
    }
}

impl MessagePart {
    /// Whose message.
    pub(crate) fn speaker(&self) -> Speaker {
        match self {
            MessagePart::Status => Speaker::Server,
            MessagePart::Version(speaker)
            | MessagePart::Field { speaker, .. }
            | MessagePart::FieldNames(speaker, _)
            | MessagePart::FieldLines(speaker)
            | MessagePart::Cookie { speaker, .. }
            | MessagePart::Content(speaker, _) => *speaker,
            MessagePart::Method
            | MessagePart::Target
            | MessagePart::Path
            | MessagePart::PathAndQuery
            | MessagePart::Query
            | MessagePart::Base
            | MessagePart::BaseAndQuery
            | MessagePart::Credential(_)
            | MessagePart::Parameter(_)
            | MessagePart::Authorized(_)
            | MessagePart::Groups(_) => Speaker::Client,
        }
    }
}

/// One end of the client's connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// `src`: the client.
    Source,
    /// `dst`: what the client connected to.
    Destination,
}

/// A number that a test can ask for; some are 0 or 1 only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Number {
    /// `src_port`, `dst_port`.
    Port(End),
    /// `nbsrv(BACKEND)`: usable servers.
    UsableServers(ProxyRef),
    /// `be_conn(BACKEND)`: current connections.
    BackendConnections(ProxyRef),
    /// `fe_conn(FRONTEND)`.
    FrontendConnections(ProxyRef),
    /// `srv_conn(BACKEND/SERVER)`.
    ServerConnections(ServerRef),
    /// `srv_is_up(BACKEND/SERVER)`: 1 or 0.
    ServerIsUp(ServerRef),
    /// `queue(BACKEND)` and its kin.
    BackendLoad(BackendLoad, ProxyRef),
    /// `fe_sess_rate(FRONTEND)`, `fe_req_rate(FRONTEND)`
    FrontendLoad(FrontendLoad, ProxyRef),
    /// `srv_queue(BACKEND/SERVER)` and its kin.
    ServerLoad(ServerLoad, ServerRef),
    /// `fe_id`
    FrontendId,
    /// `be_id`
    BackendId,
    /// `always_true`, `always_false`, `bool(…)`.
    Truth(bool),
    /// `int(…)`
    Constant(i64),
}

/// How busy a backend is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BackendLoad {
    Queue,
    AverageQueue,
    Slots,
    FreeConnections,
    SessionRate,
}

/// How busy a frontend is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FrontendLoad {
    SessionRate,
    RequestRate,
}

/// How busy a server is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ServerLoad {
    FreeConnections,
    Queue,
    SessionRate,
    Weight,
    WeightWanted,
    WeightConfigured,
}

impl BackendLoad {
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            BackendLoad::Queue => "queue",
            BackendLoad::AverageQueue => "avg_queue",
            BackendLoad::Slots => "connslots",
            BackendLoad::FreeConnections => "be_conn_free",
            BackendLoad::SessionRate => "be_sess_rate",
        }
    }
}

impl FrontendLoad {
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            FrontendLoad::SessionRate => "fe_sess_rate",
            FrontendLoad::RequestRate => "fe_req_rate",
        }
    }
}

impl ServerLoad {
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            ServerLoad::FreeConnections => "srv_conn_free",
            ServerLoad::Queue => "srv_queue",
            ServerLoad::SessionRate => "srv_sess_rate",
            ServerLoad::Weight => "srv_weight",
            ServerLoad::WeightWanted => "srv_uweight",
            ServerLoad::WeightConfigured => "srv_iweight",
        }
    }
}

/// Whose bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Speaker {
    Client,
    Server,
}

/// What of them (configuration.txt §7.3.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// `len`
    Length,
    /// `payload(offset,size)`
    Slice { offset: u32, size: u32 },
    /// `payload_lv(at,size[,start])`
    Counted { at: u32, size: u32, start: CountedStart },
    /// `ssl_hello_type`
    HelloType,
    /// `ssl_ver`
    HelloVersion,
    /// `ssl_sni`
    HelloName,
    /// `ssl_alpn`
    HelloProtocols,
    /// `ssl_ec_ext`
    HelloCurves,
    /// `ssl_st_ext`
    HelloTicket,
    /// `proto_http`
    Http,
}

/// Where the bytes of [`Part::Counted`] begin: at an offset, or so many bytes behind their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CountedStart {
    At(u32),
    Behind(i32),
}

/// A proxy by name; without one, the proxy that the ACL stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyRef {
    pub name: Option<String>,
    /// The fetch with its argument.
    pub span: Span,
}

/// A server by name, in the named proxy or in the one that the ACL stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerRef {
    pub proxy: ProxyRef,
    pub server: String,
}
