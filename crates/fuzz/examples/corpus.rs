//! Writes the rows of the table of exchanges as inputs to begin with: `corpus DIRECTORY`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args_os().nth(1).expect("a directory to write to"));
    std::fs::create_dir_all(&directory)?;
    exchanges::all().iter().try_for_each(|row| std::fs::write(directory.join(row.name), fuzz::input_of(row)))
}
