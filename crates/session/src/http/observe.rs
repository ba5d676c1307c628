//! What an exchange says of its server's health (`configuration.txt: observe layer7`).

use crate::{Cause, End, Moment, Outbox, Session};
use driver::Side;
use table::{Observed, Trouble};

impl Session {
    /// The server has answered with this status, as far as its response could be read.
    pub(super) fn observe_status(&self, status: Option<u16>, out: &mut Outbox) {
        let Some(status) = status else { return };
        match Trouble::is_status(status) {
            true => self.on_trouble(Trouble::WrongStatus, out),
            false => self.on_served_well(Observed::Responses),
        }
    }

    /// An exchange ends like this, and is not tried again.
    #[cold]
    pub(super) fn observe_end(&self, end: End, out: &mut Outbox) {
        let is_unanswered = end.moment == Moment::Headers;
        if let Cause::Malformed(Side::Back, _) = end.cause {
            let trouble = if is_unanswered { Trouble::BadHead } else { Trouble::BadContent };
            self.on_trouble(trouble, out);
        }
        if is_unanswered && end.cause == Cause::Idle(Side::Back) {
            self.on_trouble(Trouble::Silent, out);
        }
        if is_unanswered && end.cause == Cause::Aborted(Side::Back) {
            self.on_trouble(Trouble::Left, out);
        }
    }
}
