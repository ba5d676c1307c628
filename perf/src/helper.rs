//! The rig's end of the line to an origin or a generator: a child process that answers in JSON.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;

use crate::launch;

/// How long a child may take to do what it was asked to, when that needs nobody else.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A child of this very program.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
}

impl Helper {
    /// Starts `perf ARGUMENTS…` on `cpus`.
    pub(crate) fn start(cpus: &[usize], arguments: &[&str]) -> Result<Self> {
        let program = std::env::current_exe().context("where this program lies")?.into_os_string();
        let all = std::iter::once(program).chain(arguments.iter().map(OsString::from));
        let mut child = launch::command(cpus, all)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the child's standard output is a pipe")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Helper { child, stdin, lines, name: arguments.first().map_or_else(String::new, ToString::to_string) })
    }

    /// Asks for the counts; [`answer`](Self::answer) has them.
    pub(crate) fn ask(&mut self) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the line is open until the helper is dropped")?;
        stdin.write_all(b"?\n").with_context(|| format!("{} is gone", self.name))
    }

    pub(crate) fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.answer_within(ANSWER_MAX)
    }

    pub(crate) fn answer_within<T: DeserializeOwned>(&mut self, patience: Duration) -> Result<T> {
        let line = match self.lines.recv_timeout(patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => bail!("{} has not answered for {patience:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(anyhow!("{} ended with {}", self.name, self.child.wait()?));
            }
        };
        serde_json::from_str(&line).with_context(|| format!("what {} answered", self.name))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The end of its input tells it to end. A generator with a great many connections takes its time to close them.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
