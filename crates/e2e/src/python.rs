//! A Python that has a package of PyPI, in an environment of the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::{Flock, FlockArg};

use crate::needs;

/// The interpreter of an environment under `place` that has `packages`, each written as pip wants it (`name==version`) and imported as
/// `modules` (`one, another`); `None`, reported for `test`, where it cannot be had.
pub fn with(test: &str, place: &Path, modules: &str, packages: &[&str]) -> Option<PathBuf> {
    let place = place.join(format!("python-{}", modules.replace(", ", "-")));
    fs::create_dir_all(&place).expect("room for an environment");
    // Tests that run at once want the same one.
    let file = File::create(place.with_extension("lock")).expect("room for a lock");
    let _alone = Flock::lock(file, FlockArg::LockExclusive);
    let python = place.join("bin/python");
    let runs = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let is_there = || runs(Command::new(&python).args(["-c", &format!("import {modules}")]));
    let installed = is_there()
        || (runs(Command::new("python3").args(["-m", "venv"]).arg(&place))
            && runs(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))
            && is_there());
    needs::is_installed(test, modules, installed).then_some(python)
}
