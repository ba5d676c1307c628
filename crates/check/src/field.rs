//! What `http-check expect hdr` and `fhdr` look for in a response (CFG 4.2): a field of some name, with some value.

use http1::Response;
use regex::bytes::Regex;

use crate::pattern::is_within;
use crate::{Formulas, Text};

/// A field is found whose name and, if that matters, whose value are as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPattern {
    /// In lower case, and compared with names in lower case.
    pub name: Likeness,
    /// `None`: it is enough that it is there.
    pub value: Option<Likeness>,
    /// `fhdr`: whole values are compared, not the elements of lists.
    pub is_whole: bool,
}

/// What a text is compared with.
#[derive(Clone, Debug)]
pub enum Likeness {
    Text(How, Text),
    Regex(Regex),
}

/// `-m`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// `str`
    #[default]
    Whole,
    /// `beg`
    Begin,
    /// `end`
    End,
    /// `sub`
    Inside,
}

/// A format has made nothing, which is like everything.
pub(crate) struct Empty;

/// A likeness at this moment.
enum Now<'a> {
    Text(How, Vec<u8>),
    Regex(&'a Regex),
}

impl FieldPattern {
    /// Whether it is in the response whose bytes these are.
    pub(crate) fn is_in(&self, response: &Response, bytes: &[u8], formulas: &mut dyn Formulas) -> Result<bool, Empty> {
        let mut name = self.name.now(formulas, bytes)?;
        if let Now::Text(_, text) = &mut name {
            text.make_ascii_lowercase();
        }
        let Some(value) = &self.value else {
            return Ok(response.fields().iter(bytes).any(|(known, _)| name.is_like(&known.to_ascii_lowercase())));
        };
        let wanted = value.now(formulas, bytes)?;
        let mut named = response.fields().iter(bytes).filter(|(known, _)| name.is_like(&known.to_ascii_lowercase()));
        Ok(named.any(|(_, value)| match self.is_whole {
            true => wanted.is_like(value),
            false => elements(value).any(|element| wanted.is_like(element)),
        }))
    }
}

impl Likeness {
    fn now(&self, formulas: &mut dyn Formulas, heard: &[u8]) -> Result<Now<'_>, Empty> {
        match self {
            Likeness::Regex(regex) => Ok(Now::Regex(regex)),
            Likeness::Text(how, text @ Text::Made(_)) => {
                let text = text.now(formulas, heard);
                if text.is_empty() { Err(Empty) } else { Ok(Now::Text(*how, text.into_owned())) }
            }
            Likeness::Text(how, Text::Fixed(text)) => Ok(Now::Text(*how, text.to_vec())),
        }
    }
}

impl Now<'_> {
    fn is_like(&self, text: &[u8]) -> bool {
        match self {
            Now::Regex(regex) => regex.is_match(text),
            Now::Text(How::Whole, wanted) => text == wanted,
            Now::Text(How::Begin, wanted) => text.starts_with(wanted),
            Now::Text(How::End, wanted) => text.ends_with(wanted),
            Now::Text(How::Inside, wanted) => is_within(wanted, text),
        }
    }
}

impl PartialEq for Likeness {
    fn eq(&self, other: &Likeness) -> bool {
        match (self, other) {
            (Likeness::Text(one_how, one), Likeness::Text(two_how, two)) => (one_how, one) == (two_how, two),
            (Likeness::Regex(one), Likeness::Regex(two)) => one.as_str() == two.as_str(),
            (Likeness::Text(..) | Likeness::Regex(_), _) => false,
        }
    }
}

impl Eq for Likeness {}

/// The elements of a list without the blanks around them; a comma in a quoted string ends none (RFC 9110 §5.6.1, §5.6.4).
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_end = move |&byte: &u8| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            _ if was_escaped => {}
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b',' => return !is_quoted,
            _ => {}
        }
        false
    };
    list.split(is_end).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let elements = |list: &'static str| {
            elements(list.as_bytes()).map(String::from_utf8_lossy).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(elements("one, two ,\"three, four\",five"), ["one", "two", "\"three, four\"", "five"]);
        assert_eq!(elements(r#"a="\",", b"#), [r#"a="\",""#, "b"]);
        assert_eq!(elements(""), [""]);
    }
}
