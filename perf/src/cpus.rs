//! Who runs on which CPU.

use anyhow::{Context, Result};
use nix::{
    sched::{CpuSet, sched_getaffinity},
    unistd::Pid,
};
use serde::Serialize;

/// The CPUs of the subject, and those of generators and origins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Layout {
    pub(crate) subject: Vec<usize>,
    pub(crate) rig: Vec<usize>,
}

impl Layout {
    /// One CPU for each shard of the subject, and all others for the rig. Where none is left, they share all of them.
    pub(crate) fn new(shards: usize) -> Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).context("the CPUs that may be used")?;
        let all = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect();
        Ok(Self::of(all, shards))
    }

    fn of(all: Vec<usize>, shards: usize) -> Self {
        if all.len() <= shards {
            return Layout { subject: all.clone(), rig: all };
        }
        let (subject, rig) = all.split_at(shards);
        Layout { subject: subject.to_vec(), rig: rig.to_vec() }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.subject == self.rig
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_has_its_own_where_there_are_enough() {
        assert_eq!(Layout::of(vec![0, 1], 1), Layout { subject: vec![0], rig: vec![1] });
        assert_eq!(Layout::of(vec![2, 3, 5, 7], 2), Layout { subject: vec![2, 3], rig: vec![5, 7] });
        assert!(Layout::of(vec![0, 1], 2).is_shared());
        assert!(Layout::of(vec![4], 1).is_shared());
    }
}
