//! What a request or a response says (`configuration.txt` §7.3.6).
//!
//! A sample of a field that occurs several times is its last occurrence; a test of one asks all of them.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http1::{Fields, Request, Response};

use super::{ContentPart, CookiePart, Facts, Parameter, Sample, Speaker, Value};
use crate::Userlist;
use crate::users::credentials;

/// A message whose head is whole.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    Request { request: &'a Request, bytes: &'a [u8] },
    Response { response: &'a Response, bytes: &'a [u8] },
}

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// `method`
    Method,
    /// `url`: the target as it is.
    Target,
    /// `path`: without the query.
    Path,
    /// `pathq`
    PathAndQuery,
    /// `query`
    Query,
    /// `base`: the first `Host` and the path.
    Base,
    /// `req.ver`, `res.ver`: `1.1`
    Version,
    /// `status`
    Status,
    /// `req.hdr(name)`, `res.hdr(name)` and their kin.
    Field(FieldPart),
    /// `req.cook(name)`, `res.cook(name)` and their kin.
    Cookie(CookiePart),
    /// `url_param(name)`, `urlp_val(name)`
    Parameter(Parameter),
    /// `http_auth(userlist)`
    Authorized(Arc<Userlist>),
    /// `http_auth_group(userlist)`
    Groups(Arc<Userlist>),
    /// `req.body`, `res.body` and their kin.
    Content(Speaker, ContentPart),
    /// `baseq`: the first `Host`, the path and the query.
    BaseAndQuery,
    /// `req.hdr_names`, `res.hdr_names`: with this between them.
    FieldNames(Speaker, Box<[u8]>),
    /// `req.hdrs`, `res.hdrs`: all lines, and the empty one.
    FieldLines(Speaker),
    /// `http_auth_user` and its kin.
    Credential(Credential),
}

/// What of `Authorization` (RFC 7617).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    User,
    Password,
    /// The scheme: `Basic`.
    Scheme,
    /// `http_auth_bearer`: the token (RFC 6750 §2.1).
    Bearer,
}

/// What is asked of the fields of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPart {
    pub speaker: Speaker,
    pub name: Box<[u8]>,
    /// `fhdr`: whole values, not the elements of lists.
    pub is_whole: bool,
    pub form: FieldForm,
    /// Which of several: from 1, or from -1 at the end; `None` is the last, and any of them in a test.
    pub nth: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    Text,
    /// `hdr_cnt`
    Count,
    /// `hdr_val`
    Number,
    /// `hdr_ip`
    Addr,
}

impl MessagePart {
    /// The sample.
    pub(super) fn of<'a>(&self, message: Message<'a>) -> Sample<'a> {
        let value = match (self, message) {
            (MessagePart::Field(part), _) => part.last(message),
            (MessagePart::Cookie(part), _) => part.of(message),
            (MessagePart::Content(Speaker::Client, part), Message::Request { .. })
            | (MessagePart::Content(Speaker::Server, part), Message::Response { .. }) => part.of(message),
            (MessagePart::Content(..), _) => None,
            (MessagePart::FieldNames(speaker, between), _) => fields_of(message, *speaker).map(|(fields, bytes)| {
                let names: Vec<Vec<u8>> = fields.iter(bytes).map(|(name, _)| name.to_ascii_lowercase()).collect();
                Value::Bytes(Cow::Owned(names.join(&**between)))
            }),
            (MessagePart::FieldLines(speaker), _) => fields_of(message, *speaker).map(|(fields, bytes)| {
                let line =
                    |(name, value): (&[u8], &[u8])| [&name.to_ascii_lowercase(), &b": "[..], value, b"\r\n"].concat();
                Value::Bytes(Cow::Owned(
                    [fields.iter(bytes).map(line).collect::<Vec<_>>().concat(), b"\r\n".to_vec()].concat(),
                ))
            }),
            (MessagePart::Status, Message::Response { response, .. }) => Some(Value::Int(response.status().into())),
            (MessagePart::Version, Message::Response { response, .. }) => Some(version(response.version())),
            (_, Message::Request { request, bytes }) => self.of_request(request, bytes),
            (
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
                | MessagePart::Groups(_),
                Message::Response { .. },
            ) => None,
        };
        match (self, value) {
            (MessagePart::Content(_, ContentPart::Octets), Some(value)) => Sample::Passing(value),
            (_, value) => value.into(),
        }
    }

    /// Whether one of several values is what is asked for; `None` where there is but one.
    pub(crate) fn any<'a>(&self, message: Message<'a>, mut is_it: impl FnMut(Value<'a>) -> bool) -> Option<bool> {
        match self {
            MessagePart::Field(part) if part.form != FieldForm::Count && part.nth.is_none() => {
                Some(part.values(message).any(is_it))
            }
            MessagePart::Content(_, part) => part.any(message, is_it),
            MessagePart::Cookie(part) => part.any(message, is_it),
            MessagePart::Parameter(parameter) => {
                let Message::Request { request, bytes } = message else { return Some(false) };
                parameter.name.is_some().then(|| parameter.values_in(request, bytes).any(is_it))
            }
            MessagePart::Field(_)
            | MessagePart::BaseAndQuery
            | MessagePart::FieldNames(..)
            | MessagePart::FieldLines(_)
            | MessagePart::Credential(_)
            | MessagePart::Method
            | MessagePart::Target
            | MessagePart::Path
            | MessagePart::PathAndQuery
            | MessagePart::Query
            | MessagePart::Base
            | MessagePart::Version
            | MessagePart::Status
            | MessagePart::Authorized(_) => None,
            MessagePart::Groups(list) => {
                let user = request_of(message).and_then(|(fields, bytes)| list.user(fields, bytes));
                let groups = user.map_or(&[][..], |user| &user.groups);
                Some(groups.iter().any(|group| is_it(Value::Bytes(Cow::Owned(group.as_bytes().to_vec())))))
            }
        }
    }

    /// What is still known of it when its messages are gone.
    pub(super) fn remembered<'a>(&self, facts: &Facts<'a>) -> Option<Value<'a>> {
        let course = facts.course?;
        match self {
            MessagePart::Method => course.captures.word(0).map(text),
            MessagePart::Status => course.status.map(|status| Value::Int(status.into())),
            MessagePart::Target
            | MessagePart::Path
            | MessagePart::PathAndQuery
            | MessagePart::Query
            | MessagePart::Base
            | MessagePart::Version
            | MessagePart::Field(_)
            | MessagePart::Cookie(_)
            | MessagePart::Parameter(_)
            | MessagePart::Authorized(_)
            | MessagePart::Groups(_)
            | MessagePart::BaseAndQuery
            | MessagePart::FieldNames(..)
            | MessagePart::FieldLines(_)
            | MessagePart::Credential(_)
            | MessagePart::Content(..) => None,
        }
    }

    fn of_request<'a>(&self, request: &'a Request, bytes: &'a [u8]) -> Option<Value<'a>> {
        let path = || Some(request.path(bytes)).filter(|path| !path.is_empty());
        match self {
            MessagePart::Method => Some(text(request.method_text(bytes))),
            MessagePart::Target => Some(text(request.target(bytes))),
            MessagePart::Path => path().map(text),
            MessagePart::PathAndQuery => {
                path()?;
                Some(text(request.path_and_query(bytes)))
            }
            MessagePart::Query => request.query(bytes).map(text),
            MessagePart::Base => {
                let host = request.fields().values(bytes, b"host").next().unwrap_or_default();
                Some(Value::Bytes(Cow::Owned([host, request.path(bytes)].concat())))
            }
            MessagePart::BaseAndQuery => {
                let host = request.fields().values(bytes, b"host").next().unwrap_or_default();
                Some(Value::Bytes(Cow::Owned([host, request.path_and_query(bytes)].concat())))
            }
            MessagePart::Credential(part) => {
                let value = request.fields().values(bytes, b"authorization").next()?;
                let scheme = value.split(|&byte| byte == b' ').next()?;
                match part {
                    Credential::Scheme => return Some(text(scheme)),
                    Credential::Bearer if scheme.eq_ignore_ascii_case(b"bearer") => {
                        return Some(text(value.get(scheme.len() + 1..)?.trim_ascii()));
                    }
                    Credential::Bearer => return None,
                    Credential::User | Credential::Password => (),
                }
                let credentials = credentials(request.fields(), bytes)?;
                let colon = credentials.iter().position(|&byte| byte == b':')?;
                let said = match part {
                    Credential::User => &credentials[..colon],
                    Credential::Password | Credential::Scheme | Credential::Bearer => &credentials[colon + 1..],
                };
                Some(Value::Bytes(Cow::Owned(said.to_vec())))
            }
            MessagePart::Version => Some(version(request.version())),
            MessagePart::Parameter(parameter) => parameter.values_in(request, bytes).next(),
            MessagePart::Authorized(list) => Some(Value::Bool(list.user(request.fields(), bytes).is_some())),
            MessagePart::Groups(list) => {
                let group = list.user(request.fields(), bytes)?.groups.first()?;
                Some(Value::Bytes(Cow::Owned(group.as_bytes().to_vec())))
            }
            MessagePart::Status => None,
            MessagePart::Field(_)
            | MessagePart::FieldNames(..)
            | MessagePart::FieldLines(_)
            | MessagePart::Cookie(_)
            | MessagePart::Content(..) => unreachable!("they are looked for in both messages"),
        }
    }
}

/// The fields of this side's message.
fn fields_of<'a>(message: Message<'a>, whose: Speaker) -> Option<(&'a Fields, &'a [u8])> {
    match (whose, message) {
        (Speaker::Client, Message::Request { request, bytes }) => Some((request.fields(), bytes)),
        (Speaker::Server, Message::Response { response, bytes }) => Some((response.fields(), bytes)),
        (Speaker::Client, Message::Response { .. }) | (Speaker::Server, Message::Request { .. }) => None,
    }
}

impl FieldPart {
    fn last<'a>(&self, message: Message<'a>) -> Option<Value<'a>> {
        match self.form {
            FieldForm::Count => {
                let count = self.texts(message)?.count();
                Some(Value::Int(count.try_into().unwrap_or(i64::MAX)))
            }
            FieldForm::Text | FieldForm::Number | FieldForm::Addr => match self.nth {
                None | Some(-1) => self.values(message).last(),
                Some(nth) => {
                    let index = match usize::try_from(nth) {
                        Ok(nth) => nth.checked_sub(1)?,
                        Err(_) => self.values(message).count().checked_sub(nth.unsigned_abs() as usize)?,
                    };
                    self.values(message).nth(index)
                }
            },
        }
    }

    fn values<'a>(&self, message: Message<'a>) -> impl Iterator<Item = Value<'a>> {
        let form = self.form;
        self.texts(message).into_iter().flatten().filter_map(move |value| match form {
            FieldForm::Text | FieldForm::Count => Some(text(value)),
            FieldForm::Number => Some(Value::Int(text(value).to_int().unwrap_or(0))),
            FieldForm::Addr => str::from_utf8(value).ok()?.parse::<IpAddr>().ok().map(Value::Addr),
        })
    }

    /// The occurrences, in order; `None` if the message is not the one that is asked.
    fn texts<'a>(&self, message: Message<'a>) -> Option<impl Iterator<Item = &'a [u8]>> {
        let (fields, bytes): (&'a Fields, &'a [u8]) = match (self.speaker, message) {
            (Speaker::Client, Message::Request { request, bytes }) => (request.fields(), bytes),
            (Speaker::Server, Message::Response { response, bytes }) => (response.fields(), bytes),
            (Speaker::Client, Message::Response { .. }) | (Speaker::Server, Message::Request { .. }) => {
                return None;
            }
        };
        let is_whole = self.is_whole;
        let named = fields.values(bytes, &self.name);
        Some(named.flat_map(move |value| {
            let mut rest = Some(value);
            std::iter::from_fn(move || {
                let value = rest.take()?;
                if is_whole {
                    return Some(value);
                }
                let (element, behind) = first_element(value);
                rest = behind;
                Some(element.trim_ascii())
            })
        }))
    }
}

fn request_of(message: Message<'_>) -> Option<(&Fields, &[u8])> {
    match message {
        Message::Request { request, bytes } => Some((request.fields(), bytes)),
        Message::Response { .. } => None,
    }
}

/// Up to the comma that ends the first element of a list; one in a quoted string ends none (RFC 9110 §5.6.1, §5.6.4).
pub(crate) fn first_element(list: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, &byte) in list.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return (&list[..at], Some(&list[at + 1..])),
            _ => (),
        }
    }
    (list, None)
}

fn version(version: http1::Version) -> Value<'static> {
    Value::Bytes(Cow::Borrowed(match version {
        http1::Version::Http10 => b"1.0",
        http1::Version::Http11 => b"1.1",
    }))
}

pub(super) fn text(bytes: &[u8]) -> Value<'_> {
    Value::Bytes(Cow::Borrowed(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http1::Limits;

    const REQUEST: &[u8] =
        b"GET /a/b?x=1&y=2 HTTP/1.1\r\nHost: h\r\nX-List: one, \"two, three\" ,four\r\nX-List: -5\r\n\
                             X-Forwarded-For: 192.0.2.1, ::1\r\nCookie: k=v; session=s=1\r\n\r\n";

    /// What HAProxy 2.6 puts into a field with `%[…]`.
    #[test]
    fn of_a_request() {
        let mut request = Request::new(Limits::default());
        request.read(REQUEST);
        let message = Message::Request { request: &request, bytes: REQUEST };
        let field = |name: &str, is_whole, form| {
            let name = name.as_bytes().into();
            MessagePart::Field(FieldPart { speaker: Speaker::Client, name, is_whole, form, nth: None })
        };
        let bytes = |text: &'static str| Sample::Settled(Value::Bytes(Cow::Borrowed(text.as_bytes())));
        for (part, expected) in [
            (MessagePart::Method, bytes("GET")),
            (MessagePart::Target, bytes("/a/b?x=1&y=2")),
            (MessagePart::Path, bytes("/a/b")),
            (MessagePart::PathAndQuery, bytes("/a/b?x=1&y=2")),
            (MessagePart::Query, bytes("x=1&y=2")),
            (MessagePart::Base, bytes("h/a/b")),
            (MessagePart::Version, bytes("1.1")),
            (MessagePart::Status, Sample::Absent),
            (field("x-list", false, FieldForm::Text), bytes("-5")),
            (field("x-list", false, FieldForm::Count), Sample::Settled(Value::Int(4))),
            (field("x-list", true, FieldForm::Count), Sample::Settled(Value::Int(2))),
            (field("x-list", false, FieldForm::Number), Sample::Settled(Value::Int(-5))),
            (field("x-none", false, FieldForm::Text), Sample::Absent),
            (field("x-none", false, FieldForm::Count), Sample::Settled(Value::Int(0))),
            (
                field("x-forwarded-for", false, FieldForm::Addr),
                Sample::Settled(Value::Addr("::1".parse().expect("an address"))),
            ),
        ] {
            assert_eq!(part.of(message), expected, "{part:?}");
        }
        let is = |expected: &'static str| move |value| value == Value::Bytes(Cow::Borrowed(expected.as_bytes()));
        let list = field("X-List", false, FieldForm::Text);
        assert_eq!(list.any(message, is("\"two, three\"")), Some(true));
        assert_eq!(list.any(message, is("two")), Some(false));
    }
}
