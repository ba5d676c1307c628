//! What rules change in a head (`configuration.txt` §4.3: `set-header`, `replace-value`, `set-path` and so on).

use http1::EditError;
use regex::bytes::Regex;

use crate::Table;
use crate::http_rules::{Case, Head};
use crate::sample::{Compare, Format, TextPatterns, expand, first_element, regex};

/// One change. Names of fields are never those by which a message is framed: the configuration was checked.
#[derive(Clone, Debug)]
pub enum Edit {
    SetField(Box<[u8]>, Format),
    AddField(Box<[u8]>, Format),
    DeleteField(Box<[u8]>),
    /// `del-header … -m`: fields whose names match.
    DeleteFields(TextPatterns),
    /// `replace-header`: whole values; with `is_each_element` (`replace-value`) the elements of lists.
    ReplaceField {
        name: Box<[u8]>,
        replacement: Replacement,
        is_each_element: bool,
    },
    SetMethod(Format),
    SetTarget(TargetPart, Format),
    /// `replace-path` and its kin.
    ReplaceTarget(TargetPart, Replacement),
    /// The status, and another reason phrase than the usual one.
    SetStatus(u16, Box<[u8]>),
}

/// What of a request's target is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPart {
    Path,
    /// `pathq`
    PathAndQuery,
    Query,
    /// `uri`
    Whole,
}

/// Where an expression is found in a text, all of that text becomes something else.
#[derive(Clone, Debug)]
pub struct Replacement {
    regex: Regex,
    /// `\1` stands for what the first group matched, `\0` for the whole match, `\xHH` for a byte.
    to: Format,
}

impl Replacement {
    /// # Errors
    /// What is wrong with the expression.
    pub fn new(expression: &[u8], to: Format) -> Result<Replacement, regex::Error> {
        Ok(Replacement { regex: regex(expression, false)?, to })
    }
}

/// The names that `del-header NAME -m METHOD` means: fields are asked in lower case.
///
/// # Errors
/// What is wrong with a regular expression.
pub fn field_names(compare: Compare, pattern: &[u8]) -> Result<TextPatterns, regex::Error> {
    let is_folded = compare != Compare::Regex;
    TextPatterns::new(compare, is_folded, [pattern])
}

impl Edit {
    pub(crate) fn fits(&self, table: &Table) -> bool {
        match self {
            Edit::SetField(_, format)
            | Edit::AddField(_, format)
            | Edit::SetMethod(format)
            | Edit::SetTarget(_, format) => format.fits(table),
            Edit::ReplaceField { replacement, .. } | Edit::ReplaceTarget(_, replacement) => replacement.to.fits(table),
            Edit::DeleteField(_) | Edit::DeleteFields(_) | Edit::SetStatus(..) => true,
        }
    }

    /// Changes the message of `case`. `text` is empty, and memory.
    ///
    /// # Errors
    /// There is no room for it, or a part of a message would be none.
    pub(crate) fn make(&self, case: &mut Case<'_>, text: &mut Vec<u8>) -> Result<(), EditError> {
        let bytes = case.bytes;
        match self {
            Edit::SetField(name, value) => {
                value.append(&case.facts(), text);
                case.head.fields_mut().set(bytes, name, text)
            }
            Edit::AddField(name, value) => {
                value.append(&case.facts(), text);
                case.head.fields_mut().add(name, text)
            }
            Edit::DeleteField(name) => case.head.fields_mut().delete(bytes, name).map(|_| ()),
            Edit::DeleteFields(names) => {
                case.head.fields_mut().delete_where(bytes, |name| names.matches(name));
                Ok(())
            }
            Edit::ReplaceField { name, replacement, is_each_element } => {
                replacement.to.append(&case.facts(), text);
                replace_fields(case, name, replacement, text, *is_each_element)
            }
            Edit::SetMethod(method) => {
                method.append(&case.facts(), text);
                case.head.request().set_method(text)
            }
            Edit::SetTarget(part, target) => {
                target.append(&case.facts(), text);
                part.set(case, text)
            }
            Edit::ReplaceTarget(part, replacement) => {
                replacement.to.append(&case.facts(), text);
                let mut target = Vec::new();
                match replacement.expand(part.of(case), text, &mut target) {
                    true => part.set(case, &target),
                    false => Ok(()),
                }
            }
            Edit::SetStatus(status, reason) => match &mut case.head {
                Head::Response(response) => response.set_status(*status, reason),
                Head::Request(_) => panic!("a rule on responses is asked about a response"),
            },
        }
    }
}

fn replace_fields(
    case: &mut Case<'_>,
    name: &[u8],
    replacement: &Replacement,
    template: &[u8],
    is_each_element: bool,
) -> Result<(), EditError> {
    let bytes = case.bytes;
    let mut made = Vec::new();
    for nth in 0..case.head.fields().values(bytes, name).count() {
        made.clear();
        let Some(value) = case.head.fields().values(bytes, name).nth(nth) else { break };
        let is_replaced = match is_each_element {
            true => replacement.expand_elements(value, template, &mut made),
            false => replacement.expand(value, template, &mut made),
        };
        if is_replaced {
            case.head.fields_mut().replace(bytes, name, nth, &made)?;
        }
    }
    Ok(())
}

impl TargetPart {
    fn of<'c>(self, case: &'c mut Case<'_>) -> &'c [u8] {
        let bytes = case.bytes;
        let request = case.head.request();
        match self {
            TargetPart::Path => request.path(bytes),
            TargetPart::PathAndQuery => request.path_and_query(bytes),
            TargetPart::Query => request.query(bytes).unwrap_or_default(),
            TargetPart::Whole => request.target(bytes),
        }
    }

    fn set(self, case: &mut Case<'_>, text: &[u8]) -> Result<(), EditError> {
        let bytes = case.bytes;
        let request = case.head.request();
        match self {
            TargetPart::Path => request.set_path(bytes, text),
            TargetPart::PathAndQuery => request.set_path_and_query(bytes, text),
            // As in HAProxy, a text may bring its `?` with it.
            TargetPart::Query => request.set_query(bytes, text.strip_prefix(b"?").unwrap_or(text)),
            TargetPart::Whole => request.set_target(text),
        }
    }
}

impl Replacement {
    /// Appends what `text` becomes; says whether the expression is found in it.
    fn expand(&self, text: &[u8], template: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(groups) = self.regex.captures(text) else { return false };
        expand(&groups, template, out);
        true
    }

    /// The same for each element of a list (RFC 9110 §5.6.1). One that is replaced loses the blanks around it.
    fn expand_elements(&self, list: &[u8], template: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut rest, mut is_any) = (Some(list), false);
        while let Some(list) = rest {
            let (element, behind) = first_element(list);
            let is_replaced = self.expand(element.trim_ascii(), template, out);
            if !is_replaced {
                out.extend_from_slice(element);
            }
            is_any |= is_replaced;
            if behind.is_some() {
                out.push(b',');
            }
            rest = behind;
        }
        is_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 makes of such values with `replace-header` and `replace-value`.
    #[test]
    fn replacements() {
        let check = |expression: &str, template: &str, value: &str, whole: Option<&str>, each: Option<&str>| {
            let replacement = Replacement::new(expression.as_bytes(), Format::new(Vec::new())).expect("an expression");
            let mut out = Vec::new();
            let is_found = replacement.expand(value.as_bytes(), template.as_bytes(), &mut out);
            assert_eq!(is_found.then(|| String::from_utf8_lossy(&out)), whole.map(Into::into), "{expression} {value}");
            out.clear();
            let is_found = replacement.expand_elements(value.as_bytes(), template.as_bytes(), &mut out);
            assert_eq!(is_found.then(|| String::from_utf8_lossy(&out)), each.map(Into::into), "{expression} {value}");
        };
        check("(a)(.)", r"\2\1x", "ab, ac ,cd", Some("bax"), Some("bax,cax,cd"));
        check("(a)(.)", r"\2\1x", "\"a,b\"", Some(",ax"), Some(",ax"));
        check("foo=([^;]*);(.*)", r"foo=\1;ip=1;\2", "foo=bar;x=y", Some("foo=bar;ip=1;x=y"), Some("foo=bar;ip=1;x=y"));
        check("x", "y", "ab", None, None);
        check("a(b)?", r"[\1]\\\x41\", "ac", Some(r"[]\A"), Some(r"[]\A"));
    }
}
