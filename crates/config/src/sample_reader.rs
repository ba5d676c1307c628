//! Reads sample expressions: `FETCH(ARGUMENTS),CONVERTER(ARGUMENTS)…` (configuration.txt §7.3).

use crate::acl::Expression;
use crate::balance::HashFunction;
use crate::converter::{Amount, Converter, Operation};
use crate::converter_reader::{CONVERTERS, CONVERTERS_UNREAD, read_converter};
use crate::fetch::{
    CertificatePart, ContentPart, CookieForm, CountedStart, End, Fetch, FieldForm, MessagePart, NameForm, Number,
    Parameter, Part, ProxyRef, ServerRef, Speaker, TlsPart, UserlistRef,
};
use crate::http_rule_reader::named_variable;
use crate::keywords::fetch::{self, CertificateName, ContentName, Keyword, MessageName, SessionName, TlsName};
use crate::keywords::fetch_names;
use crate::lexer::Word;
use crate::nearest::Guesser;
use crate::pattern::{Compare, Method, hexadecimal, integer};
use crate::session_part::{ConnectionsOf, DateUnit, SessionPart};
use crate::source::Span;
use crate::value::natural;
use std::borrow::Cow;

/// What a sample is, which decides how it is compared unless `-m` says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    Address,
    Integer,
    Boolean,
    Version,
    Text,
    /// Bytes that are no text: HAProxy wants to be told how to compare them.
    Binary,
}

/// What a word of an expression was read as.
pub(crate) enum Read {
    /// How it is compared, if its name says that.
    Sample(Expression, Type, Option<Method>),
    /// Known to HAProxy and not read here.
    Unserved,
}

/// A sentence without its full stop, and a hint.
pub(crate) type Complaint = (String, Option<String>);

impl Type {
    /// How samples of this type are compared where nothing is said.
    pub(crate) fn method(self) -> Option<Method> {
        match self {
            Type::Address => Some(Method::Ip),
            Type::Integer => Some(Method::Integer),
            Type::Boolean => Some(Method::Boolean),
            Type::Version => Some(Method::Version),
            Type::Text => Some(Method::Text(Compare::Whole)),
            Type::Binary => None,
        }
    }
}

/// Reads one word as an expression.
pub(crate) fn expression(word: &Word<'_>, guesser: &mut Guesser) -> Result<Read, Complaint> {
    let text: &str = word;
    let name = &text[..text.find(['(', ',']).unwrap_or(text.len())];
    let within = |message: String| (message, None);
    let derived = fetch::derived(name);
    let Some(keyword) = fetch::find(derived.map_or(name, |(base, _)| base)) else {
        let guess = guesser.name(name, fetch_names::READ.iter().copied());
        return Err((format!("unknown fetch method '{name}'"), guess));
    };
    let of_fetch = |message| within(format!("fetch method '{name}' : {message}"));
    let (arguments, mut rest) = Arguments::read(&text[name.len()..]).map_err(of_fetch)?;
    if !rest.is_empty() && !rest.starts_with(',') {
        return Err(within(format!("missing comma after fetch keyword '{name}'")));
    }
    let Some(keyword) = keyword else { return Ok(Read::Unserved) };
    let Some((fetch, mut kind)) = read_fetch(keyword, &arguments, word.span).map_err(|(_, it)| of_fetch(it))? else {
        return Ok(Read::Unserved);
    };
    let mut converters = Vec::from_iter(implied(name));
    if !converters.is_empty() {
        kind = Type::Integer;
    }
    while let Some(behind) = rest.strip_prefix(',') {
        let name = &behind[..behind.find(['(', ',']).unwrap_or(behind.len())];
        let of_converter = |(position, message): Refusal| match position {
            Some(position) => within(format!("invalid arg {position} in converter '{name}' : {message}")),
            None => within(format!("invalid args in converter '{name}' : {message}")),
        };
        let is_known = |known: &str| known == name;
        if !CONVERTERS_UNREAD.split_ascii_whitespace().chain(CONVERTERS.iter().copied()).any(is_known) {
            let guess = guesser.name(name, CONVERTERS.iter().copied());
            return Err((format!("unknown converter '{name}'"), guess));
        }
        let (arguments, behind) =
            Arguments::read(&behind[name.len()..]).map_err(|message| of_converter((Some(1), message)))?;
        if !behind.is_empty() && !behind.starts_with(',') {
            return Err(within(format!("missing comma after converter '{name}'")));
        }
        let Some((converter, made)) = read_converter(name, &arguments, word.span).map_err(of_converter)? else {
            return Ok(Read::Unserved);
        };
        converters.push(converter);
        kind = made;
        rest = behind;
    }
    Ok(Read::Sample(Expression { span: word.span, fetch, converters }, kind, derived.map(|(_, method)| method)))
}

/// What is made of some samples before anybody else makes something of them.
fn implied(fetch: &str) -> Option<Converter> {
    const MICROSECONDS: i64 = 1_000_000;
    match fetch {
        "base32" | "url32" => Some(Converter::Hash { function: HashFunction::Sdbm, is_mixed: true }),
        "date_us" => Some(Converter::Arithmetic(Operation::Modulo, Amount::Number(MICROSECONDS))),
        _ => None,
    }
}

/// An argument that cannot be read: its position from 1, where one is to blame, and why.
pub(crate) type Refusal = (Option<usize>, String);

/// `None` for arguments that HAProxy takes and nothing here does.
fn read_fetch(keyword: Keyword, arguments: &Arguments<'_>, span: Span) -> Result<Option<(Fetch, Type)>, Refusal> {
    let client = |part| Fetch::Payload(Speaker::Client, part);
    let proxy =
        |name: &str| ProxyRef { name: Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_string), span };
    let server = |argument: &str| {
        let (of, server) = argument.rsplit_once('/').unwrap_or(("", argument));
        ServerRef { proxy: proxy(of), server: server.trim().to_string() }
    };
    let (fetch, kind, count) = match keyword {
        Keyword::Src => (Fetch::Address(End::Source), Type::Address, 0),
        Keyword::Dst => (Fetch::Address(End::Destination), Type::Address, 0),
        Keyword::SrcPort => (Fetch::Number(Number::Port(End::Source)), Type::Integer, 0),
        Keyword::DstPort => (Fetch::Number(Number::Port(End::Destination)), Type::Integer, 0),
        Keyword::AlwaysTrue => (Fetch::Number(Number::Truth(true)), Type::Boolean, 0),
        Keyword::AlwaysFalse => (Fetch::Number(Number::Truth(false)), Type::Boolean, 0),
        Keyword::FeId => (Fetch::Number(Number::FrontendId), Type::Integer, 0),
        Keyword::BeId => (Fetch::Number(Number::BackendId), Type::Integer, 0),
        Keyword::Announced(Some(kind)) => (Fetch::Announced(kind), Type::Text, 0),
        Keyword::Announced(None) => {
            let text = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
            let kind = announced(text).ok_or_else(|| unparsable(text, "TLV type", 1))?;
            (Fetch::Announced(kind), Type::Text, 1)
        }
        Keyword::FeName => (Fetch::FrontendName, Type::Text, 0),
        Keyword::BeName => (Fetch::BackendName, Type::Text, 0),
        Keyword::Int => (Fetch::Number(Number::Constant(arguments.integer(1, 1)?)), Type::Integer, 1),
        Keyword::Str => (Fetch::Text(arguments.get(1).unwrap_or_default().to_string()), Type::Text, 1),
        Keyword::Environment => {
            let name = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
            (Fetch::Environment(name.to_string()), Type::Text, 1)
        }
        Keyword::Hostname => (Fetch::Hostname, Type::Text, 0),
        Keyword::Bool => {
            let truth = match arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))? {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err((None, "Expects 'true', 'false', '0' or '1'".to_string())),
            };
            (Fetch::Number(Number::Truth(truth)), Type::Boolean, 1)
        }
        Keyword::Bin => {
            let digits = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
            (Fetch::Octets(hexadecimal(digits).map_err(|message| (None, message))?), Type::Binary, 1)
        }
        Keyword::One => (Fetch::Number(Number::Constant(1)), Type::Integer, 0),
        Keyword::Thread => (Fetch::Session(SessionPart::Thread), Type::Integer, 0),
        Keyword::Rand => {
            let range = arguments.get(1).map(|_| arguments.natural(1, 1)).transpose()?;
            // Without a range, HAProxy's numbers have 31 bits.
            (Fetch::Random(range.unwrap_or(1 << 31)), Type::Integer, 1)
        }
        Keyword::Uuid => match arguments.get(1).unwrap_or("4") {
            "4" => (Fetch::Uuid, Type::Text, 1),
            _ => return Ok(None),
        },
        Keyword::Message(name) => return message(name, arguments, span),
        Keyword::Session(name) => {
            let (part, kind, count) = session(name, arguments)?;
            (Fetch::Session(part), kind, count)
        }
        Keyword::Tls(name) => {
            let (part, kind) = tls(name, arguments)?;
            return Ok(Some((Fetch::Tls(part), kind)));
        }
        Keyword::BackTls(name) => {
            let (part, kind) = tls(name, arguments)?;
            return Ok(Some((Fetch::BackTls(part), kind)));
        }
        Keyword::Nbsrv => (Fetch::Number(Number::UsableServers(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::BeConn => (Fetch::Number(Number::BackendConnections(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::FeConn => (Fetch::Number(Number::FrontendConnections(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::SrvConn => (Fetch::Number(Number::ServerConnections(server(arguments.raw()))), Type::Integer, 1),
        Keyword::SrvIsUp => (Fetch::Number(Number::ServerIsUp(server(arguments.raw()))), Type::Boolean, 1),
        Keyword::BackendLoad(load) => {
            (Fetch::Number(Number::BackendLoad(load, proxy(arguments.raw()))), Type::Integer, 1)
        }
        Keyword::FrontendLoad(load) => {
            (Fetch::Number(Number::FrontendLoad(load, proxy(arguments.raw()))), Type::Integer, 1)
        }
        Keyword::ServerLoad(load) => {
            (Fetch::Number(Number::ServerLoad(load, server(arguments.raw()))), Type::Integer, 1)
        }
        Keyword::Date => {
            let offset = arguments.get(1).filter(|text| !text.is_empty());
            let offset = offset.map(|_| arguments.integer(1, 2)).transpose()?.unwrap_or(0);
            let unit = match arguments.get(2) {
                None | Some("s") => DateUnit::Seconds,
                Some("ms") => DateUnit::Milliseconds,
                Some("us") => DateUnit::Microseconds,
                Some(other) => return Err((Some(2), format!("unit '{other}' is not one of 's', 'ms' and 'us'"))),
            };
            (Fetch::Session(SessionPart::Date(offset, unit)), Type::Integer, 2)
        }
        Keyword::DateMicroseconds => (Fetch::Session(SessionPart::Date(0, DateUnit::Microseconds)), Type::Integer, 0),
        Keyword::Variable => {
            let named = named_variable(arguments.get(1).unwrap_or_default()).map_err(|message| (Some(1), message))?;
            let Some(variable) = named else { return Ok(None) };
            match arguments.get(2) {
                Some(default) => (Fetch::VariableOr(variable, default.to_string()), Type::Binary, 2),
                None => (Fetch::Variable(variable), Type::Binary, 1),
            }
        }
        Keyword::WaitEnd => (Fetch::WaitEnd, Type::Boolean, 0),
        Keyword::Len(speaker) => (Fetch::Payload(speaker, Part::Length), Type::Integer, 0),
        Keyword::HelloType(speaker) => (Fetch::Payload(speaker, Part::HelloType), Type::Integer, 0),
        Keyword::HelloVersion => (client(Part::HelloVersion), Type::Version, 0),
        Keyword::HelloName => (client(Part::HelloName), Type::Text, 0),
        Keyword::HelloProtocols => (client(Part::HelloProtocols), Type::Text, 0),
        Keyword::HelloCurves => (client(Part::HelloCurves), Type::Boolean, 0),
        Keyword::HelloTicket => (client(Part::HelloTicket), Type::Integer, 0),
        Keyword::ProtoHttp => (client(Part::Http), Type::Boolean, 0),
        Keyword::Payload(speaker) => {
            let part = Part::Slice { offset: arguments.natural(1, 2)?, size: arguments.natural(2, 2)? };
            (Fetch::Payload(speaker, part), Type::Binary, 2)
        }
        Keyword::PayloadLv(speaker) => {
            let (at, size) = (arguments.natural(1, 2)?, arguments.natural(2, 2)?);
            let start = match arguments.get(3) {
                None => CountedStart::Behind(0),
                Some(text) => counted_start(text).ok_or_else(|| unparsable(text, "integer", 3))?,
            };
            (Fetch::Payload(speaker, Part::Counted { at, size, start }), Type::Binary, 3)
        }
    };
    arguments.ends_at(count)?;
    Ok(Some((fetch, kind)))
}

/// A fetch of what is known of a session, what it is, and how many arguments it has.
fn session(name: SessionName, arguments: &Arguments<'_>) -> Result<(SessionPart, Type, usize), Refusal> {
    Ok(match name {
        SessionName::Captured(speaker) => (SessionPart::Captured(speaker, arguments.natural(1, 1)?), Type::Text, 1),
        SessionName::RequestMethod => (SessionPart::RequestMethod, Type::Text, 0),
        SessionName::RequestTarget => (SessionPart::RequestTarget, Type::Text, 0),
        SessionName::RequestVersion => (SessionPart::RequestVersion, Type::Text, 0),
        SessionName::ResponseVersion => (SessionPart::ResponseVersion, Type::Text, 0),
        SessionName::ServerName => (SessionPart::ServerName, Type::Text, 0),
        SessionName::ServerId => (SessionPart::ServerId, Type::Integer, 0),
        SessionName::Status => (SessionPart::Status, Type::Integer, 0),
        SessionName::ProcessConnections => (SessionPart::Connections(ConnectionsOf::Process), Type::Integer, 0),
        SessionName::ProcessId => (SessionPart::ProcessId, Type::Integer, 0),
        SessionName::Timeout(of) => (SessionPart::Timeout(of), Type::Integer, 0),
        SessionName::DefaultBackend => (SessionPart::DefaultBackend, Type::Text, 0),
        SessionName::FirstExchange => (SessionPart::IsFirstExchange, Type::Boolean, 0),
        SessionName::ListenerId => (SessionPart::ListenerId, Type::Integer, 0),
        SessionName::ListenerName => (SessionPart::ListenerName, Type::Text, 0),
        SessionName::Stopping => (SessionPart::IsStopping, Type::Boolean, 0),
        SessionName::UniqueId => (SessionPart::UniqueId, Type::Text, 0),
    })
}

/// A fetch of TLS.
fn tls(name: TlsName, arguments: &Arguments<'_>) -> Result<(TlsPart, Type), Refusal> {
    let (part, kind, count) = match name {
        TlsName::Used => (TlsPart::IsUsed, Type::Boolean, 0),
        TlsName::HasName => (TlsPart::HasName, Type::Boolean, 0),
        TlsName::Resumed => (TlsPart::IsResumed, Type::Boolean, 0),
        TlsName::HasCertificate => (TlsPart::HasCertificate, Type::Boolean, 0),
        TlsName::CertificateUsed => (TlsPart::IsCertificateUsed, Type::Boolean, 0),
        TlsName::Verify => (TlsPart::Verified, Type::Integer, 0),
        TlsName::KeySize => (TlsPart::KeySize, Type::Integer, 0),
        TlsName::Version => (TlsPart::Version, Type::Text, 0),
        TlsName::Cipher => (TlsPart::Cipher, Type::Text, 0),
        TlsName::Name => (TlsPart::Name, Type::Text, 0),
        TlsName::Protocol => (TlsPart::Protocol, Type::Text, 0),
        TlsName::Certificate(whose, name) => {
            let (part, kind, count) = certificate(name, arguments)?;
            (TlsPart::Certificate(whose, part), kind, count)
        }
    };
    arguments.ends_at(count)?;
    Ok((part, kind))
}

/// What is asked of a certificate, and how many arguments that takes.
fn certificate(name: CertificateName, arguments: &Arguments<'_>) -> Result<(CertificatePart, Type, usize), Refusal> {
    let form = || {
        let position = arguments.get(2).map(|_| arguments.integer(2, 2)).transpose()?.unwrap_or(1);
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        let kind = arguments.get(1).filter(|kind| !kind.is_empty());
        match (kind, arguments.get(3).unwrap_or_default()) {
            (_, form) if !matches!(form, "" | "rfc2253") => {
                let why = "only rfc2253 or a blank value are currently supported as the format argument.";
                Err((None, why.to_string()))
            }
            (Some(kind), _) => Ok(NameForm::Attribute(kind.to_string(), position)),
            (None, "") => Ok(NameForm::Line),
            (None, _) => Ok(NameForm::Rfc2253),
        }
    };
    Ok(match name {
        CertificateName::Subject => (CertificatePart::Subject(form()?), Type::Text, 3),
        CertificateName::Issuer => (CertificatePart::Issuer(form()?), Type::Text, 3),
        CertificateName::Serial => (CertificatePart::Serial, Type::Binary, 0),
        CertificateName::Fingerprint => (CertificatePart::Fingerprint, Type::Binary, 0),
        CertificateName::ValidFrom => (CertificatePart::ValidFrom, Type::Text, 0),
        CertificateName::ValidUntil => (CertificatePart::ValidUntil, Type::Text, 0),
        CertificateName::SignatureAlgorithm => (CertificatePart::SignatureAlgorithm, Type::Text, 0),
        CertificateName::KeyAlgorithm => (CertificatePart::KeyAlgorithm, Type::Text, 0),
        CertificateName::Version => (CertificatePart::Version, Type::Integer, 0),
        CertificateName::Whole => (CertificatePart::Whole, Type::Binary, 0),
    })
}

/// The type of a TLV of a PROXY header: a number, or HAProxy's name for it.
fn announced(text: &str) -> Option<u8> {
    match text {
        "ALPN" => Some(0x01),
        "AUTHORITY" => Some(0x02),
        "CRC32C" => Some(0x03),
        "NOOP" => Some(0x04),
        "UNIQUE_ID" => Some(0x05),
        "SSL" => Some(0x20),
        "NETNS" => Some(0x30),
        _ => match text.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

/// A fetch of HTTP. Occurrences, delimiters and fields without a name are not read.
fn message(name: MessageName, arguments: &Arguments<'_>, span: Span) -> Result<Option<(Fetch, Type)>, Refusal> {
    let named = || arguments.get(1).filter(|name| !name.is_empty()).map(str::to_string);
    let (part, kind) = match name {
        MessageName::Field(speaker, is_whole, form) => {
            let kind = match form {
                FieldForm::Text => Type::Text,
                FieldForm::Count | FieldForm::Number => Type::Integer,
                FieldForm::Address => Type::Address,
            };
            let Some(name) = named() else { return Ok(None) };
            let nth = match (form, arguments.get(2)) {
                (FieldForm::Count, Some(_)) => return Ok(None),
                (_, None) => None,
                (_, Some(_)) => i32::try_from(arguments.integer(2, 2)?).ok().filter(|nth| *nth != 0),
            };
            arguments.ends_at(2)?;
            return Ok(Some((Fetch::Message(MessagePart::Field { speaker, name, is_whole, form, nth }), kind)));
        }
        MessageName::Cookie(speaker, form) => {
            let kind = if form == CookieForm::Text { Type::Text } else { Type::Integer };
            arguments.ends_at(1)?;
            return Ok(Some((Fetch::Message(MessagePart::Cookie { speaker, name: named(), form }), kind)));
        }
        MessageName::Parameter { is_number } => {
            let delimiter = match arguments.get(2).map(str::as_bytes) {
                None => b'?',
                Some([delimiter]) => *delimiter,
                Some(_) => return Err((None, "Delimiter must be exactly 1 character.".to_string())),
            };
            let is_case_insensitive = ignores_case(arguments.get(3))?;
            arguments.ends_at(3)?;
            let asked = Parameter { name: named(), is_case_insensitive, delimiter, is_number };
            let kind = if is_number { Type::Integer } else { Type::Text };
            return Ok(Some((Fetch::Message(MessagePart::Parameter(asked)), kind)));
        }
        MessageName::Authorized | MessageName::Groups => {
            let list = arguments.get(1).ok_or_else(|| arguments.missing("userlist", 1, 1))?;
            arguments.ends_at(1)?;
            let list = UserlistRef { name: list.to_string(), span };
            let made = match name == MessageName::Authorized {
                true => (MessagePart::Authorized(list), Type::Boolean),
                false => (MessagePart::Groups(list), Type::Text),
            };
            return Ok(Some((Fetch::Message(made.0), made.1)));
        }
        MessageName::Base => (MessagePart::Base, Type::Text),
        MessageName::BaseAndQuery => (MessagePart::BaseAndQuery, Type::Text),
        MessageName::Credential(part) => (MessagePart::Credential(part), Type::Text),
        MessageName::FieldLines(speaker) => (MessagePart::FieldLines(speaker), Type::Binary),
        MessageName::FieldNames(speaker) => {
            let between = arguments.get(1).unwrap_or(",").to_string();
            arguments.ends_at(1)?;
            return Ok(Some((Fetch::Message(MessagePart::FieldNames(speaker, between)), Type::Text)));
        }
        MessageName::Content(speaker, name) => {
            let (part, kind, count) = content(name, arguments)?;
            arguments.ends_at(count)?;
            return Ok(Some((Fetch::Message(MessagePart::Content(speaker, part)), kind)));
        }
        MessageName::Method => (MessagePart::Method, Type::Text),
        MessageName::Path => (MessagePart::Path, Type::Text),
        MessageName::PathAndQuery => (MessagePart::PathAndQuery, Type::Text),
        MessageName::Query => (MessagePart::Query, Type::Text),
        MessageName::Status => (MessagePart::Status, Type::Integer),
        MessageName::Target => (MessagePart::Target, Type::Text),
        MessageName::Version(speaker) => (MessagePart::Version(speaker), Type::Text),
    };
    arguments.ends_at(0)?;
    Ok(Some((Fetch::Message(part), kind)))
}

/// What is asked of a content, and how many arguments that takes.
fn content(name: ContentName, arguments: &Arguments<'_>) -> Result<(ContentPart, Type, usize), Refusal> {
    Ok(match name {
        ContentName::Octets => (ContentPart::Octets, Type::Binary, 0),
        ContentName::Length => (ContentPart::Length, Type::Integer, 0),
        ContentName::Size => (ContentPart::Size, Type::Integer, 0),
        ContentName::Parameter => {
            let name = arguments.get(1).filter(|name| !name.is_empty()).map(str::to_string);
            let is_case_insensitive = ignores_case(arguments.get(2))?;
            let asked = Parameter { name, is_case_insensitive, delimiter: b'&', is_number: false };
            (ContentPart::Parameter(asked), Type::Binary, 2)
        }
    })
}

/// The argument by which names of parameters may be of either case.
fn ignores_case(argument: Option<&str>) -> Result<bool, Refusal> {
    match argument {
        None => Ok(false),
        Some("i") => Ok(true),
        Some(_) => Err((None, "wrong argument. Only 'i' is supported".to_string())),
    }
}

/// The third argument of `payload_lv`: with a sign it counts from behind the number.
fn counted_start(text: &str) -> Option<CountedStart> {
    match text.strip_prefix('+') {
        Some(distance) => natural(distance).map(CountedStart::Behind),
        None if text.starts_with('-') => text.parse().ok().map(CountedStart::Behind),
        None => natural(text).map(CountedStart::At),
    }
}

pub(crate) fn unparsable(text: &str, noun: &str, position: usize) -> Refusal {
    (Some(position), format!("failed to parse '{text}' as type '{noun}' at position {position}"))
}

/// What stands between the parentheses of a fetch or a converter.
pub(crate) struct Arguments<'t> {
    values: Vec<Cow<'t, str>>,
    /// All of it, and where each value begins in it.
    raw: &'t str,
    starts: Vec<usize>,
}

impl<'t> Arguments<'t> {
    /// Reads `(…)` if `text` begins with it, and hands out what follows. Quotes of both kinds keep commas and parentheses.
    fn read(text: &'t str) -> Result<(Arguments<'t>, &'t str), String> {
        let Some(inside) = text.strip_prefix('(') else {
            return Ok((Arguments { values: Vec::new(), raw: "", starts: Vec::new() }, text));
        };
        let (mut values, mut starts) = (vec![Cow::Borrowed("")], vec![0]);
        let mut quote = None;
        for (at, character) in inside.char_indices() {
            let value = values.last_mut().expect("there is always a last value");
            match (quote, character) {
                (None, ')') => {
                    let raw = &inside[..at];
                    if raw.is_empty() {
                        (values, starts) = (Vec::new(), Vec::new());
                    }
                    return Ok((Arguments { values, raw, starts }, &inside[at + 1..]));
                }
                (None, ',') => {
                    values.push(Cow::Borrowed(""));
                    starts.push(at + 1);
                }
                (None, '\'' | '"') => quote = Some(character),
                (Some(open), character) if open == character => quote = None,
                (_, character) => value.to_mut().push(character),
            }
        }
        Err("expected ')'".to_string())
    }

    /// The value at a position from 1.
    pub(crate) fn get(&self, position: usize) -> Option<&str> {
        self.values.get(position - 1).map(|value| &**value)
    }

    /// The first value as it stands in the file.
    fn raw(&self) -> &'t str {
        &self.raw[..self.starts.get(1).map_or(self.raw.len(), |start| start - 1)]
    }

    pub(crate) fn integer(&self, position: usize, required: usize) -> Result<i64, Refusal> {
        let text = self.get(position).ok_or_else(|| self.missing("integer", position, required))?;
        integer(text).ok_or_else(|| unparsable(text, "integer", position))
    }

    pub(crate) fn natural(&self, position: usize, required: usize) -> Result<u32, Refusal> {
        let text = self.get(position).ok_or_else(|| self.missing("integer", position, required))?;
        natural(text).ok_or_else(|| unparsable(text, "integer", position))
    }

    pub(crate) fn missing(&self, noun: &str, position: usize, required: usize) -> Refusal {
        let count = self.values.len();
        let message = match count {
            0 => format!("expected type '{noun}' at position {position}, but got nothing"),
            _ => format!("missing arguments (got {count}/{required}), type '{noun}' expected"),
        };
        (Some(position), message)
    }

    /// An error if there are more than `count`.
    pub(crate) fn ends_at(&self, count: usize) -> Result<(), Refusal> {
        let Some(&start) = self.starts.get(count) else { return Ok(()) };
        let surplus = &self.raw[start.saturating_sub(1)..];
        Err((Some(count + 1), format!("expected ')' before '{surplus})'")))
    }
}
