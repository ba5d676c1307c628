//! Services: what the process itself has to say to clients of `mode http`, said by control's pages.
//!
//! A session asks a service as it asks any server. To the table it is a backend of one server, whose address is a socket of control's
//! that nobody else may use.

use super::Lowering;
use crate::admin::{Place, Service, SocketSpec};
use crate::pages::Site;
use config::Proxy;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use table::{
    Backend, BackendId, BackendLimits, BackendRules, BackendTimeouts, Balance, Hashing, HttpBack, HttpRules, Mode,
    ProxyExtras, ProxyHeader, Reuse, Server, ServerAddr, ServerSettings, Splice,
};

/// Control answers between its other events, within moments.
const PATIENCE: Duration = Duration::from_secs(10);

impl Lowering<'_> {
    /// The service of this name in a section, which logs know it by. `variant` tells those apart that share a name.
    pub(super) fn service(&mut self, proxy: &Proxy, name: &'static str, variant: &str, site: Site) -> BackendId {
        let section: Arc<str> = proxy.name.as_str().into();
        let first = self.names.backends.len();
        let id = |index: usize| BackendId(u32::try_from(first + index).expect("a file has fewer sections"));
        let place = place(&section, name, variant);
        let addr = ServerAddr::Abstract(place.as_slice().into());
        let is_it = |service: &Arc<Backend>| service.servers[0].addr == addr;
        if let Some(index) = self.services.iter().position(is_it) {
            return id(index);
        }
        // No section has such a name.
        let full_name: Arc<str> = format!("{section}/{name}{variant}").into();
        let server = self.service_server(&full_name, name, addr);
        let state = self.book.backend(&full_name);
        self.service_sockets.push(SocketSpec::internal(Place::Abstract(place), Service::Pages(Arc::new(site))));
        self.services.push(Arc::new(Backend {
            name: section,
            mode: Mode::Http,
            rules: BackendRules::default(),
            servers: vec![server],
            balance: Balance::First,
            hashing: Hashing::default(),
            all_backups: false,
            redispatch: None,
            retries: 0,
            timeouts: BackendTimeouts { connect: Some(PATIENCE), server: Some(PATIENCE), ..BackendTimeouts::default() },
            limits: BackendLimits::default(),
            splice: Splice::NEVER,
            http: HttpBack { is_service: true, reuse: Reuse::Never, ..HttpBack::default() },
            log_targets: Vec::new(),
            logs_checks: false,
            state,
        }));
        id(self.services.len() - 1)
    }

    /// Gives services the rules on responses of the sections that they stand for.
    pub(super) fn finish_services(&mut self, backends: &[Arc<Backend>]) -> Vec<Arc<Backend>> {
        let mut services = std::mem::take(&mut self.services);
        for service in services.iter_mut().filter_map(Arc::get_mut) {
            let Some(section) = backends.iter().find(|backend| backend.name == service.name) else { continue };
            let HttpRules { response, after_response, .. } = section.http.rules.clone();
            service.http.rules = HttpRules { request: Vec::new(), response, after_response };
        }
        services
    }

    fn service_server(&mut self, backend_name: &Arc<str>, name: &str, addr: ServerAddr) -> Arc<Server> {
        let settings =
            ServerSettings { proxy_header: Some(ProxyHeader::V2(ProxyExtras::default())), ..ServerSettings::default() };
        let name: Arc<str> = name.into();
        let state = self.book.server(backend_name, &name, &settings);
        Arc::new(Server { name, backend_name: Arc::clone(backend_name), addr, settings, state })
    }
}

/// A name in the abstract namespace that only this process knows, the same after each reload.
fn place(section: &str, name: &str, variant: &str) -> Vec<u8> {
    static PROCESS: OnceLock<RandomState> = OnceLock::new();
    let digest = PROCESS.get_or_init(RandomState::new).hash_one((section, name, variant));
    format!("tidegate/{digest:016x}").into_bytes()
}
