//! Text in, tree or complaints out. Complaints are HAProxy 2.6.12's where it has one for the case.

mod acls;
mod anything;
mod balance;
mod blocks;
mod globals;
mod logs;
mod parameters;
mod sections;
mod unserved;

use config::{Diagnostic, Parsed, Source, parse};
use std::collections::HashMap;

const TIMEOUTS: &str = "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 5s\n";

fn read(text: &str) -> Parsed {
    let environment = HashMap::from([("PORT".to_string(), "1143".to_string())]);
    parse(&[Source::new("c.cfg", text)], &environment)
}

/// A frontend with these lines, and a backend `b` with a server `s`.
fn front(lines: &str) -> String {
    format!("{TIMEOUTS}frontend f\n bind :10080\n default_backend b\n {lines}\nbackend b\n server s 127.0.0.1:80\n")
}

/// A backend `b` with a server `s` and these lines, and a frontend for it.
fn back(lines: &str) -> String {
    format!("{TIMEOUTS}frontend f\n bind :10080\n default_backend b\nbackend b\n server s 127.0.0.1:80\n {lines}\n")
}

fn sentences(parsed: &Parsed) -> Vec<String> {
    let sources = [Source::new("c.cfg", "")];
    parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect()
}

fn first_line(diagnostic: &Diagnostic, sources: &[Source]) -> String {
    let level = match diagnostic.level {
        config::Level::Alert => "A",
        config::Level::Warning => "W",
        config::Level::Notice => "N",
        config::Level::Diag => "D",
    };
    format!("{level} {}", diagnostic.sentence(sources).lines().next().unwrap_or_default())
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(sentences(&read(text)), expected, "{text}");
}
