//! Statistics pages: sections that are a page and nothing else. Control serves them, and no shard knows of them.

use super::{Lowering, admin};
use crate::admin::{Place, Service, SocketSpec};
use crate::pages::{Site, StatsSite};
use config::{Config, Proxy};
use std::sync::Arc;

/// What a page's URI is where the file does not say (`configuration.txt: stats uri`).
const URI: &str = "/haproxy?stats";

/// As `URI` (`configuration.txt: stats realm`).
const REALM: &str = "HAProxy Statistics";

impl Lowering<'_> {
    /// The sockets of all pages.
    pub(super) fn pages(&mut self) -> Vec<SocketSpec> {
        let mut sockets = Vec::new();
        for proxy in pages(self.config) {
            let site = Arc::new(Site::Stats(Box::new(self.site(proxy))));
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

    fn site(&mut self, proxy: &Proxy) -> StatsSite {
        let page = proxy.settings.stats.as_ref().expect("a page says something of itself");
        let acls = self.acls(proxy);
        let admin = proxy.stats_admin.iter().map(|condition| self.condition(condition, proxy, &acls)).collect();
        StatsSite {
            name: proxy.name.value.clone(),
            uri: page.uri.as_ref().map_or(URI, |uri| uri.as_str()).into(),
            realm: quoted(page.realm.as_deref().unwrap_or(REALM)),
            refresh: page.refresh,
            credentials: page.accounts.iter().map(|account| credentials(account)).collect(),
            scopes: page.scopes.iter().map(|scope| scope.value.clone()).collect(),
            hides_version: page.hides_version,
            shows_legends: page.shows_legends,
            node: page.node.clone(),
            description: page.description.clone(),
            admin,
        }
    }
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
