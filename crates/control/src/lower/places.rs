//! Where servers are: as their lines say, or where the first method of `init-addr` that knows has them.

use super::Lowering;
use config::{Diagnostic, Host, InitAddr, Lead, Level, Server, ServerAddress, ServerPort, Span, Stage};
use std::net::{IpAddr, SocketAddr};
use table::ServerAddr;

/// Unless the line says otherwise (`configuration.txt: init-addr`).
const METHODS: &[InitAddr] = &[InitAddr::Last, InitAddr::Libc];

impl Lowering<'_> {
    /// None if no method knows an address, and none may be missing; that has been reported.
    pub(super) fn server_addr(&mut self, server: &Server, backend: &str, owner: &str) -> Option<ServerAddr> {
        match &server.address.value {
            ServerAddress::Tcp { host, port: ServerPort::Fixed(port) } => {
                let ip = match host {
                    Host::Ip(ip) => Some(*ip),
                    Host::Name { name, .. } => self.first_ip(server, host, name, backend, owner)?,
                };
                Some(ip.map_or(ServerAddr::Nowhere(*port), |ip| ServerAddr::Ip(SocketAddr::new(ip, *port))))
            }
            ServerAddress::Tcp { port: ServerPort::Offset(_), .. } => {
                unreachable!("the client's port is refused before it is lowered")
            }
            ServerAddress::Unix(path) => Some(ServerAddr::Unix(path.as_bytes().into())),
            ServerAddress::Abstract(name) => Some(ServerAddr::Abstract(name.as_bytes().into())),
        }
    }

    /// `Some(None)`: it is to have none at first.
    fn first_ip(
        &mut self,
        server: &Server,
        host: &Host,
        name: &str,
        backend: &str,
        owner: &str,
    ) -> Option<Option<IpAddr>> {
        let methods = if server.options.init_addr.is_empty() { METHODS } else { &server.options.init_addr };
        let span = server.address.span;
        let mut is_unresolved = false;
        for method in methods {
            let found = match method {
                InitAddr::Last => self.resolver.last(backend, &server.name.value),
                InitAddr::Libc => {
                    let found = self.resolver.ip(host).ok();
                    is_unresolved |= found.is_none();
                    found
                }
                InitAddr::None => {
                    self.warn_unresolved(is_unresolved, span, owner, name, "disabling server");
                    return Some(None);
                }
                InitAddr::Ip(ip) => {
                    self.warn_unresolved(is_unresolved, span, owner, name, "falling back to configured address");
                    Some(*ip)
                }
            };
            if found.is_some() {
                return Some(found);
            }
        }
        let message = match is_unresolved {
            true => format!("{owner} : could not resolve address '{name}'."),
            false => format!("{owner} : no method found to resolve address '{name}'."),
        };
        self.alert(Stage::Checking, Lead::Place, span, message);
        None
    }

    /// Only where somebody was asked who should have known.
    fn warn_unresolved(&mut self, is_unresolved: bool, span: Span, owner: &str, name: &str, so: &str) {
        if is_unresolved {
            let (level, stage, lead, span) = (Level::Warning, Stage::Checking, Lead::Place, Some(span));
            let message = format!("{owner} : could not resolve address '{name}', {so}.");
            self.diagnostics.push(Diagnostic { level, stage, lead, span, message, hint: None });
        }
    }
}
