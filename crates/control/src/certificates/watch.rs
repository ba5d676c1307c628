//! Files of certificates that change while they are in force (`tidegate.watch-certificates`).
//!
//! They are looked at every few seconds. What has changed is read when it has stayed the same for one look: whoever writes it is done
//! then. What cannot be used is told, and everything stays as it was.

use super::{Line, List, Shelf, Shown, Stored};
use crate::pem::{self, Parts};
use driver::Instant;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Whether files are watched, and how they were when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    is_on: bool,
    next: Option<Instant>,
    /// By file: how it was when it was read, and at the last look.
    seen: BTreeMap<String, Look>,
}

#[derive(Debug, Default)]
struct Look {
    read: Stamps,
    last: Stamps,
}

/// When a file, and those beside it, were changed, and how long they are; `None`: it is not there.
type Stamps = Vec<Option<(SystemTime, u64)>>;

/// What a look has come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This file is shown now as it is on disk.
    Taken(String),
    /// This one cannot be used, for this reason.
    Refused(String, String),
}

impl Watch {
    pub(crate) fn on() -> Watch {
        Watch { is_on: true, ..Watch::default() }
    }
}

impl Shelf {
    /// Looks at the files, if that is due.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<Found> {
        if !self.watch.is_on || self.watch.next.is_some_and(|next| next > now) {
            return Vec::new();
        }
        self.watch.next = Some(now + EVERY);
        let mut found = Vec::new();
        for path in self.stored.keys().cloned().collect::<Vec<_>>() {
            if self.is_ready(&path) {
                found.extend(self.take(&path));
            }
        }
        let directories = self.lists.iter().filter(|(_, list)| list.is_directory);
        for name in directories.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            found.extend(self.look_into(&name));
        }
        found
    }

    /// Whether a file has changed since it was read here, and not since the last look. Each is read once in the beginning: it may have
    /// changed while the configuration was read.
    fn is_ready(&mut self, path: &str) -> bool {
        let now = stamps(path);
        let look = self.watch.seen.entry(path.to_owned()).or_default();
        let is_ready = look.last == now && look.read != now && now.first().is_some_and(Option::is_some);
        look.last.clone_from(&now);
        if is_ready {
            look.read = now;
        }
        is_ready
    }

    /// Puts what is on disk on the shelf, and shows it; nothing follows where it is there already.
    fn take(&mut self, path: &str) -> Option<Found> {
        let read = Parts::read(Path::new(path)).and_then(|parts| Ok((parts.bundle(path)?, parts)));
        match read {
            Ok((bundle, parts)) => {
                if self.stored.get(path).is_some_and(|stored| stored.parts == parts) {
                    return None;
                }
                self.stored.insert(path.to_owned(), Stored { parts, bundle: Some(bundle) });
                self.exchange(|shelf, shown| shelf.shows(shown, path));
                Some(Found::Taken(path.to_owned()))
            }
            Err(fault) => Some(Found::Refused(path.to_owned(), fault.to_string())),
        }
    }

    /// Files that are new in a directory.
    fn look_into(&mut self, name: &str) -> Vec<Found> {
        let Ok(paths) = pem::files_of(Path::new(name)) else { return Vec::new() };
        let mut found = Vec::new();
        for path in paths.into_iter().map(|path| path.to_string_lossy().into_owned()) {
            let is_listed = |list: &List| list.lines.iter().any(|line| line.path == path);
            if self.lists.get(name).is_some_and(is_listed) || !self.is_ready(&path) {
                continue;
            }
            let taken = self.take(&path);
            if !matches!(taken, Some(Found::Refused(..)))
                && let Some(list) = self.lists.get_mut(name)
            {
                list.append(Line { path, settings: Vec::new(), filters: Vec::new(), number: 0 });
                self.exchange(|_, shown| matches!(shown, Shown::List { name: known, .. } if known == name));
            }
            found.extend(taken);
        }
        found
    }
}

fn stamps(path: &str) -> Stamps {
    let stamp = |path: &str| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    ["", ".key", ".ocsp"].iter().map(|extension| stamp(&format!("{path}{extension}"))).collect()
}
