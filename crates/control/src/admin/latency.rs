//! `show latency`, a command of our own: how long the parts of sessions took, in percentiles.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use std::fmt::Write;
use std::time::Duration;
use table::{Backend, Distribution, Server, Tally};

/// The parts of a session, as they are told of everywhere.
pub(crate) const PARTS: [Part; 4] = [Part::Queue, Part::Connect, Part::Response, Part::Total];

/// A part of a session that reached a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// From the accept to the assignment of a server.
    Queue,
    /// From there to the established connection.
    Connect,
    /// In `mode http`, from there to the head of the response.
    Response,
    /// From the accept to the end.
    Total,
}

impl Part {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Part::Queue => "queue",
            Part::Connect => "connect",
            Part::Response => "response",
            Part::Total => "total",
        }
    }

    /// What it is, for those who read metrics.
    pub(crate) fn doc(self) -> &'static str {
        match self {
            Part::Queue => "time from the accept to the assignment of a server",
            Part::Connect => "time from the assignment of a server to the established connection",
            Part::Response => "time from the established connection to the head of the response",
            Part::Total => "time from the accept to the end of the session",
        }
    }

    /// How long it took, in all sessions that are counted.
    pub(crate) fn of(self, tally: &Tally) -> Distribution {
        tally.latency(|latency| match self {
            Part::Queue => &latency.queue,
            Part::Connect => &latency.connect,
            Part::Response => &latency.response,
            Part::Total => &latency.total,
        })
    }
}

/// Shares of a thousand that have a column of their own, and its name.
const SHARES: [(u32, &str); 4] = [(500, "p50"), (900, "p90"), (990, "p99"), (999, "p99.9")];

/// `show latency [BACKEND[/SERVER]]`, in milliseconds. Without a name all backends; with one, it and its servers.
pub(super) fn show(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let mut text = header();
    let (backend_name, server_name) = match call.word(0).split_once('/') {
        Some((backend, server)) => (backend, Some(server)),
        None => (call.word(0), None),
    };
    if backend_name.is_empty() {
        desk.table.backends.iter().for_each(|backend| of_backend(&mut text, backend));
        return text.into();
    }
    let Some(backend) = desk.table.backend_named(backend_name) else { return "No such backend.\n".into() };
    let backend = desk.table.backend(backend);
    match server_name {
        None => {
            backend.servers.iter().for_each(|server| of_server(&mut text, server));
            of_backend(&mut text, backend);
        }
        Some(name) => match backend.servers.iter().find(|server| &*server.name == name) {
            Some(server) => of_server(&mut text, server),
            None => return "No such server.\n".into(),
        },
    }
    text.into()
}

fn header() -> String {
    let shares = SHARES.map(|(_, name)| format!(" {name}"));
    format!("# pxname svname part count{} max\n", shares.concat())
}

fn of_backend(text: &mut String, backend: &Backend) {
    lines(text, &backend.name, "BACKEND", &backend.state.tally);
}

fn of_server(text: &mut String, server: &Server) {
    lines(text, &server.backend_name, &server.name, &server.state.tally);
}

/// A line for each part; for responses only where there are any.
fn lines(text: &mut String, proxy: &str, name: &str, tally: &Tally) {
    for part in PARTS {
        let distribution = part.of(tally);
        if part == Part::Response && distribution.count() == 0 {
            continue;
        }
        // A string takes this.
        let _ = write!(text, "{proxy} {name} {} {}", part.word(), distribution.count());
        let times = SHARES.map(|(share, _)| distribution.permille(share)).into_iter().chain([distribution.most()]);
        times.for_each(|time| text.push_str(&millis(time)));
        text.push('\n');
    }
}

fn millis(time: Option<Duration>) -> String {
    match time {
        Some(time) => format!(" {}.{:03}", time.as_millis(), time.as_micros() % 1000),
        None => " -".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ours() {
        assert_eq!(header(), "# pxname svname part count p50 p90 p99 p99.9 max\n");
        assert_eq!(millis(Some(Duration::from_micros(12_003))), " 12.003");
        assert_eq!(millis(None), " -");
    }
}
