//! Every row of the table of exchanges, in every segmentation; and what must hold for all bytes whatever.

mod properties;

use exchanges::Exchange;
use exchanges::relay::{check_same, run};

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
