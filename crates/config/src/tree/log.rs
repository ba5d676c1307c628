//! Where log lines go, and what is in them.

use crate::address::LogAddress;
use crate::log::{Facility, Level, LogFormat};
use crate::log_format::LogLine;
use crate::log_sample::LogSample;
use crate::source::{Span, Spanned};

/// Which log line a session leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogStyle {
    Tcp,
    Http,
    Format(LogLine),
}

impl LogStyle {
    /// As the file has it.
    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            LogStyle::Tcp => "option tcplog",
            LogStyle::Http => "option httplog",
            LogStyle::Format(_) => "log-format",
        }
    }
}

/// Which sessions leave a line, when, and how severe it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogOptions {
    /// `option dontlognull`.
    pub skips_null: bool,
    /// `option dontlog-normal`.
    pub skips_normal: bool,
    /// `option logasap`.
    pub is_early: bool,
    /// `option log-separate-errors`.
    pub separates_errors: bool,
}

/// One `log` line of a proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Log {
    /// `log global`: the targets of the global section.
    Global(Span),
    Target(LogTarget),
}

/// `log ADDRESS [len N] [format F] [sample RANGES:SIZE] FACILITY [MAX [MIN]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogTarget {
    pub address: Spanned<LogAddress>,
    /// Longest line in bytes, 80 to 65,535; 1,024 unless set.
    pub length_max: u16,
    /// Unset: `rfc3164` if host names are sent, else `local`.
    pub format: Option<LogFormat>,
    /// None: every line is sent.
    pub sample: Option<LogSample>,
    pub facility: Facility,
    /// Lines of this level and more severe ones are sent.
    pub level_max: Level,
    /// Lines more severe than this are sent as if they were of this level.
    pub level_min: Level,
}
