//! What became of all flows, beside what had to become of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::plan::{Order, Plan};
use super::side::{Ended, Outcome};
use super::{Fate, Soak};
use crate::needs::Subject;

/// What has come through.
#[derive(Debug, Default)]
pub struct Report {
    /// Flows by what became of them at their clients.
    pub flows: BTreeMap<&'static str, usize>,
    /// Bytes that arrived, every one of them right.
    pub checked: u64,
    /// What should not have been.
    pub faults: Vec<String>,
}

/// How all ends have fared so far.
#[derive(Debug, Default)]
pub(super) struct Fates {
    checked: AtomicU64,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// By the number of the flow.
    clients: BTreeMap<u64, Fate>,
    servers: BTreeMap<u64, Fate>,
    /// Connections that did not say which flow they are, or said one that had been there.
    strays: Vec<String>,
}

/// What an end has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// So many bytes, and a proper end.
    All(u64),
    /// At most so many bytes, then a cut. `or_end`: which may be told as a proper end.
    Prefix { most: u64, or_end: bool },
    /// At most so many bytes, then its own reset.
    OwnReset { most: u64 },
}

impl Fates {
    pub(super) fn note_client(&self, number: u64, fate: Fate) {
        self.note(number, fate, |noted| &mut noted.clients);
    }

    pub(super) fn note_server(&self, number: u64, fate: Fate) {
        self.note(number, fate, |noted| &mut noted.servers);
    }

    pub(super) fn note_stray(&self, error: io::Error) {
        self.noted().strays.push(error.to_string());
    }

    fn note(&self, number: u64, fate: Fate, of: fn(&mut Noted) -> &mut BTreeMap<u64, Fate>) {
        self.checked.fetch_add(fate.as_ref().map_or(0, |outcome| outcome.received), Ordering::Relaxed);
        let mut noted = self.noted();
        if of(&mut noted).insert(number, fate).is_some() {
            noted.strays.push(format!("flow {number} came twice"));
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().expect("nobody panics under the lock")
    }

    /// Bytes that have arrived over flows that have ended.
    pub(super) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Servers' ends that are over.
    pub(super) fn served_count(&self) -> u64 {
        let noted = self.noted();
        (noted.servers.len() + noted.strays.len()) as u64
    }

    /// Compares both ends of every flow with its plan.
    pub(super) fn report(&self, soak: Soak, subject: Subject) -> Report {
        let noted = self.noted();
        let mut report = Report { checked: self.checked(), ..Report::default() };
        report.faults.extend(noted.strays.iter().map(|stray| format!("a server without its flow: {stray}")));
        for (number, client) in &noted.clients {
            let plan = Plan::of(soak.seed, *number, soak.size_max);
            let ends = [
                ("client", Some(client), at_client(&plan, subject)),
                ("server", noted.servers.get(number), at_server(&plan, subject)),
            ];
            let faults = ends.into_iter().filter_map(|(end, fate, expected)| Some((end, expected.fault(fate)?)));
            report.faults.extend(faults.map(|(end, fault)| format!("flow {number}, {end}: {fault}; {plan:?}")));
            let name = client.as_ref().map_or("failed", |outcome| outcome.end.name());
            *report.flows.entry(name).or_default() += 1;
        }
        report
    }
}

fn at_client(plan: &Plan, subject: Subject) -> Expected {
    match plan.order {
        Order::AtOnce | Order::ClientFirst | Order::ServerFirst => Expected::All(plan.down.size),
        Order::ClientResets { .. } => Expected::OwnReset { most: plan.down.size },
        Order::ServerResets { after } => Expected::Prefix { most: after, or_end: tells_a_reset_as_an_end(subject) },
    }
}

fn at_server(plan: &Plan, subject: Subject) -> Expected {
    match plan.order {
        Order::AtOnce | Order::ClientFirst | Order::ServerFirst => Expected::All(plan.up.size),
        Order::ClientResets { after } => Expected::Prefix { most: after, or_end: tells_a_reset_as_an_end(subject) },
        Order::ServerResets { .. } => Expected::OwnReset { most: plan.up.size },
    }
}

/// HAProxy may pass on a reset with a FIN.
fn tells_a_reset_as_an_end(subject: Subject) -> bool {
    match subject {
        Subject::Haproxy => true,
        Subject::Tidegate => false,
    }
}

impl Expected {
    /// What is wrong with `fate`, if anything.
    fn fault(self, fate: Option<&Fate>) -> Option<String> {
        match fate {
            None => Some("it never ended".to_owned()),
            Some(Err(fault)) => Some(fault.to_string()),
            Some(Ok(outcome)) if !self.is_met_by(*outcome) => Some(format!("{outcome:?} instead of {self:?}")),
            Some(Ok(_)) => None,
        }
    }

    fn is_met_by(self, outcome: Outcome) -> bool {
        let Outcome { received, end } = outcome;
        match self {
            Expected::All(size) => received == size && end == Ended::Finished,
            Expected::Prefix { most, or_end } => {
                received <= most && (end == Ended::Cut || or_end && end == Ended::Finished)
            }
            Expected::OwnReset { most } => received <= most && end == Ended::Reset,
        }
    }
}

impl Report {
    /// # Panics
    /// When anything was not as planned.
    pub fn assert_all_right(&self) {
        let first = &self.faults[..self.faults.len().min(5)];
        assert!(self.faults.is_empty(), "{} faults in {self}, the first: {first:#?}", self.faults.len());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.flows.values().sum();
        let kinds: Vec<String> = self.flows.iter().map(|(name, count)| format!("{count} {name}")).collect();
        write!(out, "{count} flows ({}), {:.2} GB checked", kinds.join(", "), self.checked as f64 / 1e9)
    }
}
