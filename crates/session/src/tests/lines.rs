//! When a session has its line written, and when it has none. A running HAProxy 2.6 writes and leaves out the same lines.

use super::*;
use table::{Field, LogOptions, Piece, Style};

/// The lines of a session that plays this script, each with the time of the event before it.
fn lines(log: fn() -> LogPolicy, script: &str) -> Vec<String> {
    let mut stage = Stage::new(Setup { log, retries: 0, ..PLAIN });
    let mut lines = Vec::new();
    for event in script.lines().map(str::trim).filter(|event| !event.is_empty()) {
        stage.said.clear();
        stage.play(event);
        let time = event.split(' ').next().expect("an event has a time");
        let said = stage.said.lines().filter_map(|line| line.trim().strip_prefix("log "));
        lines.extend(said.map(|line| format!("{time}: {line}")));
    }
    assert!(stage.session().is_closed());
    lines
}

fn policy(fields: &[Field], options: LogOptions) -> LogPolicy {
    let line = LogLine::new(fields.iter().map(|&field| Piece::Field(field, Style::default())).collect());
    LogPolicy::new(vec![0], LogFormat::Line(line)).with(None, None, options)
}

/// The server speaks, the client does not; both end in order.
const SILENT: &str = "
    1 connected back
    2 received back hello
    3 sent front 5
    4 ended back
    5 ended front
    6 closed front
    6 closed back";

const TALKATIVE: &str = "
    1 connected back
    2 received front hello
    3 sent back 5
    4 ended front
    5 ended back
    6 closed front
    6 closed back";

/// The client is silent for longer than it may be.
const TIMED_OUT: &str = "
    1 connected back
    2 received back hello
    3 sent front 5
    30003 timeout
    30003 cancelled front
    30003 stopped front
    30003 cancelled back
    30003 stopped back
    30004 closed front
    30004 closed back";

#[test]
fn at_the_end_or_when_the_server_is_connected() {
    let late = || policy(&[Field::Server, Field::BytesOut], LogOptions::default());
    assert_eq!(lines(late, SILENT), ["5: -- 0/1/5 in 0 out 5 retries 0 server s1"]);
    let early = || policy(&[Field::Server], LogOptions::default());
    assert_eq!(lines(early, SILENT), ["1: -- 0/1/1 in 0 out 0 retries 0 server s1"]);
    let asap = || policy(&[Field::BytesOut], LogOptions { is_early: true, ..LogOptions::default() });
    assert_eq!(lines(asap, SILENT), ["1: -- 0/1/1 in 0 out 0 retries 0 server s1"]);
}

#[test]
fn the_address_towards_the_server_is_asked_for_where_it_is_shown() {
    let early = || policy(&[Field::SourcePort], LogOptions::default());
    assert_eq!(lines(early, SILENT), ["1: -- 0/1/1 in 0 out 0 retries 0 server s1 from 127.0.0.1:4711"]);
    let late = || policy(&[Field::SourcePort, Field::BytesOut], LogOptions::default());
    assert_eq!(lines(late, SILENT), ["5: -- 0/1/5 in 0 out 5 retries 0 server s1 from 127.0.0.1:4711"]);
}

#[test]
fn without_a_byte_from_the_client() {
    let skips = || policy(&[Field::BytesOut], LogOptions { skips_null: true, ..LogOptions::default() });
    assert_eq!(lines(skips, SILENT), [""; 0]);
    assert_eq!(lines(skips, TALKATIVE), ["5: -- 0/1/5 in 5 out 0 retries 0 server s1"]);
}

/// A line that is due early, of a session that turns out not to be normal, is written after all.
#[test]
fn without_trouble() {
    let skips = || policy(&[Field::BytesOut], LogOptions { skips_normal: true, ..LogOptions::default() });
    assert_eq!(lines(skips, TALKATIVE), [""; 0]);
    assert_eq!(lines(skips, TIMED_OUT).len(), 1);
    let early = || policy(&[Field::Server], LogOptions { skips_normal: true, ..LogOptions::default() });
    assert_eq!(lines(early, TALKATIVE), [""; 0]);
    assert_eq!(lines(early, TIMED_OUT).len(), 1);
}

#[test]
fn nobody_is_told() {
    let silent = || LogPolicy::new(Vec::new(), LogFormat::Line(LogLine::tcplog()));
    assert_eq!(lines(silent, TALKATIVE), [""; 0]);
    let connect = || LogPolicy::new(Vec::new(), LogFormat::Connect);
    assert_eq!(lines(connect, TALKATIVE), [""; 0]);
}
