//! What health checks say and expect.

use crate::acl::Expression;
use crate::address::Host;
use crate::http_rule::{Format, Variable};
use crate::source::Spanned;

/// A kind of check that says something (`option tcp-check` and its kin).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Check {
    /// The proxy's own script.
    Script,
    /// `option httpchk`
    Http,
    /// The greeting is the whole line, such as `HELO localhost`.
    Smtp {
        greeting: String,
    },
    Redis,
    SslHello,
    /// `option imapchk`, `pop3chk` and `lmtpchk` are keywords of our own.
    Imap,
    Pop3,
    Lmtp,
}

/// One `tcp-check` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpCheck {
    Comment(String),
    Connect(TcpConnect),
    Send { bytes: Vec<u8>, comment: Option<String> },
    Expect(CheckExpect<CheckText>),
    Variable(CheckVariable),
}

/// What a script keeps for its later steps. Scopes are [`Scope::Check`](crate::Scope::Check).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckVariable {
    Set(Variable, Expression),
    SetText(Variable, Format),
    Unset(Variable),
}

/// `tcp-check connect`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpConnect {
    /// Greet as the server line says.
    pub is_default: bool,
    pub address: Option<Spanned<Host>>,
    pub port: Option<u16>,
    pub sends_proxy: bool,
    /// `ssl`
    pub is_secure: bool,
    /// `sni`
    pub name: Option<String>,
    pub alpn: Option<Vec<String>>,
    pub lingers: bool,
    pub comment: Option<String>,
}

/// `tcp-check expect` and `http-check expect`. A status is one of HAProxy's words that the keyword allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckExpect<P> {
    pub pattern: P,
    pub is_inverse: bool,
    pub received_least: Option<u32>,
    pub ok_status: Option<String>,
    pub error_status: Option<String>,
    pub timeout_status: Option<String>,
    pub on_success: Option<Format>,
    pub on_error: Option<Format>,
    /// `status-code`
    pub code: Option<Expression>,
    pub comment: Option<String>,
}

/// What is expected. Expressions are as written: whoever runs them compiles them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckText {
    String(Spanned<String>),
    Regex(Spanned<String>),
    Binary(Vec<u8>),
    BinaryRegex(Spanned<String>),
}

/// `option httpchk` and the `http-check` lines: a section inherits them together, and its first own line of either kind replaces them
/// together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpScript {
    /// What `option httpchk` says is sent, unless a line of the script says otherwise.
    pub request: HttpSend,
    pub steps: Vec<Spanned<HttpCheck>>,
    /// It comes from a `defaults` section.
    pub is_inherited: bool,
}

/// One `http-check` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HttpCheck {
    Comment(String),
    Connect(TcpConnect),
    Send(HttpSend),
    Expect(Box<CheckExpect<HttpPattern>>),
    Variable(CheckVariable),
}

/// `http-check send`, or what `option httpchk` says. What is not there is HAProxy's `OPTIONS / HTTP/1.0`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpSend {
    pub method: Option<String>,
    pub uri: Option<Format>,
    pub version: Option<HttpVersion>,
    /// Names and values.
    pub fields: Vec<(String, Format)>,
    pub body: Option<Format>,
    pub comment: Option<String>,
}

/// The versions that a check can speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpVersion {
    Http10,
    Http11,
}

/// What is expected of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HttpPattern {
    /// Ranges of status codes, first and last.
    Status(Vec<(u16, u16)>),
    StatusRegex(Spanned<String>),
    String(Spanned<String>),
    Regex(Spanned<String>),
    /// `string-lf`
    StringFormat(Format),
    /// `hdr`, `fhdr`
    Field(HttpFieldPattern),
}

/// A field of a response: its name, and its value if that matters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpFieldPattern {
    pub name: Likeness,
    pub value: Option<Likeness>,
    /// `fhdr`: not the elements of lists.
    pub is_whole: bool,
}

/// `-m`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Likeness {
    Whole(Format),
    Begin(Format),
    End(Format),
    Inside(Format),
    Regex(Spanned<String>),
}

impl TcpCheck {
    /// The formats and expressions in it.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match self {
            TcpCheck::Comment(_) | TcpCheck::Connect(_) | TcpCheck::Send { .. } => Vec::new(),
            TcpCheck::Expect(expect) => expect.expressions().collect(),
            TcpCheck::Variable(variable) => variable.expressions(),
        }
    }
}

impl HttpCheck {
    /// The formats and expressions in it.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match self {
            HttpCheck::Comment(_) | HttpCheck::Connect(_) => Vec::new(),
            HttpCheck::Send(send) => {
                let fields = send.fields.iter().map(|(_, value)| value);
                fields.chain(&send.uri).chain(&send.body).flat_map(Format::expressions).collect()
            }
            HttpCheck::Expect(expect) => {
                let formats = match &expect.pattern {
                    HttpPattern::StringFormat(format) => vec![format],
                    HttpPattern::Field(field) => {
                        Some(&field.name).into_iter().chain(&field.value).filter_map(Likeness::format).collect()
                    }
                    HttpPattern::Status(_)
                    | HttpPattern::StatusRegex(_)
                    | HttpPattern::String(_)
                    | HttpPattern::Regex(_) => Vec::new(),
                };
                expect.expressions().chain(formats.into_iter().flat_map(Format::expressions)).collect()
            }
            HttpCheck::Variable(variable) => variable.expressions(),
        }
    }
}

impl<P> CheckExpect<P> {
    /// Those that its pattern has not.
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.on_success.iter().chain(&self.on_error).flat_map(Format::expressions).chain(&self.code)
    }
}

impl CheckVariable {
    fn expressions(&self) -> Vec<&Expression> {
        match self {
            CheckVariable::Set(_, expression) => vec![expression],
            CheckVariable::SetText(_, format) => format.expressions().collect(),
            CheckVariable::Unset(_) => Vec::new(),
        }
    }
}

impl Likeness {
    fn format(&self) -> Option<&Format> {
        match self {
            Likeness::Whole(format) | Likeness::Begin(format) | Likeness::End(format) | Likeness::Inside(format) => {
                Some(format)
            }
            Likeness::Regex(_) => None,
        }
    }
}
