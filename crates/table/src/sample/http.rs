//! Whether a stream begins with an HTTP/1 request (RFC 9112 §3, §5).

use super::Reading;

/// `Known` once a whole head has come; `Foreign` as soon as a byte cannot belong to one.
///
/// The head's syntax is looked at, not its meaning: framing and limits belong to whoever serves the request.
pub(super) fn is_request(bytes: &[u8]) -> Reading<()> {
    // RFC 9112 §2.2: an empty line before the request line is ignored.
    let mut rest = bytes;
    while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = after;
    }
    let mut check: fn(&[u8], bool) -> bool = is_request_line;
    loop {
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return if rest == b"\r" || check(rest.strip_suffix(b"\r").unwrap_or(rest), false) {
                Reading::Short
            } else {
                Reading::Foreign
            };
        };
        let line = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
        rest = &rest[length + 1..];
        if line.is_empty() {
            return Reading::Known(());
        }
        if !check(line, true) {
            return Reading::Foreign;
        }
        check = is_field_line;
    }
}

/// `METHOD target HTTP/1.1`; of an unfinished line, whether it can become one.
fn is_request_line(line: &[u8], is_whole: bool) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let method = words.next().unwrap_or_default();
    let (target, version, more) = (words.next(), words.next(), words.next());
    let is_text = |word: &[u8]| word.iter().all(|byte| !byte.is_ascii_control());
    let method_is_good =
        method.iter().all(|&byte| is_token(byte)) && !(method.is_empty() && (is_whole || target.is_some()));
    let target_is_good =
        target.is_none_or(|target| is_text(target) && !(target.is_empty() && (is_whole || version.is_some())));
    let version_is_good = version.is_none_or(|version| is_version(version, is_whole));
    method_is_good && target_is_good && version_is_good && more.is_none() && (!is_whole || version.is_some())
}

/// RFC 9112 §2.3: `HTTP/` digit `.` digit.
fn is_version(word: &[u8], is_whole: bool) -> bool {
    const SHAPE: &[u8; 8] = b"HTTP/0.0";
    let fits = |(&byte, &shape): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    word.len() <= SHAPE.len() && word.iter().zip(SHAPE).all(fits) && (!is_whole || word.len() == SHAPE.len())
}

/// `name: value`; of an unfinished line, whether it can become one.
fn is_field_line(line: &[u8], is_whole: bool) -> bool {
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    let name_is_good = (line.is_empty() || !name.is_empty()) && name.iter().all(|&byte| is_token(byte));
    name_is_good && (colon.is_some() || !is_whole) && value.iter().all(|&byte| byte != 0 && byte != b'\r')
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &[u8] = b"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\n\r\n";

    /// HAProxy 2.6.12's answers to `{ req.proto_http }`.
    #[test]
    fn heads() {
        for (bytes, expect) in [
            (&b""[..], Reading::Short),
            (b"GE", Reading::Short),
            (b"GET ", Reading::Short),
            (b"GET / HTTP/1.1\r", Reading::Short),
            (b"GET / HTTP/1.1\r\n", Reading::Short),
            (b"GET / HTTP/1.1\r\n\r", Reading::Short),
            (HEAD, Reading::Known(())),
            (b"GET / HTTP/1.0\n\n", Reading::Known(())),
            (b"\r\nGET / HTTP/1.1\r\n\r\n", Reading::Known(())),
            (b"a1 CAPABILITY\r\n", Reading::Foreign),
            (b"EHLO example.org\r\n", Reading::Foreign),
            (b"GET  / HTTP/1.1\r\n", Reading::Foreign),
            (b"GET / HTTP/x", Reading::Foreign),
            (b"GET / HTTP/1.1\r\nno colon\r\n", Reading::Foreign),
            (b"\x16\x03\x01\x02\x00", Reading::Foreign),
        ] {
            assert_eq!(is_request(bytes), expect, "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn no_beginning_of_a_head_is_foreign() {
        for end in 0..HEAD.len() {
            assert_eq!(is_request(&HEAD[..end]), Reading::Short, "{end}");
        }
    }

    proptest! {
        /// More bytes never change an answer.
        #[test]
        fn answers_stay(bytes in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'G'), any::<u8>()], 0..60)) {
            let mut settled = Reading::Short;
            for end in 0..=bytes.len() {
                let answer = is_request(&bytes[..end]);
                if settled == Reading::Short {
                    settled = answer;
                } else {
                    prop_assert_eq!(&answer, &settled);
                }
            }
        }
    }
}
