//! `cookie NAME …`, `ignore-persist`, `force-persist`: how a backend knows its clients (configuration.txt §4.2 "cookie").

use crate::acl::Condition;
use crate::acl_reader::{self, Reader};
use crate::diagnostic::{Diagnostic, Lead};
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::Proxy;
use crate::value::{TimeError, seconds};
use std::collections::HashSet;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    pub name: String,
    pub mode: CookieMode,
    pub is_post_only: bool,
    pub is_indirect: bool,
    pub is_uncached: bool,
    pub preserves: bool,
    pub domains: Vec<String>,
    pub is_http_only: bool,
    pub is_secure: bool,
    /// `attr`
    pub attributes: Vec<String>,
    /// `maxidle`: after so many seconds without a request it counts no more; 0 is never.
    pub idle_max: u32,
    /// `maxlife`: the same of the seconds since it was given first.
    pub life_max: u32,
    /// `dynamic`: what servers without a value of their own are known by is made of their addresses.
    pub is_dynamic: bool,
}

/// Who gives it; nobody unless said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CookieMode {
    Read,
    Rewrite,
    Insert,
    Prefix,
}

/// `ignore-persist if …`, `force-persist if …`
#[derive(Clone, Debug)]
pub struct PersistRule {
    pub condition: Condition,
    /// `force-persist`
    pub is_forced: bool,
}

/// `ignore-persist` and `force-persist`.
pub(crate) fn persist(
    line: Line<'_>,
    is_forced: bool,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let name = line.keyword();
    if !matches!(line.word(1), "if" | "unless") {
        let message = format!("'{name}' requires either 'if' or 'unless' followed by a condition.");
        return Err(line.alert(1, message));
    }
    let prefix = format!("error detected while parsing a '{name}' rule : ");
    let condition = acl_reader::condition(line, 1, acls, &Reader { prefix: &prefix, end: "." }, reports)?;
    proxy.persist_rules.push(PersistRule { condition, is_forced });
    Ok(())
}

/// `dynamic-cookie-key KEY`
pub(crate) fn key(line: Line<'_>) -> Result<String, Diagnostic> {
    match line.word(1) {
        "" => Err(line.alert(1, "'dynamic-cookie-key' expects <secret_key> as argument.")),
        key => Ok(key.to_string()),
    }
}

/// `cookie NAME …`
pub(crate) fn cookie(line: Line<'_>) -> Result<Spanned<Cookie>, Diagnostic> {
    if line.word(1).is_empty() {
        return Err(line.alert(1, "'cookie' expects <cookie_name> as argument."));
    }
    let mut cookie = Cookie {
        name: line.word(1).to_string(),
        mode: CookieMode::Read,
        is_post_only: false,
        is_indirect: false,
        is_uncached: false,
        preserves: false,
        domains: Vec::new(),
        is_http_only: false,
        is_secure: false,
        attributes: Vec::new(),
        idle_max: 0,
        life_max: 0,
        is_dynamic: false,
    };
    let mut modes = Vec::new();
    let mut at = 2;
    while at < line.count() {
        let word = line.word(at);
        match word {
            "insert" | "rewrite" | "prefix" => {
                modes.push(match word {
                    "insert" => CookieMode::Insert,
                    "rewrite" => CookieMode::Rewrite,
                    _ => CookieMode::Prefix,
                });
            }
            "postonly" => cookie.is_post_only = true,
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
            "maxidle" => cookie.idle_max = age(line, at)?,
            "maxlife" => cookie.life_max = age(line, at)?,
            "dynamic" => cookie.is_dynamic = true,
            _ => {
                let message = "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', \
                               'maxidle', 'dynamic', 'maxlife' and 'attr' options.";
                return Err(line.alert(at, message));
            }
        }
        at += if matches!(word, "domain" | "attr" | "maxidle" | "maxlife") { 2 } else { 1 };
    }
    if modes.contains(&CookieMode::Rewrite) && cookie.is_indirect {
        return Err(line.alert(1, "cookie 'rewrite' and 'indirect' modes are incompatible."));
    }
    if modes.iter().any(|mode| *mode != modes[0]) {
        return Err(line.alert(1, "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
    }
    cookie.mode = modes.first().copied().unwrap_or(CookieMode::Read);
    if cookie.preserves && cookie.mode != CookieMode::Insert && !cookie.is_indirect {
        return Err(line.alert(1, "cookie 'preserve' requires at least 'insert' or 'indirect'."));
    }
    Ok(Spanned::new(cookie, line.span_from(0)))
}

/// The seconds behind word `at`.
fn age(line: Line<'_>, at: usize) -> Result<u32, Diagnostic> {
    let (name, word) = (line.word(at), line.word(at + 1));
    let fail = |message: String| Diagnostic::alert(Lead::Tight, line.span(at + 1), message);
    seconds(word).map_err(|error| match error {
        TimeError::Overflow => {
            let most = i32::MAX;
            fail(format!("timer overflow in argument <{word}> to <{name}>, maximum value is {most} s (~68 years)."))
        }
        TimeError::Unexpected(character) => {
            fail(format!("unexpected character '{character}' in argument to <{name}>."))
        }
    })
}
