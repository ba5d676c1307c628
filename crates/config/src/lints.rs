//! Advice for mail: what works, and hurts on ports 24, 110, 143, 993 and 995. Never a reason not to start.

use crate::address::{BindAddress, ServerAddress, ServerPort};
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::source::{Span, Spanned};
use crate::tree::{Check, Config, Mode, Proxy, Server};
use std::collections::HashSet;
use std::time::Duration;

/// A protocol that a port gives away.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mail {
    name: &'static str,
    /// Silence that a well-behaved client or server may keep.
    silence: Duration,
    why: &'static str,
}

const IMAP: Mail = Mail {
    name: "IMAP",
    silence: Duration::from_secs(30 * 60),
    why: "clients wait in IDLE for up to 29 minutes (RFC 2177), and servers may not log them out before 30 (RFC 3501 \
          §5.4)",
};
const POP3: Mail = Mail {
    name: "POP3",
    silence: Duration::from_secs(10 * 60),
    why: "a server may not log a silent client out before 10 minutes (RFC 1939 §3)",
};
const LMTP: Mail = Mail {
    name: "LMTP",
    silence: Duration::from_secs(10 * 60),
    why: "the answer to a message may take 10 minutes (RFC 5321 §4.5.3.2.6), and a delivery cut then is made twice",
};

fn mail(port: u16) -> Option<Mail> {
    match port {
        143 | 993 => Some(IMAP),
        110 | 995 => Some(POP3),
        24 => Some(LMTP),
        _ => None,
    }
}

/// Appends advice on the whole tree.
pub(crate) fn advise(config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    // A timeout inherited from `defaults` serves many proxies; it is worth one line.
    let mut short_timeouts = HashSet::new();
    for proxy in config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled) {
        let timeouts = &proxy.settings.timeouts;
        let mut short = Vec::new();
        if let Some((mail, span)) = listens_for(proxy) {
            diagnostics.extend(http_mode(proxy, mail, span));
            short.extend(short_timeout("client", timeouts.client, mail));
        }
        diagnostics.extend(hidden_clients(proxy));
        if let Some(mail) = proxy.servers.iter().filter_map(serves).max_by_key(|mail| mail.silence) {
            short.extend(short_timeout("server", timeouts.server, mail));
        }
        diagnostics.extend(short.into_iter().filter(|advice| short_timeouts.insert(advice.span)));
        diagnostics.extend(hello_inside_tls(proxy));
    }
}

fn listens_for(proxy: &Proxy) -> Option<(Mail, Span)> {
    proxy.binds.iter().flat_map(|bind| &bind.addresses).find_map(|address| match address.value {
        BindAddress::Tcp { first, last, .. } if first == last => Some((mail(first)?, address.span)),
        BindAddress::Tcp { .. } | BindAddress::Unix(_) | BindAddress::Abstract(_) | BindAddress::Inherited(_) => None,
    })
}

fn serves(server: &Server) -> Option<Mail> {
    match server.address.value {
        ServerAddress::Tcp { port: ServerPort::Fixed(port), .. } => mail(port),
        ServerAddress::Tcp { port: ServerPort::Offset(_), .. }
        | ServerAddress::Unix(_)
        | ServerAddress::Abstract(_) => None,
    }
}

fn http_mode(proxy: &Proxy, mail: Mail, span: Span) -> Option<Diagnostic> {
    let message = format!("{} '{}' speaks HTTP on a port of {}.", proxy.role.noun(), proxy.name.value, mail.name);
    let advice = advice(Level::Warning, span, message).hint("mail needs 'mode tcp'");
    (proxy.settings.mode == Mode::Http).then_some(advice)
}

fn short_timeout(side: &str, timeout: Option<Spanned<Duration>>, mail: Mail) -> Option<Diagnostic> {
    let timeout = timeout.filter(|timeout| timeout.value < mail.silence)?;
    let message = format!("'timeout {side}' is too short for {}: {}.", mail.name, mail.why);
    let hint = format!("'timeout {side} 1h' is common for mail; dead peers are better found by TCP keep-alive");
    Some(advice(Level::Warning, timeout.span, message).hint(hint))
}

/// Without a PROXY header the mail server sees the balancer as every client: its logs, limits and bans go wrong.
fn hidden_clients(proxy: &Proxy) -> Option<Diagnostic> {
    let hides = |server: &&Server| server.options.proxy_header.is_none() && serves(server).is_some();
    let mut hiding = proxy.servers.iter().filter(hides);
    let first = hiding.next()?;
    let who = match hiding.count() {
        0 => format!("server '{}'", first.name.value),
        others => format!("server '{}' and {others} more of '{}'", first.name.value, proxy.name.value),
    };
    let message = format!("{who} will see every {} client as coming from this machine.", serves(first)?.name);
    let hint = "'send-proxy-v2' here and 'haproxy = yes' on Dovecot's listener pass the client's address on";
    Some(advice(Level::Notice, first.name.span, message).hint(hint))
}

/// `option ssl-hello-chk` with `check` over TLS sends its hello inside the encrypted connection, where no mail server
/// expects one.
fn hello_inside_tls(proxy: &Proxy) -> Option<Diagnostic> {
    let option = proxy.settings.check.as_ref().filter(|check| check.value == Check::SslHello)?.span;
    let is_checked = |server: &&Server| server.options.check.is_some() && server.options.tls.is_on.is_some();
    let name = &proxy.servers.iter().find(is_checked)?.name.value;
    let message = format!("'option ssl-hello-chk' marks healthy server '{name}' down: its hello is sent inside TLS.");
    Some(advice(Level::Warning, option, message).hint("'check ssl' alone already tests the handshake"))
}

fn advice(level: Level, span: Span, message: String) -> Diagnostic {
    Diagnostic::new(level, Stage::Advice, Lead::Spaced, span, message)
}
