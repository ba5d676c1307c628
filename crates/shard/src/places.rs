//! Where a shard is to listen: what a table wants of it.

use crate::tuning::tuning_of;
use driver::{Addr, ListenSpec, Tuning};
use std::collections::HashMap;
use std::sync::Arc;
use table::{Bind, BindAddr, FrontendId, ShardIndex, Table};

/// What makes two binds the same socket. `nth` tells apart an address that is bound more than once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    addr: BindAddr,
    v6_only: Option<bool>,
    nth: u16,
}

/// One address of a table that a shard listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub key: Key,
    pub frontend: FrontendId,
    /// Its number within the frontend, from 1.
    pub(crate) number: u16,
    pub(crate) accept_proxy: bool,
    pub(crate) backlog: u32,
    pub tuning: Tuning,
}

/// A socket that listens for a shard already when the shard starts, under a number of its thread's file table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heirloom {
    pub key: Key,
    pub number: i32,
}

/// How a socket comes into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Bound(ListenSpec),
    /// The process was started with it (`fd@N`).
    Inherited(i32),
}

/// The addresses of a table that this shard listens on. A unix socket cannot be bound twice, so the first shard has it alone.
pub fn places(table: &Table, shard: ShardIndex) -> Vec<Place> {
    let mut counts: HashMap<(BindAddr, Option<bool>), u16> = HashMap::new();
    let mut all = Vec::new();
    for (index, frontend) in table.frontends.iter().enumerate() {
        for (number, Bind { addr, v6_only, accept_proxy, backlog, tuning, .. }) in frontend.binds.iter().enumerate() {
            let is_ours = match addr {
                BindAddr::Ip(_) | BindAddr::Inherited(_) => true,
                BindAddr::Unix(_) | BindAddr::Abstract(_) => shard.0 == 0,
            };
            let nth = counts.entry((addr.clone(), *v6_only)).or_insert(0);
            let key = Key { addr: addr.clone(), v6_only: *v6_only, nth: *nth };
            *nth += 1;
            if is_ours {
                let frontend = FrontendId(index as u32);
                let number = number as u16 + 1;
                let tuning = tuning_of(tuning);
                all.push(Place { key, frontend, number, accept_proxy: *accept_proxy, backlog: *backlog, tuning });
            }
        }
    }
    all
}

impl Place {
    pub fn origin(&self) -> Origin {
        match self.key.addr {
            BindAddr::Inherited(number) => Origin::Inherited(number),
            BindAddr::Ip(_) | BindAddr::Unix(_) | BindAddr::Abstract(_) => {
                let spec = ListenSpec { addr: self.key.shown(), backlog: self.backlog, v6_only: self.key.v6_only };
                Origin::Bound(spec)
            }
        }
    }
}

impl Key {
    pub(crate) fn addr(&self) -> &BindAddr {
        &self.addr
    }

    /// The address as a driver knows it.
    pub(crate) fn shown(&self) -> Addr {
        match &self.addr {
            BindAddr::Ip(addr) => Addr::Ip(*addr),
            BindAddr::Unix(path) => Addr::Unix(Arc::clone(path)),
            BindAddr::Abstract(name) => Addr::Unix([b"\0", &name[..]].concat().into()),
            BindAddr::Inherited(_) => Addr::Unnamed,
        }
    }
}
