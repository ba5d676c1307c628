//! What a client would like to read (`configuration.txt` §7.3.1: `language`; RFC 9110 §12.5.4).

use std::borrow::Cow;

use super::Value;

/// Languages that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages {
    pub known: Box<[Box<[u8]>]>,
    /// What it is to be where none of them is liked.
    pub default: Option<Box<[u8]>>,
}

impl Languages {
    /// The one with the highest weight in an `Accept-Language`, of several the first. A variant that is not known counts as its language.
    pub(super) fn of<'a>(&'a self, accepted: &[u8]) -> Option<Value<'a>> {
        let mut best: Option<(u16, &[u8])> = None;
        for range in accepted.split(|&byte| byte == b',') {
            let mut parts = range.split(|&byte| byte == b';');
            let tag = parts.next().unwrap_or_default().trim_ascii();
            let weight = parts.next().map_or(Some(1000), weight).unwrap_or(0);
            let base = tag.split(|&byte| byte == b'-').next().unwrap_or_default();
            let Some(language) = self.find(tag).or_else(|| self.find(base)) else { continue };
            if weight > best.map_or(0, |(weight, _)| weight) {
                best = Some((weight, language));
            }
        }
        let found = best.map(|(_, language)| language).or(self.default.as_deref());
        found.map(|language| Value::Bytes(Cow::Borrowed(language)))
    }

    fn find(&self, tag: &[u8]) -> Option<&[u8]> {
        self.known.iter().map(|known| &**known).find(|known| *known == tag)
    }
}

/// `q=0.8` in thousandths (RFC 9110 §12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let digits = parameter.trim_ascii().strip_prefix(b"q=")?;
    let (whole, rest) = digits.split_first()?;
    let fraction = rest.strip_prefix(b".").unwrap_or_default();
    let is_number =
        fraction.len() <= 3 && fraction.iter().all(u8::is_ascii_digit) && (rest.is_empty() || rest[0] == b'.');
    let thousandths = fraction.iter().zip([100, 10, 1]).map(|(digit, unit)| u16::from(digit.wrapping_sub(b'0')) * unit);
    match whole {
        _ if !is_number => None,
        b'0' => Some(thousandths.sum()),
        b'1' => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of the manual; what HAProxy 2.6.12 answers is in the scenarios.
    #[test]
    fn weights() {
        let languages = |known: &[&str], default: Option<&str>| Languages {
            known: known.iter().map(|known| known.as_bytes().into()).collect(),
            default: default.map(|default| default.as_bytes().into()),
        };
        let chosen = |accepted: &str, known: &[&str]| {
            let languages = languages(known, None);
            let found = languages.of(accepted.as_bytes()).map(|found| found.into_bytes().into_owned());
            found.map(|found| String::from_utf8(found).expect("ASCII"))
        };
        for (accepted, known, expected) in [
            ("de, en", &["en", "de"][..], Some("de")),
            ("de;q=0.5, en;q=0.8", &["en", "de"], Some("en")),
            ("de;q=0, en;q=0.001", &["en", "de"], Some("en")),
            ("de;q=0", &["de"], None),
            ("de-CH", &["de"], Some("de")),
            ("de-CH, de", &["de", "de-CH"], Some("de-CH")),
            ("DE", &["de"], None),
            ("fr", &["de"], None),
            ("de;q=2, en;q=0.1", &["de", "en"], Some("en")),
            ("", &["de"], None),
        ] {
            assert_eq!(chosen(accepted, known).as_deref(), expected, "{accepted}");
        }
        let with_default = languages(&["de"], Some("en"));
        assert_eq!(with_default.of(b"fr"), Some(Value::text("en")));
    }
}
