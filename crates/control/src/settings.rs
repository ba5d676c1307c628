//! What the file says about the process itself: where it lives, and within which limits.
//!
//! These are read at the start. A reload that changes one of them says that it takes effect at the next start.

use config::{CpuMap, Global, Spanned};
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessSettings {
    /// `daemon`
    pub is_daemon: bool,
    pub pidfile: Option<PathBuf>,
    /// `ulimit-n`: descriptors that are asked for.
    pub descriptors_wanted: Option<u64>,
    /// `fd-hard-limit`: descriptors that are used at most, whatever the system allows.
    pub descriptors_most: Option<u64>,
    /// `no strict-limits`: what cannot be held is lowered instead of refused.
    pub takes_less: bool,
    pub cpus: CpuMaps,
}

/// `cpu-map`: where the shards may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuMaps {
    maps: Vec<CpuMap>,
}

impl CpuMaps {
    /// The CPUs of a shard, counted from 0; `None` if the file says nothing about it.
    pub fn of(&self, shard: usize) -> Option<Vec<usize>> {
        let thread = shard + 1;
        self.maps.iter().rev().find_map(|map| {
            let place = map.threads.iter().position(|&number| usize::from(number) == thread)?;
            let cpus = if map.is_auto { &map.cpus[place..=place] } else { &map.cpus[..] };
            Some(cpus.iter().map(|&cpu| usize::from(cpu)).collect())
        })
    }
}

impl ProcessSettings {
    pub(crate) fn of(global: &Global) -> ProcessSettings {
        let path = |path: &Option<Spanned<String>>| path.as_ref().map(|path| PathBuf::from(path.as_str()));
        let count =
            |count: &Option<Spanned<u32>>| count.as_ref().map(|count| count.value.into()).filter(|&count| count > 0);
        ProcessSettings {
            is_daemon: global.daemon.is_some(),
            pidfile: path(&global.pidfile),
            descriptors_wanted: count(&global.ulimit_n),
            descriptors_most: count(&global.fd_hard_limit),
            takes_less: global.takes_less,
            cpus: CpuMaps { maps: global.cpu_maps.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_and_their_cpus() {
        let maps = CpuMaps {
            maps: vec![
                CpuMap { is_auto: false, threads: (1..=64).collect(), cpus: vec![0, 1] },
                CpuMap { is_auto: true, threads: vec![2, 3], cpus: vec![4, 6] },
            ],
        };
        assert_eq!([0, 1, 2, 3].map(|shard| maps.of(shard)), [vec![0, 1], vec![4], vec![6], vec![0, 1]].map(Some));
        assert_eq!(CpuMaps::default().of(0), None);
    }
}
