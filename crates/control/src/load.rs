//! Reading the configuration: files → text → tree → table, and everything that is to be said about it.

use crate::admin::{self, AdminSockets};
use crate::certificates::Shelf;
use crate::environment;
use crate::lower::{Lowered, lower};
use crate::report;
use crate::resolve::{Resolve, Resolver, System};
use crate::server_states::ServerStates;
use crate::settings::ProcessSettings;
use config::{Diagnostic, Environment, IoEngine, Lead, Level, Source, Span, Stage};
use driver::{Addr, Errno};
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::{StateBook, Table};

/// What `-f` named, in order. A directory stands for its `*.cfg` files that are not hidden, in the order of their bytes.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub paths: Vec<PathBuf>,
    /// `-L`: the file sees it as `$HAPROXY_LOCALPEER`. Without it, that is the host's name.
    pub local_peer: Option<String>,
    /// `-W`: the file sees `$HAPROXY_MWORKER`.
    pub is_master: bool,
    /// `-S`: an address and parameters of `bind`, separated by commas.
    pub master_socket: Option<String>,
}

/// What holds where the file says nothing, or whatever it says.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Most client connections of the process.
    pub maxconn: u32,
    /// `-n`: the same, whatever the file says.
    pub maxconn_forced: Option<u32>,
    /// `-N`: most client connections of a frontend.
    pub frontend_maxconn: Option<NonZeroU32>,
    /// `-dS`: nothing is spliced, whatever the file says.
    pub is_splice_off: bool,
    /// `-4`: names of hosts stand for addresses of IPv4 only.
    pub is_v4_only: bool,
    /// Whether the kernel can do TLS for connections.
    pub kernel_tls: KernelTls,
}

/// What the kernel has said when it was asked for TLS of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelTls {
    Present,
    Absent(Errno),
}

/// Nobody has asked.
impl Default for KernelTls {
    fn default() -> KernelTls {
        KernelTls::Absent(Errno::ENOSYS)
    }
}

/// A configuration that was read, with everything that is to be said about it.
#[derive(Debug)]
pub struct Loaded {
    pub sources: Vec<Source>,
    /// As the reading found them: lines that cannot be read in file order, then lines that do not go together, then what is not
    /// served, then hosts without an address.
    pub diagnostics: Vec<Diagnostic>,
    pub nbthread: Option<u16>,
    /// What the file wants to be run on.
    pub io_engine: IoEngine,
    /// What it says about the process.
    pub process: ProcessSettings,
    /// None if there is an ALERT.
    pub table: Option<Arc<Table>>,
    /// Whether anything listens. HAProxy checks a file without a listener with exit code 2 and does not start it.
    pub has_listener: bool,
    bind_places: Vec<BindPlace>,
    pub(crate) admin: admin::Settings,
    /// What its listeners with TLS show.
    pub(crate) shelf: Shelf,
    /// What files say of its servers; at the start only.
    pub(crate) server_states: ServerStates,
    ending: Ending,
}

/// A line that says to listen.
#[derive(Clone, Debug)]
pub(crate) struct BindPlace {
    pub(crate) frontend: Arc<str>,
    pub(crate) addr: Addr,
    pub(crate) span: Span,
}

/// How HAProxy ends a report with ALERTs: it depends on how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// A file could not be opened.
    Unopened,
    /// Errors in the files, if any.
    Read,
    /// The files are right; servers have no address.
    Unresolved,
}

/// Reads, checks and lowers the files. For `-c`, for the start and for every reload.
///
/// States of known names are taken from `book` and not changed. Asks the system's resolver for host names, which may take
/// seconds.
pub fn load(files: &Files, book: &mut StateBook, generation: u64, defaults: &Defaults) -> Loaded {
    match read(files) {
        Ok(sources) => {
            let environment = environment::of(files);
            load_sources(sources, book, generation, defaults, &environment, &mut System)
        }
        Err(unopened) => Loaded::unopened(unopened),
    }
}

/// The generation of the table that a process starts with.
const FIRST: u64 = 1;

pub(crate) fn load_sources(
    sources: Vec<Source>,
    book: &mut StateBook,
    generation: u64,
    defaults: &Defaults,
    environment: &dyn Environment,
    resolve: &mut dyn Resolve,
) -> Loaded {
    let config::Parsed { tree, mut diagnostics } = config::load(&sources, environment);
    let process = ProcessSettings::of(&tree.global, &mut diagnostics);
    let mut ending = Ending::Read;
    let (mut table, mut bind_places, mut admin) = (None, Vec::new(), admin::Settings::default());
    let (mut shelf, mut server_states) = (Shelf::default(), ServerStates::default());
    if !diagnostics.iter().any(Diagnostic::is_alert) {
        if generation == FIRST {
            server_states = ServerStates::read(&tree, &mut diagnostics);
        }
        let resolver = Resolver::new(resolve, defaults.is_v4_only).with_last(server_states.addresses());
        let mut lowered = lower(&tree, &sources, book, generation, defaults, resolver, environment);
        shelf = std::mem::take(&mut lowered.shelf);
        let Lowered { table: lowered_table, diagnostics: found, bind_places: places, admin: settings, .. } = lowered;
        let mut alerts = found.iter().filter(|diagnostic| diagnostic.is_alert()).peekable();
        if alerts.peek().is_some() && alerts.all(|alert| alert.stage == Stage::Checking && alert.lead != Lead::Bare) {
            ending = Ending::Unresolved;
        }
        diagnostics.extend(found);
        (table, bind_places, admin) = (lowered_table, places, settings);
    }
    let nbthread = tree.global.nbthread.as_ref().map(|nbthread| nbthread.value);
    let io_engine = tree.global.io_engine.as_ref().map(|engine| engine.value).unwrap_or_default();
    let has_listener = tree.has_listener();
    Loaded {
        diagnostics,
        nbthread,
        io_engine,
        process,
        table,
        has_listener,
        bind_places,
        admin,
        shelf,
        server_states,
        ending,
        sources,
    }
}

impl Loaded {
    /// Writes all diagnostics in HAProxy's forms, with its closing lines if there is an ALERT. Writes nothing if there is nothing
    /// to say. `.diag` lines are for `-dD`.
    pub fn print(&self, pid: u32, is_diagnosing: bool, out: &mut dyn Write) -> io::Result<()> {
        let is_shown = |diagnostic: &&Diagnostic| is_diagnosing || diagnostic.level != Level::Diag;
        for diagnostic in self.diagnostics.iter().filter(is_shown) {
            out.write_all(diagnostic.render(pid, &self.sources).as_bytes())?;
        }
        match self.ending {
            Ending::Unopened => Ok(()),
            Ending::Read => out.write_all(config::closing(&self.diagnostics, pid, &self.sources).as_bytes()),
            Ending::Unresolved => writeln!(out, "[ALERT]    ({pid}) : config : Failed to initialize server(s) addr."),
        }
    }

    /// Binds the admin sockets that it names, for a process that could not do it later. `Err` says which cannot be had. Only who takes
    /// over from another process may take its path away from it.
    pub fn bind_admin(&self, takes_over: bool) -> Result<AdminSockets, String> {
        AdminSockets::bind(&self.admin, takes_over).map_err(|failure| report::admin_failure(&failure))
    }

    /// Whether `-dW` and `zero-warning` must not start it.
    pub fn has_warnings(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_warning)
    }

    /// `file:line` of the line that says to listen on `addr`.
    pub(crate) fn bind_place(&self, frontend: &str, addr: &Addr) -> Option<String> {
        let is_it = |place: &&BindPlace| &*place.frontend == frontend && place.addr == *addr;
        let span = self.bind_places.iter().find(is_it)?.span;
        Some(format!("{}:{}", self.sources.get(span.source as usize)?.name, span.line))
    }

    fn unopened(message: String) -> Loaded {
        let diagnostic = Diagnostic {
            level: Level::Alert,
            stage: Stage::Parsing,
            lead: Lead::Bare,
            span: None,
            message,
            hint: None,
        };
        Loaded {
            sources: Vec::new(),
            diagnostics: vec![diagnostic],
            nbthread: None,
            io_engine: IoEngine::default(),
            process: ProcessSettings::default(),
            table: None,
            has_listener: false,
            bind_places: Vec::new(),
            admin: admin::Settings::default(),
            shelf: Shelf::default(),
            server_states: ServerStates::default(),
            ending: Ending::Unopened,
        }
    }
}

/// A table without anything: what is published before the first one.
pub fn empty_table(book: &StateBook) -> Arc<Table> {
    let global = table::Global::default();
    Arc::new(Table::new(0, global, Vec::new(), Vec::new(), Vec::new(), book.process()))
}

/// The contents of all files, or HAProxy's words for the first that cannot be read.
pub(crate) fn read(files: &Files) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for path in &files.paths {
        for file in expand(path).map_err(|err| unopened(path, &err))? {
            let bytes = fs::read(&file).map_err(|err| unopened(&file, &err))?;
            sources.push(Source::from_bytes(file.to_string_lossy(), &bytes));
        }
    }
    sources.extend(files.master_socket.as_deref().map(master_socket));
    Ok(sources)
}

/// `-S` as a file of its own: whatever is wrong with it is said like everything else.
fn master_socket(option: &str) -> Source {
    Source::new("-S", format!("global\n    tidegate.master-socket {}\n", option.replace(',', " ")))
}

fn unopened(path: &Path, err: &io::Error) -> String {
    format!("Cannot open configuration file/directory {} : {}", path.display(), driver::Errno::of(err))
}

fn expand(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // A link that leads nowhere is passed over, as HAProxy does.
        let is_file = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if !is_hidden && is_file && path.extension().is_some_and(|extension| extension == "cfg") {
            files.push(path);
        }
    }
    files.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    Ok(files)
}

#[cfg(test)]
pub(crate) mod tests;
