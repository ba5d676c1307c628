//! From the configuration's tree to the routing table: names become places, hosts become addresses, silence becomes defaults.
//!
//! A section that is a statistics page becomes a socket of control's (`pages`), and has no rows in `show stat`.
//!
//! The tree was checked before; what can still go wrong here is what the tree cannot know: hosts that have no address.
//!
//! A proxy that is `disabled` is not in the table: it "will not receive any traffic nor will it send any health-checks or logs"
//! (`configuration.txt: disabled`). Rules that lead to one are passed over, and its counts are 0.

mod acls;
mod admin;
mod backends;
mod checks;
mod converters;
mod error_pages;
mod frontends;
mod http;
mod http_checks;
mod http_rules;
mod lists;
mod log_lines;
mod logs;
mod numbers;
mod pages;
mod parts;
mod places;
mod replies;
mod rules;
mod samples;
mod server_tls;
mod servers;
mod services;
mod times;
mod tls;
mod tuning;
mod users;

#[cfg(test)]
mod tests;

use crate::admin::{Settings, SocketSpec};
use crate::certificates::{Shelf, Watch};
use crate::load::{BindPlace, Defaults, KernelTls};
use crate::resolve::Resolver;
use config::{Config, Diagnostic, Environment, Lead, Level, Proxy, Role, Source, Span, Spanned, Stage};
use lists::Lists;
use logs::LogTargets;
use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{BackendId, FrontendId, Global, ServerId, Spread, StateBook, Table};

/// What came of it.
pub(crate) struct Lowered {
    /// None if there is an ALERT.
    pub(crate) table: Option<Arc<Table>>,
    /// In file order.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Where the file says to listen on what.
    pub(crate) bind_places: Vec<BindPlace>,
    pub(crate) admin: Settings,
    /// What listeners with TLS show.
    pub(crate) shelf: Shelf,
}

/// How large messages may be.
fn messages(global: &config::Global) -> http1::Limits {
    const HAPROXY: (u32, u32, u16) = (16_384, 1_024, 101);
    let buffer_size = global.buffer_size.as_ref().map_or(HAPROXY.0, |size| size.value);
    let rewrite_size = global.rewrite_size.unwrap_or(HAPROXY.1);
    let lines = global.head_line_count_max.unwrap_or(HAPROXY.2);
    http1::Limits::new(buffer_size as usize, rewrite_size as usize, lines.into())
}

/// Lowers a tree without ALERTs. States of known names come out of `book`; nothing is changed in them.
pub(crate) fn lower<'a>(
    config: &'a Config,
    sources: &'a [Source],
    book: &'a mut StateBook,
    generation: u64,
    defaults: &Defaults,
    resolver: Resolver<'a>,
    environment: &'a dyn Environment,
) -> Lowered {
    let set = |maxconn: &Spanned<u32>| Some(maxconn.value).filter(|&maxconn| maxconn > 0);
    let maxconn = config.global.maxconn.as_ref().and_then(set);
    let rate = |rate: &Option<Spanned<u32>>| rate.as_ref().map_or(0, |rate| rate.value);
    let global = Global {
        maxconn: defaults.maxconn_forced.or(maxconn).unwrap_or(defaults.maxconn),
        connection_rate: rate(&config.global.maxconnrate),
        session_rate: rate(&config.global.maxsessrate),
        tls_conns: rate(&config.global.maxsslconn),
        tls_rate: rate(&config.global.maxsslrate),
        messages: messages(&config.global),
    };
    let mut lowering = Lowering {
        config,
        sources,
        book,
        resolver,
        environment,
        names: Names::of(config),
        maxconn: global.maxconn,
        admitted: admitted(config, global.maxconn),
        frontend_maxconn: defaults.frontend_maxconn,
        is_splice_off: config.global.is_splice_off || defaults.is_splice_off,
        kernel_tls: defaults.kernel_tls,
        log_targets: LogTargets::default(),
        diagnostics: Vec::new(),
        bind_places: Vec::new(),
        bind_count: 0,
        variables: HashMap::new(),
        formulas: Vec::new(),
        keeps_captures: false,
        shelf: Shelf::default(),
        userlists: HashMap::new(),
        lists: Lists::default(),
        services: Vec::new(),
        service_sockets: Vec::new(),
    };
    let (mut frontends, mut backends) = (Vec::new(), Vec::new());
    for proxy in enabled(config) {
        if proxy.role.has_front() {
            frontends.push(Arc::new(lowering.frontend(proxy)));
        }
        if proxy.role.has_back() {
            backends.push(Arc::new(lowering.backend(proxy)));
        }
    }
    let admin = lowering.admin();
    if config.global.watches_certificates {
        lowering.shelf.watch = Watch::on();
    }
    backends.append(&mut lowering.finish_services(&backends));
    let lists = lowering.finish_lists();
    let Lowering { log_targets, diagnostics, bind_places, book, keeps_captures, shelf, .. } = lowering;
    let has_alert = diagnostics.iter().any(Diagnostic::is_alert);
    let table = (!has_alert).then(|| {
        let table = Table::new(generation, global, frontends, backends, log_targets.into_targets(), book.process());
        let spread =
            Spread { percent: config.global.spread_checks.unwrap_or(0), most: config.global.max_spread_checks };
        Arc::new(
            table.with_proxies(numbered(config)).with_spread(spread).with_captures(keeps_captures).with_lists(lists),
        )
    });
    Lowered { table, diagnostics, bind_places, admin, shelf }
}

/// Everything that lowering one proxy needs of the whole.
struct Lowering<'a> {
    config: &'a Config,
    sources: &'a [Source],
    book: &'a mut StateBook,
    resolver: Resolver<'a>,
    /// What the file has not changed of it.
    environment: &'a dyn Environment,
    names: Names<'a>,
    /// The process's limit.
    maxconn: u32,
    /// What the frontends that lead to a backend admit together, by its name.
    admitted: HashMap<&'a str, u64>,
    /// What a frontend admits that says nothing.
    frontend_maxconn: Option<NonZeroU32>,
    is_splice_off: bool,
    kernel_tls: KernelTls,
    log_targets: LogTargets,
    diagnostics: Vec<Diagnostic>,
    bind_places: Vec<BindPlace>,
    bind_count: u32,
    /// Names of variables, numbered as they come.
    variables: HashMap<String, usize>,
    /// What the script under construction knows by number.
    formulas: Vec<table::Formula>,
    /// Somebody asks for what exchanges capture.
    keeps_captures: bool,
    shelf: Shelf,
    userlists: HashMap<String, Arc<table::Userlist>>,
    lists: Lists,
    /// Backends of our own, and where their servers are.
    services: Vec<Arc<table::Backend>>,
    service_sockets: Vec<SocketSpec>,
}

/// Places in the table, by name.
struct Names<'a> {
    frontends: HashMap<&'a str, FrontendId>,
    backends: HashMap<&'a str, (BackendId, &'a Proxy)>,
    /// Of the backends whose servers a condition asked for.
    servers: HashMap<BackendId, HashMap<&'a str, u32>>,
}

impl<'a> Names<'a> {
    fn of(config: &'a Config) -> Names<'a> {
        let fronts = enabled(config).filter(|proxy| proxy.role.has_front());
        let backs = enabled(config).filter(|proxy| proxy.role.has_back());
        Names {
            frontends: fronts.zip(0..).map(|(proxy, index)| (&**proxy.name, FrontendId(index))).collect(),
            backends: backs.zip(0..).map(|(proxy, index)| (&**proxy.name, (BackendId(index), proxy))).collect(),
            servers: HashMap::new(),
        }
    }

    fn frontend(&self, name: &str) -> Option<FrontendId> {
        self.frontends.get(name).copied()
    }

    fn backend(&self, name: &str) -> Option<BackendId> {
        self.backends.get(name).map(|&(id, _)| id)
    }

    fn server(&mut self, backend: &str, server: &str) -> Option<ServerId> {
        let &(id, proxy) = self.backends.get(backend)?;
        let by_name = || proxy.servers.iter().zip(0..).map(|(server, index)| (&**server.name, index)).collect();
        let index = *self.servers.entry(id).or_insert_with(by_name).get(server)?;
        Some(ServerId { backend: id, index })
    }
}

impl Lowering<'_> {
    fn alert(&mut self, stage: Stage, lead: Lead, span: Span, message: String) {
        let span = Some(span);
        self.diagnostics.push(Diagnostic { level: Level::Alert, stage, lead, span, message, hint: None });
    }

    /// The words of the file at `span`.
    fn text(&self, span: Span) -> &str {
        let source = self.sources.get(span.source as usize);
        source.and_then(|source| source.text.get(span.start as usize..span.end as usize)).unwrap_or_default()
    }
}

/// Every section of the file counts, a disabled one too.
fn numbered(config: &Config) -> Vec<table::Proxy> {
    let names = Names::of(config);
    let given: Vec<Option<u32>> = config.proxies.iter().map(|proxy| proxy.id.as_ref().map(|id| id.value)).collect();
    let numbered = config.proxies.iter().zip(numbers::numbers(&given, table::Proxy::FIRST));
    let numbered = numbered.filter(|(proxy, _)| is_in_table(proxy)).map(|(proxy, number)| table::Proxy {
        number,
        frontend: names.frontend(&proxy.name),
        backend: names.backend(&proxy.name),
    });
    numbered.collect()
}

/// How many connections may arrive at each backend: the sum over the frontends that lead to it, each once.
fn admitted(config: &Config, process: u32) -> HashMap<&str, u64> {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for proxy in enabled(config).filter(|proxy| proxy.role.has_front()) {
        let most = proxy.settings.maxconn.as_ref().map(|most| most.value).filter(|&most| most > 0).unwrap_or(process);
        let own = (proxy.role == Role::Listen).then_some(proxy.name.as_str());
        let default = proxy.settings.default_backend.as_ref().map(|name| name.as_str()).or(own);
        let targets: HashSet<&str> = proxy.rules.iter().map(|rule| rule.backend.as_str()).chain(default).collect();
        targets.into_iter().for_each(|target| *sums.entry(target).or_default() += u64::from(most));
    }
    sums
}

fn enabled(config: &Config) -> impl Iterator<Item = &Proxy> {
    config.proxies.iter().filter(|proxy| is_in_table(proxy))
}

/// Pages are served by control: no shard knows of them.
fn is_in_table(proxy: &Proxy) -> bool {
    !proxy.settings.is_disabled && !proxy.is_page()
}

/// A timer; 0 is no limit, as HAProxy has it.
pub(crate) fn limit(timer: &Option<Spanned<Duration>>) -> Option<Duration> {
    timer.as_ref().map(|timer| timer.value).filter(|timer| !timer.is_zero())
}
