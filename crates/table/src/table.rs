//! The snapshot that a shard routes by: immutable, shared as `Arc<Table>`, replaced whole at a reload.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::log::LogTarget;
use crate::{Backend, Frontend, Listed, ProcessState, Server, Standing, Switch, UNLIMITED};

/// A frontend's place in [`Table::frontends`]; valid for one table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrontendId(pub u32);

/// A backend's place in [`Table::backends`]; valid for one table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// A server's place in [`Backend::servers`] (file order); valid for one table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId {
    pub backend: BackendId,
    pub index: u32,
}

/// A listener's place over all frontends of a table, in file order; valid for one table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BindId(pub u32);

/// What a proxy speaks (`configuration.txt: mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Tcp,
    Http,
}

impl Mode {
    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Tcp => "tcp",
            Mode::Http => "http",
        }
    }

    /// HAProxy's word for it in log lines: `Connect from … (name/TCP)`.
    pub fn log_word(self) -> &'static str {
        match self {
            Mode::Tcp => "TCP",
            Mode::Http => "HTTP",
        }
    }
}

/// What holds for the whole process (`configuration.txt: section global`).
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// Most connections of all frontends together (`maxconn`).
    pub maxconn: u32,
    /// Most new connections per second; 0 is without limit (`maxconnrate`).
    pub connection_rate: u32,
    /// Most new sessions per second; 0 is without limit (`maxsessrate`).
    pub session_rate: u32,
    /// Most clients with TLS at once; 0 is without limit (`maxsslconn`).
    pub tls_conns: u32,
    /// Most that come in a second; 0 is without limit (`maxsslrate`).
    pub tls_rate: u32,
    /// How large messages of HTTP may be (`tune.bufsize`, `tune.maxrewrite`, `tune.http.maxhdr`).
    pub messages: http1::Limits,
}

/// How checks are kept from coming all at once (`configuration.txt: spread-checks, max-spread-checks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// By how much an interval may be longer or shorter, in percent: 0 to 50.
    pub percent: u32,
    /// The longest time over which first checks are spread; `None` is without limit.
    pub most: Option<Duration>,
}

/// HAProxy's number for a proxy or a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    pub value: u32,
    /// The file says it (`id`), and it is not what the order of lines makes it.
    pub is_given: bool,
}

/// A section of the file: a frontend, a backend, or (`listen`) both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// HAProxy's `iid`. It gives 1 to the proxy that serves its admin sockets, so the file's first has 2.
    pub number: Number,
    pub frontend: Option<FrontendId>,
    pub backend: Option<BackendId>,
}

/// One configuration, ready to route by.
#[derive(Debug)]
pub struct Table {
    /// Counts the tables published in this process, from 1.
    pub generation: u64,
    pub global: Global,
    /// In file order; a `listen` section is one frontend and one backend of the same name.
    pub frontends: Vec<Arc<Frontend>>,
    /// In file order.
    pub backends: Vec<Arc<Backend>>,
    /// Backends of our own ([`HttpBack::is_service`](crate::HttpBack)), whose ids follow those of the file's. No name leads to them.
    services: Vec<Arc<Backend>>,
    /// What [`LogPolicy::targets`](crate::LogPolicy) and [`Backend::log_targets`] point into.
    pub log_targets: Vec<LogTarget>,
    pub process: Arc<ProcessState>,
    /// In file order, with HAProxy's numbers.
    pub proxies: Vec<Proxy>,
    pub spread: Spread,
    /// Somebody asks for what exchanges capture (`capture.req.uri`), beside the logs.
    pub keeps_captures: bool,
    /// By their ids.
    pub lists: Vec<Listed>,
    frontends_by_name: HashMap<Arc<str>, FrontendId>,
    backends_by_name: HashMap<Arc<str>, BackendId>,
}

impl Proxy {
    /// The number of the first.
    pub const FIRST: u32 = 2;

    /// Frontends with the backends of their names, then the other backends.
    fn number(
        frontends: &[Arc<Frontend>],
        backends: &[Arc<Backend>],
        frontends_by_name: &HashMap<Arc<str>, FrontendId>,
        backends_by_name: &HashMap<Arc<str>, BackendId>,
    ) -> Vec<Proxy> {
        let fronts = frontends
            .iter()
            .zip(0..)
            .map(|(frontend, index)| (Some(FrontendId(index)), backends_by_name.get(&frontend.name).copied()));
        let is_alone = |backend: &Backend| !frontends_by_name.contains_key(&backend.name);
        let backs = backends.iter().zip(0..).filter(|(backend, _)| is_alone(backend));
        let backs = backs.map(|(_, index)| (None, Some(BackendId(index))));
        let proxies = fronts.chain(backs).zip(Proxy::FIRST..);
        let number = |value| Number { value, is_given: false };
        proxies.map(|((frontend, backend), value)| Proxy { number: number(value), frontend, backend }).collect()
    }
}

impl Table {
    /// Puts the parts together.
    ///
    /// # Panics
    /// If two frontends or two backends share a name, if a backend of the file stands behind a service, or if a rule, a default or a log policy points outside of the table:
    /// the configuration was checked before.
    pub fn new(
        generation: u64,
        global: Global,
        frontends: Vec<Arc<Frontend>>,
        backends: Vec<Arc<Backend>>,
        log_targets: Vec<LogTarget>,
        process: Arc<ProcessState>,
    ) -> Table {
        let mut frontends_by_name = HashMap::with_capacity(frontends.len());
        for (index, frontend) in frontends.iter().enumerate() {
            let twin = frontends_by_name.insert(frontend.name.clone(), FrontendId(index as u32));
            assert!(twin.is_none(), "frontend '{}' occurs twice", frontend.name);
        }
        let mut backends = backends;
        let count = backends.iter().take_while(|backend| !backend.http.is_service).count();
        let services = backends.split_off(count);
        assert!(services.iter().all(|backend| backend.http.is_service), "services stand behind the file's backends");
        let mut backends_by_name = HashMap::with_capacity(backends.len());
        for (index, backend) in backends.iter().enumerate() {
            let twin = backends_by_name.insert(backend.name.clone(), BackendId(index as u32));
            assert!(twin.is_none(), "backend '{}' occurs twice", backend.name);
        }
        let proxies = Proxy::number(&frontends, &backends, &frontends_by_name, &backends_by_name);
        let table = Table {
            generation,
            global,
            frontends,
            backends,
            services,
            log_targets,
            process,
            proxies,
            spread: Spread::default(),
            keeps_captures: false,
            lists: Vec::new(),
            frontends_by_name,
            backends_by_name,
        };
        table.check();
        table
    }

    /// The same table with its proxies in the order and under the numbers that the file gives them. Without a word they are
    /// numbered as if all frontends stood first.
    pub fn with_proxies(mut self, proxies: Vec<Proxy>) -> Table {
        self.proxies = proxies;
        self.check();
        self
    }

    /// The same table with its checks spread so.
    pub fn with_spread(self, spread: Spread) -> Table {
        Table { spread, ..self }
    }

    /// The same table for exchanges that keep what they capture, whoever logs.
    pub fn with_captures(self, keeps_captures: bool) -> Table {
        Table { keeps_captures, ..self }
    }

    /// With these lists, in any order.
    pub fn with_lists(self, mut lists: Vec<Listed>) -> Table {
        lists.sort_by_key(|listed| listed.id);
        Table { lists, ..self }
    }

    /// A server by its names.
    pub fn server_named(&self, backend: &str, server: &str) -> Option<ServerId> {
        let backend = self.backend_named(backend)?;
        let index = self.backend(backend).servers.iter().position(|known| *known.name == *server)?;
        Some(ServerId { backend, index: index as u32 })
    }

    /// Every reference inside the table points into the table.
    fn check(&self) {
        for frontend in &self.frontends {
            let mut targets = frontend.rules.iter().map(|rule| &rule.backend);
            let is_inside = targets.all(|target| match target {
                Switch::To(backend) => self.has_backend(*backend),
                Switch::Named(format) => format.fits(self),
            });
            let is_inside = is_inside && frontend.default_backend.is_none_or(|backend| self.has_backend(backend));
            assert!(is_inside, "'{}' routes outside of the table", frontend.name);
            let format = &frontend.unique_id.format;
            assert!(format.as_ref().is_none_or(|f| f.fits(self)), "'{}' asks outside of the table", frontend.name);
            assert!(frontend.log.fits(self), "'{}' asks outside of the table", frontend.name);
            let conditions = frontend.rules.iter().filter_map(|rule| rule.condition.as_ref());
            let mut conditions = conditions.chain(frontend.admission.conditions());
            assert!(conditions.all(|c| c.fits(self)), "'{}' asks outside of the table", frontend.name);
            assert!(frontend.admission.effects_fit(self), "'{}' asks outside of the table", frontend.name);
            assert!(
                frontend.http.rules.fits(self) && frontend.http.pages.fits(self),
                "'{}' asks outside of the table",
                frontend.name
            );
            let mut monitored = frontend.http.monitor.iter().flat_map(|monitor| &monitor.fail);
            assert!(monitored.all(|condition| condition.fits(self)), "'{}' asks outside of the table", frontend.name);
            let page = frontend.http.stats.as_ref();
            assert!(page.is_none_or(|page| page.fits(self)), "'{}' has a page outside of the table", frontend.name);
            assert!(frontend.log.targets.iter().all(|&t| t < self.log_targets.len()));
        }
        for proxy in &self.proxies {
            assert!(proxy.frontend.is_none_or(|FrontendId(index)| (index as usize) < self.frontends.len()));
            assert!(proxy.backend.is_none_or(|BackendId(index)| (index as usize) < self.backends.len()));
        }
        for backend in self.backends.iter().chain(&self.services) {
            assert!(backend.rules.fits(self), "'{}' asks outside of the table", backend.name);
            assert!(backend.hashing.fits(self), "'{}' asks outside of the table", backend.name);
            let (rules, pages) = (&backend.http.rules, &backend.http.pages);
            assert!(rules.fits(self) && pages.fits(self), "'{}' asks outside of the table", backend.name);
            let mut tlvs = backend.servers.iter().flat_map(|server| &server.settings.proxy_tlvs);
            assert!(tlvs.all(|tlv| tlv.value.fits(self)), "'{}' asks outside of the table", backend.name);
            let checks = backend.servers.iter().filter_map(|server| server.settings.check.as_ref());
            let mut formulas = checks.flat_map(|check| &*check.formulas);
            assert!(formulas.all(|formula| formula.fits(self)), "'{}' asks outside of the table", backend.name);
            let page = backend.http.stats.as_ref();
            assert!(page.is_none_or(|page| page.fits(self)), "'{}' has a page outside of the table", backend.name);
            assert!(backend.log_targets.iter().all(|&t| t < self.log_targets.len()));
        }
    }

    /// From now on every pick is made from this table's servers, those of sessions of older tables included. Control calls it
    /// once, right before it publishes the table: a table that was refused has then changed nothing.
    ///
    /// A server known by name keeps its connections and health. It keeps its run-time weight and its administrative state
    /// too, unless its line now says another weight, or says `disabled` and did not before (or the reverse). One that lost
    /// its `check` is up. Limits are treated like weights; those who wait for a place below one that has risen are served. Every
    /// frontend is open, whatever the operator did to it before: HAProxy's new process knows nothing of that either.
    pub fn take_over(&self) {
        self.process.limiter.configure(self.global.maxconn);
        self.process.connection_rate.configure(self.global.connection_rate);
        self.process.session_rate.configure(self.global.session_rate);
        let tls_conns = Some(self.global.tls_conns).filter(|&most| most > 0);
        self.process.tls.limiter.configure(tls_conns.unwrap_or(UNLIMITED));
        self.process.tls.rate.configure(self.global.tls_rate);
        for frontend in &self.frontends {
            frontend.state.limiter.configure(frontend.maxconn.map_or(UNLIMITED, NonZeroU32::get));
            frontend.state.session_rate.configure(frontend.session_rate.map_or(0, NonZeroU32::get));
            frontend.state.sources.configure(frontend.maxconn_per_source);
            frontend.state.stand(Standing::Open);
        }
        for backend in self.backends.iter().chain(&self.services) {
            backend.state.reconfigure(backend);
        }
    }

    /// # Panics
    /// If the id is from another table and has no place here.
    pub fn frontend(&self, id: FrontendId) -> &Arc<Frontend> {
        &self.frontends[id.0 as usize]
    }

    /// # Panics
    /// If the id is from another table and has no place here.
    pub fn backend(&self, id: BackendId) -> &Arc<Backend> {
        let index = id.0 as usize;
        self.backends.get(index).unwrap_or_else(|| &self.services[index - self.backends.len()])
    }

    /// # Panics
    /// If the id is from another table and has no place here.
    pub fn server(&self, id: ServerId) -> &Arc<Server> {
        &self.backend(id.backend).servers[id.index as usize]
    }

    pub(crate) fn has_backend(&self, BackendId(index): BackendId) -> bool {
        (index as usize) < self.backends.len() + self.services.len()
    }

    pub(crate) fn has_server(&self, ServerId { backend, index }: ServerId) -> bool {
        let backend = self.backends.get(backend.0 as usize);
        backend.is_some_and(|backend| (index as usize) < backend.servers.len())
    }

    pub fn frontend_named(&self, name: &str) -> Option<FrontendId> {
        self.frontends_by_name.get(name).copied()
    }

    pub fn backend_named(&self, name: &str) -> Option<BackendId> {
        self.backends_by_name.get(name).copied()
    }
}
