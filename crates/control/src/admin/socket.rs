//! Admin sockets: where they are, who may use them, how they are bound.
//!
//! A unix socket is bound under a name of its own and renamed into place (`configuration.txt: stats socket`), so that its path
//! never leads nowhere, and its owner and mode are right before anybody can connect.

use super::client::Stream;
use crate::pages::Site;
use config::Access;
use driver::Errno;
use nix::sys::socket::{
    self, AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, getsockname, sockopt,
};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Gid, Group, Uid, User, chown};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Clients that may wait to be accepted at a socket of TCP.
const BACKLOG: i32 = 128;

/// One address of a `stats socket` line, or one where pages are served.
#[derive(Clone, Debug)]
pub(crate) struct SocketSpec {
    pub(crate) place: Place,
    pub(crate) service: Service,
    /// Permission bits; without them those that the process's mask leaves.
    pub(crate) mode: Option<u32>,
    pub(crate) user: Option<Owner>,
    pub(crate) group: Option<Owner>,
    /// For shards of this process alone, which say in a PROXY header whose request it is.
    pub(crate) is_internal: bool,
}

/// Who is behind a socket.
#[derive(Clone, Debug)]
pub(crate) enum Service {
    /// One who takes commands.
    Commands(Rights),
    /// One who shows pages.
    Pages(Arc<Site>),
}

/// What clients of an admin socket may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    /// The commands of this level.
    pub(crate) access: Access,
    /// Have the listening sockets (`expose-fd listeners`).
    pub(crate) exposes_listeners: bool,
    /// Speak as with HAProxy's master (`-S`).
    pub(crate) is_master: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(Vec<u8>),
    Abstract(Vec<u8>),
    /// A listening socket that the process was started with.
    Inherited(RawFd),
}

/// A user or a group, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Name(String),
    Number(u32),
}

/// A socket that listens, and that no runtime knows yet.
#[derive(Debug)]
pub(crate) enum Made {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// A socket that listens.
pub(crate) enum Bound {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

/// Why a socket cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) place: Place,
    pub(crate) what: &'static str,
    pub(crate) errno: Errno,
}

impl SocketSpec {
    /// A socket for anybody who reaches it.
    pub(crate) fn open_to_all(place: Place, service: Service) -> SocketSpec {
        SocketSpec { place, service, mode: None, user: None, group: None, is_internal: false }
    }

    /// A socket for nobody but the shards of this process.
    pub(crate) fn internal(place: Place, service: Service) -> SocketSpec {
        SocketSpec { is_internal: true, ..SocketSpec::open_to_all(place, service) }
    }

    /// Whether a socket that was bound for `other` does, whoever is behind it.
    pub(crate) fn is_same_socket(&self, other: &SocketSpec) -> bool {
        let SocketSpec { place, service: _, mode, user, group, is_internal } = self;
        let is_alike = match place {
            Place::Unix(_) => (mode, user, group) == (&other.mode, &other.user, &other.group),
            // They have neither a mode nor an owner.
            Place::Tcp(_) | Place::Abstract(_) | Place::Inherited(_) => true,
        };
        *place == other.place && *is_internal == other.is_internal && is_alike
    }
}

/// Binds a socket.
pub(crate) fn bind(spec: &SocketSpec) -> Result<Made, Failure> {
    let failed = |what| move |err: io::Error| Failure { place: spec.place.clone(), what, errno: Errno::of(&err) };
    match &spec.place {
        Place::Tcp(addr) => Ok(Made::Tcp(bind_tcp(*addr).map_err(failed("cannot bind socket"))?)),
        Place::Unix(path) => Ok(Made::Unix(bind_path(path, spec).map_err(failed("cannot bind UNIX socket"))?)),
        Place::Abstract(name) => {
            let addr = std::os::unix::net::SocketAddr::from_abstract_name(name);
            let made = addr.and_then(|addr| UnixListener::bind_addr(&addr));
            Ok(Made::Unix(made.map_err(failed("cannot bind abstract socket"))?))
        }
        Place::Inherited(number) => inherited(*number),
    }
    .map_err(failed("cannot use the socket"))
}

/// Whether a process listens there: taking a path away would leave it without one, and an address would be shared with it.
pub(crate) fn is_answered(place: &Place) -> bool {
    match place {
        Place::Unix(path) => std::os::unix::net::UnixStream::connect(OsStr::from_bytes(path)).is_ok(),
        Place::Tcp(_) => is_shared(place),
        Place::Abstract(_) | Place::Inherited(_) => false,
    }
}

/// Whether binding it would mean to share it with another process unasked.
pub(crate) fn is_shared(place: &Place) -> bool {
    match place {
        // Who binds without asking to share is refused.
        Place::Tcp(addr) => TcpListener::bind(addr).is_err_and(|err| err.kind() == io::ErrorKind::AddrInUse),
        Place::Unix(_) | Place::Abstract(_) | Place::Inherited(_) => false,
    }
}

/// A listener that a process which takes over may bind beside.
fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let family = if addr.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let made = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&made, sockopt::ReuseAddr, &true)?;
    socket::setsockopt(&made, sockopt::ReusePort, &true)?;
    socket::bind(made.as_raw_fd(), &SockaddrStorage::from(addr))?;
    socket::listen(&made, Backlog::new(BACKLOG)?)?;
    Ok(made.into())
}

fn inherited(number: RawFd) -> io::Result<Made> {
    let descriptor = ::socket::duplicate(number).map_err(|errno| io::Error::from_raw_os_error(errno.0))?;
    let name: SockaddrStorage = getsockname(descriptor.as_raw_fd())?;
    match name.family() {
        Some(AddressFamily::Unix) => Ok(Made::Unix(descriptor.into())),
        _ => Ok(Made::Tcp(descriptor.into())),
    }
}

impl Made {
    /// Must be called inside of the runtime.
    pub(crate) fn register(self, spec: &SocketSpec) -> Result<Bound, Failure> {
        let registered = match self {
            Made::Unix(listener) => unix(listener),
            Made::Tcp(listener) => tcp(listener),
        };
        let (what, place) = ("cannot use the socket", &spec.place);
        registered.map_err(|err| Failure { place: place.clone(), what, errno: Errno::of(&err) })
    }
}

impl Bound {
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Bound::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
            Bound::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
        }
    }
}

fn unix(listener: UnixListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    tokio::net::UnixListener::from_std(listener).map(Bound::Unix)
}

fn tcp(listener: TcpListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener).map(Bound::Tcp)
}

fn bind_path(path: &[u8], spec: &SocketSpec) -> io::Result<UnixListener> {
    let path = Path::new(OsStr::from_bytes(path));
    let draft = draft(path);
    let _ = std::fs::remove_file(&draft);
    let listener = UnixListener::bind(&draft)?;
    let placed = own(&draft, spec).and_then(|()| std::fs::rename(&draft, path));
    if placed.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    placed.map(|()| listener)
}

/// HAProxy's name for it: `PATH.PID.tmp`.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    name.into()
}

fn own(path: &Path, spec: &SocketSpec) -> io::Result<()> {
    let user = spec.user.as_ref().map(user_id).transpose()?;
    let group = spec.group.as_ref().map(group_id).transpose()?;
    if user.is_some() || group.is_some() {
        chown(path, user, group)?;
    }
    if let Some(mode) = spec.mode {
        fchmodat(nix::fcntl::AT_FDCWD, path, Mode::from_bits_truncate(mode), FchmodatFlags::FollowSymlink)?;
    }
    Ok(())
}

fn user_id(owner: &Owner) -> io::Result<Uid> {
    match owner {
        Owner::Number(number) => Ok(Uid::from_raw(*number)),
        Owner::Name(name) => Ok(User::from_name(name)?.ok_or(io::ErrorKind::NotFound)?.uid),
    }
}

fn group_id(owner: &Owner) -> io::Result<Gid> {
    match owner {
        Owner::Number(number) => Ok(Gid::from_raw(*number)),
        Owner::Name(name) => Ok(Group::from_name(name)?.ok_or(io::ErrorKind::NotFound)?.gid),
    }
}

/// As `show cli sockets` has it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp(SocketAddr::V4(addr)) => write!(f, "ipv4@{addr}"),
            Place::Tcp(SocketAddr::V6(addr)) => write!(f, "ipv6@{addr}"),
            Place::Unix(path) => write!(f, "unix@{}", String::from_utf8_lossy(path)),
            Place::Abstract(name) => write!(f, "abns@{}", String::from_utf8_lossy(name)),
            Place::Inherited(number) => write!(f, "fd@{number}"),
        }
    }
}
