//! That whoever acts on a page means to: it must be this page that asks, not one of another site that a browser has open besides.
//!
//! Three things are looked at. Browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`), and what they say is believed if it
//! is bad. And each form carries a secret of this process, which only who may read the page can know.

use super::form::field;
use crate::pages::dialogue::Inquiry;
use std::fs::File;
use std::io::{self, Read};

/// Made at the start, known to nobody but those who read a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// What forms carry.
    token: String,
    /// What our own script is known by (CSP Level 3 §7.1).
    nonce: String,
}

/// Why a form is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    OtherSite,
    Secret,
}

impl Secret {
    /// 128 bits each from the system.
    pub(crate) fn new() -> io::Result<Secret> {
        let mut bytes = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Secret { token: text(&bytes[..16]), nonce: text(&bytes[16..]) })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.token
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }
}

/// What speaks against a form.
pub(super) fn doubt(inquiry: &Inquiry, secret: &Secret) -> Option<Doubt> {
    let is_same_site = matches!(inquiry.fetch_site.as_str(), "" | "same-origin");
    // RFC 6454 §7: scheme and authority, or `null`. The scheme is that of whoever terminates TLS before us.
    let authority = inquiry.origin.split_once("://").map_or(inquiry.origin.as_str(), |(_, authority)| authority);
    let is_same_origin = inquiry.origin.is_empty() || authority.eq_ignore_ascii_case(&inquiry.host);
    if !is_same_site || !is_same_origin {
        return Some(Doubt::OtherSite);
    }
    let given = field(&inquiry.content, "token").unwrap_or_default();
    (!is_same(secret.as_str(), &given)).then_some(Doubt::Secret)
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |difference, (one, other)| difference | (one ^ other));
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use http1::Method;

    fn check(fetch_site: &str, origin: &str, content: &str, expected: Option<Doubt>) {
        let inquiry = Inquiry {
            method: Method::Post,
            path: "/".into(),
            query: None,
            host: "lb.example:8080".into(),
            authorization: String::new(),
            origin: origin.into(),
            fetch_site: fetch_site.into(),
            content: content.into(),
        };
        let found = doubt(&inquiry, &Secret { token: "0123".into(), nonce: String::new() });
        assert_eq!(found, expected, "{fetch_site} {origin} {content}");
    }

    #[test]
    fn forms_of_others_are_not_believed() {
        check("", "", "token=0123", None);
        check("same-origin", "http://lb.example:8080", "b=be&token=0123", None);
        check("", "https://LB.example:8080", "token=0123", None);
        check("cross-site", "", "token=0123", Some(Doubt::OtherSite));
        check("same-site", "", "token=0123", Some(Doubt::OtherSite));
        check("", "http://lb.example", "token=0123", Some(Doubt::OtherSite));
        check("", "null", "token=0123", Some(Doubt::OtherSite));
        check("", "", "token=0124", Some(Doubt::Secret));
        check("", "", "token=", Some(Doubt::Secret));
        check("", "", "", Some(Doubt::Secret));
    }

    #[test]
    fn secrets_differ() {
        let [one, other] = [Secret::new(), Secret::new()].map(|secret| secret.expect("every system has it"));
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 32);
    }
}
