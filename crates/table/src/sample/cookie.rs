//! Cookies of a message (`configuration.txt` §7.3.6: `req.cook`, `res.cook` and their kin).
//!
//! ```text
//! Cookie:      PAIR ; PAIR ; …          PAIR = NAME "=" VALUE, with blanks around either (RFC 6265 §4.2.1)
//! Set-Cookie:  PAIR ; ATTRIBUTE ; …     only the first says a name (RFC 6265 §4.1.1)
//! ```
//!
//! As HAProxy reads them, a comma ends a pair, too (RFC 2109 §4.3.4, which browsers once followed), neither ends one inside quotes, and
//! names with a `$` are those of RFC 2109's own attributes: nobody's cookies.

use super::message::{Message, text};
use super::{Speaker, Value};

/// What is asked of cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePart {
    pub speaker: Speaker,
    /// `None`: any; a sample is then the first of all, and else the last of the name.
    pub name: Option<Box<[u8]>>,
    pub form: CookieForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieForm {
    Text,
    /// `req.cook_cnt`
    Count,
    /// `req.cook_val`
    Number,
}

impl CookiePart {
    pub(super) fn of<'a>(&self, message: Message<'a>) -> Option<Value<'a>> {
        let mut values = self.values(message)?;
        let value = match (self.form, &self.name) {
            (CookieForm::Count, _) => return Some(Value::Int(values.count().try_into().unwrap_or(i64::MAX))),
            (CookieForm::Text | CookieForm::Number, Some(_)) => values.last(),
            (CookieForm::Text | CookieForm::Number, None) => values.next(),
        };
        value.map(|value| self.formed(value))
    }

    /// As [`MessagePart::any`](super::MessagePart::any).
    pub(super) fn any<'a>(&self, message: Message<'a>, mut is_it: impl FnMut(Value<'a>) -> bool) -> Option<bool> {
        let has_several = self.form != CookieForm::Count && self.name.is_some();
        has_several
            .then(|| self.values(message).is_some_and(|mut values| values.any(|value| is_it(self.formed(value)))))
    }

    fn formed<'a>(&self, value: &'a [u8]) -> Value<'a> {
        match self.form {
            CookieForm::Text | CookieForm::Count => text(value),
            CookieForm::Number => Value::Int(text(value).to_int().unwrap_or(0)),
        }
    }

    /// Those that are meant, in order; `None` if the message is not the one that is asked.
    fn values<'a>(&self, message: Message<'a>) -> Option<impl Iterator<Item = &'a [u8]>> {
        let (fields, bytes, field) = match (self.speaker, message) {
            (Speaker::Client, Message::Request { request, bytes }) => (request.fields(), bytes, "cookie"),
            (Speaker::Server, Message::Response { response, bytes }) => (response.fields(), bytes, "set-cookie"),
            (Speaker::Client, Message::Response { .. }) | (Speaker::Server, Message::Request { .. }) => return None,
        };
        let speaker = self.speaker;
        let pairs = fields.values(bytes, field.as_bytes()).flat_map(move |line| Pairs { rest: line, speaker });
        Some(pairs.filter(|pair| self.name.as_deref().is_none_or(|name| name == pair.name)).map(|pair| pair.value))
    }
}

struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

/// The pairs of one field.
struct Pairs<'a> {
    rest: &'a [u8],
    speaker: Speaker,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        while !self.rest.is_empty() {
            let line = self.rest;
            let end = end_of_pair(line);
            self.rest = line.get(end + 1..).unwrap_or_default();
            if self.speaker == Speaker::Server && line.get(end) == Some(&b';') {
                let attributes = memchr::memchr(b',', self.rest).map_or(self.rest.len(), |comma| comma + 1);
                self.rest = &self.rest[attributes..];
            }
            let Some(at) = memchr::memchr(b'=', &line[..end]) else { continue };
            let pair = Pair { name: line[..at].trim_ascii(), value: line[at + 1..end].trim_ascii() };
            if !pair.name.starts_with(b"$") {
                return Some(pair);
            }
        }
        None
    }
}

/// Where the pair ends that `line` begins with.
fn end_of_pair(line: &[u8]) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut is_end = |byte: u8| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' | b';' => return !is_quoted,
            _ => (),
        }
        false
    };
    line.iter().position(|&byte| is_end(byte)).unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use http1::{Limits, Request, Response};

    use super::*;

    fn shown(value: Option<Value<'_>>) -> String {
        value.map_or("-".to_owned(), |value| String::from_utf8_lossy(&value.into_bytes()).into_owned())
    }

    /// Values of `sid`, their number, the first of all, the number of all, and whether one of `sid` is `7`: what HAProxy 2.6 says.
    fn asked<'a>(speaker: Speaker, message: Message<'a>) -> [String; 5] {
        let part = |name: Option<&[u8]>, form| CookiePart { speaker, name: name.map(Into::into), form };
        let (named, all) = (part(Some(b"sid"), CookieForm::Text), part(None, CookieForm::Text));
        [
            shown(named.of(message)),
            shown(part(Some(b"sid"), CookieForm::Count).of(message)),
            shown(all.of(message)),
            shown(part(None, CookieForm::Count).of(message)),
            format!("{:?}", part(Some(b"sid"), CookieForm::Number).any(message, |value| value.to_int() == Some(7))),
        ]
    }

    #[test]
    fn of_requests() {
        for (fields, expected) in [
            ("Cookie: sid=a; x=1; sid=b", ["b", "2", "a", "3", "Some(false)"]),
            ("Cookie: sid=a, x=1, sid=7", ["7", "2", "a", "3", "Some(true)"]),
            ("Cookie: sid=\"a;b\" ; sid = 7 ;x", ["7", "2", "\"a;b\"", "2", "Some(true)"]),
            ("Cookie: SID=a; ; =v; sid", ["-", "0", "a", "2", "Some(false)"]),
            ("Cookie: sid=; x=1", ["", "1", "", "2", "Some(false)"]),
            ("Cookie: x=1\r\nCookie: sid=a b ;sid=7", ["7", "2", "1", "3", "Some(true)"]),
            ("Cookie: sid=\"a\\\";b\"; n=1", ["\"a\\\";b\"", "1", "\"a\\\";b\"", "2", "Some(false)"]),
            ("Cookie: $Version=1; sid=a; $Path=/", ["a", "1", "a", "1", "Some(false)"]),
            ("Cookie: x = \"1\" 2 , sid=\t3 4\t;y", ["3 4", "1", "\"1\" 2", "2", "Some(false)"]),
            ("X: y", ["-", "0", "-", "0", "Some(false)"]),
        ] {
            let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
            let mut request = Request::new(Limits::default());
            request.read(bytes.as_bytes());
            let message = Message::Request { request: &request, bytes: bytes.as_bytes() };
            assert_eq!(asked(Speaker::Client, message), expected, "{fields}");
            assert_eq!(asked(Speaker::Server, message)[0], "-");
        }
    }

    #[test]
    fn of_responses() {
        for (fields, expected) in [
            ("Set-Cookie: sid=a; Path=/\r\nSet-Cookie: x=1\r\nSet-Cookie: sid=b", ["b", "2", "a", "3", "Some(false)"]),
            ("Set-Cookie: x=1; sid=a", ["-", "0", "1", "1", "Some(false)"]),
            ("Set-Cookie: x=1, sid=7; HttpOnly", ["7", "1", "1", "2", "Some(true)"]),
            ("Set-Cookie: sid=\"a;b\"", ["\"a;b\"", "1", "\"a;b\"", "1", "Some(false)"]),
            ("Set-Cookie: sid = 7 ", ["7", "1", "7", "1", "Some(true)"]),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
            let mut response = Response::new(Limits::default());
            response.read(bytes.as_bytes());
            let message = Message::Response { response: &response, bytes: bytes.as_bytes() };
            assert_eq!(asked(Speaker::Server, message), expected, "{fields}");
        }
    }
}
