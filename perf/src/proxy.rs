//! The subject as a running process: started, known to relay, reloaded, and ended with everything it has started.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddrV4, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    http::{Arrival, Incoming, Outgoing},
    launch,
    pattern::PATTERN,
    stream::Scratch,
    subject::{Job, Subject},
    tree,
    wire::{TlsClient, Wires},
};

/// How long a subject may take until it relays, and how long to end when asked to.
const START_MAX: Duration = Duration::from_secs(10);
const STOP_MAX: Duration = Duration::from_secs(2);

/// Between two looks at something that takes a moment.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A subject that runs. Without a process it is the origins themselves.
pub(crate) struct Proxy {
    child: Option<Child>,
    output: PathBuf,
    /// Where clients connect to.
    pub(crate) targets: Vec<SocketAddrV4>,
}

impl Proxy {
    /// Starts the subject on `cpus`, and returns when a message has gone through it and back.
    pub(crate) fn start(subject: &dyn Subject, job: &Job, tls: Option<TlsClient>, cpus: &[usize]) -> Result<Self> {
        let output = job.directory.join("output");
        let Some(program) = subject.command(job)? else {
            return Ok(Proxy { child: None, output, targets: job.origins.clone() });
        };
        let file = File::create(&output)?;
        let child = launch::command(cpus, program)?.stdout(file.try_clone()?).stderr(file).spawn()?;
        let mut proxy = Proxy { child: Some(child), output, targets: vec![job.listen] };
        let wires = Wires::new(tls);
        proxy.wait_until(|| if job.http.is_some() { answers(job.listen) } else { relays(job.listen, &wires) })?;
        Ok(proxy)
    }

    /// The root of its process tree.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.child.as_ref().map(|child| child.id().cast_signed())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        match self.pid() {
            Some(pid) => kill(Pid::from_raw(pid), signal).context("signal the subject"),
            None => Ok(()),
        }
    }

    /// An error with its last words when it is no longer there.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        match child.try_wait()? {
            Some(status) => bail!("{}", last_words(status, &self.output)),
            None => Ok(()),
        }
    }

    fn wait_until(&mut self, serves: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        while !serves() {
            self.check_alive()?;
            if Instant::now() > deadline {
                bail!("it does not relay {START_MAX:?} after its start; it said: {}", tail(&self.output));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Workers of a master outlive it when it is killed: they are remembered first.
        let members = tree::members(child.id().cast_signed());
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = child.kill();
        let _ = child.wait();
        for pid in members.into_iter().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// A port of loopback that nobody listens on: taken for a moment and given back, since a proxy wants to bind it itself.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether a message sent to `address` comes back.
fn relays(address: SocketAddrV4, wires: &Wires) -> bool {
    let message = PATTERN.message(0, 0, 64);
    let attempt = || -> std::io::Result<bool> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut wire = wires.over(socket);
        wire.write_all(message)?;
        let mut echo = [0; 64];
        wire.read_exact(&mut echo)?;
        Ok(echo == *message)
    };
    attempt().unwrap_or(false)
}

/// Whether a request for nothing is answered.
fn answers(address: SocketAddrV4) -> bool {
    let attempt = || -> std::io::Result<bool> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        Outgoing::request("GET", 0, true).pump(&socket)?;
        let arrival = Incoming::default().read(&socket, &mut Scratch::new());
        Ok(matches!(arrival, Arrival::Whole(message) if message.is_ok))
    };
    attempt().unwrap_or(false)
}

fn last_words(status: ExitStatus, output: &Path) -> String {
    format!("it ended with {status}; it said: {}", tail(output))
}

/// The last lines of a file, on one line.
fn tail(path: &Path) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines[lines.len().saturating_sub(6)..].join(" / ") }
}
