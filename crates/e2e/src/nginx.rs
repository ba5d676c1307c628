//! A private nginx on loopback: one that wants a PROXY header and answers every request with the client's address as it sees it, or
//! one that keeps objects.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::needs;
use crate::ports::{self, Reservation};
use crate::process;
use crate::wait::{self, SOON};

const TEMPLATE: &str = include_str!("../templates/nginx.conf.in");
const SECURE_TEMPLATE: &str = include_str!("../templates/nginx-secure.conf.in");
const STORE_TEMPLATE: &str = include_str!("../templates/nginx-store.conf.in");

/// An instance. Dropping it ends its processes.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    directory: TempDir,
    listener: Reservation,
}

impl Nginx {
    /// Whether it can run here; `test` is reported as skipped when it cannot.
    pub fn is_there(test: &str) -> bool {
        needs::is_there(test, "nginx", "nginx")
    }

    /// Starts an instance that says how it sees its client, and waits until it listens.
    pub fn start() -> Self {
        Self::run(TEMPLATE)
    }

    /// Starts an instance with TLS, which wants to know who its clients are, and waits until it listens. It answers with what both have
    /// agreed on. `certificate`: a file with its key; `authority`: who knows the clients.
    pub fn secure(certificate: &str, authority: &str) -> Self {
        Self::run(&SECURE_TEMPLATE.replace("@CERTIFICATE@", certificate).replace("@AUTHORITY@", authority))
    }

    /// Starts an instance that keeps objects in the directory `store`, which others may share, and waits until it listens.
    pub fn store(store: &Path) -> Self {
        Self::run(&STORE_TEMPLATE.replace("@STORE@", &store.display().to_string()))
    }

    fn run(template: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let listener = Reservation::loopback();
        let text = template
            .replace("@DIR@", &directory.path().display().to_string())
            .replace("@ADDRESS@", &listener.address().to_string());
        let path = directory.path().join("nginx.conf");
        fs::write(&path, text).expect("room for a configuration");
        let child = Command::new(needs::find("nginx").expect("Nginx::is_there was asked"))
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(&path)
            .arg("-e")
            .arg(directory.path().join("error.log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let mut nginx = Self { child, directory, listener };
        wait::until("nginx to listen", SOON, || {
            assert!(nginx.child.try_wait().expect("our own child").is_none(), "nginx ended: {}", nginx.log());
            ports::listener_count(nginx.listener.address()) > 0
        });
        nginx
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.listener.address().to_string()
    }

    /// What a store has noted of the requests that it is done with, checks aside.
    pub fn seen(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default();
        text.lines().filter(|line| !line.starts_with("OPTIONS ")).map(str::to_owned).collect()
    }

    /// Bytes of a content that a store has received and not put into its place yet, as far as they have left its buffers.
    pub fn half_received(&self) -> u64 {
        let files = fs::read_dir(self.directory.path().join("body")).expect("made at its start");
        files.map(|file| file.and_then(|file| file.metadata()).map_or(0, |metadata| metadata.len())).sum()
    }

    /// Ends it in the middle of what it does.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        process::end(&mut self.child, Duration::from_secs(2));
    }
}
