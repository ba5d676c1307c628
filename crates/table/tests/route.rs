//! Routing by conditions.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use table::{
    Acl, Admin, Admission, Backend, BackendId, Balance, ClientTimeouts, Condition, Facts, Fetch, Frontend, FrontendId,
    Global, HttpFront, IpSet, LogFormat, LogPolicy, Matcher, Mode, NumberRange, PickKey, ServerId, ServerSettings,
    ShardIndex, Splice, StateBook, Switch, Table, Term, Test, UniqueId, UseBackend, route,
};

const SERVED: BackendId = BackendId(0);
const OTHER: BackendId = BackendId(1);
const SERVER: ServerId = ServerId { backend: SERVED, index: 0 };

fn table(rules: Vec<UseBackend>, default_backend: Option<BackendId>) -> Table {
    let mut book = StateBook::new(1);
    let two = [("a", ServerSettings::default()), ("b", ServerSettings { backup: true, ..ServerSettings::default() })];
    let served = common::backend(&mut book, Balance::RoundRobin, false, &two);
    let name: Arc<str> = "other".into();
    let other = Backend { state: book.backend(&name), name, ..common::backend(&mut book, Balance::First, false, &[]) };
    let name: Arc<str> = "fe".into();
    let frontend = Frontend {
        state: book.frontend(&name),
        name,
        mode: Mode::Tcp,
        binds: Vec::new(),
        admission: Admission::default(),
        rules,
        default_backend,
        maxconn: None,
        maxconn_per_source: None,
        session_rate: None,
        timeouts: ClientTimeouts::default(),
        splice: Splice::ALWAYS,
        http: HttpFront::default(),
        log: LogPolicy::new(Vec::new(), LogFormat::Connect),
        unique_id: UniqueId::default(),
    };
    let backends = vec![Arc::new(served), Arc::new(other)];
    let table = Table::new(
        1,
        Global { maxconn: 10, ..Global::default() },
        vec![Arc::new(frontend)],
        backends,
        vec![],
        book.process(),
    );
    table.take_over();
    table
}

fn facts<'a>(table: &'a Table, src: &str, dst: &str) -> Facts<'a> {
    let addr = |text: &str| (!text.is_empty()).then(|| text.parse::<SocketAddr>().expect("the test writes addresses"));
    Facts::new(table, FrontendId(0), addr(src), addr(dst))
}

fn acl(tests: Vec<Test>) -> Arc<Acl> {
    Arc::new(Acl { name: "named".into(), tests })
}

fn one(test: Test) -> Condition {
    condition(vec![vec![(false, acl(vec![test]))]])
}

fn condition(alternatives: Vec<Vec<(bool, Arc<Acl>)>>) -> Condition {
    let term = |(negated, acl)| Term { negated, acl };
    let alternatives = alternatives.into_iter().map(|terms| terms.into_iter().map(term).collect());
    Condition { unless: false, alternatives: alternatives.collect() }
}

fn always(truth: bool) -> Arc<Acl> {
    acl(vec![Test::new(Fetch::Always(truth), Matcher::True)])
}

fn address(fetch: Fetch, nets: &[&str]) -> Test {
    let nets = IpSet::new(nets.iter().map(|net| net.parse().expect("the test writes networks")));
    Test::new(fetch, Matcher::Nets(nets))
}

fn number(fetch: Fetch, least: Option<i64>, most: Option<i64>) -> Test {
    Test::new(fetch, Matcher::Numbers(vec![NumberRange { least, most }]))
}

#[test]
fn first_rule_that_holds_then_default_then_nobody() {
    let rule = |truth| UseBackend {
        condition: Some(condition(vec![vec![(false, always(truth))]])),
        backend: Switch::To(OTHER),
    };
    for (rules, default, expect) in [
        (vec![rule(false), rule(true)], Some(SERVED), Some(OTHER)),
        (vec![rule(false)], Some(SERVED), Some(SERVED)),
        (vec![UseBackend { condition: None, backend: Switch::To(OTHER) }], Some(SERVED), Some(OTHER)),
        (vec![rule(false)], None, None),
    ] {
        let table = table(rules, default);
        assert_eq!(route(&table.frontends[0], || facts(&table, "", "")), expect);
    }
}

#[test]
fn or_of_ands_with_negation() {
    let (yes, no) = (always(true), always(false));
    for (alternatives, expect) in [
        (vec![vec![(false, yes.clone()), (false, yes.clone())]], true),
        (vec![vec![(false, yes.clone()), (false, no.clone())]], false),
        (vec![vec![(false, no.clone())], vec![(true, no.clone())]], true),
        (vec![vec![(true, yes.clone())], vec![(false, no.clone())]], false),
        (vec![], false),
    ] {
        let table = table(vec![], None);
        let mut condition = condition(alternatives);
        assert_eq!(condition.holds(&facts(&table, "", "")), expect);
        condition.unless = true;
        assert_eq!(condition.holds(&facts(&table, "", "")), !expect);
    }
}

#[test]
fn lines_of_one_name_are_alternatives() {
    let table = table(vec![], None);
    let named = acl(vec![address(Fetch::Src, &["10.0.0.0/8"]), number(Fetch::SrcPort, Some(22), Some(22))]);
    let condition = condition(vec![vec![(false, named)]]);
    for (src, expect) in [("10.1.1.1:9", true), ("9.1.1.1:22", true), ("9.1.1.1:23", false), ("", false)] {
        assert_eq!(condition.holds(&facts(&table, src, "")), expect, "{src}");
    }
}

#[test]
fn addresses_and_ports() {
    let table = table(vec![], None);
    let (src, dst) = ("192.0.2.7:1024", "[2001:db8::1]:143");
    for (test, expect) in [
        (address(Fetch::Src, &["192.0.2.0/24", "10.0.0.0/8"]), true),
        (address(Fetch::Dst, &["192.0.2.0/24"]), false),
        (address(Fetch::Dst, &["2001:db8::/32"]), true),
        (number(Fetch::SrcPort, Some(1024), None), true),
        (number(Fetch::SrcPort, None, Some(1023)), false),
        (number(Fetch::DstPort, Some(143), Some(143)), true),
        (Test::new(Fetch::DstPort, Matcher::Numbers(vec![])), false),
        (Test::new(Fetch::DstPort, Matcher::True), true),
        (Test::new(Fetch::Src, Matcher::Found), true),
        (Test::new(Fetch::DstPort, Matcher::Found), true),
    ] {
        let condition = one(test);
        assert_eq!(condition.holds(&facts(&table, src, dst)), expect, "{condition:?}");
        assert!(!condition.holds(&facts(&table, "", "")), "what is not found matches nothing");
    }
}

#[test]
fn counts_of_servers_and_connections() {
    let table = table(vec![], None);
    let is = |fetch, value| one(number(fetch, Some(value), Some(value))).holds(&facts(&table, "", ""));
    let backend = table.backend(SERVED);
    let server = table.server(SERVER);
    assert!(is(Fetch::Nbsrv(SERVED), 1), "a backup does not count beside an active server");
    assert!(is(Fetch::Nbsrv(OTHER), 0));
    assert!(is(Fetch::SrvIsUp(SERVER), 1));

    let picked = backend.pick(&PickKey::default()).expect("a is usable");
    backend.state.conns.open(ShardIndex(0));
    table.frontend(FrontendId(0)).state.conns.open(ShardIndex(0));
    assert!(is(Fetch::SrvConn(SERVER), 1) && is(Fetch::BeConn(SERVED), 1));
    assert!(is(Fetch::FeConn(FrontendId(0)), 1) && is(Fetch::BeConn(OTHER), 0));
    backend.release(&picked);
    assert!(is(Fetch::SrvConn(SERVER), 0));

    backend.state.set_admin(server, Admin::Drain);
    assert!(is(Fetch::SrvIsUp(SERVER), 1), "a draining server is up");
    backend.state.set_admin(server, Admin::Maint);
    assert!(is(Fetch::SrvIsUp(SERVER), 0));
    assert!(is(Fetch::Nbsrv(SERVED), 1), "the first backup serves");
}

#[test]
fn names_are_found() {
    let table = table(vec![], None);
    assert_eq!(table.frontend_named("fe"), Some(FrontendId(0)));
    assert_eq!(table.backend_named("other"), Some(OTHER));
    assert_eq!(table.backend_named("fe"), None);
}

#[test]
#[should_panic(expected = "routes outside of the table")]
fn a_rule_into_nowhere_is_our_mistake() {
    table(vec![UseBackend { condition: None, backend: Switch::To(BackendId(2)) }], None);
}
