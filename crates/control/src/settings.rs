//! What the file says about the process itself: where it lives, and within which limits.
//!
//! These are read at the start. A reload that changes one of them says that it takes effect at the next start.

use crate::lower::limit;
use config::{CpuMap, Diagnostic, Global, Lead, Level, Spanned, Stage};
use nix::unistd::{Group, User};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessSettings {
    /// `daemon`
    pub is_daemon: bool,
    pub pidfile: Option<PathBuf>,
    /// `chroot`
    pub jail: Option<PathBuf>,
    /// `user`, `uid`; root is no change.
    pub uid: Option<u32>,
    /// `group`, `gid`
    pub gid: Option<u32>,
    /// `set-dumpable`
    pub is_dumpable: bool,
    /// `master-worker`: ends as HAProxy's master does.
    pub is_master: bool,
    /// `grace`: how long to serve on after a soft stop was asked for.
    pub grace: Option<Duration>,
    /// `hard-stop-after`: how long a soft stop may last.
    pub hard_stop_after: Option<Duration>,
    /// `ulimit-n`: descriptors that are asked for.
    pub descriptors_wanted: Option<u64>,
    /// `fd-hard-limit`: descriptors that are used at most, whatever the system allows.
    pub descriptors_most: Option<u64>,
    /// `no strict-limits`: what cannot be held is lowered instead of refused.
    pub takes_less: bool,
    pub cpus: CpuMaps,
    /// `node`: what `show info` calls this machine.
    pub node: Option<String>,
    /// `description`: what it says of it.
    pub description: Option<String>,
}

/// The number that is given, or that belongs to the name. 0 changes nothing, as in HAProxy.
fn id(
    number: &Option<Spanned<u32>>,
    name: &Option<Spanned<String>>,
    what: &str,
    look_up: impl FnOnce(&str) -> Option<u32>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<u32> {
    let number = number.as_ref().map(|number| number.value);
    let found = name.as_ref().and_then(|name| {
        let found = look_up(name);
        if found.is_none() {
            let message = format!("cannot find {what} id for '{}' (0:Success)", name.as_str());
            let (level, stage, lead) = (Level::Alert, Stage::Parsing, Lead::Spaced);
            diagnostics.push(Diagnostic { level, stage, lead, span: Some(name.span), message, hint: None });
        }
        found
    });
    number.or(found).filter(|&id| id > 0)
}

pub(crate) fn uid_of(name: &str) -> Option<u32> {
    User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
}

pub(crate) fn gid_of(name: &str) -> Option<u32> {
    Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
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
    /// Names of users and groups are looked up in the system's databases; what is not there is reported.
    pub(crate) fn of(global: &Global, diagnostics: &mut Vec<Diagnostic>) -> ProcessSettings {
        let path = |path: &Option<Spanned<String>>| path.as_ref().map(|path| PathBuf::from(path.as_str()));
        let count =
            |count: &Option<Spanned<u32>>| count.as_ref().map(|count| count.value.into()).filter(|&count| count > 0);
        ProcessSettings {
            is_daemon: global.daemon.is_some(),
            is_master: global.is_master,
            grace: limit(&global.grace),
            hard_stop_after: limit(&global.hard_stop_after),
            pidfile: path(&global.pidfile),
            jail: path(&global.chroot),
            uid: id(&global.uid, &global.user, "user", uid_of, diagnostics),
            gid: id(&global.gid, &global.group, "group", gid_of, diagnostics),
            is_dumpable: global.is_dumpable,
            descriptors_wanted: count(&global.ulimit_n),
            descriptors_most: count(&global.fd_hard_limit),
            takes_less: global.takes_less,
            cpus: CpuMaps { maps: global.cpu_maps.clone() },
            node: global.node.as_ref().map(|node| node.value.clone()),
            description: global.description.as_ref().map(|description| description.value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users_and_groups() {
        let read = |text: &str| {
            let parsed = config::parse(&[config::Source::new("g.cfg", format!("global\n{text}\n"))], &|_: &str| None);
            let mut diagnostics = parsed.diagnostics;
            let settings = ProcessSettings::of(&parsed.tree.global, &mut diagnostics);
            (
                settings.uid,
                settings.gid,
                diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect::<Vec<_>>(),
            )
        };
        assert_eq!(read("user root\n group root"), (None, None, vec![]));
        assert_eq!(read("uid 12\n gid 13"), (Some(12), Some(13), vec![]));
        // As HAProxy 2.6 says it.
        let missing = ["user", "group"].map(|what| format!("cannot find {what} id for 'no-such' (0:Success)"));
        assert_eq!(read("user no-such\n group no-such"), (None, None, missing.into()));
    }

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
