//! Clients that come back to their server (`configuration.txt: cookie NAME insert …`).
//!
//! ```text
//!   request   Cookie: SRV=a ──read──▶ the server of that value, while it is up; `indirect`: the server does not see it
//!   response  Set-Cookie: SRV=… of the server's own is removed (unless `preserve`);
//!             a client that was not served by the server it named is given another cookie
//! ```

use std::sync::Arc;

use http1::{EditError, Fields, Request, Response};

use crate::Server;

/// How a backend's clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub name: Box<str>,
    /// `indirect`: servers never see it, nor does anybody see theirs.
    pub is_indirect: bool,
    /// `nocache`: a response that gives it is made private.
    pub is_uncached: bool,
    /// `preserve`: a server's own cookie of this name is passed on, and none is given.
    pub preserves: bool,
    /// What stands behind the value: `; domain=… ; HttpOnly; Secure`.
    pub attributes: Box<str>,
}

/// What a client brought (`configuration.txt` §8.5, third letter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brought {
    #[default]
    Nothing,
    /// No server has this value.
    Invalid,
    /// Its server is down.
    Down,
    Valid,
}

/// What it was given (fourth letter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    #[default]
    Nothing,
    /// The server's own, passed on.
    Passed,
    /// The server's own, removed.
    Deleted,
    Inserted,
}

/// The course of an exchange's cookie.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    pub brought: Brought,
    pub given: Given,
    /// The server that the client named, if it was up.
    pub server: Option<Arc<Server>>,
}

impl Persistence {
    /// HAProxy's last two letters.
    pub fn letters(&self) -> [u8; 2] {
        let brought = match self.brought {
            Brought::Nothing => b'N',
            Brought::Invalid => b'I',
            Brought::Down => b'D',
            Brought::Valid => b'V',
        };
        let given = match self.given {
            Given::Nothing => b'N',
            Given::Passed => b'P',
            Given::Deleted => b'D',
            Given::Inserted => b'I',
        };
        [brought, given]
    }
}

impl Cookie {
    /// Reads the request's cookie, and hides it from servers if it is to be hidden.
    ///
    /// # Errors
    /// Never in practice: what is written is shorter than what was there.
    pub fn read(&self, request: &mut Request, bytes: &[u8], servers: &[Arc<Server>]) -> Result<Persistence, EditError> {
        let mut persistence = Persistence::default();
        let values = request.fields().values(bytes, b"cookie").flat_map(|list| list.split(|&byte| byte == b';'));
        for value in values.filter_map(|pair| self.value_of(pair)) {
            if persistence.brought == Brought::Valid {
                break;
            }
            let is_it = |server: &&Arc<Server>| server.settings.cookie.as_deref().map(str::as_bytes) == Some(value);
            let mut named = servers.iter().filter(is_it).peekable();
            let is_known = named.peek().is_some();
            persistence.server = named.find(|server| server.state.is_up()).cloned();
            persistence.brought = match (&persistence.server, is_known) {
                (Some(_), _) => Brought::Valid,
                (None, true) => Brought::Down,
                (None, false) if persistence.brought == Brought::Down => Brought::Down,
                (None, false) => Brought::Invalid,
            };
        }
        if self.is_indirect && persistence.brought != Brought::Nothing {
            self.hide(request.fields_mut(), bytes)?;
        }
        Ok(persistence)
    }

    /// Makes of a response what its client is to see of cookies. `server` has made it.
    ///
    /// # Errors
    /// There is no room for another field.
    pub fn give(
        &self,
        persistence: &mut Persistence,
        response: &mut Response,
        bytes: &[u8],
        server: &Server,
    ) -> Result<(), EditError> {
        let of_server =
            |fields: &Fields| fields.values(bytes, b"set-cookie").position(|value| self.value_of(value).is_some());
        while let Some(nth) = of_server(response.fields()) {
            if self.preserves {
                persistence.given = Given::Passed;
                return Ok(());
            }
            response.fields_mut().delete_nth(bytes, b"set-cookie", nth)?;
            persistence.given = Given::Deleted;
        }
        let is_direct = persistence.server.as_ref().is_some_and(|named| Arc::ptr_eq(&named.state, &server.state));
        if is_direct {
            return Ok(());
        }
        let (name, attributes) = (&self.name, &self.attributes);
        let text = match &server.settings.cookie {
            Some(value) => format!("{name}={value}; path=/{attributes}"),
            // Whatever it has of another server is of no use.
            None => format!("{name}=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/{attributes}"),
        };
        response.fields_mut().add(b"set-cookie", text.as_bytes())?;
        persistence.given = Given::Inserted;
        if self.is_uncached && is_cacheable(response, bytes) {
            response.fields_mut().add(b"cache-control", b"private")?;
        }
        Ok(())
    }

    /// The value of `NAME=value`, up to its attributes, if it is of this name.
    fn value_of<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let pair = pair.split(|&byte| byte == b';').next()?;
        let at = memchr::memchr(b'=', pair)?;
        (pair[..at].trim_ascii() == self.name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    }

    fn hide(&self, fields: &mut Fields, bytes: &[u8]) -> Result<(), EditError> {
        let count = fields.values(bytes, b"cookie").count();
        // From the last to the first, so that one that vanishes moves none that is still to be looked at.
        for nth in (0..count).rev() {
            let Some(list) = fields.values(bytes, b"cookie").nth(nth) else { break };
            let is_other = |pair: &&[u8]| self.value_of(pair).is_none();
            let others: Vec<&[u8]> = list.split(|&byte| byte == b';').filter(is_other).collect();
            let others = others.join(&b';');
            let others = others.trim_ascii();
            if others.is_empty() {
                fields.delete_nth(bytes, b"cookie", nth)?;
            } else if others.len() < list.len() {
                let others = others.to_vec();
                fields.replace(bytes, b"cookie", nth, &others)?;
            }
        }
        Ok(())
    }
}

/// Whether a shared cache may keep it, as HAProxy judges: by its status, what it says of caching, and whether it could be found fresh
/// or validated (RFC 9111 §3).
fn is_cacheable(response: &Response, bytes: &[u8]) -> bool {
    let mut is_cacheable = matches!(response.status(), 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
    let fields = response.fields();
    let has = |name: &[u8]| fields.values(bytes, name).next().is_some();
    is_cacheable &= !fields.values(bytes, b"pragma").any(|value| value.eq_ignore_ascii_case(b"no-cache"));
    let mut is_fresh = has(b"expires");
    let directives = fields.values(bytes, b"cache-control").flat_map(|list| list.split(|&byte| byte == b','));
    for directive in directives.map(<[u8]>::trim_ascii) {
        let is = |word: &str| directive.eq_ignore_ascii_case(word.as_bytes());
        let begins =
            |word: &str| directive.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        if is("public") {
            is_cacheable = true;
        } else if ["private", "no-cache", "no-store", "max-age=0", "s-maxage=0"].into_iter().any(is) {
            is_cacheable = false;
        } else if begins("s-maxage") || begins("max-age") {
            is_fresh = true;
        }
    }
    is_cacheable && (is_fresh || has(b"etag") || has(b"last-modified"))
}
