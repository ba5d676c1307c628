//! The one provider of cryptography of the process, and the keys that tickets are sealed with.
//!
//! Tickets are sealed with keys that belong to the process, not to a listener or a table: whichever shard a client comes back to, and
//! whatever was reloaded meanwhile, knows it again. The library makes new keys every few hours and keeps those before them as long as
//! their tickets live.

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ProducesTickets;
use std::sync::{Arc, OnceLock};

/// With which all listeners calculate.
pub(crate) fn provider() -> &'static CryptoProvider {
    static PROVIDER: OnceLock<CryptoProvider> = OnceLock::new();
    PROVIDER.get_or_init(aws_lc_rs::default_provider)
}

/// What seals tickets; `None`: the system had no random numbers for its keys.
pub(crate) fn ticketer() -> Option<Arc<dyn ProducesTickets>> {
    static TICKETER: OnceLock<Option<Arc<dyn ProducesTickets>>> = OnceLock::new();
    TICKETER.get_or_init(|| aws_lc_rs::Ticketer::new().ok()).clone()
}
