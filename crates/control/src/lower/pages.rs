//! Statistics pages. Sections that are a page and nothing else are served by control, and no shard knows of them. Where a section also
//! proxies, sessions ask who may look and act, and services of that section answer.

use super::acls::{Acls, unnamed};
use super::{Lowering, admin};
use crate::admin::{Place, Service, SocketSpec};
use crate::pages::{Site, StatsSite};
use config::{Config, Mode, Proxy};
use std::sync::Arc;
use table::{
    Acting, Condition, Fetch, HttpAction, HttpRule, Matcher, MessagePart, Password, Term, Test, User, Userlist,
};

/// What logs call it.
const NAME: &str = "<STATS>";

/// What a page's URI is where the file does not say (`configuration.txt: stats uri`).
const URI: &str = "/haproxy?stats";

/// As `URI` (`configuration.txt: stats realm`).
const REALM: &str = "HAProxy Statistics";

impl Lowering<'_> {
    /// The sockets of all pages.
    pub(super) fn pages(&mut self) -> Vec<SocketSpec> {
        let mut sockets = Vec::new();
        for proxy in pages(self.config) {
            let site = Arc::new(Site::Stats(Box::new(self.guarded(proxy))));
            for bind in &proxy.binds {
                let ownership = bind.ownership.clone().or(&self.config.global.unix_bind.ownership);
                for address in &bind.addresses {
                    let places = self.places("bind", address).into_iter().map(|place| self.prefixed(place));
                    let service = |place| SocketSpec::open_to_all(place, Service::Pages(Arc::clone(&site)));
                    sockets.extend(places.map(service).map(|spec| admin::owned(spec, &ownership)));
                }
            }
        }
        sockets
    }

    /// Behind the prefix of `unix-bind`, if it is a path.
    fn prefixed(&self, place: Place) -> Place {
        match place {
            Place::Unix(path) => Place::Unix(self.path(&path)),
            Place::Tcp(_) | Place::Abstract(_) | Place::Inherited(_) => place,
        }
    }

    /// A page that sees itself who may look and act.
    fn guarded(&mut self, proxy: &Proxy) -> StatsSite {
        let page = proxy.settings.stats.as_ref().expect("a page says something of itself");
        let acls = self.acls(proxy);
        let admin = proxy.stats_admin.iter().map(|condition| self.condition(condition, proxy, &acls)).collect();
        let credentials = page.accounts.iter().map(|account| credentials(account)).collect();
        StatsSite { credentials, admin, ..open_site(proxy, page) }
    }

    /// The page of a section that also proxies.
    pub(super) fn stats_page(&mut self, proxy: &Proxy, acls: &Acls) -> Option<table::StatsPage> {
        let page = proxy.settings.stats.as_ref().filter(|_| proxy.settings.mode == Mode::Http)?;
        let site = open_site(proxy, page);
        let rules = match page.accounts.is_empty() {
            true => self.http_list(&proxy.stats_rules, config::Speaker::Client, proxy, acls),
            false => vec![challenge(&page.accounts, &site.realm)],
        };
        let admin: Vec<Condition> =
            proxy.stats_admin.iter().map(|condition| self.condition(condition, proxy, acls)).collect();
        let acting = (!admin.is_empty()).then(|| {
            let site = StatsSite { admin: vec![always()], ..site.clone() };
            Acting { admin, served_by: self.service(proxy, NAME, " admin", Site::Stats(Box::new(site))) }
        });
        let uri = site.uri.as_bytes().into();
        let shown_by = self.service(proxy, NAME, "", Site::Stats(Box::new(site)));
        Some(table::StatsPage { uri, rules, shown_by, acting })
    }
}

/// What a page shows, to whomever.
fn open_site(proxy: &Proxy, page: &config::StatsPage) -> StatsSite {
    let own = &proxy.name.value;
    let scope = |scope: &config::Spanned<String>| if scope.value == "." { own.clone() } else { scope.value.clone() };
    StatsSite {
        name: own.clone(),
        uri: page.uri.as_ref().map_or(URI, |uri| uri.as_str()).into(),
        realm: quoted(page.realm.as_deref().unwrap_or(REALM)),
        refresh: page.refresh,
        credentials: Vec::new(),
        scopes: page.scopes.iter().map(scope).collect(),
        hides_version: page.hides_version,
        shows_legends: page.shows_legends,
        node: page.node.clone(),
        description: page.description.clone(),
        admin: Vec::new(),
    }
}

/// `stats auth`: whoever is none of these is asked for a name and a password, as by a `stats http-request auth unless …`.
fn challenge(accounts: &[String], realm: &str) -> HttpRule {
    let user = |account: &String| {
        let (name, password) = account.split_once(':').unwrap_or((account, ""));
        User { name: name.into(), password: Password::Plain(password.into()), groups: Vec::new() }
    };
    let list = Userlist { users: accounts.iter().map(user).collect() };
    let test = Test::new(Fetch::Message(MessagePart::Authorized(Arc::new(list))), Matcher::True);
    let is_known = Term { negated: false, acl: unnamed("{ }", vec![test]) };
    let condition = Condition { unless: true, alternatives: vec![vec![is_known]] };
    HttpRule { condition: Some(condition), action: HttpAction::Challenge(realm.into()) }
}

/// Sessions have asked already.
fn always() -> Condition {
    Condition { unless: true, alternatives: Vec::new() }
}

fn pages(config: &Config) -> impl Iterator<Item = &Proxy> {
    config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled && proxy.is_page())
}

/// What may stand between quotes in a field (RFC 9110 §5.6.4).
pub(super) fn quoted(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).fold(String::new(), |mut quoted, character| {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
        quoted
    })
}

/// RFC 7617 §2, with the alphabet of RFC 4648 §4. An account without a colon has an empty password.
fn credentials(account: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let account = if account.contains(':') { account.to_owned() } else { format!("{account}:") };
    let mut text = String::new();
    for group in account.as_bytes().chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10 has the groups, RFC 7617 §2 the user.
    #[test]
    fn accounts_as_browsers_send_them() {
        assert_eq!(credentials("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(credentials("f:obar"), "ZjpvYmFy");
        assert_eq!(credentials("foo"), "Zm9vOg==");
    }

    #[test]
    fn a_realm_stays_between_its_quotes() {
        assert_eq!(quoted("a \"b\" \\ c\r\n"), "a \\\"b\\\" \\\\ c");
    }
}
