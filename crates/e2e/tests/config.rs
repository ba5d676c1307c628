//! The command line and broken configurations: exit codes, and the first alert on stderr.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use e2e::{Subject, mask, needs};

e2e::scenarios! {
    shared: [
        a_valid_file_is_valid,
        a_file_without_a_listener_is_not_an_error,
        a_file_without_a_listener_does_not_start,
        a_broken_file_has_its_line,
        a_missing_file_is_named,
        quiet_is_quiet,
        warnings_can_be_fatal,
        several_broken_files,
        broken_configurations_say_what_haproxy_says,
        conditions_on_the_command_line,
        usage_when_nothing_is_asked,
    ],
    alone: [],
}

const VALID: &str = "defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen px
    bind 127.0.0.1:8143
    server s1 127.0.0.1:143
";

/// What one run of the subject gave.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The first line of stderr with `[ALERT]`, pid masked and blanks made one: HAProxy aligns the level in a column.
    fn alert(&self) -> Option<String> {
        self.stderr.lines().find(|line| line.starts_with("[ALERT]")).map(normal)
    }
}

/// HAProxy 2.6 and 3.x differ in a blank before the colon behind a position, and so may the width of the level's column.
fn normal(line: &str) -> String {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    mask::line(&words.join(" ")).replace("] : ", "]: ")
}

/// Runs the subject in a directory with `files`.
fn run(subject: Subject, arguments: &[&str], files: &[(&str, &str)]) -> Ran {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("room for a file");
    }
    run_in(subject, arguments, directory.path())
}

fn run_in(subject: Subject, arguments: &[&str], directory: &Path) -> Ran {
    let output = Command::new(subject.binary()).args(arguments).current_dir(directory).output();
    let Output { status, stdout, stderr } = output.expect("the subject runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn a_valid_file_is_valid(subject: Subject) {
    let ran = run(subject, &["-c", "-f", "ok.cfg"], &[("ok.cfg", VALID)]);
    assert_eq!((ran.code, ran.alert()), (Some(0), None), "{}", ran.stderr);
    let ran = run(subject, &["-c", "-V", "-f", "ok.cfg"], &[("ok.cfg", VALID)]);
    assert_eq!((ran.code, ran.stdout.trim_end()), (Some(0), "Configuration file is valid"));
}

const NO_LISTENER: &str = "global\n    maxconn 10\n";

fn a_file_without_a_listener_is_not_an_error(subject: Subject) {
    for text in [NO_LISTENER, ""] {
        let ran = run(subject, &["-c", "-f", "none.cfg"], &[("none.cfg", text)]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert_eq!(
            ran.stdout.trim_end(),
            "Configuration file has no error but will not start (no listener) => exit(2)."
        );
    }
}

fn a_file_without_a_listener_does_not_start(subject: Subject) {
    let ran = run(subject, &["-f", "none.cfg"], &[("none.cfg", NO_LISTENER)]);
    assert_eq!(ran.code, Some(1));
    let alert = ran.alert().expect("an alert");
    assert!(alert.ends_with("No enabled listener found (check for 'bind' directives) ! Exiting."), "{alert}");
}

fn a_broken_file_has_its_line(subject: Subject) {
    let text = "global\n    maxcon 10\n";
    for arguments in [&["-c", "-f", "bad.cfg"][..], &["-f", "bad.cfg"]] {
        let ran = run(subject, arguments, &[("bad.cfg", text)]);
        assert_eq!(ran.code, Some(1));
        assert_eq!(
            ran.alert().as_deref(),
            Some(
                "[ALERT] (PID) : config : parsing [bad.cfg:2]: unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?"
            )
        );
        assert!(ran.stderr.contains("Error(s) found in configuration file : bad.cfg"), "{}", ran.stderr);
        assert!(ran.stderr.contains("Fatal errors found in configuration."), "{}", ran.stderr);
    }
}

fn a_missing_file_is_named(subject: Subject) {
    let ran = run(subject, &["-c", "-f", "missing.cfg"], &[]);
    assert_eq!(ran.code, Some(1));
    let alert = ran.alert().expect("an alert");
    assert!(
        alert.ends_with("Cannot open configuration file/directory missing.cfg : No such file or directory"),
        "{alert}"
    );
}

fn quiet_is_quiet(subject: Subject) {
    let bad = "global\n    maxcon 10\n";
    for (text, code) in [(VALID, 0), (bad, 1), (NO_LISTENER, 2)] {
        let ran = run(subject, &["-c", "-q", "-f", "a.cfg"], &[("a.cfg", text)]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{text}");
    }
}

fn warnings_can_be_fatal(subject: Subject) {
    let text = "listen px\n    mode tcp\n    bind 127.0.0.1:8143\n    server s1 127.0.0.1:143\n";
    let ran = run(subject, &["-c", "-f", "a.cfg"], &[("a.cfg", text)]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let warning = ran.stderr.lines().find(|line| line.contains("missing timeouts for ")).expect("a warning");
    assert!(normal(warning).starts_with("[WARNING] (PID) : "), "{warning}");
    let ran = run(subject, &["-c", "-dW", "-f", "a.cfg"], &[("a.cfg", text)]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("Some warnings were found and 'zero-warning' is set. Aborting."), "{}", ran.stderr);
}

fn several_broken_files(subject: Subject) {
    let files = [("1.cfg", VALID), ("2.cfg", "global\n    nbthred 2\n")];
    let ran = run(subject, &["-c", "-f", "1.cfg", "-f", "2.cfg"], &files);
    assert_eq!(ran.code, Some(1));
    let alert = ran.alert().expect("an alert");
    assert!(alert.contains("[2.cfg:2]: unknown keyword 'nbthred' in 'global' section"), "{alert}");
}

/// What is compared of a run with a broken file.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Option<i32>,
    alert: Option<String>,
}

impl Said {
    fn by(ran: &Ran) -> Self {
        Self { code: ran.code, alert: ran.alert() }
    }

    /// `exit CODE`, then the line.
    fn expected(text: &str) -> Self {
        let code = text.lines().find_map(|line| line.strip_prefix("exit ")).and_then(|code| code.parse().ok());
        let alert = text.lines().find(|line| line.starts_with("[ALERT]")).map(normal);
        assert!(code.is_some() && alert.is_some(), "{text}");
        Self { code, alert }
    }
}

/// The configurations that the crate `config` keeps, each with the alert that HAProxy printed beside it.
fn broken_configurations() -> Vec<PathBuf> {
    let directory = needs::workspace().join("crates/config/tests/broken");
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable directory").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    files.sort();
    files
}

fn broken_configurations_say_what_haproxy_says(subject: Subject) {
    let files = broken_configurations();
    assert!(files.len() >= 20, "twenty broken configurations, not {}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).expect("the names are plain").to_owned();
        let expect = fs::read_to_string(path.with_extension("expected")).expect("what HAProxy says stands beside it");
        let expect = Said::expected(&expect);
        let said = Said::by(&run_in(subject, &["-c", "-f", &name], path.parent().expect("a file in a directory")));
        if said != expect {
            wrong.push(format!("{name}\n  expected {expect:?}\n  got      {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn conditions_on_the_command_line(subject: Subject) {
    for (condition, code) in [
        ("version_atleast(2.4)", 0),
        ("version_before(2.4)", 1),
        ("!version_before(2.4) && streq(a,a)", 0),
        ("1", 0),
        ("0", 1),
        ("nonsense(", 2),
    ] {
        assert_eq!(run(subject, &["-cc", condition], &[]).code, Some(code), "{condition}");
    }
}

fn usage_when_nothing_is_asked(subject: Subject) {
    for arguments in [&[][..], &["-c"], &["-Z"]] {
        let ran = run(subject, arguments, &[]);
        assert_eq!(ran.code, Some(1), "{arguments:?}");
        assert!(ran.stderr.starts_with("Usage : "), "{arguments:?}: {}", ran.stderr);
    }
}
