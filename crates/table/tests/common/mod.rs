//! Tables of one backend, by hand.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use table::{
    Backend, BackendLimits, BackendRules, BackendTimeouts, Balance, Global, Hashing, HttpBack, Mode, Server,
    ServerAddr, ServerSettings, Splice, StateBook, Table,
};

/// A server without checks that is never connected to.
pub(crate) fn server(book: &mut StateBook, backend: &Arc<str>, name: &str, settings: ServerSettings) -> Arc<Server> {
    let name: Arc<str> = name.into();
    let state = book.server(backend, &name, &settings);
    let addr = ServerAddr::Ip(([127, 0, 0, 1], 9).into());
    Arc::new(Server { name, backend_name: backend.clone(), addr, settings, state })
}

/// A backend `px` of the given servers, not yet in force.
pub(crate) fn backend(
    book: &mut StateBook,
    balance: Balance,
    all_backups: bool,
    servers: &[(&str, ServerSettings)],
) -> Backend {
    let name: Arc<str> = "px".into();
    let servers = servers.iter().map(|(server_name, settings)| server(book, &name, server_name, settings.clone()));
    Backend {
        rules: BackendRules::default(),
        servers: servers.collect(),
        mode: Mode::Tcp,
        balance,
        hashing: Hashing::default(),
        all_backups,
        redispatch: None,
        retries: 3,
        timeouts: BackendTimeouts::default(),
        limits: BackendLimits::default(),
        splice: Splice::ALWAYS,
        http: HttpBack::default(),
        log_targets: Vec::new(),
        logs_checks: false,
        state: book.backend(&name),
        name,
    }
}

/// A table of this backend alone, in force.
pub(crate) fn in_force(book: &StateBook, backend: Backend) -> Arc<Backend> {
    let backend = Arc::new(backend);
    let table = Table::new(
        1,
        Global { maxconn: 100, ..Global::default() },
        vec![],
        vec![backend.clone()],
        vec![],
        book.process(),
    );
    table.take_over();
    backend
}

/// A table of nothing.
pub(crate) fn empty(book: &StateBook) -> Table {
    Table::new(1, Global::default(), vec![], vec![], vec![], book.process())
}

pub(crate) fn weight(weight: u16) -> ServerSettings {
    ServerSettings { weight, ..ServerSettings::default() }
}
