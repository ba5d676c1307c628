//! What a check's formulas mean while it is under way: samples of the server's response, and of how things stand here.

use crate::admin::stat::weights::{shown_weight, throttle, weight};
use crate::clock;
use check::{Formula, Formulas};
use http1::{Limits, Progress, Response};
use std::sync::Arc;
use table::{
    Captures, Course, Facts, FrontendId, Health, Heard, Identity, Message, ServerAddr, ServerId, ShardIndex, Table,
    Variables,
};

/// One check, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Knowledge {
    pub(super) table: Arc<Table>,
    pub(super) server: ServerId,
    pub(super) formulas: Arc<[table::Formula]>,
    /// How far the server's health is from its next change: `UP 1/3`.
    pub(super) progress: String,
    pub(super) variables: Variables,
}

impl Knowledge {
    /// Asks with what is known when the server has said this.
    fn with_facts<R>(&self, heard: &[u8], ask: impl FnOnce(&Facts<'_>) -> R) -> R {
        let now = clock::now().since(driver::Instant::EPOCH);
        let identity = Identity::default();
        let course = Course {
            shard: ShardIndex(0),
            accepted_at: now,
            now,
            listener: 0,
            is_first_exchange: true,
            identity: &identity,
            captures: Captures::none(),
            status: None,
            server: Some(self.table.server(self.server)),
            spent: None,
        };
        let mut response = Response::new(Limits::default());
        let is_answer = !heard.is_empty() && matches!(response.read(heard), Progress::Complete { .. });
        let message = Message::Response { response: &response, bytes: heard };
        let facts = Facts {
            backend: Some(self.server.backend),
            heard: if is_answer { Heard::Message(message) } else { Heard::Nothing },
            variables: &self.variables,
            course: Some(course),
            // No frontend has to do with it, and nothing that asks for one is read.
            ..Facts::new(&self.table, FrontendId(0), None, None)
        };
        ask(&facts)
    }

    /// `http-check send-state`
    fn standing(&self, node: &str) -> String {
        let (backend, server) = (self.table.backend(self.server.backend), self.table.server(self.server));
        let state = &server.state;
        let word = match state.health() {
            Health::Stopping => self.progress.replacen("UP", "NOLB", 1),
            Health::Up | Health::Down => self.progress.clone(),
        };
        let (address, port) = match server.address() {
            ServerAddr::Ip(addr) => (addr.ip().to_string(), addr.port().to_string()),
            ServerAddr::Nowhere(port) => (String::new(), port.to_string()),
            ServerAddr::Unix(_) | ServerAddr::Abstract(_) => ("unix".to_string(), String::new()),
        };
        let mut text = format!(
            "{word}; address={address}; port={port}; name={}/{}; node={node}; weight={}/{}; scur={}/{}; qcur={}",
            backend.name,
            server.name,
            shown_weight(u32::from(state.effective_weight())),
            weight(backend),
            state.conns(),
            backend.state.conns.current().saturating_sub(u64::from(backend.state.waiting())),
            state.queued(),
        );
        if state.warmth().is_some() && state.weight() > 0 {
            text.push_str(&format!("; throttle={}%", throttle(server)));
        }
        text
    }
}

impl Formulas for Knowledge {
    fn text(&mut self, Formula(number): Formula, heard: &[u8]) -> Vec<u8> {
        let formula = &self.formulas[number];
        if let table::Formula::Standing { node } = formula {
            return self.standing(node).into_bytes();
        }
        self.with_facts(heard, |facts| formula.text(facts))
    }

    fn number(&mut self, Formula(number): Formula, heard: &[u8]) -> Option<i64> {
        self.with_facts(heard, |facts| self.formulas[number].number(facts))
    }

    fn carry_out(&mut self, Formula(number): Formula, heard: &[u8]) {
        let before = self.variables.clone();
        self.variables = self.with_facts(heard, |facts| self.formulas[number].carry_out(facts, before));
    }
}
