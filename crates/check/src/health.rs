//! Rise and fall: from the outcomes of checks to whether a server is used (CFG 5.2, `rise`, `fall`, `inter`).
//!
//! ```text
//!   counter   0 … rise-1      rise … rise+fall-1
//!             DOWN            UP
//!   success   +1              to the top
//!   failure   to 0            -1
//! ```
//!
//! A server starts at `rise`, unless `init-state` says otherwise: it is used before its first check, the first failure takes it out
//! of use, and the first success makes it fully UP.
//!
//! **Invariant:** `counter <= rise + fall - 1`.

use std::fmt;
use std::time::Duration;

use crate::Status;

/// How a server is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Between two checks of a server that is steadily UP.
    pub inter: Duration,
    /// Between two checks of a server on its way up or down.
    pub fastinter: Duration,
    /// Between two checks of a server that is steadily DOWN.
    pub downinter: Duration,
    /// Successes in a row that make a server UP; at least 1.
    pub rise: u32,
    /// Failures in a row that make a server DOWN; at least 1.
    pub fall: u32,
    pub begins: Begins,
}

/// What is thought of a server before its first check (CFG 5.2, `init-state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Begins {
    /// It takes `fall` failures to make it DOWN.
    FullyUp,
    /// The first failure makes it DOWN.
    #[default]
    Up,
    /// The first success makes it UP.
    Down,
    /// It takes `rise` successes to make it UP.
    FullyDown,
}

impl Settings {
    /// HAProxy's defaults with another `inter`, which `fastinter` and `downinter` follow unless they are set.
    pub fn every(inter: Duration) -> Settings {
        Settings { inter, fastinter: inter, downinter: inter, ..Settings::default() }
    }
}

/// CFG 5.2: every two seconds, two up, three down.
impl Default for Settings {
    fn default() -> Settings {
        let inter = Duration::from_secs(2);
        Settings { inter, fastinter: inter, downinter: inter, rise: 2, fall: 3, begins: Begins::Up }
    }
}

/// The health of one server. Displays HAProxy's status: `UP`, `UP 1/3`, `DOWN 1/2`, `DOWN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    settings: Settings,
    /// Wider than `rise` and `fall`, so that their sum fits.
    counter: u64,
}

impl Health {
    /// The health of a server that was never checked.
    ///
    /// Panics when `rise` or `fall` is 0, which the configuration refuses.
    pub fn new(settings: Settings) -> Health {
        assert!(settings.rise >= 1 && settings.fall >= 1);
        let mut health = Health { settings, counter: u64::from(settings.rise) };
        match settings.begins {
            Begins::FullyUp => health.counter = health.top(),
            Begins::Up => {}
            Begins::Down => health.counter -= 1,
            Begins::FullyDown => health.counter = 0,
        }
        health
    }

    /// Records what a check found; answers whether that moved the counter.
    pub fn observe(&mut self, status: Status) -> bool {
        let before = self.counter;
        if status == Status::Unchanged {
            return false;
        }
        if status.is_passed() {
            self.on_success()
        } else {
            self.on_failure()
        }
        assert!(self.counter <= self.top());
        self.counter != before
    }

    /// Takes other settings, as a reload brings them.
    ///
    /// UP stays UP and DOWN stays DOWN. The failures or successes in a row that were seen still count, as far as the
    /// new settings have room for them.
    pub fn resettle(&mut self, settings: Settings) {
        let is_up = self.is_up();
        let (failures, successes) = (self.top() - self.counter, self.counter);
        *self = Health::new(settings);
        self.counter = if is_up {
            self.top().saturating_sub(failures).max(self.bottom_of_up())
        } else {
            successes.min(self.bottom_of_up() - 1)
        };
    }

    /// Somebody who knows better says how it is: at its best, or at its worst.
    pub fn force(&mut self, is_up: bool) {
        self.counter = if is_up { self.top() } else { 0 };
    }

    /// Somebody has doubts: if it is up it outlives so many failures at most, and the next one makes it DOWN.
    pub fn doubt(&mut self, failures: u64) {
        if self.is_up() {
            self.counter = self.counter.min(self.bottom_of_up() + failures);
        }
    }

    /// Whether the server is used.
    pub fn is_up(&self) -> bool {
        self.counter >= self.bottom_of_up()
    }

    /// From 0 to rise + fall - 1 (HAProxy's `check_health`).
    pub fn points(&self) -> u64 {
        self.counter
    }

    /// How far it is from the next change, as log lines have it: of `fall` while it is up, of `rise` while it is down.
    pub fn progress(&self) -> (u64, u32) {
        let Settings { rise, fall, .. } = self.settings;
        if self.is_up() { (self.counter - self.bottom_of_up() + 1, fall) } else { (self.counter, rise) }
    }

    /// How long after the end of a check the next one begins.
    pub fn interval(&self) -> Duration {
        match (self.is_steady(), self.is_up()) {
            (true, true) => self.settings.inter,
            (true, false) => self.settings.downinter,
            (false, true) | (false, false) => self.settings.fastinter,
        }
    }

    fn on_success(&mut self) {
        self.counter += 1;
        if self.is_up() {
            self.counter = self.top();
        }
    }

    fn on_failure(&mut self) {
        self.counter = if self.counter > self.bottom_of_up() { self.counter - 1 } else { 0 };
    }

    /// Whether no result speaks against what it is.
    pub fn is_steady(&self) -> bool {
        self.counter == 0 || self.counter == self.top()
    }

    fn bottom_of_up(&self) -> u64 {
        u64::from(self.settings.rise)
    }

    fn top(&self) -> u64 {
        u64::from(self.settings.rise) + u64::from(self.settings.fall) - 1
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (points, most) = self.progress();
        match (self.is_steady(), self.is_up()) {
            (true, true) => f.write_str("UP"),
            (true, false) => f.write_str("DOWN"),
            (false, true) => write!(f, "UP {points}/{most}"),
            (false, false) => write!(f, "DOWN {points}/{most}"),
        }
    }
}

#[cfg(test)]
mod tests;
