//! A server in the balancer: how the algorithm counts it at present, how much it takes, and who waits for it alone.

use std::sync::Arc;

use super::queue::Queue;
use crate::Server;

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) server: Arc<Server>,
    /// Effective, in parts of which [`WEIGHT_SCALE`](crate::WEIGHT_SCALE) are a weight of 1.
    pub(super) weight: u16,
    pub(super) is_usable: bool,
    /// Those who belong to this server.
    pub(super) line: Queue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Active,
    Backup,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sides<T> {
    pub(super) active: T,
    pub(super) backup: T,
}

/// How many there are in the backend, served and waiting, and how many make it full (`fullconn`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) present: u32,
    pub(super) full: u32,
}

impl Seat {
    pub(super) fn new(server: Arc<Server>) -> Seat {
        let (weight, is_usable) = (server.state.effective_weight(), server.state.is_usable());
        Seat { server, weight, is_usable, line: Queue::of_server() }
    }

    pub(super) fn read_state(&mut self) {
        self.weight = self.server.state.effective_weight();
        self.is_usable = self.server.state.is_usable();
    }

    pub(super) fn side(&self) -> Side {
        if self.server.settings.backup { Side::Backup } else { Side::Active }
    }

    pub(super) fn conns(&self) -> u32 {
        self.server.state.conns()
    }

    pub(super) fn has_place(&self, crowd: Crowd) -> bool {
        self.limit(crowd).is_none_or(|most| self.conns() < most)
    }

    /// Most connections at present; `None` is without limit (`configuration.txt: maxconn, minconn, fullconn, slowstart`).
    pub(super) fn limit(&self, crowd: Crowd) -> Option<u32> {
        let most = self.limit_when_warm(crowd)?;
        Some(self.server.state.warmth().map_or(most, |warmth| warmth.places(most)))
    }

    fn limit_when_warm(&self, Crowd { present, full }: Crowd) -> Option<u32> {
        let most = self.server.state.maxconn()?.get();
        let least = self.server.settings.minconn;
        if !self.has_slope() || present >= full {
            return Some(most);
        }
        let share = u64::from(present) * u64::from(most) / u64::from(full);
        Some(least.max(u32::try_from(share).unwrap_or(most)))
    }

    /// Whether the limit grows with the number of connections in the backend.
    pub(super) fn has_slope(&self) -> bool {
        let least = self.server.settings.minconn;
        least > 0 && self.server.state.maxconn().is_some_and(|most| most.get() > least)
    }

    /// Whether nobody more may wait here (`configuration.txt: maxqueue`).
    pub(super) fn is_line_full(&self) -> bool {
        self.server.settings.maxqueue.is_some_and(|most| self.line.len() >= most.get())
    }

    /// Whether `server` may sit here without any algorithm seeing a difference.
    pub(super) fn counts_like(&self, server: &Server) -> bool {
        self.server.name == server.name
            && self.server.settings.number.value == server.settings.number.value
            && self.server.settings.backup == server.settings.backup
            && self.server.settings.weight == server.settings.weight
            && self.weight == server.state.effective_weight()
            && self.is_usable == server.state.is_usable()
    }
}

impl<T> Sides<T> {
    pub(super) fn new(mut make: impl FnMut(Side) -> T) -> Sides<T> {
        Sides { active: make(Side::Active), backup: make(Side::Backup) }
    }

    pub(super) fn of(&self, side: Side) -> &T {
        match side {
            Side::Active => &self.active,
            Side::Backup => &self.backup,
        }
    }

    pub(super) fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Active => &mut self.active,
            Side::Backup => &mut self.backup,
        }
    }
}
