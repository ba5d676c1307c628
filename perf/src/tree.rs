//! What a process and all its descendants use, from /proc.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Sub,
    path::Path,
};

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// One line of `/proc/PID/stat`, as far as we read it (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: i32,
    /// User and system ticks of all threads of the process, those that have ended and the kernel's `iou-wrk` threads included.
    own_ticks: u64,
    /// The same of children that have ended and were waited for.
    children_ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may contain anything, parentheses and spaces as well.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Field 3 of proc(5), the state, is the first after the name.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Stat {
            parent: i32::try_from(number(4)?).ok()?,
            own_ticks: number(14)? + number(15)?,
            children_ticks: number(16)? + number(17)?,
        })
    }

    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// CPU time that a process tree has used since it began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CpuTime {
    pub(crate) seconds: f64,
}

impl Sub for CpuTime {
    type Output = f64;

    fn sub(self, earlier: CpuTime) -> f64 {
        self.seconds - earlier.seconds
    }
}

/// Resident memory of a process tree, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Sum of `VmRSS`: a page that two processes share counts twice.
    pub(crate) rss: u64,
    /// Sum of `Pss`: a shared page counts in equal parts.
    pub(crate) pss: u64,
    pub(crate) processes: usize,
}

/// Every live process below and including `root`.
pub(crate) fn members(root: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in processes() {
        if let Some(stat) = Stat::read(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut seen = BTreeSet::from([root]);
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        let below = children.get(&pid).into_iter().flatten().copied().filter(|child| seen.insert(*child));
        found.extend(below.collect::<Vec<_>>());
        next += 1;
    }
    found.retain(|pid| Path::new(&format!("/proc/{pid}")).exists());
    found
}

/// CPU time of the tree below `root`.
pub(crate) fn cpu_time(root: i32) -> Result<CpuTime> {
    let ticks: u64 =
        members(root).into_iter().filter_map(Stat::read).map(|stat| stat.own_ticks + stat.children_ticks).sum();
    Ok(CpuTime { seconds: ticks as f64 / ticks_per_second()? })
}

/// CPU time of the kernel's `ksoftirqd` threads of `cpus`: network work that was put off and that no process is charged for.
pub(crate) fn softirqd_time(cpus: &[usize]) -> Result<CpuTime> {
    let names: Vec<String> = cpus.iter().map(|cpu| format!("ksoftirqd/{cpu}\n")).collect();
    let is_ours = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| names.contains(&comm));
    let ticks: u64 = processes().filter(is_ours).filter_map(Stat::read).map(|stat| stat.own_ticks).sum();
    Ok(CpuTime { seconds: ticks as f64 / ticks_per_second()? })
}

/// Resident memory of the tree below `root`. `Pss` is 0 where the kernel does not tell it to this user.
pub(crate) fn resident(root: i32) -> Resident {
    members(root).into_iter().fold(Resident::default(), |sum, pid| Resident {
        rss: sum.rss + kilobytes(&format!("/proc/{pid}/status"), "VmRSS:"),
        pss: sum.pss + kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:"),
        processes: sum.processes + 1,
    })
}

/// The value of a `Name:   1234 kB` line, in bytes; 0 when the file or the line is not there.
pub(crate) fn kilobytes(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_ascii_whitespace().next()?.parse().ok());
    value.map_or(0, |kilobytes: u64| kilobytes * 1024)
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn ticks_per_second() -> Result<f64> {
    Ok(sysconf(SysconfVar::CLK_TCK)?.context("sysconf(_SC_CLK_TCK)")? as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of proc(5), numbered as there, behind a name that tries to confuse.
    #[test]
    fn stat_is_read_behind_any_name() {
        let line = "4242 (a) b (c) S 17 5 6 7 8 9 10 11 12 13 140 15 16 1 18 19 20 21";
        let expected = Stat { parent: 17, own_ticks: 155, children_ticks: 17 };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("4242 (a"), None);
        assert_eq!(Stat::parse("4242 (a) S 1 2"), None);
    }

    #[test]
    fn a_tree_contains_its_children() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("coreutils");
        let pid = i32::try_from(child.id()).expect("a pid");
        let own = std::process::id().cast_signed();
        assert!(members(own).contains(&pid));
        assert!(resident(own).rss > 0);
        assert_eq!(members(pid), [pid]);
        child.kill().expect("our child");
        child.wait().expect("our child");
        assert!(members(pid).is_empty());
    }

    #[test]
    fn time_goes_by() {
        let own = std::process::id().cast_signed();
        let before = cpu_time(own).expect("/proc");
        while cpu_time(own).expect("/proc") - before < 0.03 {}
    }
}
