//! `unique-id-format`, `unique-id-header` (configuration.txt §4.2).

use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::fetch::Speaker;
use crate::field_name;
use crate::format::{self, Blanks};
use crate::line::Line;
use crate::reports::Reports;
use crate::tree::UniqueId;

/// `unique-id-format FORMAT`
pub(crate) fn format(line: Line<'_>, unique_id: &mut UniqueId, reports: &mut Reports) -> Result<(), Diagnostic> {
    let (Some(word), true) = (line.rest(1).first(), line.count() < 3) else {
        let message = match line.count() {
            1 => "unique-id-format expects an argument.",
            _ => "unique-id-format expects only one argument, don't forget to escape spaces!",
        };
        return Err(line.alert(1, message));
    };
    let read = format::of_word(word, Speaker::Client, Blanks::Merged, line.keyword(), reports).map_err(
        |(message, hint)| {
            let message = format!("failed to parse unique-id : {}.", message.trim_end_matches('.'));
            Diagnostic::new(Level::Alert, Stage::Checking, Lead::Capital, line.span(1), message).hint_if(hint)
        },
    )?;
    unique_id.format = read.map(Box::new);
    Ok(())
}

/// `unique-id-header NAME`
pub(crate) fn header(line: Line<'_>, unique_id: &mut UniqueId, reports: &mut Reports) -> Result<(), Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(line.alert(1, "unique-id-header expects an argument."));
    }
    line.ends_at(2, "unique-id-header")?;
    field_name::must_be_one(name).map_err(|message| line.alert(1, format!("unique-id-header : {message}.")))?;
    match field_name::is_of_connection(name) {
        true => reports.refuse_with(line.span(1), format!("unique-id-header {name}"), field_name::WHY),
        false => unique_id.header = Some(name.to_string()),
    }
    Ok(())
}
