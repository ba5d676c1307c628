//! What the file says of a statistics page.

use super::guard;
use crate::admin::stat::{Column, Row};
use std::net::SocketAddr;
use std::time::Duration;
use table::{Condition, Facts, FrontendId, Table};

/// A page, as its section has it.
#[derive(Clone, Debug)]
pub(crate) struct StatsSite {
    /// The section's name.
    pub(crate) name: String,
    /// What targets begin with.
    pub(crate) uri: String,
    pub(crate) realm: String,
    pub(crate) refresh: Option<Duration>,
    /// `user:password` in the form of RFC 7617 §2; without any, everybody may look.
    pub(crate) credentials: Vec<String>,
    /// Proxies that are shown; without any, all.
    pub(crate) scopes: Vec<String>,
    pub(crate) hides_version: bool,
    pub(crate) shows_legends: bool,
    /// `None` inside is the node's own name.
    pub(crate) node: Option<Option<String>>,
    pub(crate) description: Option<String>,
    /// Whoever one of these holds for may act.
    pub(crate) admin: Vec<Condition>,
}

impl StatsSite {
    /// What stands behind the URI in a target; `None` for a target that is not this page's.
    pub(super) fn below<'a>(&self, target: &'a str) -> Option<&'a str> {
        target.strip_prefix(&self.uri)
    }

    /// Whether somebody with this `Authorization` may look.
    pub(super) fn admits(&self, authorization: &str) -> bool {
        let given = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"));
        let given = given.map_or("", |(_, given)| given.trim());
        // All are compared, whichever is right.
        let is_known = self.credentials.iter().fold(false, |known, own| known | guard::is_same(own, given));
        self.credentials.is_empty() || is_known
    }

    /// Whether somebody at this address may act. Conditions of a page ask for addresses alone.
    pub(super) fn lets_act(&self, table: &Table, src: Option<SocketAddr>, dst: Option<SocketAddr>) -> bool {
        let facts = Facts::new(table, FrontendId(0), src, dst);
        self.admin.iter().any(|condition| condition.holds(&facts))
    }

    pub(super) fn shows(&self, row: &Row) -> bool {
        let name = row.get(Column::Pxname).map(ToString::to_string).unwrap_or_default();
        self.shows_proxy(&name)
    }

    pub(super) fn shows_proxy(&self, name: &str) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|scope| scope == name)
    }
}
