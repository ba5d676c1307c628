//! OpenSSL's names of versions, ciphers and groups, which HAProxy's configurations and logs are written in, and what of them is done here.
//!
//! Lists of ciphers are OpenSSL's (`ciphers(1)`): names and groups of them, joined by colons, each perhaps with `!`, `-` or `+` before it.
//! Of what they name, some is not done here (CBC, finite-field Diffie-Hellman, RSA without ephemeral keys); a choice says what that is.

use crate::library::provider;
use rustls::crypto::SupportedKxGroup;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion, version};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl Version {
    pub const ALL: [Version; 5] = [Version::Ssl3, Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];

    /// As configurations and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Version::Ssl3 => "SSLv3",
            Version::Tls10 => "TLSv1.0",
            Version::Tls11 => "TLSv1.1",
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }

    pub fn named(name: &str) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.name() == name)
    }

    pub(crate) fn of(version: ProtocolVersion) -> Version {
        // Only two are ever agreed on.
        if version == ProtocolVersion::TLSv1_3 { Version::Tls13 } else { Version::Tls12 }
    }
}

/// The versions that are agreed to, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    pub least: Version,
    pub most: Version,
}

impl VersionRange {
    /// Those of the range that are done here.
    pub(crate) fn served(self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(Version::Tls13, &version::TLS13), (Version::Tls12, &version::TLS12)];
        all.into_iter()
            .filter(|(version, _)| (self.least..=self.most).contains(version))
            .map(|(_, served)| served)
            .collect()
    }
}

/// What a list names.
#[derive(Clone, Debug)]
pub struct Choice<T> {
    /// In the order of the list.
    pub chosen: Vec<T>,
    /// What the list names and is not done here.
    pub lost: Vec<String>,
}

/// A cipher, for [`Offer`](crate::Offer) and [`Demand`](crate::Demand).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cipher(pub(crate) SupportedCipherSuite);

/// A group for the exchange of keys, for [`Offer`](crate::Offer) and [`Demand`](crate::Demand).
#[derive(Clone, Copy, Debug)]
pub struct Group(pub(crate) &'static dyn SupportedKxGroup);

impl PartialEq for Group {
    fn eq(&self, other: &Group) -> bool {
        self.0.name() == other.0.name()
    }
}

/// What `ciphers` says: those of TLS 1.2.
pub fn choose_ciphers(list: &str) -> Choice<Cipher> {
    let (mut chosen, mut lost): (Vec<SupportedCipherSuite>, Vec<String>) = (Vec::new(), Vec::new());
    let mut killed: Vec<SupportedCipherSuite> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty() && !word.starts_with('@')) {
        let (sign, name) = match word.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), name)) => (sign, name),
            Some(_) | None => ("", word),
        };
        let meant: Vec<SupportedCipherSuite> =
            before_tls13().filter(|suite| name.split('+').all(|part| is_meant(*suite, part))).collect();
        match sign {
            "!" => {
                chosen.retain(|suite| !meant.contains(suite));
                killed.extend(meant);
            }
            "-" => chosen.retain(|suite| !meant.contains(suite)),
            // Moves to the end.
            "+" => {
                let (moved, kept): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|suite| meant.contains(suite));
                chosen = kept.into_iter().chain(moved).collect();
            }
            _ if meant.is_empty() => lost.push(name.to_string()),
            _ => {
                let new: Vec<_> =
                    meant.into_iter().filter(|suite| !chosen.contains(suite) && !killed.contains(suite)).collect();
                chosen.extend(new);
            }
        }
    }
    Choice { chosen: chosen.into_iter().map(Cipher).collect(), lost }
}

/// What `ciphersuites` says: those of TLS 1.3.
pub fn choose_suites(list: &str) -> Choice<Cipher> {
    let mut choice = Choice { chosen: Vec::new(), lost: Vec::new() };
    for name in list.split(':').filter(|name| !name.is_empty()) {
        match tls13().find(|suite| cipher_name(suite.suite()) == name) {
            Some(suite) if choice.chosen.contains(&Cipher(suite)) => (),
            Some(suite) => choice.chosen.push(Cipher(suite)),
            None => choice.lost.push(name.to_string()),
        }
    }
    choice
}

/// What `curves` says.
pub fn choose_groups(list: &str) -> Choice<Group> {
    let mut choice = Choice { chosen: Vec::new(), lost: Vec::new() };
    for name in list.split(':').filter(|name| !name.is_empty()) {
        let known = provider().kx_groups.iter().find(|group| is_group(group.name(), name));
        match known {
            Some(group) => choice.chosen.push(Group(*group)),
            None => choice.lost.push(name.to_string()),
        }
    }
    choice
}

/// OpenSSL's name of a cipher.
pub(crate) fn cipher_name(suite: CipherSuite) -> &'static str {
    CIPHERS.iter().find(|(known, _)| *known == suite).map_or("", |(_, name)| name)
}

const CIPHERS: [(CipherSuite, &str); 9] = [
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

fn tls13() -> impl Iterator<Item = SupportedCipherSuite> {
    all().filter(|suite| suite.version() == &version::TLS13)
}

fn before_tls13() -> impl Iterator<Item = SupportedCipherSuite> {
    all().filter(|suite| suite.version() == &version::TLS12)
}

fn all() -> impl Iterator<Item = SupportedCipherSuite> {
    provider().cipher_suites.iter().copied()
}

/// Whether a word of a list names this cipher, or a group that it is in.
fn is_meant(suite: SupportedCipherSuite, word: &str) -> bool {
    let name = cipher_name(suite.suite());
    match word {
        "ALL" | "DEFAULT" | "HIGH" | "TLSv1.2" | "ECDHE" | "EECDH" | "kEECDH" | "kECDHE" | "AEAD" => true,
        "AESGCM" | "AES" => name.contains("AES"),
        "AES128" => name.contains("AES128"),
        "AES256" => name.contains("AES256"),
        "CHACHA20" => name.contains("CHACHA20"),
        "aRSA" => name.contains("-RSA-"),
        "ECDSA" | "aECDSA" => name.contains("-ECDSA-"),
        "SHA256" => name.ends_with("SHA256"),
        "SHA384" => name.ends_with("SHA384"),
        _ => name == word || iana_name(suite.suite()) == word,
    }
}

/// OpenSSL takes the names of the registry, too.
fn iana_name(suite: CipherSuite) -> String {
    format!("{suite:?}")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "groups that no provider here has")]
fn is_group(group: NamedGroup, name: &str) -> bool {
    let names: &[&str] = match group {
        NamedGroup::X25519 => &["X25519"],
        NamedGroup::secp256r1 => &["P-256", "prime256v1", "secp256r1"],
        NamedGroup::secp384r1 => &["P-384", "secp384r1"],
        NamedGroup::X25519MLKEM768 => &["X25519MLKEM768"],
        NamedGroup::secp256r1MLKEM768 => &["SecP256r1MLKEM768"],
        NamedGroup::MLKEM768 => &["MLKEM768"],
        _ => &[],
    };
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(choice: &Choice<Cipher>) -> Vec<&'static str> {
        choice.chosen.iter().map(|cipher| cipher_name(cipher.0.suite())).collect()
    }

    /// `ciphers(1)`; the second list is the "intermediate" one that Mozilla's generator writes for HAProxy.
    #[test]
    fn lists_of_ciphers() {
        let choice = choose_ciphers("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384");
        assert_eq!(names(&choice), ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]);
        assert_eq!(choice.lost, ["AES128-SHA"]);
        let choice = choose_ciphers(
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:\
             DHE-RSA-AES128-GCM-SHA256:DHE-RSA-CHACHA20-POLY1305",
        );
        assert_eq!(choice.chosen.len(), 3);
        assert_eq!(choice.lost, ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-CHACHA20-POLY1305"]);
        let choice = choose_ciphers("HIGH:!aRSA:-CHACHA20:+AES128");
        assert_eq!(names(&choice), ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
        let choice = choose_ciphers("EECDH+AESGCM:!ECDSA");
        assert_eq!(names(&choice), ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]);
        assert!(choose_ciphers("nonsense").chosen.is_empty());
    }

    #[test]
    fn lists_of_suites_and_groups() {
        let choice = choose_suites("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256");
        assert_eq!(names(&choice), ["TLS_AES_128_GCM_SHA256"]);
        assert_eq!(choice.lost, ["TLS_AES_128_CCM_SHA256"]);
        let choice = choose_groups("X25519:prime256v1:secp521r1");
        assert_eq!((choice.chosen.len(), choice.lost), (2, vec!["secp521r1".to_string()]));
    }

    #[test]
    fn every_cipher_has_a_name() {
        for suite in all() {
            assert_ne!(cipher_name(suite.suite()), "", "{suite:?}");
        }
    }

    #[test]
    fn versions() {
        let all = VersionRange { least: Version::Ssl3, most: Version::Tls13 };
        assert_eq!(all.served().len(), 2);
        let old = VersionRange { least: Version::Tls10, most: Version::Tls11 };
        assert!(old.served().is_empty());
        assert_eq!(Version::named("TLSv1.2"), Some(Version::Tls12));
        assert_eq!(Version::named("TLSv9"), None);
    }
}
