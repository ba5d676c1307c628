//! The last messages of a section that could not be read, kept for operators (`management.txt: show errors`).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http1::Refusal;

/// A message that broke a rule.
#[derive(Clone, Debug)]
pub struct Misread {
    /// Of all that the process met, from 0.
    pub number: u64,
    /// Since 1970.
    pub at: Duration,
    pub frontend: Named,
    /// `None`: none was chosen yet.
    pub backend: Option<Named>,
    pub server: Option<Named>,
    pub client: Option<SocketAddr>,
    /// As much of it as was there.
    pub bytes: Box<[u8]>,
    pub why: Refusal,
}

/// A section or a server, as operators know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: Arc<str>,
    /// HAProxy's number for it.
    pub number: u32,
}

/// The last one of a section.
#[derive(Debug, Default)]
pub struct LastMisread(Mutex<Option<Arc<Misread>>>);

impl LastMisread {
    pub fn keep(&self, misread: Misread) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(misread));
    }

    pub fn get(&self) -> Option<Arc<Misread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
