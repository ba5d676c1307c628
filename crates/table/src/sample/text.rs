//! Texts that a value is compared with (`configuration.txt` §7.1.3: "Matching strings", §7.1.4: "Matching regular expressions").

use std::borrow::Cow;
use std::collections::HashSet;

use regex::bytes::{Regex, RegexBuilder};

/// How a value is compared with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `str`, `bin`
    Whole,
    /// `beg`
    Begin,
    /// `end`
    End,
    /// `sub`
    Inside,
    /// `dir`: between slashes.
    Directory,
    /// `dom`: between dots.
    Domain,
    /// `reg`: found anywhere, unless it is anchored.
    Regex,
}

/// Patterns that are alternatives, ready to be asked.
#[derive(Clone, Debug)]
pub struct TextPatterns {
    /// `-i`: letters of ASCII are the same in both cases; patterns are kept in lower case.
    is_folded: bool,
    patterns: Patterns,
}

#[derive(Clone, Debug)]
enum Patterns {
    Whole(Texts),
    Begin(Affixes),
    End(Affixes),
    Inside(Vec<Box<[u8]>>),
    /// Words without delimiters at their ends, and the delimiters.
    Between(Vec<Box<[u8]>>, &'static [u8]),
    Regex(Vec<Regex>),
}

/// Many beginnings, or many ends: one look per length that occurs, however many patterns there are.
#[derive(Clone, Debug)]
struct Affixes {
    /// Ascending, each once.
    lengths: Vec<usize>,
    texts: Texts,
}

/// Texts to be found again. One is what most rules have, and costs no hash.
#[derive(Clone, Debug)]
enum Texts {
    Few(Vec<Box<[u8]>>),
    Many(HashSet<Box<[u8]>>),
}

/// Texts that are compared one after the other in the time of one hash.
const FEW_MOST: usize = 4;

impl TextPatterns {
    /// # Errors
    /// What is wrong with a regular expression.
    pub fn new<'a>(
        compare: Compare,
        is_folded: bool,
        patterns: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<TextPatterns, regex::Error> {
        let fold = |pattern: &'a [u8]| -> Box<[u8]> {
            if is_folded { pattern.to_ascii_lowercase().into() } else { pattern.into() }
        };
        let all = patterns.into_iter();
        let patterns = match compare {
            Compare::Whole => Patterns::Whole(all.map(fold).collect()),
            Compare::Begin => Patterns::Begin(Affixes::new(all.map(fold))),
            Compare::End => Patterns::End(Affixes::new(all.map(fold))),
            Compare::Inside => Patterns::Inside(all.map(fold).collect()),
            Compare::Directory => between(all.map(fold), b"/?"),
            Compare::Domain => between(all.map(fold), b"/.?:"),
            Compare::Regex => Patterns::Regex(all.map(|pattern| regex(pattern, is_folded)).collect::<Result<_, _>>()?),
        };
        Ok(TextPatterns { is_folded, patterns })
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        let is_any_upper = || text.iter().any(u8::is_ascii_uppercase);
        let text = if self.is_folded && !matches!(self.patterns, Patterns::Regex(_)) && is_any_upper() {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
        let text = &*text;
        match &self.patterns {
            Patterns::Whole(texts) => texts.contains(text),
            Patterns::Begin(affixes) => affixes.any(text, |length| &text[..length]),
            Patterns::End(affixes) => affixes.any(text, |length| &text[text.len() - length..]),
            Patterns::Inside(texts) => texts.iter().any(|inner| is_inside(text, inner)),
            Patterns::Between(words, delimiters) => words.iter().any(|word| is_between(text, word, delimiters)),
            Patterns::Regex(expressions) => expressions.iter().any(|expression| expression.is_match(text)),
        }
    }
}

/// A regular expression over bytes, as rules write it.
pub(crate) fn regex(pattern: &[u8], is_folded: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&String::from_utf8_lossy(pattern)).unicode(false).case_insensitive(is_folded).build()
}

impl FromIterator<Box<[u8]>> for Texts {
    fn from_iter<I: IntoIterator<Item = Box<[u8]>>>(texts: I) -> Texts {
        let texts: Vec<Box<[u8]>> = texts.into_iter().collect();
        if texts.len() <= FEW_MOST { Texts::Few(texts) } else { Texts::Many(texts.into_iter().collect()) }
    }
}

impl Texts {
    fn contains(&self, text: &[u8]) -> bool {
        match self {
            Texts::Few(texts) => texts.iter().any(|known| **known == *text),
            Texts::Many(texts) => texts.contains(text),
        }
    }
}

impl Affixes {
    fn new(texts: impl Iterator<Item = Box<[u8]>>) -> Affixes {
        let texts: Vec<Box<[u8]>> = texts.collect();
        let mut lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Affixes { lengths, texts: texts.into_iter().collect() }
    }

    fn any<'t>(&self, text: &[u8], affix: impl Fn(usize) -> &'t [u8]) -> bool {
        let lengths = self.lengths.iter().take_while(|&&length| length <= text.len());
        lengths.into_iter().any(|&length| self.texts.contains(affix(length)))
    }
}

fn between(patterns: impl Iterator<Item = Box<[u8]>>, delimiters: &'static [u8]) -> Patterns {
    let is_delimiter = |byte: &u8| delimiters.contains(byte);
    let bare = |pattern: Box<[u8]>| -> Box<[u8]> {
        let start = pattern.iter().take_while(|byte| is_delimiter(byte)).count();
        let end = pattern.len() - pattern[start..].iter().rev().take_while(|byte| is_delimiter(byte)).count();
        pattern[start..end].into()
    };
    Patterns::Between(patterns.map(bare).filter(|pattern| !pattern.is_empty()).collect(), delimiters)
}

fn is_inside(text: &[u8], inner: &[u8]) -> bool {
    inner.is_empty() || text.windows(inner.len()).any(|window| window == inner)
}

/// Whether `word` stands in `text` with a delimiter or an end of the text on both of its sides.
fn is_between(text: &[u8], word: &[u8], delimiters: &[u8]) -> bool {
    let is_border = |byte: Option<&u8>| byte.is_none_or(|byte| delimiters.contains(byte));
    text.windows(word.len()).enumerate().any(|(start, window)| {
        window == word
            && is_border(start.checked_sub(1).and_then(|before| text.get(before)))
            && is_border(text.get(start + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual's words on each of the methods, and HAProxy 2.6.12's answers.
    #[test]
    fn methods() {
        use Compare::{Begin, Directory, Domain, End, Inside, Regex, Whole};
        for (compare, pattern, yes, no) in [
            (Whole, "imap", &["imap"][..], &["imaps", "IMAP", "", "ima"][..]),
            (Begin, "im", &["im", "imap"], &["i", "aim", ""]),
            (End, ".org", &["a.org", ".org"], &["org", "a.org.", ""]),
            (Inside, "ma", &["imap", "ma"], &["mnap", "m", ""]),
            (Directory, "b", &["/a/b/c", "b", "/b?x", "a/b"], &["/a/bb/c", "", "/ab"]),
            (Directory, "/b/c/", &["/a/b/c", "b/c"], &["/b/d/c"]),
            (
                Domain,
                "example",
                &["imap.example.org", "example", "x:example/y"],
                &["imap.example2.org", "anexample.org"],
            ),
            (Domain, "...", &[], &["...", ""]),
            (Regex, "^im.p", &["imap", "imop3"], &["aimap", "im"]),
            (Regex, "a|b$", &["xax", "cb"], &["bc"]),
        ] {
            let patterns = TextPatterns::new(compare, false, [pattern.as_bytes()]).expect("good patterns");
            for text in yes {
                assert!(patterns.matches(text.as_bytes()), "{compare:?} {pattern} in {text}");
            }
            for text in no {
                assert!(!patterns.matches(text.as_bytes()), "{compare:?} {pattern} not in {text}");
            }
        }
    }

    #[test]
    fn case_is_ignored_when_told() {
        for compare in [Compare::Whole, Compare::Begin, Compare::End, Compare::Inside, Compare::Domain, Compare::Regex]
        {
            let patterns = TextPatterns::new(compare, true, [&b"Imap"[..]]).expect("good patterns");
            assert!(patterns.matches(b"iMAP") && patterns.matches(b"imap"), "{compare:?}");
        }
    }

    #[test]
    fn any_of_many() {
        let texts: Vec<String> = (0..1000).map(|number| format!("host{number}.example")).collect();
        for compare in [Compare::Whole, Compare::Begin, Compare::End] {
            let patterns = TextPatterns::new(compare, false, texts.iter().map(|text| text.as_bytes()));
            let patterns = patterns.expect("good patterns");
            assert!(patterns.matches(b"host999.example") && !patterns.matches(b"host1000.example"), "{compare:?}");
        }
        let none = TextPatterns::new(Compare::Begin, false, []).expect("good patterns");
        assert!(!none.matches(b"") && !none.matches(b"x"));
    }

    #[test]
    fn a_bad_expression_is_said() {
        assert!(TextPatterns::new(Compare::Regex, false, [&b"["[..]]).is_err());
    }
}
