//! What else has a say in a server's health beside its checks: agents and operators. And that every check can be told.

mod agents;
mod checks;
mod followers;
mod sessions;

use std::io::Write;
use std::sync::{Arc, Mutex};

use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, mask, wait};

const DEFAULTS: &str = "mode tcp\n timeout client 60s\n timeout server 60s";

struct Rig {
    logs: LogServer,
    admin: Admin,
    _proxy: Proxy,
}

fn started(subject: Subject, backends: &str, places: &[(&str, String)]) -> Rig {
    let (logs, admin) = (LogServer::udp(), Admin::new());
    let sections = format!("global\n stats socket @socket@ level admin\n listen idle\n bind @idle@\n{backends}");
    let setup = Setup::logged(subject, DEFAULTS, &sections).with("log", logs.target());
    let setup = setup.with("socket", admin.path().display()).with_all(places);
    Rig { _proxy: setup.start(), logs, admin }
}

impl Rig {
    /// The line with `part`, without what comes before it.
    fn line(&self, part: &str) -> String {
        self.logs.masked(part)
    }

    fn columns<const N: usize>(&self, server: &str, columns: [&str; N]) -> [String; N] {
        let row = self.admin.row("px", server);
        // While a check is under way its status has a star before it.
        columns.map(|column| row.get(column).map_or("", String::as_str).trim_start_matches("* ").to_owned())
    }
}

/// Somebody who says this to whoever connects, until it is changed.
#[derive(Clone)]
struct Word(Arc<Mutex<&'static str>>);

impl Word {
    fn new(word: &'static str) -> Word {
        Word(Arc::new(Mutex::new(word)))
    }

    fn set(&self, word: &'static str) {
        *self.0.lock().expect("no panic under the lock") = word;
    }

    fn agent(&self) -> Origin {
        let word = self.clone();
        Origin::serve(move |mut client| {
            let said = *word.0.lock().expect("no panic under the lock");
            client.write_all(said.as_bytes())?;
            client.finish()?;
            client.read_to_end();
            Ok(())
        })
    }
}

fn port(origin: &Origin) -> String {
    origin.address().port().to_string()
}

/// So many lines after the first `told`, without date and tag.
fn told_since(logs: &LogServer, told: usize, count: usize) -> Vec<String> {
    let lines = wait::value(&format!("{count} lines"), wait::SOON, || {
        let lines = logs.lines();
        (lines.len() >= told + count).then_some(lines)
    });
    lines[told..].iter().map(|line| mask::line(line).replace("DATE haproxy[PID]: ", "")).collect()
}
