//! Tidegate: a TCP load balancer that reads HAProxy's configuration files.
//!
//! This file says what happens in which order when the process starts; each step is elsewhere: the command line (`args`), the
//! configuration and everything that goes on after the start (`control`), the shards' threads (`shards`).
#![forbid(unsafe_code)]

mod args;
mod demo;
mod descriptors;
mod say;
mod shards;
mod version;

use args::{Command, Options};
use control::{Defaults, Files, IoEngine, Loaded, Parts, Runtime};
use say::say;
use shard::ControlPort;
use shards::Engine;
use std::io::Write;
use std::os::fd::RawFd;
use std::process::ExitCode;
use std::sync::Arc;
use table::{Bind, BindAddr, StateBook, Table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Log records that may wait to be written.
const RECORDS_MOST: usize = 16_384;

/// `-c`, and nothing listens.
const EXIT_NO_LISTENER: u8 = 2;

/// `-cc`, and it is no condition.
const EXIT_NO_CONDITION: u8 = 2;

fn main() -> ExitCode {
    say::abort_on_panic();
    // Sessions are small and many: a huge page for a handful of them would cost more than it saves. A kernel without huge
    // pages refuses, which is as good.
    let _ = nix::sys::prctl::set_thp_disable(true);
    if let Err(err) = control::block_signals() {
        say!(Alert, "[tidegate.main()] cannot block signals ({err})");
        return ExitCode::FAILURE;
    }
    match args::parse(std::env::args_os().skip(1)) {
        Command::Run(options) => run(&options),
        Command::Check(options) => check(&options),
        Command::Condition(expression) => ask(&expression),
        Command::Version => print(&version::short()),
        Command::VersionLong => print(&version::long()),
        Command::Demo { once } => demo::run(once),
        Command::Usage => {
            print(&version::short());
            eprint!("{}", args::usage("tidegate"));
            ExitCode::FAILURE
        }
        Command::Unsupported(option) => {
            say!(Alert, "option '{option}' is not supported by Tidegate yet.");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    // Whoever closed our output does not want to read it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// `-cc`: 0 if the condition holds, 1 if it does not, 2 if it is none.
fn ask(expression: &str) -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match config::evaluate(expression, &environment) {
        Ok(holds) => ExitCode::from(u8::from(!holds)),
        Err(error) => {
            say!(Alert, "Failed to evaluate condition '{expression}': {}", error.message);
            ExitCode::from(EXIT_NO_CONDITION)
        }
    }
}

/// `-c`: says what is wrong with the files, and nothing else happens.
fn check(options: &Options) -> ExitCode {
    let mut book = StateBook::new(1);
    let loaded = load(options, &mut book, u32::MAX);
    let has_warnings = report(&loaded, options);
    if loaded.table.is_none() {
        return ExitCode::FAILURE;
    }
    if has_warnings && options.zero_warning {
        return refuse_warnings();
    }
    if !loaded.has_listener {
        return say_on_stdout(
            options,
            "Configuration file has no error but will not start (no listener) => exit(2).",
            ExitCode::from(EXIT_NO_LISTENER),
        );
    }
    if has_warnings {
        return say_on_stdout(options, "Warnings were found.", ExitCode::SUCCESS);
    }
    if options.verbose {
        return say_on_stdout(options, "Configuration file is valid", ExitCode::SUCCESS);
    }
    ExitCode::SUCCESS
}

/// Starts, serves, and ends as the operator wishes.
fn run(options: &Options) -> ExitCode {
    let limit = descriptors::raise_limit();
    let cpus = shards::cpus();
    // The number of shards stands in the file, and the states of what the file names are made for that many.
    let preview = load(options, &mut StateBook::new(1), u32::MAX);
    let has_warnings = report(&preview, options);
    if preview.table.is_none() {
        return ExitCode::FAILURE;
    }
    if has_warnings && options.zero_warning {
        return refuse_warnings();
    }
    if !preview.has_listener {
        say!(Alert, "[tidegate.main()] No enabled listener found (check for 'bind' directives) ! Exiting.");
        return ExitCode::FAILURE;
    }
    let shard_count = preview.nbthread.unwrap_or(cpus.len().min(64) as u16).clamp(1, 64);
    let listener_count = preview.table.as_ref().map_or(0, |table| binds(table).count());
    let sessions_max = descriptors::sessions_per_shard(limit, listener_count, shards::pipes_max(shard_count));
    let capacity = sessions_max.saturating_mul(u32::from(shard_count));
    if sessions_max == 0 {
        say!(
            Alert,
            "[tidegate.main()] No connection fits into {limit} file descriptors ('ulimit -n'). Raise the limit."
        );
        return ExitCode::FAILURE;
    }
    let mut book = StateBook::new(shard_count);
    let first = load(options, &mut book, capacity);
    let Some(table) = &first.table else { return ExitCode::FAILURE };
    if table.global.maxconn > capacity {
        say!(
            Alert,
            "[tidegate.main()] Cannot hold maxconn {}: {shard_count} shards with {limit} file descriptors each hold \
             {capacity} connections. Raise 'ulimit -n' to {}, or lower maxconn.",
            table.global.maxconn,
            u64::from(table.global.maxconn).div_ceil(u64::from(shard_count)) * 2 + 64
        );
        return ExitCode::FAILURE;
    }
    match start(options, book, first, shard_count, sessions_max) {
        Ok(parts) => ExitCode::from(control::run(parts).code()),
        Err(failure) => {
            say!(Alert, "[tidegate.main()] {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start(
    options: &Options,
    book: StateBook,
    first: Loaded,
    shard_count: u16,
    sessions_max: u32,
) -> Result<Parts, shards::StartFailure> {
    let engine = choose_engine(first.io_engine)?;
    // Made before the shards unshare their file tables: they ring it by number.
    let bell = say::Bell::new().map_err(shards::StartFailure::Wakeup)?;
    let port = Arc::new(ControlPort::new(RECORDS_MOST, bell.waker()));
    let published = Arc::new(arc_swap::ArcSwap::new(control::empty_table(&book)));
    let plan = shards::Plan {
        engine,
        published: published.clone(),
        port: port.clone(),
        sessions_max,
        kept: [bell.number()].into_iter().chain(first.table.iter().flat_map(|table| inherited(table))).collect(),
    };
    let shards::Shards { mailboxes, limits } = shards::start(plan, shard_count)?;
    let defaults = Defaults { maxconn: sessions_max * u32::from(shard_count) };
    let news = bell.into_fd();
    let runtime = match engine {
        Engine::IoUring => Runtime::IoUring,
        Engine::Epoll => Runtime::Plain,
    };
    Ok(Parts { files: files(options), book, first, defaults, published, mailboxes, port, limits, news, runtime })
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

fn load(options: &Options, book: &mut StateBook, capacity: u32) -> Loaded {
    let defaults = Defaults { maxconn: capacity };
    control::load(&files(options), book, 1, &defaults)
}

fn files(options: &Options) -> Files {
    Files { paths: options.files.clone() }
}

/// Prints what was found in the files; whether there was a warning.
fn report(loaded: &Loaded, options: &Options) -> bool {
    if !options.quiet {
        let pid = std::process::id();
        if !loaded.diagnostics.is_empty() {
            eprint!("{}", version::notices(pid));
        }
        // Whoever closed our standard error does not want to read it.
        let _ = loaded.print(pid, &mut std::io::stderr().lock());
    }
    loaded.has_warnings()
}

fn refuse_warnings() -> ExitCode {
    say!(Alert, "Some warnings were found and 'zero-warning' is set. Aborting.");
    ExitCode::FAILURE
}

fn say_on_stdout(options: &Options, text: &str, code: ExitCode) -> ExitCode {
    if !options.quiet {
        print(&format!("{text}\n"));
    }
    code
}
