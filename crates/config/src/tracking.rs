//! Servers that follow another one (configuration.txt §5.2, "track"): it must be there, be checked, and not follow them itself.

use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::tree::{Config, Proxy, Server};
use std::collections::HashMap;

/// A server in its proxy.
type Place<'a> = (&'a Proxy, &'a Server);

/// Appends what is wrong with the chains of servers that follow each other.
pub(crate) fn check(config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    let enabled = || config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled);
    let backends: HashMap<&str, &Proxy> =
        enabled().filter(|proxy| proxy.role.has_back()).map(|proxy| (proxy.name.value.as_str(), proxy)).collect();
    for proxy in enabled() {
        for server in &proxy.servers {
            let Some(track) = &server.options.track else { continue };
            if let Err(fault) = follow(&backends, (proxy, server)) {
                let message = format!("'server {}' : {fault}", named((proxy, server)));
                diagnostics.push(Diagnostic::new(Level::Alert, Stage::Checking, Lead::Place, track.span, message));
            }
        }
    }
}

/// Goes to the end of the chain that begins at `first`; `Err` is HAProxy's complaint about it.
fn follow<'a>(backends: &HashMap<&str, &'a Proxy>, first: Place<'a>) -> Result<(), String> {
    let mut seen = vec![first];
    loop {
        let last = seen[seen.len() - 1];
        let next = match target(backends, last) {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(()),
            // The server that names it is told of it.
            Err(_) if seen.len() > 1 => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let (target, options) = (named(next), &next.1.options);
        if seen.iter().any(|place| std::ptr::eq(place.1, next.1)) {
            let first = named(first);
            return Err(format!("unable to track {target} as it belongs to a tracking chain looping back to {first}."));
        }
        if options.track.is_none() && options.check.is_none() && options.agent.is_none() {
            return Err(format!(
                "unable to use {target} for tracking as it does not have any check nor agent enabled."
            ));
        }
        if first.0.settings.disables_on_404 != next.0.settings.disables_on_404 {
            return Err(format!("unable to use {target} fortracking: disable-on-404 option inconsistency."));
        }
        seen.push(next);
    }
}

/// The server that this one follows.
fn target<'a>(backends: &HashMap<&str, &'a Proxy>, place: Place<'a>) -> Result<Option<Place<'a>>, String> {
    let Some(track) = &place.1.options.track else { return Ok(None) };
    let (backend, name) = &track.value;
    let proxy = match backend {
        None => place.0,
        Some(backend) => {
            let found = backends.get(backend.as_str());
            found.ok_or_else(|| format!("unable to find required proxy '{backend}' for tracking."))?
        }
    };
    let server = proxy.servers.iter().find(|server| server.name.value == *name);
    let server = server.ok_or_else(|| format!("unable to find required server '{name}' for tracking."))?;
    Ok(Some((proxy, server)))
}

fn named((proxy, server): Place<'_>) -> String {
    format!("{}/{}", proxy.name.value, server.name.value)
}
