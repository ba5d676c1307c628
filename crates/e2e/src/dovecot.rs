//! A private Dovecot 2.3 on loopback whose listeners want a PROXY header.

use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use tempfile::TempDir;

use crate::needs;
use crate::ports::{self, Reservation};
use crate::process;
use crate::wait::{self, SOON};

/// The user that every instance has.
pub const USER: &str = "alice";
/// Her password.
pub const PASSWORD: &str = "secret";

const TEMPLATE: &str = include_str!("../templates/dovecot.conf.in");

/// Whether passwords may cross an unencrypted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// `disable_plaintext_auth = yes`: refused unless the PROXY header says that the client used TLS.
    Refused,
    /// `disable_plaintext_auth = no`.
    Allowed,
}

/// An instance. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct Dovecot {
    child: Child,
    directory: TempDir,
    imap: Reservation,
    pop3: Reservation,
    lmtp: Reservation,
}

impl Dovecot {
    /// Whether it can run here; `test` is reported as skipped when it cannot.
    pub fn is_there(test: &str) -> bool {
        // The package of each service brings its binary; that of any brings the daemon.
        [("dovecot-imapd", "imap"), ("dovecot-pop3d", "pop3"), ("dovecot-lmtpd", "lmtp")].iter().all(
            |(package, service)| {
                needs::is_installed(test, package, Path::new("/usr/lib/dovecot").join(service).is_file())
            },
        )
    }

    /// Starts an instance with an empty mailbox for [`USER`] and waits until it listens.
    pub fn start(plaintext: Plaintext) -> Self {
        Self::start_with(plaintext, "")
    }

    /// The same, with these lines at the end of its configuration.
    pub fn start_with(plaintext: Plaintext, more: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let (imap, pop3, lmtp, plain) =
            (Reservation::loopback(), Reservation::loopback(), Reservation::loopback(), Reservation::loopback());
        prepare(directory.path());
        let mut text = TEMPLATE.replace("@DIR@", &directory.path().display().to_string());
        for (place, port) in [("@IMAP@", &imap), ("@POP3@", &pop3), ("@LMTP@", &lmtp), ("@IMAP_PLAIN@", &plain)] {
            text = text.replace(place, &port.address().port().to_string());
        }
        if plaintext == Plaintext::Allowed {
            text.push_str("disable_plaintext_auth = no\n");
        }
        text.push_str(more);
        let path = directory.path().join("dovecot.conf");
        fs::write(&path, text).expect("room for a configuration");
        let output = File::create(directory.path().join("output")).expect("room for output");
        let child = Command::new(needs::find("dovecot").expect("Dovecot::is_there was asked"))
            .arg("-F")
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second descriptor"))
            .stderr(output)
            .spawn()
            .expect("dovecot starts");
        let mut dovecot = Self { child, directory, imap, pop3, lmtp };
        wait::until("dovecot to listen", SOON, || {
            assert!(dovecot.child.try_wait().expect("our own child").is_none(), "dovecot ended: {}", dovecot.log());
            [dovecot.imap(), dovecot.pop3(), dovecot.lmtp()]
                .into_iter()
                .all(|address| ports::listener_count(address) > 0)
        });
        dovecot
    }

    /// Where it speaks IMAP.
    pub fn imap(&self) -> SocketAddr {
        self.imap.address()
    }

    /// Where it speaks POP3.
    pub fn pop3(&self) -> SocketAddr {
        self.pop3.address()
    }

    /// Where it speaks LMTP.
    pub fn lmtp(&self) -> SocketAddr {
        self.lmtp.address()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        ["log", "output"]
            .iter()
            .filter_map(|name| fs::read(self.directory.path().join(name)).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// Waits for a log line that holds all of `parts` and hands it out.
    pub fn log_line(&self, parts: &[&str]) -> String {
        wait::value(&format!("a line with {parts:?} in the log of dovecot"), SOON, || {
            self.log().lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        })
    }

    /// Ends it as an operator would, sessions included; nobody listens afterwards.
    pub fn stop(&mut self) {
        signal::kill(process::pid(&self.child), Signal::SIGTERM).expect("dovecot lives");
        process::wait_exit(&mut self.child, SOON);
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        process::end(&mut self.child, Duration::from_secs(5));
        if std::thread::panicking() {
            eprintln!("dovecot said:\n{}", self.log());
        }
    }
}

/// Dovecot's processes run as nobody and have to reach what is theirs.
fn prepare(directory: &Path) {
    let set_mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
    set_mode(directory, 0o755);
    for name in ["run", "state", "mail"] {
        fs::create_dir(directory.join(name)).expect("an empty directory");
        set_mode(&directory.join(name), 0o777);
    }
    fs::write(directory.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).expect("room for a user");
    set_mode(&directory.join("users"), 0o644);
}
