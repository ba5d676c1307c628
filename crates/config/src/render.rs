//! Diagnostics as text: HAProxy's line first, because scripts grep it, then the source with a caret, then the way out.

use crate::diagnostic::{Diagnostic, Level, Stage, name_of};
use crate::source::{Source, Span};
use annotate_snippets::{AnnotationKind, Group, Level as Tone, Renderer, Snippet};

/// Source lines are cut here: a caret under column 5,000 helps nobody.
const SNIPPET_WIDTH: usize = 140;

impl Diagnostic {
    /// The whole message, several lines, each ending in a newline.
    ///
    /// `[ALERT]    (pid) : config : parsing [file:line] : message`, further lines of the message behind `   | ` as
    /// HAProxy prints them, the line of the file with a caret under the word, and the hint.
    pub fn render(&self, pid: u32, sources: &[Source]) -> String {
        let mut text = headline(self.level, pid, &self.sentence(sources));
        if let Some(snippet) = self.span.and_then(|span| self.snippet(span, sources)) {
            text.push_str(&snippet);
        } else if let Some(hint) = &self.hint {
            text.push_str(&format!("  = help: {hint}\n"));
        }
        text
    }

    fn snippet(&self, span: Span, sources: &[Source]) -> Option<String> {
        let source = sources.get(span.source as usize)?;
        let (start, end) = (span.start as usize, span.end as usize);
        let before = source.text.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = source.text.get(line_start..)?.lines().next()?;
        // A caret needs a column to stand on, also behind the last word and on an empty line.
        let line = if end - line_start >= line.len() { format!("{line} ") } else { line.to_string() };
        let from = start - line_start;
        let to = (end - line_start).max(from + 1).min(line.len());
        let to = (to..=line.len()).find(|&at| line.is_char_boundary(at))?;

        let snippet = Snippet::source(line)
            .line_start(span.line as usize)
            .path(name_of(span, sources))
            .annotation(AnnotationKind::Primary.span(from.min(to)..to));
        let mut group = Group::with_level(tone(self.level)).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Tone::HELP.message(hint.as_str()));
        }
        let rendered = Renderer::plain().term_width(SNIPPET_WIDTH).render(&[group]);
        Some(rendered.lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }
}

/// The pair of lines with which HAProxy ends a report that has an ALERT; empty when there is none.
///
/// The first names a file that could not be parsed (one line a file); the second is always the last.
pub fn closing(diagnostics: &[Diagnostic], pid: u32, sources: &[Source]) -> String {
    let alerts = || diagnostics.iter().filter(|diagnostic| diagnostic.is_alert());
    let mut text = String::new();
    for (index, source) in sources.iter().enumerate() {
        let of_this_file = |diagnostic: &&Diagnostic| {
            matches!(diagnostic.stage, Stage::Parsing | Stage::Serving)
                && diagnostic.span.is_some_and(|span| span.source as usize == index)
        };
        if alerts().any(|diagnostic| of_this_file(&diagnostic)) {
            let sentence = format!("Error(s) found in configuration file : {}", source.name);
            text.push_str(&headline(Level::Alert, pid, &sentence));
        }
    }
    if alerts().next().is_some() {
        text.push_str(&headline(Level::Alert, pid, "Fatal errors found in configuration."));
    }
    text
}

fn headline(level: Level, pid: u32, sentence: &str) -> String {
    let label = match level {
        Level::Alert => "[ALERT]",
        Level::Warning => "[WARNING]",
        Level::Notice => "[NOTICE]",
        Level::Diag => "[DIAG]",
    };
    let mut lines = sentence.lines();
    let first = lines.next().unwrap_or_default();
    let mut text = format!("{label:<11}({pid}) : config : {first}\n");
    for line in lines {
        text.push_str(&format!("   | {line}\n"));
    }
    text
}

fn tone(level: Level) -> Tone<'static> {
    match level {
        Level::Alert => Tone::ERROR,
        Level::Warning => Tone::WARNING,
        Level::Notice => Tone::NOTE,
        Level::Diag => Tone::INFO,
    }
}
