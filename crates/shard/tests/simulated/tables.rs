//! Configurations drawn from a seed, and how they change at a reload.

use crate::secure::Terms;
use sim::Rng;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{
    Backend, BackendId, BackendLimits, BackendTimeouts, Balance, Bind, BindAddr, BindId, ClientTimeouts, Frontend,
    Global, HttpBack, HttpFront, Keeping, LogFormat, LogLine, LogPolicy, LogSink, LogTarget, Mode, ProxyHeader,
    Redispatch, RetryEvent, RetryOn, Reuse, Server, ServerAddr, ServerName, ServerSettings, ServerTls, Splice,
    StateBook, Table,
};

/// What a table is built from; a reload changes it and builds again.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) mode: Mode,
    pub(crate) maxconn: u32,
    /// Ports that listen, each for a frontend of its own, and whether a PROXY header is expected there.
    pub(crate) ports: Vec<(u16, bool)>,
    pub(crate) servers: Vec<ServerDraft>,
    pub(crate) balance: Balance,
    pub(crate) retries: u32,
    pub(crate) redispatch: Option<Redispatch>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) queue_timeout: Duration,
    /// 0: without limit.
    pub(crate) backend_maxconn: u32,
    /// Connections that make the backend full.
    pub(crate) fullconn: u32,
    /// Of each server that has two places or more.
    pub(crate) minconn: u32,
    /// Of each server; 0: without limit.
    pub(crate) maxqueue: u32,
    /// Of each frontend; 0: without limit.
    pub(crate) frontend_maxconn: u32,
    /// Of each frontend; 0: without limit.
    pub(crate) maxconn_per_source: u32,
    /// Sessions per second at each frontend; 0: without limit.
    pub(crate) frontend_rate: u32,
    /// Connections per second in the process; 0: without limit.
    pub(crate) connection_rate: u32,
    pub(crate) splice: Splice,
    pub(crate) terms: Terms,
    /// In `mode http`.
    pub(crate) front: table::HttpFront,
    pub(crate) back: table::HttpBack,
}

#[derive(Clone, Debug)]
pub(crate) struct ServerDraft {
    pub(crate) number: u16,
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    pub(crate) header: Option<ProxyHeader>,
    /// 0: without limit.
    pub(crate) maxconn: u32,
}

pub(crate) const FRONT_PORT: u16 = 1000;
pub(crate) const BACK_PORT: u16 = 2000;

pub(crate) fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Draft {
    pub(crate) fn of(rng: &mut Rng, mode: Mode, maxconn: u32, timeout: Duration) -> Draft {
        let server_count = 1 + rng.below(4) as u16;
        let header = match rng.below(3) {
            0 => None,
            1 => Some(ProxyHeader::V1),
            _ => Some(ProxyHeader::V2(table::ProxyExtras::default())),
        };
        let servers = (0..server_count)
            .map(|number| ServerDraft {
                number,
                weight: 1 + rng.below(3) as u16,
                backup: number > 0 && rng.chance(200),
                header,
                maxconn: if rng.chance(500) { 1 + rng.below(3) as u32 } else { 0 },
            })
            .collect();
        let balances = [
            Balance::RoundRobin,
            Balance::StaticRr,
            Balance::LeastConn,
            Balance::First,
            Balance::Hash(table::Mapping::Map),
            Balance::Hash(table::Mapping::Ring),
            Balance::Random { draws: 2 },
        ];
        Draft {
            mode,
            maxconn,
            ports: (0..1 + rng.below(3) as u16).map(|index| (FRONT_PORT + index, rng.chance(300))).collect(),
            servers,
            balance: balances[rng.below(balances.len())],
            retries: rng.below(4) as u32,
            redispatch: rng.chance(500).then_some(Redispatch::Last(1)),
            timeout,
            connect_timeout: Duration::from_millis(20 + rng.below(200) as u64),
            // Where nobody may be turned away, waiting has no end.
            queue_timeout: if timeout.as_secs() > 60 {
                timeout
            } else {
                Duration::from_millis(5 + rng.below(500) as u64)
            },
            fullconn: 1 + rng.below(10) as u32,
            minconn: rng.below(2) as u32,
            maxqueue: if rng.chance(200) { 1 + rng.below(3) as u32 } else { 0 },
            frontend_maxconn: if rng.chance(300) { 1 + rng.below(4) as u32 } else { 0 },
            maxconn_per_source: if rng.chance(50) { 1 + rng.below(4) as u32 } else { 0 },
            frontend_rate: if rng.chance(100) { 1 + rng.below(4) as u32 } else { 0 },
            connection_rate: if rng.chance(100) { 1 + rng.below(8) as u32 } else { 0 },
            backend_maxconn: if rng.chance(200) { 1 + rng.below(4) as u32 } else { 0 },
            splice: Splice { request: rng.chance(800), response: rng.chance(800) },
            terms: Terms::default(),
            front: HttpFront { keeping: keeping(rng), ..HttpFront::default() },
            back: HttpBack { keeping: keeping(rng), reuse: reuse(rng), retry_on: retry_on(rng), ..HttpBack::default() },
        }
    }

    /// One port and one server, neither limits nor times: what happens is what the peers do.
    pub(crate) fn of_rows() -> Draft {
        let calm = Duration::from_secs(3600);
        Draft {
            ports: vec![(FRONT_PORT, false)],
            servers: vec![ServerDraft { number: 0, weight: 1, backup: false, header: None, maxconn: 0 }],
            balance: Balance::RoundRobin,
            retries: 0,
            redispatch: None,
            connect_timeout: calm,
            queue_timeout: calm,
            fullconn: 1,
            minconn: 0,
            maxqueue: 0,
            frontend_maxconn: 0,
            maxconn_per_source: 0,
            frontend_rate: 0,
            connection_rate: 0,
            backend_maxconn: 0,
            splice: Splice { request: true, response: true },
            front: HttpFront::default(),
            // What a server says unasked cannot be told from the answer to a request that has just been sent to it: so each has a
            // connection of its own, although servers are not told.
            back: HttpBack { keeping: Keeping::Front, pretends_keepalive: true, ..HttpBack::default() },
            ..Draft::of(&mut Rng::new(1), Mode::Http, 1000, calm)
        }
    }

    /// Another configuration for the same place: a server more or less, other weights, a port less, another limit.
    pub(crate) fn change(&mut self, rng: &mut Rng) {
        match rng.below(13) {
            0 if self.servers.len() > 1 => {
                self.servers.remove(rng.below(self.servers.len()));
            }
            1 => {
                let gone = (0..4).find(|&number| self.servers.iter().all(|server| server.number != number));
                let header = self.servers[0].header;
                self.servers.extend(gone.map(|number| ServerDraft {
                    number,
                    weight: 2,
                    backup: false,
                    header,
                    maxconn: 1,
                }));
            }
            2 => self.servers.iter_mut().for_each(|server| server.weight = 1 + rng.below(5) as u16),
            4 => self.servers.iter_mut().for_each(|server| server.maxconn = rng.below(4) as u32),
            6 => self.frontend_maxconn = rng.below(5) as u32,
            7 => self.frontend_rate = rng.below(5) as u32,
            10 => self.fullconn = 1 + rng.below(10) as u32,
            11 => self.maxqueue = rng.below(3) as u32,
            9 => self.maxconn_per_source = rng.below(4) as u32,
            8 => self.connection_rate = rng.below(9) as u32,
            5 => self.backend_maxconn = rng.below(6) as u32,
            3 => self.maxconn = 1 + rng.below(self.maxconn as usize + 4) as u32,
            _ => self.retries = rng.below(4) as u32,
        }
    }

    pub(crate) fn build(&self, generation: u64, book: &mut StateBook) -> Arc<Table> {
        let backend_name: Arc<str> = "back".into();
        let servers = self.servers.iter().map(|draft| {
            let name: Arc<str> = format!("s{}", draft.number).into();
            let connector = self.terms.connector.clone();
            let tls = connector.map(|connector| ServerTls { connector, name: ServerName::None });
            let settings = ServerSettings {
                weight: draft.weight,
                backup: draft.backup,
                proxy_header: draft.header,
                maxconn: NonZeroU32::new(draft.maxconn),
                minconn: if draft.maxconn > 1 { self.minconn } else { 0 },
                maxqueue: NonZeroU32::new(self.maxqueue),
                tls,
                ..ServerSettings::default()
            };
            let state = book.server(&backend_name, &name, &settings);
            let addr = ServerAddr::Ip(addr(BACK_PORT + draft.number));
            Arc::new(Server { name, backend_name: backend_name.clone(), addr, settings, state })
        });
        let servers = servers.collect();
        let backend = Backend {
            name: backend_name.clone(),
            mode: self.mode,
            rules: table::BackendRules::default(),
            servers,
            balance: self.balance,
            hashing: table::Hashing::default(),
            all_backups: false,
            redispatch: self.redispatch,
            retries: self.retries,
            timeouts: BackendTimeouts {
                connect: Some(self.connect_timeout),
                queue: Some(self.queue_timeout),
                server: Some(self.timeout),
                ..BackendTimeouts::default()
            },
            limits: BackendLimits {
                maxconn: NonZeroU32::new(self.backend_maxconn),
                fullconn: self.fullconn,
                ..BackendLimits::default()
            },
            splice: self.splice,
            http: self.back.clone(),
            log_targets: Vec::new(),
            logs_checks: false,
            state: book.backend(&backend_name),
        };
        let frontends = self.ports.iter().enumerate().map(|(index, &(port, accept_proxy))| {
            let name: Arc<str> = format!("front{port}").into();
            let bind = Bind {
                id: BindId(index as u32),
                addr: BindAddr::Ip(addr(port)),
                name: None,
                backlog: 64,
                v6_only: None,
                device: None,
                ownership: table::Ownership::default(),
                number: 1,
                state: None,
                accept_proxy,
                tls: self.terms.acceptor.clone(),
                tuning: table::Tuning::default(),
            };
            let state = book.frontend(&name);
            Arc::new(Frontend {
                name,
                mode: self.mode,
                binds: vec![bind],
                admission: table::Admission::default(),
                rules: Vec::new(),
                default_backend: Some(BackendId(0)),
                maxconn: NonZeroU32::new(self.frontend_maxconn),
                maxconn_per_source: NonZeroU32::new(self.maxconn_per_source),
                session_rate: NonZeroU32::new(self.frontend_rate),
                timeouts: ClientTimeouts { client: Some(self.timeout), ..ClientTimeouts::default() },
                splice: self.splice,
                http: self.front.clone(),
                log: LogPolicy::new(vec![0], LogFormat::Line(LogLine::tcplog())),
                unique_id: table::UniqueId::default(),
                state,
            })
        });
        let target = LogTarget::to(LogSink::Stdout);
        let global = Global { maxconn: self.maxconn, connection_rate: self.connection_rate, ..Global::default() };
        Arc::new(Table::new(
            generation,
            global,
            frontends.collect(),
            vec![Arc::new(backend)],
            vec![target],
            book.process(),
        ))
    }
}

fn keeping(rng: &mut Rng) -> Keeping {
    match rng.below(6) {
        0 => Keeping::Front,
        1 => Keeping::Nothing,
        _ => Keeping::Both,
    }
}

fn reuse(rng: &mut Rng) -> Reuse {
    [Reuse::Never, Reuse::Safe, Reuse::Aggressive, Reuse::Always][rng.below(4)]
}

fn retry_on(rng: &mut Rng) -> RetryOn {
    if rng.chance(700) {
        return RetryOn::default();
    }
    let events = [
        RetryEvent::ConnFailure,
        RetryEvent::EmptyResponse,
        RetryEvent::JunkResponse,
        RetryEvent::ResponseTimeout,
        RetryEvent::Status(503),
    ];
    RetryOn(events.into_iter().filter(|_| rng.chance(600)).collect())
}
