//! What the aliases of log formats are in rules on responses (`configuration.txt` §8.2.6).

use super::{Rig, get};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        responses_know_what_their_lines_will_say,
        counts_that_are_made_at_the_end_are_none,
        responses_of_our_own_know_less,
    ],
    alone: [],
}

const KNOWN: &str = "%TR/%Tq/%Tw/%Tc/%Tr %Th %rc %sq/%bq";

/// The value of this field.
fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn responses_know_what_their_lines_will_say(subject: Subject) {
    let front = format!(
        "log-format \"LINE {KNOWN}\"
        http-response set-header x-known \"{KNOWN}\"
        http-after-response set-header x-after \"{KNOWN}\""
    );
    // Nobody listens at port 1, so the server is the second one that is tried.
    let back = "balance first
        option redispatch 1
        server gone 127.0.0.1:1";
    let rig = Rig::new(subject, &front, back);
    let answer = rig.ask(&get("/"));
    let known = field(&answer, "x-known");
    assert_eq!(field(&answer, "x-after"), known);
    assert!(known.ends_with(" 0 +1 0/0"), "{known}");
    assert!(!known.contains('-'), "all of it was reached: {known}");
    assert_eq!(rig.logs.line_with("LINE ").trim_end().split_once("LINE ").map(|(_, line)| line), Some(known));
}

fn counts_that_are_made_at_the_end_are_none(subject: Subject) {
    let rig = Rig::new(subject, "http-response set-header x-made \"%B %U %Tt %ts\"", "");
    assert_eq!(field(&rig.ask(&get("/")), "x-made"), "0 0 0 --");
}

fn responses_of_our_own_know_less(subject: Subject) {
    let front = format!("http-request deny\n http-after-response set-header x-known \"{KNOWN}\"");
    let rig = Rig::new(subject, &front, "");
    let answer = rig.ask(&get("/"));
    let (request, rest) = field(&answer, "x-known").split_once('/').expect("times");
    assert!(request.parse::<u64>().is_ok_and(|time| time < 5_000), "{answer}");
    assert_eq!(rest.split_once('/').map(|(_, rest)| rest), Some("-1/-1/-1 0 0 0/0"), "{answer}");
}
