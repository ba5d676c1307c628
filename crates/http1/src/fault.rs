//! Where in a message the rule was broken, for whoever shows it to an operator. Found by looking again: who relays need not know.

use crate::Refusal;
use crate::octets::is_token_octet;

impl Refusal {
    /// The octet of `bytes`, a message's first, at which this was noticed; 0 where it is about the message as a whole.
    pub fn place(self, bytes: &[u8]) -> usize {
        match self {
            Refusal::RequestLine | Refusal::StatusLine | Refusal::Version | Refusal::Target => {
                in_first_line(self, bytes)
            }
            Refusal::FieldName => {
                lines(bytes).skip(1).find_map(|(start, line)| bad_name(line).map(|at| start + at)).unwrap_or(0)
            }
            Refusal::Octet => lone_octet(bytes).unwrap_or(0),
            Refusal::Host => last_field(bytes, b"host"),
            Refusal::ContentLength => last_field(bytes, b"content-length"),
            Refusal::TransferEncoding | Refusal::UnknownCoding => last_field(bytes, b"transfer-encoding"),
            Refusal::FieldCount
            | Refusal::TargetSize
            | Refusal::FieldsSize
            | Refusal::UnexpectedContent
            | Refusal::ConnectionOptions
            | Refusal::MaxForwards
            | Refusal::WebSocketKey
            | Refusal::UnaskedUpgrade
            | Refusal::ChunkSize
            | Refusal::ChunkEnd
            | Refusal::ChunkLine
            | Refusal::CutShort => 0,
        }
    }
}

/// What stands behind the second blank where three words are expected, or the first octet that is no method's.
fn in_first_line(refusal: Refusal, bytes: &[u8]) -> usize {
    let line = lines(bytes).next().map_or(&[][..], |(_, line)| line);
    let blank = |from: usize| line.get(from..)?.iter().position(|&byte| byte == b' ').map(|at| from + at + 1);
    let word = line.iter().take_while(|&&byte| is_token_octet(byte)).count();
    if refusal == Refusal::Target {
        return blank(0).unwrap_or(0);
    }
    match line.get(word) {
        Some(b' ') => blank(0).and_then(blank).unwrap_or(line.len()),
        Some(_) | None => word,
    }
}

/// Lines with where they begin, without what ends them, as far as the empty one.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').map(move |line| {
        let place = start;
        start += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (place, line.strip_suffix(b"\r").unwrap_or(line))
    });
    lines.skip_while(|(_, line)| line.is_empty()).take_while(|(_, line)| !line.is_empty())
}

fn bad_name(line: &[u8]) -> Option<usize> {
    let size = line.iter().take_while(|&&byte| is_token_octet(byte)).count();
    (size == 0 || line.get(size) != Some(&b':')).then_some(size)
}

/// A NUL, or a CR or LF that is not in a pair.
fn lone_octet(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| match bytes[at] {
        0 => true,
        b'\r' => bytes.get(at + 1).is_some_and(|&next| next != b'\n'),
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        _ => false,
    })
}

fn last_field(bytes: &[u8], name: &[u8]) -> usize {
    let is_it =
        |line: &[u8]| line.split(|&byte| byte == b':').next().is_some_and(|known| known.eq_ignore_ascii_case(name));
    lines(bytes).skip(1).filter(|(_, line)| is_it(line)).last().map_or(0, |(start, _)| start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where HAProxy 2.6.12 says that the error is (`show errors`).
    #[test]
    fn places() {
        for (refusal, text, expected) in [
            (Refusal::RequestLine, &b"GET /bad path HTTP/1.1\r\nHost: x\r\n\r\n"[..], 9),
            (Refusal::RequestLine, b"\x16\x03\x01\x02", 0),
            (Refusal::FieldName, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nBad Header: x\r\n\r\nabc", 39),
        ] {
            assert_eq!(refusal.place(text), expected, "{refusal:?}");
        }
        assert_eq!(Refusal::Octet.place(b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), 23);
        assert_eq!(Refusal::Octet.place(b"GET / HTTP/1.1\nHost: ab\r\n\r\n"), 14);
        assert_eq!(
            Refusal::ContentLength.place(b"GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n"),
            35
        );
    }
}
