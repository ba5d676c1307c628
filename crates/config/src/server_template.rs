//! Reads `server-template` lines (configuration.txt §4.2 "server-template"): so many servers that differ in their names only.

use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::line::Line;
use crate::reports::Reports;
use crate::server;
use crate::source::Spanned;
use crate::tree::{Server, ServerOptions};
use crate::value::natural;
use std::ops::RangeInclusive;

/// More servers than one backend can use.
const COUNT_MAX: u32 = 10_000;

/// `server-template PREFIX NUMBER|FIRST-LAST ADDRESS[:PORT] [PARAMETER…]`; none when the address is of no served kind.
pub(crate) fn servers(
    line: Line<'_>,
    proxy: &str,
    defaults: &ServerOptions,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Vec<Server>, Diagnostic> {
    let fail = |at: usize, message: String| Err(Diagnostic::alert(Lead::Place, line.span(at), message));
    if line.count() < 4 {
        let message = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.";
        return fail(line.count(), message.into());
    }
    let Some(numbers) = numbers(line.word(2)) else {
        return fail(2, format!("Wrong server-template number or range arg '{}'.", line.word(2)));
    };
    if numbers.clone().count() > COUNT_MAX as usize {
        return fail(2, format!("'server-template' makes at most {COUNT_MAX} servers."));
    }
    let Some(template) = server::named(line, 3, proxy, defaults, environment, reports)? else { return Ok(Vec::new()) };
    let prefix = &template.name;
    let like_it = |number: u32| {
        let mut server = template.clone();
        server.name = Spanned::new(format!("{}{number}", prefix.value), prefix.span);
        // A number can be one server's only; the others take the next that are free.
        server.options.id = server.options.id.filter(|_| number == *numbers.start());
        server
    };
    Ok(numbers.clone().map(like_it).collect())
}

/// `3` is 1 to 3.
fn numbers(word: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = match word.split_once('-') {
        Some((first, last)) => (natural(first)?, natural(last)?),
        None => (1, natural(word)?),
    };
    (1..=last).contains(&first).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy 2.6 refuses `0`, `3-1` and `b`.
    #[test]
    fn ranges() {
        for (word, expect) in [
            ("3", Some(1..=3)),
            ("3-4", Some(3..=4)),
            ("4-4", Some(4..=4)),
            ("0", None),
            ("3-1", None),
            ("0-2", None),
            ("b", None),
            ("-2", None),
        ] {
            assert_eq!(numbers(word), expect, "{word}");
        }
    }
}
