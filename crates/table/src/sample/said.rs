//! What peers have said, as log lines show it (`configuration.txt` §8.2.6, §8.8): what could break a line, or the braces around
//! captures, is `#XX`.

use std::borrow::Cow;

use super::{Captured, Captures, Speaker};

/// A piece of the request line, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinePart {
    /// `%r`
    Whole,
    /// `%HM`
    Method,
    /// `%HU`
    Target,
    /// `%HV`
    Version,
    /// `%HP`: the target without its query.
    Path,
    /// `%HQ`: the query with its `?`.
    Query,
}

/// How several captures are one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturesForm {
    /// `{first|second|}`; nothing where nothing is captured.
    Braces,
    /// `first second -`
    Words,
    /// `"first" "second" ""`
    QuotedWords,
}

impl LinePart {
    /// A line has been read, so each piece of it is there.
    pub(super) fn of<'a>(self, captures: &'a Captures) -> Cow<'a, [u8]> {
        let target = || captures.word(1).unwrap_or_default();
        let query_at = || target().iter().position(|&byte| byte == b'?').unwrap_or(target().len());
        let text = match self {
            LinePart::Whole => &captures.line,
            LinePart::Method => captures.word(0).unwrap_or_default(),
            LinePart::Target => target(),
            LinePart::Version => captures.word(2).unwrap_or_default(),
            LinePart::Path => &target()[..query_at()],
            LinePart::Query => &target()[query_at()..],
        };
        if !text.iter().any(|&byte| is_odd_in_line(byte)) {
            return Cow::Borrowed(text);
        }
        let mut shown = Vec::new();
        push_line(text, &mut shown);
        Cow::Owned(shown)
    }
}

impl CapturesForm {
    pub(super) fn of(self, captures: &Captures, speaker: Speaker) -> Vec<u8> {
        let captures = match speaker {
            Speaker::Client => &captures.request,
            Speaker::Server => &captures.response,
        };
        let mut text = Vec::new();
        match self {
            CapturesForm::Braces => push_captures(captures, &mut text),
            CapturesForm::Words => push_words(captures, false, &mut text),
            CapturesForm::QuotedWords => push_words(captures, true, &mut text),
        }
        text
    }
}

/// Appends a request line, or a piece of one.
pub fn push_line(text: &[u8], out: &mut Vec<u8>) {
    push_escaped(text, is_odd_in_line, out);
}

/// Appends `{first|second|}`; nothing where nothing is captured.
pub fn push_captures(captures: &[Captured], out: &mut Vec<u8>) {
    if captures.is_empty() {
        return;
    }
    out.push(b'{');
    for (index, captured) in captures.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b"|" } else { b"" });
        push_escaped(captured.as_deref().unwrap_or_default(), is_odd_in_captures, out);
    }
    out.push(b'}');
}

/// Appends `first second -`, or `"first" "second" ""`.
pub fn push_words(captures: &[Captured], is_quoted: bool, out: &mut Vec<u8>) {
    for (index, captured) in captures.iter().enumerate() {
        let (quote, absent): (&[u8], &[u8]) = if is_quoted { (b"\"", b"") } else { (b"", b"-") };
        out.extend_from_slice(if index > 0 { b" " } else { b"" });
        out.extend_from_slice(quote);
        push_escaped(captured.as_deref().unwrap_or(absent), is_odd_in_captures, out);
        out.extend_from_slice(quote);
    }
}

fn push_escaped(text: &[u8], is_odd: fn(u8) -> bool, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match is_odd(byte) {
            true => out.extend([b'#', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
            false => out.push(byte),
        }
    }
}

fn is_odd_in_line(byte: u8) -> bool {
    !(32..127).contains(&byte) || matches!(byte, b'"' | b'#')
}

fn is_odd_in_captures(byte: u8) -> bool {
    is_odd_in_line(byte) || matches!(byte, b'{' | b'|' | b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        let captures = Captures {
            line: b"GET /a%20\"b?c=#1 HTTP/1.1".to_vec(),
            request: vec![Some(b"x{y".as_slice().into()), None],
            ..Captures::NONE
        };
        let piece = |part: LinePart| String::from_utf8(part.of(&captures).into_owned()).expect("ASCII");
        assert_eq!(piece(LinePart::Whole), "GET /a%20#22b?c=#231 HTTP/1.1");
        assert_eq!([LinePart::Method, LinePart::Version].map(piece), ["GET", "HTTP/1.1"]);
        assert_eq!([LinePart::Path, LinePart::Query].map(piece), ["/a%20#22b", "?c=#231"]);
        assert_eq!(CapturesForm::Braces.of(&captures, Speaker::Client), b"{x#7By|}");
        assert_eq!(CapturesForm::Words.of(&captures, Speaker::Client), b"x#7By -");
        assert_eq!(CapturesForm::QuotedWords.of(&captures, Speaker::Client), b"\"x#7By\" \"\"");
        assert_eq!(CapturesForm::Braces.of(&captures, Speaker::Server), b"");
    }
}
