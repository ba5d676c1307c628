//! The document around everything.

use super::super::guard::Secret;
use super::super::site::StatsSite;
use super::{Text, words};
use crate::admin::Facts;
use crate::pages::response::Response;
use std::time::Duration;
use table::Server;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Three gates above the water.
const MARK: &str = "<svg viewBox=\"0 0 48 48\" aria-hidden=\"true\"><rect width=\"48\" height=\"48\" rx=\"11\" fill=\"var(--sea)\"/>\
    <path d=\"M6 30c6 0 6-5 12-5s6 5 12 5 6-5 12-5M6 38c6 0 6-5 12-5s6 5 12 5 6-5 12-5M12 10v9M24 10v9M36 10v9\" fill=\"none\" \
    stroke=\"var(--card)\" stroke-width=\"3.4\" stroke-linecap=\"round\"/></svg>";

/// What all parts of a page know.
pub(super) struct Frame<'a> {
    pub(super) site: &'a StatsSite,
    pub(super) secret: &'a Secret,
    /// How often scripts fetch the numbers again.
    pub(super) refresh: Option<Duration>,
    /// What stands behind the URI to see the same again.
    pub(super) words: &'static str,
}

/// The whole response. The browser is told to load nothing, to run our script alone, and to show the page in no frame of others.
pub(super) fn document(facts: &Facts<'_>, frame: &Frame<'_>, body: &str) -> Response {
    let nonce = frame.secret.nonce();
    let mut text = Text::default();
    text.put("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    text.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    text.say(name(facts, frame.site)).put(", Tidegate</title><link rel=\"icon\" href=\"data:,\">");
    if let Some(refresh) = frame.refresh {
        let seconds = refresh.as_secs().max(1);
        text.put("<noscript><meta http-equiv=\"refresh\" content=\"").say(seconds).put("\"></noscript>");
    }
    text.put("<style>").put(STYLE).put("</style></head><body data-refresh=\"");
    text.say(frame.refresh.map_or(0, |refresh| refresh.as_secs().max(1))).put("\" data-self=\"");
    text.say(&frame.site.uri).put(frame.words).put("\">").put(body);
    text.put("<script nonce=\"").say(nonce).put("\">").put(SCRIPT).put("</script></body></html>\n");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    Response::ok("text/html; charset=utf-8", text.out)
        .with("content-security-policy", &policy)
        .with("x-content-type-options", "nosniff")
        // With less than this, browsers would not say where a form comes from.
        .with("referrer-policy", "same-origin")
}

fn name(facts: &Facts<'_>, site: &StatsSite) -> String {
    match &site.node {
        Some(Some(name)) => name.clone(),
        Some(None) => facts.node.to_owned(),
        None => site.name.clone(),
    }
}

/// Who it is, and how the process does.
pub(super) fn head(facts: &Facts<'_>, frame: &Frame<'_>, text: &mut Text) {
    let (state, clock, site) = (&facts.table.process, facts.clock(), frame.site);
    text.put("<header><div class=\"brand\">").put(MARK).put("<div><h1>").say(name(facts, site)).put("</h1><p>Tidegate");
    if !site.hides_version {
        text.put(" ").say(env!("CARGO_PKG_VERSION"));
    }
    text.put(", up ").say(words::ago(facts.uptime())).put(", generation ").say(facts.table.generation);
    if facts.is_stopping {
        text.put(", stopping");
    }
    if let Some(description) = &site.description {
        text.put("<br>").say(description);
    }
    text.put("</p></div></div><dl class=\"tiles\">");
    let most = format!("of {}", words::count(facts.table.global.maxconn.into()));
    text.fact("Connections", words::count(state.conns.current()), most);
    let peak = format!("most {}", words::count(state.tally.session_rate_peak(clock)));
    text.fact("Sessions per second", words::count(state.tally.session_rate(clock)), peak);
    let servers = || facts.table.backends.iter().flat_map(|backend| &backend.servers);
    let is_up = |server: &&std::sync::Arc<Server>| server.state.is_up();
    text.fact("Servers up", servers().filter(is_up).count(), format!("of {}", servers().count()));
    text.fact("Lost log lines", words::count(facts.logs_dropped), "");
    text.put("</dl></header>");
}

/// What filters, and where the same is for tools.
pub(super) fn bar(frame: &Frame<'_>, text: &mut Text) {
    text.put("<nav class=\"bar\" aria-label=\"Filter\"><label for=\"filter\" class=\"hidden\">Filter servers</label>");
    text.put("<input type=\"search\" id=\"filter\" placeholder=\"Filter by name, address or state\">");
    text.put("<label for=\"state\" class=\"hidden\">State</label><select id=\"state\"><option value=\"\">All states</option>");
    text.put("<option value=\"up\">Up</option><option value=\"not\">Not up</option></select>");
    text.put("<span id=\"shown\" role=\"status\"></span><span class=\"links\">");
    for (word, name) in [(";csv", "CSV"), (";json", "JSON")] {
        text.put("<a href=\"").say(&frame.site.uri).put(word).put("\">").put(name).put("</a>");
    }
    if let Some(refresh) = frame.refresh {
        text.put("<span>every ").say(words::ago(refresh)).put("</span>");
    }
    text.put("</span></nav>");
}

/// `stats show-legends`
pub(super) fn legend(text: &mut Text) {
    text.put("<details class=\"legend\"><summary>What the words mean</summary><dl>");
    for (word, meaning) in [
        ("UP", "takes sessions; a fraction counts the checks that still pass before it is down"),
        ("DOWN", "its checks fail; a fraction counts those that have passed on its way up"),
        ("DRAIN", "takes no new sessions; those it has go on"),
        ("MAINT", "out of service by the operator, and not checked"),
        ("no check", "takes sessions, and nobody looks whether it is there"),
    ] {
        text.put("<dt>").state(word).put("</dt><dd>").say(meaning).put("</dd>");
    }
    text.put("</dl></details>");
}

pub(super) fn foot(text: &mut Text) {
    text.put("<footer>p50 and p99 are times that half, and ninety-nine of a hundred sessions did not exceed, since the start. ");
    text.put("Curves show sessions per second over the last five minutes.</footer>");
}
