//! What a sample is compared with: methods, their patterns, and files of patterns (configuration.txt §7.1).

use crate::net;
use crate::tree::IpNet;
use crate::value::natural;
use regex::bytes::RegexBuilder;

/// How a value is compared (`-m`, or what fits the type of the sample).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// `found`: it is there.
    Found,
    /// `bool`: it is not zero.
    Boolean,
    /// `int`
    Integer,
    /// Versions as `3.1`: major in the upper 16 bits.
    Version,
    /// `ip`
    Ip,
    /// `len`
    Length,
    Text(Compare),
}

/// How a text is compared with a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compare {
    /// `str`
    Whole,
    /// `bin`: the same, with patterns in hexadecimal digits.
    Binary,
    /// `beg`
    Begin,
    /// `end`
    End,
    /// `sub`
    Inside,
    /// `dir`
    Directory,
    /// `dom`
    Domain,
    /// `reg`
    Regex,
}

/// Alternatives, by what the method takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Patterns {
    /// Of [`Method::Found`] and [`Method::Boolean`].
    None,
    Networks(Vec<IpNet>),
    Ranges(Vec<Range>),
    Texts(Vec<Vec<u8>>),
}

/// Integers from `first` to `last`. Empty when `first > last`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

impl Range {
    pub const ALL: Range = Range { first: i64::MIN, last: i64::MAX };

    pub fn contains(self, number: i64) -> bool {
        (self.first..=self.last).contains(&number)
    }

    /// As a pattern: a number, or its bounds with a colon between them.
    fn written(self, method: Method) -> String {
        let number = |number: i64| match method {
            Method::Version => format!("{}.{}", number >> 16, number & 0xffff),
            Method::Found | Method::Boolean | Method::Integer | Method::Ip | Method::Length | Method::Text(_) => {
                number.to_string()
            }
        };
        let bound = |bound: i64, open: i64| if bound == open { String::new() } else { number(bound) };
        match self.first == self.last {
            true => number(self.first),
            false => format!("{}:{}", bound(self.first, i64::MIN), bound(self.last, i64::MAX)),
        }
    }
}

/// A line of a pattern file that is no pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    /// From 1.
    pub number: usize,
    /// HAProxy's sentence, without its full stop.
    pub message: String,
}

/// Reads the patterns of one line: numbers stand under the last operator before them.
pub(crate) struct PatternReader {
    method: Method,
    is_case_insensitive: bool,
    operator: Option<Operator>,
    pub(crate) patterns: Patterns,
    /// Each word, where operators are ranges: what can be read again without the words before it.
    pub(crate) written: Vec<String>,
}

impl Method {
    /// The method of that name.
    pub(crate) fn named(name: &str) -> Option<Method> {
        Some(match name {
            "found" => Method::Found,
            "bool" => Method::Boolean,
            "int" => Method::Integer,
            "ip" => Method::Ip,
            "len" => Method::Length,
            "str" => Method::Text(Compare::Whole),
            "bin" => Method::Text(Compare::Binary),
            "beg" => Method::Text(Compare::Begin),
            "end" => Method::Text(Compare::End),
            "sub" => Method::Text(Compare::Inside),
            "dir" => Method::Text(Compare::Directory),
            "dom" => Method::Text(Compare::Domain),
            "reg" => Method::Text(Compare::Regex),
            _ => return None,
        })
    }

    /// Whether it needs patterns to compare with.
    pub(crate) fn takes_patterns(self) -> bool {
        match self {
            Method::Found | Method::Boolean => false,
            Method::Integer | Method::Version | Method::Ip | Method::Length | Method::Text(_) => true,
        }
    }
}

impl Patterns {
    fn none_of(method: Method) -> Patterns {
        match method {
            Method::Found | Method::Boolean => Patterns::None,
            Method::Ip => Patterns::Networks(Vec::new()),
            Method::Integer | Method::Version | Method::Length => Patterns::Ranges(Vec::new()),
            Method::Text(_) => Patterns::Texts(Vec::new()),
        }
    }

    /// The patterns of a file: one per line, behind leading blanks; empty lines and lines that begin with `#` do not count.
    /// Operators belong to lines of the configuration, and have no meaning here.
    pub fn of_file(method: Method, is_case_insensitive: bool, text: &[u8]) -> Result<Patterns, BadLine> {
        let mut reader = PatternReader::new(method, is_case_insensitive);
        for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
            let line = line.split(|&byte| byte == b'\r').next().unwrap_or_default().trim_ascii_start();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let bad = |message| BadLine { number, message };
            reader.line(line).map_err(bad)?;
        }
        Ok(reader.patterns)
    }

    /// The pattern that a text is, by itself.
    ///
    /// # Errors
    /// HAProxy's sentence, without its full stop.
    pub fn of_text(method: Method, is_case_insensitive: bool, text: &[u8]) -> Result<Patterns, String> {
        let mut reader = PatternReader::new(method, is_case_insensitive);
        reader.line(text)?;
        Ok(reader.patterns)
    }
}

impl Compare {
    /// Whether any text is a pattern.
    fn is_plain(self) -> bool {
        match self {
            Compare::Whole | Compare::Begin | Compare::End | Compare::Inside | Compare::Directory | Compare::Domain => {
                true
            }
            Compare::Binary | Compare::Regex => false,
        }
    }
}

impl PatternReader {
    pub(crate) fn new(method: Method, is_case_insensitive: bool) -> PatternReader {
        PatternReader {
            method,
            is_case_insensitive,
            operator: None,
            patterns: Patterns::none_of(method),
            written: Vec::new(),
        }
    }

    /// One word of a line. The error is HAProxy's sentence without its full stop, and a hint.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), String> {
        let has_operators = matches!(self.method, Method::Integer | Method::Version | Method::Length);
        match Operator::named(word).filter(|_| has_operators) {
            Some(operator) => {
                self.operator = Some(operator);
                Ok(())
            }
            None => {
                self.pattern(word, self.operator)?;
                let range = match &self.patterns {
                    Patterns::Ranges(ranges) if self.operator.is_some() => ranges.last(),
                    Patterns::Ranges(_) | Patterns::None | Patterns::Networks(_) | Patterns::Texts(_) => None,
                };
                self.written.push(range.map_or_else(|| word.to_string(), |range| range.written(self.method)));
                Ok(())
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        match (&mut self.patterns, self.method) {
            // Bytes as they are: a list of names may be in any encoding.
            (Patterns::Texts(texts), Method::Text(compare)) if compare.is_plain() => {
                texts.push(line.to_vec());
                Ok(())
            }
            _ => {
                let line = std::str::from_utf8(line).map_err(|_| "a pattern is not UTF-8".to_string())?;
                self.pattern(line, None)
            }
        }
    }

    fn pattern(&mut self, word: &str, operator: Option<Operator>) -> Result<(), String> {
        match (&mut self.patterns, self.method) {
            (Patterns::Networks(networks), _) => {
                let network = net::parse(word);
                networks.push(network.ok_or_else(|| format!("'{word}' is not a valid IPv4 or IPv6 address"))?);
            }
            (Patterns::Ranges(ranges), Method::Version) => {
                ranges.push(range(word, operator, version, "dotted number")?)
            }
            (Patterns::Ranges(ranges), _) => ranges.push(range(word, operator, integer, "number")?),
            (Patterns::Texts(texts), Method::Text(Compare::Binary)) => texts.push(hexadecimal(word)?),
            (Patterns::Texts(texts), Method::Text(Compare::Regex)) => {
                let regex = RegexBuilder::new(word).unicode(false).case_insensitive(self.is_case_insensitive).build();
                if let Err(error) = regex {
                    let error = error.to_string();
                    let reason = error.lines().last().unwrap_or_default();
                    return Err(format!("regex '{word}' is invalid ({reason})"));
                }
                texts.push(word.as_bytes().to_vec());
            }
            (Patterns::Texts(texts), _) => texts.push(word.as_bytes().to_vec()),
            // HAProxy takes and forgets them, too.
            (Patterns::None, _) => (),
        }
        Ok(())
    }
}

fn range(word: &str, operator: Option<Operator>, read: fn(&str) -> Option<i64>, noun: &str) -> Result<Range, String> {
    let operator_or_equal = operator.unwrap_or(Operator::Equal);
    let Some((first, last)) = word.split_once(':') else {
        let number = read(word).ok_or_else(|| match operator {
            Some(_) => format!("'{word}' is neither a number nor a supported operator"),
            None => format!("'{word}' is not a {noun}"),
        })?;
        return Ok(operator_or_equal.range(number));
    };
    if operator_or_equal != Operator::Equal {
        return Err(format!("'{word}' is a range, which takes no operator"));
    }
    let bound = |text: &str, open| if text.is_empty() { Some(open) } else { read(text) };
    match (bound(first, i64::MIN), bound(last, i64::MAX)) {
        (Some(first), Some(last)) if first <= last && word != ":" => Ok(Range { first, last }),
        _ => Err(format!("'{word}' is not a valid {noun} range")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    GreaterEqual,
    Greater,
    LessEqual,
    Less,
}

impl Operator {
    fn named(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Equal,
            "ge" => Operator::GreaterEqual,
            "gt" => Operator::Greater,
            "le" => Operator::LessEqual,
            "lt" => Operator::Less,
            _ => return None,
        })
    }

    fn range(self, number: i64) -> Range {
        match self {
            Operator::Equal => Range { first: number, last: number },
            Operator::GreaterEqual => Range { first: number, ..Range::ALL },
            Operator::Greater => Range { first: number.saturating_add(1), ..Range::ALL },
            Operator::LessEqual => Range { last: number, ..Range::ALL },
            Operator::Less => Range { last: number.saturating_sub(1), ..Range::ALL },
        }
    }
}

/// A decimal integer with an optional minus sign. One too long for 64 bits is as good as the largest.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude: i64 = natural(digits).unwrap_or(i64::MAX);
    Some(if digits.len() < text.len() { -magnitude } else { magnitude })
}

/// `3` or `3.1`.
fn version(text: &str) -> Option<i64> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let (major, minor): (u16, u16) = (natural(major)?, natural(minor)?);
    Some(i64::from(major) << 16 | i64::from(minor))
}

pub(crate) fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    if let Some(other) = text.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(format!("an hex digit is expected (found '{other}')"));
    }
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".to_string());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    Ok(text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files() {
        let of = |method, text: &str| Patterns::of_file(method, false, text.as_bytes());
        let texts = |texts: &[&str]| Ok(Patterns::Texts(texts.iter().map(|text| text.as_bytes().to_vec()).collect()));
        let text = Method::Text(Compare::Whole);
        assert_eq!(of(text, "a\n\n# c\n  b b \r\nc"), texts(&["a", "b b ", "c"]));
        let Ok(Patterns::Networks(networks)) = of(Method::Ip, "10.0.0.0/8\r\n::1\r\n") else { panic!("two networks") };
        assert_eq!(networks.len(), 2);
        // The words of HAProxy 2.6.12, and the lines that it names.
        for (method, text, number, message) in [
            (
                Method::Ip,
                "10.0.0.0/8\n# c\n\n  192.0.2.0/24  \nfoo\n",
                4,
                "'192.0.2.0/24  ' is not a valid IPv4 or IPv6 address",
            ),
            (Method::Ip, "10.0.0.0/8\r\nfoo\r\n", 2, "'foo' is not a valid IPv4 or IPv6 address"),
            (Method::Integer, "1\n2:5\ngt 7\n", 3, "'gt 7' is not a number"),
            (Method::Text(Compare::Binary), "0a\nxx", 2, "an hex digit is expected (found 'x')"),
        ] {
            assert_eq!(of(method, text), Err(BadLine { number, message: message.to_string() }));
        }
    }

    #[test]
    fn versions() {
        for (text, expect) in [
            ("3.3", Some(0x0003_0003)),
            ("3", Some(0x0003_0000)),
            ("3.x", None),
            ("tls", None),
            ("", None),
            ("3.1.1", None),
        ] {
            assert_eq!(version(text), expect, "{text}");
        }
    }
}
