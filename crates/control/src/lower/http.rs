//! What `mode http` adds to frontends and backends.

use super::Lowering;
use super::acls::{Acls, net_of};
use config::{Proxy, Spanned};
use table::{
    AgeLimits, Capture, Cookie, CookieMode, ForwardFor, Forwarded, HttpBack, HttpFront, HttpRules, Keeping, NodeForm,
    RetryEvent, RetryOn, Reuse, StatsPage,
};

impl Lowering<'_> {
    pub(super) fn http_front(&mut self, proxy: &Proxy, acls: &Acls) -> HttpFront {
        HttpFront {
            keeping: keeping(proxy),
            forward_for: forwarded(&proxy.settings.http.forward_for, "x-forwarded-for"),
            original_to: forwarded(&proxy.settings.http.original_to, "x-original-to"),
            buffers_requests: proxy.settings.http.buffers_requests,
            aborts_on_close: proxy.settings.http.aborts_on_close.as_ref().map(|option| option.value),
            ignores_probes: proxy.settings.http.ignores_probes,
            request_captures: captures(&proxy.captures),
            response_captures: captures(&proxy.response_captures),
            rules: self.http_rules(proxy, acls),
            pages: self.error_pages(proxy),
            monitor: self.monitor(proxy, acls),
            stats: self.stats_page(proxy, acls),
        }
    }

    pub(super) fn http_back(&mut self, proxy: &Proxy) -> HttpBack {
        // Most backends have none, and their ACLs may be large.
        let pages = self.error_pages(proxy);
        let is_bare = proxy.http.all().next().is_none();
        let is_bare = is_bare && proxy.settings.stats.is_none();
        let (rules, stats) = if is_bare { (HttpRules::default(), None) } else { self.rules_of_backend(proxy) };
        HttpBack {
            is_service: false,
            keeping: keeping(proxy),
            forward_for: forwarded(&proxy.settings.http.forward_for, "x-forwarded-for"),
            original_to: forwarded(&proxy.settings.http.original_to, "x-original-to"),
            buffers_requests: proxy.settings.http.buffers_requests,
            forwarded: proxy.settings.http.forwarded.as_ref().map(|option| told(option.value)),
            pretends_keepalive: proxy.settings.http.pretends_keepalive,
            aborts_on_close: proxy.settings.http.aborts_on_close.as_ref().map(|option| option.value),
            checks_cache: proxy.settings.http.checks_cache,
            name_header: proxy.settings.http.name_header.as_deref().map(Into::into),
            reuse: reuse(proxy),
            prefers_last: proxy.settings.http.prefers_last,
            retry_on: retry_on(proxy),
            rules,
            pages,
            cookie: cookie(proxy),
            stats,
        }
    }

    fn rules_of_backend(&mut self, proxy: &Proxy) -> (HttpRules, Option<StatsPage>) {
        let acls = self.acls(proxy);
        (self.http_rules(proxy, &acls), self.stats_page(proxy, &acls))
    }
}

fn cookie(proxy: &Proxy) -> Option<Cookie> {
    let cookie = &proxy.settings.http.cookie.as_ref()?.value;
    let mut attributes: String = cookie.domains.iter().map(|domain| format!("; domain={domain}")).collect();
    attributes.push_str(if cookie.is_http_only { "; HttpOnly" } else { "" });
    attributes.push_str(if cookie.is_secure { "; Secure" } else { "" });
    attributes.extend(cookie.attributes.iter().map(|attribute| format!("; {attribute}")));
    Some(Cookie {
        name: cookie.name.as_str().into(),
        mode: match cookie.mode {
            config::CookieMode::Read => CookieMode::Read,
            config::CookieMode::Rewrite => CookieMode::Rewrite,
            config::CookieMode::Insert => CookieMode::Insert,
            config::CookieMode::Prefix => CookieMode::Prefix,
        },
        is_post_only: cookie.is_post_only,
        is_indirect: cookie.is_indirect,
        is_uncached: cookie.is_uncached,
        preserves: cookie.preserves,
        ages: AgeLimits {
            idle: Some(cookie.idle_max).filter(|&most| most > 0),
            life: Some(cookie.life_max).filter(|&most| most > 0),
        },
        attributes: attributes.into(),
    })
}

fn keeping(proxy: &Proxy) -> Keeping {
    match proxy.settings.http.keeping {
        config::Keeping::Both => Keeping::Both,
        config::Keeping::Front => Keeping::Front,
        config::Keeping::Nothing => Keeping::Nothing,
    }
}

fn reuse(proxy: &Proxy) -> Reuse {
    match proxy.settings.http.reuse {
        config::Reuse::Never => Reuse::Never,
        config::Reuse::Safe => Reuse::Safe,
        config::Reuse::Aggressive => Reuse::Aggressive,
        config::Reuse::Always => Reuse::Always,
    }
}

/// It has no meaning in another mode (`configuration.txt: retry-on`).
fn retry_on(proxy: &Proxy) -> RetryOn {
    let is_http = proxy.settings.mode == config::Mode::Http;
    let Some(events) = proxy.settings.http.retry_on.as_ref().filter(|_| is_http) else { return RetryOn::default() };
    let lowered = |event: &config::RetryEvent| match *event {
        config::RetryEvent::ConnFailure => RetryEvent::ConnFailure,
        config::RetryEvent::EmptyResponse => RetryEvent::EmptyResponse,
        config::RetryEvent::JunkResponse => RetryEvent::JunkResponse,
        config::RetryEvent::ResponseTimeout => RetryEvent::ResponseTimeout,
        config::RetryEvent::Status(status) => RetryEvent::Status(status),
    };
    RetryOn(events.iter().map(lowered).collect())
}

fn forwarded(option: &Option<Spanned<config::ForwardFor>>, name: &str) -> Option<ForwardFor> {
    let option = option.as_ref()?;
    Some(ForwardFor {
        except: option.except.map(|net| net_of(net.address, net.prefix)),
        header: option.header.as_deref().unwrap_or(name).into(),
        is_if_none: option.is_if_none,
    })
}

fn told(option: config::Forwarded) -> Forwarded {
    let config::Forwarded { has_proto, has_host, has_by, has_by_port, has_for, has_for_port } = option;
    let form = |has_name, has_port| match (has_name, has_port) {
        (false, _) => NodeForm::Absent,
        (true, false) => NodeForm::Name,
        (true, true) => NodeForm::NameAndPort,
    };
    Forwarded { has_proto, has_host, by: form(has_by, has_by_port), client: form(has_for, has_for_port) }
}

fn captures(captures: &[config::Capture]) -> Vec<Capture> {
    let lowered = |capture: &config::Capture| Capture {
        header: capture.header.as_ref().map(|header| header.as_str().into()),
        size_max: capture.length_max as usize,
    };
    captures.iter().map(lowered).collect()
}
