//! Frontends: where clients arrive.

use super::acls::Acls;
use super::{Lowering, limit, numbers, tuning};
use crate::load::BindPlace;
use crate::settings;
use config::{BindAddress, Lead, Mode, Proxy, Role, Span, Spanned, Stage, V6};
use driver::Addr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use table::{Bind, BindAddr, BindId, ClientTimeouts, Frontend, Ownership, Splice, Switch, UniqueId, UseBackend};

impl Lowering<'_> {
    pub(super) fn frontend(&mut self, proxy: &Proxy) -> Frontend {
        let name: Arc<str> = proxy.name.as_str().into();
        let settings = &proxy.settings;
        let timeouts = ClientTimeouts {
            client: limit(&settings.timeouts.client),
            client_fin: limit(&settings.timeouts.client_fin),
            client_handshake: limit(&settings.timeouts.client_handshake),
            http_request: limit(&settings.timeouts.http_request),
            http_keep_alive: limit(&settings.timeouts.http_keep_alive),
            tarpit: limit(&settings.timeouts.tarpit).or(limit(&settings.timeouts.connect)),
        };
        let acls = self.acls(proxy);
        Frontend {
            mode: mode(settings.mode),
            binds: self.binds(proxy, &name),
            admission: self.admission(proxy, &acls),
            rules: self.rules(proxy, &acls),
            default_backend: self.default_backend(proxy),
            maxconn: settings.maxconn.as_ref().and_then(|most| NonZeroU32::new(most.value)).or(self.frontend_maxconn),
            maxconn_per_source: settings.maxconn_per_source.as_ref().and_then(|most| NonZeroU32::new(most.value)),
            session_rate: settings.session_rate.as_ref().and_then(|most| NonZeroU32::new(most.value)),
            timeouts,
            splice: self.splice(settings.splice),
            http: self.http_front(proxy, &acls),
            log: self.log_policy(proxy),
            unique_id: self.unique_id(proxy),
            state: self.book.frontend(&name),
            name,
        }
    }

    /// Splicing is on unless the file says otherwise, for one direction, for both, or (`nosplice`, `-dS`) for all.
    pub(super) fn splice(&self, said: config::Splice) -> Splice {
        if self.is_splice_off {
            return Splice::NEVER;
        }
        let auto = said.auto.unwrap_or(true);
        Splice { request: said.request.unwrap_or(auto), response: said.response.unwrap_or(auto) }
    }

    /// A `listen` section without another default is its own backend.
    fn default_backend(&self, proxy: &Proxy) -> Option<table::BackendId> {
        match (&proxy.settings.default_backend, proxy.role) {
            (Some(name), _) => self.names.backend(name),
            (None, Role::Listen) => self.names.backend(&proxy.name),
            (None, Role::Frontend | Role::Backend) => None,
        }
    }

    fn unique_id(&mut self, proxy: &Proxy) -> UniqueId {
        let config::UniqueId { format, header } = &proxy.settings.unique_id;
        UniqueId {
            format: format.as_ref().map(|format| self.format(format, proxy)),
            header: header.as_deref().map(Into::into),
        }
    }

    fn rules(&mut self, proxy: &Proxy, acls: &Acls) -> Vec<UseBackend> {
        let mut rules = Vec::new();
        for rule in &proxy.rules {
            let backend = match &rule.computed {
                Some(format) => Switch::Named(self.format(format, proxy)),
                None => match self.names.backend(&rule.backend) {
                    Some(backend) => Switch::To(backend),
                    None => continue,
                },
            };
            let condition = rule.condition.as_ref().map(|condition| self.condition(condition, proxy, acls));
            rules.push(UseBackend { condition, backend });
        }
        rules
    }

    /// One listener for each address and each port of each `bind` line. The `id` of a line is that of its first.
    fn binds(&mut self, proxy: &Proxy, frontend: &Arc<str>) -> Vec<Bind> {
        let mut binds = Vec::new();
        let mut given = Vec::new();
        for bind in &proxy.binds {
            let of_line = self.binds_of(proxy, bind, frontend);
            let id = bind.id.as_ref().map(|id| id.value);
            given.extend(of_line.iter().enumerate().map(|(index, _)| id.filter(|_| index == 0)));
            binds.extend(of_line);
        }
        let numbers = numbers::numbers(&given, 1);
        let book = &mut *self.book;
        let numbered = binds.into_iter().zip(numbers).map(|(bind, number)| {
            let number = number.value;
            let state = proxy.settings.has_socket_stats.then(|| book.listener(frontend, number));
            Bind { number, state, ..bind }
        });
        numbered.collect()
    }

    fn binds_of(&mut self, proxy: &Proxy, bind: &config::Bind, frontend: &Arc<str>) -> Vec<Bind> {
        let addrs: Vec<BindAddr> = bind.addresses.iter().flat_map(|address| self.bind_addrs(address)).collect();
        let backlog = self.backlog(proxy, bind);
        let tuning = tuning::of_bind(&proxy.settings, bind, backlog);
        let ownership = self.ownership(proxy, bind);
        let device: Option<Arc<str>> = bind.interface.as_deref().map(Arc::from);
        let v6_only = match bind.v6 {
            V6::System => None,
            V6::Both => Some(false),
            V6::Only => Some(true),
        };
        let tls = self.acceptor(proxy, bind);
        let listener = |addr: BindAddr| {
            self.bind_places.push(BindPlace { frontend: Arc::clone(frontend), addr: bound(&addr), span: bind.span });
            let id = BindId(self.bind_count);
            self.bind_count += 1;
            let name = bind.name.as_ref().map(|name| name.as_str().into());
            Bind {
                id,
                addr,
                name,
                number: 0,
                state: None,
                backlog,
                v6_only,
                device: device.clone(),
                ownership,
                accept_proxy: bind.accept_proxy.is_some(),
                tls: tls.clone(),
                tuning: tuning.clone(),
            }
        };
        addrs.into_iter().map(listener).collect()
    }

    /// Where a path of a `bind` line is (`configuration.txt: unix-bind`).
    pub(super) fn path(&self, path: &[u8]) -> Vec<u8> {
        let prefix = self.config.global.unix_bind.prefix.as_deref().unwrap_or_default();
        [prefix.as_bytes(), path].concat()
    }

    fn bind_addrs(&mut self, address: &Spanned<BindAddress>) -> Vec<BindAddr> {
        match &address.value {
            BindAddress::Tcp { host, first, last } => match self.resolver.ip(host) {
                Ok(ip) => (*first..=*last).map(|port| BindAddr::Ip(SocketAddr::new(ip, port))).collect(),
                Err(name) => {
                    let message = format!("'bind' : invalid address: '{name}' in '{name}:{first}'");
                    self.alert(Stage::Parsing, Lead::Spaced, address.span, message);
                    Vec::new()
                }
            },
            BindAddress::Unix(path) => vec![BindAddr::Unix(self.path(path.as_bytes()).into())],
            BindAddress::Abstract(name) => vec![BindAddr::Abstract(name.as_bytes().into())],
            BindAddress::Inherited(number) => vec![BindAddr::Inherited(*number)],
        }
    }

    /// Whose the paths of a line are: what it says itself, else what `unix-bind` says.
    fn ownership(&mut self, proxy: &Proxy, bind: &config::Bind) -> Ownership {
        let said = bind.ownership.clone().or(&self.config.global.unix_bind.ownership);
        let place = format!("'bind {}' in section '{}'", self.text(first_word(bind)), proxy.role.keyword());
        let mut id = |name: &Option<Spanned<String>>, what: &str, of: fn(&str) -> Option<u32>| {
            let name = name.as_ref()?;
            let id = of(&name.value);
            if id.is_none() {
                let message = format!("{place} : '{what}' : unknown {what} name '{}'", name.value);
                self.alert(Stage::Parsing, Lead::Spaced, name.span, message);
            }
            id
        };
        Ownership {
            mode: said.mode.filter(|&mode| mode != 0),
            uid: id(&said.user, "user", settings::uid_of).or(said.uid),
            gid: id(&said.group, "group", settings::gid_of).or(said.gid),
        }
    }

    /// The line's, else the section's, else as many as may be served at once (`configuration.txt: backlog`).
    fn backlog(&self, proxy: &Proxy, bind: &config::Bind) -> u32 {
        let set =
            |number: &Option<Spanned<u32>>| number.as_ref().map(|number| number.value).filter(|&number| number > 0);
        set(&bind.backlog)
            .or_else(|| set(&proxy.settings.backlog))
            .or_else(|| set(&proxy.settings.maxconn))
            .unwrap_or(self.maxconn)
    }
}

/// The words that say where a line listens.
fn first_word(bind: &config::Bind) -> Span {
    bind.addresses.first().map_or(bind.span, |address| address.span)
}

pub(super) fn mode(mode: Mode) -> table::Mode {
    match mode {
        Mode::Tcp => table::Mode::Tcp,
        Mode::Http => table::Mode::Http,
    }
}

/// What a shard calls the address when it cannot bind it.
fn bound(addr: &BindAddr) -> Addr {
    match addr {
        BindAddr::Ip(addr) => Addr::Ip(*addr),
        BindAddr::Unix(path) => Addr::Unix(Arc::clone(path)),
        BindAddr::Abstract(name) => Addr::Unix([b"\0", &name[..]].concat().into()),
        BindAddr::Inherited(_) => Addr::Unnamed,
    }
}
