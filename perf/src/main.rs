//! Measures Tidegate beside real peers, on the same work, on the same machine.
//!
//! `perf run` starts each subject in turn with origins behind it and generators before it, and writes one table. The other
//! subcommands are the children that it starts: this same program in another role, so that no process has more connections
//! than it may have descriptors, and that generators and subjects can be pinned apart.
#![forbid(unsafe_code)]

mod certificate;
mod cpus;
mod floor;
mod helper;
mod http;
mod instructions;
mod kernel;
mod launch;
mod line;
mod load;
mod machine;
mod network;
mod origin;
mod pattern;
mod poller;
mod product;
mod proxy;
mod report;
mod results;
mod run;
mod scenario;
mod slots;
mod statistics;
mod stream;
mod subject;
mod tally;
mod tree;
mod trial;
mod wire;

use std::{ffi::OsString, net::SocketAddrV4, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures Tidegate beside haproxy and nginx, on the same work, on the same machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Measure, and write the table.
    Run(run::Wish),
    /// Name the scenarios.
    List,
    /// Count the instructions of single parts.
    Instructions,
    /// An origin; the rig starts it.
    #[command(hide = true)]
    Origin { process: u8 },
    /// A generator; the rig starts it.
    #[command(hide = true)]
    Load { order: String },
    /// A minimal relay.
    #[command(hide = true)]
    Floor {
        means: floor::Means,
        #[arg(long)]
        listen: SocketAddrV4,
        #[arg(long, value_delimiter = ',', required = true)]
        origins: Vec<SocketAddrV4>,
        #[arg(long, default_value_t = 1)]
        shards: usize,
    },
    /// Pin this process, and become another program.
    #[command(hide = true)]
    Launch {
        #[arg(long, value_delimiter = ',', required = true)]
        cpus: Vec<usize>,
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().role.play() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("perf: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Role {
    /// `false` when the role was played to its end and something failed on the way.
    fn play(self) -> Result<bool> {
        match self {
            Role::Run(wish) => return run::run(&wish),
            Role::List => {
                scenario::all(false).iter().for_each(|scenario| println!("{:16} {}", scenario.name, scenario.about))
            }
            Role::Instructions => instructions::count()?,
            Role::Origin { process } => origin::serve(process)?,
            Role::Load { order } => load::generate(&order)?,
            Role::Floor { means, listen, origins, shards } => floor::run(means, listen, &origins, shards)?,
            Role::Launch { cpus, program } => launch::become_program(&cpus, &program)?,
        }
        Ok(true)
    }
}
