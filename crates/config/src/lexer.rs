//! One line of text → words with their places (configuration.txt §2.2 "Quoting and escaping", §2.3 "Environment
//! variables").
//!
//! ```text
//!   outside      blanks split; `#` starts a comment; `\` before  blank \ # " '  is that character; \n \r \t \xHH
//!   "weak"       the same escapes and `\$`; $NAME ${NAME} ${NAME-default} ${NAME[*]} are replaced
//!   'strong'     everything is itself
//! ```
//!
//! Any other `\x` stays two characters. Outside double quotes `$` is an ordinary character; addresses expand it later
//! on their own (`address.rs`).

use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::source::Span;
use std::borrow::Cow;

/// HAProxy's limit; a line with more words is an error.
pub(crate) const WORDS_MAX: usize = 64;

/// One word after quoting, escapes and variables, and the bytes of the file it came from, quotes included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) span: Span,
}

impl std::ops::Deref for Word<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Splits one line (without its newline) into words. `line_span` covers the whole line.
pub(crate) fn words<'a>(
    line: &'a str,
    line_span: Span,
    environment: &dyn Environment,
) -> Result<Vec<Word<'a>>, Diagnostic> {
    let mut lexer = Lexer { line, line_span, environment, at: 0, words: Vec::new() };
    if let Some(nul) = line.find('\0') {
        return Err(lexer.stray_nul(nul..nul + 1));
    }
    while lexer.skip_blanks() {
        lexer.word()?;
    }
    lexer.into_words()
}

struct Lexer<'a, 'e> {
    line: &'a str,
    line_span: Span,
    environment: &'e dyn Environment,
    at: usize,
    words: Vec<Word<'a>>,
}

/// A word being put together. Bytes, because `\xHH` may spell a character byte by byte.
struct Draft {
    start: usize,
    bytes: Vec<u8>,
    /// Whether a variable without a value, or `${NAME[*]}`, is part of it: if nothing else is, there is no word.
    may_vanish: bool,
}

impl<'a> Lexer<'a, '_> {
    /// Moves to the next word; `false` at the end of the line or at a comment.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.peek().is_some_and(|byte| byte != b'#')
    }

    fn word(&mut self) -> Result<(), Diagnostic> {
        if let Some(end) = self.plain_end() {
            let (start, text) = (self.at, &self.line[self.at..end]);
            self.at = end;
            return self.push(start, Cow::Borrowed(text));
        }
        let mut draft = Draft { start: self.at, bytes: Vec::new(), may_vanish: false };
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => break,
                byte if is_blank(byte) => break,
                b'"' => self.weak(&mut draft)?,
                b'\'' => self.strong(&mut draft)?,
                b'\\' => self.escape(&mut draft, false)?,
                byte => self.take(&mut draft, byte),
            }
        }
        if draft.may_vanish && draft.bytes.is_empty() {
            return Ok(());
        }
        self.finish(draft)
    }

    /// The end of a word that needs no work: nearly every word of a real file.
    fn plain_end(&self) -> Option<usize> {
        let rest = &self.line.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| is_blank(byte) || b"#\"'\\".contains(&byte));
        match length {
            None => Some(self.line.len()),
            Some(length) if is_blank(rest[length]) || rest[length] == b'#' => Some(self.at + length),
            Some(_) => None,
        }
    }

    fn weak(&mut self, draft: &mut Draft) -> Result<(), Diagnostic> {
        let opening = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.unmatched_quote(opening)),
                Some(b'"') => break,
                Some(b'\\') => self.escape(draft, true)?,
                Some(b'$') => self.variable(draft)?,
                Some(byte) => self.take(draft, byte),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn strong(&mut self, draft: &mut Draft) -> Result<(), Diagnostic> {
        let opening = self.at;
        let inside = &self.line[opening + 1..];
        let Some(length) = inside.find('\'') else { return Err(self.unmatched_quote(opening)) };
        draft.bytes.extend_from_slice(&inside.as_bytes()[..length]);
        self.at = opening + length + 2;
        Ok(())
    }

    fn escape(&mut self, draft: &mut Draft, is_weak: bool) -> Result<(), Diagnostic> {
        let backslash = self.at;
        let Some(&escaped) = self.line.as_bytes().get(backslash + 1) else {
            self.take(draft, b'\\');
            return Ok(());
        };
        let byte = match escaped {
            b' ' | b'\\' | b'#' | b'"' | b'\'' => escaped,
            b'$' if is_weak => escaped,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                draft.bytes.push(self.hexadecimal(backslash)?);
                self.at += 4;
                return Ok(());
            }
            _ => {
                self.take(draft, b'\\');
                return Ok(());
            }
        };
        draft.bytes.push(byte);
        self.at += 2;
        Ok(())
    }

    fn hexadecimal(&self, backslash: usize) -> Result<u8, Diagnostic> {
        let digits = self.line.as_bytes().get(backslash + 2..backslash + 4);
        let value = digits.and_then(|digits| match digits {
            [high, low] => Some((char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?) as u8),
            _ => None,
        });
        match value {
            None => Err(self
                .at_position("truncated or invalid hexadecimal sequence", backslash, backslash)
                .hint("'\\x' takes two hexadecimal digits")),
            Some(0) => Err(self.stray_nul(backslash..backslash + 4)),
            Some(byte) => Ok(byte),
        }
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}` or `${NAME[*]}`; the current byte is the dollar.
    fn variable(&mut self, draft: &mut Draft) -> Result<(), Diagnostic> {
        let dollar = self.at;
        let bytes = self.line.as_bytes();
        let is_braced = bytes.get(dollar + 1) == Some(&b'{');
        let name_start = dollar + 1 + usize::from(is_braced);
        if !bytes.get(name_start).is_some_and(|&byte| byte.is_ascii_alphabetic() || byte == b'_') {
            return Err(self
                .at_position("forbidden first char in environment variable name", name_start, name_start)
                .hint("write \\$ for a dollar sign inside double quotes"));
        }
        let name_length = bytes[name_start..].iter().take_while(|byte| is_name(**byte)).count();
        let mut end = name_start + name_length;
        let name = &self.line[name_start..end];
        let value = self.environment.var(name);
        draft.may_vanish |= value.is_none();
        if !is_braced {
            self.at = end;
            draft.bytes.extend_from_slice(value.unwrap_or_default().as_bytes());
            return Ok(());
        }

        let mut splits = false;
        if bytes.get(end) == Some(&b'[') {
            if !self.line[end..].starts_with("[*]") {
                return Err(self.at_position("truncated or invalid word expansion sequence", end, end));
            }
            splits = true;
            end += 3;
        }
        let mut default = "";
        if bytes.get(end) == Some(&b'-') {
            let length = self.line[end..].find(['}', '"']).unwrap_or(self.line.len() - end);
            default = &self.line[end + 1..end + length];
            end += length;
        }
        if bytes.get(end) != Some(&b'}') {
            return Err(self.at_position("unmatched brace in environment variable name", dollar + 1, dollar));
        }
        self.at = end + 1;
        let value = value.unwrap_or_else(|| default.to_string());
        if splits {
            return self.expand(draft, &value);
        }
        draft.bytes.extend_from_slice(value.as_bytes());
        Ok(())
    }

    /// `${NAME[*]}`: every blank in the value ends a word.
    fn expand(&mut self, draft: &mut Draft, value: &str) -> Result<(), Diagnostic> {
        draft.may_vanish = true;
        for (index, part) in value.split(' ').filter(|part| !part.is_empty()).enumerate() {
            if index > 0 {
                let start = draft.start;
                let bytes = std::mem::take(&mut draft.bytes);
                self.finish(Draft { start, bytes, may_vanish: false })?;
            }
            draft.bytes.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }

    fn take(&mut self, draft: &mut Draft, byte: u8) {
        draft.bytes.push(byte);
        self.at += 1;
    }

    fn finish(&mut self, draft: Draft) -> Result<(), Diagnostic> {
        match String::from_utf8(draft.bytes) {
            Ok(text) => self.push(draft.start, Cow::Owned(text)),
            Err(_) => Err(self.not_utf8(draft.start)),
        }
    }

    fn push(&mut self, start: usize, text: Cow<'a, str>) -> Result<(), Diagnostic> {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(self.not_utf8(start));
        }
        let span = self.span(start..self.at);
        self.words.push(Word { text, span });
        Ok(())
    }

    fn into_words(self) -> Result<Vec<Word<'a>>, Diagnostic> {
        if self.words.len() <= WORDS_MAX {
            return Ok(self.words);
        }
        let last = &self.words[WORDS_MAX - 1];
        let position = 1 + self.words[..WORDS_MAX - 1].iter().map(|word| word.len() + 1).sum::<usize>();
        let message =
            format!("too many words, truncating after word {WORDS_MAX}, position {position}: <{}>.", &last.text);
        Err(Diagnostic::alert(Lead::Tight, last.span, message)
            .hint("write several lines, or quote what belongs together"))
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn stray_nul(&self, range: std::ops::Range<usize>) -> Diagnostic {
        let message = format!("Stray NUL character at position {}.", range.start + 1);
        self.alert(range, message)
    }

    fn unmatched_quote(&self, opening: usize) -> Diagnostic {
        self.at_position("unmatched quote", opening, opening)
            .hint("a quoted word ends on its line; outside quotes write \\\" or \\' for the character itself")
    }

    fn not_utf8(&self, start: usize) -> Diagnostic {
        let message = format!("word at position {} is not valid UTF-8.", start + 1);
        self.alert(start..self.at, message).hint("only comments may use another encoding")
    }

    /// HAProxy's form for errors inside a line; positions count from 1. `caret` is where the mistake begins.
    fn at_position(&self, what: &str, position: usize, caret: usize) -> Diagnostic {
        let next = self.line[caret..].chars().next().map_or(0, char::len_utf8);
        self.alert(caret..caret + next, format!("{what} at position {}:", position + 1))
    }

    fn alert(&self, range: std::ops::Range<usize>, message: String) -> Diagnostic {
        Diagnostic::alert(Lead::Tight, self.span(range), message)
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        let base = self.line_span.start;
        Span { start: base + range.start as u32, end: base + range.end as u32, ..self.line_span }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A word quoted so that it reads back as itself: the inverse of the lexer for one word.
pub fn quote(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"'".contains(&byte) || byte >= 0x80;
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_string();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for character in word.chars() {
        match character {
            '"' | '\\' | '$' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if character.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(character)));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lex(line: &str) -> Result<Vec<String>, String> {
        let environment = |name: &str| match name {
            "V" => Some("one two".to_string()),
            "E" => Some(String::new()),
            "P" => Some("10099".to_string()),
            _ => None,
        };
        let span = Span { source: 0, line: 1, start: 0, end: line.len() as u32 };
        words(line, span, &environment)
            .map(|words| words.into_iter().map(|word| word.text.into_owned()).collect())
            .map_err(|diagnostic| diagnostic.message)
    }

    /// Every row is what HAProxy 2.6.12 made of the line (it prints an unknown first word back), except that a
    /// variable without a value leaves no word, as in later versions.
    #[test]
    fn words_as_haproxy_splits_them() {
        let table: &[(&str, &[&str])] = &[
            (r"a\*b", &[r"a\*b"]),
            (r"a\ b", &["a b"]),
            (r"a\#b", &["a#b"]),
            (r"a\tb", &["a\tb"]),
            (r"a\x41b", &["aAb"]),
            (r"a\xc3\xa9", &["aé"]),
            (r"a\qb", &[r"a\qb"]),
            (r#"a\"b"#, &["a\"b"]),
            (r"a\'b", &["a'b"]),
            (r#""a\qb""#, &[r"a\qb"]),
            (r#""a\tb""#, &["a\tb"]),
            (r#""a\x41b""#, &["aAb"]),
            (r#""a\"b""#, &["a\"b"]),
            (r#""a\$b""#, &["a$b"]),
            (r#""a\\b""#, &[r"a\b"]),
            (r#""a\ b""#, &["a b"]),
            (r#""a\#b""#, &["a#b"]),
            (r"'a\tb'", &[r"a\tb"]),
            (r#"a"b c"d"#, &["ab cd"]),
            (r#"a'b'"c""#, &["abc"]),
            ("a$V", &["a$V"]),
            ("a${V}", &["a${V}"]),
            (r#""a$V""#, &["aone two"]),
            (r#""a${V}""#, &["aone two"]),
            (r#""${V[*]}""#, &["one", "two"]),
            (r#""x${V[*]}y""#, &["xone", "twoy"]),
            (r#""${E[*]}" q"#, &["q"]),
            (r#"$"V""#, &["$V"]),
            (r#"a "$NO" b"#, &["a", "b"]),
            (r#"a "" b"#, &["a", "", "b"]),
            (r#""$V[*]""#, &["one two[*]"]),
            (r#""${NO-def x}""#, &["def x"]),
            (r#""${E-def}""#, &[""]),
            (r#""${NO-$V}""#, &["$V"]),
            (r#""${NO-}"z"#, &["z"]),
            (r#""${NO-a}b""#, &["ab"]),
            (r#""$V-x""#, &["one two-x"]),
            ("a#b", &["a"]),
            (r#""a#b""#, &["a#b"]),
            (r#""a'b""#, &["a'b"]),
            (r#"'a"b'"#, &["a\"b"]),
            ("  bind\t:80   name x # comment", &["bind", ":80", "name", "x"]),
            ("bind :80\r", &["bind", ":80"]),
            (r"a \", &["a", r"\"]),
            ("# only", &[]),
            ("", &[]),
        ];
        for (line, expected) in table {
            assert_eq!(lex(line).as_deref(), Ok(&expected.iter().map(|word| word.to_string()).collect::<Vec<_>>()[..]));
        }
    }

    /// Messages and positions as HAProxy 2.6.12 printed them.
    #[test]
    fn errors_as_haproxy_words_them() {
        let many = |count: usize| (0..count).map(|number| format!(" w{number}")).collect::<String>();
        let table = [
            ("    description \"abc", "unmatched quote at position 17:"),
            ("    description 'abc def", "unmatched quote at position 17:"),
            ("\tdescription\t'abc\tdef", "unmatched quote at position 14:"),
            ("    description \"a\\", "unmatched quote at position 17:"),
            ("    description \"${FOO\"", "unmatched brace in environment variable name at position 19:"),
            ("    description \"${FOO:-bar}\"", "unmatched brace in environment variable name at position 19:"),
            ("    description \"${1FOO}\"", "forbidden first char in environment variable name at position 20:"),
            ("    description \"$1\"", "forbidden first char in environment variable name at position 19:"),
            ("    description \"${}\"", "forbidden first char in environment variable name at position 20:"),
            ("    description \"a$\"", "forbidden first char in environment variable name at position 20:"),
            ("    description \"${FOO[x]}\"", "truncated or invalid word expansion sequence at position 23:"),
            ("    description \"${FOO[*}\"", "truncated or invalid word expansion sequence at position 23:"),
            ("    description a\\xz1", "truncated or invalid hexadecimal sequence at position 18:"),
            ("    description a\\x1", "truncated or invalid hexadecimal sequence at position 18:"),
            ("    bind :10\080", "Stray NUL character at position 13."),
        ];
        for (line, expected) in table {
            assert_eq!(lex(line).expect_err(line), expected);
        }
        assert!(lex(&format!("    description{}", many(63))).is_ok());
        for count in [64, 70] {
            assert_eq!(
                lex(&format!("    description{}", many(count))).expect_err("more than 64 words"),
                "too many words, truncating after word 64, position 251: <w62>."
            );
        }
    }

    /// Ours: HAProxy passes any byte on; a word that is not text cannot be shown, compared or sent in a log line.
    #[test]
    fn words_are_text() {
        assert_eq!(lex(r"a \xff").expect_err("not UTF-8"), "word at position 3 is not valid UTF-8.");
        assert_eq!(lex("a \u{fffd}").expect_err("not UTF-8"), "word at position 3 is not valid UTF-8.");
        assert!(lex("a # \u{fffd}").is_ok());
    }

    #[test]
    fn spans_cover_the_quotes() {
        let line = r#"  a "b c"d 'e'"#;
        let span = Span { source: 0, line: 7, start: 100, end: 114 };
        let words = words(line, span, &|_: &str| None).expect("the line is well formed");
        let places: Vec<_> = words.iter().map(|word| (word.span.start - 100, word.span.end - 100)).collect();
        assert_eq!(places, [(2, 3), (4, 10), (11, 14)]);
        assert!(words.iter().all(|word| word.span.line == 7));
    }

    proptest! {
        #[test]
        fn a_quoted_word_reads_back(word in "[^\0\u{fffd}]{0,40}") {
            prop_assert_eq!(lex(&quote(&word)), Ok(vec![word]));
        }

        #[test]
        fn any_line_is_lexed_or_refused(line in "[ -~\\\\\"'$#{}\\[\\]*\u{fffd}é\0\t\r]{0,80}") {
            let span = Span { source: 0, line: 1, start: 0, end: line.len() as u32 };
            match words(&line, span, &|_: &str| Some("a b".to_string())) {
                Ok(words) => {
                    for word in words {
                        let (start, end) = (word.span.start as usize, word.span.end as usize);
                        prop_assert!(line.is_char_boundary(start) && line.is_char_boundary(end) && start <= end);
                    }
                }
                Err(diagnostic) => prop_assert!(diagnostic.span.is_some()),
            }
        }
    }
}
