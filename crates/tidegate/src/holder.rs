//! Who listens on an address already. As far as one may see: for a message to the operator, not for a decision that must be right.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A process that listens where we want to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pid: u32,
    command: String,
}

/// The process that listens on exactly this address. `None`: nobody does, or it cannot be seen who.
pub(crate) fn of(address: SocketAddr) -> Option<Holder> {
    let (table, local) = match address {
        SocketAddr::V4(v4) => ("/proc/net/tcp", kernel_hex(&v4.ip().octets())),
        SocketAddr::V6(v6) => ("/proc/net/tcp6", kernel_hex(&v6.ip().octets())),
    };
    let local = format!("{local}:{:04X}", address.port());
    // Line by line: a busy machine has tens of thousands of them, and the process would keep the memory for all.
    let lines = BufReader::new(File::open(table).ok()?).lines().map_while(Result::ok);
    let links: Vec<PathBuf> = lines.filter_map(|line| inode(&line, &local).map(link)).collect();
    if links.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok());
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pid = pids.into_iter().find(|&pid: &u32| holds(pid, &links))?;
    Some(Holder { pid, command: command(pid) })
}

/// The inode of a line's socket, if it listens on `local` (proc(5): `sl local_address rem_address st … inode`; state 0A is LISTEN).
fn inode<'a>(line: &'a str, local: &str) -> Option<&'a str> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let is_listener = words.next() == Some(local) && words.nth(1) == Some("0A");
    is_listener.then(|| words.nth(5)).flatten()
}

fn link(inode: &str) -> PathBuf {
    format!("socket:[{inode}]").into()
}

/// Threads may have file tables of their own, as ours do.
fn holds(pid: u32, links: &[PathBuf]) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let files =
        tasks.flat_map(|task| fs::read_dir(task.path().join("fd")).into_iter().flatten().filter_map(Result::ok));
    files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| links.contains(&file))
}

fn command(pid: u32) -> String {
    let words = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
    let words: Vec<_> =
        words.split(|&byte| byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    words.join(" ")
}

/// An address as the kernel prints it: 32-bit words in the byte order of the machine.
fn kernel_hex(octets: &[u8]) -> String {
    let words = octets.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
    words.map(|word| format!("{word:08X}")).collect()
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Holder { pid, command } = self;
        write!(f, "Process {pid} ({command}) listens there. Stop it, or take over from it with '-sf {pid}'.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn this_process_is_found_where_it_listens() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(any) else { continue };
            let address = listener.local_addr().expect("bound");
            let holder = of(address).expect("somebody listens");
            assert_eq!(holder.pid, std::process::id());
            assert!(!holder.command.is_empty());
            drop(listener);
            assert_eq!(of(address), None);
        }
    }
}
