//! Version 2, binary (PP §2.2).
//!
//! ```text
//!    0            12       13       14      16            16 + length
//!    ├─ signature ─┼ version ┼ family ┼ length ┼ addresses, TLVs ─┤
//!    │             │ command │ transp.│        │                  │
//! ```
//!
//! The length is judged as soon as it is known; addresses and TLVs are read when all of them are there (PP §2.2: "must
//! not start to parse an address before the whole address block is received").

use proxy_header::{ParseConfig, ProxyHeader};

use crate::decode::Stop;
use crate::{Addresses, Decoded, Error, HEADER_SIZE_MAX, Received, Tlvs};

pub(crate) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED_SIZE: usize = 16;

/// Reads a header of which as much of [`SIGNATURE`] as has arrived is already recognised.
pub(crate) fn decode(bytes: &[u8]) -> Decoded<'_> {
    read_header(bytes).into()
}

fn read_header(bytes: &[u8]) -> Result<Received<'_>, Stop> {
    let invalid = Stop::Invalid(Error::BadHeader);
    let command = match bytes.get(SIGNATURE.len()).ok_or(Stop::Incomplete)? {
        0x20 => Command::Local,
        0x21 => Command::Proxy,
        _ => return Err(invalid),
    };
    let &[.., family, high, low] = bytes.first_chunk::<FIXED_SIZE>().ok_or(Stop::Incomplete)?;
    let header_len = FIXED_SIZE + usize::from(u16::from_be_bytes([high, low]));
    if header_len > HEADER_SIZE_MAX {
        return Err(invalid);
    }
    match command {
        // PP §2.2: the receiver must "discard the protocol block including the family".
        Command::Local => skip_block(bytes, header_len),
        Command::Proxy => match Block::of(family) {
            Block::Opaque => skip_block(bytes, header_len),
            Block::Known { is_used, size } if FIXED_SIZE + size <= header_len => {
                let header = bytes.get(..header_len).ok_or(Stop::Incomplete)?;
                read_block(header, FIXED_SIZE + size, is_used).map_err(Stop::Invalid)
            }
            Block::Known { .. } => Err(invalid),
        },
    }
}

#[derive(Clone, Copy)]
enum Command {
    Local,
    Proxy,
}

/// What a family byte says of the addresses.
enum Block {
    /// Addresses of a known size, in bytes. They are used when the transport is a TCP stream.
    Known { size: usize, is_used: bool },
    /// Nothing: where the addresses end and TLVs begin cannot be known.
    Opaque,
}

impl Block {
    /// PP §2.2, the list of protocol bytes. A receiver may use the connection's own addresses for those that it does
    /// not support. Bytes that are not in the list are treated alike: a family of some later sender says no more about
    /// this connection than `UNSPEC` does, and no address is taken from it.
    fn of(family: u8) -> Block {
        match family {
            0x11 => Block::Known { size: 12, is_used: true },
            0x12 => Block::Known { size: 12, is_used: false },
            0x21 => Block::Known { size: 36, is_used: true },
            0x22 => Block::Known { size: 36, is_used: false },
            0x31 | 0x32 => Block::Known { size: 216, is_used: false },
            _ => Block::Opaque,
        }
    }
}

fn skip_block(bytes: &[u8], header_len: usize) -> Result<Received<'_>, Stop> {
    if bytes.len() < header_len {
        return Err(Stop::Incomplete);
    }
    Ok(Received { addresses: None, header_len, tlvs: Tlvs::default() })
}

/// Reads the addresses and the TLVs of a whole `header`; the TLVs begin at `tlvs_start`.
fn read_block(header: &[u8], tlvs_start: usize, is_used: bool) -> Result<Received<'_>, Error> {
    let addresses = if is_used { Some(read_addresses(header)?) } else { None };
    let tlvs = Tlvs::read(header, tlvs_start)?;
    Ok(Received { addresses, header_len: header.len(), tlvs })
}

fn read_addresses(header: &[u8]) -> Result<Addresses, Error> {
    let config = ParseConfig { include_tlvs: false, allow_v1: false, allow_v2: true };
    let (parsed, _) = ProxyHeader::parse(header, config).map_err(|_| Error::BadHeader)?;
    let address = parsed.proxied_address().ok_or(Error::BadHeader)?;
    Ok(Addresses { source: address.source, destination: address.destination })
}
