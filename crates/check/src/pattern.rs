//! What is looked for in what a server said.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// A pattern of `tcp-check expect` (CFG 4.2). Displays what texts say of it: `string '+OK'`, `regex`, …
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `string`: occurs anywhere.
    Text(Vec<u8>),
    /// `rstring`: an expression over the bytes.
    Regex(Regex),
    /// `binary`: occurs anywhere.
    Binary(Vec<u8>),
    /// `rbinary`: an expression over the bytes in upper-case hexadecimal digits.
    BinaryRegex(Regex),
}

/// How long a compiled expression may be, so that a small file cannot take much memory.
const REGEX_SIZE_MOST: usize = 1 << 20;

/// Compiles an expression over bytes; `Err` says in English what is wrong with it.
///
/// Matching takes time linear in the text, whatever the expression is. In exchange it knows neither look-around nor
/// back-references.
pub fn regex(expression: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(expression).unicode(false).size_limit(REGEX_SIZE_MOST).build();
    built.map_err(|error| {
        if matches!(error, regex::Error::CompiledTooBig(_)) {
            return "it is too big once compiled".to_string();
        }
        // The first lines draw the expression and a caret; the last one says what is wrong.
        error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string()
    })
}

impl Pattern {
    /// Whether it is found in `said`.
    pub fn is_in(&self, said: &[u8]) -> bool {
        match self {
            Pattern::Text(text) | Pattern::Binary(text) => is_within(text, said),
            Pattern::Regex(regex) => regex.is_match(said),
            Pattern::BinaryRegex(regex) => regex.is_match(hexadecimal(said).as_bytes()),
        }
    }

    /// Fewer bytes than this cannot hold it.
    pub(crate) fn size_least(&self) -> usize {
        match self {
            Pattern::Text(text) | Pattern::Binary(text) => text.len(),
            Pattern::Regex(_) | Pattern::BinaryRegex(_) => 0,
        }
    }

    /// What texts about a mismatch call it.
    pub(crate) fn unmatched(&self) -> String {
        match self {
            Pattern::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
            Pattern::Binary(_) => "(binary)".into(),
            Pattern::Regex(_) => "(regex)".into(),
            Pattern::BinaryRegex(_) => "(binary regex)".into(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Text(text) => write!(f, "string '{}'", String::from_utf8_lossy(text)),
            Pattern::Binary(bytes) => write!(f, "binary '{}'", String::from_utf8_lossy(bytes)),
            Pattern::Regex(_) => f.write_str("regex"),
            Pattern::BinaryRegex(_) => f.write_str("binary regex"),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Text(one), Pattern::Text(two)) | (Pattern::Binary(one), Pattern::Binary(two)) => one == two,
            (Pattern::Regex(one), Pattern::Regex(two)) | (Pattern::BinaryRegex(one), Pattern::BinaryRegex(two)) => {
                one.as_str() == two.as_str()
            }
            (Pattern::Text(_) | Pattern::Regex(_) | Pattern::Binary(_) | Pattern::BinaryRegex(_), _) => false,
        }
    }
}

impl Eq for Pattern {}

/// Whether `text` occurs anywhere in `said`.
pub(crate) fn is_within(text: &[u8], said: &[u8]) -> bool {
    text.is_empty() || said.windows(text.len()).any(|window| window == text)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(expression: &str) -> Regex {
        regex(expression).expect("valid")
    }

    /// CFG 4.2, `tcp-check expect`.
    #[test]
    fn what_is_found() {
        let said = b"* OK \xe9 ready\r\n";
        for (pattern, expected) in [
            (Pattern::Text(b"* OK".into()), true),
            (Pattern::Text(b"ready\r\n".into()), true),
            (Pattern::Text(b"+OK".into()), false),
            (Pattern::Text(b"".into()), true),
            (Pattern::Binary(b"\xe9".into()), true),
            (Pattern::Binary(b"\xe8".into()), false),
            (Pattern::Regex(compiled("^[*+] OK .")), true),
            (Pattern::Regex(compiled("^OK")), false),
            (Pattern::Regex(compiled("ready[ \\r]")), true),
            (Pattern::BinaryRegex(compiled("^2A20(4F4B)+20E9")), true),
            (Pattern::BinaryRegex(compiled("e9")), false),
        ] {
            assert_eq!(pattern.is_in(said), expected, "{pattern:?}");
        }
    }

    #[test]
    fn expressions_that_are_none() {
        assert_eq!(regex("(unclosed").err().as_deref(), Some("unclosed group"));
        assert!(regex("(?=ahead)").is_err_and(|text| text.contains("look-around")));
        assert_eq!(regex("((a{1000}){1000}){10}").err().as_deref(), Some("it is too big once compiled"));
    }
}
