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
    /// The service of this name in a section, which logs know it by.
    pub(super) fn service(&mut self, proxy: &Proxy, name: &'static str, site: Site) -> BackendId {
        let section: Arc<str> = proxy.name.as_str().into();
        let first = self.names.backends.len();
        let id = |index: usize| BackendId(u32::try_from(first + index).expect("a file has fewer sections"));
        let is_it = |service: &Arc<Backend>| service.name == section && *service.servers[0].name == *name;
        if let Some(index) = self.services.iter().position(is_it) {
            return id(index);
        }
        let place = place(&section, name);
        let server = self.service_server(&section, name, &place);
        // No section has such a name.
        let state = self.book.backend(&format!("{section}/{name}").into());
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

    fn service_server(&mut self, section: &Arc<str>, name: &str, place: &[u8]) -> Arc<Server> {
        let settings =
            ServerSettings { proxy_header: Some(ProxyHeader::V2(ProxyExtras::default())), ..ServerSettings::default() };
        let backend_name: Arc<str> = format!("{section}/{name}").into();
        let name: Arc<str> = name.into();
        let state = self.book.server(&backend_name, &name, &settings);
        Arc::new(Server { name, backend_name, addr: ServerAddr::Abstract(place.into()), settings, state })
    }
}

/// A name in the abstract namespace that only this process knows, the same after each reload.
fn place(section: &str, name: &str) -> Vec<u8> {
    static PROCESS: OnceLock<RandomState> = OnceLock::new();
    let digest = PROCESS.get_or_init(RandomState::new).hash_one((section, name));
    format!("tidegate/{digest:016x}").into_bytes()
}
