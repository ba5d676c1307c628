//! The files in force, and what has become of them since (`show config`, `show config diff`, commands of our own).

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use crate::load;
use config::Source;
use similar::TextDiff;
use std::collections::BTreeSet;

pub(super) fn show(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    let file = |source: &Source| format!("# {}\n{}", source.name, ended(&source.text));
    desk.sources.iter().map(file).collect::<String>().into()
}

/// Against what the files say at this moment, which a reload would read.
pub(super) fn diff(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    match load::read(desk.files) {
        Ok(on_disk) => difference(desk.sources, &on_disk).into(),
        Err(message) => format!("{message}\n").into(),
    }
}

/// In the form of `diff -u`, file by file; empty where nothing has changed.
fn difference(running: &[Source], on_disk: &[Source]) -> String {
    let names: BTreeSet<&str> = running.iter().chain(on_disk).map(|source| &*source.name).collect();
    let text_of = |sources: &[Source], name: &str| {
        let found = sources.iter().find(|source| *source.name == *name);
        found.map(|source| ended(&source.text)).unwrap_or_default()
    };
    let of_file = |name: &str| {
        let (before, after) = (text_of(running, name), text_of(on_disk, name));
        let diff = TextDiff::from_lines(&before, &after);
        diff.unified_diff().header(&format!("{name} (running)"), &format!("{name} (on disk)")).to_string()
    };
    names.into_iter().map(of_file).collect()
}

/// With a newline at the end.
fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `diff -u` of GNU diffutils writes it, but for the headers.
    #[test]
    fn differences() {
        let running = [Source::new("a.cfg", "global\n  maxconn 5\n")];
        let other = Source::new("b.cfg", "listen a\n");
        let changed = Source::new("a.cfg", "global\n  maxconn 6");
        assert_eq!(difference(&running, &running), "");
        assert_eq!(
            difference(&running, &[changed, other]),
            "--- a.cfg (running)\n+++ a.cfg (on disk)\n@@ -1,2 +1,2 @@\n global\n-  maxconn 5\n+  maxconn 6\n\
             --- b.cfg (running)\n+++ b.cfg (on disk)\n@@ -0,0 +1 @@\n+listen a\n"
        );
    }
}
