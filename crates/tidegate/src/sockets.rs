//! The listening sockets of the first table, made before anything is given up that making them may need: root's rights, the root
//! directory. Each shard takes over those that are its own; what cannot be made twice, such as a path, is everybody's.
//!
//! Sockets of a predecessor (`-x`) are spread over the shards, and none is left out: a connection waits in the queue of one socket, and
//! a socket that is closed resets whoever waits.

use crate::holder;
use control::Loaded;
use driver::{Addr, Errno, Fd, ListenSpec, Tuning};
use nix::sys::socket::{SockaddrStorage, getsockname, getsockopt, sockopt};
use shard::{Heirloom, Key, Origin, Place, PrepareFailure, places};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, Instant};
use table::{ShardIndex, Table};

/// A predecessor that was killed frees its ports a few milliseconds after it is gone, so an address that is taken is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(50);
const RETRY_FOR: Duration = Duration::from_secs(2);

/// Sockets that listen, for all shards. Dropped when the shards have their own copies.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    all: Vec<Socket>,
}

#[derive(Debug)]
struct Socket {
    /// `None`: all of them.
    shard: Option<ShardIndex>,
    key: Key,
    fd: Fd,
}

impl Sockets {
    /// Makes all that the table wants and that is not among the `inherited`. `Err`: what is to be said about the first that cannot be
    /// had.
    pub(crate) fn open(
        loaded: &Loaded,
        table: &Table,
        shard_count: u16,
        inherited: Vec<OwnedFd>,
    ) -> Result<Sockets, String> {
        let deadline = Instant::now() + RETRY_FOR;
        let inherited = Sockets::spread(table, shard_count, inherited);
        loop {
            match Sockets::try_open(table, shard_count, &inherited) {
                Ok(mut sockets) => {
                    sockets.all.extend(inherited);
                    return Ok(sockets);
                }
                Err(failure) if failure.errno == Errno::EADDRINUSE && Instant::now() < deadline => {
                    thread::sleep(RETRY_EVERY);
                }
                Err(failure) => return Err(control::unbindable(&failure, loaded)),
            }
        }
    }

    /// Refuses addresses that another process serves: sharing them with it is never meant.
    pub(crate) fn look_for_others(loaded: &Loaded, table: &Table) -> Result<(), String> {
        for place in places(table) {
            let Origin::Bound(ListenSpec { addr: Addr::Ip(address), .. }) = place.origin() else { continue };
            if let Some(holder) = holder::of(address) {
                let frontend = table.frontend(place.frontend).name.clone();
                let failure = PrepareFailure { frontend, addr: Addr::Ip(address), errno: Errno::EADDRINUSE };
                return Err(format!("{} {holder}", control::unbindable(&failure, loaded)));
            }
        }
        Ok(())
    }

    /// Gives each socket of a predecessor to a shard that listens on its address. What nobody wants is closed.
    fn spread(table: &Table, shard_count: u16, inherited: Vec<OwnedFd>) -> Vec<Socket> {
        let places = places(table);
        let mut given: HashMap<Addr, u16> = HashMap::new();
        let mut spread = Vec::new();
        for fd in inherited {
            let Some(address) = listens_on(&fd) else { continue };
            let is_it = |place: &&Place| match place.origin() {
                Origin::Bound(spec) => spec.addr == address,
                Origin::Inherited(_) => false,
            };
            let Some(place) = places.iter().find(is_it) else { continue };
            let next = given.entry(address.clone()).or_insert(0);
            let shard = (!place.is_shared()).then_some(ShardIndex(*next % shard_count));
            *next += 1;
            if shard.is_none() && *next > 1 {
                // A predecessor whose shards share it passes as many copies as it has shards.
                continue;
            }
            let fd = Fd(fd.into_raw_fd());
            // It listens for others already, so it is used even if it cannot be tuned.
            let _ = socket::tune(fd, &Tuning::default(), &place.tuning);
            spread.push(Socket { shard, key: place.key.clone(), fd });
        }
        spread
    }

    fn try_open(table: &Table, shard_count: u16, inherited: &[Socket]) -> Result<Sockets, PrepareFailure> {
        let mut sockets = Sockets::default();
        let places = places(table);
        for shard in (0..shard_count).map(ShardIndex) {
            for place in &places {
                let Origin::Bound(spec) = place.origin() else { continue };
                let shard = (!place.is_shared()).then_some(shard);
                let is_it = |socket: &Socket| socket.shard == shard && socket.key == place.key;
                if inherited.iter().chain(&sockets.all).any(is_it) {
                    continue;
                }
                let fd = socket::bound(&spec).map_err(|errno| {
                    let frontend = table.frontend(place.frontend).name.clone();
                    PrepareFailure { frontend, addr: spec.addr.clone(), errno }
                })?;
                sockets.all.push(Socket { shard, key: place.key.clone(), fd });
                let tuned = socket::tune(fd, &Tuning::default(), &place.tuning);
                tuned.and_then(|()| socket::listen(fd, spec.backlog)).map_err(|errno| {
                    let frontend = table.frontend(place.frontend).name.clone();
                    PrepareFailure { frontend, addr: spec.addr.clone(), errno }
                })?;
            }
        }
        Ok(sockets)
    }

    /// What a shard finds in its file table.
    pub(crate) fn of(&self, shard: ShardIndex) -> Vec<Heirloom> {
        let ours = self.all.iter().filter(|socket| socket.shard.is_none_or(|owner| owner == shard));
        ours.map(|socket| Heirloom { key: socket.key.clone(), number: socket.fd.0 }).collect()
    }
}

/// The address that a socket listens on, if it does.
fn listens_on(fd: &OwnedFd) -> Option<Addr> {
    if !getsockopt(fd, sockopt::AcceptConn).unwrap_or(false) {
        return None;
    }
    let name: SockaddrStorage = getsockname(fd.as_raw_fd()).ok()?;
    let v4 = name.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    let v6 = || name.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port())));
    let path = || name.as_unix_addr()?.path().map(|path| Addr::Unix(path.as_os_str().as_bytes().into()));
    v4.or_else(v6).map(Addr::Ip).or_else(path)
}

impl Drop for Socket {
    fn drop(&mut self) {
        socket::close(self.fd);
    }
}
