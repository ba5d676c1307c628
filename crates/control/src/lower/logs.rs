//! Log targets: each once, however many proxies write to it.

use super::Lowering;
use config::{Lead, LogAddress, Proxy, Spanned, Stage};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use table::{LogLevel, LogSink, LogTarget};

/// The targets of a table, and where each of them is in it.
#[derive(Default)]
pub(super) struct LogTargets {
    targets: Vec<LogTarget>,
    places: HashMap<Key, usize>,
}

/// Everything that makes two targets differ: sink, facility, both levels, length.
type Key = (LogSink, u8, LogLevel, LogLevel, u16);

impl LogTargets {
    pub(super) fn into_targets(self) -> Vec<LogTarget> {
        self.targets
    }

    fn place(&mut self, target: LogTarget) -> usize {
        let LogTarget { sink, facility, level_max, level_min, line_len_max } = &target;
        let key = (sink.clone(), *facility, *level_max, *level_min, *line_len_max);
        *self.places.entry(key).or_insert_with(|| {
            self.targets.push(target);
            self.targets.len() - 1
        })
    }
}

impl Lowering<'_> {
    /// The places of a proxy's targets, those of `log global` included.
    pub(super) fn log_targets(&mut self, proxy: &Proxy) -> Vec<usize> {
        let config = self.config;
        config.logs_of(proxy).filter_map(|log| self.log_target(log)).collect()
    }

    /// None if its host has no address; that has been reported.
    fn log_target(&mut self, log: &config::LogTarget) -> Option<usize> {
        let target = LogTarget {
            sink: self.sink(&log.address)?,
            facility: log.facility as u8,
            level_max: level(log.level_max),
            level_min: level(log.level_min),
            line_len_max: log.length_max,
        };
        Some(self.log_targets.place(target))
    }

    fn sink(&mut self, address: &Spanned<LogAddress>) -> Option<LogSink> {
        match &address.value {
            LogAddress::Udp { host, port } => match self.resolver.ip(host) {
                Ok(ip) => Some(LogSink::Udp(SocketAddr::new(ip, *port))),
                Err(name) => {
                    let message = format!("log : invalid address: '{name}' in '{}'", self.text(address.span));
                    self.blame(address, message, Stage::Parsing);
                    None
                }
            },
            LogAddress::Unix(path) => Some(LogSink::Unix(Path::new(path).into())),
            LogAddress::Abstract(name) => {
                let path = [b"\0", name.as_bytes()].concat();
                Some(LogSink::Unix(Path::new(OsStr::from_bytes(&path)).into()))
            }
            LogAddress::Stdout => Some(LogSink::Stdout),
            LogAddress::Stderr => Some(LogSink::Stderr),
            LogAddress::Descriptor(number) => {
                let message = format!("'log fd@{number}' is not supported by Tidegate yet");
                self.blame(address, message, Stage::Serving);
                None
            }
        }
    }

    /// A global target is looked at once per proxy, and blamed once.
    fn blame(&mut self, address: &Spanned<LogAddress>, message: String, stage: Stage) {
        if !self.diagnostics.iter().any(|known| known.span == Some(address.span)) {
            self.alert(stage, Lead::Spaced, address.span, message);
        }
    }
}

fn level(level: config::LogLevel) -> LogLevel {
    match level {
        config::LogLevel::Emerg => LogLevel::Emerg,
        config::LogLevel::Alert => LogLevel::Alert,
        config::LogLevel::Crit => LogLevel::Crit,
        config::LogLevel::Err => LogLevel::Err,
        config::LogLevel::Warning => LogLevel::Warning,
        config::LogLevel::Notice => LogLevel::Notice,
        config::LogLevel::Info => LogLevel::Info,
        config::LogLevel::Debug => LogLevel::Debug,
    }
}
