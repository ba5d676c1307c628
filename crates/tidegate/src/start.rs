//! From the command line to a process that serves.
//!
//! ```text
//!   read files ─▶ go to the background ─▶ listen ─▶ pid file ─┬─▶ give up root's rights ─▶ control: serve ─▶ tell who waits
//!                                                             └─▶ jail ─────┘└─▶ shards
//! ```
//!
//! The shards live in the jail (`chroot`), as the threads that hear strangers. Control keeps the system's root directory: it reads the
//! files again when it is told to. No thread keeps root's rights but that to bind ports below 1024, which a reload may name.
//!
//! Until the process serves, whatever goes wrong is said on standard error and ends it; in the background, too, because the half that
//! was started waits for the outcome.

use crate::args::{Ground, Options};
use crate::capacity::Capacity;
use crate::descriptors::Allowance;
use crate::predecessors::Predecessors;
use crate::privileges::Jailed;
use crate::say::{self, say};
use crate::shards::{self, Engine};
use crate::sockets::Sockets;
use crate::{defaults, files, load, refuse_warnings, report};
use control::{AdminSockets, Collect, Defaults, Files, IoEngine, Loaded, OnServing, Parts, ProcessSettings, Runtime};
use nix::errno::Errno;
use process::identity::Refusal;
use process::{PidFile, Starter};
use shard::ControlPort;
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use table::{Bind, BindAddr, StateBook, Table};

/// Log records that may wait to be written.
const RECORDS_MOST: usize = 16_384;

/// Starts, serves, and ends as the operator wishes.
pub(crate) fn run(options: &Options) -> ExitCode {
    // The number of shards stands in the file, and the states of what the file names are made for that many.
    let preview = load(options, &mut StateBook::new(1), u32::MAX);
    let has_warnings = report(&preview, options);
    let Some(table) = &preview.table else { return ExitCode::FAILURE };
    if has_warnings && options.is_zero_warning {
        return refuse_warnings();
    }
    match prepare(options, &preview, table).and_then(start) {
        Ok(parts) => {
            let is_master = options.is_master || preview.process.is_master;
            let exit = control::run(parts);
            ExitCode::from(if is_master { exit.code_of_master() } else { exit.code() })
        }
        Err(Failure::Bind(text)) => {
            say!(Alert, "{text}");
            say!(Alert, "[tidegate.main()] Some protocols failed to start their listeners! Exiting.");
            ExitCode::FAILURE
        }
        Err(Failure::NoSockets(path, err)) => {
            say!(Warning, "Failed to connect to the old process socket '{}' ({err})", path.display());
            say!(Alert, "Failed to get the sockets from the old process!");
            ExitCode::FAILURE
        }
        Err(failure) => {
            say!(Alert, "[tidegate.main()] {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Why the process does not start.
#[derive(Debug)]
pub(crate) enum Failure {
    NoListener,
    Descriptors(crate::descriptors::CannotRaise),
    Shortage(crate::capacity::Shortage),
    Detach(Errno),
    PidFile(PathBuf),
    /// The files were right a moment ago; what is wrong now has been said.
    Changed,
    Shards(shards::StartFailure),
    Passage(std::io::Error),
    Bind(String),
    NoSockets(PathBuf, std::io::Error),
    Jail(PathBuf),
    Identity(Refusal),
}

/// What there is to start with.
struct Prepared {
    first: Loaded,
    table: Arc<Table>,
    book: StateBook,
    capacity: Capacity,
    starter: Option<Starter>,
    sockets: Sockets,
    admin_sockets: AdminSockets,
    pidfile: Option<PidFile>,
    predecessors: Predecessors,
    files: Files,
    defaults: Defaults,
}

/// Everything before the first thread.
fn prepare(options: &Options, preview: &Loaded, table: &Table) -> Result<Prepared, Failure> {
    if !preview.has_listener {
        return Err(Failure::NoListener);
    }
    let settings = &preview.process;
    let allowance = Allowance::take(settings).map_err(Failure::Descriptors)?;
    let capacity = Capacity::of(preview, table, allowance);
    let mut defaults = defaults(options, capacity.total());
    let mut book = StateBook::new(capacity.shard_count);
    let mut first = control::load(&files(options), &mut book, 1, &defaults);
    let mut table = first.table.clone().ok_or(Failure::Changed)?;
    match capacity.holds(table.global.maxconn, &table, allowance) {
        Err(shortage) if settings.takes_less && capacity.total() > 0 => {
            say!(Warning, "[tidegate.main()] {shortage} Serving {} connections at most.", capacity.total());
            defaults.maxconn_forced = Some(capacity.total());
            first = control::load(&files(options), &mut book, 1, &defaults);
            table = first.table.clone().ok_or(Failure::Changed)?;
        }
        outcome => outcome.map_err(Failure::Shortage)?,
    }
    let is_daemon = is_daemon(options, settings);
    let starter = if is_daemon { Some(process::detach().map_err(Failure::Detach)?) } else { None };
    let takes_over = !options.predecessors.is_empty() || options.sockets_from.is_some();
    if !takes_over {
        Sockets::look_for_others(&first, &table).map_err(Failure::Bind)?;
    }
    let inherited = match &options.sockets_from {
        Some(path) => process::rights::receive(path).map_err(|err| Failure::NoSockets(path.clone(), err))?,
        None => Vec::new(),
    };
    let sockets = Sockets::open(&first, &table, capacity.shard_count, inherited).map_err(Failure::Bind)?;
    let admin_sockets = first.bind_admin(takes_over).map_err(Failure::Bind)?;
    let has_pidfile = is_daemon || options.is_master || settings.is_master;
    let pidfile = if has_pidfile { create_pidfile(options, settings)? } else { None };
    let predecessors = Predecessors::new(&options.predecessors, settings);
    Ok(Prepared {
        first,
        table,
        book,
        capacity,
        starter,
        sockets,
        admin_sockets,
        pidfile,
        predecessors,
        files: files(options),
        defaults,
    })
}

fn is_daemon(options: &Options, settings: &ProcessSettings) -> bool {
    match options.ground {
        Ground::ByFile => settings.is_daemon,
        Ground::Back => true,
        Ground::Front => false,
    }
}

fn create_pidfile(options: &Options, settings: &ProcessSettings) -> Result<Option<PidFile>, Failure> {
    let Some(path) = options.pidfile.as_ref().or(settings.pidfile.as_ref()) else { return Ok(None) };
    PidFile::create(path).map(Some).map_err(|_| Failure::PidFile(path.clone()))
}

/// The shards, and all that control needs to take over from here.
fn start(prepared: Prepared) -> Result<Parts, Failure> {
    let Prepared {
        first,
        table,
        book,
        capacity,
        starter,
        sockets,
        admin_sockets,
        pidfile,
        predecessors,
        files,
        defaults,
    } = prepared;
    let jailed = Jailed::enter(&first.process)?;
    let engine = choose_engine(first.io_engine).map_err(Failure::Shards)?;
    // Made before the shards unshare their file tables: they ring it by number.
    let bell = say::Bell::new().map_err(shards::StartFailure::Wakeup).map_err(Failure::Shards)?;
    let port = Arc::new(ControlPort::new(RECORDS_MOST, bell.waker()));
    let published = Arc::new(arc_swap::ArcSwap::new(control::empty_table(&book)));
    // Like the bell: made before, and known by number to all.
    let (ours, theirs) = UnixStream::pair().map_err(Failure::Passage)?;
    ours.set_nonblocking(true).map_err(Failure::Passage)?;
    let passage = theirs.into_raw_fd();
    let plan = shards::Plan {
        engine,
        published: published.clone(),
        port: port.clone(),
        passage,
        sessions_max: capacity.sessions_max,
        buffer_size: shards::buffer_size(table.global.messages.sent_size_max),
        kept: [bell.number(), passage].into_iter().chain(inherited(&table)).collect(),
        sockets,
        cpus: first.process.cpus.clone(),
        null: starter.as_ref().map(Starter::null),
    };
    let shards::Shards { mailboxes } = jailed.start(plan, capacity.shard_count).map_err(Failure::Shards)?;
    warn_of_unreadable(&files);
    let news = bell.into_fd();
    let runtime = match engine {
        Engine::IoUring => Runtime::IoUring,
        Engine::Epoll => Runtime::Plain,
    };
    let on_serving = on_serving(predecessors, starter, pidfile);
    let collect: Collect = Box::new(move |count| process::rights::collect(&ours, count));
    Ok(Parts {
        files,
        book,
        first,
        defaults,
        published,
        mailboxes,
        port,
        news,
        runtime,
        on_serving,
        admin_sockets,
        collect,
    })
}

/// A reload reads the files as whom the process is then.
fn warn_of_unreadable(files: &Files) {
    for path in &files.paths {
        if std::fs::File::open(path).is_err_and(|err| err.kind() == std::io::ErrorKind::PermissionDenied) {
            let path = path.display();
            say!(
                Warning,
                "[tidegate.main()] {path} cannot be read by the user of this process: a reload will be refused."
            );
        }
    }
}

/// Tells those who wait for the start that it is over.
fn on_serving(predecessors: Predecessors, starter: Option<Starter>, pidfile: Option<PidFile>) -> OnServing {
    Box::new(move || {
        predecessors.part();
        if let Some(pidfile) = pidfile {
            pidfile.write().map_err(|err| format!("[tidegate.main()] Cannot write the pidfile ({err})"))?;
        }
        if let Some(starter) = starter {
            starter.tell().map_err(|errno| format!("[tidegate.main()] Cannot leave the terminal ({errno})"))?;
        }
        Ok(())
    })
}

/// What moves the bytes: what the file says, or the ring where the kernel has one for us.
fn choose_engine(wanted: IoEngine) -> Result<Engine, shards::StartFailure> {
    let is_required = match wanted {
        // Whoever wants no ring may live where asking for one is punished.
        IoEngine::Epoll => return Ok(Engine::Epoll),
        IoEngine::IoUring => true,
        IoEngine::Auto => false,
    };
    match uring::probe() {
        Ok(_) => Ok(Engine::IoUring),
        Err(refused) if is_required => Err(shards::StartFailure::Ring(refused)),
        Err(refused) => {
            say!(
                Warning,
                "[tidegate.main()] {refused} Using epoll; 'tidegate.io-engine io_uring' refuses to start instead."
            );
            Ok(Engine::Epoll)
        }
    }
}

fn binds(table: &Table) -> impl Iterator<Item = &Bind> {
    table.frontends.iter().flat_map(|frontend| &frontend.binds)
}

/// Listening sockets that the process was started with: every shard keeps its copy.
fn inherited(table: &Table) -> impl Iterator<Item = RawFd> {
    binds(table).filter_map(|bind| match bind.addr {
        BindAddr::Inherited(number) => Some(number),
        BindAddr::Ip(_) | BindAddr::Unix(_) | BindAddr::Abstract(_) => None,
    })
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NoListener => f.write_str("No enabled listener found (check for 'bind' directives) ! Exiting."),
            Failure::Descriptors(cannot) => cannot.fmt(f),
            Failure::Shortage(shortage) => shortage.fmt(f),
            Failure::Detach(errno) => write!(f, "Cannot fork ({errno})"),
            Failure::PidFile(path) => write!(f, "Cannot create pidfile {}", path.display()),
            Failure::Changed => f.write_str("The configuration changed while it was read."),
            Failure::Shards(failure) => failure.fmt(f),
            Failure::Passage(err) => write!(f, "Cannot make a pair of sockets ({err})"),
            Failure::Bind(text) => f.write_str(text),
            Failure::NoSockets(path, err) => write!(f, "No sockets from '{}' ({err})", path.display()),
            Failure::Jail(directory) => write!(f, "Cannot chroot({}).", directory.display()),
            Failure::Identity(Refusal::Gid(gid)) => write!(f, "Cannot set gid {gid}."),
            Failure::Identity(Refusal::Uid(uid)) => write!(f, "Cannot set uid {uid}."),
            Failure::Identity(Refusal::Rights(errno)) => write!(f, "Cannot give up root's rights ({errno})."),
            Failure::Identity(Refusal::Dumpable(errno)) => write!(f, "Cannot stay dumpable ({errno})."),
        }
    }
}
