//! Statistics pages within sections that also proxy (`configuration.txt: stats enable` and its kin): which requests are for one, and
//! which service answers. The pages themselves are control's.

use http1::{Method, Request};

use crate::{BackendId, Condition, HttpRule, Table};

/// The page of a section.
#[derive(Clone, Debug)]
pub struct StatsPage {
    /// What the targets of its requests begin with.
    pub uri: Box<[u8]>,
    /// `stats auth`, `stats http-request`: who may look.
    pub rules: Vec<HttpRule>,
    /// The service for those who may look.
    pub shown_by: BackendId,
    pub acting: Option<Acting>,
}

/// `stats admin`
#[derive(Clone, Debug)]
pub struct Acting {
    /// Whoever one of these holds for may act.
    pub admin: Vec<Condition>,
    /// The service for those.
    pub served_by: BackendId,
}

impl StatsPage {
    /// Whether a request is for it. A URI that is a path is not compared with the scheme and the authority of a target.
    pub fn is_asked(&self, request: &Request, bytes: &[u8]) -> bool {
        let is_asking = match request.method() {
            Method::Get | Method::Head | Method::Post => true,
            Method::Put | Method::Delete | Method::Connect | Method::Options | Method::Trace | Method::Other => false,
        };
        let target = match self.uri.first() {
            Some(b'/') => request.path_and_query(bytes),
            Some(_) | None => request.target(bytes),
        };
        is_asking && target.starts_with(&self.uri)
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        let mut services = self.acting.iter().map(|acting| acting.served_by).chain([self.shown_by]);
        let mut admin = self.acting.iter().flat_map(|acting| &acting.admin);
        services.all(|service| table.has_backend(service))
            && admin.all(|condition| condition.fits(table))
            && self.rules.iter().all(|rule| rule.fits(table))
    }
}
