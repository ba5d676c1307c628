//! A configuration on its way from a file to the shards: parsed, lowered, published.

use arc_swap::ArcSwap;
use config::{Parsed, Source};
use control::{Defaults, Files};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use table::{StateBook, Table};
use tempfile::NamedTempFile;

/// A file of one backend `farm` with so many servers, each with a line as mail farms have it.
pub fn farm(balance: &str, server_count: usize) -> ConfigFile {
    ConfigFile::new(&farm_text(balance, server_count))
}

/// The same farm after an operator has changed the weight of the server in the middle.
pub fn changed_farm(balance: &str, server_count: usize) -> ConfigFile {
    let line = server_line(server_count / 2);
    ConfigFile::new(&farm_text(balance, server_count).replace(&line, &line.replace("weight 10", "weight 20")))
}

fn farm_text(balance: &str, server_count: usize) -> String {
    let mut text = String::from(PREAMBLE);
    let heading = "frontend front\n    bind 127.0.0.1:1000\n    default_backend farm\n\nbackend farm\n";
    writeln!(text, "{heading}    balance {balance}").expect("memory");
    (0..server_count).for_each(|number| text.push_str(&server_line(number)));
    text
}

fn server_line(number: usize) -> String {
    let [_, a, b, c] = (number as u32).to_be_bytes();
    format!("    server imap{number} 10.{a}.{b}.{c}:10143 check inter 5s fall 2 weight 10 send-proxy-v2\n")
}

/// What comes first in every file here.
pub(crate) const PREAMBLE: &str = "\
global
    maxconn 60000
    log 127.0.0.1 local2

defaults
    mode tcp
    log global
    option tcplog
    option redispatch
    timeout connect 10s
    timeout client 1h
    timeout server 1h

";

/// A configuration file on disk. It is removed when this is dropped.
pub struct ConfigFile {
    source: Source,
    files: Files,
    _file: NamedTempFile,
}

impl ConfigFile {
    /// # Panics
    /// If there is no room for temporary files.
    pub fn new(text: &str) -> ConfigFile {
        let mut file = NamedTempFile::new().expect("a place for temporary files");
        file.write_all(text.as_bytes()).expect("room for a temporary file");
        let path = file.path().to_owned();
        ConfigFile {
            source: Source::new(path.to_string_lossy(), text),
            files: Files { paths: vec![path], ..Files::default() },
            _file: file,
        }
    }

    /// Bytes of text.
    pub fn size(&self) -> u64 {
        self.source.text.len() as u64
    }

    /// Text to tree, with every check that needs no table. The text is in memory.
    pub fn parse(&self) -> Parsed {
        config::load(std::slice::from_ref(&self.source), &|_: &str| None)
    }
}

/// What outlives a table, as control holds it.
pub struct Process {
    book: StateBook,
    published: Arc<ArcSwap<Table>>,
    generation: u64,
}

/// Shards that the counts are spread over.
const SHARD_COUNT: u16 = 8;

impl Process {
    /// A process that serves nothing yet.
    pub fn new() -> Process {
        let book = StateBook::new(SHARD_COUNT);
        let published = Arc::new(ArcSwap::new(control::empty_table(&book)));
        Process { book, published, generation: 0 }
    }

    /// Reads the file, lowers it and publishes the table. Gives back the one before, so that the caller decides who pays for
    /// its end.
    ///
    /// # Panics
    /// If the file has an ALERT.
    pub fn publish(&mut self, file: &ConfigFile) -> Arc<Table> {
        let table = self.lower(file);
        table.take_over();
        self.published.swap(table)
    }

    /// Reads the file and lowers it: all that happens before the shards are asked to bind.
    pub(crate) fn lower(&mut self, file: &ConfigFile) -> Arc<Table> {
        self.generation += 1;
        let defaults = Defaults { maxconn: 60_000, ..Defaults::default() };
        let loaded = control::load(&file.files, &mut self.book, self.generation, &defaults);
        loaded.table.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
    }

    /// The table in force.
    pub fn table(&self) -> Arc<Table> {
        self.published.load_full()
    }

    pub(crate) fn published(&self) -> &Arc<ArcSwap<Table>> {
        &self.published
    }
}

impl Default for Process {
    fn default() -> Process {
        Process::new()
    }
}
