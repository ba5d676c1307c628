//! Rules on contents in `mode http` (`configuration.txt: tcp-request content`): they are asked of each request once its head is whole,
//! before all rules on requests of the same section.
//!
//! ```text
//!   head ──content of the frontend──▶ it is a request ──http-request──▶ use_backend ──content of the backend──▶ http-request ──▶ server
//!              │ ▲                                                                          │ ▲
//!              ▼ │ more of its content                                                      ▼ │
//!           Gathering, for the delay of the rules                                        Gathering
//! ```
//!
//! What the frontend's rules turn away is no request yet: it is not counted as one, and its line does not say what it was.

use super::content::{Asked, Wait};
use crate::early::Rules;
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use driver::{Ending, Instant};
use table::Action;

impl Session {
    /// Whether a section's rules on contents have let the request in. If they wait, they are asked on when more has come.
    pub(super) fn is_let_in(&mut self, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let asked = self.transaction().and_then(|transaction| transaction.asked);
        let asked = asked.filter(|asked| asked.whose == whose).unwrap_or(Asked::begin(whose));
        if asked.is_admitted {
            return true;
        }
        if self.has_content_rules(whose) {
            self.http_mut().transaction.as_mut().expect("a request is asked about").asked = Some(asked);
            if !self.passes_content_rules(whose, now, out) {
                return false;
            }
        }
        self.http_mut().transaction.as_mut().expect("a request is asked about").asked =
            Some(Asked { is_admitted: true, ..asked });
        whose == Rules::Backend || self.take_request(now, out)
    }

    fn has_content_rules(&self, whose: Rules) -> bool {
        let has_rules = self.inspection(whose).is_some_and(|inspection| !inspection.rules.is_empty());
        has_rules && !(whose == Rules::Backend && self.is_own_backend(&self.table))
    }

    fn passes_content_rules(&mut self, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let delay = self.inspection(whose).and_then(|inspection| inspection.delay);
        let waits = match self.look_for_content_rules(delay, now) {
            Ok(wait) => wait == Wait::Open,
            Err(refusal) => {
                self.refuse_request(refusal, out);
                return false;
            }
        };
        let action = self.ask_on_contents(whose, waits);
        if action.is_some() {
            self.stop_looking();
        }
        match action {
            None if self.phase != Phase::Gathering => self.enter(Phase::Gathering),
            None => (),
            Some(Action::Accept) => return true,
            Some(action @ (Action::Reject | Action::Drop)) => self.turn_away(whose, action, out),
        }
        false
    }

    fn turn_away(&mut self, whose: Rules, action: Action, out: &mut Outbox) {
        self.count_denial();
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        transaction.facts.is_turned_away = whose == Rules::Frontend;
        self.end_with(End::new(Moment::Request, Cause::Rejected), out);
        if action == Action::Drop {
            self.front.ending = Ending::Silent;
        }
    }
}
