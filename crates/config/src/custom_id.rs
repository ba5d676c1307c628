//! Numbers that a file gives to its proxies, listeners and servers (`id`), instead of those that they would have by their order.

use crate::diagnostic::{Diagnostic, Lead, place_of};
use crate::source::{Source, Span, Spanned};
use crate::tree::{Bind, Config, Proxy};
use crate::value::natural;
use std::collections::HashMap;

/// Reads a number. `Err`: what is wrong with it, in HAProxy's words.
pub(crate) fn read(word: &str, span: Span) -> Result<Spanned<u32>, String> {
    match natural(word) {
        Some(0) => Err("custom id has to be > 0".to_string()),
        Some(id) => Ok(Spanned::new(id, span)),
        None if word.is_empty() => Err("expects an integer argument".to_string()),
        None => Err(format!("expects an integer argument, found '{word}'")),
    }
}

/// A number is one proxy's, and within it one listener's and one server's.
pub(crate) fn check(config: &Config, sources: &[Source], diagnostics: &mut Vec<Diagnostic>) {
    let mut proxies: HashMap<u32, &Proxy> = HashMap::new();
    for proxy in &config.proxies {
        let Some(id) = &proxy.id else { continue };
        match proxies.get(&id.value) {
            Some(first) => {
                let (noun, name) = (proxy.role.noun(), &proxy.name.value);
                let message = format!(
                    "{noun} {name} reuses same custom id as {} {} (declared at {}).",
                    first.role.noun(),
                    first.name.value,
                    place_of(first.name.span, sources)
                );
                diagnostics.push(Diagnostic::alert(Lead::Tight, id.span, message));
            }
            None => drop(proxies.insert(id.value, proxy)),
        }
    }
    for proxy in &config.proxies {
        listeners(proxy, sources, diagnostics);
        servers(proxy, sources, diagnostics);
    }
}

fn listeners(proxy: &Proxy, sources: &[Source], diagnostics: &mut Vec<Diagnostic>) {
    let mut known = HashMap::new();
    for bind in &proxy.binds {
        let Some(id) = &bind.id else { continue };
        match known.get(&id.value) {
            Some(&(place, first)) => {
                let message = format!(
                    "'bind {}' in section '{}' : 'id' : custom id {} already used at {} ('bind {first}')",
                    address_words(bind, sources),
                    proxy.role.keyword(),
                    id.value,
                    place_of(place, sources)
                );
                diagnostics.push(Diagnostic::alert(Lead::Spaced, id.span, message));
            }
            None => drop(known.insert(id.value, (bind.span, address_words(bind, sources)))),
        }
    }
}

/// What stands behind `bind`.
fn address_words<'s>(bind: &Bind, sources: &'s [Source]) -> &'s str {
    let text = sources.get(bind.span.source as usize).map_or("", |source| source.text.as_str());
    let line = text.get(bind.span.start as usize..bind.span.end as usize).unwrap_or_default();
    line.split_whitespace().nth(1).unwrap_or_default()
}

fn servers(proxy: &Proxy, sources: &[Source], diagnostics: &mut Vec<Diagnostic>) {
    let mut known = HashMap::new();
    for server in &proxy.servers {
        let Some(id) = &server.options.id else { continue };
        let name = &server.name;
        match known.get(&id.value) {
            Some(&(place, first)) => {
                let message = format!(
                    "'server {}/{}' : 'id' : custom id {} already used at {} ('server {first}').",
                    proxy.name.value,
                    name.value,
                    id.value,
                    place_of(place, sources)
                );
                diagnostics.push(Diagnostic::alert(Lead::Place, id.span, message));
            }
            None => drop(known.insert(id.value, (name.span, name.as_str()))),
        }
    }
}
