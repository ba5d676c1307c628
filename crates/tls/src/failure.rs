//! Why a connection came to nothing, in the words that HAProxy logs for it (`configuration.txt` §8.2.5).

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use std::fmt;

/// How a handshake failed. [`Connection`](crate::Connection) makes `Refused`; the others depend on the socket and the clock, and are made
/// by whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The peer left without a word.
    Closed,
    /// The socket broke before there was a word.
    Aborted,
    /// It was not over in time.
    Timeout,
    /// One of both would not go on.
    Refused(Refusal),
}

/// What one of both did not like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The peer says so, in an alert (RFC 8446 §6.2).
    Alert(u8),
    /// The connection ended in the middle.
    Truncated,
    /// What came is no TLS.
    NotTls,
    /// A message that cannot be read.
    BadMessage,
    /// A message that has no business here.
    Unexpected,
    /// What came did not decrypt.
    Undecipherable,
    /// No version, cipher, group, signature or protocol that both know.
    NothingInCommon,
    /// There is no certificate for the name that was asked for.
    NoCertificate,
    /// The peer was asked for a certificate and has none.
    CertificateMissing,
    /// The peer's certificate leads to no authority that is known here.
    UnknownIssuer,
    /// The peer's certificate is not valid now.
    CertificateExpired,
    /// The peer's certificate was revoked.
    CertificateRevoked,
    /// The peer's certificate is for somebody else.
    WrongName,
    /// The peer's certificate is wrong in another way.
    BadCertificate,
    /// Anything else, which is a fault of this side or of the library.
    Internal,
}

impl Refusal {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library adds to its errors")]
    pub(crate) fn of(error: &Error) -> Refusal {
        match error {
            Error::AlertReceived(alert) => Refusal::Alert(u8::from(*alert)),
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Refusal::NotTls
            }
            Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => Refusal::BadMessage,
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => Refusal::Unexpected,
            Error::PeerMisbehaved(_) => Refusal::Unexpected,
            Error::DecryptError => Refusal::Undecipherable,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Refusal::NothingInCommon,
            Error::NoCertificatesPresented => Refusal::CertificateMissing,
            Error::General(what) if what == crate::certificates::NO_CERTIFICATE => Refusal::NoCertificate,
            Error::InvalidCertificate(error) => Refusal::of_certificate(error),
            Error::InvalidCertRevocationList(_) => Refusal::BadCertificate,
            _ => Refusal::Internal,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the library adds to its errors")]
    fn of_certificate(error: &CertificateError) -> Refusal {
        match error {
            CertificateError::UnknownIssuer => Refusal::UnknownIssuer,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Refusal::CertificateExpired,
            CertificateError::Revoked => Refusal::CertificateRevoked,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Refusal::WrongName,
            _ => Refusal::BadCertificate,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Closed => f.write_str("Connection closed during SSL handshake"),
            Failure::Aborted => f.write_str("Connection error during SSL handshake"),
            Failure::Timeout => f.write_str("Timeout during SSL handshake"),
            Failure::Refused(refusal) => write!(f, "SSL handshake failure ({refusal})"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Refusal::Alert(alert) => return write!(f, "alert {}", alert_name(*alert)),
            Refusal::Truncated => "connection ended",
            Refusal::NotTls => "not TLS",
            Refusal::BadMessage => "malformed message",
            Refusal::Unexpected => "unexpected message",
            Refusal::Undecipherable => "decryption failed",
            Refusal::NothingInCommon => "no shared version, cipher, group or protocol",
            Refusal::NoCertificate => "no certificate for this name",
            Refusal::CertificateMissing => "peer did not return a certificate",
            Refusal::UnknownIssuer => "certificate of an unknown authority",
            Refusal::CertificateExpired => "certificate not valid now",
            Refusal::CertificateRevoked => "certificate revoked",
            Refusal::WrongName => "certificate for another name",
            Refusal::BadCertificate => "bad certificate",
            Refusal::Internal => "internal error",
        };
        f.write_str(words)
    }
}

/// As RFC 8446 §6.2 calls it.
fn alert_name(alert: u8) -> String {
    let alert = AlertDescription::from(alert);
    if let AlertDescription::Unknown(number) = alert {
        return number.to_string();
    }
    match alert == AlertDescription::UnknownCA {
        true => "unknown ca".into(),
        // The library names the others in one word, as `BadCertificate`.
        false => words(&format!("{alert:?}")),
    }
}

/// `BadCertificate` as `bad certificate`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_log() {
        let said = |refusal| Failure::Refused(refusal).to_string();
        assert_eq!(said(Refusal::Alert(48)), "SSL handshake failure (alert unknown ca)");
        assert_eq!(said(Refusal::Alert(42)), "SSL handshake failure (alert bad certificate)");
        assert_eq!(said(Refusal::Alert(200)), "SSL handshake failure (alert 200)");
        assert_eq!(Failure::Closed.to_string(), "Connection closed during SSL handshake");
    }
}
