//! Rules on connections and contents, and servers that rules name.

use super::acls::Acls;
use super::{Lowering, limit};
use config::{Proxy, Speaker, TcpAction, TcpDeed, TcpResponseAction, TcpRule};
use table::{
    Action, Admission, BackendRules, Deed, Inspection, PersistRule, Persisting, ResponseAction, Rule, ServerSwitch,
    UseServer,
};

impl Lowering<'_> {
    pub(super) fn admission(&mut self, proxy: &Proxy, acls: &Acls) -> Admission {
        Admission {
            connection: self.tcp_rules(&proxy.tcp.connection, proxy, acls),
            session: self.tcp_rules(&proxy.tcp.session, proxy, acls),
            content: self.content(proxy, acls),
        }
    }

    pub(super) fn backend_rules(&mut self, proxy: &Proxy) -> BackendRules {
        // Most backends have none, and their ACLs may be large.
        let persists = proxy.settings.persists;
        let has_rules = !proxy.tcp.content.is_empty() || !proxy.tcp.response.is_empty();
        if !has_rules && proxy.use_servers.is_empty() && proxy.persist_rules.is_empty() {
            return BackendRules { persists, ..BackendRules::default() };
        }
        let acls = self.acls(proxy);
        let mut servers = Vec::new();
        for rule in &proxy.use_servers {
            let condition = self.condition(&rule.condition, proxy, &acls);
            let server = match &rule.computed {
                Some(format) => Some(ServerSwitch::Named(self.format(format, proxy))),
                None => self.names.server(&proxy.name, &rule.server).map(ServerSwitch::To),
            };
            servers.extend(server.map(|server| UseServer { condition, server }));
        }
        let mut persistence = Vec::with_capacity(proxy.persist_rules.len());
        for rule in &proxy.persist_rules {
            let condition = self.condition(&rule.condition, proxy, &acls);
            let makes = if rule.is_forced { Persisting::Forced } else { Persisting::Ignored };
            persistence.push(PersistRule { condition, makes });
        }
        let (request, response) = (self.content(proxy, &acls), self.response(proxy, &acls));
        BackendRules { request, servers, persistence, persists, response }
    }

    fn content(&mut self, proxy: &Proxy, acls: &Acls) -> Inspection {
        let rules = self.tcp_rules(&proxy.tcp.content, proxy, acls);
        Inspection { rules, delay: limit(&proxy.tcp.inspect_delay) }
    }

    fn response(&mut self, proxy: &Proxy, acls: &Acls) -> Inspection<ResponseAction> {
        let rules = self.rules_with(&proxy.tcp.response, Speaker::Server, response_action, proxy, acls);
        Inspection { rules, delay: limit(&proxy.tcp.response_delay) }
    }

    fn tcp_rules(&mut self, rules: &[TcpRule], proxy: &Proxy, acls: &Acls) -> Vec<Rule> {
        self.rules_with(rules, Speaker::Client, action, proxy, acls)
    }

    fn rules_with<C: Copy, A>(
        &mut self,
        rules: &[TcpRule<C>],
        whose: Speaker,
        action: fn(C) -> A,
        proxy: &Proxy,
        acls: &Acls,
    ) -> Vec<Rule<A>> {
        let mut lowered = Vec::with_capacity(rules.len());
        for rule in rules {
            let condition = rule.condition.as_ref().map(|condition| self.condition(condition, proxy, acls));
            let deed = match &rule.deed.value {
                TcpDeed::Decide(decision) => Deed::Decide(action(*decision)),
                TcpDeed::Effect(effect) => Deed::Effect(self.effect(effect, whose, proxy)),
            };
            lowered.push(Rule { condition, deed });
        }
        lowered
    }
}

fn action(action: TcpAction) -> Action {
    match action {
        TcpAction::Accept => Action::Accept,
        TcpAction::Reject => Action::Reject,
        TcpAction::Drop => Action::Drop,
    }
}

fn response_action(action: TcpResponseAction) -> ResponseAction {
    match action {
        TcpResponseAction::Accept => ResponseAction::Accept,
        TcpResponseAction::Reject => ResponseAction::Reject,
        TcpResponseAction::Close => ResponseAction::Close,
        TcpResponseAction::Drop => ResponseAction::Drop,
    }
}
