//! Log targets: each once, however many proxies write to it.

use super::Lowering;
use config::{Lead, LogAddress, LogFormat, Proxy, Span, Spanned, Stage};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use table::{Envelope, LOG_TAG, LogHost, LogLevel, LogSink, LogTarget, Sample};

/// The targets of a table, and where each of them is in it.
#[derive(Default)]
pub(super) struct LogTargets {
    targets: Vec<LogTarget>,
    places: HashMap<Key, usize>,
}

/// Everything that makes two targets differ.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    sink: LogSink,
    envelope: Envelope,
    facility: u8,
    levels: (LogLevel, LogLevel),
    line_len_max: u16,
    tag: Arc<str>,
    /// Samples are counted for each proxy and each of its `log` lines alone: their names and places.
    sample_of: Option<(Arc<str>, Span)>,
}

impl LogTargets {
    pub(super) fn into_targets(self) -> Vec<LogTarget> {
        self.targets
    }

    fn place(&mut self, target: LogTarget, sample_of: Option<(Arc<str>, Span)>) -> usize {
        let key = Key {
            sink: target.sink.clone(),
            envelope: target.envelope,
            facility: target.facility,
            levels: (target.level_max, target.level_min),
            line_len_max: target.line_len_max,
            tag: Arc::clone(&target.tag),
            sample_of,
        };
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
        let tag = proxy.settings.log_tag.as_ref().or(config.global.log_tag.as_ref());
        let tag: Arc<str> = tag.map_or(LOG_TAG, |tag| tag).into();
        config.logs_of(proxy).filter_map(|log| self.log_target(log, &tag, proxy)).collect()
    }

    /// None if its host has no address; that has been reported.
    fn log_target(&mut self, log: &config::LogTarget, tag: &Arc<str>, proxy: &Proxy) -> Option<usize> {
        let hostname = self.config.global.log_hostname.as_ref().map(|hostname| hostname.value.as_deref());
        let format = log.format.unwrap_or(if hostname.is_some() { LogFormat::Rfc3164 } else { LogFormat::Local });
        let target = LogTarget {
            sink: self.sink(&log.address)?,
            envelope: envelope(format),
            facility: log.facility as u8,
            level_max: level(log.level_max),
            level_min: level(log.level_min),
            line_len_max: log.length_max,
            tag: Arc::clone(tag),
            host: match hostname {
                None => LogHost::Unsent,
                Some(None) => LogHost::System,
                Some(Some(name)) => LogHost::Named(name.into()),
            },
            sample: log.sample.as_ref().map(|sample| Sample::new(&sample.ranges, sample.size)),
        };
        let sample_of = log.sample.as_ref().map(|_| (proxy.name.as_str().into(), log.address.span));
        Some(self.log_targets.place(target, sample_of))
    }

    fn sink(&mut self, address: &Spanned<LogAddress>) -> Option<LogSink> {
        match &address.value {
            LogAddress::Udp { host, port } => match self.resolver.ip(host) {
                Ok(ip) => Some(LogSink::Udp(SocketAddr::new(ip, *port))),
                Err(name) => {
                    let message = format!("log : invalid address: '{name}' in '{}'", self.text(address.span));
                    self.blame(address, message);
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
            LogAddress::Descriptor(number) => Some(LogSink::Inherited(*number)),
        }
    }

    /// A global target is looked at once per proxy, and blamed once.
    fn blame(&mut self, address: &Spanned<LogAddress>, message: String) {
        if !self.diagnostics.iter().any(|known| known.span == Some(address.span)) {
            self.alert(Stage::Parsing, Lead::Spaced, address.span, message);
        }
    }
}

fn envelope(format: LogFormat) -> Envelope {
    match format {
        LogFormat::Local => Envelope::Local,
        LogFormat::Rfc3164 => Envelope::Rfc3164,
        LogFormat::Rfc5424 => Envelope::Rfc5424,
        LogFormat::Priority => Envelope::Priority,
        LogFormat::Short => Envelope::Short,
        LogFormat::Timed => Envelope::Timed,
        LogFormat::Iso => Envelope::Iso,
        LogFormat::Raw => Envelope::Raw,
    }
}

pub(super) fn level(level: config::LogLevel) -> LogLevel {
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
