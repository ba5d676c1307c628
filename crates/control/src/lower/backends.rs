//! Backends: how a server is chosen and how long it is waited for.

use super::{Lowering, frontends, limit, numbers};
use config::{Mode, Proxy};
use std::num::NonZeroU32;
use std::sync::Arc;
use table::{
    Backend, BackendLimits, BackendTimeouts, Balance, HashFunction, HashKey, Hashing, Mapping, Redispatch, Server,
    UriExtent,
};

/// `configuration.txt: retries`.
const RETRIES: u32 = 3;

/// What is balanced by where the file says nothing (`configuration.txt: balance`, 3.4).
const BALANCE: Balance = Balance::Random { draws: 2 };

impl Lowering<'_> {
    pub(super) fn backend(&mut self, proxy: &Proxy) -> Backend {
        let name: Arc<str> = proxy.name.as_str().into();
        let settings = &proxy.settings;
        Backend {
            mode: frontends::mode(settings.mode),
            rules: self.backend_rules(proxy),
            servers: self.servers(proxy, &name),
            balance: algorithm(settings),
            hashing: self.hashing(proxy),
            all_backups: settings.has_all_backups,
            redispatch: redispatch(settings.redispatch),
            retries: settings.retries.as_ref().map_or(RETRIES, |retries| retries.value),
            timeouts: timeouts(&settings.timeouts),
            limits: BackendLimits {
                maxconn: settings.backend_maxconn.as_ref().and_then(|most| NonZeroU32::new(most.value)),
                fullconn: self.fullconn(proxy),
                share_percent: settings.hash_balance_factor.as_ref().and_then(|factor| NonZeroU32::new(factor.value)),
                kept_queue_max: settings.http.keep_alive_queue_max,
            },
            splice: self.splice(settings.splice),
            http: self.http_back(proxy),
            log_targets: self.log_targets(proxy),
            logs_checks: settings.logs_health_checks,
            state: self.book.backend(&name),
            name,
        }
    }
}

impl Lowering<'_> {
    fn servers(&mut self, proxy: &Proxy, backend: &Arc<str>) -> Vec<Arc<Server>> {
        let given: Vec<Option<u32>> =
            proxy.servers.iter().map(|server| server.options.id.as_ref().map(|id| id.value)).collect();
        let numbered = proxy.servers.iter().zip(numbers::numbers(&given, 1));
        numbered.filter_map(|(server, number)| self.server(server, number, proxy, backend)).collect()
    }

    /// What a client's hash is made of.
    fn hashing(&mut self, proxy: &Proxy) -> Hashing {
        let config::HashType { is_consistent: _, function, is_mixed } = proxy.settings.hash_type;
        let function = self::function(function);
        let key = match proxy.settings.balance.as_ref().map(|balance| &balance.value) {
            Some(config::Balance::Hash(key)) => self.hash_key(key, proxy),
            Some(
                config::Balance::RoundRobin
                | config::Balance::StaticRoundRobin
                | config::Balance::LeastConn
                | config::Balance::First
                | config::Balance::Random { .. },
            )
            | None => return Hashing::default(),
        };
        Hashing { key, function, is_mixed }
    }

    fn hash_key(&mut self, key: &config::HashKey, proxy: &Proxy) -> HashKey {
        match key {
            config::HashKey::Source => HashKey::Source,
            config::HashKey::Uri(config::UriExtent { size_max, depth_max, has_query, is_path_only }) => {
                HashKey::Uri(UriExtent {
                    size_max: NonZeroU32::new(*size_max),
                    depth_max: NonZeroU32::new(*depth_max),
                    has_query: *has_query,
                    is_path_only: *is_path_only,
                })
            }
            config::HashKey::Parameter(name) => HashKey::Parameter(name.as_bytes().into()),
            config::HashKey::PostedParameter(name) => HashKey::PostedParameter(name.as_bytes().into()),
            config::HashKey::Field { name, is_domain } => {
                HashKey::Field { name: name.as_bytes().into(), is_domain: *is_domain }
            }
            config::HashKey::Expression(expression) => HashKey::Expression(self.expression(expression, proxy)),
        }
    }

    /// Without a word a tenth of what the frontends that lead here admit (`configuration.txt: fullconn`).
    fn fullconn(&self, proxy: &Proxy) -> u32 {
        let said = proxy.settings.fullconn.as_ref().map(|said| said.value).filter(|&said| said > 0);
        let admitted = self.admitted.get(proxy.name.as_str()).copied().unwrap_or(0);
        said.unwrap_or_else(|| u32::try_from(admitted.div_ceil(10)).unwrap_or(u32::MAX).max(1))
    }
}

fn algorithm(settings: &config::Settings) -> Balance {
    let Some(balance) = &settings.balance else { return BALANCE };
    if settings.mode == Mode::Tcp && balance.value.is_of_requests() {
        return Balance::RoundRobin;
    }
    match balance.value {
        config::Balance::RoundRobin => Balance::RoundRobin,
        config::Balance::StaticRoundRobin => Balance::StaticRr,
        config::Balance::LeastConn => Balance::LeastConn,
        config::Balance::First => Balance::First,
        config::Balance::Hash(_) if settings.hash_type.is_consistent => Balance::Hash(Mapping::Ring),
        config::Balance::Hash(_) => Balance::Hash(Mapping::Map),
        config::Balance::Random { draws } => Balance::Random { draws },
    }
}

pub(super) fn function(function: config::HashFunction) -> HashFunction {
    match function {
        config::HashFunction::Sdbm => HashFunction::Sdbm,
        config::HashFunction::Djb2 => HashFunction::Djb2,
        config::HashFunction::Wt6 => HashFunction::Wt6,
        config::HashFunction::Crc32 => HashFunction::Crc32,
        config::HashFunction::Crc32c => HashFunction::Crc32c,
        config::HashFunction::Digits => HashFunction::Digits,
    }
}

fn redispatch(redispatch: config::Redispatch) -> Option<Redispatch> {
    match redispatch {
        config::Redispatch::Off => None,
        config::Redispatch::Every(retries) => Some(Redispatch::Every(retries)),
        config::Redispatch::FromLast(retries) => Some(Redispatch::Last(retries)),
    }
}

fn timeouts(timeouts: &config::Timeouts) -> BackendTimeouts {
    BackendTimeouts {
        connect: limit(&timeouts.connect),
        // `configuration.txt: timeout queue`: without it, that of connect.
        queue: limit(&timeouts.queue).or(limit(&timeouts.connect)),
        server: limit(&timeouts.server),
        server_fin: limit(&timeouts.server_fin),
        tunnel: limit(&timeouts.tunnel),
        http_request: limit(&timeouts.http_request),
        tarpit: limit(&timeouts.tarpit).or(limit(&timeouts.connect)),
        check: limit(&timeouts.check),
    }
}
