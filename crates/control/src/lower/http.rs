//! What `mode http` adds to frontends and backends.

use super::acls::net_of;
use config::Proxy;
use table::{Capture, ForwardFor, HttpBack, HttpFront, Keeping, Reuse};

pub(super) fn front(proxy: &Proxy) -> HttpFront {
    HttpFront {
        keeping: keeping(proxy),
        forward_for: forward_for(proxy),
        request_captures: captures(&proxy.captures),
        response_captures: captures(&proxy.response_captures),
    }
}

pub(super) fn back(proxy: &Proxy) -> HttpBack {
    HttpBack { keeping: keeping(proxy), forward_for: forward_for(proxy), reuse: reuse(proxy) }
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

fn forward_for(proxy: &Proxy) -> Option<ForwardFor> {
    let option = proxy.settings.http.forward_for.as_ref()?;
    Some(ForwardFor {
        except: option.except.map(|net| net_of(net.address, net.prefix)),
        header: option.header.as_deref().unwrap_or("x-forwarded-for").into(),
        is_if_none: option.is_if_none,
    })
}

fn captures(captures: &[config::Capture]) -> Vec<Capture> {
    let lowered = |capture: &config::Capture| Capture {
        header: capture.header.as_str().into(),
        size_max: capture.length_max as usize,
    };
    captures.iter().map(lowered).collect()
}
