//! What the reloads of this process brought (`show reloads`, a command of our own).

use crate::clock::Moment;
use driver::Instant;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use table::{Server, Table};

/// Reloads that are remembered.
const RELOADS_MOST: usize = 64;

/// Names that are listed; the others are counted.
const NAMES_MOST: usize = 10;

#[derive(Default)]
pub(crate) struct History {
    reloads: VecDeque<Reload>,
    /// When the one that is under way began.
    begun: Option<Moment>,
    /// What its table has changed, once it is published.
    changes: Option<Changes>,
}

struct Reload {
    begun: Moment,
    took: Duration,
    outcome: Outcome,
}

enum Outcome {
    Taken { generation: u64, changes: Box<Changes> },
    Refused { why: String, generation: u64 },
}

/// One table beside the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    listeners: Set,
    frontends: Set,
    backends: Set,
    servers: Set,
    /// Servers that stayed and that the file says something else of.
    servers_changed: Vec<String>,
    /// Sessions that went on with what they had.
    sessions: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    kept: usize,
    added: Vec<String>,
    gone: Vec<String>,
}

impl History {
    /// The files are about to be read.
    pub(crate) fn begin(&mut self, now: Moment) {
        (self.begun, self.changes) = (Some(now), None);
    }

    /// The new table is published.
    pub(crate) fn on_published(&mut self, before: &Table, after: &Table) {
        self.changes = self.begun.is_some().then(|| Changes::between(before, after));
    }

    /// All shards serve by the table of this generation.
    pub(crate) fn on_taken(&mut self, generation: u64, now: Instant) {
        let changes = self.changes.take().unwrap_or_default();
        self.end(Outcome::Taken { generation, changes: Box::new(changes) }, now);
    }

    /// Everything stays as it was, at this generation.
    pub(crate) fn on_refused(&mut self, why: &str, generation: u64, now: Instant) {
        self.end(Outcome::Refused { why: why.to_owned(), generation }, now);
    }

    fn end(&mut self, outcome: Outcome, now: Instant) {
        let Some(begun) = self.begun.take() else { return };
        if self.reloads.len() == RELOADS_MOST {
            self.reloads.pop_front();
        }
        let took = now.since(begun.instant);
        self.reloads.push_back(Reload { begun, took, outcome });
    }

    /// The newest last.
    pub(crate) fn show(&self) -> String {
        let mut text = String::from("# time generation took result\n");
        for Reload { begun, took, outcome } in &self.reloads {
            let (time, millis) = (begun.wall, took.as_millis());
            // A string takes all of this.
            let _ = match outcome {
                Outcome::Taken { generation, changes } => {
                    writeln!(text, "{time:.3} {generation} {millis}ms taken\n{}", changes.show())
                }
                Outcome::Refused { why, generation } => {
                    writeln!(text, "{time:.3} {generation} {millis}ms refused: {why}\n  everything stayed as it was")
                }
            };
        }
        text
    }
}

impl Changes {
    fn between(before: &Table, after: &Table) -> Changes {
        let frontends = |table: &Table| names(table.frontends.iter().map(|frontend| &*frontend.name));
        let backends = |table: &Table| names(table.backends.iter().map(|backend| &*backend.name));
        let (old, new) = (servers(before), servers(after));
        let is_changed = |(name, server): (&String, &Arc<Server>)| {
            let before = old.get(name)?;
            let is_same = before.addr == server.addr && before.settings == server.settings;
            (!is_same).then(|| name.clone())
        };
        let mut servers_changed: Vec<String> = new.iter().filter_map(is_changed).collect();
        servers_changed.sort_unstable();
        Changes {
            listeners: Set::between(&listeners(before), &listeners(after)),
            frontends: Set::between(&frontends(before), &frontends(after)),
            backends: Set::between(&backends(before), &backends(after)),
            servers: Set::between(&old.keys().cloned().collect(), &new.keys().cloned().collect()),
            servers_changed,
            sessions: after.process.conns.current(),
        }
    }

    fn show(&self) -> String {
        let changed = match &self.servers_changed[..] {
            [] => String::new(),
            names => format!(", {} changed ({})", names.len(), list(names)),
        };
        format!(
            "  listeners: {}\n  frontends: {}\n  backends: {}\n  servers: {}{changed}\n  sessions: {} went on",
            self.listeners.show(),
            self.frontends.show(),
            self.backends.show(),
            self.servers.show(),
            self.sessions
        )
    }
}

impl Set {
    fn between<T: Eq + Hash + ToString>(before: &HashSet<T>, after: &HashSet<T>) -> Set {
        let sorted = |names: Vec<&T>| {
            let mut names: Vec<String> = names.into_iter().map(T::to_string).collect();
            names.sort_unstable();
            names
        };
        Set {
            kept: before.intersection(after).count(),
            added: sorted(after.difference(before).collect()),
            gone: sorted(before.difference(after).collect()),
        }
    }

    fn show(&self) -> String {
        let mut text = format!("{} kept", self.kept);
        for (names, word) in [(&self.added, "new"), (&self.gone, "gone")] {
            if !names.is_empty() {
                let _ = write!(text, ", {} {word} ({})", names.len(), list(names));
            }
        }
        text
    }
}

fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_MOST)].join(", ");
    if names.len() > NAMES_MOST { format!("{shown}, …") } else { shown }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> HashSet<String> {
    names.map(str::to_owned).collect()
}

fn servers(table: &Table) -> HashMap<String, Arc<Server>> {
    let all = table.backends.iter().flat_map(|backend| &backend.servers);
    all.map(|server| (format!("{}/{}", server.backend_name, server.name), Arc::clone(server))).collect()
}

fn listeners(table: &Table) -> HashSet<String> {
    let binds = table.frontends.iter().flat_map(|frontend| &frontend.binds);
    binds.map(|bind| bind.addr.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::loaded_with;
    use table::StateBook;

    #[test]
    fn what_a_reload_changes() {
        let mut book = StateBook::new(2);
        let mut table = |text: &str, generation| loaded_with(text, &mut book, generation).table.expect("no errors");
        let before =
            table("listen a\n bind :1001\n server s 192.0.2.1:1\n server t 192.0.2.2:1\nlisten b\n bind :1002\n", 1);
        let after =
            table("listen a\n bind :1001\n bind :1003\n server s 192.0.2.1:1 weight 5\n server u 192.0.2.2:1\n", 2);
        assert_eq!(
            Changes::between(&before, &after).show(),
            "  listeners: 1 kept, 1 new (0.0.0.0:1003), 1 gone (0.0.0.0:1002)\n  \
             frontends: 1 kept, 1 gone (b)\n  backends: 1 kept, 1 gone (b)\n  \
             servers: 1 kept, 1 new (a/u), 1 gone (a/t), 1 changed (a/s)\n  sessions: 0 went on"
        );
    }

    #[test]
    fn only_the_last_are_remembered() {
        let (mut history, now) = (History::default(), Moment::now());
        for _ in 0..100 {
            history.begin(now);
            history.on_refused("it has errors", 1, now.instant);
        }
        assert_eq!(history.show().lines().count(), 1 + 2 * RELOADS_MOST);
    }
}
