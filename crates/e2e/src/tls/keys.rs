//! Keys of certificates.

use std::cell::Cell;
use std::path::PathBuf;
use std::{env, fs, process};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// What a listener shows unless its scenario says why not: most operators have such certificates, and Tidegate makes these signatures
    /// beside its shards, so whatever a scenario is about happens to such handshakes, too.
    Rsa,
    /// Tidegate makes these signatures on its shards.
    Ecdsa,
}

impl Key {
    pub(super) fn pair(self) -> KeyPair {
        match self {
            Key::Rsa => kept(),
            Key::Ecdsa => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key"),
        }
    }
}

/// A key that no certificate of this test has yet. One by RSA takes tenths of a second to find, and no test asks which it is: so each
/// test takes the same ones, in their order, and they lie beside its binary.
fn kept() -> KeyPair {
    thread_local! {
        static TAKEN: Cell<usize> = const { Cell::new(0) };
    }
    let number = TAKEN.replace(TAKEN.get() + 1);
    let directory = directory();
    let path = directory.join(format!("rsa-{number}.pem"));
    if let Ok(text) = fs::read_to_string(&path) {
        return KeyPair::from_pem_and_sign_algo(&text, &PKCS_RSA_SHA256).expect("a key, as it was written");
    }
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    // Renamed into place: another test sees it whole, or makes one of its own.
    let draft = directory.join(format!("rsa-{number}.{}.{:?}", process::id(), std::thread::current().id()));
    fs::write(&draft, key.serialize_pem()).expect("room for a key");
    fs::rename(draft, path).expect("the same directory");
    key
}

fn directory() -> PathBuf {
    let binary = env::current_exe().expect("a test has a binary");
    let directory = binary.parent().expect("it lies somewhere").join("keys");
    fs::create_dir_all(&directory).expect("room for a directory");
    directory
}
