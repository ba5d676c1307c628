//! How many sessions each client address has at a frontend, over all shards (`maxconn-per-source`).
//!
//! One lock per session and part of the addresses, when the session begins and when it has ended; none where nothing is limited. A
//! reload that brings a limit has those counted that are there already.
//!
//! **Invariant:** there is an entry for an address exactly while it has a session, so there are no more of them than sessions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam::utils::CachePadded;

/// Sessions by client address, in order: whoever chooses his addresses with care gains nothing by it.
#[derive(Debug, Default)]
pub struct Sources {
    /// Of one address at once; 0: no limit.
    most: AtomicU32,
    parts: [CachePadded<Mutex<Part>>; PARTS],
}

type Part = BTreeMap<IpAddr, NonZeroU32>;

/// Shards that meet at one lock by chance are few.
const PARTS: usize = 32;

impl Sources {
    /// Counts one more session of `addr`, if it has fewer than `most`. **Invariant:** followed by exactly one
    /// [`release`](Self::release). An IPv4 address is the same whatever family the socket has.
    pub fn admit(&self, addr: IpAddr, most: NonZeroU32) -> bool {
        let addr = addr.to_canonical();
        match self.part(addr).entry(addr) {
            Entry::Vacant(entry) => {
                entry.insert(NonZeroU32::MIN);
                true
            }
            Entry::Occupied(mut entry) if *entry.get() < most => {
                let count = entry.get_mut();
                *count = count.saturating_add(1);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Counts a session that was there before there was a limit. **Invariant:** as of [`admit`](Self::admit).
    pub fn join(&self, addr: IpAddr) {
        self.admit(addr, NonZeroU32::MAX);
    }

    /// The limit in force.
    pub fn most(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.most.load(Relaxed))
    }

    pub(crate) fn configure(&self, most: Option<NonZeroU32>) {
        self.most.store(most.map_or(0, NonZeroU32::get), Relaxed);
    }

    /// One session less of `addr`.
    pub fn release(&self, addr: IpAddr) {
        let addr = addr.to_canonical();
        let mut part = self.part(addr);
        let count = part.get_mut(&addr).expect("every release follows an admission");
        match NonZeroU32::new(count.get() - 1) {
            Some(left) => *count = left,
            None => {
                part.remove(&addr);
            }
        }
    }

    /// Addresses that have a session now.
    pub fn count(&self) -> usize {
        self.parts.iter().map(|part| lock(part).len()).sum()
    }

    /// How many sessions each of them has.
    pub fn counts(&self) -> BTreeMap<IpAddr, u32> {
        let of_part = |part: &CachePadded<Mutex<Part>>| lock(part).clone();
        self.parts.iter().flat_map(of_part).map(|(addr, count)| (addr, count.get())).collect()
    }

    fn part(&self, addr: IpAddr) -> MutexGuard<'_, Part> {
        let fold = |octets: &[u8]| octets.iter().fold(0, |folded, octet| folded ^ octet);
        let folded = match addr {
            IpAddr::V4(addr) => fold(&addr.octets()),
            IpAddr::V6(addr) => fold(&addr.octets()),
        };
        lock(&self.parts[usize::from(folded) % PARTS])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    fn most(most: u32) -> NonZeroU32 {
        NonZeroU32::new(most).expect("not zero")
    }

    fn addr(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_has_a_limit_of_its_own() {
        let sources = Sources::default();
        assert!(sources.admit(addr("192.0.2.1"), most(2)));
        assert!(sources.admit(addr("::ffff:192.0.2.1"), most(2)), "the same one");
        assert!(!sources.admit(addr("192.0.2.1"), most(2)));
        assert!(sources.admit(addr("2001:db8::1"), most(2)));
        assert!(sources.admit(addr("192.0.2.1"), most(3)), "a limit that has risen");
        assert!(!sources.admit(addr("192.0.2.1"), most(1)), "one that has fallen ends nothing");
        (0..3).for_each(|_| sources.release(addr("192.0.2.1")));
        assert_eq!(sources.count(), 1);
    }

    #[test]
    fn a_crowd_leaves_nothing_behind() {
        let sources = Sources::default();
        let all = || (0..100_000_u32).map(|number| IpAddr::from(number.to_be_bytes()));
        all().for_each(|addr| assert!(sources.admit(addr, most(1))));
        assert_eq!(sources.count(), 100_000);
        all().for_each(|addr| sources.release(addr));
        assert_eq!(sources.count(), 0);
    }

    /// Eight threads, two places: never three inside.
    #[test]
    fn exact_over_threads() {
        let (sources, inside) = (&Sources::default(), &AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if sources.admit(addr("192.0.2.1"), most(2)) {
                            assert!(inside.fetch_add(1, SeqCst) < 2);
                            inside.fetch_sub(1, SeqCst);
                            sources.release(addr("192.0.2.1"));
                        }
                    }
                });
            }
        });
        assert_eq!(sources.count(), 0);
    }
}
