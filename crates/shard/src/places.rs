//! Where a shard is to listen: what a table wants of it.

use crate::tuning::{ownership_of, tuning_of};
use driver::{Addr, ListenSpec, Ownership, Tuning};
use std::collections::HashMap;
use std::sync::Arc;
use table::{Bind, BindAddr, FrontendId, Table};

/// What makes two binds the same socket. `nth` tells apart an address that is bound more than once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    addr: BindAddr,
    v6_only: Option<bool>,
    device: Option<Arc<str>>,
    nth: u16,
}

/// One address of a table that a shard listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub key: Key,
    pub frontend: FrontendId,
    /// HAProxy's number for it within the frontend.
    pub(crate) number: u32,
    pub(crate) accept_proxy: bool,
    pub(crate) is_tls: bool,
    pub(crate) backlog: u32,
    pub tuning: Tuning,
    ownership: Ownership,
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

/// The addresses of a table that shards listen on, each on all of them as far as it can be had.
pub fn places(table: &Table) -> Vec<Place> {
    let mut counts: HashMap<Key, u16> = HashMap::new();
    let mut all = Vec::new();
    for (index, frontend) in table.frontends.iter().enumerate() {
        for bind in &frontend.binds {
            let Bind { addr, v6_only, device, number, accept_proxy, tls, backlog, tuning, ownership, .. } = bind;
            let first = Key { addr: addr.clone(), v6_only: *v6_only, device: device.clone(), nth: 0 };
            let count = counts.entry(first.clone()).or_insert(0);
            let key = Key { nth: *count, ..first };
            *count += 1;
            all.push(Place {
                key,
                frontend: FrontendId(index as u32),
                number: *number,
                accept_proxy: *accept_proxy,
                is_tls: tls.is_some(),
                backlog: *backlog,
                tuning: tuning_of(tuning),
                ownership: ownership_of(*ownership),
            });
        }
    }
    all
}

impl Place {
    pub fn origin(&self) -> Origin {
        match self.key.addr {
            BindAddr::Inherited(number) => Origin::Inherited(number),
            BindAddr::Ip(_) | BindAddr::Unix(_) | BindAddr::Abstract(_) => {
                let Key { v6_only, device, .. } = &self.key;
                let (v6_only, device) = (*v6_only, device.clone());
                let (addr, backlog, ownership) = (self.key.shown(), self.backlog, self.ownership);
                Origin::Bound(ListenSpec { addr, backlog, v6_only, device, ownership })
            }
        }
    }

    /// Whether the socket cannot be made twice: one is made, and all shards that have it when they start accept from it.
    pub fn is_shared(&self) -> bool {
        match self.key.addr {
            BindAddr::Unix(_) | BindAddr::Abstract(_) => true,
            BindAddr::Ip(_) | BindAddr::Inherited(_) => false,
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
