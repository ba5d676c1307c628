//! The rig works: every scenario by every subject, once and small. Nobody looks at the figures.

use std::fs;
use std::process::Command;

use e2e::run::{Machine, turn};
use e2e::{Subject, needs};
use serde_json::Value;

#[test]
fn every_scenario_by_every_subject() {
    let _turn = turn(Machine::Alone);
    let out = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_perf"))
        .args(["run", "--quick", "--out"])
        .arg(out.path())
        .arg("--tidegate")
        .arg(Subject::Tidegate.binary())
        .output()
        .expect("our own program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = fs::read(out.path().join("results.json")).expect("written at the end of a run");
    let results: Value = serde_json::from_slice(&results).expect("it is JSON");
    let list = |name: &str| results[name].as_array().expect("a list").clone();
    assert!(list("rows").iter().all(|row| !row["cells"].as_array().expect("a list").is_empty()));
    for missing in list("missing") {
        needs::is_installed("smoke", missing["name"].as_str().expect("a name"), false);
    }
}
