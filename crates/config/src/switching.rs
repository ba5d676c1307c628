//! Which backend, and names that are made anew for each connection (configuration.txt §4.2 "use_backend", "default_backend").

use crate::acl_reader;
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::fetch::Speaker;
use crate::format::{self, Blanks};
use crate::http_rule::Format;
use crate::line::Line;
use crate::reports::Reports;
use crate::sample_reader::Complaint;
use crate::source::Spanned;
use crate::tree::UseBackend;
use std::collections::HashSet;

/// `default_backend NAME`
pub(crate) fn default_backend(line: Line<'_>) -> Result<Spanned<String>, Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(line.alert(1, "'default_backend' expects a backend name."));
    }
    line.ends_at(2, "default_backend")?;
    Ok(Spanned::new(name.to_string(), line.span(1)))
}

/// `use_backend NAME [if|unless CONDITION]`
pub(crate) fn use_backend(
    line: Line<'_>,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<UseBackend, Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(line.alert(1, "'use_backend' expects a backend name."));
    }
    let computed = computed(line, reports).map_err(|(message, hint)| {
        let message = format!("failed to parse use_backend rule '{name}' : {message}");
        Diagnostic::new(Level::Alert, Stage::Checking, Lead::Capital, line.span(1), message).hint_if(hint)
    })?;
    let backend = Spanned::new(name.to_string(), line.span(1));
    let condition = match line.word(2) {
        "" => None,
        "if" | "unless" => Some(acl_reader::condition(line, 2, acls, &acl_reader::SWITCHING, reports)?),
        other => {
            let message =
                format!("unexpected keyword '{other}' after switching rule, only 'if' and 'unless' are allowed.");
            return Err(line.alert(2, message));
        }
    };
    Ok(UseBackend { backend, computed, condition })
}

/// The name in word 1, if it is a format.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(crate) fn computed(line: Line<'_>, reports: &mut Reports) -> Result<Option<Format>, Complaint> {
    let Some(word) = line.rest(1).first().filter(|word| word.contains('%')) else { return Ok(None) };
    let read = format::of_word(word, Speaker::Client, Blanks::Kept, line.keyword(), reports);
    let read = read.map_err(|(message, hint)| (format!("{}.", message.trim_end_matches('.')), hint))?;
    Ok(Some(read.unwrap_or_else(|| format::literal(""))))
}
