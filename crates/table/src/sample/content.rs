//! What the content of a message says, as far as it has come (`configuration.txt` §7.3.6: `req.body` and its kin).
//!
//! Nothing here waits: `option http-buffer-request` and `wait-for-body` see to it that there is something to look at. Rules that do
//! wait (`tcp-request inspect-delay`) do so for `req.body` alone, as in HAProxy: the rest is what it is when they are first asked.

use std::borrow::Cow;

use http1::{Body, Framing, Method, PartKind};

use super::{Message, Parameter, Value};

/// What is asked of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// `req.body`, `res.body`: what has come of it, without the framing of chunks.
    Octets,
    /// `req.body_len`: how many of them there are.
    Length,
    /// `req.body_size`: how many there will be, as far as that was said.
    Size,
    /// `req.body_param([name])`: of a form.
    Parameter(Parameter),
}

/// What has come of a content.
struct Content<'a> {
    octets: Cow<'a, [u8]>,
    /// Octets that are sure to follow.
    left: u64,
}

impl ContentPart {
    pub(super) fn of<'a>(&self, message: Message<'a>) -> Option<Value<'a>> {
        let content = Content::of(message)?;
        let number = |count: u64| Some(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
        match self {
            ContentPart::Octets => Some(Value::Bytes(content.octets)),
            ContentPart::Length => number(content.octets.len() as u64),
            ContentPart::Size => number((content.octets.len() as u64).saturating_add(content.left)),
            ContentPart::Parameter(parameter) => parameter.values(&content.octets).next().map(owned),
        }
    }

    /// As [`MessagePart::any`](super::MessagePart::any).
    pub(super) fn any<'a>(&self, message: Message<'a>, mut is_it: impl FnMut(Value<'a>) -> bool) -> Option<bool> {
        match self {
            ContentPart::Parameter(parameter) => {
                let content = Content::of(message)?;
                Some(parameter.values(&content.octets).any(|value| is_it(owned(value))))
            }
            ContentPart::Octets | ContentPart::Length | ContentPart::Size => None,
        }
    }
}

impl Parameter {
    /// Its first value in the content of a message.
    pub(crate) fn value_in(&self, message: Message<'_>) -> Option<Vec<u8>> {
        let content = Content::of(message)?;
        let first = self.values(&content.octets).next();
        first.map(<[u8]>::to_vec)
    }
}

impl<'a> Content<'a> {
    /// `None`: the message is a tunnel's, or what has come of its content is none.
    fn of(message: Message<'a>) -> Option<Content<'a>> {
        let (framing, bytes) = match message {
            Message::Request { request, bytes } => (request.framing(), request.behind(bytes)),
            Message::Response { response, bytes } => (response.framing(Method::Get), response.behind(bytes)),
        };
        match framing {
            Framing::Tunnel => None,
            Framing::None | Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                Content::read(Body::new(framing), bytes)
            }
        }
    }

    fn read(mut body: Body, bytes: &'a [u8]) -> Option<Content<'a>> {
        let (mut octets, mut rest) = (Cow::Borrowed(&bytes[..0]), bytes);
        while let Some(part) = body.next(rest).ok()? {
            let (piece, behind) = rest.split_at(part.size);
            match part.kind {
                PartKind::Data if octets.is_empty() => octets = Cow::Borrowed(piece),
                PartKind::Data => octets.to_mut().extend_from_slice(piece),
                PartKind::Framing | PartKind::Extension => (),
            }
            rest = behind;
        }
        let left = body.data_left();
        Some(Content { octets, left: if left == u64::MAX { 0 } else { left } })
    }
}

fn owned(text: &[u8]) -> Value<'static> {
    Value::Bytes(Cow::Owned(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http1::{Limits, Request};

    /// What HAProxy 2.6.12 puts into a field with `%[…]`, and of names in any case what its manual says.
    #[test]
    fn of_a_request() {
        let check = |head: &str, content: &str, part: ContentPart, expected: Option<&str>| {
            let bytes = format!("POST / HTTP/1.1\r\nHost: h\r\n{head}\r\n\r\n{content}");
            let mut request = Request::new(Limits::default());
            request.read(bytes.as_bytes());
            let found = part.of(Message::Request { request: &request, bytes: bytes.as_bytes() });
            let found = found.map(|value| String::from_utf8_lossy(&value.into_bytes()).into_owned());
            assert_eq!(found.as_deref(), expected, "{part:?} of {content}");
        };
        let of_name = |name: &str, is_case_insensitive| {
            ContentPart::Parameter(Parameter { is_case_insensitive, ..Parameter::of_form(name.as_bytes()) })
        };
        let any = || ContentPart::Parameter(Parameter { name: None, ..Parameter::of_form(b"") });
        let (whole, chunked) = ("Content-Length: 7", "Transfer-Encoding: chunked");
        for (head, content) in [(whole, "a=1&k=w"), (chunked, "3\r\na=1\r\n4\r\n&k=w\r\n0\r\n\r\n")] {
            check(head, content, ContentPart::Octets, Some("a=1&k=w"));
            check(head, content, ContentPart::Length, Some("7"));
            check(head, content, ContentPart::Size, Some("7"));
            check(head, content, of_name("k", false), Some("w"));
            check(head, content, of_name("K", false), None);
            check(head, content, of_name("K", true), Some("w"));
            check(head, content, any(), Some("1"));
        }
        check(whole, "a=1", ContentPart::Length, Some("3"));
        check(whole, "a=1", ContentPart::Size, Some("7"));
        check("X: y", "GET / HTTP/1.1", ContentPart::Octets, Some(""));
        check("X: y", "", ContentPart::Size, Some("0"));
        check("X: y", "", any(), None);
    }
}
