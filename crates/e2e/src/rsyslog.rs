//! A private rsyslogd that receives on a unix datagram socket and writes files.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::needs;
use crate::process;
use crate::wait::{self, SOON};

const TEMPLATE: &str = include_str!("../templates/rsyslog.conf.in");

/// An instance. Dropping it ends its process.
#[derive(Debug)]
pub struct Rsyslog {
    child: Child,
    directory: TempDir,
}

impl Rsyslog {
    /// Whether it can run here; `test` is reported as skipped when it cannot.
    pub fn is_there(test: &str) -> bool {
        needs::is_there(test, "rsyslog", "rsyslogd")
    }

    /// Starts an instance and waits until it receives.
    pub fn start() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let configuration = directory.path().join("rsyslog.conf");
        fs::write(&configuration, TEMPLATE.replace("@DIR@", &directory.path().display().to_string()))
            .expect("room for a configuration");
        let child = Command::new(needs::find("rsyslogd").expect("Rsyslog::is_there was asked"))
            .args(["-n", "-f"])
            .arg(&configuration)
            .arg("-i")
            .arg(directory.path().join("pid"))
            .stdin(Stdio::null())
            .spawn()
            .expect("rsyslogd starts");
        let mut rsyslog = Self { child, directory };
        wait::until("rsyslogd to receive", SOON, || {
            assert!(rsyslog.child.try_wait().expect("our own child").is_none(), "rsyslogd ended");
            rsyslog.socket().exists()
        });
        rsyslog
    }

    /// What stands behind `log` in a configuration.
    pub fn target(&self) -> String {
        self.socket().display().to_string()
    }

    /// Where it writes what is tagged `haproxy`.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("haproxy.log")
    }

    /// Waits until that file has `count` lines that hold `part`, and hands them out.
    pub fn lines_with(&self, part: &str, count: usize) -> Vec<String> {
        wait::value(&format!("{count} lines with {part:?} from rsyslogd"), SOON, || {
            let text = fs::read_to_string(self.file()).unwrap_or_default();
            let lines: Vec<String> = text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect();
            (lines.len() >= count && text.ends_with('\n')).then_some(lines)
        })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        process::end(&mut self.child, Duration::from_secs(2));
    }
}
