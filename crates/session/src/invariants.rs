//! What must hold of a session between two events.

use crate::{Phase, Session};

impl Session {
    /// Checks what must hold between two events.
    pub fn check(&self) -> Result<(), &'static str> {
        let in_flight = self.in_flight_count();
        if self.phase == Phase::Closed && (in_flight > 0 || self.server.is_some() || self.back.is_some()) {
            return Err("a closed session holds something");
        }
        if (self.phase == Phase::Queued) != self.wait.is_some() {
            return Err("a ticket is held in a line, and only there");
        }
        if matches!(self.phase, Phase::Heading | Phase::Exchanging | Phase::Relaying) && self.back.is_none() {
            return Err("relaying implies a back socket");
        }
        if self.phase == Phase::Inspecting && self.early.is_none() {
            return Err("inspecting implies that something is waited for");
        }
        if self.phase == Phase::Closed
            && (self.early.is_some()
                || self.review.is_some()
                || self.http.is_some()
                || self.request.has_unsent()
                || self.response.has_unsent())
        {
            return Err("a closed session holds bytes");
        }
        if self.phase == Phase::Relaying && self.idle_deadline().is_none() && in_flight == 0 {
            return Err("nothing is in flight, so nothing will ever happen");
        }
        let is_heard = matches!(self.phase, Phase::Awaiting | Phase::Gathering | Phase::Lingering);
        let is_http = is_heard || matches!(self.phase, Phase::Exchanging | Phase::Answering | Phase::Parting);
        if is_http && in_flight == 0 {
            return Err("nothing is in flight, so no exchange goes on");
        }
        if matches!(self.phase, Phase::Aborting | Phase::Closing) && in_flight == 0 {
            return Err("the end is due");
        }
        Ok(())
    }
}
