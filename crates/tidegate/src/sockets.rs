//! The listening sockets of the first table, made before anything is given up that making them may need: root's rights, the root
//! directory. Each shard takes over those that are its own.

use control::Loaded;
use driver::{Errno, Fd};
use shard::{Heirloom, Key, Origin, PrepareFailure, places};
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
    shard: ShardIndex,
    key: Key,
    fd: Fd,
}

impl Sockets {
    /// Makes all that the table wants. `Err`: what is to be said about the first that cannot be had.
    pub(crate) fn open(loaded: &Loaded, table: &Table, shard_count: u16) -> Result<Sockets, String> {
        let deadline = Instant::now() + RETRY_FOR;
        loop {
            match Sockets::try_open(table, shard_count) {
                Ok(sockets) => return Ok(sockets),
                Err(failure) if failure.errno == Errno::EADDRINUSE && Instant::now() < deadline => {
                    thread::sleep(RETRY_EVERY);
                }
                Err(failure) => return Err(control::unbindable(&failure, loaded)),
            }
        }
    }

    fn try_open(table: &Table, shard_count: u16) -> Result<Sockets, PrepareFailure> {
        let mut sockets = Sockets::default();
        for shard in (0..shard_count).map(ShardIndex) {
            for place in places(table, shard) {
                let Origin::Bound(spec) = place.origin() else { continue };
                let fd = socket::bound(&spec).map_err(|errno| {
                    let frontend = table.frontend(place.frontend).name.clone();
                    PrepareFailure { frontend, addr: spec.addr.clone(), errno }
                })?;
                sockets.all.push(Socket { shard, key: place.key, fd });
                socket::listen(fd, spec.backlog).map_err(|errno| {
                    let frontend = table.frontend(place.frontend).name.clone();
                    PrepareFailure { frontend, addr: spec.addr.clone(), errno }
                })?;
            }
        }
        Ok(sockets)
    }

    /// What a shard finds in its file table.
    pub(crate) fn of(&self, shard: ShardIndex) -> Vec<Heirloom> {
        let ours = self.all.iter().filter(|socket| socket.shard == shard);
        ours.map(|socket| Heirloom { key: socket.key.clone(), number: socket.fd.0 }).collect()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        socket::close(self.fd);
    }
}
