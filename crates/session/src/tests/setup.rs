//! What a case's table looks like.

use super::{inspect, review};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{
    Admission, Backend, BackendId, BackendLimits, BackendRules, BackendTimeouts, Balance, Bind, BindAddr, BindId,
    ClientTimeouts, Frontend, Global, Hashing, HttpBack, HttpFront, LogFormat, LogLine, LogPolicy, LogSink, LogTarget,
    Mode, Ownership, ProxyHeader, Redispatch, Server, ServerAddr, ServerSettings, Splice, StateBook, Table, Tuning,
    UniqueId,
};

/// Where it is not the plain one.
#[derive(Clone, Copy)]
pub(super) struct Setup {
    pub(super) proxy_header: Option<ProxyHeader>,
    pub(super) accept_proxy: bool,
    pub(super) retries: u32,
    pub(super) redispatch: Option<Redispatch>,
    pub(super) servers: u16,
    pub(super) client_fin: Option<Duration>,
    pub(super) tunnel: Option<Duration>,
    /// Each server has one place, and somebody has it already.
    pub(super) is_full: bool,
    pub(super) is_inspected: bool,
    pub(super) is_reviewed: bool,
    pub(super) mode: Mode,
    pub(super) log: fn() -> LogPolicy,
}

pub(super) const PLAIN: Setup = Setup {
    proxy_header: None,
    accept_proxy: false,
    retries: 1,
    redispatch: None,
    servers: 1,
    client_fin: None,
    tunnel: None,
    is_full: false,
    is_inspected: false,
    is_reviewed: false,
    mode: Mode::Tcp,
    log: || LogPolicy::new(vec![0], LogFormat::Line(LogLine::tcplog())),
};

/// One frontend, one backend, and their servers.
pub(super) fn table(setup: Setup) -> Arc<Table> {
    let book = &mut StateBook::new(1);
    let name: Arc<str> = "pop3".into();
    let second = Some(Duration::from_secs(1));
    let servers = (1..=setup.servers).map(|number| {
        let server_name: Arc<str> = format!("s{number}").into();
        let settings = ServerSettings {
            proxy_header: setup.proxy_header,
            maxconn: NonZeroU32::new(u32::from(setup.is_full)),
            ..ServerSettings::default()
        };
        Arc::new(Server {
            state: book.server(&name, &server_name, &settings),
            name: server_name,
            backend_name: name.clone(),
            addr: ServerAddr::Ip(format!("203.0.113.{number}:110").parse().expect("an address")),
            settings,
        })
    });
    let servers = servers.collect();
    let backend = Backend {
        name: name.clone(),
        mode: setup.mode,
        rules: if setup.is_reviewed { review::rules() } else { BackendRules::default() },
        servers,
        balance: Balance::RoundRobin,
        hashing: Hashing::default(),
        all_backups: false,
        redispatch: setup.redispatch,
        retries: setup.retries,
        timeouts: BackendTimeouts {
            connect: second,
            queue: Some(Duration::from_millis(500)),
            server: Some(Duration::from_secs(60)),
            tunnel: setup.tunnel,
            ..BackendTimeouts::default()
        },
        limits: BackendLimits::default(),
        splice: Splice::ALWAYS,
        http: HttpBack::default(),
        log_targets: Vec::new(),
        logs_checks: false,
        state: book.backend(&name),
    };
    let bind = Bind {
        id: BindId(0),
        addr: BindAddr::Ip("0.0.0.0:110".parse().expect("an address")),
        name: None,
        backlog: 8,
        v6_only: None,
        device: None,
        ownership: Ownership::default(),
        number: 1,
        state: None,
        accept_proxy: setup.accept_proxy,
        tls: None,
        tuning: Tuning::default(),
    };
    let frontend = Frontend {
        name: name.clone(),
        mode: setup.mode,
        binds: vec![bind],
        admission: if setup.is_inspected { inspect::rules() } else { Admission::default() },
        rules: Vec::new(),
        default_backend: Some(BackendId(0)),
        maxconn: None,
        maxconn_per_source: None,
        session_rate: None,
        timeouts: ClientTimeouts {
            client: Some(Duration::from_secs(30)),
            client_fin: setup.client_fin,
            ..ClientTimeouts::default()
        },
        splice: Splice::ALWAYS,
        http: HttpFront::default(),
        log: (setup.log)(),
        unique_id: UniqueId::default(),
        state: book.frontend(&name),
    };
    let target = LogTarget::to(LogSink::Stdout);
    let global = Global { maxconn: 10, ..Global::default() };
    let table = Table::new(1, global, vec![Arc::new(frontend)], vec![Arc::new(backend)], vec![target], book.process());
    table.take_over();
    Arc::new(table)
}
