//! Instruction counts of single parts: runs the benchmarks that valgrind counts, and writes one table of them.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{machine::Machine, product};

/// One benchmark, as far as we read gungraun's summary of it (its schema, version 7).
#[derive(Debug, PartialEq, Deserialize)]
struct Summary {
    function_name: String,
    id: Option<String>,
    /// What the benchmark was given, where it says so.
    description: Option<String>,
    profiles: Value,
}

/// Counts, prints, and writes `perf/results/DAY/instructions.md`.
pub(crate) fn count() -> Result<()> {
    let root = product::workspace();
    let machine = Machine::look(&root);
    let table = markdown(&machine, &valgrind_version()?, &summaries(&run(&root)?)?)?;
    print!("{table}");
    let directory = root.join("perf/results").join(machine.day());
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let path = directory.join("instructions.md");
    fs::write(&path, table).with_context(|| format!("write {}", path.display()))?;
    eprintln!("written to {}", path.display());
    Ok(())
}

fn valgrind_version() -> Result<String> {
    let output = Command::new("valgrind").arg("--version").output();
    let output = output.context("valgrind is not installed (Debian: apt-get install valgrind)")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What the benchmarks print: one JSON value after the other.
fn run(root: &Path) -> Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--quiet", "-p", "benches", "--features", "instructions", "--bench", "instructions"])
        .args(["--", "--output-format=json"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo")?;
    ensure!(
        output.status.success(),
        "the benchmarks do not run; they need gungraun-runner of the library's version \
         (cargo install gungraun-runner --version 0.20.0)"
    );
    Ok(output.stdout)
}

fn summaries(json: &[u8]) -> Result<Vec<Summary>> {
    let values = serde_json::Deserializer::from_slice(json).into_iter::<Summary>();
    values.collect::<Result<_, _>>().context("what the benchmarks printed")
}

impl Summary {
    /// Instructions in all repetitions together.
    fn instructions(&self) -> Result<u64> {
        let count = self.profiles.pointer("/0/data/total/metrics/Ir/values/new").and_then(Value::as_u64);
        count.with_context(|| format!("{} has no count of instructions", self.function_name))
    }
}

fn markdown(machine: &Machine, valgrind: &str, summaries: &[Summary]) -> Result<String> {
    let mut text = format!(
        "# Instructions of single parts, {}\n\n{}, Linux {}; {}; {valgrind}.\n\n",
        machine.time,
        machine.cpu_model,
        machine.kernel,
        machine.commit.as_ref().map_or_else(|| "no commit".to_owned(), |commit| format!("commit {commit}")),
    );
    text.push_str(
        "Counted by valgrind with `just bench-instructions`: what else the machine does changes nothing. Small work is done\n\
         1,000 times, and what stands here is for all of them; `benches/parts/instructions.rs` says which.\n\n\
         | part | case | with | instructions |\n|---|---|---|--:|\n",
    );
    for summary in summaries {
        let case = summary.id.as_deref().unwrap_or("");
        let with = summary.description.as_deref().unwrap_or("").replace('|', "/");
        writeln!(text, "| {} | {case} | {with} | {} |", summary.function_name, thousands(summary.instructions()?))?;
    }
    Ok(text)
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_253_922_259].map(thousands), ["0", "999", "1,000", "1,253,922,259"]);
    }
}
