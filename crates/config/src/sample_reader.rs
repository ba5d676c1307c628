//! Reads sample expressions: `FETCH(ARGUMENTS),CONVERTER(ARGUMENTS)…` (configuration.txt §7.3).

use crate::acl::{
    CertificatePart, Converter, CountedStart, End, Expression, Fetch, FieldForm, MessagePart, Number, Operation, Part,
    ProxyRef, ServerRef, SessionPart, Speaker, TextPart, TlsPart,
};
use crate::http_rule_reader::named_variable;
use crate::keywords::fetch::{self, CertificateName, Keyword, MessageName, SessionName, TlsName};
use crate::lexer::Word;
use crate::nearest::Guesser;
use crate::pattern::{Compare, Method, integer};
use crate::source::Span;
use crate::value::natural;
use regex::bytes::RegexBuilder;
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
        let guess = guesser.name(name, fetch::READ.iter().copied());
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
    let mut converters = Vec::new();
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
        let Some((converter, made)) = read_converter(name, &arguments).map_err(of_converter)? else {
            return Ok(Read::Unserved);
        };
        converters.push(converter);
        kind = made;
        rest = behind;
    }
    Ok(Read::Sample(Expression { span: word.span, fetch, converters }, kind, derived.map(|(_, method)| method)))
}

/// An argument that cannot be read: its position from 1, where one is to blame, and why.
type Refusal = (Option<usize>, String);

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
        Keyword::FeName => (Fetch::FrontendName, Type::Text, 0),
        Keyword::BeName => (Fetch::BackendName, Type::Text, 0),
        Keyword::Int => (Fetch::Number(Number::Constant(arguments.integer(1, 1)?)), Type::Integer, 1),
        Keyword::Str => (Fetch::Text(arguments.get(1).unwrap_or_default().to_string()), Type::Text, 1),
        Keyword::Hostname => (Fetch::Hostname, Type::Text, 0),
        Keyword::Message(name) => return message(name, arguments),
        Keyword::Session(name) => {
            let (part, count) = session(name, arguments)?;
            (Fetch::Session(part), Type::Text, count)
        }
        Keyword::Tls(name) => {
            return Ok(tls(name, arguments)?.map(|(part, kind)| (Fetch::Tls(part), kind)));
        }
        Keyword::BackTls(name) => {
            return Ok(tls(name, arguments)?.map(|(part, kind)| (Fetch::BackTls(part), kind)));
        }
        Keyword::Nbsrv => (Fetch::Number(Number::UsableServers(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::BeConn => (Fetch::Number(Number::BackendConnections(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::FeConn => (Fetch::Number(Number::FrontendConnections(proxy(arguments.raw()))), Type::Integer, 1),
        Keyword::SrvConn => (Fetch::Number(Number::ServerConnections(server(arguments.raw()))), Type::Integer, 1),
        Keyword::SrvIsUp => (Fetch::Number(Number::ServerIsUp(server(arguments.raw()))), Type::Boolean, 1),
        Keyword::Variable => {
            if arguments.get(2).is_some() {
                return Ok(None);
            }
            let named = named_variable(arguments.get(1).unwrap_or_default()).map_err(|message| (Some(1), message))?;
            let Some(variable) = named else { return Ok(None) };
            (Fetch::Variable(variable), Type::Binary, 1)
        }
        Keyword::WaitEnd => (Fetch::WaitEnd, Type::Boolean, 0),
        Keyword::Len(speaker) => (Fetch::Payload(speaker, Part::Length), Type::Integer, 0),
        Keyword::HelloType(speaker) => (Fetch::Payload(speaker, Part::HelloType), Type::Integer, 0),
        Keyword::HelloVersion => (client(Part::HelloVersion), Type::Version, 0),
        Keyword::HelloName => (client(Part::HelloName), Type::Text, 0),
        Keyword::HelloProtocols => (client(Part::HelloProtocols), Type::Text, 0),
        Keyword::HelloCurves => (client(Part::HelloCurves), Type::Boolean, 0),
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

/// A fetch of what is known of a session, and how many arguments it has.
fn session(name: SessionName, arguments: &Arguments<'_>) -> Result<(SessionPart, usize), Refusal> {
    Ok(match name {
        SessionName::Captured(speaker) => (SessionPart::Captured(speaker, arguments.natural(1, 1)?), 1),
        SessionName::RequestMethod => (SessionPart::RequestMethod, 0),
        SessionName::RequestTarget => (SessionPart::RequestTarget, 0),
        SessionName::RequestVersion => (SessionPart::RequestVersion, 0),
        SessionName::ResponseVersion => (SessionPart::ResponseVersion, 0),
        SessionName::ServerName => (SessionPart::ServerName, 0),
        SessionName::UniqueId => (SessionPart::UniqueId, 0),
    })
}

/// A fetch of TLS. Formats of names are not read.
fn tls(name: TlsName, arguments: &Arguments<'_>) -> Result<Option<(TlsPart, Type)>, Refusal> {
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
        TlsName::Certificate(_, CertificateName::Subject | CertificateName::Issuer) if arguments.get(3).is_some() => {
            return Ok(None);
        }
        TlsName::Certificate(whose, name) => {
            let (part, kind, count) = certificate(name, arguments)?;
            (TlsPart::Certificate(whose, part), kind, count)
        }
    };
    arguments.ends_at(count)?;
    Ok(Some((part, kind)))
}

/// What is asked of a certificate, and how many arguments that takes.
fn certificate(name: CertificateName, arguments: &Arguments<'_>) -> Result<(CertificatePart, Type, usize), Refusal> {
    let attribute = || {
        let position = arguments.get(2).map(|_| arguments.integer(2, 2)).transpose()?.unwrap_or(1);
        let kind = arguments.get(1).filter(|kind| !kind.is_empty());
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        Ok::<_, Refusal>(kind.map(|kind| (kind.to_string(), position)))
    };
    Ok(match name {
        CertificateName::Subject => (CertificatePart::Subject(attribute()?), Type::Text, 2),
        CertificateName::Issuer => (CertificatePart::Issuer(attribute()?), Type::Text, 2),
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

/// A fetch of HTTP. Occurrences, delimiters and fields without a name are not read.
fn message(name: MessageName, arguments: &Arguments<'_>) -> Result<Option<(Fetch, Type)>, Refusal> {
    let named = || {
        let name = arguments.get(1).filter(|name| !name.is_empty() && arguments.get(2).is_none());
        name.map(str::to_string)
    };
    let (part, kind) = match name {
        MessageName::Field(speaker, is_whole, form) => {
            let kind = match form {
                FieldForm::Text => Type::Text,
                FieldForm::Count | FieldForm::Number => Type::Integer,
                FieldForm::Address => Type::Address,
            };
            let Some(name) = named() else { return Ok(None) };
            return Ok(Some((Fetch::Message(MessagePart::Field { speaker, name, is_whole, form }), kind)));
        }
        MessageName::Cookie | MessageName::Parameter => {
            let Some(text) = named() else { return Ok(None) };
            let is_cookie = name == MessageName::Cookie;
            let part = if is_cookie { MessagePart::Cookie(text) } else { MessagePart::Parameter(text) };
            return Ok(Some((Fetch::Message(part), Type::Text)));
        }
        MessageName::Base => (MessagePart::Base, Type::Text),
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

/// The third argument of `payload_lv`: with a sign it counts from behind the number.
fn counted_start(text: &str) -> Option<CountedStart> {
    match text.strip_prefix('+') {
        Some(distance) => natural(distance).map(CountedStart::Behind),
        None if text.starts_with('-') => text.parse().ok().map(CountedStart::Behind),
        None => natural(text).map(CountedStart::At),
    }
}

/// `None` for what HAProxy knows and nothing here does.
fn read_converter(name: &str, arguments: &Arguments<'_>) -> Result<Option<(Converter, Type)>, Refusal> {
    let arithmetic =
        |operation| Ok::<_, Refusal>((Converter::Arithmetic(operation, arguments.operand()?), Type::Integer, 1));
    let (converter, kind, count) = match name {
        "lower" => (Converter::Lower, Type::Text, 0),
        "upper" => (Converter::Upper, Type::Text, 0),
        "length" => (Converter::Length, Type::Integer, 0),
        "hex" => (Converter::Hex, Type::Text, 0),
        "base64" => (Converter::Base64, Type::Text, 0),
        "bytes" => {
            let count = arguments.get(2).map(|_| arguments.natural(2, 2)).transpose()?;
            (Converter::Bytes { offset: arguments.natural(1, 1)?, count }, Type::Binary, 2)
        }
        "field" => (Converter::Field(piece(arguments)?), Type::Text, 3),
        "word" => (Converter::Word(piece(arguments)?), Type::Text, 3),
        "ipmask" => {
            let v6 = arguments.get(2).map(|text| mask(text, 128, "IPv6 mask", 2)).transpose()?;
            let v4 = arguments.get(1).ok_or_else(|| arguments.missing("IPv4 mask", 1, 1))?;
            (Converter::IpMask { v4: mask(v4, 32, "IPv4 mask", 1)?, v6 }, Type::Address, 2)
        }
        "regsub" => (substitution(arguments)?, Type::Text, 3),
        "url_dec" => {
            let is_form = arguments.get(1).map(|_| arguments.integer(1, 1)).transpose()?.is_some_and(|form| form != 0);
            (Converter::UrlDecode { is_form }, Type::Text, 1)
        }
        "add" => arithmetic(Operation::Add)?,
        "sub" => arithmetic(Operation::Subtract)?,
        "mul" => arithmetic(Operation::Multiply)?,
        "div" => arithmetic(Operation::Divide)?,
        "mod" => arithmetic(Operation::Modulo)?,
        "and" => arithmetic(Operation::And)?,
        "or" => arithmetic(Operation::Or)?,
        "xor" => arithmetic(Operation::Xor)?,
        "neg" => (Converter::Negate, Type::Integer, 0),
        "cpl" => (Converter::Complement, Type::Integer, 0),
        "bool" => (Converter::IsNotZero, Type::Boolean, 0),
        "not" => (Converter::IsZero, Type::Boolean, 0),
        "even" => (Converter::IsEven, Type::Boolean, 0),
        "odd" => (Converter::IsOdd, Type::Boolean, 0),
        _ => return Ok(None),
    };
    arguments.ends_at(count)?;
    Ok(Some((converter, kind)))
}

/// `regsub(expression,replacement[,flags])`
fn substitution(arguments: &Arguments<'_>) -> Result<Converter, Refusal> {
    let regex = arguments.get(1).ok_or_else(|| arguments.missing("regex", 1, 2))?;
    let to = arguments.get(2).ok_or_else(|| arguments.missing("string", 2, 2))?;
    let flags = arguments.get(3).unwrap_or_default();
    if let Some(flag) = flags.chars().find(|flag| !matches!(flag, 'g' | 'i')) {
        return Err((Some(3), format!("invalid regex flag '{flag}', only 'i' is supported")));
    }
    if RegexBuilder::new(regex).unicode(false).build().is_err() {
        return Err((Some(1), format!("failed to parse '{regex}' as type 'regex' at position 1")));
    }
    let (is_global, is_case_insensitive) = (flags.contains('g'), flags.contains('i'));
    Ok(Converter::Substitute { regex: regex.to_string(), to: to.to_string(), is_global, is_case_insensitive })
}

fn piece(arguments: &Arguments<'_>) -> Result<TextPart, Refusal> {
    let index = arguments.integer(1, 2)?;
    let delimiters = arguments.get(2).ok_or_else(|| arguments.missing("string", 2, 2))?.to_string();
    let count = arguments.get(3).map(|_| arguments.natural(3, 3)).transpose()?.unwrap_or(1);
    match i32::try_from(index) {
        Ok(0) | Err(_) => Err((None, format!("Unexpected value {index} for index"))),
        Ok(index) => Ok(TextPart { index, delimiters, count }),
    }
}

/// A number of leading bits; a dotted mask is read as an address pattern would be.
fn mask(text: &str, most: u8, noun: &str, position: usize) -> Result<u8, Refusal> {
    let probe = if most == 32 { format!("0.0.0.0/{text}") } else { format!("::/{text}") };
    crate::net::parse(&probe).map(|net| net.prefix).ok_or_else(|| unparsable(text, noun, position))
}

fn unparsable(text: &str, noun: &str, position: usize) -> Refusal {
    (Some(position), format!("failed to parse '{text}' as type '{noun}' at position {position}"))
}

/// What stands between the parentheses of a fetch or a converter.
struct Arguments<'t> {
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
    fn get(&self, position: usize) -> Option<&str> {
        self.values.get(position - 1).map(|value| &**value)
    }

    /// The first value as it stands in the file.
    fn raw(&self) -> &'t str {
        &self.raw[..self.starts.get(1).map_or(self.raw.len(), |start| start - 1)]
    }

    fn integer(&self, position: usize, required: usize) -> Result<i64, Refusal> {
        let text = self.get(position).ok_or_else(|| self.missing("integer", position, required))?;
        integer(text).ok_or_else(|| unparsable(text, "integer", position))
    }

    fn natural(&self, position: usize, required: usize) -> Result<u32, Refusal> {
        let text = self.get(position).ok_or_else(|| self.missing("integer", position, required))?;
        natural(text).ok_or_else(|| unparsable(text, "integer", position))
    }

    /// The operand of arithmetic, which HAProxy takes from variables as well.
    fn operand(&self) -> Result<i64, Refusal> {
        let text = self.get(1).ok_or_else(|| self.missing("string", 1, 1))?;
        integer(text).ok_or_else(|| (None, "expects an integer or a variable name".to_string()))
    }

    fn missing(&self, noun: &str, position: usize, required: usize) -> Refusal {
        let count = self.values.len();
        let message = match count {
            0 => format!("expected type '{noun}' at position {position}, but got nothing"),
            _ => format!("missing arguments (got {count}/{required}), type '{noun}' expected"),
        };
        (Some(position), message)
    }

    /// An error if there are more than `count`.
    fn ends_at(&self, count: usize) -> Result<(), Refusal> {
        let Some(&start) = self.starts.get(count) else { return Ok(()) };
        let surplus = &self.raw[start.saturating_sub(1)..];
        Err((Some(count + 1), format!("expected ')' before '{surplus})'")))
    }
}

/// The converters that are read.
const CONVERTERS: &[&str] = &[
    "add", "and", "base64", "bool", "bytes", "cpl", "div", "even", "field", "hex", "ipmask", "length", "lower", "mod",
    "mul", "neg", "not", "odd", "or", "regsub", "sub", "upper", "url_dec", "word", "xor",
];

/// Converters that HAProxy knows and nothing here reads.
const CONVERTERS_UNREAD: &str = "
51d.single add_item aes_gcm_dec aes_gcm_enc aes_cbc_dec aes_cbc_enc b64dec be2dec be2hex capture-req capture-res
concat cut_crlf crc32 crc32c da-csv-conv date debug digest djb2 fix_is_valid fix_tag_value h2c hex2i hmac
host_only htonl http_date iif in_table jwt_decrypt_cert jwt_decrypt_jwk jwt_decrypt_secret jwt_header_query
jwt_payload_query jwt_verify json json_query keep language le2dec lua ltime map map_beg map_beg_int map_beg_ip
map_beg_key map_beg_str map_dir map_dir_int map_dir_ip map_dir_str map_dom map_dom_int map_dom_ip map_dom_str map_end
map_end_int map_end_ip map_end_str map_int map_int_int map_int_ip map_int_str map_ip map_ip_int map_ip_ip map_ip_key
map_ip_str map_len map_len_int map_len_ip map_len_str map_reg map_reg_int map_reg_ip map_reg_str map_regm map_str
map_str_int map_str_ip map_str_str map_sub map_sub_int map_sub_ip map_sub_str mqtt_field_value mqtt_is_valid ms_ltime
ms_utime param port_only protobuf ungrpc reverse reverse_dom rfc7239_field rfc7239_is_valid rfc7239_n2nn
rfc7239_n2np rfc7239_nn rfc7239_np rtrim sdbm secure_memcmp set-var sha1 sha2 srv_queue strcmp table_bytes_in_rate
table_bytes_out_rate table_clr_gpc table_clr_gpc0 table_clr_gpc1 table_conn_cnt table_conn_cur table_conn_rate
table_expire table_glitch_cnt table_glitch_rate table_gpc table_gpc0 table_gpc0_rate table_gpc1 table_gpc1_rate
table_gpc_rate table_gpt table_gpt0 table_http_err_cnt table_http_err_rate table_http_fail_cnt table_http_fail_rate
table_http_req_cnt table_http_req_rate table_idle table_inc_gpc table_inc_gpc0 table_inc_gpc1 table_kbytes_in
table_kbytes_out table_server_id table_sess_cnt table_sess_rate table_trackers ub64dec ub64enc unset-var
url_enc us_ltime us_utime utime wt6 x509_v_err_str xxh3 xxh32 xxh64 when
";
