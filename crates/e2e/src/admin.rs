//! A client of a subject's admin socket, as tools are: a line, the answer, the end.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::wait::{self, SOON};

/// A row of `show stat`, by column; columns that are empty are not in it.
pub type Row = BTreeMap<String, String>;

/// Where a subject's admin socket is to be.
#[derive(Debug)]
pub struct Admin {
    directory: TempDir,
}

impl Admin {
    /// A path for a socket.
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// For `stats socket @socket@`.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// For a second one.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A connection that waits for the subject to bind.
    pub fn connect(&self) -> UnixStream {
        connect(&self.path())
    }

    /// The whole answer to one line.
    pub fn ask(&self, line: &str) -> String {
        ask(&self.path(), line)
    }

    /// A number of `show info`.
    ///
    /// # Panics
    /// When it is not told.
    pub fn info(&self, name: &str) -> u64 {
        let info = self.ask("show info");
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {info}"))
    }

    /// `show stat`, or with arguments.
    pub fn stat(&self, arguments: &str) -> Vec<Row> {
        rows(&self.ask(&format!("show stat {arguments}")))
    }

    /// The row of `proxy` and `name`.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&self, proxy: &str, name: &str) -> Row {
        let found = self.stat("").into_iter().find(|row| row["pxname"] == proxy && row["svname"] == name);
        found.unwrap_or_else(|| panic!("no row {proxy}/{name}"))
    }

    /// Waits until `column` of a row says `value`, and hands the row out.
    pub fn wait_for(&self, proxy: &str, name: &str, column: &str, value: &str) -> Row {
        wait::value(&format!("{column} of {proxy}/{name} to be '{value}'"), SOON, || {
            let row = self.row(proxy, name);
            (row.get(column).map_or("", String::as_str) == value).then_some(row)
        })
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self::new()
    }
}

/// Connects to an admin socket, which may not be bound yet.
pub fn connect(path: &Path) -> UnixStream {
    let stream = wait::value("the admin socket", SOON, || UnixStream::connect(path).ok());
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    stream.set_write_timeout(Some(SOON)).expect("a timeout");
    stream
}

/// The whole answer to one line.
pub fn ask(path: &Path, line: &str) -> String {
    let mut stream = connect(path);
    stream.write_all(format!("{line}\n").as_bytes()).expect("the subject listens");
    stream.shutdown(Shutdown::Write).expect("connected");
    read_to_end(&mut stream).expect("the answer ends")
}

/// Everything until the subject closes.
pub fn read_to_end(stream: &mut UnixStream) -> io::Result<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The rows of a CSV answer, without their empty cells.
pub fn rows(csv: &str) -> Vec<Row> {
    let mut lines = csv.trim_end().lines();
    let header = lines.next().expect("a header").trim_start_matches("# ");
    let names: Vec<&str> = header.split(',').collect();
    let row = |line: &str| {
        let cells = cells(line);
        assert_eq!(cells.len(), names.len(), "a cell for each column: {line}");
        let named = names.iter().zip(cells).filter(|(name, cell)| !name.is_empty() && !cell.is_empty());
        named.map(|(name, cell)| ((*name).to_owned(), cell)).collect()
    };
    lines.map(row).collect()
}

/// RFC 4180 section 2, within a line.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cells.last_mut().expect("one at least").push(other),
        }
    }
    cells
}
