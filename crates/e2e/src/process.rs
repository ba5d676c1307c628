//! What the kernel tells about a process (proc(5)), and ending one by its pid.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use nix::sys::resource::{self, Resource};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::wait;

/// The unit of times in /proc/PID/stat: USER_HZ, which is 100 on every architecture that Linux lets us run on.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time that the threads of `pid` have used so far, in user space and in the kernel.
pub fn cpu(pid: Pid) -> Duration {
    let stat = read(pid, "stat");
    // The name in parentheses may hold blanks; what follows it are fields 3 and up, utime and stime are 14 and 15.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u32 =
        after_name.split_ascii_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// The resident memory of `pid` in KiB.
pub fn resident_kib(pid: Pid) -> u64 {
    let status = read(pid, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a live process has VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("VmRSS is a number")
}

/// The names of the threads of `pid`, sorted.
pub fn threads(pid: Pid) -> Vec<String> {
    let mut names: Vec<String> = tasks(pid)
        .filter_map(|task| fs::read_to_string(task.join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect();
    names.sort();
    names
}

/// How many descriptors the threads of `pid` hold, over all their file tables: a thread may have one of its own.
pub fn descriptor_count(pid: Pid) -> usize {
    tasks(pid).map(|task| fs::read_dir(task.join("fd")).map_or(0, Iterator::count)).max().unwrap_or(0)
}

/// What the standard streams of all threads of `pid` are, each once: a thread may have a file table of its own.
pub fn standard_streams(pid: Pid) -> Vec<PathBuf> {
    let streams = tasks(pid).flat_map(|task| [0, 1, 2].map(|number| task.join(format!("fd/{number}"))));
    let mut found: Vec<PathBuf> = streams.filter_map(|stream| fs::read_link(stream).ok()).collect();
    found.sort();
    found.dedup();
    found
}

/// The name of each thread of `pid`, and the CPUs that it may run on.
pub fn affinities(pid: Pid) -> Vec<(String, String)> {
    let look = |task: PathBuf| {
        let status = fs::read_to_string(task.join("status")).ok()?;
        Some((field(&status, "Name:")?, field(&status, "Cpus_allowed_list:")?))
    };
    tasks(pid).filter_map(look).collect()
}

/// Who the threads of `pid` are: the fields `Uid`, `Gid`, `Groups` and `CapEff` of each, equal ones once.
pub fn identities(pid: Pid) -> Vec<[String; 4]> {
    let look = |task: PathBuf| {
        let status = fs::read_to_string(task.join("status")).ok()?;
        let field = |name| field(&status, name);
        Some([field("Uid:")?, field("Gid:")?, field("Groups:")?, field("CapEff:")?])
    };
    let mut found: Vec<[String; 4]> = tasks(pid).filter_map(look).collect();
    found.sort();
    found.dedup();
    found
}

/// The name of each thread of `pid`, and its root directory.
pub fn roots(pid: Pid) -> Vec<(String, PathBuf)> {
    let look = |task: PathBuf| {
        let name = fs::read_to_string(task.join("comm")).ok()?;
        Some((name.trim_end().to_owned(), fs::read_link(task.join("root")).ok()?))
    };
    tasks(pid).filter_map(look).collect()
}

/// What one thread holds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFiles {
    /// The thread's name.
    pub thread: String,
    /// Each descriptor as a path that leads to what it is open on, and the kernel's name of that: `socket:[INODE]`,
    /// `pipe:[INODE]`, a path.
    pub files: Vec<(PathBuf, String)>,
}

impl OpenFiles {
    /// How many descriptors are of the kind `socket`, `pipe` and so on.
    pub fn count(&self, kind: &str) -> usize {
        self.of(kind).count()
    }

    /// The paths of those of one kind.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Path> {
        let kind = format!("{kind}:[");
        self.files.iter().filter(move |(_, name)| name.starts_with(&kind)).map(|(path, _)| path.as_path())
    }
}

/// What the threads of `pid` hold open, by name of the thread. Threads that share a table show the same.
pub fn open_files(pid: Pid) -> Vec<OpenFiles> {
    let of = |task: PathBuf| {
        let thread = fs::read_to_string(task.join("comm")).ok()?.trim_end().to_owned();
        // A descriptor that is closed while one looks is not there.
        let entries = fs::read_dir(task.join("fd")).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let files = entries.filter_map(|path| Some((fs::read_link(&path).ok()?.display().to_string(), path)));
        Some(OpenFiles { thread, files: files.map(|(name, path)| (path, name)).collect() })
    };
    let mut all: Vec<OpenFiles> = tasks(pid).filter_map(of).collect();
    all.sort_by(|one, other| one.thread.cmp(&other.thread));
    all
}

/// The processes that `pid` has started and that live.
pub fn children(pid: Pid) -> Vec<Pid> {
    tasks(pid)
        .filter_map(|task| fs::read_to_string(task.join("children")).ok())
        .flat_map(|line| line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<i32>>())
        .map(Pid::from_raw)
        .collect()
}

/// Whether `pid` is a process that has not ended.
pub fn is_alive(pid: Pid) -> bool {
    signal::kill(pid, None).is_ok()
}

/// Raises this process's soft limit of descriptors to the hard one and hands that out: children inherit it.
pub fn raise_descriptor_limit() -> u64 {
    let (_, hard) = resource::getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    resource::setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit everyone may");
    hard
}

/// The process id of `child`.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a pid is a positive int"))
}

/// Waits until `child` has ended.
///
/// # Panics
/// When it has not within `limit`.
pub fn wait_exit(child: &mut Child, limit: Duration) -> ExitStatus {
    wait::value("the process to end", limit, || child.try_wait().expect("our own child"))
}

/// Ends `child` and what it started: politely first, so that a master takes its workers along, then for certain.
pub fn end(child: &mut Child, limit: Duration) {
    let pid = pid(child);
    let offspring: Vec<Pid> =
        children(pid).into_iter().flat_map(|child| [children(child), vec![child]].concat()).collect();
    if child.try_wait().expect("our own child").is_none() {
        // It may have ended meanwhile; then there is nobody to tell.
        let _ = signal::kill(pid, Signal::SIGTERM);
        let _ = wait::within(limit, || child.try_wait().expect("our own child"));
        let _ = child.kill();
        child.wait().expect("our own child");
    }
    for pid in offspring {
        let _ = signal::kill(pid, Signal::SIGKILL);
    }
}

/// A process that is nobody's child, such as a daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Stray(Pid);

impl Stray {
    /// The one that a pid file names.
    pub fn named_in(pidfile: &Path) -> Self {
        let text = fs::read_to_string(pidfile).unwrap_or_else(|error| panic!("{}: {error}", pidfile.display()));
        Self(Pid::from_raw(text.trim_end().parse().expect("one pid and a newline")))
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Ends it politely.
    pub fn end(&self) {
        signal::kill(self.0, Signal::SIGTERM).expect("it lives");
        wait::until("the daemon to end", wait::SOON, || !is_alive(self.0));
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        if is_alive(self.0) {
            let _ = signal::kill(self.0, Signal::SIGKILL);
        }
    }
}

/// What stands behind `name` in a status file.
fn field(status: &str, name: &str) -> Option<String> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

fn tasks(pid: Pid) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn read(pid: Pid, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_else(|error| panic!("/proc/{pid}/{file}: {error}"))
}

/// Packets that the kernel has received and had no room for, since it was started (the second column of
/// `/proc/net/softnet_stat`, one line per CPU).
pub fn packets_dropped() -> u64 {
    let text = fs::read_to_string("/proc/net/softnet_stat").expect("proc is mounted");
    let dropped = text.lines().filter_map(|line| line.split_ascii_whitespace().nth(1));
    dropped.map(|number| u64::from_str_radix(number, 16).expect("hexadecimal")).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself() {
        let me = Pid::this();
        assert!(resident_kib(me) > 100);
        assert!(!threads(me).is_empty());
        assert!(descriptor_count(me) >= 3);
        assert!(is_alive(me));
    }

    #[test]
    fn ending_takes_the_children_along() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 600 & wait"]).spawn().expect("sh");
        let shell_pid = pid(&shell);
        let sleeper = wait::value("the child", wait::SOON, || children(shell_pid).first().copied());
        end(&mut shell, wait::SOON);
        wait::until("the grandchild to be gone", wait::SOON, || {
            fs::read_to_string(format!("/proc/{sleeper}/stat")).is_ok_and(|stat| stat.contains(") Z "))
                || !is_alive(sleeper)
        });
    }
}
