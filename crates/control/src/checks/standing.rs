//! What a server is to be after a result, from all that has a say in it: decisions without I/O.

use super::Kind;
use check::{Health, Status};
use table::Health as Standing;

/// Those who have a say beside the result itself; who is not asked has none.
#[derive(Clone, Copy)]
pub(super) struct Voices<'a> {
    pub(super) check: Option<&'a Health>,
    pub(super) agent: Option<&'a Health>,
}

impl Voices<'_> {
    /// What follows from what was found; the health of whoever found it has counted it already.
    ///
    /// A server is up only if everybody finds it up, and down as soon as one does not. That it wants nobody new, it says itself: its
    /// agent cannot take that back.
    pub(super) fn after(self, kind: Kind, present: Standing, found: Status) -> Standing {
        let is_down = |health: Option<&Health>| health.is_some_and(|health| !health.is_up());
        match kind {
            Kind::Check if !found.is_passed() && is_down(self.check) => Standing::Down,
            Kind::Agent if found == Status::Layer7WrongStatus && is_down(self.agent) => Standing::Down,
            Kind::Check if found == Status::Layer7PassedConditionally && self.are_up() => Standing::Stopping,
            Kind::Check if found.is_passed() && self.are_up() => Standing::Up,
            Kind::Agent if found.is_passed() && present != Standing::Stopping && self.are_up() => Standing::Up,
            Kind::Check | Kind::Agent => present,
        }
    }

    /// Before anything was found.
    pub(super) fn at_start(self) -> Standing {
        if self.are_up() { Standing::Up } else { Standing::Down }
    }

    fn are_up(self) -> bool {
        [self.check, self.agent].into_iter().flatten().all(Health::is_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use check::Settings;
    use std::time::Duration;

    fn agent() -> Health {
        Health::new(Settings { rise: 1, fall: 1, ..Settings::every(Duration::from_secs(2)) })
    }

    /// Runs results: `+`, `?` and `-` of checks that pass, do so conditionally, and fail; `u`, `d` and `x` of an agent that says up,
    /// says down, and says nothing. Answers where the server stands after each.
    fn history(found: &str, has_check: bool, has_agent: bool) -> String {
        let (mut check, mut agent) = (Health::new(Settings::default()), agent());
        let mut standing = Standing::Up;
        let mut history = String::new();
        for sign in found.chars() {
            let (kind, status) = match sign {
                '+' => (Kind::Check, Status::Layer7Passed),
                '?' => (Kind::Check, Status::Layer7PassedConditionally),
                '-' => (Kind::Check, Status::Layer7WrongStatus),
                'u' => (Kind::Agent, Status::Layer7Passed),
                'd' => (Kind::Agent, Status::Layer7WrongStatus),
                _ => (Kind::Agent, Status::Unchanged),
            };
            match kind {
                Kind::Check => check.observe(status),
                Kind::Agent => agent.observe(status),
            };
            let voices = Voices { check: has_check.then_some(&check), agent: has_agent.then_some(&agent) };
            standing = voices.after(kind, standing, status);
            history.push(match standing {
                Standing::Up => 'U',
                Standing::Stopping => 'S',
                Standing::Down => 'D',
            });
        }
        history
    }

    /// `configuration.txt`: rise, fall, http-check disable-on-404.
    #[test]
    fn by_checks_alone() {
        for (found, expected) in [
            ("+--", "UUU"),
            ("+---", "UUUD"),
            ("-++", "DDU"),
            ("?", "S"),
            ("?+", "SU"),
            ("?---", "SSSD"),
            ("-??", "DDS"),
        ] {
            assert_eq!(history(found, true, false), expected, "{found}");
        }
    }

    /// `configuration.txt`: agent-check.
    #[test]
    fn with_an_agent() {
        for (found, has_check, expected) in [
            ("du", false, "DU"),
            ("xdxu", false, "UDDU"),
            // Both must find it up.
            ("+d+u", true, "UDDU"),
            ("+d---u++", true, "UDDDDDDU"),
            ("-u++", true, "DDDU"),
            // An agent does not call back who wants nobody new.
            ("+?u+", true, "USSU"),
            ("?du", true, "SDU"),
        ] {
            assert_eq!(history(found, has_check, true), expected, "{found}");
        }
    }
}
