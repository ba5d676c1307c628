//! All that a run found, as it is written to JSON and read by the table and the plots.

use serde::Serialize;

use crate::{
    cpus::Layout,
    machine::Machine,
    scenario::Unit,
    statistics::Spread,
    subject::TIDEGATE,
    trial::{Finding, Terms},
};

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) cpus: Layout,
    pub(crate) shards: usize,
    pub(crate) window_seconds: f64,
    pub(crate) rounds: usize,
    pub(crate) is_quick: bool,
    /// How long all of it took.
    pub(crate) took_seconds: f64,
    pub(crate) subjects: Vec<Known>,
    pub(crate) missing: Vec<Known>,
    pub(crate) rows: Vec<Row>,
}

/// A subject, and what it says of itself or why it is not there.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    pub(crate) is_reloaded: bool,
    /// Failures are part of the result.
    pub(crate) may_fail: bool,
    /// Requests per second that were due, when not as many as could be.
    pub(crate) per_second: Option<f64>,
    pub(crate) shards: usize,
    pub(crate) cpus: Layout,
    pub(crate) cells: Vec<Cell>,
}

/// One scenario done by one subject.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) subject: String,
    /// By round; none when the trial failed.
    pub(crate) findings: Vec<Option<Finding>>,
    /// Why trials failed.
    pub(crate) errors: Vec<String>,
}

impl Results {
    pub(crate) fn new(machine: Machine, terms: &Terms, rounds: usize, is_quick: bool) -> Self {
        Results {
            machine,
            cpus: terms.layout.clone(),
            shards: terms.shards,
            window_seconds: terms.window.as_secs_f64(),
            rounds,
            is_quick,
            took_seconds: 0.0,
            subjects: Vec::new(),
            missing: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// What went wrong and should not have: trials that failed, and failures where the scenario does not provoke them.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in &self.rows {
            for cell in &row.cells {
                faults.extend(cell.errors.iter().map(|error| format!("{}, {}: {error}", row.scenario, cell.subject)));
                let failures = cell.findings.iter().flatten().map(|finding| &finding.failures);
                let unexpected = failures.filter(|failures| {
                    if row.may_fail { failures.corrupt + failures.own > 0 } else { failures.sum() > 0 }
                });
                faults.extend(unexpected.map(|it| format!("{}, {}: {}", row.scenario, cell.subject, it.describe())));
            }
        }
        faults
    }
}

impl Row {
    pub(crate) fn cell(&self, subject: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.subject == subject)
    }

    /// Tidegate's `part` over that of `cell`, round by round. None for Tidegate itself, or where one of the two is missing.
    pub(crate) fn ratio(&self, cell: &Cell, part: fn(&Finding) -> f64) -> Option<Spread> {
        let ours = self.cell(TIDEGATE).filter(|ours| ours.subject != cell.subject)?;
        let rounds = ours.findings.iter().zip(&cell.findings);
        Spread::of_ratios(rounds.filter_map(|(ours, theirs)| Some((part(ours.as_ref()?), part(theirs.as_ref()?)))))
    }
}

impl Cell {
    pub(crate) fn spread(&self, part: fn(&Finding) -> f64) -> Option<Spread> {
        Spread::of(self.findings.iter().flatten().map(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(subject: &str, costs: &[Option<f64>]) -> Cell {
        let finding = |cost: &Option<f64>| cost.map(|cost| Finding { cost, ..Finding::default() });
        Cell { subject: subject.to_owned(), findings: costs.iter().map(finding).collect(), errors: Vec::new() }
    }

    fn row(cells: Vec<Cell>) -> Row {
        Row {
            scenario: "rr64",
            about: "",
            unit: Unit::RoundTrip,
            is_reloaded: false,
            may_fail: false,
            per_second: None,
            shards: 1,
            cpus: Layout { subject: vec![0], rig: vec![1] },
            cells,
        }
    }

    #[test]
    fn rounds_that_one_of_the_two_lacks_do_not_count() {
        let row = row(vec![
            cell(TIDEGATE, &[Some(1.0), None, Some(3.0)]),
            cell("haproxy", &[Some(2.0), Some(2.0), Some(4.0)]),
        ]);
        let ratio = row.ratio(&row.cells[1], |finding| finding.cost).expect("two rounds");
        assert_eq!(ratio, Spread { median: 0.625, min: 0.5, max: 0.75 });
        assert_eq!(row.ratio(&row.cells[0], |finding| finding.cost), None);
    }
}
