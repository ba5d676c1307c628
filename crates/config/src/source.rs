//! The text of a configuration file, and where in it a word stands.

/// One configuration file, in the order of `-f`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The name that diagnostics print, as the operator gave it.
    pub name: String,
    /// The whole text. Bytes that are not UTF-8 stand as U+FFFD; the lexer refuses them outside comments.
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    /// Reads bytes that need not be UTF-8: old files carry comments in other encodings, and those must not keep a
    /// load balancer from starting.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Source {
        Source { name: name.into(), text: String::from_utf8_lossy(bytes).into_owned() }
    }
}

/// Where something stands: byte offsets `start..end` into the text of source number `source`, on line `line` (from 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    pub source: u32,
    pub line: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `last`, a later word of the same line.
    pub fn to(self, last: Span) -> Span {
        Span { end: last.end.max(self.end), ..self }
    }

    /// The empty place behind this word, where a missing argument should have been.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }
}

/// A value and the words that said it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
