//! Commands on maps and on the patterns of ACLs (`management.txt: show map, add acl, prepare map` and their kin).
//!
//! What they change is asked from then on; the files stay as they are, and a reload reads them again.

use super::client::Answer;
use super::commands::{Call, Run, Spec, spec};
use super::desk::Desk;
use config::Access;
use std::fmt::Write;
use table::{Compare, Found, How, ListFault, Listed, Selector, Table, Use, Value};

pub(super) const TABLE: &[Spec] = &[
    spec(
        &["show", "acl"],
        "show acl [@<ver>] [<acl>]",
        "lists of patterns of ACLs, or what is in one",
        Access::Operator,
        Run::Desk(|desk, call| show(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["show", "map"],
        "show map [@<ver>] [<map>]",
        "maps, or what is in one",
        Access::Operator,
        Run::Desk(|desk, call| show(desk.table, call, Kind::Map)),
    ),
    spec(
        &["get", "acl"],
        "get acl <acl> <value>",
        "which pattern of an ACL matches a value",
        Access::Operator,
        Run::Desk(|desk, call| ask(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["get", "map"],
        "get map <map> <value>",
        "which key of a map matches a value, and what it has",
        Access::Operator,
        Run::Desk(|desk, call| ask(desk.table, call, Kind::Map)),
    ),
    spec(&["add", "acl"], "add acl [@<ver>] <acl> <pattern>", "add a pattern", Access::Admin, Run::Desk(add_pattern)),
    spec(
        &["add", "map"],
        "add map [@<ver>] <map> <key> <value>",
        "add a key, or those of a payload",
        Access::Admin,
        Run::Desk(add_key),
    ),
    spec(&["set", "map"], "set map <map> [<key>|#<ref>] <value>", "change a value", Access::Admin, Run::Desk(set)),
    spec(
        &["del", "acl"],
        "del acl <acl> [<pattern>|#<ref>]",
        "delete a pattern",
        Access::Admin,
        Run::Desk(|desk, call| delete(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["del", "map"],
        "del map <map> [<key>|#<ref>]",
        "delete a key",
        Access::Admin,
        Run::Desk(|desk, call| delete(desk.table, call, Kind::Map)),
    ),
    spec(
        &["clear", "acl"],
        "clear acl [@<ver>] <acl>",
        "delete all patterns",
        Access::Admin,
        Run::Desk(|desk, call| clear(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["clear", "map"],
        "clear map [@<ver>] <map>",
        "delete all keys",
        Access::Admin,
        Run::Desk(|desk, call| clear(desk.table, call, Kind::Map)),
    ),
    spec(
        &["prepare", "acl"],
        "prepare acl <acl>",
        "begin a version that replaces all patterns",
        Access::Admin,
        Run::Desk(|desk, call| prepare(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["prepare", "map"],
        "prepare map <map>",
        "begin a version that replaces all keys",
        Access::Admin,
        Run::Desk(|desk, call| prepare(desk.table, call, Kind::Map)),
    ),
    spec(
        &["commit", "acl"],
        "commit acl @<ver> <acl>",
        "ask a version that was prepared",
        Access::Admin,
        Run::Desk(|desk, call| commit(desk.table, call, Kind::Acl)),
    ),
    spec(
        &["commit", "map"],
        "commit map @<ver> <map>",
        "ask a version that was prepared",
        Access::Admin,
        Run::Desk(|desk, call| commit(desk.table, call, Kind::Map)),
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Acl,
    Map,
}

impl Kind {
    /// As commands name it.
    fn word(self) -> &'static str {
        match self {
            Kind::Acl => "acl",
            Kind::Map => "map",
        }
    }

    /// As answers name it.
    fn noun(self) -> &'static str {
        match self {
            Kind::Acl => "ACL",
            Kind::Map => "map",
        }
    }

    fn is(self, listed: &Listed) -> bool {
        match self {
            Kind::Acl => listed.is_acl,
            Kind::Map => listed.is_map,
        }
    }

    fn unknown(self) -> String {
        format!("Unknown {} identifier. Please use #<id> or <file>.\n", self.noun())
    }

    fn missing(self) -> String {
        format!("Missing {} identifier.\n", self.noun())
    }
}

/// What a command is about: the version, if it says one, the list's name, and what stands behind it.
struct Words<'a> {
    /// `None` within: it is no number.
    version: Option<Option<u32>>,
    list: &'a str,
    rest: &'a [String],
}

impl<'a> Words<'a> {
    fn of(call: &Call<'a>) -> Words<'a> {
        let first = call.arguments.first().and_then(|word| word.strip_prefix('@'));
        let rest = &call.arguments[usize::from(first.is_some())..];
        let (list, rest) = rest.split_first().map_or(("", rest), |(list, rest)| (list.as_str(), rest));
        Words { version: first.map(|text| text.parse().ok()), list, rest }
    }
}

/// `#id`, or the name of a file.
fn find<'t>(table: &'t Table, name: &str) -> Option<&'t Listed> {
    match name.strip_prefix('#').map(str::parse) {
        Some(Ok(id)) => table.lists.iter().find(|listed| listed.id == id),
        Some(Err(_)) => None,
        None => table.lists.iter().find(|listed| listed.file.as_deref() == Some(name)),
    }
}

fn find_of<'t>(table: &'t Table, name: &str, kind: Kind) -> Result<&'t Listed, String> {
    find(table, name).filter(|listed| kind.is(listed)).ok_or_else(|| kind.unknown())
}

/// What an answer says where nothing went wrong, and where something did.
fn answered(answer: Result<String, String>) -> Answer {
    answer.unwrap_or_else(|refusal| refusal).into()
}

fn show(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    let Words { version, list, .. } = Words::of(call);
    if list.is_empty() && version.is_none() {
        let shown = table.lists.iter().filter(|listed| kind.is(listed)).map(line);
        return format!("# id (file) description\n{}", shown.collect::<String>()).into();
    }
    answered(find_of(table, list, kind).map(|listed| {
        let mut text = Vec::new();
        for entry in listed.list.entries(version.map(|version| version.unwrap_or(0))) {
            text.extend_from_slice(format!("{:#x} ", entry.number).as_bytes());
            text.extend_from_slice(&entry.key);
            if let Some(value) = &entry.value {
                text.push(b' ');
                text.extend_from_slice(value);
            }
            text.push(b'\n');
        }
        String::from_utf8_lossy(&text).into_owned()
    }))
}

fn line(listed: &Listed) -> String {
    let (current, next) = listed.list.versions();
    format!(
        "{} ({}) {}. curr_ver={current} next_ver={next} entry_cnt={}\n",
        listed.id,
        listed.file.as_deref().unwrap_or_default(),
        listed.description,
        listed.list.entry_count()
    )
}

fn ask(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    let [name, text, ..] = call.arguments else {
        return format!("Missing {} identifier and/or key.\n", kind.noun()).into();
    };
    let Some(listed) = find(table, name) else { return kind.unknown().into() };
    let found = listed.list.ask(text.as_bytes());
    found.iter().map(|(used, found)| finding(used, found.as_ref(), kind)).collect::<String>().into()
}

/// What somebody who asks the list finds.
fn finding(used: &Use, found: Option<&Found>, kind: Kind) -> String {
    let case = if used.is_folded() { "insensitive" } else { "sensitive" };
    let mut text = format!("type={}, case={case}", how(used.how()));
    let verb = if kind == Kind::Map { "found" } else { "match" };
    let Some(found) = found else { return format!("{text}, {verb}=no\n") };
    let is_tree = match used.how() {
        How::Text(Compare::Whole | Compare::Begin) => !used.is_folded(),
        How::Addr => true,
        How::Text(_) | How::Replace | How::Number | How::Length | How::Never => false,
    };
    let pattern = String::from_utf8_lossy(found.text());
    let noun = if kind == Kind::Map { "key" } else { "pattern" };
    // A string takes this.
    let _ = write!(text, ", {verb}=yes, idx={}, {noun}=\"{pattern}\"", if is_tree { "tree" } else { "list" });
    if let Some(value) = found.value().filter(|_| kind == Kind::Map) {
        let type_of = match &value {
            Value::Bytes(_) => "str",
            Value::Int(_) => "sint",
            Value::Bool(_) => "bool",
            Value::Addr(addr) if addr.is_ipv4() => "ipv4",
            Value::Addr(_) => "ipv6",
        };
        let value = value.into_bytes();
        let _ = write!(text, ", value=\"{}\", type=\"{type_of}\"", String::from_utf8_lossy(&value));
    }
    text.push('\n');
    text
}

fn how(how: How) -> &'static str {
    match how {
        How::Never => "found",
        How::Text(Compare::Whole) => "str",
        How::Text(Compare::Begin) => "beg",
        How::Text(Compare::End) => "end",
        How::Text(Compare::Inside) => "sub",
        How::Text(Compare::Directory) => "dir",
        How::Text(Compare::Domain) => "dom",
        How::Text(Compare::Regex) | How::Replace => "reg",
        How::Number => "int",
        How::Length => "len",
        How::Addr => "ip",
    }
}

fn add_pattern(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let Words { version, list, rest } = Words::of(call);
    let Some(pattern) = rest.first() else {
        return "'add acl' expects two parameters: ACL identifier and pattern.\n".into();
    };
    let Some(listed) = find(desk.table, list) else { return Kind::Acl.unknown().into() };
    if listed.is_map {
        return "This ACL is shared with a map containing samples. You must use the command 'add map' to add values.\n"
            .into();
    }
    let made = listed.list.add(pattern.as_bytes(), None, version.map(|version| version.unwrap_or(0)));
    made.map_err(|fault| refusal(fault, Kind::Acl)).err().unwrap_or_default().into()
}

fn add_key(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let Words { version, list, rest } = Words::of(call);
    let version = version.map(|version| version.unwrap_or(0));
    let listed = match (rest, call.payload) {
        (_, None) if rest.len() < 2 => Err(EXPECTS.to_owned()),
        (_, Some(_)) if list.is_empty() => Err(EXPECTS.to_owned()),
        (_, _) => find(desk.table, list).ok_or_else(|| Kind::Map.unknown()),
    };
    let add = |listed: &Listed, key: &str, value: &str| {
        let made = listed.list.add(key.as_bytes(), Some(value.as_bytes()), version);
        made.map_err(|fault| refusal(fault, Kind::Map))
    };
    let made = listed.and_then(|listed| match (rest, call.payload) {
        (_, Some(payload)) => payload.lines().try_for_each(|line| {
            let (key, value) = line.trim_start().split_once([' ', '\t']).ok_or_else(|| valueless(line))?;
            add(listed, key, value.trim_start())
        }),
        ([key, value, ..], None) => add(listed, key, value),
        (_, None) => Err(EXPECTS.to_owned()),
    });
    made.err().unwrap_or_default().into()
}

const EXPECTS: &str = "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload\n";

fn valueless(line: &str) -> String {
    format!("Missing value for key '{}'.\n", line.trim())
}

fn set(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let [name, key, value, ..] = call.arguments else {
        return "'set map' expects three parameters: map identifier, key and value.\n".into();
    };
    let Some(listed) = find(desk.table, name) else { return Kind::Map.unknown().into() };
    match (listed.list.set(selector(key), value.as_bytes()), key.starts_with('#')) {
        (Ok(()), _) => Answer::default(),
        (Err(ListFault::Unknown), true) => "key or pattern not found.\n".into(),
        (Err(ListFault::Unknown), false) => "entry not found.\n".into(),
        (Err(fault), _) => refusal(fault, Kind::Map).into(),
    }
}

fn delete(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    let [name, key, ..] = call.arguments else {
        return format!("This command expects two parameters: {} identifier and key.\n", kind.noun()).into();
    };
    answered(find_of(table, name, kind).and_then(|listed| {
        let made = listed.list.delete(selector(key));
        made.map(|()| String::new()).map_err(|fault| refusal(fault, kind))
    }))
}

fn clear(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    let Words { version, list, .. } = Words::of(call);
    if list.is_empty() {
        return kind.missing().into();
    }
    answered(find_of(table, list, kind).map(|listed| {
        listed.list.clear(version.map(|version| version.unwrap_or(0)));
        String::new()
    }))
}

fn prepare(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    answered(
        find_of(table, call.word(0), kind).map(|listed| format!("New version created: {}\n", listed.list.prepare())),
    )
}

fn commit(table: &Table, call: &Call<'_>, kind: Kind) -> Answer {
    let Words { version, list, .. } = Words::of(call);
    let Some(version) = version else { return "Missing version number.\n".into() };
    if list.is_empty() {
        return kind.missing().into();
    }
    answered(find_of(table, list, kind).and_then(|listed| {
        let made = version.ok_or(ListFault::OutOfRange).and_then(|version| listed.list.commit(version));
        made.map(|()| String::new()).map_err(|fault| refusal(fault, kind))
    }))
}

/// `#0x…` is an entry as `show map` numbers it.
fn selector(key: &str) -> Selector<'_> {
    let Some(number) = key.strip_prefix('#') else { return Selector::Key(key.as_bytes()) };
    // No entry has the number 0.
    Selector::Number(u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap_or(0))
}

fn refusal(fault: ListFault, kind: Kind) -> String {
    match fault {
        ListFault::Unreadable(message) => format!("{message}.\n"),
        ListFault::Unknown => "Key not found.\n".to_owned(),
        ListFault::Future => {
            format!("Version number in the future, please use 'prepare {}' before.\n", kind.word())
        }
        ListFault::OutOfRange => "Version number out of range.\n".to_owned(),
    }
}
