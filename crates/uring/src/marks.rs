//! prototype
use crate::in_flight::{InFlight, Key};
use driver::{Fd, Instant};
use std::collections::VecDeque;
use std::time::Duration;

pub(crate) struct Marks {
    by_number: Vec<u32>,
    pub(crate) waiting: VecDeque<(Instant, Key, Fd)>,
    most: u32,
    patience: Duration,
    pub(crate) sets: u64,
    pub(crate) late: u64,
    pub(crate) fills: u64,
    pub(crate) bytes: u64,
    pub(crate) drains: u64,
}

fn env(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

impl Marks {
    pub(crate) fn new() -> Marks {
        Marks {
            by_number: Vec::new(),
            waiting: VecDeque::new(),
            most: env("TIDEGATE_X_MARK", 0),
            patience: Duration::from_micros(env("TIDEGATE_X_PATIENCE", 1000) as u64),
            sets: 0,
            late: 0,
            fills: 0,
            bytes: 0,
            drains: 0,
        }
    }
    pub(crate) fn set(&mut self, fd: Fd, mark: u32) {
        let n = fd.0 as usize;
        if n >= self.by_number.len() {
            self.by_number.resize((n + 1).next_multiple_of(1024), 1);
        }
        if self.by_number[n] != mark {
            self.by_number[n] = mark;
            self.sets += 1;
            socket::set_mark(fd, mark);
        }
    }
    pub(crate) fn clear(&mut self, fd: Fd) {
        if self.by_number.get(fd.0 as usize).is_some_and(|m| *m != 1) {
            self.set(fd, 1);
        }
    }
    pub(crate) fn on_opened(&mut self, fd: Fd) {
        if let Some(m) = self.by_number.get_mut(fd.0 as usize) {
            *m = 1;
        }
    }
    pub(crate) fn wants(&self, count_max: u32) -> Option<u32> {
        (self.most > 0 && count_max != u32::MAX && count_max > 16384).then(|| count_max.min(self.most))
    }
    pub(crate) fn is_on(&self) -> bool {
        self.most > 0
    }
    pub(crate) fn wait(&mut self, key: Key, fd: Fd, now: Instant) {
        self.waiting.push_back((now + self.patience, key, fd));
    }
    pub(crate) fn due(&mut self, in_flight: &InFlight) -> Option<Instant> {
        while let Some((due, key, _)) = self.waiting.front() {
            if in_flight.is_fill(*key) {
                return Some(*due);
            }
            self.waiting.pop_front();
        }
        None
    }
    pub(crate) fn expire(&mut self, in_flight: &InFlight, now: Instant) {
        while let Some(&(due, key, fd)) = self.waiting.front() {
            let lives = in_flight.is_fill(key);
            if lives && due > now {
                return;
            }
            self.waiting.pop_front();
            if lives {
                self.late += 1;
                self.clear(fd);
            }
        }
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        eprintln!("marks: sets {} late {} fills {} bytes/fill {} drains {}", self.sets, self.late, self.fills, self.bytes / self.fills.max(1), self.drains);
    }
}
