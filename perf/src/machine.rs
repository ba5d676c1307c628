//! Where and when: what a number means nothing without.

use std::{fs, path::Path};

use serde::Serialize;

/// The machine, as far as results depend on it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// RFC 3339, UTC.
    pub(crate) time: String,
    pub(crate) kernel: String,
    pub(crate) cpu_model: String,
    pub(crate) cpus: usize,
    pub(crate) memory_bytes: u64,
    /// Congestion control of the sockets (tcp(7)).
    pub(crate) congestion: String,
    /// The commit of the working tree, where there is one.
    pub(crate) commit: Option<String>,
    /// Running tasks per CPU in the minute before the run: results of a busy machine are noise.
    pub(crate) load_before: f64,
}

impl Machine {
    pub(crate) fn look(root: &Path) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let load = first_word("/proc/loadavg").and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
        Machine {
            time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            kernel: first_word("/proc/sys/kernel/osrelease").unwrap_or_default(),
            cpu_model: cpu_model().unwrap_or_else(|| "unknown".to_owned()),
            cpus,
            memory_bytes: crate::tree::kilobytes("/proc/meminfo", "MemTotal:"),
            congestion: crate::network::congestion(),
            commit: commit(root),
            load_before: load / cpus as f64,
        }
    }

    /// The day, as in the names of result directories.
    pub(crate) fn day(&self) -> &str {
        self.time.split('T').next().unwrap_or_default()
    }
}

fn first_word(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()?.split_whitespace().next().map(ToOwned::to_owned)
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'))?.1;
    Some(value.trim().to_owned())
}

fn commit(root: &Path) -> Option<String> {
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
