//! Which state belongs to which name: how counts, health and run-time weights get from one table to the next.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use crate::{BackendState, FrontendState, ListenerState, ProcessState, ServerSettings, ServerState};

/// Hands out the state of a name: the one that is alive, else a new one.
///
/// The book keeps nothing alive. Tables and sessions do: the state of a name that is in use by either is found again, however
/// many reloads ago it was made; the states of a table that was refused vanish with it.
#[derive(Debug)]
pub struct StateBook {
    shard_count: u16,
    process: Arc<ProcessState>,
    frontends: HashMap<Arc<str>, Weak<FrontendState>>,
    /// By frontend and number.
    listeners: HashMap<(Arc<str>, u32), Weak<ListenerState>>,
    backends: HashMap<Arc<str>, Weak<BackendState>>,
    servers: HashMap<(Arc<str>, Arc<str>), Weak<ServerState>>,
}

impl StateBook {
    /// The number of shards is fixed for the life of the process.
    ///
    /// # Panics
    /// If there is no shard.
    pub fn new(shard_count: u16) -> StateBook {
        StateBook {
            shard_count,
            process: Arc::new(ProcessState::new(shard_count)),
            frontends: HashMap::new(),
            listeners: HashMap::new(),
            backends: HashMap::new(),
            servers: HashMap::new(),
        }
    }

    pub fn process(&self) -> Arc<ProcessState> {
        self.process.clone()
    }

    pub fn frontend(&mut self, name: &Arc<str>) -> Arc<FrontendState> {
        let (shard_count, bells) = (self.shard_count, &self.process.bells);
        alive_or_new(&mut self.frontends, name.clone(), || FrontendState::new(shard_count, bells.clone()))
    }

    /// A listener is known by its number within its frontend.
    pub fn listener(&mut self, frontend: &Arc<str>, number: u32) -> Arc<ListenerState> {
        let shard_count = self.shard_count;
        alive_or_new(&mut self.listeners, (frontend.clone(), number), || ListenerState::new(shard_count))
    }

    pub fn backend(&mut self, name: &Arc<str>) -> Arc<BackendState> {
        let (shard_count, process) = (self.shard_count, &self.process);
        let new = || BackendState::new(shard_count, process.inboxes.clone(), process.bells.clone());
        alive_or_new(&mut self.backends, name.clone(), new)
    }

    /// A new server starts up, in maintenance if its line says `disabled`, with the line's weight. What `settings` change for
    /// a known one applies when its table takes over ([`Table::take_over`](crate::Table::take_over)).
    pub fn server(&mut self, backend: &Arc<str>, name: &Arc<str>, settings: &ServerSettings) -> Arc<ServerState> {
        let shard_count = self.shard_count;
        alive_or_new(&mut self.servers, (backend.clone(), name.clone()), || ServerState::new(settings, shard_count))
    }
}

fn alive_or_new<K: Eq + Hash, S>(states: &mut HashMap<K, Weak<S>>, key: K, new: impl FnOnce() -> S) -> Arc<S> {
    if let Some(alive) = states.get(&key).and_then(Weak::upgrade) {
        return alive;
    }
    if states.len() == states.capacity() {
        // The map is about to grow: forget the dead first, so that it is bounded by twice what lives.
        states.retain(|_, state| state.strong_count() > 0);
    }
    let state = Arc::new(new());
    states.insert(key, Arc::downgrade(&state));
    state
}
