//! Conditions over a connection: ORs of ANDs of ACLs, each an OR of tests (`configuration.txt: section 7`).
//!
//! While bytes may still come, a test can be undecided. A condition is decided as soon as what is undecided in it cannot matter.

use std::sync::Arc;

use crate::sample::Sample;
use crate::{Converter, Facts, Fetch, Group, Matcher, Table, Value};

/// `if …` or `unless …` of a rule.
#[derive(Clone, Debug)]
pub struct Condition {
    /// `unless`: the whole is turned around.
    pub unless: bool,
    /// Holds if all terms of any of them hold (`a b or c`).
    pub alternatives: Vec<Vec<Term>>,
}

/// `name` or `!name` within a condition.
#[derive(Clone, Debug)]
pub struct Term {
    pub negated: bool,
    pub acl: Arc<Acl>,
}

/// All `acl` lines of one name, or an anonymous `{ … }`: matches if any of its tests does.
#[derive(Clone, Debug)]
pub struct Acl {
    pub name: Arc<str>,
    pub tests: Vec<Test>,
}

/// What is asked for, and what it is compared with. A sample that is not there matches nothing.
#[derive(Clone, Debug)]
pub struct Test {
    pub fetch: Fetch,
    /// In order.
    pub converters: Vec<Converter>,
    pub matcher: Matcher,
    /// The lists that the matcher was made of: what is asked once one of them was changed.
    pub group: Option<Arc<Group>>,
}

/// What is known of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    No,
    /// It depends on bytes that have not come yet.
    Open,
    Yes,
}

impl Condition {
    /// As far as it can be said now.
    pub fn verdict(&self, facts: &Facts<'_>) -> Verdict {
        let verdict = any(&self.alternatives, |terms| all(terms, |term| term.verdict(facts)));
        if self.unless { verdict.negated() } else { verdict }
    }

    /// With what is known now: what is not there yet counts as not there.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let is_yes = |terms: &Vec<Term>| all(terms, |term| term.verdict(facts)) == Verdict::Yes;
        self.alternatives.iter().any(is_yes) != self.unless
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.tests().all(|test| test.fetch.fits(table))
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        self.alternatives.iter().flatten().flat_map(|term| &term.acl.tests)
    }
}

impl Term {
    fn verdict(&self, facts: &Facts<'_>) -> Verdict {
        let verdict = any(&self.acl.tests, |test| test.verdict(facts));
        if self.negated { verdict.negated() } else { verdict }
    }
}

impl Test {
    pub fn new(fetch: Fetch, matcher: Matcher) -> Test {
        Test { fetch, converters: Vec::new(), matcher, group: None }
    }

    fn verdict(&self, facts: &Facts<'_>) -> Verdict {
        if let (Fetch::Message(part), Some(message)) = (&self.fetch, facts.heard.message())
            && let Some(is_any) = part.any(message, |value| self.accepts(value, facts))
        {
            return if is_any { Verdict::Yes } else { Verdict::No };
        }
        let (value, may_change) = match self.fetch.of(facts) {
            Sample::Settled(value) => (Some(value), false),
            Sample::Passing(value) => (Some(value), true),
            Sample::Awaited => (None, true),
            Sample::Absent => return Verdict::No,
        };
        if value.is_some_and(|value| self.accepts(value, facts)) {
            Verdict::Yes
        } else if may_change && !facts.is_final() {
            Verdict::Open
        } else {
            Verdict::No
        }
    }
}

impl Test {
    fn accepts<'a>(&'a self, value: Value<'a>, facts: &Facts<'a>) -> bool {
        let converted = self.converters.iter().try_fold(value, |value, converter| converter.apply(value, facts));
        converted.is_some_and(|value| match self.group.as_ref().filter(|group| group.is_changed()) {
            Some(group) => group.matches(&value),
            None => self.matcher.matches(value),
        })
    }
}

impl Verdict {
    fn negated(self) -> Verdict {
        match self {
            Verdict::No => Verdict::Yes,
            Verdict::Open => Verdict::Open,
            Verdict::Yes => Verdict::No,
        }
    }
}

/// The first that is certain decides; without one, what is open keeps it open.
fn any<T>(items: &[T], verdict: impl Fn(&T) -> Verdict) -> Verdict {
    let mut most = Verdict::No;
    for item in items {
        most = most.max(verdict(item));
        if most == Verdict::Yes {
            break;
        }
    }
    most
}

/// The first that does not hold decides, in HAProxy's order: behind an open term nothing is looked at.
fn all<T>(items: &[T], verdict: impl Fn(&T) -> Verdict) -> Verdict {
    items.iter().map(verdict).find(|&verdict| verdict != Verdict::Yes).unwrap_or(Verdict::Yes)
}
