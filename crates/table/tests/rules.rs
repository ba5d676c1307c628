//! Rules on contents: what is decided when. The expectations are HAProxy 2.6.12's answers to the same conditions.

mod common;

use std::sync::Arc;

use table::{
    Acl, Action, Asked, Balance, Change, Condition, Converter, Deed, Effect, Expression, Facts, Fetch, FrontendId,
    Global, Heard, Matcher, NumberRange, Part, Payload, Rule, Scope, ServerSettings, Speaker, StateBook, Table, Term,
    Test, TextPatterns, Value, Variable, Variables, Verdict, ask,
};

fn table() -> Table {
    let mut book = StateBook::new(1);
    let backend = common::backend(&mut book, Balance::First, false, &[("a", ServerSettings::default())]);
    Table::new(1, Global { maxconn: 10, ..Global::default() }, vec![], vec![Arc::new(backend)], vec![], book.process())
}

fn facts<'a>(table: &'a Table, bytes: &'a [u8], is_final: bool) -> Facts<'a> {
    let src = Some(([127, 0, 0, 1], 1000).into());
    Facts { heard: Heard::Client(Payload { bytes, is_final }), ..Facts::new(table, FrontendId(0), src, None) }
}

fn length(least: i64) -> Test {
    let fetch = Fetch::Payload(Speaker::Client, Part::Length);
    Test::new(fetch, Matcher::Numbers(vec![NumberRange { least: Some(least), most: None }]))
}

fn slice(size: u32, text: &str) -> Test {
    let patterns = TextPatterns::new(table::Compare::Whole, false, [text.as_bytes()]).expect("no expression");
    Test::new(Fetch::Payload(Speaker::Client, Part::Slice { offset: 0, size }), Matcher::Text(patterns))
}

fn always(truth: bool) -> Test {
    Test::new(Fetch::Always(truth), Matcher::True)
}

fn condition(alternatives: &[&[(bool, &Test)]]) -> Condition {
    let term = |(negated, test): &(bool, &Test)| Term {
        negated: *negated,
        acl: Arc::new(Acl { name: "{ }".into(), tests: vec![(*test).clone()] }),
    };
    let alternatives = alternatives.iter().map(|terms| terms.iter().map(term).collect()).collect();
    Condition { unless: false, alternatives }
}

#[test]
fn a_condition_is_decided_as_soon_as_nothing_open_can_matter() {
    use Verdict::{No, Open, Yes};
    let (table, long, abc, wait) = (table(), length(100), slice(3, "abc"), Test::new(Fetch::WaitEnd, Matcher::True));
    let (yes, no) = (always(true), always(false));
    for (name, alternatives, bytes, expect) in [
        ("req.len gt 99", &[&[(false, &long)][..]][..], "abc", Open),
        ("what has come is enough", &[&[(false, &length(3))]], "abc", Yes),
        ("payload, too short", &[&[(false, &abc)]], "ab", Open),
        ("payload", &[&[(false, &abc)]], "abcd", Yes),
        ("another payload", &[&[(false, &abc)]], "abx", No),
        ("! of what is open", &[&[(true, &abc)]], "ab", Open),
        ("! of another payload", &[&[(true, &abc)]], "abx", Yes),
        ("open or yes", &[&[(false, &long)], &[(false, &yes)]], "", Yes),
        ("open or no", &[&[(false, &long)], &[(false, &no)]], "", Open),
        ("no and open", &[&[(false, &no), (false, &long)]], "", No),
        ("open and no: behind an open term nothing is looked at", &[&[(false, &long), (false, &no)]], "", Open),
        ("wait_end", &[&[(false, &wait)]], "abc", Open),
    ] {
        let condition = condition(alternatives);
        assert_eq!(condition.verdict(&facts(&table, bytes.as_bytes(), false)), expect, "{name}");
        assert_ne!(condition.verdict(&facts(&table, bytes.as_bytes(), true)), Open, "{name}");
        let turned = Condition { unless: true, ..condition };
        let expect = [(No, Yes), (Open, Open), (Yes, No)].into_iter().find(|(from, _)| *from == expect);
        let verdict = turned.verdict(&facts(&table, bytes.as_bytes(), false));
        assert_eq!(Some(verdict), expect.map(|(_, to)| to), "unless {name}");
    }
}

#[test]
fn rules_in_order_and_the_end_of_patience() {
    let table = table();
    let rule = |test: Option<&Test>, action| Rule {
        condition: test.map(|test| condition(&[&[(false, test)]])),
        deed: Deed::Decide(action),
    };
    let rules = [
        rule(Some(&slice(4, "EVIL")), Action::Reject),
        rule(Some(&length(6)), Action::Accept),
        rule(None, Action::Reject),
    ];
    for (bytes, is_final, expect) in [
        ("", false, Asked::Open),
        ("EVI", false, Asked::Open),
        ("EVIL", false, Asked::Decided(0, Action::Reject)),
        ("GOOD", false, Asked::Open),
        ("GOOD!!", false, Asked::Decided(1, Action::Accept)),
        ("GOOD", true, Asked::Decided(2, Action::Reject)),
    ] {
        assert_eq!(ask(&rules, &mut 0, &facts(&table, bytes.as_bytes(), is_final)), expect, "{bytes} {is_final}");
    }
    assert_eq!(ask::<Action>(&[], &mut 0, &facts(&table, b"", false)), Asked::Passed);
}

#[test]
fn rules_see_what_those_before_them_keep() {
    let table = table();
    let variable = Variable { scope: Scope::Session, number: 0 };
    let first = Expression {
        fetch: Fetch::Payload(Speaker::Client, Part::Slice { offset: 0, size: 2 }),
        converters: Vec::new(),
    };
    let is_kept = Test { fetch: Fetch::Variable(variable), ..slice(0, "GO") };
    let rules = [
        Rule { condition: Some(condition(&[&[(false, &is_kept)]])), deed: Deed::Decide(Action::Drop) },
        Rule { condition: None, deed: Deed::Effect(Effect::SetVariable(variable, first)) },
        Rule { condition: Some(condition(&[&[(false, &is_kept)]])), deed: Deed::Decide(Action::Reject) },
        Rule { condition: Some(condition(&[&[(false, &length(6))]])), deed: Deed::Decide(Action::Accept) },
    ];
    for (bytes, expect) in [
        ("G", Asked::Open),
        ("GO", Asked::Decided(2, Action::Reject)),
        ("GET", Asked::Open),
        ("GET /a", Asked::Decided(3, Action::Accept)),
    ] {
        let (mut variables, mut place) = (Variables::default(), 0);
        let asked = loop {
            let facts = Facts { variables: &variables, ..facts(&table, bytes.as_bytes(), false) };
            match ask(&rules, &mut place, &facts) {
                Asked::Changes(Change::Variable(variable, value)) => variables.put(variable, value),
                Asked::Changes(change) => panic!("{change:?}"),
                asked @ (Asked::Decided(..) | Asked::Open | Asked::Passed) => break asked,
            }
        };
        assert_eq!(asked, expect, "{bytes}");
        let kept = bytes.get(..2).map(|kept| Value::Bytes(kept.as_bytes().into()));
        assert_eq!(variables.value_of(variable), kept, "{bytes}");
    }
}

#[test]
fn converters_stand_between_a_sample_and_its_patterns() {
    let table = table();
    let lower = Test { converters: vec![Converter::Lower], ..slice(3, "abc") };
    let holds = |test: &Test, bytes: &str| condition(&[&[(false, test)]]).holds(&facts(&table, bytes.as_bytes(), true));
    assert!(holds(&lower, "AbC") && !holds(&lower, "AbD"));
    // What cannot be converted is no sample.
    let masked = Test { converters: vec![Converter::IpMask { v4: 8, v6: None }], ..slice(3, "abc") };
    assert!(!holds(&masked, "abc"));
    let facts = facts(&table, b"", true);
    assert_eq!(Converter::Lower.apply(Value::Int(5), &facts), Some(Value::Bytes(b"5"[..].into())));
}
