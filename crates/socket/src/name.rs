//! Addresses as the kernel reads and writes them (`sockaddr_in`, `sockaddr_in6`, `sockaddr_un`), coded by offset: no
//! pointer is cast, so a malformed one from the kernel's side is a value, not a fault.

use driver::{Addr, Errno, UNIX_NAME_MOST};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

/// Bytes of a `sockaddr_storage`: room for the address of any family.
const NAME_SIZE: usize = 128;

const FAMILY_SIZE: usize = 2;
const IN_SIZE: usize = 16;
const IN6_SIZE: usize = 28;

/// One socket address in the kernel's form.
#[repr(C, align(8))]
#[derive(Clone, Debug)]
pub struct Name {
    bytes: [u8; NAME_SIZE],
    len: u32,
}

impl Name {
    /// Room for the kernel to write an address to.
    pub fn empty() -> Name {
        Name { bytes: [0; NAME_SIZE], len: NAME_SIZE as u32 }
    }

    /// `EINVAL` for what has no name to bind or connect to, `ENAMETOOLONG` for a unix name of more than 108 bytes.
    pub fn encode(addr: &Addr) -> Result<Name, Errno> {
        match addr {
            Addr::Ip(SocketAddr::V4(addr)) => Ok(Name::v4(addr)),
            Addr::Ip(SocketAddr::V6(addr)) => Ok(Name::v6(addr)),
            Addr::Unix(name) => Name::unix(name),
            Addr::Unnamed => Err(Errno::EINVAL),
        }
    }

    fn v4(addr: &SocketAddrV4) -> Name {
        let mut name = Name::family(libc::AF_INET, IN_SIZE);
        name.bytes[2..4].copy_from_slice(&addr.port().to_be_bytes());
        name.bytes[4..8].copy_from_slice(&addr.ip().octets());
        name
    }

    fn v6(addr: &SocketAddrV6) -> Name {
        let mut name = Name::family(libc::AF_INET6, IN6_SIZE);
        name.bytes[2..4].copy_from_slice(&addr.port().to_be_bytes());
        name.bytes[4..8].copy_from_slice(&addr.flowinfo().to_ne_bytes());
        name.bytes[8..24].copy_from_slice(&addr.ip().octets());
        name.bytes[24..28].copy_from_slice(&addr.scope_id().to_ne_bytes());
        name
    }

    fn unix(path: &[u8]) -> Result<Name, Errno> {
        let is_abstract = path.first() == Some(&0);
        // An empty name would ask the kernel to invent one, and a path ends at its first NUL: neither is what was meant.
        if path.is_empty() || (!is_abstract && path.contains(&0)) {
            return Err(Errno::EINVAL);
        }
        if path.len() > UNIX_NAME_MOST {
            return Err(Errno(libc::ENAMETOOLONG));
        }
        let mut name = Name::family(libc::AF_UNIX, FAMILY_SIZE + path.len());
        name.bytes[FAMILY_SIZE..FAMILY_SIZE + path.len()].copy_from_slice(path);
        Ok(name)
    }

    fn family(family: i32, size: usize) -> Name {
        let mut name = Name::empty();
        name.bytes[..FAMILY_SIZE].copy_from_slice(&(family as u16).to_ne_bytes());
        name.len = size as u32;
        name
    }

    /// [`Addr::Unnamed`] for a unix socket without a name, and for a family that we do not speak.
    pub fn decode(&self) -> Addr {
        let bytes = &self.bytes[..(self.len as usize).min(NAME_SIZE)];
        let Some(family) = array(bytes, 0).map(u16::from_ne_bytes) else { return Addr::Unnamed };
        match i32::from(family) {
            libc::AF_INET => decode_v4(bytes),
            libc::AF_INET6 => decode_v6(bytes),
            libc::AF_UNIX => Some(decode_unix(&bytes[FAMILY_SIZE..])),
            _ => None,
        }
        .unwrap_or(Addr::Unnamed)
    }

    pub fn as_ptr(&self) -> *const libc::sockaddr {
        self.bytes.as_ptr().cast()
    }

    /// Bytes that are meant.
    pub fn size(&self) -> libc::socklen_t {
        self.len
    }

    /// Where the kernel writes an address and its length: at most as many bytes as [`Name::empty`] has room for.
    pub fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        (self.bytes.as_mut_ptr().cast(), &raw mut self.len)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn decode_v4(bytes: &[u8]) -> Option<Addr> {
    let port = u16::from_be_bytes(array(bytes, 2)?);
    let ip = Ipv4Addr::from(array::<4>(bytes, 4)?);
    Some(Addr::Ip(SocketAddr::V4(SocketAddrV4::new(ip, port))))
}

fn decode_v6(bytes: &[u8]) -> Option<Addr> {
    let port = u16::from_be_bytes(array(bytes, 2)?);
    let flow = u32::from_ne_bytes(array(bytes, 4)?);
    let ip = Ipv6Addr::from(array::<16>(bytes, 8)?);
    let scope = u32::from_ne_bytes(array(bytes, 24)?);
    Some(Addr::Ip(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope))))
}

/// `unix(7)`: a path ends at its first NUL, which may be missing; an abstract name starts with one and is as long as
/// told.
fn decode_unix(name: &[u8]) -> Addr {
    let len = match name.first() {
        None => return Addr::Unnamed,
        Some(0) => name.len(),
        Some(_) => name.iter().position(|&byte| byte == 0).unwrap_or(name.len()),
    };
    if name[..len].iter().all(|&byte| byte == 0) {
        return Addr::Unnamed;
    }
    Addr::Unix(Arc::from(&name[..len]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addr: Addr, bytes: &[u8]) {
        let name = Name::encode(&addr).expect("an address with a name");
        assert_eq!(&name.bytes[..name.len as usize], bytes, "{addr}");
        assert_eq!(name.decode(), addr);
    }

    /// The layouts of `ip(7)`, `ipv6(7)` and `unix(7)`.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_layouts() {
        check(Addr::Ip("192.0.2.1:258".parse().expect("valid")), &[2, 0, 1, 2, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut v6 = [0u8; 28];
        v6[..4].copy_from_slice(&[10, 0, 0, 143]);
        v6[8..10].copy_from_slice(&[0x20, 0x01]);
        v6[23] = 9;
        check(Addr::Ip("[2001::9]:143".parse().expect("valid")), &v6);
        check(Addr::Unix(Arc::from(&b"/a"[..])), &[1, 0, b'/', b'a']);
        check(Addr::Unix(Arc::from(&b"\0ab"[..])), &[1, 0, 0, b'a', b'b']);
        check(Addr::Unix(Arc::from(vec![b'x'; UNIX_NAME_MOST])), &[&[1, 0][..], &[b'x'; 108]].concat());
    }

    #[test]
    fn names_that_cannot_be_meant_are_refused() {
        let refusal = |addr: Addr| Name::encode(&addr).expect_err("refused");
        assert_eq!(refusal(Addr::Unnamed), Errno::EINVAL);
        assert_eq!(refusal(Addr::Unix(Arc::from(&b""[..]))), Errno::EINVAL);
        assert_eq!(refusal(Addr::Unix(Arc::from(&b"/a\0b"[..]))), Errno::EINVAL);
        assert_eq!(refusal(Addr::Unix(Arc::from(vec![b'x'; 109]))), Errno(libc::ENAMETOOLONG));
    }

    #[test]
    fn what_the_kernel_leaves_out_is_unnamed() {
        let mut name = Name::empty();
        name.len = 0;
        assert_eq!(name.decode(), Addr::Unnamed);
        let mut cut = Name::encode(&Addr::Ip("[::1]:1".parse().expect("valid"))).expect("valid");
        cut.len = 20;
        assert_eq!(cut.decode(), Addr::Unnamed);
        assert_eq!(Name::family(libc::AF_UNIX, FAMILY_SIZE).decode(), Addr::Unnamed);
        assert_eq!(Name::family(libc::AF_NETLINK, 12).decode(), Addr::Unnamed);
        let terminated = Name::unix(b"/run/a").map(|name| Name { len: name.len + 1, ..name }).expect("valid");
        assert_eq!(terminated.decode(), Addr::Unix(Arc::from(&b"/run/a"[..])));
    }
}
