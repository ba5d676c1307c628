//! Every row of the table of exchanges, in every segmentation; and what must hold for all bytes whatever.

mod properties;
mod relay;

use exchanges::{ANSWER, Exchange, Outcome, Stream};
use relay::Relay;

/// How a stream of bytes is cut: where, in ascending order.
pub(crate) type Cuts<'a> = &'a dyn Fn(usize) -> Vec<usize>;

/// What came out of a relay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) to_server: Vec<u8>,
    pub(crate) to_client: Vec<u8>,
    pub(crate) outcome: Outcome,
}

#[test]
fn there_are_many() {
    assert!(exchanges::all().len() >= 300, "{}", exchanges::all().len());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = exchanges::all().iter().map(|exchange| exchange.name).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn each_is_relayed_as_it_should() {
    let wrong: Vec<String> = exchanges::all().iter().filter_map(|exchange| check(exchange).err()).collect();
    assert!(wrong.is_empty(), "{} rows:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_cut_anywhere_changes_nothing() {
    for exchange in exchanges::all() {
        let whole = run(&exchange, &|_| Vec::new());
        let longest =
            exchange.responses.iter().map(|stream| stream.bytes.len()).chain([exchange.request.bytes.len()]).max();
        // Rows that run into a limit are long: a few thousand cuts of each say as much as all.
        let longest = longest.unwrap_or_default();
        for cut in (1..longest).step_by(1 + longest / 2_000) {
            let cut_run = run(&exchange, &|size| if cut < size { vec![cut] } else { Vec::new() });
            check_same(exchange.name, &cut_run, &whole, &format!("cut at {cut}"));
        }
    }
}

#[test]
fn byte_by_byte_changes_nothing() {
    for exchange in exchanges::all() {
        let whole = run(&exchange, &|_| Vec::new());
        check_same(exchange.name, &run(&exchange, &|size| (1..size).collect()), &whole, "byte by byte");
    }
}

fn check(exchange: &Exchange) -> Result<(), String> {
    let run = run(exchange, &|_| Vec::new());
    let shown = |bytes: &[u8]| {
        let text = bytes.escape_ascii().to_string();
        if text.len() > 1_200 { format!("{} … ({} bytes)", &text[..1_200], bytes.len()) } else { text }
    };
    let mut wrong = Vec::new();
    if run.outcome != exchange.outcome {
        wrong.push(format!("  is {:?}\n  not {:?}", run.outcome, exchange.outcome));
    }
    if run.to_server != exchange.forwarded {
        wrong.push(format!("  server gets {}\n  not         {}", shown(&run.to_server), shown(&exchange.forwarded)));
    }
    if let Some(replied) = exchange.replied.as_ref().filter(|replied| **replied != run.to_client) {
        wrong.push(format!("  client gets {}\n  not         {}", shown(&run.to_client), shown(replied)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", exchange.name, wrong.join("\n"))) }
}

/// A message that turns out to be broken in its middle has been sent on up to there, and how far that is depends on the cuts.
pub(crate) fn check_same(name: &str, run: &Run, whole: &Run, how: &str) {
    assert_eq!(run.outcome, whole.outcome, "{name}, {how}");
    let is_broken_inside = matches!(whole.outcome, Outcome::Refused(_) | Outcome::Cut);
    for (sent, expected) in [(&run.to_server, &whole.to_server), (&run.to_client, &whole.to_client)] {
        let is_same =
            sent == expected || is_broken_inside && (sent.starts_with(expected) || expected.starts_with(sent));
        assert!(is_same, "{name}, {how}:\n{}\n{}", sent.escape_ascii(), expected.escape_ascii());
    }
}

pub(crate) fn run(exchange: &Exchange, cuts: Cuts<'_>) -> Run {
    run_counted(exchange, cuts).0
}

/// The client sends all it has; then each request that was sent on is answered. Says also which of them were HEAD.
pub(crate) fn run_counted(exchange: &Exchange, cuts: Cuts<'_>) -> (Run, Vec<bool>) {
    let mut relay = Relay::new();
    feed(&exchange.request, cuts, |bytes| relay.on_client(bytes));
    let mut responses = exchange.responses.iter();
    while relay.awaits_response() {
        relay.hold();
        match responses.next() {
            Some(response) => {
                feed(response, cuts, |bytes| relay.on_server(bytes));
                if response.ends {
                    relay.on_server_end();
                }
            }
            None if exchange.responses.is_empty() && relay.has_whole_request() => relay.on_server(ANSWER),
            None => break,
        }
        relay.release();
    }
    if exchange.request.ends {
        relay.on_client_end();
    }
    let run = Run { outcome: relay.outcome(), to_server: relay.to_server, to_client: relay.to_client };
    (run, relay.begun)
}

fn feed(stream: &Stream, cuts: Cuts<'_>, mut to: impl FnMut(&[u8])) {
    let mut start = 0;
    for end in cuts(stream.bytes.len()).into_iter().chain([stream.bytes.len()]) {
        to(&stream.bytes[start..end]);
        start = end;
    }
}
