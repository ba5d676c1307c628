//! Memory that the kernel holds for sockets, whoever they belong to.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use crate::tree::kilobytes;

/// Kernel memory of the whole machine at one moment, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KernelMemory {
    /// `TCP: … mem` of /proc/net/sockstat: the bytes in flight and what the kernel has reserved for them.
    pub(crate) tcp: u64,
    /// Slab pages: sockets, files, inodes, epoll items, in-flight operations. Without the sockets in TIME_WAIT, which earlier
    /// trials leave behind, where /proc/slabinfo may be read.
    pub(crate) slab: u64,
}

impl KernelMemory {
    pub(crate) fn now() -> Self {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|page| u64::try_from(page).ok());
        let page = page.unwrap_or(4096);
        let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let slab = fs::read_to_string("/proc/slabinfo").ok().map(|text| slab_pages(&text) * page);
        KernelMemory {
            tcp: tcp_pages(&sockstat).unwrap_or(0) * page,
            slab: slab.unwrap_or_else(|| kilobytes("/proc/meminfo", "Slab:")),
        }
    }
}

fn tcp_pages(sockstat: &str) -> Option<u64> {
    let words = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    words.split_ascii_whitespace().skip_while(|word| *word != "mem").nth(1)?.parse().ok()
}

/// slabinfo(5): `name active objects object-size objects-per-slab pages-per-slab : … : slabdata active-slabs slabs shared`.
fn slab_pages(slabinfo: &str) -> u64 {
    let caches = slabinfo.lines().filter(|line| !line.starts_with("tw_sock_"));
    caches
        .filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let pages_per_slab: u64 = words.get(5)?.parse().ok()?;
            let slabs: u64 = words.get(14)?.parse().ok()?;
            Some(pages_per_slab * slabs)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockstat_names_its_numbers() {
        let text = "sockets: used 16\nTCP: inuse 1 orphan 0 tw 9 alloc 1 mem 37\nUDP: inuse 0 mem 5\n";
        assert_eq!(tcp_pages(text), Some(37));
        assert_eq!(tcp_pages(""), None);
    }

    #[test]
    fn slabs_count_without_those_that_wait() {
        let text = "slabinfo - version: 2.1\n\
            # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> …\n\
            TCP                  100    120   2432   13    8 : tunables    0    0    0 : slabdata     10     10      0\n\
            tw_sock_TCP         9000   9000    248   16    1 : tunables    0    0    0 : slabdata    600    600      0\n\
            filp                 256    256    232   17    1 : tunables    0    0    0 : slabdata     16     16      0\n";
        assert_eq!(slab_pages(text), 10 * 8 + 16);
    }
}
