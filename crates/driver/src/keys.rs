//! What the kernel is given so that it does TLS for one direction of a connection.

use std::fmt;

/// Which of both directions of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// What the peer sends.
    Inbound,
    /// What is sent to it.
    Outbound,
}

/// A key with all that belongs to it, in the kernel's form (`linux/tls.h`: `tls12_crypto_info_…`). Forgotten when it is dropped.
pub struct Keys(Vec<u8>);

impl Keys {
    pub fn new(bytes: Vec<u8>) -> Keys {
        Keys(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.0.fill(0);
        // Somebody might look: so it is written.
        std::hint::black_box(&self.0);
    }
}

/// Keys are in no trace and in no log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
