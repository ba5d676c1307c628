//! A run: every scenario, for some rounds, by every subject in turn.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cpus::Layout,
    load::Work,
    machine::Machine,
    network, product, report,
    results::{Cell, Known, Results, Row},
    scenario::{self, Scenario},
    subject::{self, Floors, Subject, TIDEGATE},
    trial::{self, Terms},
};

/// What is to be run.
#[derive(Debug, clap::Args)]
pub(crate) struct Wish {
    /// Scenarios, or how their names begin; all but the extra ones when none is named. `perf list` names them.
    scenarios: Vec<String>,
    /// A smoke test: short windows, one round, small crowds, the unoptimised tidegate of the tests. Shows that it works; its
    /// figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Rounds: how often each subject does each scenario.
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "quick")]
    repeat: usize,
    /// Length of one measurement.
    #[arg(long, value_name = "S", default_value_t = 1.1, conflicts_with = "quick")]
    seconds: f64,
    /// Where the table, the JSON and the plots go; `perf/results/DAY`, with a folder for `http` and for `tls`, or `perf/out` for a smoke test.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads or worker processes of each subject, each with a CPU of its own as far as there are enough.
    #[arg(long, value_name = "N", default_value_t = 1)]
    shards: usize,
    /// The tidegate to measure, instead of building it.
    #[arg(long, value_name = "PATH")]
    tidegate: Option<PathBuf>,
    /// Only these subjects, by the names of the table's columns; the floors and `direct` are among them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    subjects: Vec<String>,
    /// Congestion control of all sockets, in a network of the run's own, which takes the right to make one (root). `host`: in
    /// the machine's network, as that is set up.
    #[arg(long, value_name = "NAME", default_value = "reno")]
    congestion: String,
    /// What a minimal relay costs in every scenario, not only in those that name it, and what the generators reach without any.
    #[arg(long)]
    floor: bool,
}

impl Wish {
    fn terms(&self) -> Result<Terms> {
        ensure!(self.repeat > 0 && self.shards > 0, "there must be a round and a shard");
        ensure!((0.05..=600.0).contains(&self.seconds), "a window of 0.05 to 600 seconds");
        let window = if self.quick { 0.2 } else { self.seconds };
        Ok(Terms { layout: Layout::new(self.shards)?, shards: self.shards, window: Duration::from_secs_f64(window) })
    }

    fn profile(&self) -> &'static str {
        if self.quick { "dev" } else { "release" }
    }

    fn floors(&self) -> Floors {
        if self.floor || !self.subjects.is_empty() { Floors::Everywhere } else { Floors::WhereNamed }
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.repeat }
    }

    fn out(&self, root: &Path, day: &str) -> PathBuf {
        match &self.out {
            Some(out) => out.clone(),
            None if self.quick => root.join("perf/out"),
            None => match &self.scenarios[..] {
                [group] if scenario::GROUPS.contains(&group.as_str()) => {
                    root.join("perf/results").join(day).join(group)
                }
                _ => root.join("perf/results").join(day),
            },
        }
    }

    /// Whether `subject` does `scenario` in this run.
    fn is_done_by(&self, scenario: &Scenario, subject: &dyn Subject) -> bool {
        let is_compared = scenario.subjects.is_empty() || scenario.subjects.contains(&subject.name());
        (is_compared || !self.subjects.is_empty()) && subject.is_apt(scenario)
    }

    fn is_wanted(&self, subject: &str) -> bool {
        self.subjects.is_empty() || self.subjects.iter().any(|name| name == subject)
    }
}

/// Runs, prints, writes. `false` when something failed that should not have.
pub(crate) fn run(wish: &Wish) -> Result<bool> {
    let root = product::workspace();
    // Building comes first: it may have to ask the machine's network for packages.
    let tidegate = match &wish.tidegate {
        Some(path) => std::fs::canonicalize(path).with_context(|| path.display().to_string())?,
        None if wish.is_wanted(TIDEGATE) => product::build(&root, wish.profile())?,
        None => PathBuf::from("tidegate"),
    };
    network::enter(&wish.congestion)?;
    let machine = Machine::look(&root);
    let terms = wish.terms()?;
    let scenarios = scenario::select(scenario::all(wish.quick), &wish.scenarios)?;
    let out = wish.out(&root, machine.day());

    let mut subjects = subject::all(&tidegate, wish.floors());
    let known = |name: &String| subjects.iter().any(|subject| subject.name() == name);
    if let Some(name) = wish.subjects.iter().find(|name| !known(name)) {
        anyhow::bail!("no subject is called {name}");
    }
    subjects.retain(|subject| wish.is_wanted(subject.name()));

    let mut results = Results::new(machine, &terms, wish.rounds(), wish.quick);
    subjects.retain(|subject| introduce(subject.as_ref(), &mut results));
    ensure!(!subjects.is_empty(), "none of the subjects is here");
    let begun = Instant::now();
    measure(wish, &scenarios, &subjects, &terms, &mut results)?;
    results.took_seconds = begun.elapsed().as_secs_f64();

    report::write(&results, &out)?;
    let faults = results.faults();
    faults.iter().for_each(|fault| eprintln!("fault: {fault}"));
    // A peer may be missing. What the rig is for may not.
    let is_complete = !results.missing.iter().any(|missing| missing.name == TIDEGATE);
    Ok(faults.is_empty() && is_complete)
}

/// Notes who takes part and who does not.
fn introduce(subject: &dyn Subject, results: &mut Results) -> bool {
    let name = subject.name().to_owned();
    match subject.version() {
        Ok(version) => {
            results.subjects.push(Known { name, version });
            true
        }
        Err(error) => {
            eprintln!("missing: {name}: {error:#}");
            results.missing.push(Known { name, version: format!("{error:#}") });
            false
        }
    }
}

fn measure(
    wish: &Wish,
    scenarios: &[Scenario],
    subjects: &[Box<dyn Subject>],
    terms: &Terms,
    results: &mut Results,
) -> Result<()> {
    let scratch = tempfile::tempdir().context("a directory for the run")?;
    let those = |scenario: &Scenario| -> Vec<&dyn Subject> {
        subjects.iter().map(Box::as_ref).filter(|subject| wish.is_done_by(scenario, *subject)).collect()
    };
    let trials: usize = scenarios.iter().map(|scenario| those(scenario).len() * results.rounds).sum();
    let bar = ProgressBar::new(trials as u64);
    bar.set_style(ProgressStyle::with_template("{elapsed_precise} [{wide_bar}] {pos}/{len} {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(500));
    for scenario in scenarios {
        let (subjects, terms) = (those(scenario), terms.of(scenario)?);
        let pace = pace(scenario, &subjects, &terms, scratch.path(), &bar);
        let works = pace.map_or_else(|| scenario.works.clone(), |per_second| scenario.paced(per_second));
        let mut cells: Vec<Cell> = subjects
            .iter()
            .map(|subject| Cell { subject: subject.name().to_owned(), findings: Vec::new(), errors: Vec::new() })
            .collect();
        for round in 0..results.rounds {
            // Each round begins with another subject, so that none always comes after the same one.
            for turn in 0..subjects.len() {
                let index = (turn + round) % subjects.len();
                let subject = subjects[index];
                bar.set_message(format!("{} {}", scenario.name, subject.name()));
                cells[index].take(scenario, &works, subject, &terms, scratch.path());
                bar.inc(1);
            }
        }
        results.rows.push(Row {
            scenario: scenario.name,
            about: scenario.about,
            unit: scenario.unit,
            is_reloaded: scenario.is_reloaded,
            may_fail: scenario.may_fail,
            per_second: pace,
            shards: terms.shards,
            cpus: terms.layout,
            cells,
        });
    }
    bar.finish_and_clear();
    Ok(())
}

impl Cell {
    /// One trial.
    fn take(&mut self, scenario: &Scenario, works: &[Work], subject: &dyn Subject, terms: &Terms, scratch: &Path) {
        match trial::run(scenario, works, subject, terms, scratch) {
            Ok(finding) => self.findings.push(Some(finding)),
            Err(error) => {
                self.findings.push(None);
                self.errors.push(format!("{error:#}"));
            }
        }
    }
}

/// The rate for a scenario that has one: a part of what the slowest subject reaches when it is asked without pause.
fn pace(
    scenario: &Scenario,
    subjects: &[&dyn Subject],
    terms: &Terms,
    scratch: &Path,
    bar: &ProgressBar,
) -> Option<f64> {
    let part = scenario.paced_at?;
    let short = Terms { window: terms.window.min(Duration::from_secs(1)), ..terms.clone() };
    let rates = subjects.iter().filter_map(|subject| {
        bar.set_message(format!("{} {}: how fast", scenario.name, subject.name()));
        trial::run(scenario, &scenario.works, *subject, &short, scratch).ok()
    });
    let slowest = rates.map(|finding| finding.rate).filter(|rate| *rate > 0.0).min_by(f64::total_cmp);
    Some((slowest? * part / 100.0).floor().max(1.0) * 100.0)
}
