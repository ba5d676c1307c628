//! What is wrong with a configuration, in HAProxy's words, with the place and a way out.

use crate::source::{Source, Span};

/// How bad it is. `Diag` lines are for `-dD` only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Alert,
    Warning,
    Notice,
    Diag,
}

/// Which pass found it. HAProxy knows the first two; it closes its report differently after each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A line that cannot be read.
    Parsing,
    /// Lines that are right alone and wrong together.
    Checking,
    /// Right, and known to HAProxy, but Tidegate does not do it (yet).
    Serving,
    /// Would work, and hurt: what mail operators learn the hard way.
    Advice,
}

/// How HAProxy opens the sentence. It has several forms, and scripts that read its messages know them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    /// `parsing [file:line] : `
    Spaced,
    /// `parsing [file:line]: `
    Tight,
    /// `Parsing [file:line]: `
    Capital,
    /// `[file:line] : `
    Place,
    /// `[file:line] : parsing [file:line] : `
    Twice,
    /// Nothing: the sentence names a proxy instead.
    Bare,
}

/// One problem. All of them are reported, never just the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub level: Level,
    pub stage: Stage,
    pub lead: Lead,
    /// The word at fault, or the empty place where one is missing.
    pub span: Option<Span>,
    /// The sentence, as HAProxy 2.6 words it where it has one. May have several lines.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn alert(lead: Lead, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Level::Alert, Stage::Parsing, lead, span, message)
    }

    pub(crate) fn warning(lead: Lead, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Level::Warning, Stage::Parsing, lead, span, message)
    }

    pub(crate) fn new(level: Level, stage: Stage, lead: Lead, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { level, stage, lead, span: Some(span), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hint_if(mut self, hint: Option<impl Into<String>>) -> Diagnostic {
        self.hint = hint.map(Into::into);
        self
    }

    /// The sentence as HAProxy prints it behind `config : `: `parsing [file:line] : message`.
    pub fn sentence(&self, sources: &[Source]) -> String {
        let place = match self.span {
            Some(span) => format!("[{}]", place_of(span, sources)),
            None => String::new(),
        };
        match self.lead {
            Lead::Spaced => format!("parsing {place} : {}", self.message),
            Lead::Tight => format!("parsing {place}: {}", self.message),
            Lead::Capital => format!("Parsing {place}: {}", self.message),
            Lead::Place => format!("{place} : {}", self.message),
            Lead::Twice => format!("{place} : parsing {place} : {}", self.message),
            Lead::Bare => self.message.clone(),
        }
    }

    /// Whether `zero-warning` and `-dW` must refuse to start because of it. Advice never does: a file that HAProxy
    /// accepts under `-dW` must start here too.
    pub fn is_warning(&self) -> bool {
        self.level == Level::Warning && self.stage != Stage::Advice
    }

    pub fn is_alert(&self) -> bool {
        self.level == Level::Alert
    }
}

/// `file:line`, as sentences name another place.
pub(crate) fn place_of(span: Span, sources: &[Source]) -> String {
    format!("{}:{}", name_of(span, sources), span.line)
}

/// The file name that belongs to a span; spans come from the same list of sources.
pub(crate) fn name_of(span: Span, sources: &[Source]) -> &str {
    sources.get(span.source as usize).map_or("?", |source| source.name.as_str())
}
