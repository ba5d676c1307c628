//! Lists under changes, against what a naive reader of their entries would find.

use super::*;
use crate::{Compare, NumberRange, Value};
use proptest::prelude::*;

/// Reads patterns as simply as can be.
#[derive(Debug)]
struct Plain(How);

impl ReadPattern for Plain {
    fn like(&self) -> (How, bool, Option<&'static str>) {
        (self.0, false, None)
    }

    fn pattern(&self, text: &[u8]) -> Result<Pattern, String> {
        let word = String::from_utf8_lossy(text).into_owned();
        match self.0 {
            How::Addr => word.parse().map(Pattern::Net).map_err(|_| format!("'{word}' is no network")),
            How::Number | How::Length => {
                let (least, most) = word.split_once(':').unwrap_or((&word, &word));
                let bound = |text: &str| text.parse().map(Some).map_err(|_| format!("'{word}' is no number"));
                Ok(Pattern::Range(NumberRange { least: bound(least)?, most: bound(most)? }))
            }
            How::Never => Ok(Pattern::Nothing),
            How::Text(_) | How::Replace => Ok(Pattern::Text(text.into())),
        }
    }

    fn value(&self, text: &[u8]) -> Option<Value<'static>> {
        Some(Value::Bytes(text.to_vec().into()))
    }
}

fn asked(how: How) -> (Arc<List>, Arc<Group>) {
    let list = Arc::new(List::default());
    let used = list.used(Arc::new(Plain(how)));
    (Arc::clone(&list), Group::new(vec![(list, used)]))
}

fn found(group: &Group, text: &'static str) -> Option<String> {
    let value = group.value_of(&Value::text(text))?;
    Some(String::from_utf8_lossy(&value.into_bytes()).into_owned())
}

/// What HAProxy 2.6.12 says to the same commands.
#[test]
fn versions() {
    let (list, group) = asked(How::Text(Compare::Whole));
    list.push(b"a", Some(b"1"));
    assert_eq!((list.prepare(), list.prepare()), (1, 2));
    assert_eq!(list.add(b"n", Some(b"x"), Some(9)), Err(ListFault::Future));
    list.add(b"n", Some(b"x"), Some(2)).expect("a prepared version");
    assert_eq!((found(&group, "n"), found(&group, "a").as_deref()), (None, Some("1")));
    assert_eq!(list.commit(9), Err(ListFault::OutOfRange));
    list.commit(2).expect("a prepared version");
    assert_eq!((found(&group, "n").as_deref(), found(&group, "a")), (Some("x"), None));
    assert_eq!((list.versions(), list.entry_count()), ((2, 2), 1));
    assert_eq!(list.commit(2), Err(ListFault::OutOfRange));
    list.add(b"old", Some(b"x"), Some(1)).expect("it is in the past");
    assert_eq!(found(&group, "old"), None);
    list.clear(None);
    assert_eq!((found(&group, "n"), list.entry_count()), (None, 1));
}

#[test]
fn entries_of_one_key() {
    let (list, group) = asked(How::Text(Compare::Whole));
    for (key, value) in [("/a", "1"), ("/ab", "2"), ("/a", "3")] {
        list.push(key.as_bytes(), Some(value.as_bytes()));
    }
    assert!(!group.is_changed());
    list.set(Selector::Number(1), b"one").expect("there is one");
    assert_eq!(found(&group, "/a").as_deref(), Some("one"));
    list.delete(Selector::Number(1)).expect("there is one");
    assert_eq!(found(&group, "/a").as_deref(), Some("3"));
    list.put(b"/a", b"new").expect("any text is a value");
    list.put(b"/z", b"last").expect("any text is a value");
    let values: Vec<_> = list.entries(None).into_iter().filter_map(|entry| entry.value).collect();
    assert_eq!(values, [&b"2"[..], b"new", b"last"].map(Arc::from));
    assert_eq!(list.delete(Selector::Key(b"/q")), Err(ListFault::Unknown));
}

/// Of networks and beginnings the longest is found, of numbers the first.
#[test]
fn the_most_exact() {
    let (list, group) = asked(How::Addr);
    for net in ["10.0.0.0/8", "10.1.0.0/16", "::ffff:10.2.0.0/112"] {
        list.add(net.as_bytes(), Some(net.as_bytes()), None).expect("a network");
    }
    assert_eq!(found(&group, "10.1.2.3").as_deref(), Some("10.1.0.0/16"));
    assert_eq!(found(&group, "::ffff:10.2.3.4").as_deref(), Some("::ffff:10.2.0.0/112"));
    list.delete(Selector::Key(b"10.1.0.0/16")).expect("there is one");
    assert_eq!(found(&group, "10.1.2.3").as_deref(), Some("10.0.0.0/8"));
    assert_eq!(list.add(b"x", None, None), Err(ListFault::Unreadable("'x' is no network".into())));

    let (list, group) = asked(How::Text(Compare::Begin));
    for text in ["/", "/abc", "/ab"] {
        list.add(text.as_bytes(), Some(text.as_bytes()), None).expect("a text");
    }
    assert_eq!(found(&group, "/abcd").as_deref(), Some("/abc"));
    assert_eq!(found(&group, "/abx").as_deref(), Some("/ab"));

    let (list, group) = asked(How::Number);
    for text in ["5:9", "7", "1"] {
        list.add(text.as_bytes(), Some(text.as_bytes()), None).expect("a number");
    }
    assert_eq!(found(&group, "7").as_deref(), Some("5:9"));
    assert_eq!(found(&group, "1").as_deref(), Some("1"));
}

/// Lists that are asked together are all asked when one of them was changed.
#[test]
fn neighbours() {
    let lists = [Arc::new(List::default()), Arc::new(List::default())];
    lists[0].push(b"a", None);
    lists[1].push(b"b", None);
    let member = |list: &Arc<List>| (Arc::clone(list), list.used(Arc::new(Plain(How::Text(Compare::Whole)))));
    let group = Group::new(lists.iter().map(member).collect());
    lists[0].add_once(b"c").expect("any text is a pattern");
    lists[0].add_once(b"c").expect("any text is a pattern");
    assert_eq!(lists[0].entry_count(), 2);
    for (text, expected) in [("a", true), ("b", true), ("c", true), ("d", false)] {
        assert_eq!(group.matches(&Value::text(text)), expected, "{text}");
    }
}

/// Readers see either what was or what is, and never that nothing is there.
#[test]
fn readers_beside_a_writer() {
    let (list, group) = asked(How::Text(Compare::Whole));
    list.put(b"stays", b"here").expect("any text is a value");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| (0..20_000).all(|_| found(&group, "stays").as_deref() == Some("here")));
        for round in 0..400_u32 {
            let key = (round % 97).to_be_bytes();
            list.put(&key, b"x").expect("any text is a value");
            if round % 3 == 0 {
                list.delete(Selector::Key(&key)).expect("it was put");
            }
        }
        assert!(reader.join().expect("the reader ends"));
    });
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, u8),
    Put(u8, u8),
    Delete(u8),
    Clear,
    Prepare,
    Fill(u8),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..30_u8, any::<u8>()).prop_map(|(key, value)| Step::Add(key, value)),
        4 => (0..30_u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        3 => (0..30_u8).prop_map(Step::Delete),
        1 => Just(Step::Clear),
        1 => Just(Step::Prepare),
        2 => (0..30_u8).prop_map(Step::Fill),
        1 => Just(Step::Commit),
    ]
}

fn text(number: u8) -> Vec<u8> {
    number.to_string().into_bytes()
}

proptest! {
    /// Whatever is done, each key finds the first of its entries.
    #[test]
    fn as_a_naive_reader(steps in proptest::collection::vec(step(), 0..80)) {
        let (list, group) = asked(How::Text(Compare::Whole));
        let (mut model, mut next) = (Vec::<(u8, u8)>::new(), Vec::<(u8, u8)>::new());
        let mut version = None;
        for step in steps {
            match step {
                Step::Add(key, value) => {
                    list.add(&text(key), Some(&text(value)), None).expect("any text");
                    model.push((key, value));
                }
                Step::Put(key, value) => {
                    list.put(&text(key), &text(value)).expect("any text");
                    let is_known = model.iter().any(|(known, _)| *known == key);
                    model.iter_mut().filter(|(known, _)| *known == key).for_each(|entry| entry.1 = value);
                    if !is_known {
                        model.push((key, value));
                    }
                }
                Step::Delete(key) => {
                    let is_gone = list.delete(Selector::Key(&text(key))).is_ok();
                    prop_assert_eq!(is_gone, model.iter().any(|(known, _)| *known == key));
                    model.retain(|(known, _)| *known != key);
                }
                Step::Clear => {
                    list.clear(None);
                    model.clear();
                }
                Step::Prepare => {
                    version = Some(list.prepare());
                    next.clear();
                }
                Step::Fill(key) => if let Some(version) = version {
                    list.add(&text(key), Some(b"7"), Some(version)).expect("it is prepared");
                    next.push((key, 7));
                },
                Step::Commit => if let Some(version) = version.take() {
                    list.commit(version).expect("it is prepared");
                    model = std::mem::take(&mut next);
                },
            }
            for key in 0..30 {
                let expected = model.iter().find(|(known, _)| *known == key).map(|(_, value)| text(*value));
                let found = group.value_of(&Value::Bytes(text(key).into())).map(|value| value.into_bytes().into_owned());
                prop_assert_eq!(found, if list.0.lock().unwrap().is_indexed { expected } else { None });
            }
        }
    }
}
