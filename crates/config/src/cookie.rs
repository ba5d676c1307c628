//! `cookie NAME insert …`: how a backend knows its clients (configuration.txt §4.2 "cookie").

use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    pub name: String,
    pub is_indirect: bool,
    pub is_uncached: bool,
    pub preserves: bool,
    pub domains: Vec<String>,
    pub is_http_only: bool,
    pub is_secure: bool,
    /// `attr`
    pub attributes: Vec<String>,
}

/// `None`: something in it is refused.
pub(crate) fn cookie(line: Line<'_>, reports: &mut Reports) -> Result<Option<Spanned<Cookie>>, Diagnostic> {
    if line.word(1).is_empty() {
        return Err(line.alert(1, "'cookie' expects <cookie_name> as argument."));
    }
    let mut cookie = Cookie {
        name: line.word(1).to_string(),
        is_indirect: false,
        is_uncached: false,
        preserves: false,
        domains: Vec::new(),
        is_http_only: false,
        is_secure: false,
        attributes: Vec::new(),
    };
    let (mut modes, mut is_refused) = (0, false);
    let mut at = 2;
    while at < line.count() {
        let word = line.word(at);
        match word {
            "insert" => modes += 1,
            "indirect" => cookie.is_indirect = true,
            "nocache" => cookie.is_uncached = true,
            "preserve" => cookie.preserves = true,
            "httponly" => cookie.is_http_only = true,
            "secure" => cookie.is_secure = true,
            "domain" | "attr" | "maxidle" | "maxlife" if line.word(at + 1).is_empty() => {
                return Err(line.alert(at, format!("'{word}' expects <{word}> as argument.")));
            }
            "domain" => cookie.domains.push(line.word(at + 1).to_string()),
            "attr"
                if line.word(at + 1).contains(|character: char| character == ';' || character.is_ascii_control()) =>
            {
                return Err(line.alert(at + 1, "character ';' or a control character is not permitted in attribute."));
            }
            "attr" => cookie.attributes.push(line.word(at + 1).to_string()),
            "rewrite" | "prefix" | "postonly" | "maxidle" | "maxlife" | "dynamic" => {
                modes += usize::from(matches!(word, "rewrite" | "prefix"));
                reports.refuse(line.span(at), format!("cookie {word}"));
                is_refused = true;
            }
            _ => {
                let message = "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', \
                               'maxidle', 'dynamic', 'maxlife' and 'attr' options.";
                return Err(line.alert(at, message));
            }
        }
        at += if matches!(word, "domain" | "attr" | "maxidle" | "maxlife") { 2 } else { 1 };
    }
    if modes > 1 {
        return Err(line.alert(1, "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
    }
    if modes == 0 && !is_refused {
        reports.refuse(line.span_from(0), "cookie without 'insert'");
        is_refused = true;
    }
    Ok((!is_refused).then(|| Spanned::new(cookie, line.span_from(0))))
}
