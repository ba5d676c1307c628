//! Rules on connections and contents, and servers that rules name.

use super::acls::Acls;
use super::{Lowering, limit};
use config::{Proxy, TcpAction, TcpResponseAction, TcpRule};
use table::{Action, Admission, BackendRules, Inspection, ResponseAction, Rule, ServerSwitch, UseServer};

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
        if proxy.tcp.content.is_empty() && proxy.tcp.response.is_empty() && proxy.use_servers.is_empty() {
            return BackendRules::default();
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
        BackendRules { request: self.content(proxy, &acls), servers, response: self.response(proxy, &acls) }
    }

    fn content(&mut self, proxy: &Proxy, acls: &Acls) -> Inspection {
        let rules = self.tcp_rules(&proxy.tcp.content, proxy, acls);
        Inspection { rules, delay: limit(&proxy.tcp.inspect_delay) }
    }

    fn response(&mut self, proxy: &Proxy, acls: &Acls) -> Inspection<ResponseAction> {
        let rules = self.rules_with(&proxy.tcp.response, response_action, proxy, acls);
        Inspection { rules, delay: limit(&proxy.tcp.response_delay) }
    }

    fn tcp_rules(&mut self, rules: &[TcpRule], proxy: &Proxy, acls: &Acls) -> Vec<Rule> {
        self.rules_with(rules, action, proxy, acls)
    }

    fn rules_with<C: Copy, A>(
        &mut self,
        rules: &[TcpRule<C>],
        action: fn(C) -> A,
        proxy: &Proxy,
        acls: &Acls,
    ) -> Vec<Rule<A>> {
        let mut lowered = Vec::with_capacity(rules.len());
        for rule in rules {
            let condition = rule.condition.as_ref().map(|condition| self.condition(condition, proxy, acls));
            lowered.push(Rule { condition, action: action(rule.action.value) });
        }
        lowered
    }
}

fn action(action: TcpAction) -> Action {
    match action {
        TcpAction::Accept => Action::Accept,
        TcpAction::Reject => Action::Reject,
    }
}

fn response_action(action: TcpResponseAction) -> ResponseAction {
    match action {
        TcpResponseAction::Accept => ResponseAction::Accept,
        TcpResponseAction::Reject => ResponseAction::Reject,
        TcpResponseAction::Close => ResponseAction::Close,
    }
}
