//! Reads converters of sample expressions: `lower`, `map(file)`, `add(1)` (configuration.txt §7.3.1).

use crate::balance::HashFunction;
use crate::converter::{Amount, Chunks, Converter, Digest, JsonInput, Key, MapKey, MapValue, Operation, TextPart};
use crate::http_rule_reader::named_variable;
use crate::pattern::{Compare, integer};
use crate::sample_reader::{Arguments, Refusal, Type, unparsable};
use crate::session_part::DateUnit;
use crate::source::{Span, Spanned};
use crate::time_text::TimeText;
use regex::bytes::RegexBuilder;

/// `None` for what HAProxy knows and nothing here does.
pub(crate) fn read_converter(
    name: &str,
    arguments: &Arguments<'_>,
    span: Span,
) -> Result<Option<(Converter, Type)>, Refusal> {
    if let Some((key, value)) = map_of(name) {
        return map(key, value, arguments, span).map(Some);
    }
    let arithmetic = |operation| {
        let made = |amount| (Converter::Arithmetic(operation, amount), Type::Integer, 1);
        Ok::<_, Refusal>(amount(arguments)?.map(made))
    };
    let arithmetic = match name {
        "add" => arithmetic(Operation::Add)?,
        "sub" => arithmetic(Operation::Subtract)?,
        "mul" => arithmetic(Operation::Multiply)?,
        "div" => arithmetic(Operation::Divide)?,
        "mod" => arithmetic(Operation::Modulo)?,
        "and" => arithmetic(Operation::And)?,
        "or" => arithmetic(Operation::Or)?,
        "xor" => arithmetic(Operation::Xor)?,
        _ => None,
    };
    let text = |position: usize| arguments.get(position).unwrap_or_default().to_string();
    let (converter, kind, count) = match name {
        "add" | "sub" | "mul" | "div" | "mod" | "and" | "or" | "xor" => match arithmetic {
            Some(made) => made,
            None => return Ok(None),
        },
        "concat" => {
            let variable = match arguments.get(2).filter(|name| !name.is_empty()) {
                Some(name) => match named_variable(name).map_err(|message| (Some(2), message))? {
                    Some(variable) => Some(variable),
                    None => return Ok(None),
                },
                None => None,
            };
            (Converter::Concat { before: text(1), variable, after: text(3) }, Type::Text, 3)
        }
        "strcmp" => {
            let name = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
            match named_variable(name).map_err(|message| (Some(1), message))? {
                Some(variable) => (Converter::CompareWith(variable), Type::Integer, 1),
                None => return Ok(None),
            }
        }
        "iif" => {
            let no = arguments.get(2).ok_or_else(|| arguments.missing("string", 2, 2))?;
            (Converter::Choose(text(1), no.to_string()), Type::Text, 2)
        }
        "crc32" => hash(HashFunction::Crc32, arguments)?,
        "crc32c" => hash(HashFunction::Crc32c, arguments)?,
        "xxh32" => (Converter::Xxh32(seed(arguments)? as u32), Type::Integer, 1),
        "xxh64" => (Converter::Xxh64(seed(arguments)? as u64), Type::Integer, 1),
        "sha1" => (Converter::Digest(Digest::Sha1), Type::Binary, 0),
        "sha2" => {
            let bits = arguments.get(1).map(|_| arguments.integer(1, 1)).transpose()?.unwrap_or(256);
            let digest = match bits {
                224 => Digest::Sha224,
                256 => Digest::Sha256,
                384 => Digest::Sha384,
                512 => Digest::Sha512,
                _ => return Err((None, format!("Unsupported number of bits: '{bits}'"))),
            };
            (Converter::Digest(digest), Type::Binary, 1)
        }
        "json" => {
            let input = match arguments.get(1) {
                None | Some("ascii") => JsonInput::Latin,
                Some("utf8") => JsonInput::Utf8,
                Some("utf8s") => JsonInput::Utf8Only,
                // What is no UTF-8 would be passed on as it were.
                Some("utf8p" | "utf8ps") => return Ok(None),
                Some(_) => {
                    let message =
                        "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'";
                    return Err((None, message.to_string()));
                }
            };
            (Converter::Json(input), Type::Text, 1)
        }
        "digest" => {
            let Some(digest) = digest_named(&required(arguments, 1)?) else { return Ok(None) };
            (Converter::Digest(digest), Type::Binary, 1)
        }
        "hmac" => {
            let key = arguments.get(2).ok_or_else(|| arguments.missing("string", 2, 2))?;
            let Some(digest) = digest_named(&required(arguments, 1)?) else { return Ok(None) };
            let key = match named_variable(key) {
                Ok(Some(variable)) => Key::Variable(variable),
                Ok(None) => return Ok(None),
                Err(_) if is_base64(key) => Key::Text(key.to_string()),
                Err(_) => return Err((None, format!("failed to parse key : '{key}' is no base64"))),
            };
            (Converter::Hmac(digest, key), Type::Binary, 2)
        }
        "utime" | "ms_utime" | "us_utime" | "ltime" | "ms_ltime" | "us_ltime" => {
            let (unit, is_local) = (TimeText::unit_of(name), name.ends_with("ltime"));
            let offset = arguments.get(2).map(|_| arguments.integer(2, 2)).transpose()?.unwrap_or(0);
            let text = TimeText { unit, offset, is_local, format: required(arguments, 1)? };
            match text.is_served() {
                true => (Converter::Time(text), Type::Text, 2),
                false => return Ok(None),
            }
        }
        "http_date" => {
            let offset = arguments.get(1).map(|_| arguments.integer(1, 2)).transpose()?.unwrap_or(0);
            let (unit, fraction) = match arguments.get(2) {
                None | Some("s") => (DateUnit::Seconds, ""),
                Some("ms") => (DateUnit::Milliseconds, ".%N"),
                Some("us") => (DateUnit::Microseconds, ".%N"),
                Some(other) => return Err((Some(2), format!("unit '{other}' is not one of 's', 'ms' and 'us'"))),
            };
            let format = format!("%a, %d %b %Y %H:%M:%S{fraction} GMT");
            (Converter::Time(TimeText { unit, offset, is_local: false, format }), Type::Text, 2)
        }
        "language" => {
            let known = required(arguments, 1)?.split(';').map(str::to_string).collect();
            (Converter::Language { known, default: arguments.get(2).map(str::to_string) }, Type::Text, 2)
        }
        "cut_crlf" => (Converter::FirstLine, Type::Text, 0),
        "htonl" => (Converter::NetworkOrder, Type::Binary, 0),
        "host_only" => (Converter::HostOnly, Type::Text, 0),
        "port_only" => (Converter::PortOnly, Type::Integer, 0),
        "be2dec" | "le2dec" => {
            let size = arguments.natural(2, 2)?;
            if !(1..=8).contains(&size) {
                return Err((None, format!("chunk_size out of [1..8] range ({size})")));
            }
            let chunks = chunks(arguments, size)?;
            let is_little = name == "le2dec";
            (if is_little { Converter::LittleNumbers(chunks) } else { Converter::Numbers(chunks) }, Type::Text, 3)
        }
        "be2hex" => {
            let size = arguments.get(2).map(|_| arguments.natural(2, 2)).transpose()?.unwrap_or(0);
            if size == 0 && arguments.get(1).is_some_and(|separator| !separator.is_empty()) {
                return Err((None, format!("chunk_size needs to be positive ({size})")));
            }
            (Converter::HexChunks(chunks(arguments, size)?), Type::Text, 3)
        }
        "secure_memcmp" => {
            let name = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
            match named_variable(name).map_err(|message| (Some(1), message))? {
                Some(variable) => (Converter::IsSame(variable), Type::Boolean, 1),
                None => return Ok(None),
            }
        }
        "add_item" => {
            let delimiter = required(arguments, 1)?;
            let name = arguments.get(2).ok_or_else(|| arguments.missing("string", 2, 2))?;
            let variable = match name.is_empty() {
                true => None,
                false => match named_variable(name).map_err(|message| (Some(2), message))? {
                    Some(variable) => Some(variable),
                    None => return Ok(None),
                },
            };
            (Converter::AddItem { delimiter, variable, after: text(3) }, Type::Text, 3)
        }
        "djb2" => hash(HashFunction::Djb2, arguments)?,
        "sdbm" => hash(HashFunction::Sdbm, arguments)?,
        "wt6" => hash(HashFunction::Wt6, arguments)?,
        "ltrim" => (Converter::TrimStart(required(arguments, 1)?), Type::Text, 1),
        "rtrim" => (Converter::TrimEnd(required(arguments, 1)?), Type::Text, 1),
        // `query` is the only kind of encoding.
        "url_enc" if arguments.get(1).is_some_and(|kind| !matches!(kind, "" | "query")) => {
            return Err((None, "Unexpected encode type. Allowed value is 'query'".to_string()));
        }
        "url_enc" => (Converter::UrlEncode, Type::Text, 1),
        "b64dec" => (Converter::Base64Decode, Type::Binary, 0),
        "ub64enc" => (Converter::Base64Url, Type::Text, 0),
        "ub64dec" => (Converter::Base64UrlDecode, Type::Binary, 0),
        "hex2i" => (Converter::HexToInteger, Type::Integer, 0),
        "param" => {
            let delimiter = arguments.get(2).and_then(|text| text.chars().next()).unwrap_or('&');
            (Converter::Parameter { name: required(arguments, 1)?, delimiter }, Type::Text, 2)
        }
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

/// `separator,size[,truncate]`
fn chunks(arguments: &Arguments<'_>, size: u32) -> Result<Chunks, Refusal> {
    let drops_rest = arguments.get(3).map(|_| arguments.integer(3, 3)).transpose()?.is_some_and(|drops| drops != 0);
    Ok(Chunks { separator: arguments.get(1).unwrap_or_default().to_string(), size, drops_rest })
}

/// A number of leading bits; a dotted mask is read as an address pattern would be.
fn mask(text: &str, most: u8, noun: &str, position: usize) -> Result<u8, Refusal> {
    let probe = if most == 32 { format!("0.0.0.0/{text}") } else { format!("::/{text}") };
    crate::net::parse(&probe).map(|net| net.prefix).ok_or_else(|| unparsable(text, noun, position))
}

/// A number, or a variable that holds one; `None` for a variable that nothing here serves.
fn amount(arguments: &Arguments<'_>) -> Result<Option<Amount>, Refusal> {
    let text = arguments.get(1).ok_or_else(|| arguments.missing("string", 1, 1))?;
    match (integer(text), named_variable(text)) {
        (Some(number), _) => Ok(Some(Amount::Number(number))),
        (None, Ok(variable)) => Ok(variable.map(Amount::Variable)),
        (None, Err(_)) => Err((None, "expects an integer or a variable name".to_string())),
    }
}

fn hash(function: HashFunction, arguments: &Arguments<'_>) -> Result<(Converter, Type, usize), Refusal> {
    let is_mixed = arguments.get(1).map(|_| arguments.integer(1, 1)).transpose()?.is_some_and(|mixed| mixed != 0);
    Ok((Converter::Hash { function, is_mixed }, Type::Integer, 1))
}

fn seed(arguments: &Arguments<'_>) -> Result<i64, Refusal> {
    Ok(arguments.get(1).map(|_| arguments.integer(1, 1)).transpose()?.unwrap_or(0))
}

fn required(arguments: &Arguments<'_>, position: usize) -> Result<String, Refusal> {
    let text = arguments.get(position).ok_or_else(|| arguments.missing("string", position, position))?;
    Ok(text.to_string())
}

/// RFC 4648 §4, with padding.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.bytes().all(is_digit)
}

fn digest_named(name: &str) -> Option<Digest> {
    Some(match name.to_ascii_lowercase().as_str() {
        "md5" => Digest::Md5,
        "sha1" => Digest::Sha1,
        "sha224" => Digest::Sha224,
        "sha256" => Digest::Sha256,
        "sha384" => Digest::Sha384,
        "sha512" => Digest::Sha512,
        _ => return None,
    })
}

/// What `map_KEY_VALUE` means; either may be left out.
fn map_of(name: &str) -> Option<(MapKey, MapValue)> {
    let mut words = name.strip_prefix("map")?.split('_');
    let (Some(""), key, value, None) = (words.next(), words.next(), words.next(), words.next()) else { return None };
    let key = match key.unwrap_or("str") {
        "str" => MapKey::Text(Compare::Whole),
        "beg" => MapKey::Text(Compare::Begin),
        "end" => MapKey::Text(Compare::End),
        "sub" => MapKey::Text(Compare::Inside),
        "dir" => MapKey::Text(Compare::Directory),
        "dom" => MapKey::Text(Compare::Domain),
        "reg" => MapKey::Text(Compare::Regex),
        "regm" if value.is_none() => MapKey::RegexReplace,
        "int" => MapKey::Integer,
        "ip" => MapKey::Address,
        _ => return None,
    };
    let value = match value.unwrap_or("str") {
        "str" => MapValue::Text,
        "int" => MapValue::Integer,
        "ip" => MapValue::Address,
        _ => return None,
    };
    Some((key, value))
}

/// `map…(file[,default])`
fn map(key: MapKey, value: MapValue, arguments: &Arguments<'_>, span: Span) -> Result<(Converter, Type), Refusal> {
    let file = arguments.get(1).ok_or_else(|| arguments.missing("map", 1, 1))?;
    let default = arguments.get(2).map(str::to_string);
    let is_good = default.as_deref().is_none_or(|default| match value {
        MapValue::Text => true,
        MapValue::Integer => integer(default).is_some(),
        MapValue::Address => default.parse::<std::net::IpAddr>().is_ok(),
    });
    if !is_good {
        return Err((
            Some(2),
            format!("failed to parse '{}' as type of the map's values", default.unwrap_or_default()),
        ));
    }
    arguments.ends_at(2)?;
    let kind = match value {
        MapValue::Text => Type::Text,
        MapValue::Integer => Type::Integer,
        MapValue::Address => Type::Address,
    };
    Ok((Converter::Map { key, value, file: Spanned::new(file.to_string(), span), default }, kind))
}

/// The converters that are read.
pub(crate) const CONVERTERS: &[&str] = &[
    "add",
    "add_item",
    "and",
    "b64dec",
    "base64",
    "be2dec",
    "be2hex",
    "bool",
    "bytes",
    "concat",
    "cpl",
    "crc32",
    "crc32c",
    "cut_crlf",
    "digest",
    "div",
    "djb2",
    "even",
    "field",
    "hex",
    "hex2i",
    "hmac",
    "host_only",
    "htonl",
    "http_date",
    "iif",
    "ipmask",
    "json",
    "language",
    "le2dec",
    "length",
    "lower",
    "ltime",
    "ltrim",
    "map",
    "mod",
    "ms_ltime",
    "ms_utime",
    "mul",
    "neg",
    "not",
    "odd",
    "or",
    "param",
    "port_only",
    "regsub",
    "rtrim",
    "sdbm",
    "secure_memcmp",
    "sha1",
    "sha2",
    "strcmp",
    "sub",
    "ub64dec",
    "ub64enc",
    "upper",
    "url_dec",
    "url_enc",
    "us_ltime",
    "us_utime",
    "utime",
    "word",
    "wt6",
    "xor",
    "xxh32",
    "xxh64",
];

/// Converters that HAProxy knows and nothing here reads.
pub(crate) const CONVERTERS_UNREAD: &str = "
51d.single aes_gcm_dec aes_gcm_enc aes_cbc_dec aes_cbc_enc capture-req capture-res
da-csv-conv date debug fix_is_valid fix_tag_value h2c
in_table jwt_decrypt_cert jwt_decrypt_jwk jwt_decrypt_secret jwt_header_query
jwt_payload_query jwt_verify json_query keep lua map map_beg map_beg_int map_beg_ip
map_beg_key map_beg_str map_dir map_dir_int map_dir_ip map_dir_str map_dom map_dom_int map_dom_ip map_dom_str map_end
map_end_int map_end_ip map_end_str map_int map_int_int map_int_ip map_int_str map_ip map_ip_int map_ip_ip map_ip_key
map_ip_str map_len map_len_int map_len_ip map_len_str map_reg map_reg_int map_reg_ip map_reg_str map_regm map_str
map_str_int map_str_ip map_str_str map_sub map_sub_int map_sub_ip map_sub_str mqtt_field_value mqtt_is_valid
protobuf ungrpc reverse reverse_dom rfc7239_field rfc7239_is_valid rfc7239_n2nn
rfc7239_n2np rfc7239_nn rfc7239_np set-var srv_queue table_bytes_in_rate
table_bytes_out_rate table_clr_gpc table_clr_gpc0 table_clr_gpc1 table_conn_cnt table_conn_cur table_conn_rate
table_expire table_glitch_cnt table_glitch_rate table_gpc table_gpc0 table_gpc0_rate table_gpc1 table_gpc1_rate
table_gpc_rate table_gpt table_gpt0 table_http_err_cnt table_http_err_rate table_http_fail_cnt table_http_fail_rate
table_http_req_cnt table_http_req_rate table_idle table_inc_gpc table_inc_gpc0 table_inc_gpc1 table_kbytes_in
table_kbytes_out table_server_id table_sess_cnt table_sess_rate table_trackers unset-var
x509_v_err_str xxh3 when
";
