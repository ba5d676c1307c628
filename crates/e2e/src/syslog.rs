//! A log server: receives datagrams over UDP or on a unix socket and keeps them.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::mask;
use crate::wait::{self, SOON};

/// More datagrams than a scenario makes; what comes above is dropped, as a real log server does.
const DATAGRAM_COUNT_MAX: usize = 100_000;

/// A log server on loopback. It ends with the test process.
#[derive(Debug)]
pub struct LogServer {
    target: String,
    datagrams: Arc<Mutex<Vec<Vec<u8>>>>,
    _directory: Option<TempDir>,
}

impl LogServer {
    /// One that listens on a UDP port.
    pub fn udp() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a UDP port");
        let target = socket.local_addr().expect("bound").to_string();
        let datagrams = Arc::default();
        keep(Arc::clone(&datagrams), move |buffer| socket.recv(buffer));
        Self { target, datagrams, _directory: None }
    }

    /// One that listens on a unix datagram socket, as /dev/log is.
    pub fn unix() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("log");
        let socket = UnixDatagram::bind(&path).expect("a unix socket");
        let datagrams = Arc::default();
        keep(Arc::clone(&datagrams), move |buffer| socket.recv(buffer));
        Self { target: path.display().to_string(), datagrams, _directory: Some(directory) }
    }

    /// What stands behind `log` in a configuration: `127.0.0.1:PORT` or a path.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The datagrams so far, as they arrived.
    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        self.datagrams.lock().expect("the receiver does not panic").clone()
    }

    /// The lines so far, one per datagram, without line end.
    pub fn lines(&self) -> Vec<String> {
        self.datagrams().iter().map(|bytes| String::from_utf8_lossy(bytes).trim_end().to_owned()).collect()
    }

    /// Waits for a line that holds `part` and hands out the first one.
    pub fn line_with(&self, part: &str) -> String {
        self.lines_with(part, 1).swap_remove(0)
    }

    /// Waits for `count` lines that hold `part` and hands them out in the order of arrival.
    pub fn lines_with(&self, part: &str, count: usize) -> Vec<String> {
        wait::value(&format!("{count} log lines with {part:?}"), SOON, || {
            let lines: Vec<String> = self.lines().into_iter().filter(|line| line.contains(part)).collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    /// Waits for a line that holds `part` and hands it out with what varies masked ([`mask::line`]).
    pub fn masked(&self, part: &str) -> String {
        mask::line(&self.line_with(part))
    }

    /// The same, without what stands before the end of the date at which a client was accepted.
    pub fn behind_date(&self, part: &str) -> String {
        self.masked(part).split_once("[DATE] ").expect("an accept date").1.to_owned()
    }
}

/// A unix datagram socket that nobody reads: its queue fills and stays full.
#[derive(Debug)]
pub struct DeafLogServer {
    directory: TempDir,
    _socket: UnixDatagram,
}

impl DeafLogServer {
    /// One in a directory of its own.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let socket = UnixDatagram::bind(directory.path().join("log")).expect("a unix socket");
        Self { directory, _socket: socket }
    }

    /// What stands behind `log` in a configuration.
    pub fn target(&self) -> String {
        self.directory.path().join("log").display().to_string()
    }
}

impl Default for DeafLogServer {
    fn default() -> Self {
        Self::new()
    }
}

fn keep(datagrams: Arc<Mutex<Vec<Vec<u8>>>>, receive: impl Fn(&mut [u8]) -> std::io::Result<usize> + Send + 'static) {
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            match receive(&mut buffer) {
                Ok(count) => {
                    let mut datagrams = datagrams.lock().expect("readers do not panic under the lock");
                    if datagrams.len() < DATAGRAM_COUNT_MAX {
                        datagrams.push(buffer[..count].to_vec());
                    }
                }
                // Nothing that a sender does makes a bound datagram socket fail for good.
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    });
}
