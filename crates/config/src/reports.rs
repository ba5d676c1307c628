//! Where the readers of keywords put what they found wrong, what they read but nothing serves, and what only
//! Tidegate serves.

use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::Meaning;
use crate::nearest::Guesser;
use crate::source::Span;
use crate::unserved::{Unserved, Verdict};

#[derive(Default)]
pub(crate) struct Reports {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) unserved: Vec<Unserved>,
    pub(crate) guesser: Guesser,
}

impl Reports {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Keeps an error and goes on.
    pub(crate) fn keep(&mut self, result: Result<(), Diagnostic>) {
        if let Err(diagnostic) = result {
            self.push(diagnostic);
        }
    }

    /// HAProxy knows `what`; Tidegate does not do it.
    pub(crate) fn refuse(&mut self, span: Span, what: impl Into<String>) {
        self.unserved.push(Unserved { span, what: what.into(), verdict: Verdict::Refused });
    }

    pub(crate) fn refuse_with(&mut self, span: Span, what: impl Into<String>, hint: &'static str) {
        self.unserved.push(Unserved { span, what: what.into(), verdict: Verdict::RefusedBecause(hint) });
    }

    /// Tidegate accepts `what` and it changes nothing, for this reason.
    pub(crate) fn note_inert(&mut self, span: Span, what: impl Into<String>, why: &'static str) {
        self.unserved.push(Unserved { span, what: what.into(), verdict: Verdict::Inert(why) });
    }

    /// Only Tidegate knows `what`, and does it.
    pub(crate) fn note_ours(&mut self, span: Span, what: impl Into<String>) {
        self.unserved.push(Unserved { span, what: what.into(), verdict: Verdict::Ours });
    }

    /// Notes what a keyword's meaning asks for, and answers which reader to call. `what` names the keyword to the
    /// operator; it is asked only when there is something to tell.
    pub(crate) fn weigh<K: Copy>(
        &mut self,
        meaning: Meaning<K>,
        span: Span,
        what: impl FnOnce() -> String,
    ) -> Result<Option<K>, Diagnostic> {
        match meaning {
            Meaning::Served(keyword) => Ok(Some(keyword)),
            Meaning::Ours(keyword) => {
                self.note_ours(span, what());
                Ok(Some(keyword))
            }
            Meaning::Refused => {
                self.refuse(span, what());
                Ok(None)
            }
            Meaning::Inert(why) => {
                self.note_inert(span, what(), why);
                Ok(None)
            }
            Meaning::Removed(message) => Err(Diagnostic::alert(Lead::Spaced, span, message)),
        }
    }
}
