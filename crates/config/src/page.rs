//! Statistics pages as values, and which sections serve nothing else.

use crate::acl::{Condition, Operand, Predefined, Test};
use crate::fetch::Fetch;
use crate::source::{Span, Spanned};
use crate::tree::{Mode, Proxy, TcpRules, V6};
use std::time::Duration;

/// What the `stats` lines of a section say, but for `stats admin` and `stats http-request`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatsPage {
    /// The first of the lines.
    pub span: Span,
    /// They come from a `defaults` section.
    pub(crate) is_inherited: bool,
    /// What the target of a request begins with; `/haproxy?stats` unless set.
    pub uri: Option<Spanned<String>>,
    /// What the browser shows when it asks for a password.
    pub realm: Option<String>,
    /// How often the page is to be fetched again.
    pub refresh: Option<Duration>,
    /// `user:password`; without any, everybody may look.
    pub accounts: Vec<String>,
    /// Proxies that are shown, `.` for the section itself; without any, all.
    pub scopes: Vec<Spanned<String>>,
    pub hides_version: bool,
    pub shows_legends: bool,
    /// `None` inside is the node's own name.
    pub node: Option<Option<String>>,
    pub description: Option<String>,
}

impl StatsPage {
    pub(crate) fn new(span: Span) -> StatsPage {
        StatsPage {
            span,
            is_inherited: false,
            uri: None,
            realm: None,
            refresh: None,
            accounts: Vec::new(),
            scopes: Vec::new(),
            hides_version: false,
            shows_legends: false,
            node: None,
            description: None,
        }
    }
}

impl Proxy {
    /// Whether the section is a statistics page and nothing else: it has a page and addresses, and says of no connection where
    /// it should go, nor asks for more than addresses.
    pub fn is_page(&self) -> bool {
        let settings = &self.settings;
        let TcpRules { connection, session, content, inspect_delay, response, response_delay } = &self.tcp;
        let asks_clients = !connection.is_empty() || !session.is_empty() || !content.is_empty();
        let has_delay = inspect_delay.is_some() || response_delay.is_some();
        let has_rules = asks_clients || !response.is_empty() || has_delay;
        let leads_nowhere = self.rules.is_empty() && self.servers.is_empty() && settings.default_backend.is_none();
        let is_plain =
            |bind: &crate::tree::Bind| bind.accept_proxy.is_none() && bind.v6 == V6::System && bind.interface.is_none();
        settings.stats.is_some()
            && settings.mode == Mode::Http
            && self.role.has_front()
            && leads_nowhere
            && !has_rules
            && self.http.is_empty()
            && self.monitor_fail.is_empty()
            && settings.http.monitor_uri.is_none()
            && self.use_servers.is_empty()
            && self.captures.is_empty()
            && self.response_captures.is_empty()
            && self.binds.iter().all(is_plain)
            && self.stats_rules.is_empty()
            && self.stats_admin.iter().all(|condition| self.asks_for_addresses_alone(condition))
    }

    /// Whether a condition can be answered without a connection of the data path.
    fn asks_for_addresses_alone(&self, condition: &Condition) -> bool {
        condition.any_of.iter().flatten().all(|term| match &term.operand {
            Operand::Named(name) => self.tests_of(name).all(is_of_address),
            Operand::Anonymous(test) => is_of_address(test),
            Operand::Predefined(Predefined::True | Predefined::False | Predefined::Localhost) => true,
            Operand::Predefined(
                Predefined::RequestContent
                | Predefined::WaitEnd
                | Predefined::Http
                | Predefined::Method(_)
                | Predefined::Version(_),
            )
            | Operand::Unserved => false,
        })
    }
}

fn is_of_address(test: &Test) -> bool {
    match test {
        Test::Sample { expression, .. } => matches!(expression.fetch, Fetch::Address(_)),
        Test::Unserved => false,
    }
}
