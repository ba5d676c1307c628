//! What a reload keeps, and what it changes.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::weight;
use table::{Admin, Backend, Balance, CheckSettings, Health, PickKey, Server, ServerSettings, ShardIndex, StateBook};

fn load(book: &mut StateBook, balance: Balance, lines: &[(&str, ServerSettings)]) -> Arc<Backend> {
    let backend = common::backend(book, balance, false, lines);
    common::in_force(book, backend)
}

fn picks(backend: &Backend, count: usize) -> String {
    let one = |_| {
        let server = backend.pick(&PickKey::default()).expect("a server is usable");
        backend.release(&server);
        server.name.to_string()
    };
    (0..count).map(one).collect()
}

fn checked() -> ServerSettings {
    let check = CheckSettings {
        formulas: Arc::new([]),
        place: table::Place::default(),
        script: check::Script::connect_only(
            None,
            check::Timeouts { inter: Duration::from_secs(2), connect: None, check: None },
        ),
        inter: Duration::from_secs(2),
        fastinter: Duration::from_secs(2),
        downinter: Duration::from_secs(2),
        rise: 2,
        fall: 3,
        begins: check::Begins::Up,
    };
    ServerSettings { check: Some(check), ..ServerSettings::default() }
}

fn server<'a>(backend: &'a Backend, name: &str) -> &'a Server {
    backend.servers.iter().find(|server| *server.name == *name).expect("the test names its servers")
}

#[test]
fn an_unchanged_backend_goes_on_in_turn() {
    let mut book = StateBook::new(1);
    let lines = [("a", weight(1)), ("b", weight(1)), ("c", weight(1))];
    let first = load(&mut book, Balance::RoundRobin, &lines);
    assert_eq!(picks(&first, 4), "abca");
    let second = load(&mut book, Balance::RoundRobin, &lines);
    assert_eq!(picks(&second, 2), "bc");
    assert_eq!(picks(&first, 2), "ab", "a session of the old table takes part");
}

#[test]
fn an_old_table_picks_from_the_newest_servers() {
    let mut book = StateBook::new(1);
    let first = load(&mut book, Balance::RoundRobin, &[("a", weight(1)), ("b", weight(1))]);
    let held = first.pick(&PickKey::default()).unwrap();
    assert_eq!(&*held.name, "a");
    let second = load(&mut book, Balance::RoundRobin, &[("c", weight(1))]);
    assert_eq!(picks(&first, 2), "cc");
    // The server is gone from the file, its connection is not.
    first.release(&held);
    assert_eq!(held.state.conns(), 0);
    assert_eq!(picks(&second, 1), "c");
}

#[test]
fn a_server_that_comes_back_finds_its_connections() {
    let mut book = StateBook::new(1);
    let lines = [("a", weight(1)), ("b", weight(1))];
    let first = load(&mut book, Balance::LeastConn, &lines);
    let held = first.pick(&PickKey::default()).unwrap();
    assert_eq!(&*held.name, "a");
    load(&mut book, Balance::LeastConn, &lines[1..]);
    let third = load(&mut book, Balance::LeastConn, &lines);
    assert_eq!(server(&third, "a").state.conns(), 1);
    assert_eq!(picks(&third, 3), "bbb");
    third.release(&held);
    assert_eq!(server(&third, "a").state.conns(), 0);
}

#[test]
fn health_and_what_the_operator_set_stay() {
    let mut book = StateBook::new(1);
    let lines = [("a", checked()), ("b", checked()), ("c", checked())];
    let first = load(&mut book, Balance::RoundRobin, &lines);
    first.state.set_health(server(&first, "a"), Health::Down);
    first.state.set_admin(server(&first, "b"), Admin::Drain);
    first.state.set_weight(server(&first, "c"), 7);
    let second = load(&mut book, Balance::RoundRobin, &lines);
    assert_eq!(server(&second, "a").state.health(), Health::Down);
    assert_eq!(server(&second, "b").state.admin(), Admin::Drain);
    assert_eq!(server(&second, "c").state.weight(), 7);
    assert_eq!(second.state.usable().active, 1);
    assert_eq!(picks(&second, 3), "ccc");
}

#[test]
fn what_the_file_changed_applies() {
    let mut book = StateBook::new(1);
    let disabled = ServerSettings { disabled: true, ..checked() };
    let first = load(&mut book, Balance::RoundRobin, &[("a", weight(1)), ("b", disabled.clone()), ("c", checked())]);
    first.state.set_weight(server(&first, "a"), 0);
    first.state.set_health(server(&first, "c"), Health::Down);
    assert_eq!(server(&first, "b").state.admin(), Admin::Maint);
    assert!(first.pick(&PickKey::default()).is_none());

    let second = load(&mut book, Balance::RoundRobin, &[("a", weight(2)), ("b", checked()), ("c", weight(1))]);
    assert_eq!(server(&second, "a").state.weight(), 2);
    assert_eq!(server(&second, "b").state.admin(), Admin::Ready);
    assert_eq!(server(&second, "c").state.health(), Health::Up, "without checks it is up");
    assert_eq!(second.state.usable().active, 3);
}

#[test]
fn a_refused_table_changes_nothing() {
    let mut book = StateBook::new(1);
    let first = load(&mut book, Balance::RoundRobin, &[("a", weight(1)), ("b", weight(1))]);
    drop(common::backend(&mut book, Balance::First, false, &[("a", weight(9)), ("x", weight(1))]));
    assert_eq!(server(&first, "a").state.weight(), 1);
    assert_eq!(picks(&first, 4), "abab");
}

#[test]
fn counts_go_on_by_name_while_anyone_holds_them() {
    let mut book = StateBook::new(2);
    let name: Arc<str> = "px".into();
    let frontend = book.frontend(&name);
    frontend.conns.open(ShardIndex(1));
    assert_eq!(book.frontend(&name).conns.total(), 1);
    drop(frontend);
    assert_eq!(book.frontend(&name).conns.total(), 0, "nobody held it");
    book.process().conns.open(ShardIndex(0));
    assert_eq!(book.process().conns.current(), 1);
}
