//! Clients that come back to their server (`configuration.txt: cookie, ignore-persist, force-persist, option persist`).
//!
//! ```text
//!   request   Cookie: SRV=a ──read──▶ the server of that value, while it is up
//!                                     the server does not see it (insert indirect), or sees what is behind `a~` (prefix)
//!   response  Set-Cookie: SRV=x of the server's own ──give──▶ removed, rewritten to `a`, or to `a~x`
//!             insert: a client that was not served by the server it named is given another cookie
//! ```

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http1::{EditError, Fields, Request, Response};

use crate::cacheable::is_cacheable;
use crate::cookie_dates::Dates;
use crate::{AgeLimits, Condition, Facts, Server};

/// How a backend's clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub name: Box<str>,
    pub mode: CookieMode,
    /// `indirect`: servers never see it (`insert`), and clients that have theirs are given none by servers.
    pub is_indirect: bool,
    /// `nocache`: a response that gives it is made private.
    pub is_uncached: bool,
    /// `postonly`: only responses to POST give it.
    pub is_post_only: bool,
    /// `preserve`: a server's own cookie of this name is passed on, and none is given.
    pub preserves: bool,
    /// `maxidle`, `maxlife`
    pub ages: AgeLimits,
    /// What stands behind the value: `; domain=… ; HttpOnly; Secure`.
    pub attributes: Box<str>,
}

/// Who gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// Servers; it is read only.
    Read,
    /// Servers; their value becomes that of the server.
    Rewrite,
    /// The proxy.
    Insert,
    /// Servers; theirs is put behind that of the server.
    Prefix,
}

/// What the operator makes of persistence for one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persisting {
    #[default]
    Usual,
    /// `ignore-persist`: no cookie counts, and none is given.
    Ignored,
    /// `force-persist`: the server that is named is tried although it is down, and no other.
    Forced,
}

/// `ignore-persist if …`, `force-persist if …`
#[derive(Clone, Debug)]
pub struct PersistRule {
    pub condition: Condition,
    pub makes: Persisting,
}

/// What a client brought (`configuration.txt` §8.5, third letter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brought {
    #[default]
    Nothing,
    /// No server has this value.
    Invalid,
    /// Its server is down, or has failed it.
    Down,
    Valid,
    /// It has not been seen for too long (`maxidle`).
    Expired,
    /// It was given too long ago (`maxlife`).
    Old,
    /// Nobody asked for it: a rule names the server, or wants no persistence.
    Unused,
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
    /// The server's own, with the server's value in it.
    Rewritten,
    /// The one that it brought, with other dates.
    Updated,
}

/// The course of an exchange's cookie.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    pub brought: Brought,
    pub given: Given,
    /// The server that the client named, if it is to be tried.
    pub server: Option<Arc<Server>>,
    /// Cookies are no business of the proxy this time.
    pub is_ignored: bool,
    dates: Dates,
}

/// Where a request's cookie leads, as far as that depends on more than the cookie.
#[derive(Clone, Copy, Debug)]
pub struct Seeking<'a> {
    /// Those of the backend.
    pub servers: &'a [Arc<Server>],
    pub persisting: Persisting,
    /// A rule names the server already.
    pub is_assigned: bool,
    /// Servers that are down are tried all the same.
    pub takes_down: bool,
    /// Since 1970.
    pub now: Duration,
}

/// What a response answers, as far as cookies depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Who has made it.
    pub server: &'a Server,
    /// The client or a rule has named this server.
    pub is_named: bool,
    pub is_post: bool,
    /// Since 1970.
    pub now: Duration,
}

impl PersistRule {
    /// What the first rule says that holds.
    pub(crate) fn judge(rules: &[PersistRule], facts: &Facts<'_>) -> Persisting {
        rules.iter().find(|rule| rule.condition.holds(facts)).map_or(Persisting::Usual, |rule| rule.makes)
    }
}

impl Persistence {
    /// HAProxy's last two letters; there are none where cookies are only read.
    pub fn letters(&self, cookie: &Cookie) -> Option<[u8; 2]> {
        let brought = match self.brought {
            Brought::Nothing => b'N',
            Brought::Invalid => b'I',
            Brought::Down => b'D',
            Brought::Valid => b'V',
            Brought::Expired => b'E',
            Brought::Old => b'O',
            Brought::Unused => b'U',
        };
        let given = match self.given {
            Given::Nothing => b'N',
            Given::Passed => b'P',
            Given::Deleted => b'D',
            Given::Inserted => b'I',
            Given::Rewritten => b'R',
            Given::Updated => b'U',
        };
        (cookie.mode != CookieMode::Read).then_some([brought, given])
    }

    /// The server that the client named has failed it, and another is tried.
    pub fn on_redispatched(&mut self) {
        if self.brought == Brought::Valid {
            self.brought = Brought::Down;
        }
    }
}

impl Cookie {
    /// Reads the request's cookie, and makes of it what servers are to see.
    ///
    /// # Errors
    /// Never in practice: what is written is shorter than what was there.
    pub fn read(&self, request: &mut Request, bytes: &[u8], asked: Seeking<'_>) -> Result<Persistence, EditError> {
        let Seeking { servers, persisting, is_assigned, takes_down, now } = asked;
        let is_ignored = persisting == Persisting::Ignored;
        let mut persistence = Persistence { is_ignored, ..Persistence::default() };
        let values = request.fields().values(bytes, b"cookie").flat_map(|list| list.split(|&byte| byte == b';'));
        for value in values.filter_map(|pair| self.value_of(pair)) {
            if persistence.server.is_some() {
                break;
            }
            let objection = self.objection(value, &mut persistence.dates, now);
            if is_ignored || is_assigned {
                persistence.brought = Brought::Unused;
                break;
            }
            if let Some(objection) = objection {
                persistence.brought = objection;
                continue;
            }
            let id = self.id_of(value);
            let is_it = |server: &&Arc<Server>| server.settings.cookie.as_deref().map(str::as_bytes) == Some(id);
            let mut named = servers.iter().filter(is_it).filter(|_| !id.is_empty()).peekable();
            let is_known = named.peek().is_some();
            persistence.server = named.find(|server| takes_down || server.state.is_up()).cloned();
            persistence.brought = match (&persistence.server, is_known) {
                (Some(server), _) if server.state.is_up() => Brought::Valid,
                (Some(_), _) | (None, true) => Brought::Down,
                (None, false) if persistence.brought == Brought::Nothing => Brought::Invalid,
                (None, false) => persistence.brought,
            };
        }
        if persistence.brought != Brought::Nothing {
            self.hide(request.fields_mut(), bytes)?;
        }
        Ok(persistence)
    }

    /// Makes of a response what its client is to see of cookies.
    ///
    /// # Errors
    /// There is no room for another field, or a longer one.
    pub fn give(
        &self,
        persistence: &mut Persistence,
        response: &mut Response,
        bytes: &[u8],
        answered: Answered<'_>,
    ) -> Result<(), EditError> {
        if persistence.is_ignored {
            return Ok(());
        }
        let Answered { server, is_named, is_post, now } = answered;
        let values = response.fields().values(bytes, b"set-cookie").map(|value| self.value_of(value).is_some());
        let of_server: Vec<usize> = values.enumerate().filter(|&(_, is_it)| is_it).map(|(nth, _)| nth).collect();
        // From the last to the first, so that one that vanishes moves none that is still to be looked at.
        for nth in of_server.into_iter().rev() {
            let own = self.rewritten(response.fields(), bytes, nth, server);
            persistence.given = match own {
                _ if self.preserves => Given::Passed,
                _ if self.mode == CookieMode::Insert || is_named && self.is_indirect => {
                    response.fields_mut().delete_nth(bytes, b"set-cookie", nth)?;
                    Given::Deleted
                }
                Some(value) => {
                    response.fields_mut().replace(bytes, b"set-cookie", nth, &value)?;
                    Given::Rewritten
                }
                None => Given::Passed,
            };
        }
        let is_due = !is_named || self.ages.is_refresh_due(persistence.dates, seconds(now));
        let is_due = is_due && persistence.given != Given::Passed;
        if self.mode == CookieMode::Insert && is_due && (is_post || !self.is_post_only) {
            let mut dates = String::new();
            self.ages.append(persistence.dates, seconds(now), &mut dates);
            self.insert(response, bytes, server, &dates)?;
            let is_updated = is_named && server.settings.cookie.is_some();
            persistence.given = if is_updated { Given::Updated } else { Given::Inserted };
        }
        Ok(())
    }

    fn insert(&self, response: &mut Response, bytes: &[u8], server: &Server, dates: &str) -> Result<(), EditError> {
        let (name, attributes) = (&self.name, &self.attributes);
        let text = match &server.settings.cookie {
            Some(value) => format!("{name}={value}{dates}; path=/{attributes}"),
            // Whatever it has of another server is of no use.
            None => format!("{name}=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/{attributes}"),
        };
        response.fields_mut().add(b"set-cookie", text.as_bytes())?;
        if self.is_uncached && is_cacheable(response, bytes) {
            response.fields_mut().add(b"cache-control", b"private")?;
        }
        Ok(())
    }

    /// A server's own cookie with what says which server it was; `None` where it stays as it is.
    fn rewritten(&self, fields: &Fields, bytes: &[u8], nth: usize, server: &Server) -> Option<Vec<u8>> {
        let id = server.settings.cookie.as_deref()?.as_bytes();
        let text = fields.values(bytes, b"set-cookie").nth(nth)?;
        let value = self.value_of(text)?;
        let start = value.as_ptr() as usize - text.as_ptr() as usize;
        let (name, behind) = (self.name.as_bytes(), &text[start + value.len()..]);
        match self.mode {
            CookieMode::Read | CookieMode::Insert => None,
            CookieMode::Rewrite => Some([name, b"=", id, behind].concat()),
            CookieMode::Prefix => Some([name, b"=", id, b"~", value, behind].concat()),
        }
    }

    /// The value of `NAME=value`, up to its attributes, if it is of this name.
    fn value_of<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let pair = pair.split(|&byte| byte == b';').next()?;
        let at = memchr::memchr(b'=', pair)?;
        (pair[..at].trim_ascii() == self.name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    }

    /// Why a value does not count by its dates, which are taken over.
    fn objection(&self, value: &[u8], dates: &mut Dates, now: Duration) -> Option<Brought> {
        match self.mode {
            CookieMode::Prefix => None,
            CookieMode::Read | CookieMode::Rewrite | CookieMode::Insert => {
                dates.read(value);
                self.ages.objection(dates, seconds(now))
            }
        }
    }

    /// What names the server in a value: not the cookie of its own, nor dates.
    fn id_of<'a>(&self, value: &'a [u8]) -> &'a [u8] {
        let end = match self.mode {
            CookieMode::Prefix => b'~',
            CookieMode::Read | CookieMode::Rewrite | CookieMode::Insert => b'|',
        };
        &value[..memchr::memchr(end, value).unwrap_or(value.len())]
    }

    fn hide(&self, fields: &mut Fields, bytes: &[u8]) -> Result<(), EditError> {
        let count = fields.values(bytes, b"cookie").count();
        // From the last to the first, so that one that vanishes moves none that is still to be looked at.
        for nth in (0..count).rev() {
            let Some(list) = fields.values(bytes, b"cookie").nth(nth) else { break };
            let shown: Vec<Cow<'_, [u8]>> =
                list.split(|&byte| byte == b';').filter_map(|pair| self.shown(pair)).collect();
            let shown = shown.join(&b';');
            let shown = shown.trim_ascii();
            if shown.is_empty() {
                fields.delete_nth(bytes, b"cookie", nth)?;
            } else if shown.len() < list.len() {
                fields.replace(bytes, b"cookie", nth, shown)?;
            }
        }
        Ok(())
    }

    /// What a server is to see of a cookie.
    fn shown<'a>(&self, pair: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(value) = self.value_of(pair) else { return Some(pair.into()) };
        match self.mode {
            CookieMode::Insert if self.is_indirect => None,
            CookieMode::Prefix => Some(match memchr::memchr(b'~', value) {
                Some(at) => {
                    let start = value.as_ptr() as usize - pair.as_ptr() as usize;
                    [&pair[..start], &pair[start + at + 1..]].concat().into()
                }
                None => pair.into(),
            }),
            CookieMode::Insert | CookieMode::Read | CookieMode::Rewrite => Some(pair.into()),
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
