//! One configuration line on its way to the function that reads it.

use crate::diagnostic::{Diagnostic, Lead};
use crate::lexer::Word;
use crate::source::Span;

/// Whether `no` or `default` stood before the keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Negation {
    Plain,
    No,
    Default,
}

/// A non-empty line. Word 0 is the keyword; a word that is not there reads as empty, like an empty argument.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    words: &'a [Word<'a>],
    pub(crate) negation: Negation,
}

impl<'a> Line<'a> {
    /// **Invariant:** `words` is not empty.
    pub(crate) fn new(words: &'a [Word<'a>], negation: Negation) -> Line<'a> {
        assert!(!words.is_empty());
        Line { words, negation }
    }

    pub(crate) fn keyword(&self) -> &'a str {
        self.word(0)
    }

    pub(crate) fn word(&self, index: usize) -> &'a str {
        self.words.get(index).map_or("", |word| &word.text)
    }

    pub(crate) fn count(&self) -> usize {
        self.words.len()
    }

    /// The place of a word; of a missing one, the end of the line.
    pub(crate) fn span(&self, index: usize) -> Span {
        match self.words.get(index) {
            Some(word) => word.span,
            None => self.last().after(),
        }
    }

    /// From word `index` to the end.
    pub(crate) fn span_from(&self, index: usize) -> Span {
        self.span(index).to(self.last())
    }

    /// Words `index..`, possibly none.
    pub(crate) fn rest(&self, index: usize) -> &'a [Word<'a>] {
        self.words.get(index..).unwrap_or_default()
    }

    /// An error unless the line ends before word `count`. `name` is what HAProxy calls the keyword.
    pub(crate) fn ends_at(&self, count: usize, name: &str) -> Result<(), Diagnostic> {
        match self.words.get(count) {
            None => Ok(()),
            Some(word) => {
                Err(self.alert(count, format!("'{name}' cannot handle unexpected argument '{}'.", &word.text)))
            }
        }
    }

    /// An ALERT in HAProxy's usual form, at word `index`.
    pub(crate) fn alert(&self, index: usize, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::alert(Lead::Spaced, self.span(index), message);
        if self.word(index) == "\\" { diagnostic.hint(CONTINUATION) } else { diagnostic }
    }

    fn last(&self) -> Span {
        self.words[self.words.len() - 1].span
    }
}

/// For those who wrote a backslash at the end of a line, as some examples on the web do.
pub(crate) const CONTINUATION: &str =
    "HAProxy's language has no line continuation: '\\' is a word of its own here; write everything on one line";
