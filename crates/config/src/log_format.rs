//! Log formats: `%ci:%cp [%t] %{+Q}b …` (configuration.txt §8.2.6 "Custom log format").
//!
//! ```text
//!   text ── ' ' ──▶ Blank          runs of them are one when the line is written
//!     │
//!     ├── '%' ──▶ '%'              a percent sign
//!     │    ├────▶ alias            a fact of the session
//!     │    ├────▶ {flags} alias    written in another way; `%{flags}o`: so is everything behind it
//!     │    └────▶ [expression]     a sample
//!     └── anything else ──▶ Text
//! ```
//!
//! A format is read where it stands and judged where it is used: HAProxy does not mind mistakes in a format that another line
//! overrides.

use crate::acl::Expression;
use crate::format;
use crate::keywords::log_alias::ALIASES;
use crate::keywords::log_alias::Filler::{Any, Http, HttpLater};
use crate::lexer::Word;
use crate::nearest::Guesser;
use crate::sample_reader::{self, Read};
use crate::source::{Source, Span};
use std::ops::Range;

/// What one `log-format`, `error-log-format` or `log-format-sd` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    pub parts: Vec<LogPart>,
    /// Bytes of the format.
    pub(crate) length: usize,
    /// What is wrong with it, in its order.
    pub(crate) faults: Vec<Fault>,
}

impl LogLine {
    pub(crate) fn samples(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            LogPart::Sample { expression, .. } => Some(expression),
            LogPart::Text(_) | LogPart::Blank | LogPart::Alias { .. } => None,
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogPart {
    Text(String),
    /// One blank, unless the line begins here or a blank came just before.
    Blank,
    /// One of the aliases, by HAProxy's name.
    Alias {
        name: &'static str,
        flags: LogFlags,
    },
    Sample {
        expression: Expression,
        flags: LogFlags,
    },
}

/// `+Q`, `-M` and so on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogFlags {
    /// `M`: an empty text is shown as `-`.
    pub is_mandatory: bool,
    /// `Q`: texts stand in double quotes.
    pub is_quoted: bool,
    /// `X`: addresses, ports and some numbers are hexadecimal.
    pub is_hexadecimal: bool,
    /// `E`: `"`, `\` and `]` in texts are escaped.
    pub is_escaped: bool,
}

pub(crate) const PLAIN: LogFlags =
    LogFlags { is_mandatory: true, is_quoted: false, is_hexadecimal: false, is_escaped: false };

/// Something in a format that keeps it from being used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) why: Why,
    /// The bytes of the format that are to blame.
    pub(crate) at: Range<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// In HAProxy's words, and a hint.
    Invalid(String, Option<String>),
    /// An alias that needs HTTP.
    HttpOnly(&'static str),
    /// The same, and Tidegate does not serve it.
    HttpLater(&'static str),
    /// A sample that is gone when a session is told of. In HAProxy's words.
    Gone(String),
    /// HAProxy knows it; Tidegate does not serve it.
    Unserved(String),
    /// HAProxy ignores it without a word.
    Inert(String, &'static str),
}

impl Fault {
    /// Where it stands, if `word` spells the format out; else the word. Escapes shift what is behind them.
    pub(crate) fn span(&self, format_length: usize, word: Span, sources: &[Source]) -> Span {
        let source = sources.get(word.source as usize);
        let text =
            source.and_then(|source| source.text.get(word.start as usize..word.end as usize)).unwrap_or_default();
        let is_quoted = text.len() == format_length + 2 && text.starts_with(['"', '\'']) && !text.contains('\\');
        let start = match text.len() == format_length {
            true => word.start,
            false if is_quoted => word.start + 1,
            false => return word,
        };
        Span { start: start + self.at.start as u32, end: start + self.at.end as u32, ..word }
    }
}

/// Reads a format to its end, whatever is wrong with it. `span` is the word that it stands in.
pub(crate) fn read(format: &str, span: Span, guesser: &mut Guesser) -> LogLine {
    let line = LogLine { parts: Vec::new(), length: format.len(), faults: Vec::new() };
    let mut reader = Reader { format, span, rest: format, begin: 0, flags: PLAIN, line, guesser };
    while let Some(character) = reader.rest.chars().next() {
        reader.begin = reader.position();
        match character {
            '%' => reader.percent(),
            ' ' => reader.blank(),
            _ => reader.text(),
        }
    }
    reader.line
}

struct Reader<'a, 'g> {
    format: &'a str,
    span: Span,
    rest: &'a str,
    /// Where the part that is being read begins.
    begin: usize,
    /// What `%{…}o` has set for everything behind it.
    flags: LogFlags,
    line: LogLine,
    guesser: &'g mut Guesser,
}

impl<'a> Reader<'a, '_> {
    fn blank(&mut self) {
        self.rest = &self.rest[1..];
        self.line.parts.push(LogPart::Blank);
    }

    fn text(&mut self) {
        let length = self.rest.find(['%', ' ']).unwrap_or(self.rest.len());
        let text = self.take(length);
        self.push_text(text);
    }

    /// The part that begins with the percent sign here.
    fn percent(&mut self) {
        self.rest = &self.rest[1..];
        match self.rest.chars().next() {
            None => self.fail("truncated line after '%'."),
            Some('%') => {
                let percent = self.take(1);
                self.push_text(percent);
            }
            Some('(') => self.name(),
            Some('{') => self.flagged(),
            Some('[') => self.expression(self.flags),
            Some(letter) if letter.is_ascii_alphabetic() => self.alias(self.flags),
            Some(other) if other.is_ascii_digit() || other == ' ' || other == '\t' => {
                let position = self.position();
                self.rest = &self.rest[1..];
                self.fail(format!(
                    "unexpected variable name near '{other}' at position {position} line : '{}'. Maybe you want to write \
                     a single '%', use the syntax '%%'.",
                    self.format
                ));
            }
            // The percent sign before any other character vanishes.
            Some(_) => (),
        }
    }

    /// `%(name:type)`: HAProxy 3.x names a part so for `+json` and `+cbor`.
    fn name(&mut self) {
        let length = self.rest.find(')').map_or(self.rest.len(), |end| end + 1);
        let name = self.take(length);
        self.blame(Why::Unserved(format!("log format %{name}")));
    }

    /// `{flags}` and what they are for.
    fn flagged(&mut self) {
        let Some((inside, rest)) = self.rest[1..].split_once('}') else {
            let arguments = self.rest[1..].to_string();
            self.rest = "";
            return self.fail(format!("truncated line after '{arguments}'."));
        };
        self.rest = rest;
        let flags = self.flags_of(inside);
        match rest.chars().next() {
            Some('[') => self.expression(flags),
            Some(letter) if letter.is_ascii_alphanumeric() => self.alias(flags),
            _ => self.fail(format!("parse argument modifier without variable name near '%{{{inside}}}'.")),
        }
    }

    fn flags_of(&mut self, inside: &str) -> LogFlags {
        let mut flags = self.flags;
        for word in inside.split(',') {
            let Some(sign) = word.rfind(['+', '-']) else {
                self.ignore(word);
                continue;
            };
            let is_set = word.as_bytes()[sign] == b'+';
            match &word[sign + 1..] {
                "M" => flags.is_mandatory = is_set,
                "Q" => flags.is_quoted = is_set,
                "X" => flags.is_hexadecimal = is_set,
                "E" => flags.is_escaped = is_set,
                encoding @ ("bin" | "json" | "cbor") => {
                    self.blame(Why::Unserved(format!("log format flag {encoding}")));
                }
                _ => self.ignore(word),
            }
        }
        flags
    }

    fn ignore(&mut self, word: &str) {
        let why = "flags are '+' or '-' and one of M, Q, X and E";
        self.blame(Why::Inert(format!("log format flag {word}"), why));
    }

    /// `[expression]`: to the bracket that closes it, past those that stand in arguments.
    fn expression(&mut self, flags: LogFlags) {
        let mut depth = 0;
        let end = self.rest.char_indices().position(|(_, character)| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            character == ']' && depth <= 0
        });
        let end = end.and_then(|count| self.rest.char_indices().nth(count)).map(|(at, _)| at);
        match end {
            Some(end) => {
                let text = &self.take(end + 1)[1..end];
                self.sample(text, flags);
            }
            None => {
                let expression = self.rest[1..].to_string();
                self.rest = "";
                self.fail(format!("missing ']' after '{expression}'."));
            }
        }
    }

    fn sample(&mut self, text: &str, flags: LogFlags) {
        let word = Word { text: text.into(), span: self.span };
        let why = match sample_reader::expression(&word, self.guesser) {
            Ok(Read::Sample(expression, _, None)) => {
                let needed = expression.fetch.needs();
                self.line.parts.push(LogPart::Sample { expression, flags });
                match needed {
                    Some(needed) => Why::Gone(format::absent(&format!("{text}]"), needed)),
                    None => return,
                }
            }
            // A name with a method of comparing is an ACL's.
            Ok(Read::Sample(_, _, Some(_))) => {
                let name = text.split(['(', ',']).next().unwrap_or_default();
                Why::Invalid(
                    format!("failed to parse sample expression <{text}]> : unknown fetch method '{name}'."),
                    None,
                )
            }
            Ok(Read::Unserved) => Why::Unserved(format!("log format %[{text}]")),
            Err((message, hint)) => {
                Why::Invalid(format!("failed to parse sample expression <{text}]> : {message}."), hint)
            }
        };
        self.blame(why);
    }

    fn alias(&mut self, flags: LogFlags) {
        let length = self.rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let name = self.take(length);
        match ALIASES.binary_search_by(|(known, _)| (*known).cmp(name)).map(|index| ALIASES[index]) {
            Ok(("o", _)) => self.flags = flags,
            Ok((name, Any)) => self.line.parts.push(LogPart::Alias { name, flags }),
            Ok((name, Http)) => {
                self.line.parts.push(LogPart::Alias { name, flags });
                self.blame(Why::HttpOnly(name));
            }
            Ok((name, HttpLater)) => self.blame(Why::HttpLater(name)),
            Err(_) => {
                let hint = self.guesser.name(name, ALIASES.iter().map(|(known, _)| *known));
                let message = format!(
                    "no such format variable '{name}'. If you wanted to emit the '%' character verbatim, you need to use \
                     '%%'."
                );
                self.blame(Why::Invalid(message, hint));
            }
        }
    }

    /// The part that is being read, up to here.
    fn blame(&mut self, why: Why) {
        self.line.faults.push(Fault { why, at: self.begin..self.position() });
    }

    fn position(&self) -> usize {
        self.format.len() - self.rest.len()
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.blame(Why::Invalid(message.into(), None));
    }

    fn push_text(&mut self, text: &str) {
        match self.line.parts.last_mut() {
            Some(LogPart::Text(before)) => before.push_str(text),
            Some(LogPart::Blank | LogPart::Alias { .. } | LogPart::Sample { .. }) | None => {
                self.line.parts.push(LogPart::Text(text.to_string()));
            }
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: &str) -> LogLine {
        let span = Span { source: 0, line: 1, start: 0, end: format.len() as u32 };
        read(format, span, &mut Guesser::default())
    }

    fn whys(format: &str) -> Vec<Why> {
        line(format).faults.into_iter().map(|fault| fault.why).collect()
    }

    /// Parts as text: `ci+Q`, `"text"`, `_`.
    fn shown(format: &str) -> String {
        let flags = |flags: &LogFlags| {
            let mut text = String::new();
            for (is_set, name) in [
                (flags.is_quoted, "+Q"),
                (flags.is_hexadecimal, "+X"),
                (flags.is_escaped, "+E"),
                (!flags.is_mandatory, "-M"),
            ] {
                text.push_str(if is_set { name } else { "" });
            }
            text
        };
        let part = |part: &LogPart| match part {
            LogPart::Text(text) => format!("{text:?}"),
            LogPart::Blank => "_".into(),
            LogPart::Alias { name, flags: set } => format!("{name}{}", flags(set)),
            LogPart::Sample { flags: set, .. } => format!("[]{}", flags(set)),
        };
        line(format).parts.iter().map(part).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn parts() {
        for (format, expected) in [
            ("", ""),
            ("plain text", r#""plain" _ "text""#),
            ("%ci:%cp [%t]", r#"ci ":" cp _ "[" t "]""#),
            ("%B%U%s", "B U s"),
            ("%B_x", r#"B "_x""#),
            ("%%", r#""%""#),
            ("100%% %b%%", r#""100%" _ b "%""#),
            ("%@b", r#""@b""#),
            ("a\tb", "\"a\\tb\""),
            ("%{+Q}s %s", "s+Q _ s"),
            ("%{+Q,+X}o %ci %{-X}cp%{-M}ID", "_ ci+Q+X _ cp+Q ID+Q+X-M"),
            ("%{+Q}o%{-Q}o%s", "s"),
            ("%{+E}b", "b+E"),
            ("é%bé", "\"é\" b \"é\""),
        ] {
            assert_eq!(shown(format), expected, "{format}");
            assert_eq!(line(format).faults, [], "{format}");
        }
    }

    /// The texts are those of HAProxy 2.6.12.
    #[test]
    fn mistakes() {
        for (format, message) in [
            ("%", "truncated line after '%'."),
            ("%{+Q", "truncated line after '+Q'."),
            ("%{+Q}", "parse argument modifier without variable name near '%{+Q}'."),
            ("%{+Q}%ci", "parse argument modifier without variable name near '%{+Q}'."),
            (
                "%1",
                "unexpected variable name near '1' at position 1 line : '%1'. Maybe you want to write a single '%', use the \
                 syntax '%%'.",
            ),
            (
                "%b % b",
                "unexpected variable name near ' ' at position 4 line : '%b % b'. Maybe you want to write a single '%', use \
                 the syntax '%%'.",
            ),
            ("%[src", "missing ']' after 'src'."),
            ("%[foo]", "failed to parse sample expression <foo]> : unknown fetch method 'foo'."),
            ("%[path_beg]", "failed to parse sample expression <path_beg]> : unknown fetch method 'path_beg'."),
            ("%[src,foo]", "failed to parse sample expression <src,foo]> : unknown converter 'foo'."),
            (
                "%sx",
                "no such format variable 'sx'. If you wanted to emit the '%' character verbatim, you need to use '%%'.",
            ),
        ] {
            let faults = whys(format);
            let [Why::Invalid(found, _)] = &faults[..] else { panic!("{format}: {faults:?}") };
            assert_eq!(found, message, "{format}");
        }
    }

    #[test]
    fn what_needs_more_than_tcp() {
        let unserved = |what: &str| vec![Why::Unserved(what.into())];
        assert_eq!(whys("%ci %r"), [Why::HttpOnly("r")]);
        assert_eq!(whys("%ST%HPO"), [Why::HttpOnly("ST"), Why::HttpLater("HPO")]);
        assert_eq!(whys("%[src,ipmask(24)]%[status]%{+Q}[str(a]b)] x"), []);
        assert_eq!(
            whys("%[path]"),
            [Why::Gone(
                "sample fetch <path]> may not be reliably used here because it needs 'HTTP request headers' which is not available \
                 here"
                    .into()
            )]
        );
        assert_eq!(shown("%{+Q}[str(a]b)] x"), "[]+Q _ \"x\"");
        assert_eq!(whys("%[fc_rtt]"), unserved("log format %[fc_rtt]"));
        assert_eq!(whys("%(name:str)ci"), unserved("log format %(name:str)"));
        assert_eq!(whys("%{+json}o"), unserved("log format flag json"));
        let ignored = whys("%{foo,+Z}B");
        assert!(
            matches!(&ignored[..], [Why::Inert(foo, _), Why::Inert(z, _)] if foo.ends_with("foo") && z.ends_with("+Z"))
        );
    }

    /// The bytes that a caret stands under.
    #[test]
    fn places() {
        let blamed = |format: &str| {
            let blamed: Vec<String> = line(format).faults.iter().map(|fault| format[fault.at.clone()].into()).collect();
            blamed.join(" ")
        };
        assert_eq!(blamed("%ci %r x%zz%[path]%b %1"), "%r %zz %[path] %1");
        assert_eq!(blamed("%b %{+Q}%ci %{+json}b"), "%{+Q} %{+json}");
        assert_eq!(blamed("%b %{+Q"), "%{+Q");
        let fault = &line("%ci %r").faults[0];
        let place = |text: &str| {
            let span = Span { source: 0, line: 1, start: 0, end: text.len() as u32 };
            let span = fault.span(6, span, &[Source::new("c.cfg", text)]);
            text[span.start as usize..span.end as usize].to_owned()
        };
        assert_eq!(["%ci %r", "\"%ci %r\"", "'%ci %r'"].map(place), ["%r"; 3]);
        assert_eq!(place("%ci\\ %r"), "%ci\\ %r", "the word");
    }
}
