//! Lists of patterns that operators and rules may change: one for each file, and one for each line that has patterns of its own.
//!
//! They are numbered as HAProxy numbers them: those with `-u` as that says, the others in the order of the file.

use super::acls::net_of;
use super::samples::{compare, range};
use super::{Lowering, converters, enabled};
use config::{
    BadLine, Diagnostic, Lead, Level, MapKey, MapValue, Matching, Method, Patterns, Span, Spanned, Stage, Test,
};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use table::{Compare, Group, How, List, Listed, Pattern, ReadPattern, Value};

/// The lists that were met so far.
#[derive(Default)]
pub(super) struct Lists {
    drafts: Vec<Draft>,
    by_file: HashMap<String, usize>,
    by_line: HashMap<Span, usize>,
}

struct Draft {
    list: Arc<List>,
    /// Where it was first met.
    span: Span,
    /// Whom complaints are about.
    owner: String,
    id: Option<u32>,
    file: Option<String>,
    description: String,
    is_acl: bool,
    is_map: bool,
    is_read: bool,
}

/// Whether somebody looks for values, or only for keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    One,
    Two,
}

/// How somebody reads a list.
#[derive(Debug)]
struct Reads {
    method: Method,
    is_folded: bool,
    /// The value takes up what groups matched.
    is_replacing: bool,
    /// What the values are; `None`: nobody looks at them.
    value: Option<MapValue>,
}

impl Lowering<'_> {
    /// The patterns of a line of its own and of its files, each with its list. What cannot be read is reported.
    pub(super) fn members(
        &mut self,
        expression: &config::Expression,
        matching: &Matching,
        owner: &str,
    ) -> Vec<(Patterns, Arc<List>)> {
        let mut members = Vec::with_capacity(matching.files.len() + 1);
        let columns = if matching.is_map { Columns::Two } else { Columns::One };
        for file in &matching.files {
            match self.of_file(file, expression.span, columns, matching, owner) {
                Ok(member) => members.push(member),
                Err(message) => {
                    let message = format!("error detected while parsing {owner} : {message}.");
                    self.alert(Stage::Parsing, Lead::Spaced, file.span, message);
                }
            }
        }
        members.push((matching.patterns.clone(), self.of_line(expression.span, matching, owner)));
        members
    }

    fn of_file(
        &mut self,
        file: &Spanned<String>,
        at: Span,
        columns: Columns,
        matching: &Matching,
        owner: &str,
    ) -> Result<(Patterns, Arc<List>), String> {
        let text = read(&file.value)?;
        let keys = keys(&text, columns);
        let patterns = Patterns::of_file(matching.method, matching.is_case_insensitive, &keys);
        let patterns = patterns
            .map_err(|BadLine { number, message }| format!("{message} at line {number} of file '{}'", file.value))?;
        Ok((patterns, self.file_list(&file.value, at, columns, true, &text, owner)?))
    }

    /// The list of a file. Whoever meets it first has read it.
    ///
    /// # Errors
    /// HAProxy's words for why it cannot be both a map and none.
    pub(super) fn file_list(
        &mut self,
        file: &str,
        at: Span,
        columns: Columns,
        is_acl: bool,
        text: &[u8],
        owner: &str,
    ) -> Result<Arc<List>, String> {
        let (name, line) = self.line_of(at);
        let index = self.lists.of_name(file, at, owner);
        let draft = &mut self.lists.drafts[index];
        let kind = if columns == Columns::Two { "map" } else { "acl" };
        let used = format!("by {kind} at file '{name}' line {line}");
        if draft.is_read {
            if draft.is_map != (columns == Columns::Two) {
                let (is, cannot) = if draft.is_map { ("two", "one") } else { ("one", "two") };
                return Err(format!(
                    "The file \"{file}\" is already used as {is} column file and cannot be used by as {cannot} column file"
                ));
            }
            if !draft.description.contains(&used) {
                draft.description = format!("{}, {used}", draft.description);
            }
        } else {
            draft.is_read = true;
            draft.is_map = columns == Columns::Two;
            draft.description = format!("pattern loaded from file '{file}' used {used}");
            draft.span = at;
            draft.owner = owner.to_owned();
            for (line, _) in lines(text) {
                match columns {
                    Columns::One => draft.list.push(line, None),
                    Columns::Two => {
                        let (key, value) = pair(line);
                        draft.list.push(key, Some(value));
                    }
                }
            }
        }
        draft.is_acl |= is_acl;
        Ok(Arc::clone(&draft.list))
    }

    fn of_line(&mut self, at: Span, matching: &Matching, owner: &str) -> Arc<List> {
        let word = self.text(at);
        let fetch = word[..word.find(['(', ',']).unwrap_or(word.len())].to_owned();
        self.line_list(at, &fetch, matching.id, matching.written.iter().map(String::as_str), owner)
    }

    /// The patterns of an ACL of HAProxy's own, which are a list wherever it is named.
    pub(super) fn predefined_list(
        &mut self,
        at: Span,
        fetch: &str,
        method: Method,
        written: &[&str],
    ) -> Option<Arc<Group>> {
        let list = self.line_list(at, fetch, None, written.iter().copied(), "");
        group_of(method, false, vec![list])
    }

    fn line_list<'t>(
        &mut self,
        at: Span,
        fetch: &str,
        id: Option<u32>,
        written: impl Iterator<Item = &'t str>,
        owner: &str,
    ) -> Arc<List> {
        if let Some(&index) = self.lists.by_line.get(&at) {
            return Arc::clone(&self.lists.drafts[index].list);
        }
        let (file, line) = self.line_of(at);
        let description = format!("acl '{fetch}' file '{file}' line {line}");
        let list = Arc::new(List::default());
        written.for_each(|text| list.push(text.as_bytes(), None));
        self.lists.by_line.insert(at, self.lists.drafts.len());
        self.lists.drafts.push(Draft {
            list: Arc::clone(&list),
            span: at,
            owner: owner.to_owned(),
            id,
            file: None,
            description,
            is_acl: true,
            is_map: false,
            is_read: true,
        });
        list
    }

    /// The list that a rule changes.
    pub(super) fn changed_list(&mut self, file: &Spanned<String>) -> Arc<List> {
        let index = self.lists.of_name(&file.value, file.span, "");
        Arc::clone(&self.lists.drafts[index].list)
    }

    /// All lists with their numbers, those too that no rule asks.
    pub(super) fn finish_lists(&mut self) -> Vec<Listed> {
        for proxy in enabled(self.config) {
            for acl in &proxy.acls {
                let Test::Sample { expression, .. } = &acl.test else { continue };
                if !self.lists.by_line.contains_key(&expression.span) {
                    self.tests(&[&acl.test], proxy, &format!("ACL '{}'", acl.name.value));
                }
            }
        }
        let mut drafts = std::mem::take(&mut self.lists).drafts;
        drafts.sort_by_key(|draft| (draft.span.source, draft.span.start, draft.file.is_none()));
        let mut taken = HashSet::new();
        for draft in &drafts {
            if !draft.is_read {
                self.unread(draft);
            }
            if draft.id.is_some_and(|id| !taken.insert(id)) {
                let message = format!("error detected while parsing {} : the id is already used.", draft.owner);
                self.alert(Stage::Parsing, Lead::Spaced, draft.span, message);
            }
        }
        let mut free = (0..).filter(|id| !taken.contains(id));
        let mut numbered = Vec::with_capacity(drafts.len());
        for draft in drafts.into_iter().filter(|draft| draft.is_read) {
            let Some(id) = draft.id.or_else(|| free.next()) else { break };
            numbered.push(Listed {
                id,
                file: draft.file.map(Into::into),
                description: draft.description.into(),
                is_acl: draft.is_acl,
                is_map: draft.is_map,
                list: draft.list,
            });
        }
        numbered
    }

    /// A rule changes what nobody asks.
    fn unread(&mut self, draft: &Draft) {
        let file = draft.file.as_deref().unwrap_or_default();
        let message = format!("no ACL and no map is read from '{file}': this rule changes nothing.");
        self.diagnostics.push(Diagnostic {
            level: Level::Warning,
            stage: Stage::Parsing,
            lead: Lead::Spaced,
            span: Some(draft.span),
            message,
            hint: None,
        });
    }

    fn line_of(&self, at: Span) -> (String, u32) {
        (self.sources.get(at.source as usize).map_or_else(String::new, |source| source.name.clone()), at.line)
    }
}

impl Lists {
    fn of_name(&mut self, file: &str, at: Span, owner: &str) -> usize {
        if let Some(&index) = self.by_file.get(file) {
            return index;
        }
        self.by_file.insert(file.to_owned(), self.drafts.len());
        self.drafts.push(Draft {
            list: Arc::default(),
            span: at,
            owner: owner.to_owned(),
            id: None,
            file: Some(file.to_owned()),
            description: String::new(),
            is_acl: false,
            is_map: false,
            is_read: false,
        });
        self.drafts.len() - 1
    }
}

/// Whoever compares like this asks these lists together.
pub(super) fn group(matching: &Matching, lists: Vec<Arc<List>>) -> Option<Arc<Group>> {
    group_of(matching.method, matching.is_case_insensitive, lists)
}

fn group_of(method: Method, is_folded: bool, lists: Vec<Arc<List>>) -> Option<Arc<Group>> {
    if !takes_patterns(method) {
        return None;
    }
    let reads = || Arc::new(Reads { method, is_folded, is_replacing: false, value: None });
    Some(Group::new(lists.into_iter().map(|list| (Arc::clone(&list), list.used(reads()))).collect()))
}

/// Whoever looks for values in a map.
pub(super) fn map_group(key: MapKey, value: MapValue, list: &Arc<List>) -> Arc<Group> {
    let method = match key {
        MapKey::Text(how) => Method::Text(how),
        MapKey::RegexReplace => Method::Text(config::Compare::Regex),
        MapKey::Integer => Method::Integer,
        MapKey::Address => Method::Ip,
    };
    let is_replacing = key == MapKey::RegexReplace;
    let used = list.used(Arc::new(Reads { method, is_folded: false, is_replacing, value: Some(value) }));
    Group::new(vec![(Arc::clone(list), used)])
}

fn takes_patterns(method: Method) -> bool {
    match method {
        Method::Found | Method::Boolean => false,
        Method::Integer | Method::Version | Method::Ip | Method::Length | Method::Text(_) => true,
    }
}

impl ReadPattern for Reads {
    fn like(&self) -> (How, bool, Option<&'static str>) {
        let how = match self.method {
            Method::Found | Method::Boolean => How::Never,
            Method::Integer | Method::Version => How::Number,
            Method::Length => How::Length,
            Method::Ip => How::Addr,
            Method::Text(_) if self.is_replacing => How::Replace,
            Method::Text(how) => How::Text(compare(how)),
        };
        let value = self.value.map(|value| match value {
            MapValue::Text => "str",
            MapValue::Integer => "int",
            MapValue::Address => "ip",
        });
        (how, self.is_folded, value)
    }

    fn pattern(&self, text: &[u8]) -> Result<Pattern, String> {
        let made = match Patterns::of_text(self.method, self.is_folded, text)? {
            Patterns::None => None,
            Patterns::Networks(nets) => nets.first().map(|net| Pattern::Net(net_of(net.address, net.prefix))),
            Patterns::Ranges(ranges) => ranges.first().map(|known| Pattern::Range(range(known))),
            Patterns::Texts(texts) => texts.into_iter().next().map(|mut text| {
                // Those of the others whose case matters are compared by what folds them itself.
                if self.is_folded && matches!(self.like().0, How::Text(Compare::Whole | Compare::Begin)) {
                    text.make_ascii_lowercase();
                }
                Pattern::Text(text.into())
            }),
        };
        Ok(made.unwrap_or(Pattern::Nothing))
    }

    fn value(&self, text: &[u8]) -> Option<Value<'static>> {
        converters::read_value(self.value.unwrap_or(MapValue::Text), text)
    }
}

/// What is in a file: one that need not be there (`opt@`), and one that is none (`virt@`), may be empty.
///
/// # Errors
/// HAProxy's words.
pub(super) fn read(file: &str) -> Result<Vec<u8>, String> {
    if file.starts_with("virt@") {
        return Ok(Vec::new());
    }
    let (path, may_lack) = file.strip_prefix("opt@").map_or((file, false), |path| (path, true));
    match fs::read(path.strip_prefix("file@").unwrap_or(path)) {
        Ok(text) => Ok(text),
        Err(error) if may_lack && error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(_) => Err(format!("failed to open pattern file <{file}>")),
    }
}

/// The lines that count, each with its number.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let lines = text.split(|&byte| byte == b'\n').zip(1..);
    let lines = lines.map(|(line, number)| (line.split(|&byte| byte == b'\r').next().unwrap_or_default(), number));
    let lines = lines.map(|(line, number)| (line.trim_ascii_start(), number));
    lines.filter(|(line, _)| !line.is_empty() && !line.starts_with(b"#"))
}

/// A key, and what stands behind it.
pub(super) fn pair(line: &[u8]) -> (&[u8], &[u8]) {
    let (key, rest) = line.split_at(line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len()));
    (key, rest.trim_ascii())
}

/// The file as one of keys alone, line by line.
fn keys(text: &[u8], columns: Columns) -> Vec<u8> {
    if columns == Columns::One {
        return text.to_vec();
    }
    let mut keys: Vec<&[u8]> = Vec::new();
    for (line, number) in lines(text) {
        keys.resize(number, b"");
        keys[number - 1] = pair(line).0;
    }
    keys.join(&b'\n')
}
