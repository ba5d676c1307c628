//! The PROXY protocol, versions 1 and 2: the few bytes in front of a connection that say who the client was.
//!
//! Both directions are functions of bytes alone. [`decode`] takes whatever has arrived so far and says whether that is
//! a header, cannot become one, or needs more; it keeps nothing between calls, so the way in which the network cut the
//! bytes cannot matter. [`encode`] writes the header that goes to a server before the first byte of the client.
//!
//! The rules are those of the PROXY protocol text ("PP" in what follows, with its section numbers). Where receivers in
//! the field are laxer than the text this one follows the text: an address that two readers understand differently is a
//! way around an access list.
#![forbid(unsafe_code)]

mod announce;
mod crc32c;
mod decode;
mod encode;
mod error;
mod tlv;
mod v1;
mod v2;

pub use announce::{Announcement, Certificate, ClientTls, announce};
pub use decode::{Decoded, Received, decode};
pub use encode::{Header, encode, encode_local};
pub use error::Error;
pub use tlv::{Iter, Tlv, Tlvs, kind};

use std::net::SocketAddr;

/// The longest header that is accepted, in bytes.
///
/// A version 2 header announces up to 65,551 bytes. It must fit into one receive buffer of 16 KiB, because a header
/// is judged whole and nothing of it is kept elsewhere while it arrives. PP §2.2 expects headers below one MSS.
pub const HEADER_SIZE_MAX: usize = 16 * 1024;

/// The two ends of the client's connection, as the header reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// Where the client came from.
    pub source: SocketAddr,
    /// What the client connected to.
    pub destination: SocketAddr,
}

/// The two formats of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// One line of text (PP §2.1), `send-proxy`.
    V1,
    /// Binary (PP §2.2), `send-proxy-v2`.
    V2,
    /// The same, with a TLV that says that there is no TLS: `send-proxy-v2-ssl` on behalf of nobody.
    V2Ssl,
}
