//! `.if`, `.elif`, `.else`, `.endif` and `.notice`, `.warning`, `.alert`, `.diag` (configuration.txt §2.6, §2.7).
//!
//! ```text
//!            .if true            .elif / .else
//!   (parent) ─────────▶ Taking ──────────────▶ Done ──┐
//!      │     .if false          .elif true            │ .endif
//!      └──────────────▶ Waiting ─────────────▶ Taking ┴──▶ (parent)
//! ```

use crate::condition;
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::environment::Environment;
use crate::lexer::Word;
use crate::line::{Line, Negation};
use crate::reports::Reports;
use crate::source::Span;

/// The open `.if` blocks of one file.
#[derive(Default)]
pub(crate) struct Blocks {
    open: Vec<Block>,
}

struct Block {
    branch: Branch,
    has_else: bool,
    span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// Lines count.
    Taking,
    /// No branch was taken yet.
    Waiting,
    /// A branch was taken, or none may be: the parent does not count, or a condition could not be read.
    Done,
}

impl Blocks {
    /// Whether lines count here.
    pub(crate) fn is_live(&self) -> bool {
        self.open.last().is_none_or(|block| block.branch == Branch::Taking)
    }

    /// Handles a line if it belongs to the blocks themselves; `false` when it does not.
    pub(crate) fn handle(&mut self, words: &[Word<'_>], environment: &dyn Environment, reports: &mut Reports) -> bool {
        let line = Line::new(words, Negation::Plain);
        let result = match line.keyword() {
            ".if" => self.on_if(line, environment),
            ".elif" => self.on_elif(line, environment),
            ".else" => self.on_else(line),
            ".endif" => self.on_endif(line),
            _ => return false,
        };
        reports.keep(result);
        true
    }

    /// An `.if` that the file never closed; `last_line` is the place of the file's last line.
    pub(crate) fn unclosed(&self, last_line: Span) -> Option<Diagnostic> {
        let block = self.open.last()?;
        let hint = format!("the '.if' of line {} has no '.endif'", block.span.line);
        Some(Diagnostic::alert(Lead::Tight, last_line, "non-terminated '.if' block.").hint(hint))
    }

    fn on_if(&mut self, line: Line<'_>, environment: &dyn Environment) -> Result<(), Diagnostic> {
        let result = if self.is_live() { evaluate(line, environment) } else { Ok(Branch::Done) };
        let branch = *result.as_ref().unwrap_or(&Branch::Done);
        self.open.push(Block { branch, has_else: false, span: line.span(0) });
        result.map(|_| ())
    }

    fn on_elif(&mut self, line: Line<'_>, environment: &dyn Environment) -> Result<(), Diagnostic> {
        let block = self.innermost(line)?;
        if block.has_else {
            return Err(tight(line, 0, "'.elif' after '.else' is not permitted."));
        }
        let result = match block.branch {
            Branch::Waiting => evaluate(line, environment),
            Branch::Taking | Branch::Done => Ok(Branch::Done),
        };
        block.branch = *result.as_ref().unwrap_or(&Branch::Done);
        result.map(|_| ())
    }

    fn on_else(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        if line.count() > 1 {
            return Err(tight(line, 1, format!("Unexpected argument '{}' for '.else'.", line.word(1))));
        }
        let block = self.innermost(line)?;
        if block.has_else {
            return Err(tight(line, 0, "'.else' after '.else' is not permitted."));
        }
        block.has_else = true;
        block.branch = match block.branch {
            Branch::Waiting => Branch::Taking,
            Branch::Taking | Branch::Done => Branch::Done,
        };
        Ok(())
    }

    fn on_endif(&mut self, line: Line<'_>) -> Result<(), Diagnostic> {
        if line.count() > 1 {
            return Err(tight(line, 1, format!("Unexpected argument '{}' for '.endif'.", line.word(1))));
        }
        self.innermost(line)?;
        self.open.pop();
        Ok(())
    }

    fn innermost(&mut self, line: Line<'_>) -> Result<&mut Block, Diagnostic> {
        let message = format!("lone '{}' with no matching '.if'.", line.keyword());
        self.open.last_mut().ok_or_else(|| tight(line, 0, message))
    }
}

fn evaluate(line: Line<'_>, environment: &dyn Environment) -> Result<Branch, Diagnostic> {
    let words: Vec<&str> = (1..line.count()).map(|index| line.word(index)).collect();
    let expression = words.join(" ");
    match condition::evaluate(&expression, environment) {
        Ok(true) => Ok(Branch::Taking),
        Ok(false) => Ok(Branch::Waiting),
        Err(error) => {
            let message = format!("{} in '{}' at position {}:", error.message, line.keyword(), error.position);
            Err(Diagnostic::alert(Lead::Tight, line.span_from(1), message))
        }
    }
}

/// `.notice`, `.warning`, `.alert`, `.diag`, and whatever else begins with a dot.
pub(crate) fn message(words: &[Word<'_>], reports: &mut Reports) {
    let line = Line::new(words, Negation::Plain);
    let level = match line.keyword() {
        ".notice" => Level::Notice,
        ".warning" => Level::Warning,
        ".alert" => Level::Alert,
        ".diag" => Level::Diag,
        other => return reports.push(tight(line, 0, format!("unknown directive '{other}'."))),
    };
    if line.count() > 2 {
        let message = format!(
            "Unexpected argument '{}' for '{}'. Use quotes if the message should contain spaces.",
            line.word(2),
            line.keyword()
        );
        return reports.push(tight(line, 2, message));
    }
    let message = format!("'{}'.", line.word(1));
    reports.push(Diagnostic::new(level, Stage::Parsing, Lead::Tight, line.span_from(0), message));
}

fn tight(line: Line<'_>, at: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::alert(Lead::Tight, line.span(at), message)
}
