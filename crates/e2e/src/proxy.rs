//! The process under test: a subject, its configuration, and what one can see of it from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::client::Client;
use crate::needs::{self, Subject};
use crate::peers::Origin;
use crate::ports::{self, Reservation};
use crate::process;
use crate::wait::{self, SOON};

const CONFIGURATION: &str = "proxy.cfg";

/// The file behind [`Setup::descriptor`].
const DESCRIPTOR: &str = "descriptor";

/// A configuration to be run.
///
/// Its text has places `@name@`. Those that [`Setup::with`] names are replaced by the given value; every other one is a listener:
/// it becomes an address `127.0.0.1:PORT` that belongs to this test. `@threads@` is given unless the test gives it: 1 for
/// haproxy, whose order of events is then fixed, 2 for Tidegate, which must keep that order over shards.
#[derive(Debug)]
pub struct Setup {
    subject: Subject,
    template: String,
    places: Places,
    descriptor_max: Option<u64>,
    descriptor: Option<u32>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Places {
    values: BTreeMap<String, String>,
    listeners: BTreeMap<String, Reservation>,
}

/// What a process that has ended leaves behind.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// What stands before the sections of [`Setup::file`].
const PREAMBLE: &str = "global
        nbthread @threads@
        @global@
    defaults
        timeout connect 2s
        timeout client 10s
        timeout server 10s
        @defaults@
";

/// What [`Setup::relay`] runs.
const RELAY: &str = "global
        nbthread @threads@
        @global@
    defaults
        mode tcp
        timeout connect 2s
        timeout client 30s
        timeout server 30s
    listen px
        bind @px@
        server s1 @s1@";

impl Setup {
    /// `template` is to be run by `subject`.
    pub fn new(subject: Subject, template: &str) -> Self {
        let mut places = Places::default();
        let threads = match subject {
            Subject::Haproxy => 1,
            Subject::Tidegate => 2,
        };
        places.values.insert("threads".to_owned(), threads.to_string());
        Self {
            subject,
            template: template.to_owned(),
            places,
            descriptor_max: None,
            descriptor: None,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// These sections behind a `global` and a `defaults` with these lines, and times that nobody reaches who is not meant to.
    pub fn file(subject: Subject, global: &str, defaults: &str, sections: &str) -> Self {
        let preamble = PREAMBLE.replace("@global@", global).replace("@defaults@", defaults);
        Self::new(subject, &format!("{preamble}{sections}"))
    }

    /// These sections behind a `defaults` with these lines: for tests of what a section says.
    pub fn sections(subject: Subject, defaults: &str, sections: &str) -> Self {
        Self::file(subject, "", defaults, sections)
    }

    /// The same, and the log server `@log@` is told: for tests of what the log says.
    pub fn logged(subject: Subject, defaults: &str, sections: &str) -> Self {
        Self::file(subject, "log @log@ local2", &format!("log global\n{defaults}"), sections)
    }

    /// A listener `px` in front of one server, with these lines in `global`: for tests that are not about routing.
    pub fn relay(subject: Subject, global: &str, origin: &Origin) -> Self {
        Self::new(subject, &RELAY.replace("@global@", global)).with("s1", origin.target())
    }

    /// Puts `value` where the text says `@name@`.
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.places.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// Puts each of these values where the text says its name.
    pub fn with_all<'a>(self, places: impl IntoIterator<Item = &'a (&'a str, String)>) -> Self {
        places.into_iter().fold(self, |setup, (name, value)| setup.with(name, value))
    }

    /// Makes `@name@` a listener on `ip`.
    pub fn listening_on(mut self, name: &str, ip: IpAddr) -> Self {
        self.places.listeners.insert(name.to_owned(), Reservation::new(ip));
        self
    }

    /// Runs it under a limit of `count` descriptors.
    pub fn descriptor_max(mut self, count: u64) -> Self {
        self.descriptor_max = Some(count);
        self
    }

    /// Gives it an open file under the number `descriptor`; [`Proxy::written`] reads it.
    pub fn descriptor(mut self, descriptor: u32) -> Self {
        self.descriptor = Some(descriptor);
        self
    }

    /// Adds an argument to the command line.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Sets a variable of its environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the subject one that reloads on a signal: haproxy needs its master for that, Tidegate always does.
    pub fn reloadable(self) -> Self {
        match self.subject {
            Subject::Haproxy => self.argument("-W"),
            Subject::Tidegate => self,
        }
    }

    /// Starts the subject and waits until it listens wherever its configuration says.
    ///
    /// # Panics
    /// When it ends instead, with what it said.
    pub fn start(self) -> Proxy {
        let mut proxy = self.spawn();
        proxy.wait_listening();
        proxy
    }

    /// Runs the subject until it ends by itself, for what does not start.
    pub fn run_to_end(self) -> Ended {
        let mut proxy = self.spawn();
        let status = proxy.wait_exit(SOON);
        Ended { status, stdout: proxy.stdout(), stderr: proxy.stderr() }
    }

    /// Runs a subject that must not start, and hands out what it said of that to stderr.
    ///
    /// # Panics
    /// When it ends as if all were well.
    pub fn run_to_failure(self) -> String {
        let Ended { status, stderr, .. } = self.run_to_end();
        assert_eq!(status.code(), Some(1), "{stderr}");
        stderr
    }

    fn spawn(mut self) -> Proxy {
        let directory = TempDir::new().expect("a temporary directory");
        let text = self.places.fill(&self.template);
        fs::write(directory.path().join(CONFIGURATION), text).expect("room for a configuration");
        let out = |name: &str| File::create(directory.path().join(name)).expect("room for output");
        let child = self
            .command()
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(["-f", CONFIGURATION])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(out("stdout"))
            .stderr(out("stderr"))
            .spawn()
            .expect("the subject starts");
        Proxy { setup: self, child, directory }
    }

    /// prlimit(1) sets the limit, a shell opens the file, and both become the subject: the pid is the same.
    fn command(&self) -> Command {
        let binary = self.subject.binary();
        match (self.descriptor_max, self.descriptor) {
            (Some(count), _) => {
                let mut command = Command::new(needs::find("prlimit").expect("util-linux is essential in Debian"));
                command.arg(format!("--nofile={count}")).arg("--").arg(binary);
                command
            }
            (None, Some(number)) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("exec \"$0\" \"$@\" {number}>>{DESCRIPTOR}")]).arg(binary);
                command
            }
            (None, None) => Command::new(binary),
        }
    }
}

impl Places {
    /// `template` with every place filled; places that nobody named become listeners.
    fn fill(&mut self, template: &str) -> String {
        let mut text = String::with_capacity(template.len());
        for line in template.lines() {
            let mut parts = line.split('@');
            text.push_str(parts.next().unwrap_or_default());
            while let Some(name) = parts.next() {
                match parts.next() {
                    Some(after) if is_name(name) => {
                        text.push_str(&self.value(name));
                        text.push_str(after);
                    }
                    after => panic!("'{line}': '@{name}' is not a place, followed by {after:?}"),
                }
            }
            text.push('\n');
        }
        text
    }

    fn value(&mut self, name: &str) -> String {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None => self.listeners.entry(name.to_owned()).or_insert_with(Reservation::loopback).address().to_string(),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A subject that runs. Dropping it ends the process and removes its directory.
#[derive(Debug)]
pub struct Proxy {
    setup: Setup,
    child: Child,
    directory: TempDir,
}

impl Proxy {
    /// Starts `template` with nothing to fill in but listeners.
    pub fn start(subject: Subject, template: &str) -> Self {
        Setup::new(subject, template).start()
    }

    /// The subject that runs.
    pub fn subject(&self) -> Subject {
        self.setup.subject
    }

    /// The address of the listener `@name@`.
    ///
    /// # Panics
    /// When the configuration has no such place.
    pub fn address(&self, name: &str) -> SocketAddr {
        self.setup.places.listeners.get(name).unwrap_or_else(|| panic!("no listener @{name}@")).address()
    }

    /// Connects to the listener `@name@`.
    pub fn connect(&self, name: &str) -> Client {
        Client::to(self.address(name))
    }

    /// Connects to the listener `@name@` from 127.0.0.`last`.
    pub fn connect_from(&self, last: u8, name: &str) -> Client {
        Client::from(IpAddr::from([127, 0, 0, last]), self.address(name))
    }

    /// The pid that was started.
    pub fn pid(&self) -> Pid {
        process::pid(&self.child)
    }

    /// Sends it `signal`.
    pub fn signal(&self, signal: Signal) {
        signal::kill(self.pid(), signal).expect("the subject lives");
    }

    /// Sends it `signal` and waits until it has ended.
    pub fn stop_with(&mut self, signal: Signal, limit: Duration) -> ExitStatus {
        self.signal(signal);
        self.wait_exit(limit)
    }

    /// Tells it to read its configuration again: SIGUSR2 to haproxy's master (management guide, section 4), SIGHUP to Tidegate.
    pub fn reload(&self) {
        match self.setup.subject {
            Subject::Haproxy => self.reload_master(),
            Subject::Tidegate => self.signal(Signal::SIGHUP),
        }
    }

    /// A master that has just executed itself again loses signals for a moment. It says when it begins to reload and when it is
    /// done, so it is told until it listens.
    fn reload_master(&self) {
        let count = |part| self.stderr().matches(part).count();
        let begun = || count("Reloading HAProxy");
        let done = || count("Loading success.") + count("Loading failure!");
        wait::until("haproxy's master to be done with the reload before", SOON, || done() == 1 + begun());
        let before = begun();
        wait::until("haproxy's master to begin a reload", SOON, || {
            self.signal(Signal::SIGUSR2);
            wait::within(Duration::from_millis(200), || (begun() > before).then_some(())).is_some()
        });
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it has not within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        process::wait_exit(&mut self.child, limit)
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// What it has written to stdout.
    pub fn stdout(&self) -> String {
        self.output("stdout")
    }

    /// What it has written to stderr.
    pub fn stderr(&self) -> String {
        self.output("stderr")
    }

    /// What it has written to the descriptor of [`Setup::descriptor`].
    pub fn written(&self) -> String {
        self.output(DESCRIPTOR)
    }

    /// The CPU time that it has used.
    pub fn cpu(&self) -> Duration {
        process::cpu(self.pid())
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        process::resident_kib(self.pid())
    }

    /// Lowers its limit of descriptors while it runs: what a shard at its limit meets. prlimit(1) does what only a system call
    /// can, on another process.
    pub fn limit_descriptors(&self, count: u64) {
        let status = Command::new(needs::find("prlimit").expect("util-linux is essential in Debian"))
            .args(["--pid", &self.pid().to_string(), &format!("--nofile={count}:")])
            .status()
            .expect("prlimit runs");
        assert!(status.success(), "prlimit on our own child");
    }

    /// What it was started with, or what replaced it since.
    pub fn template(&self) -> &str {
        &self.setup.template
    }

    /// Replaces the configuration file; listeners with known names keep their addresses.
    pub fn rewrite(&mut self, template: &str) {
        self.setup.template = template.to_owned();
        let text = self.setup.places.fill(template);
        self.overwrite(&text);
    }

    /// Replaces the configuration file by bytes as they are, as an operator's editor may leave it.
    pub fn overwrite(&self, text: &str) {
        let path = self.directory.path().join(CONFIGURATION);
        // Renamed into place: a reload sees the old file or the new one, never half of it.
        let draft = self.directory.path().join("draft");
        fs::write(&draft, text).expect("room for a configuration");
        fs::rename(draft, path).expect("same directory");
    }

    /// Waits until the subject listens on every listener of its configuration.
    ///
    /// # Panics
    /// When it ends instead, with what it said.
    pub fn wait_listening(&mut self) {
        wait::until("the subject to listen", SOON, || {
            if !self.is_running() {
                panic!("the subject ended: {}{}", self.stdout(), self.stderr());
            }
            self.setup.places.listeners.values().all(|listener| ports::listener_count(listener.address()) > 0)
        });
    }

    /// Kills the process and starts it again at once, with the same configuration and listeners. The kernel takes a moment to close
    /// what the dead one held: until then, who connects may reach its sockets, so that is waited for.
    pub fn kill_and_restart(mut self) -> Self {
        let dead = self.listeners();
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
        let nothing = Setup::new(self.subject(), "");
        let again = std::mem::replace(&mut self.setup, nothing).start();
        wait::until("the dead one's sockets to be gone, and its own to be there", SOON, || {
            let now = again.listeners();
            now.is_disjoint(&dead) && !now.is_empty()
        });
        again
    }

    fn listeners(&self) -> BTreeSet<u64> {
        self.setup.places.listeners.values().flat_map(|listener| ports::listeners(listener.address())).collect()
    }

    fn output(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join(name)).expect("created at start")).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        process::end(&mut self.child, Duration::from_secs(2));
        if std::thread::panicking() {
            eprintln!("{:?} said:\n{}{}", self.setup.subject, self.stdout(), self.stderr());
        }
    }
}
