//! Broken configurations: the exit code and the first ALERT line are those that Debian's haproxy 2.6.12 gave
//! (`broken/capture` asks it again).

use config::{Diagnostic, Source, load, parse};
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut cases: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the directory is part of the repository")
        .map(|entry| entry.expect("the directory is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 20);
    cases
}

fn source(path: &Path) -> Source {
    let name = path.file_name().expect("a case is a file").to_string_lossy();
    Source::from_bytes(name, &fs::read(path).expect("a case is readable"))
}

#[test]
fn first_alert_is_haproxys() {
    let mut differences = String::new();
    for path in cases() {
        let sources = [source(&path)];
        let parsed = load(&sources, &|_: &str| None);
        let code = if parsed.has_alerts() { 1 } else { 0 };
        let first = parsed.diagnostics.iter().find(|diagnostic| diagnostic.is_alert());
        let line = first.map_or(String::new(), |first| format!("{}\n", first_line(first, &sources)));
        let ours = format!("exit {code}\n{line}");
        let theirs = fs::read_to_string(path.with_extension("expected")).expect("a case has its expectation");
        if ours != theirs {
            differences.push_str(&format!("{}\n  ours    {ours}\n  haproxy {theirs}\n", path.display()));
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

fn first_line(diagnostic: &Diagnostic, sources: &[Source]) -> String {
    let rendered = diagnostic.render(77, sources);
    rendered.lines().next().expect("a diagnostic has a first line").replace("(77)", "(PID)")
}

/// What an operator reads below HAProxy's line.
#[test]
fn rendered() {
    let mut text = String::new();
    for path in cases() {
        let sources = [source(&path)];
        text.push_str(&parse(&sources, &|_: &str| None).report(77, &sources));
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}
