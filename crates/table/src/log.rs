//! Where log lines go (`configuration.txt: log`). The table only carries it; formatting and sending is done off the data path.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// One `log` line: a destination with its filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    pub sink: LogSink,
    /// The facility's number (RFC 3164 §4.1.1): 0 is kern, 18 is local2.
    pub facility: u8,
    /// Only lines at least this severe are sent.
    pub level_max: LogLevel,
    /// A line more severe than this is sent as if it were this severe.
    pub level_min: LogLevel,
    /// Longest line in bytes (`len`, 80 to 65535, 1024 by default).
    pub line_len_max: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogSink {
    Udp(SocketAddr),
    /// A datagram socket such as `/dev/log`.
    Unix(Arc<Path>),
    Stdout,
    Stderr,
}

/// A severity (RFC 3164 §4.1.1), the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LogLevel {
    Emerg = 0,
    Alert = 1,
    Crit = 2,
    Err = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    Debug = 7,
}
