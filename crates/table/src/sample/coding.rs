//! Bytes as texts and back: base64, hexadecimal digits, escapes of URLs.

use super::substitute::byte_of;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn url_decoded(text: &[u8], mut is_form: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'+', _) if is_form => out.push(b' '),
            (b'%', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(byte_of(*high, *low));
                rest = behind;
            }
            (b'%', _) => return None,
            (byte, _) => {
                is_form |= *byte == b'?';
                out.push(*byte);
            }
        }
    }
    Some(out)
}

/// Everything but unreserved characters is escaped (RFC 3986 §2.3).
pub(super) fn url_encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            byte => {
                out.push(b'%');
                out.extend(hex(&[byte]));
            }
        }
    }
    out
}

/// What the octets are that JSON is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonInput {
    /// Each is a character of Latin-1.
    Latin,
    /// Where something else is among them there is no sample.
    Utf8,
    /// What is something else is left out.
    Utf8Only,
}

/// Characters that are no printable ASCII, and those that JSON wants escaped, are. As in HAProxy, what UTF-8 has beyond 16 bits is
/// none.
pub(super) fn json(text: &[u8], input: JsonInput) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    if input == JsonInput::Latin {
        text.iter().for_each(|&byte| push_json(byte.into(), &mut out));
        return Some(out);
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match u16::try_from(u32::from(character)) {
                Ok(code) => push_json(code, &mut out),
                Err(_) if input == JsonInput::Utf8 => return None,
                Err(_) => (),
            }
        }
        if input == JsonInput::Utf8 && !chunk.invalid().is_empty() {
            return None;
        }
    }
    Some(out)
}

fn push_json(code: u16, out: &mut Vec<u8>) {
    let letter = match u8::try_from(code).unwrap_or(0) {
        byte @ (b'"' | b'\\' | b'/') => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        byte @ b' '..=b'~' => return out.push(byte),
        _ => return out.extend_from_slice(format!("\\u{code:04x}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', letter]);
}

pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// The number that hexadecimal digits spell.
pub(super) fn hex_number(text: &[u8]) -> Option<i64> {
    i64::from_str_radix(str::from_utf8(text).ok()?, 16).ok()
}

/// RFC 4648 §4.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    encoded(bytes, STANDARD)
}

/// RFC 4648 §5, without padding.
pub(super) fn base64_url(bytes: &[u8]) -> Vec<u8> {
    let mut text = encoded(bytes, URL);
    while text.last() == Some(&b'=') {
        text.pop();
    }
    text
}

/// `None` for what is no such text.
pub fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    decoded(&text[..text.len() - padding], STANDARD)
}

/// The same of [`base64_url`].
pub(super) fn base64_url_decoded(text: &[u8]) -> Option<Vec<u8>> {
    decoded(text, URL)
}

fn decoded(text: &[u8], digits: &[u8; 64]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            let digit = match chunk.get(place) {
                Some(byte) => digits.iter().position(|digit| digit == byte)? as u32,
                None => 0,
            };
            bits = bits << 6 | digit;
        }
        let made = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        // One digit alone is less than a byte.
        bytes.extend_from_slice(&made[..chunk.len().checked_sub(1).filter(|&count| count > 0)?]);
    }
    Some(bytes)
}

fn encoded(bytes: &[u8], digits: &[u8; 64]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let octet = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        let digit = |index: usize| digits[(bits >> (18 - 6 * index) & 63) as usize];
        text.extend((0..4).map(|index| if index <= chunk.len() { digit(index) } else { b'=' }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn base64_there_and_back() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes());
            assert_eq!(base64_decoded(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
            let bare = text.trim_end_matches('=');
            assert_eq!(base64_url(bytes.as_bytes()), bare.as_bytes());
            assert_eq!(base64_url_decoded(bare.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        for text in ["Z", "Zg=", "Zg", "====", "Z===", "Zm9v!m8=", "Zg==Zg=="] {
            assert_eq!(base64_decoded(text.as_bytes()), None, "{text}");
        }
        assert_eq!(base64_url_decoded(b"a-_w"), Some(vec![0x6b, 0xef, 0xf0]));
    }

    /// What HAProxy 2.6.12 makes of it.
    #[test]
    fn escapes() {
        assert_eq!(url_encoded("/a%20b+c~é".as_bytes()), b"%2Fa%2520b%2Bc~%C3%A9");
        assert_eq!(
            json(b"/abc?x=\"\n\xc3\xa9\xff", JsonInput::Latin).expect("any octet is one"),
            br#"\/abc?x=\"\n\u00c3\u00a9\u00ff"#
        );
        assert_eq!((hex_number(b"616a"), hex_number(b"ff"), hex_number(b"x")), (Some(24938), Some(255), None));
    }
}
