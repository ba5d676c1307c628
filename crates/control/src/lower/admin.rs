//! Admin sockets: `stats socket`, `stats timeout`, `stats maxconn`; and where metrics are served.

use super::Lowering;
use crate::admin::{Owner, Place, Rights, Service, Settings, SocketSpec};
use crate::pages::Site;
use config::{BindAddress, Ownership, Spanned, Stage, StatsSocket};
use std::net::SocketAddr;
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn admin(&mut self) -> Settings {
        let global = &self.config.global;
        let standard = Settings::default();
        let mut sockets = Vec::new();
        for socket in &global.stats_sockets {
            for address in &socket.addresses {
                let places = self.places("stats socket", address);
                sockets.extend(places.into_iter().map(|place| spec(place, socket)));
            }
        }
        sockets.extend(self.pages());
        sockets.append(&mut self.service_sockets);
        for address in &global.prometheus {
            let service = Service::Pages(Arc::new(Site::Metrics));
            let places = self.places("tidegate.prometheus", address);
            sockets.extend(places.into_iter().map(|place| SocketSpec::open_to_all(place, service.clone())));
        }
        Settings {
            sockets,
            patience: global.stats_timeout.as_ref().map_or(standard.patience, |timeout| timeout.value),
            clients_most: global.stats_maxconn.as_ref().map_or(standard.clients_most, |maxconn| maxconn.value),
        }
    }

    pub(super) fn places(&mut self, keyword: &str, address: &Spanned<BindAddress>) -> Vec<Place> {
        match &address.value {
            BindAddress::Tcp { host, first, last } => match self.resolver.ip(host) {
                Ok(ip) => (*first..=*last).map(|port| Place::Tcp(SocketAddr::new(ip, port))).collect(),
                Err(name) => {
                    let message = format!("'{keyword}' : invalid address: '{name}' in '{name}:{first}'");
                    self.alert(Stage::Parsing, config::Lead::Spaced, address.span, message);
                    Vec::new()
                }
            },
            BindAddress::Unix(path) => vec![Place::Unix(path.as_bytes().to_vec())],
            BindAddress::Abstract(name) => vec![Place::Abstract(name.as_bytes().to_vec())],
            BindAddress::Inherited(number) => vec![Place::Inherited(*number)],
        }
    }
}

fn spec(place: Place, socket: &StatsSocket) -> SocketSpec {
    let service = Service::Commands(Rights {
        access: socket.access,
        exposes_listeners: socket.exposes_listeners,
        is_master: socket.is_master,
    });
    owned(SocketSpec::open_to_all(place, service), &socket.ownership)
}

/// The same socket, whose path belongs to these.
pub(super) fn owned(spec: SocketSpec, ownership: &Ownership) -> SocketSpec {
    let Ownership { mode, user, group, uid, gid } = ownership;
    let owner = |name: &Option<Spanned<String>>, number: Option<u32>| match (name, number) {
        (Some(name), _) => Some(Owner::Name(name.value.clone())),
        (None, Some(number)) => Some(Owner::Number(number)),
        (None, None) => None,
    };
    SocketSpec { mode: *mode, user: owner(user, *uid), group: owner(group, *gid), ..spec }
}
