//! TLS between two connections, as values: bytes of a socket in, bytes of a flow out, and the other way.
//!
//! ```text
//!                        received ──▶ read ──▶ plain
//!    socket's bytes                Connection                flow's bytes
//!                        sent ◀────── write ◀── plain
//!                          ▲
//!                          └─ what is due of the connection's own: handshake, tickets, alerts
//! ```
//!
//! A [`Connection`] is one end of one connection. It is made by an [`Acceptor`] (what a `bind` line says, with its certificates) or by a
//! [`Connector`] (what a `server` line says), takes bytes however they were cut, and holds of them no more than a record that has not come whole. The handshake is rustls's, the
//! arithmetic that of AWS-LC; here are the records that follow, opened and sealed where their bytes lie, and what a proxy needs around all that:
//! which certificate for which name, OpenSSL's names for HAProxy's configurations and logs, and failures as values.
//!
//! | file | what it knows |
//! |---|---|
//! | `connection` | one end: first a handshake, then a channel |
//! | `handshake` | until both agree |
//! | `errand` | the part of a handshake that takes a costly signature |
//! | `engine` | the library's machine beneath, whichever end it is, and what remains of it |
//! | `channel` | records once both have agreed, and all that may come in them |
//! | `opening`, `sealing`, `traffic` | one record out of its protection, or into it; keys, nonces, numbers |
//! | `message` | messages that come behind the handshake |
//! | `alert` | what one end says when it does not go on |
//! | `hello` | what a client says first, before it is answered |
//! | `record` | where records lie in bytes |
//! | `spare` | memory for a record that comes in parts |
//! | `failure` | why a connection came to nothing |
//! | `acceptor` | what a listener agrees to |
//! | `connector`, `verifier` | what a server is asked for, and who it has to be |
//! | `certificates` | which certificate for which name |
//! | `bundle` | certificates and keys as files have them (PEM) |
//! | `x509` | the little that is asked of a certificate: names, key, signature |
//! | `standing` | what authorities say of certificates |
//! | `names` | OpenSSL's names of versions, ciphers and groups |
//! | `library` | the one provider of cryptography, and the keys of tickets |
//!
//! This crate opens no file and reads no clock. The library beneath draws random numbers and looks at the time by itself: handshakes
//! are made of the one, certificates and tickets expire by the other.
#![forbid(unsafe_code)]

mod acceptor;
mod alert;
mod bundle;
mod certificates;
mod channel;
mod connection;
mod connector;
mod engine;
mod errand;
mod failure;
mod handover;
mod handshake;
mod hello;
mod library;
mod message;
mod names;
mod opening;
mod record;
mod sealing;
mod spare;
mod standing;
mod terms;
mod traffic;
mod verifier;
mod x509;

pub use acceptor::{Acceptor, ClientCertificates, Offer, TermsError, Wanted};
pub use bundle::{Bundle, BundleError, certificates, revocations};
pub use certificates::{Certificates, NamedBundle, Shown};
pub use connection::{Agreed, Client, Connection, Hand, Next, Read, Written};
pub use connector::{Connector, Demand, Trust};
pub use errand::{Aside, Errand};
pub use failure::{Failure, Refusal};
pub use names::{Choice, Cipher, Group, Version, VersionRange, choose_ciphers, choose_groups, choose_suites};
pub use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
pub use standing::{Revocations, StapleId, is_staple};
pub use x509::{Moment, Name, Portrait};
