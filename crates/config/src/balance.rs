//! `balance`, `hash-type`, `hash-balance-factor`: how a server is chosen (configuration.txt §4.2).

use crate::acl::Expression;
use crate::diagnostic::Diagnostic;
use crate::fetch::{Fetch, Speaker};
use crate::line::Line;
use crate::pattern::integer;
use crate::reports::Reports;
use crate::sample_reader::{self, Read};
use crate::source::Spanned;
use crate::tree::{Balance, Settings};
use crate::value::natural;

/// What is hashed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HashKey {
    /// `source`
    Source,
    /// `uri`
    Uri(UriExtent),
    /// `url_param NAME`
    Parameter(String),
    /// `url_param NAME check_post`: in the content of a POST, too.
    PostedParameter(String),
    /// `hdr(NAME) [use_domain_only]`
    Field { name: String, is_domain: bool },
    /// `hash EXPRESSION`
    Expression(Expression),
}

impl HashKey {
    /// Whether only requests of HTTP have such a key.
    pub(crate) fn is_of_requests(&self) -> bool {
        match self {
            HashKey::Source | HashKey::Expression(_) => false,
            HashKey::Uri(_) | HashKey::Parameter(_) | HashKey::PostedParameter(_) | HashKey::Field { .. } => true,
        }
    }
}

/// `balance uri [len N] [depth N] [whole] [path-only]`; 0 is without limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UriExtent {
    pub size_max: u32,
    pub depth_max: u32,
    pub has_query: bool,
    pub is_path_only: bool,
}

/// `hash-type METHOD [FUNCTION [MODIFIER]]`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HashType {
    pub is_consistent: bool,
    pub function: HashFunction,
    /// `avalanche`
    pub is_mixed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashFunction {
    #[default]
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
    /// Of samples alone.
    Crc32c,
    /// `none`
    Digits,
}

/// `balance ALGORITHM …`
pub(crate) fn balance(line: Line<'_>, settings: &mut Settings, reports: &mut Reports) -> Result<(), Diagnostic> {
    let word = line.word(1);
    let name = &word[..word.find('(').unwrap_or(word.len())];
    let (algorithm, count) = match name {
        "" if word.is_empty() => {
            settings.balance = None;
            return Ok(());
        }
        "roundrobin" => (Balance::RoundRobin, 2),
        "static-rr" => (Balance::StaticRoundRobin, 2),
        "leastconn" => (Balance::LeastConn, 2),
        "first" => (Balance::First, 2),
        "source" => (Balance::Hash(HashKey::Source), 2),
        "random" => (Balance::Random { draws: draws(line, &word[name.len()..])? }, 2),
        "uri" => (Balance::Hash(HashKey::Uri(extent(line)?)), line.count()),
        "url_param" => (Balance::Hash(parameter(line)?), line.count()),
        "hdr" if !word[name.len()..].is_empty() => {
            let (name, is_domain) = field(line, &word[name.len() + 1..])?;
            (Balance::Hash(HashKey::Field { name, is_domain }), 3)
        }
        "hash" => match expression(line, reports)? {
            Some(expression) => (Balance::Hash(HashKey::Expression(expression)), 3),
            None => return Ok(()),
        },
        "rdp-cookie" | "log-hash" | "sticky" => {
            reports.refuse(line.span_from(0), format!("balance {name}"));
            return Ok(());
        }
        _ => {
            let message = "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', \
                           'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.";
            return Err(line
                .alert(1, message)
                .hint("Tidegate also serves 'first', 'random(<draws>)' and 'hash <expression>'"));
        }
    };
    line.ends_at(count, &format!("balance {name}"))?;
    settings.balance = Some(Spanned::new(algorithm, line.span_from(1)));
    Ok(())
}

/// The `(N)` of `random(N)`; without one, two servers are drawn.
fn draws(line: Line<'_>, argument: &str) -> Result<u32, Diagnostic> {
    let Some(inside) = argument.strip_prefix('(') else { return Ok(2) };
    let Some((digits, _)) = inside.split_once(')') else {
        return Err(line.alert(1, "balance random : missing closing parenthesis."));
    };
    if let Some(character) = digits.chars().find(|character| !character.is_ascii_digit()) {
        return Err(line.alert(1, format!("balance random : unexpected character '{character}' after argument.")));
    }
    natural(digits)
        .filter(|draws| *draws > 0)
        .ok_or_else(|| line.alert(1, "balance random : number of draws must be at least 1."))
}

fn extent(line: Line<'_>) -> Result<UriExtent, Diagnostic> {
    let mut extent = UriExtent::default();
    let mut at = 2;
    while at < line.count() {
        let word = line.word(at);
        match word {
            "len" | "depth" => {
                let said = line.word(at + 1);
                let message =
                    || line.alert(at + 1, format!("balance uri : '{word}' expects a positive integer (got '{said}')."));
                let number = natural(said).filter(|&number| number > 0).ok_or_else(message)?;
                *(if word == "len" { &mut extent.size_max } else { &mut extent.depth_max }) = number;
                at += 1;
            }
            "whole" => extent.has_query = true,
            "path-only" => extent.is_path_only = true,
            _ => {
                let message = format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{word}')."
                );
                return Err(line.alert(at, message));
            }
        }
        at += 1;
    }
    Ok(extent)
}

/// `url_param NAME [check_post [N]]`; the number has no meaning any more.
fn parameter(line: Line<'_>) -> Result<HashKey, Diagnostic> {
    match (line.word(2), line.word(3)) {
        ("", _) => Err(line.alert(2, "balance url_param requires an URL parameter name.")),
        (name, "") => Ok(HashKey::Parameter(name.to_string())),
        (name, "check_post") => Ok(HashKey::PostedParameter(name.to_string())),
        (_, other) => {
            Err(line.alert(3, format!("balance url_param only accepts 'check_post' modifier (got '{other}').")))
        }
    }
}

/// `hdr(NAME) [use_domain_only]`
fn field(line: Line<'_>, argument: &str) -> Result<(String, bool), Diagnostic> {
    let name = argument.strip_suffix(')').filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| line.alert(1, "balance hdr requires an http header field name."))?;
    match line.word(2) {
        "" => Ok((name.to_string(), false)),
        "use_domain_only" => Ok((name.to_string(), true)),
        other => {
            Err(line.alert(2, format!("balance hdr({name}) only accepts 'use_domain_only' modifier (got '{other}').")))
        }
    }
}

/// `hash EXPRESSION`; `None`: something in it is refused.
fn expression(line: Line<'_>, reports: &mut Reports) -> Result<Option<Expression>, Diagnostic> {
    let Some(word) = line.rest(2).first() else {
        return Err(line.alert(2, "balance hash requires a sample expression."));
    };
    if let Some(other) = line.rest(3).first() {
        return Err(line.alert(3, format!("balance hash takes no other argument (got '{}').", &other.text)));
    }
    let lead = |what: String| format!("failed to parse 'balance hash' expression '{}' in : {what}.", &word.text);
    let expression = match sample_reader::expression(word, &mut reports.guesser) {
        Ok(Read::Sample(expression, _, None)) => expression,
        Ok(Read::Sample(_, _, Some(_))) => {
            let name = word.text.split(['(', ',']).next().unwrap_or_default();
            return Err(line.alert(2, lead(format!("unknown fetch method '{name}'"))));
        }
        Ok(Read::Unserved) => {
            reports.refuse(word.span, format!("balance hash {}", &word.text));
            return Ok(None);
        }
        Err((message, hint)) => return Err(line.alert(2, lead(message)).hint_if(hint)),
    };
    let lacks = match &expression.fetch {
        Fetch::Message(part) if part.speaker() == Speaker::Server => Some("HTTP response headers"),
        Fetch::Payload(Speaker::Server, _) => Some("response buffer"),
        Fetch::BackTls(_) => Some("server-side connection"),
        Fetch::Message(_)
        | Fetch::Payload(Speaker::Client, _)
        | Fetch::Address(_)
        | Fetch::Number(_)
        | Fetch::FrontendName
        | Fetch::BackendName
        | Fetch::Text(_)
        | Fetch::WaitEnd
        | Fetch::Variable(_)
        | Fetch::VariableOr(..)
        | Fetch::Octets(_)
        | Fetch::Random(_)
        | Fetch::Uuid
        | Fetch::Session(_)
        | Fetch::Hostname
        | Fetch::Environment(_)
        | Fetch::Tls(_)
        | Fetch::Announced(_) => None,
    };
    match lacks {
        None => Ok(Some(expression)),
        Some(what) => {
            let message = format!(
                "error detected while parsing 'balance hash' expression '{}' which requires information from {what}, \
                 which is not available here.",
                &word.text
            );
            Err(line.alert(2, message))
        }
    }
}

/// `hash-type METHOD [FUNCTION [MODIFIER]]`
pub(crate) fn hash_type(line: Line<'_>) -> Result<HashType, Diagnostic> {
    let is_consistent = match line.word(1) {
        "map-based" => false,
        "consistent" => true,
        _ => return Err(line.alert(1, "'hash-type' only supports 'consistent' and 'map-based'.")),
    };
    let function = match line.word(2) {
        // The method brings its own function along.
        "" => return Ok(HashType { is_consistent, function: HashFunction::Sdbm, is_mixed: is_consistent }),
        "sdbm" => HashFunction::Sdbm,
        "djb2" => HashFunction::Djb2,
        "wt6" => HashFunction::Wt6,
        "crc32" => HashFunction::Crc32,
        "none" => HashFunction::Digits,
        _ => {
            let message = "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.";
            return Err(line.alert(2, message));
        }
    };
    let is_mixed = match line.word(3) {
        "" => false,
        "avalanche" => true,
        _ => {
            let message = "'hash-type' only supports 'avalanche' as a modifier for hash functions.";
            return Err(line.alert(3, message));
        }
    };
    line.ends_at(4, "hash-type")?;
    Ok(HashType { is_consistent, function, is_mixed })
}

/// `hash-balance-factor PERCENT`
pub(crate) fn hash_balance_factor(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    if line.word(1).is_empty() {
        return Err(line.alert(1, "'hash-balance-factor' expects an integer argument."));
    }
    let number = integer(line.word(1)).and_then(|number| u32::try_from(number).ok());
    let factor = number.filter(|&factor| factor == 0 || factor > 100);
    let factor = factor.ok_or_else(|| line.alert(1, "'hash-balance-factor' must be 0 or greater than 100."))?;
    line.ends_at(2, "hash-balance-factor")?;
    Ok(Spanned::new(factor, line.span(1)))
}
