//! Tidegate: a TCP load balancer that reads HAProxy's configuration files.
//!
//! This file says what a command line leads to; each step is elsewhere: the command line itself (`args`), the start of what serves
//! (`start`), the configuration and everything that goes on after the start (`control`), the shards' threads (`shards`).
#![forbid(unsafe_code)]

mod args;
mod capacity;
mod demo;
mod descriptors;
mod holder;
mod predecessors;
mod privileges;
mod say;
mod shards;
mod sockets;
mod start;
mod version;

use args::{Command, Options};
use control::{Defaults, Files, KernelTls, Loaded};
use say::say;
use std::io::Write;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::LazyLock;
use table::StateBook;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Command::Run(options) => prepared(&options).unwrap_or_else(|| start::run(&options)),
        Command::Check(options) => prepared(&options).unwrap_or_else(|| check(&options)),
        Command::Condition(expression) => ask(&expression),
        Command::Version => print(&version::short()),
        Command::VersionLong => print(&version::long()),
        Command::VersionBare(bare) => print(&version::bare(bare)),
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
        Command::Invalid(complaint) => {
            say!(Alert, "{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    // Whoever closed our output does not want to read it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// What the command line asks for before any file is read. `Some`: it could not be done.
fn prepared(options: &Options) -> Option<ExitCode> {
    if !options.is_quiet {
        for (option, why) in &options.without_effect {
            say!(Notice, "option '{option}' has no effect in Tidegate: {why}");
        }
    }
    let directory = options.directory.as_ref()?;
    let errno = nix::unistd::chdir(directory).err()?;
    say!(Alert, "Could not change to directory {} : {}", directory.display(), errno.desc());
    Some(ExitCode::FAILURE)
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
    let loaded = load(options, &mut StateBook::new(1), u32::MAX);
    let has_warnings = report(&loaded, options);
    let Some(table) = &loaded.table else { return ExitCode::FAILURE };
    if has_warnings && options.is_zero_warning {
        return refuse_warnings();
    }
    if !loaded.has_listener {
        return say_on_stdout(
            options,
            "Configuration file has no error but will not start (no listener) => exit(2).",
            ExitCode::from(EXIT_NO_LISTENER),
        );
    }
    // Where it will run may have other limits, so this does not make the file a bad one.
    if let Err(shortage) = capacity::look(&loaded, table)
        && !options.is_quiet
    {
        say!(Warning, "[tidegate.main()] {shortage}");
    }
    if has_warnings {
        return say_on_stdout(options, "Warnings were found.", ExitCode::SUCCESS);
    }
    if options.is_verbose {
        return say_on_stdout(options, "Configuration file is valid", ExitCode::SUCCESS);
    }
    ExitCode::SUCCESS
}

/// Reads the files; where they say nothing, the process takes `capacity` connections.
fn load(options: &Options, book: &mut StateBook, capacity: u32) -> Loaded {
    control::load(&files(options), book, 1, &defaults(options, capacity))
}

fn files(options: &Options) -> Files {
    Files {
        paths: options.files.clone(),
        local_peer: options.local_peer.clone(),
        is_master: options.is_master,
        master_socket: options.master_socket.clone(),
    }
}

fn defaults(options: &Options, capacity: u32) -> Defaults {
    let maxconn_forced = options.maxconn.filter(|&maxconn| maxconn > 0);
    Defaults {
        maxconn: capacity,
        maxconn_forced,
        frontend_maxconn: options.frontend_maxconn.and_then(NonZeroU32::new),
        is_splice_off: options.is_splice_off,
        is_v4_only: options.is_v4_only,
        kernel_tls: kernel_tls(),
    }
}

/// Asked once, while the process may still have the kernel load what it takes.
fn kernel_tls() -> KernelTls {
    static ANSWER: LazyLock<KernelTls> = LazyLock::new(|| match socket::probe_tls() {
        Ok(()) => KernelTls::Present,
        Err(errno) => KernelTls::Absent(errno),
    });
    *ANSWER
}

/// Prints what was found in the files; whether there was a warning.
fn report(loaded: &Loaded, options: &Options) -> bool {
    if !options.is_quiet {
        let pid = std::process::id();
        if !loaded.diagnostics.is_empty() {
            eprint!("{}", version::notices(pid));
        }
        // Whoever closed our standard error does not want to read it.
        let _ = loaded.print(pid, options.is_diagnosing, &mut std::io::stderr().lock());
    }
    loaded.has_warnings()
}

fn refuse_warnings() -> ExitCode {
    say!(Alert, "Some warnings were found and 'zero-warning' is set. Aborting.");
    ExitCode::FAILURE
}

fn say_on_stdout(options: &Options, text: &str, code: ExitCode) -> ExitCode {
    if !options.is_quiet {
        print(&format!("{text}\n"));
    }
    code
}
