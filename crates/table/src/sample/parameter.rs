//! Parameters of a query or of a form (`configuration.txt` §7.3.6: `url_param`, `req.body_param`).

use std::borrow::Cow;

use http1::Request;

use super::Value;

/// A parameter; without a name any, the first of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: Option<Box<[u8]>>,
    pub is_case_insensitive: bool,
    /// What parameters begin behind in a target, `?` as a rule. Another one ends a parameter, too.
    pub delimiter: u8,
    /// `urlp_val`
    pub is_number: bool,
}

impl Parameter {
    pub(crate) fn of_form(name: &[u8]) -> Parameter {
        Parameter { name: Some(name.into()), is_case_insensitive: false, delimiter: b'&', is_number: false }
    }

    /// Its values in a text like `a=1&b=2;c=3`, as they stand there.
    pub(super) fn values<'f>(&self, text: &'f [u8]) -> impl Iterator<Item = &'f [u8]> {
        text.split(|&byte| matches!(byte, b'&' | b';') || byte == self.delimiter).filter_map(move |pair| {
            let end = memchr::memchr(b'=', pair)?;
            let (name, value) = (&pair[..end], &pair[end + 1..]);
            let is_meant = self.name.as_ref().is_none_or(|meant| match self.is_case_insensitive {
                true => meant.eq_ignore_ascii_case(name),
                false => **meant == *name,
            });
            is_meant.then_some(value)
        })
    }

    /// Its values in the target of a request.
    pub(super) fn values_in<'a>(&self, request: &'a Request, bytes: &'a [u8]) -> impl Iterator<Item = Value<'a>> {
        let target = request.target(bytes);
        let start = memchr::memchr(self.delimiter, target).map(|at| at + 1);
        start.into_iter().flat_map(move |start| self.values(&target[start..])).map(|value| self.formed(value))
    }

    fn formed<'a>(&self, value: &'a [u8]) -> Value<'a> {
        let text = Value::Bytes(Cow::Borrowed(value));
        if self.is_number { Value::Int(text.to_int().unwrap_or(0)) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use http1::Limits;

    use super::*;

    /// What HAProxy 2.6 says of the same targets.
    #[test]
    fn of_targets() {
        for (target, name, delimiter, expected) in [
            ("/a?x=1;y=2&z=3", "x", b'?', "1"),
            ("/a?x=1;y=2&z=3", "z", b'?', "3"),
            ("/a?x=1;y=2&z=3", "x", b';', "-"),
            ("/a?x=1;y=2&z=3", "y", b';', "2"),
            ("/a;x=1;y=2?z=3", "x", b'?', "-"),
            ("/a;x=1;y=2?z=3", "x", b';', "1"),
            ("/a;x=1;y=2?z=3", "y", b';', "2?z=3"),
            ("/a?X=9&x=", "x", b'?', ""),
            ("/a?=5&q=w=e?y=4", "", b'?', "5"),
            ("/a?=5&q=w=e?y=4", "q", b'?', "w=e"),
            ("/a?=5&q=w=e?y=4", "y", b'?', "4"),
            ("/a?x", "x", b'?', "-"),
            ("/a?&&x=3", "", b'?', "3"),
            ("/a", "x", b'?', "-"),
        ] {
            let bytes = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
            let mut request = Request::new(Limits::default());
            request.read(bytes.as_bytes());
            let name = (!name.is_empty()).then(|| name.as_bytes().into());
            let parameter = Parameter { name, is_case_insensitive: false, delimiter, is_number: false };
            let first = parameter.values_in(&request, bytes.as_bytes()).next();
            let found = first.map_or("-".into(), |value| String::from_utf8_lossy(&value.into_bytes()).into_owned());
            assert_eq!(found, expected, "{target} {parameter:?}");
        }
    }
}
