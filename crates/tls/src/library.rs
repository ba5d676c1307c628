//! The one provider of cryptography of the process, and the keys that tickets are sealed with.
//!
//! Tickets are sealed with keys that belong to the process, not to a listener or a table: whichever shard a client comes back to, and
//! whatever was reloaded meanwhile, knows it again. The library makes new keys every few hours and keeps those before them as long as
//! their tickets live.

use crate::names::{Cipher, Group};
use aws_lc_rs::digest::SHA256_OUTPUT_LEN;
use rustls::crypto::{self, CryptoProvider};
use rustls::server::ProducesTickets;
use rustls::version;
use std::sync::{Arc, OnceLock};

/// With which everybody calculates.
pub(crate) fn provider() -> &'static CryptoProvider {
    static PROVIDER: OnceLock<CryptoProvider> = OnceLock::new();
    PROVIDER.get_or_init(crypto::aws_lc_rs::default_provider)
}

/// What seals tickets for listeners that demand this of their clients; `None`: the system had no random numbers for its keys.
pub(crate) fn ticketer(demands: Demands) -> Option<Arc<dyn ProducesTickets>> {
    static TICKETER: OnceLock<Option<Arc<dyn ProducesTickets>>> = OnceLock::new();
    let sealer = TICKETER.get_or_init(|| crypto::aws_lc_rs::Ticketer::new().ok()).clone()?;
    Some(Arc::new(Ticketer { sealer, demands }))
}

/// What a listener wants to know of its clients, as a number: SHA-256 of it.
pub(crate) type Demands = [u8; SHA256_OUTPUT_LEN];

/// Whoever takes a session up again is not asked again who he is. So a ticket says what was demanded when it was given, and is none where
/// something else is: at another listener, or after a reload that brought other authorities.
#[derive(Debug)]
struct Ticketer {
    sealer: Arc<dyn ProducesTickets>,
    demands: Demands,
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        self.sealer.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.sealer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealer.encrypt(&[&self.demands[..], plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.sealer.decrypt(cipher)?;
        plain.strip_prefix(&self.demands[..]).map(<[u8]>::to_vec)
    }
}

/// The same, with no more than these ciphers of TLS 1.2, suites of TLS 1.3, and groups. `None`: all of them.
pub(crate) fn chosen_provider(
    ciphers: &Option<Vec<Cipher>>,
    suites: &Option<Vec<Cipher>>,
    groups: &Option<Vec<Group>>,
) -> CryptoProvider {
    let mut chosen = provider().clone();
    let of = |list: &Option<Vec<Cipher>>, version| match list {
        Some(list) => list.iter().map(|cipher| cipher.0).collect::<Vec<_>>(),
        None => provider().cipher_suites.iter().copied().filter(|suite| suite.version() == version).collect(),
    };
    chosen.cipher_suites = [of(suites, &version::TLS13), of(ciphers, &version::TLS12)].concat();
    if let Some(groups) = groups {
        chosen.kx_groups = groups.iter().map(|group| group.0).collect();
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_for_those_who_demand_the_same() {
        let (one, same, other) = (ticketer([1; 32]), ticketer([1; 32]), ticketer([2; 32]));
        let [one, same, other] = [one, same, other].map(|ticketer| ticketer.expect("random numbers"));
        let ticket = one.encrypt(b"secret").expect("there are keys");
        assert_eq!(same.decrypt(&ticket).as_deref(), Some(&b"secret"[..]));
        assert_eq!(other.decrypt(&ticket), None);
    }
}
