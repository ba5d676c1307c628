//! What a run leaves behind: a table for people, JSON for programs, plots for the README.

mod plot;
mod table;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::results::Results;

/// Prints the table, and writes it, the JSON and the plots to `directory`.
pub(crate) fn write(results: &Results, directory: &Path) -> Result<()> {
    let table = table::markdown(results);
    print!("{table}");
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let save = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    };
    save("table.md", table)?;
    save("results.json", serde_json::to_string_pretty(results)? + "\n")?;
    for (name, svg) in plot::all(results)? {
        save(&name, svg)?;
    }
    eprintln!("written to {}", directory.display());
    Ok(())
}
