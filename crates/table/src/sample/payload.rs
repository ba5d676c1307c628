//! What the first bytes of a stream say: their number, some of them, what they are the beginning of
//! (`configuration.txt` §7.3.5: "Fetching samples from buffer contents").

use std::borrow::Cow;

use super::{Message, Payload, Reading, Sample, Value, hello, http};

/// Whose bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// `req.…`
    Client,
    /// `res.…`
    Server,
}

/// What of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `req.len`: how many have come; of a message of HTTP, as HAProxy counts it.
    Length,
    /// `req.payload(offset,size)`; size 0 is all that has come.
    Slice { offset: u32, size: u32 },
    /// `req.payload_lv(at,size[,start])`: as many bytes as a big-endian number of `size` bytes at offset `at` says.
    Counted { at: u32, size: u32, start: CountedStart },
    /// `req.ssl_hello_type`: 1 for a client's, 2 for a server's.
    HelloType,
    /// `req.ssl_ver`: what a ClientHello says, major in the upper 16 bits.
    HelloVersion,
    /// `req.ssl_sni`
    HelloName,
    /// `req.ssl_alpn`: the first of them.
    HelloProtocols,
    /// `req.ssl_ec_ext`: whether a ClientHello names elliptic curves.
    HelloCurves,
    /// `req.ssl_st_ext`: 0 where a ClientHello knows nothing of tickets, 1 where it would have one, 2 where it brings one.
    HelloTicket,
    /// `req.proto_http`: whether it is a whole head of an HTTP request.
    Http,
}

/// Where the bytes of [`Part::Counted`] begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountedStart {
    At(u32),
    /// So many bytes behind the number.
    Behind(i32),
}

/// Most bytes that rules look at; a part that reaches further never exists.
const SIZE_MAX: u64 = 16 * 1024;

impl Part {
    pub(super) fn of(self, payload: Payload<'_>) -> Sample<'_> {
        let bytes = payload.bytes;
        match self {
            Part::Length => Sample::Passing(Value::Int(bytes.len() as i64)),
            Part::Slice { offset, size: 0 } => match bytes.get(offset as usize..) {
                Some(rest) => Sample::Passing(borrowed(rest)),
                None => Sample::Awaited,
            },
            Part::Slice { offset, size } => slice(bytes, offset.into(), size.into()).into(),
            Part::Counted { at, size, start } => counted(bytes, at, size, start).into(),
            Part::HelloType => hello::kind(bytes).map(|kind| Value::Int(kind.into())).into(),
            Part::HelloVersion => hello::client(bytes, |hello| Some(Value::Int(hello.version.into()))),
            Part::HelloName => hello::client(bytes, |hello| hello.server_name().map(owned)),
            Part::HelloProtocols => hello::client(bytes, |hello| hello.protocol().map(owned)),
            Part::HelloCurves => hello::client(bytes, |hello| hello.has_curves().then_some(Value::Bool(true))),
            Part::HelloTicket => hello::client(bytes, |hello| Some(Value::Int(hello.ticket()))),
            Part::Http => http::is_request(bytes).map(|()| Value::Bool(true)).into(),
        }
    }

    /// Of bytes that were read as a message, and are no longer there as they came.
    pub(super) fn of_message(self, message: Message<'_>) -> Sample<'static> {
        match self {
            Part::Length => Sample::Passing(Value::Int(i64::try_from(message.size()).unwrap_or(i64::MAX))),
            Part::Http => Sample::Settled(Value::Bool(true)),
            Part::Slice { .. }
            | Part::Counted { .. }
            | Part::HelloType
            | Part::HelloVersion
            | Part::HelloName
            | Part::HelloProtocols
            | Part::HelloCurves
            | Part::HelloTicket => Sample::Absent,
        }
    }
}

impl<T> Reading<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Reading::Known(value) => Reading::Known(change(value)),
            Reading::Short => Reading::Short,
            Reading::Foreign => Reading::Foreign,
        }
    }
}

fn slice(bytes: &[u8], offset: u64, size: u64) -> Reading<Value<'_>> {
    let end = offset.saturating_add(size);
    if end > SIZE_MAX {
        return Reading::Foreign;
    }
    bytes.get(offset as usize..end as usize).map_or(Reading::Short, |part| Reading::Known(borrowed(part)))
}

fn counted(bytes: &[u8], at: u32, size: u32, start: CountedStart) -> Reading<Value<'_>> {
    let number_end = u64::from(at) + u64::from(size);
    if number_end > SIZE_MAX {
        return Reading::Foreign;
    }
    let Some(number) = bytes.get(at as usize..number_end as usize) else { return Reading::Short };
    let count = number.iter().fold(0_u64, |count, &byte| count.saturating_mul(256).saturating_add(byte.into()));
    let start = match start {
        CountedStart::At(offset) => Some(u64::from(offset)),
        CountedStart::Behind(distance) => number_end.checked_add_signed(distance.into()),
    };
    match start {
        Some(start) if count > 0 => slice(bytes, start, count),
        Some(_) | None => Reading::Foreign,
    }
}

fn borrowed(bytes: &[u8]) -> Value<'_> {
    Value::Bytes(Cow::Borrowed(bytes))
}

fn owned<'a>(bytes: Vec<u8>) -> Value<'a> {
    Value::Bytes(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(part: Part, bytes: &[u8]) -> String {
        match part.of(Payload { bytes, is_final: false }) {
            Sample::Settled(value) => format!("={}", value.into_bytes().escape_ascii()),
            Sample::Passing(value) => format!("~{}", value.into_bytes().escape_ascii()),
            Sample::Awaited => "?".to_owned(),
            Sample::Absent => "-".to_owned(),
        }
    }

    /// The manual's words on `req.len`, `req.payload` and `req.payload_lv`, and HAProxy 2.6.12's answers.
    #[test]
    fn parts_of_the_first_bytes() {
        let slice = |offset, size| Part::Slice { offset, size };
        let counted = |at, size, start| Part::Counted { at, size, start };
        let behind = |distance| CountedStart::Behind(distance);
        for (part, bytes, expect) in [
            (Part::Length, &b""[..], "~0"),
            (Part::Length, b"abc", "~3"),
            (slice(0, 3), b"ab", "?"),
            (slice(0, 3), b"abc", "=abc"),
            (slice(1, 2), b"abcd", "=bc"),
            (slice(0, 0), b"abc", "~abc"),
            (slice(2, 0), b"a", "?"),
            (slice(0, 20_000), b"a", "-"),
            (slice(u32::MAX, u32::MAX), b"a", "-"),
            (counted(0, 1, behind(0)), b"", "?"),
            (counted(0, 1, behind(0)), b"\x02b", "?"),
            (counted(0, 1, behind(0)), b"\x02bcd", "=bc"),
            (counted(0, 2, behind(0)), b"\x00\x01xy", "=x"),
            (counted(0, 1, CountedStart::At(0)), b"\x02bcd", "=\\x02b"),
            (counted(0, 1, behind(-1)), b"\x02bcd", "=\\x02b"),
            (counted(0, 1, behind(1)), b"\x02bcd", "=cd"),
            (counted(0, 1, behind(-2)), b"\x02bcd", "-"),
            (counted(0, 1, behind(0)), b"\x00bcd", "-"),
            (counted(0, 9, behind(0)), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", "-"),
            (counted(u32::MAX, u32::MAX, behind(0)), b"x", "-"),
        ] {
            assert_eq!(of(part, bytes), expect, "{part:?} of {:?}", bytes.escape_ascii().to_string());
        }
    }
}
