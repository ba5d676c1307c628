//! Converters, and the maps that some of them look into: their files are read here.

use super::Lowering;
use super::lists::{self, Columns};
use super::samples::compare;
use super::times;
use config::{Lead, Spanned, Stage};
use std::sync::Arc;
use table::{Amount, Converter, Digest, JsonInput, Key, Languages, Map, MapKey, Substitution, Value};

impl Lowering<'_> {
    /// `None` if a map cannot be read; that has been reported.
    pub(super) fn converter(&mut self, converter: &config::Converter) -> Option<Converter> {
        Some(match converter {
            config::Converter::Lower => Converter::Lower,
            config::Converter::Upper => Converter::Upper,
            config::Converter::Length => Converter::Length,
            config::Converter::Hex => Converter::Hex,
            config::Converter::Base64 => Converter::Base64,
            config::Converter::Bytes { offset, count } => Converter::Bytes { offset: *offset, count: *count },
            config::Converter::Field(piece) => Converter::Field(super::parts::piece(piece)),
            config::Converter::Word(piece) => Converter::Word(super::parts::piece(piece)),
            config::Converter::IpMask { v4, v6 } => Converter::IpMask { v4: *v4, v6: *v6 },
            config::Converter::Substitute { regex, to, is_global, is_case_insensitive } => {
                let made = Substitution::new(regex, to.as_bytes(), *is_global, *is_case_insensitive);
                Converter::Substitute(made.expect("expressions are compiled when they are read"))
            }
            config::Converter::UrlDecode { is_form } => Converter::UrlDecode { is_form: *is_form },
            config::Converter::Arithmetic(operation, operand) => {
                let amount = match operand {
                    config::Amount::Number(number) => Amount::Number(*number),
                    config::Amount::Variable(variable) => Amount::Variable(self.variable(variable)),
                };
                Converter::Arithmetic(super::parts::operation(*operation), amount)
            }
            config::Converter::Negate => Converter::Negate,
            config::Converter::Complement => Converter::Complement,
            config::Converter::IsNotZero => Converter::IsNotZero,
            config::Converter::IsZero => Converter::IsZero,
            config::Converter::IsEven => Converter::IsEven,
            config::Converter::IsOdd => Converter::IsOdd,
            config::Converter::Map { key, value, file, default } => {
                Converter::Map(self.map(*key, *value, file, default.as_deref())?)
            }
            config::Converter::Concat { before, variable, after } => Converter::Concat {
                before: bytes(before),
                variable: variable.as_ref().map(|variable| self.variable(variable)),
                after: bytes(after),
            },
            config::Converter::CompareWith(variable) => Converter::CompareWith(self.variable(variable)),
            config::Converter::Choose(yes, no) => Converter::Choose(bytes(yes), bytes(no)),
            config::Converter::TrimStart(set) => Converter::TrimStart(bytes(set)),
            config::Converter::TrimEnd(set) => Converter::TrimEnd(bytes(set)),
            config::Converter::UrlEncode => Converter::UrlEncode,
            config::Converter::Base64Decode => Converter::Base64Decode,
            config::Converter::Base64Url => Converter::Base64Url,
            config::Converter::Base64UrlDecode => Converter::Base64UrlDecode,
            config::Converter::Hash { function, is_mixed } => {
                Converter::Hash { function: super::backends::function(*function), is_mixed: *is_mixed }
            }
            config::Converter::Xxh32(seed) => Converter::Xxh32(*seed),
            config::Converter::Xxh64(seed) => Converter::Xxh64(*seed),
            config::Converter::Digest(of) => Converter::Digest(digest(*of)),
            config::Converter::Hmac(of, key) => Converter::Hmac(
                digest(*of),
                match key {
                    config::Key::Text(text) => {
                        let octets = table::base64_decoded(text.as_bytes());
                        Key::Octets(octets.expect("it was looked at when it was read").into())
                    }
                    config::Key::Variable(variable) => Key::Variable(self.variable(variable)),
                },
            ),
            config::Converter::Time(text) => Converter::Time(times::time_text(text)),
            config::Converter::Language { known, default } => Converter::Language(Languages {
                known: known.iter().map(|known| bytes(known)).collect(),
                default: default.as_deref().map(bytes),
            }),
            config::Converter::FirstLine => Converter::FirstLine,
            config::Converter::LittleNumbers(chunks) => Converter::LittleNumbers(super::parts::chunks(chunks)),
            config::Converter::Json(input) => Converter::Json(match input {
                config::JsonInput::Latin => JsonInput::Latin,
                config::JsonInput::Utf8 => JsonInput::Utf8,
                config::JsonInput::Utf8Only => JsonInput::Utf8Only,
            }),
            config::Converter::NetworkOrder => Converter::NetworkOrder,
            config::Converter::HostOnly => Converter::HostOnly,
            config::Converter::PortOnly => Converter::PortOnly,
            config::Converter::Numbers(chunks) => Converter::Numbers(super::parts::chunks(chunks)),
            config::Converter::HexChunks(chunks) => Converter::HexChunks(super::parts::chunks(chunks)),
            config::Converter::IsSame(variable) => Converter::IsSame(self.variable(variable)),
            config::Converter::AddItem { delimiter, variable, after } => Converter::AddItem {
                delimiter: bytes(delimiter),
                variable: variable.as_ref().map(|variable| self.variable(variable)),
                after: bytes(after),
            },
            config::Converter::HexToInteger => Converter::HexToInt,
            config::Converter::Parameter { name, delimiter } => {
                Converter::Parameter { name: bytes(name), delimiter: u8::try_from(*delimiter).unwrap_or(b'&') }
            }
        })
    }

    fn map(
        &mut self,
        key: config::MapKey,
        value: config::MapValue,
        file: &Spanned<String>,
        default: Option<&str>,
    ) -> Option<Arc<Map>> {
        let made = self.read_map(key, value, file, default);
        let made = made.map_err(|message| self.alert(Stage::Parsing, Lead::Spaced, file.span, message));
        made.ok().map(Arc::new)
    }

    fn read_map(
        &mut self,
        key: config::MapKey,
        value: config::MapValue,
        file: &Spanned<String>,
        default: Option<&str>,
    ) -> Result<Map, String> {
        let text = lists::read(&file.value)?;
        let default = default.and_then(|text| read_value(value, text.as_bytes()));
        let map = made(&file.value, &text, map_key(key), value, default)?;
        let list = self.file_list(&file.value, file.span, Columns::Two, false, &text, "map")?;
        Ok(map.with_group(lists::map_group(key, value, &list)))
    }
}

fn map_key(key: config::MapKey) -> MapKey {
    match key {
        config::MapKey::Text(how) => MapKey::Text(compare(how)),
        config::MapKey::RegexReplace => MapKey::RegexReplace,
        config::MapKey::Integer => MapKey::Int,
        config::MapKey::Address => MapKey::Addr,
    }
}

fn digest(digest: config::Digest) -> Digest {
    match digest {
        config::Digest::Md5 => Digest::Md5,
        config::Digest::Sha1 => Digest::Sha1,
        config::Digest::Sha224 => Digest::Sha224,
        config::Digest::Sha256 => Digest::Sha256,
        config::Digest::Sha384 => Digest::Sha384,
        config::Digest::Sha512 => Digest::Sha512,
    }
}

fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

/// The map in a file, or HAProxy's words for why there is none.
fn made(
    file: &str,
    text: &[u8],
    key: MapKey,
    value: config::MapValue,
    default: Option<Value<'static>>,
) -> Result<Map, String> {
    let mut entries = Vec::new();
    let mut numbers = Vec::new();
    for (line, number) in lists::lines(text) {
        let (name, rest) = lists::pair(line);
        let found = read_value(value, rest);
        let found =
            found.ok_or_else(|| format!("unable to parse the value of a map at line {number} of file '{file}'"))?;
        entries.push((name, found));
        numbers.push(number);
    }
    Map::new(key, entries, default)
        .map_err(|index| format!("unable to parse the key of a map at line {} of file '{file}'", numbers[index]))
}

pub(super) fn read_value(value: config::MapValue, text: &[u8]) -> Option<Value<'static>> {
    let number = || str::from_utf8(text).ok()?.parse().ok();
    let addr = || str::from_utf8(text).ok()?.parse().ok();
    match value {
        config::MapValue::Text => Some(Value::Bytes(text.to_vec().into())),
        config::MapValue::Integer => number().map(Value::Int),
        config::MapValue::Address => addr().map(Value::Addr),
    }
}
