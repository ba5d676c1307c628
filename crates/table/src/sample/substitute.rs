//! Regular expressions that make texts of texts (`configuration.txt: regsub, replace-header`).

use regex::bytes::{Captures, Regex, RegexBuilder};

/// `regsub(expression,replacement[,flags])`
#[derive(Clone, Debug)]
pub struct Substitution {
    regex: Regex,
    /// As [`expand`] reads it.
    to: Box<[u8]>,
    /// `g`: every match, not the first alone.
    is_global: bool,
}

impl PartialEq for Substitution {
    fn eq(&self, other: &Substitution) -> bool {
        let key = |one: &Substitution| (one.regex.as_str().to_owned(), one.to.clone(), one.is_global);
        key(self) == key(other)
    }
}

impl Eq for Substitution {}

impl Substitution {
    /// # Errors
    /// What is wrong with the expression.
    pub fn new(expression: &str, to: &[u8], is_global: bool, is_folded: bool) -> Result<Substitution, regex::Error> {
        let regex = RegexBuilder::new(expression).unicode(false).case_insensitive(is_folded).build()?;
        Ok(Substitution { regex, to: to.into(), is_global })
    }

    /// The text with what the expression matches replaced.
    pub(crate) fn of(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        let count = if self.is_global { usize::MAX } else { 1 };
        for groups in self.regex.captures_iter(text).take(count) {
            let whole = groups.get(0).expect("the whole match");
            out.extend_from_slice(&text[done..whole.start()]);
            expand(&groups, &self.to, &mut out);
            done = whole.end();
        }
        out.extend_from_slice(&text[done..]);
        out
    }
}

/// Appends a template: `\1` stands for what the first group matched, `\0` for the whole match, `\xHH` for a byte, and a backslash
/// before anything else for that.
pub(crate) fn expand(groups: &Captures<'_>, template: &[u8], out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [digit @ b'0'..=b'9', behind @ ..] => {
                let group = groups.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |group| group.as_bytes()));
                behind
            }
            [b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(byte_of(*high, *low));
                behind
            }
            [other, behind @ ..] => {
                out.push(*other);
                behind
            }
            [] => &[],
        };
    }
    out.extend_from_slice(rest);
}

/// The byte that two hexadecimal digits spell.
pub(super) fn byte_of(high: u8, low: u8) -> u8 {
    let value = |digit: u8| (digit as char).to_digit(16).expect("a hexadecimal digit") as u8;
    value(high) << 4 | value(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 makes of such texts with `regsub`.
    #[test]
    fn substitutions() {
        let check = |expression: &str, to: &str, flags: &str, text: &str, expected: &str| {
            let (is_global, is_folded) = (flags.contains('g'), flags.contains('i'));
            let made = Substitution::new(expression, to.as_bytes(), is_global, is_folded).expect("an expression");
            assert_eq!(String::from_utf8_lossy(&made.of(text.as_bytes())), expected, "{expression} {text}");
        };
        check("a", "b", "", "caab", "cbab");
        check("a", "b", "g", "caab", "cbbb");
        check("A", "b", "gi", "caab", "cbbb");
        check("(a)(.)", r"\2\1", "g", "abac", "baca");
        check("x", "y", "g", "abc", "abc");
        check("^/", "", "", "/a/b", "a/b");
    }
}
