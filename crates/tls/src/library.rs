//! The one provider of cryptography of the process, and the keys that tickets are sealed with.
//!
//! Tickets are sealed with keys that belong to the process, not to a listener or a table: whichever shard a client comes back to, and
//! whatever was reloaded meanwhile, knows it again. The library makes new keys every few hours and keeps those before them as long as
//! their tickets live.

use crate::names::{Cipher, Group};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ProducesTickets;
use rustls::version;
use std::sync::{Arc, OnceLock};

/// With which everybody calculates.
pub(crate) fn provider() -> &'static CryptoProvider {
    static PROVIDER: OnceLock<CryptoProvider> = OnceLock::new();
    PROVIDER.get_or_init(aws_lc_rs::default_provider)
}

/// What seals tickets; `None`: the system had no random numbers for its keys.
pub(crate) fn ticketer() -> Option<Arc<dyn ProducesTickets>> {
    static TICKETER: OnceLock<Option<Arc<dyn ProducesTickets>>> = OnceLock::new();
    TICKETER.get_or_init(|| aws_lc_rs::Ticketer::new().ok()).clone()
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
