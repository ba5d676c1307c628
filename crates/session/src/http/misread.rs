//! A message that breaks a rule is kept as far as it has come, for operators who want to know who sends what.

use crate::tally::clock;
use crate::{Session, Side};
use http1::Refusal;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use table::{Misread, Named, Proxy};

impl Session {
    /// Keeps what this side has said in the state of its section: requests at the frontend, responses at the backend.
    pub(crate) fn keep_misread(&self, by: Side, why: Refusal) {
        let (Some(transaction), table) = (self.transaction(), &*self.table) else { return };
        let stream = match by {
            Side::Front => &transaction.up,
            Side::Back => &transaction.down,
        };
        let number = |is_it: &dyn Fn(&Proxy) -> bool| {
            table.proxies.iter().find(|proxy| is_it(proxy)).map_or(0, |proxy| proxy.number.value)
        };
        let (front, back) = (self.frontend(), self.counted_backend());
        let named =
            |server: &table::Server| Named { name: Arc::clone(&server.name), number: server.settings.number.value };
        let misread = Misread {
            number: table.process.misread_count.fetch_add(1, Relaxed),
            at: self.table.process.wall.at(clock(self.active_at())),
            frontend: Named {
                name: Arc::clone(&front.name),
                number: number(&|proxy| proxy.frontend == Some(self.frontend)),
            },
            backend: back.map(|back| Named {
                name: Arc::clone(&back.name),
                number: number(&|proxy| proxy.backend.is_some_and(|id| table.backend(id).name == back.name)),
            }),
            server: self.server.as_deref().map(named),
            client: self.ends().source,
            bytes: stream.gathered.bytes().into(),
            why,
        };
        match (by, back) {
            (Side::Front, _) => front.state.last_misread.keep(misread),
            (Side::Back, Some(back)) => back.state.last_misread.keep(misread),
            (Side::Back, None) => (),
        }
    }
}
