//! The README's first command does what it says.

use assert_cmd::Command;

#[test]
fn the_demonstration_balances_loses_an_origin_and_reloads() {
    let run = Command::cargo_bin("tidegate").expect("it was built").args(["demo", "--once"]).assert().success();
    let said = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let expected = [
        "origin A is here",
        "origin B is here",
        "Server origins/B is DOWN",
        "Server origins/B is UP",
        "Configuration reloaded: generation 11",
        "50 connections answered after every reload, 10 new ones were taken meanwhile.",
    ];
    for line in expected {
        assert!(said.contains(line), "no '{line}' in:\n{said}");
    }
}
