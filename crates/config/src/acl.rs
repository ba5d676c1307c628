//! ACLs and conditions as values (configuration.txt §7.1, §7.2, §7.3). They are read in `acl_reader.rs`, `sample_reader.rs` and
//! `pattern.rs`.

use crate::balance::HashFunction;
use crate::http_rule::Variable;
use crate::pattern::{Compare, Method, Patterns};
use crate::source::{Span, Spanned};

/// One `acl` line. Lines of the same name are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acl {
    pub name: Spanned<String>,
    pub test: Test,
}

/// What is asked of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// A sample, and what it is compared with.
    Sample { expression: Expression, matching: Matching },
    /// Refused; the refusal is in [`crate::Config::unserved`].
    Unserved,
}

/// A fetch, and what is made of it, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    /// The word that it was read from.
    pub span: Span,
    pub fetch: Fetch,
    pub converters: Vec<Converter>,
}

/// A method and its patterns, which are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matching {
    pub method: Method,
    /// `-i`
    pub is_case_insensitive: bool,
    /// Those of the line itself.
    pub patterns: Patterns,
    /// `-f`: files with a pattern on each line, to be read with [`Patterns::of_file`].
    pub files: Vec<Spanned<String>>,
}

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

/// Something of a certificate (configuration.txt §7.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificatePart {
    /// `…_s_dn`, or one attribute of it: its kind, and its position among those of that kind.
    Subject(Option<(String, i32)>),
    /// `…_i_dn`
    Issuer(Option<(String, i32)>),
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
    /// `unique-id`, `capture.req.hdr(…)` and so on.
    Session(SessionPart),
    /// `hostname`
    Hostname,
}

/// Something of a session beside its messages, or of the exchange that it serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SessionPart {
    /// `unique-id`, `%ID`: what `unique-id-format` makes of it.
    UniqueId,
    /// `%rt`
    Number,
    /// `%Ts`: when it was accepted, in seconds.
    AcceptSeconds,
    /// `%pid`
    ProcessId,
    /// `date([offset[,unit]])`
    Date(i64, DateUnit),
    /// `srv_name`
    ServerName,
    /// `capture.req.hdr(index)`, `capture.res.hdr(index)`
    Captured(Speaker, u32),
    /// `capture.req.method`
    RequestMethod,
    /// `capture.req.uri`
    RequestTarget,
    /// `capture.req.ver`
    RequestVersion,
    /// `capture.res.ver`
    ResponseVersion,
}

/// In what `date` counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DateUnit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl SessionPart {
    /// Whether it is something that an exchange captures.
    pub fn is_captured(self) -> bool {
        match self {
            SessionPart::Captured(..)
            | SessionPart::RequestMethod
            | SessionPart::RequestTarget
            | SessionPart::RequestVersion
            | SessionPart::ResponseVersion => true,
            SessionPart::UniqueId
            | SessionPart::Number
            | SessionPart::AcceptSeconds
            | SessionPart::ProcessId
            | SessionPart::Date(..)
            | SessionPart::ServerName => false,
        }
    }
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
    /// `req.cook(name)`
    Cookie(String),
    /// `url_param(name)`
    Parameter(String),
    /// `http_auth(userlist)`: the client has said a name and its password.
    Authorized(UserlistRef),
    /// `http_auth_group(userlist)`: the groups of one who has.
    Groups(UserlistRef),
    /// `req.body`, `res.body` and their kin: what has come of the content.
    Content(Speaker, ContentPart),
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
    /// `req.body_param([name[,i]])`: without a name, the first of all.
    Parameter { name: Option<String>, is_case_insensitive: bool },
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

impl MessagePart {
    /// Whose message.
    pub(crate) fn speaker(&self) -> Speaker {
        match self {
            MessagePart::Status => Speaker::Server,
            MessagePart::Version(speaker) | MessagePart::Field { speaker, .. } | MessagePart::Content(speaker, _) => {
                *speaker
            }
            MessagePart::Method
            | MessagePart::Target
            | MessagePart::Path
            | MessagePart::PathAndQuery
            | MessagePart::Query
            | MessagePart::Base
            | MessagePart::Cookie(_)
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
    /// `proto_http`
    Http,
}

/// Where the bytes of [`Part::Counted`] begin: at an offset, or so many bytes behind their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CountedStart {
    At(u32),
    Behind(i32),
}

/// What makes a sample of a sample (configuration.txt §7.3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Converter {
    Lower,
    Upper,
    Length,
    Hex,
    Base64,
    /// `bytes(offset[,count])`
    Bytes {
        offset: u32,
        count: Option<u32>,
    },
    /// `field(index,delimiters[,count])`
    Field(TextPart),
    /// `word(index,delimiters[,count])`
    Word(TextPart),
    /// `ipmask(v4[,v6])`
    IpMask {
        v4: u8,
        v6: Option<u8>,
    },
    /// `regsub(expression,replacement[,flags])`. The expression was compiled to see that it is good.
    Substitute {
        regex: String,
        to: String,
        is_global: bool,
        is_case_insensitive: bool,
    },
    /// `url_dec([in_form])`
    UrlDecode {
        is_form: bool,
    },
    Arithmetic(Operation, Amount),
    /// `map(file[,default])` and its kin. The file is read by whoever runs it.
    Map {
        key: MapKey,
        value: MapValue,
        file: Spanned<String>,
        default: Option<String>,
    },
    /// `concat([before][,variable][,after])`
    Concat {
        before: String,
        variable: Option<Variable>,
        after: String,
    },
    /// `strcmp(variable)`
    CompareWith(Variable),
    /// `iif(true,false)`
    Choose(String, String),
    /// `ltrim(characters)`
    TrimStart(String),
    /// `rtrim(characters)`
    TrimEnd(String),
    /// `url_enc`
    UrlEncode,
    /// `b64dec`
    Base64Decode,
    /// `ub64enc`
    Base64Url,
    /// `ub64dec`
    Base64UrlDecode,
    /// `hex2i`
    HexToInteger,
    /// `crc32`, `djb2`, `sdbm`, `wt6`, each with `(1)` to spread it.
    Hash {
        function: HashFunction,
        is_mixed: bool,
    },
    /// `param(name[,delimiter])`
    Parameter {
        name: String,
        delimiter: char,
    },
    /// `xxh32([seed])`
    Xxh32(u32),
    /// `xxh64([seed])`
    Xxh64(u64),
    /// `sha1`, `sha2([bits])`
    Digest(Digest),
    /// `json`
    Json,
    /// `neg`
    Negate,
    /// `cpl`
    Complement,
    /// `bool`
    IsNotZero,
    /// `not`
    IsZero,
    /// `even`
    IsEven,
    /// `odd`
    IsOdd,
}

/// One that makes bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// What a number is combined with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Amount {
    Number(i64),
    Variable(Variable),
}

/// How the keys of a map are compared (`map_beg` …).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MapKey {
    Text(Compare),
    /// `map_regm`: the value takes up what groups matched.
    RegexReplace,
    Integer,
    Address,
}

/// What the values of a map are (`map_str_int` …).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MapValue {
    Text,
    Integer,
    Address,
}

/// Which fields or words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPart {
    /// From 1, or from -1 at the end; never 0.
    pub index: i32,
    pub delimiters: String,
    /// 0 is all that are left.
    pub count: u32,
}

/// `add`, `sub` …
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
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

/// `if …` or `unless …`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// The whole condition, from `if` or `unless`.
    pub span: Span,
    pub is_unless: bool,
    /// Alternatives (`or`), each a list of terms that must all hold.
    pub any_of: Vec<Vec<Term>>,
}

/// One word or one `{ … }` of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    pub span: Span,
    pub is_negated: bool,
    pub operand: Operand,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// An ACL of the same proxy: any of its tests.
    Named(String),
    /// `{ … }`.
    Anonymous(Test),
    /// One of HAProxy's own ACLs.
    Predefined(Predefined),
    /// Refused.
    Unserved,
}

/// HAProxy's own ACLs (configuration.txt §7.4). An ACL of the same name goes before them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Predefined {
    /// `METH_GET` and so on: the method is one of these.
    Method(&'static [&'static str]),
    /// `HTTP_1.0`, `HTTP_1.1`: the version of the request.
    Version(&'static str),
    True,
    False,
    /// `src 127.0.0.1/8 ::1`.
    Localhost,
    /// `req.len gt 0`
    RequestContent,
    /// `wait_end`
    WaitEnd,
    /// `req.proto_http`
    Http,
}
