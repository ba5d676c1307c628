//! Where log lines go and what surrounds them (`configuration.txt: log`). The table only carries it; formatting and sending is done
//! off the data path.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// One `log` line: a destination with its filter. Its lines carry one tag, so proxies with tags of their own have targets of their own.
#[derive(Debug)]
pub struct LogTarget {
    pub sink: LogSink,
    pub envelope: Envelope,
    /// The facility's number (RFC 3164 §4.1.1): 0 is kern, 18 is local2.
    pub facility: u8,
    /// Only lines at least this severe are sent.
    pub level_max: LogLevel,
    /// A line more severe than this is sent as if it were this severe.
    pub level_min: LogLevel,
    /// Longest line in bytes, header and newline included (`len`, 80 to 65535, 1024 by default).
    pub line_len_max: u16,
    /// The name of the process in syslog's headers (`log-tag`).
    pub tag: Arc<str>,
    pub host: LogHost,
    /// None: every line is sent.
    pub sample: Option<Sample>,
}

/// HAProxy's name in syslog. rsyslog's rules and halog go by it.
pub const LOG_TAG: &str = "haproxy";

impl LogTarget {
    /// What a bare `log SINK local0` is.
    pub fn to(sink: LogSink) -> LogTarget {
        LogTarget {
            sink,
            envelope: Envelope::Local,
            facility: 16,
            level_max: LogLevel::Debug,
            level_min: LogLevel::Emerg,
            line_len_max: 1024,
            tag: LOG_TAG.into(),
            host: LogHost::Unsent,
            sample: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogSink {
    Udp(SocketAddr),
    /// A datagram socket such as `/dev/log`.
    Unix(Arc<Path>),
    Stdout,
    Stderr,
    /// Any other descriptor that the process was started with (`fd@N`).
    Inherited(i32),
}

/// What stands in front of a line's text (`configuration.txt: log`, `<format>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// RFC 3164 without the host name.
    Local,
    Rfc3164,
    Rfc5424,
    /// `<PRI>` and the text.
    Priority,
    /// The level in brackets and the text: what systemd's journal reads.
    Short,
    /// The level in brackets, the ISO date, the text.
    Timed,
    /// The ISO date and the text.
    Iso,
    /// The text alone.
    Raw,
}

/// The host name in syslog's headers (`log-send-hostname`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogHost {
    /// RFC 3164 needs one and gets `localhost`, RFC 5424 gets none.
    Unsent,
    /// The system's.
    System,
    Named(Arc<str>),
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

/// Which lines of a target are sent (`sample RANGES:SIZE`): of every `size` in a row those whose number, from 1, is in a range.
///
/// The number is counted by whoever writes lines, and begins anew with each table.
#[derive(Debug)]
pub struct Sample {
    /// First and last number of each, inclusive.
    ranges: Box<[(u32, u32)]>,
    size: u32,
    counted: AtomicU32,
}

impl Sample {
    /// # Panics
    /// If `size` is 0.
    pub fn new(ranges: &[(u32, u32)], size: u32) -> Sample {
        assert!(size > 0, "a sample is taken of something");
        Sample { ranges: ranges.into(), size, counted: AtomicU32::new(0) }
    }

    /// Counts one more line; answers whether it is to be sent.
    pub fn takes_next(&self) -> bool {
        let counted = self.counted.fetch_update(Relaxed, Relaxed, |counted| Some((counted + 1) % self.size));
        let number = counted.expect("the closure always answers") + 1;
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy 2.6.12 sent these of the lines 1 to 11.
    #[test]
    fn samples() {
        let check = |ranges: &[(u32, u32)], size, expected: &[usize]| {
            let sample = Sample::new(ranges, size);
            let taken: Vec<usize> = (1..=11).filter(|_| sample.takes_next()).collect();
            assert_eq!(taken, expected, "{ranges:?}:{size}");
        };
        check(&[(2, 2)], 3, &[2, 5, 8, 11]);
        check(&[(1, 1), (3, 4)], 5, &[1, 3, 4, 6, 8, 9, 11]);
        check(&[(3, 3), (1, 1)], 4, &[1, 3, 5, 7, 9, 11]);
        check(&[(1, 1)], 1, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
}
