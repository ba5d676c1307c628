//! Metrics in Prometheus's text format, under the names, types and labels of HAProxy's own exporter, so that its dashboards work.
//!
//! Every number is a cell of `show stat` or a field of `show info`, and its help is that of the cell or field. What HAProxy states of
//! a proxy in HTTP mode alone is stated of such ones alone.
//!
//! | file | what it knows |
//! |---|---|
//! | `families` | which metric is which column |
//! | `process` | which metric is which field |
//! | `histograms` | what HAProxy does not have |
//! | `states` | what is told as a series per state |
//! | `text` | the format |

mod families;
mod histograms;
mod process;
mod states;
mod text;

use super::response::Response;
use crate::admin::Facts;
use crate::admin::stat::{Column, Filter, Hidden, Row, Subject, rows};
use http1::Status;
use text::Text;

/// `Content-Type` of the format.
const KIND: &str = "text/plain; version=0.0.4";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    process: bool,
    frontends: bool,
    backends: bool,
    servers: bool,
    listeners: bool,
    hidden: Hidden,
}

impl Wanted {
    const ALL: Wanted =
        Wanted { process: true, frontends: true, backends: true, servers: true, listeners: true, hidden: Hidden::None };
    const NOTHING: Wanted = Wanted {
        process: false,
        frontends: false,
        backends: false,
        servers: false,
        listeners: false,
        hidden: Hidden::None,
    };

    /// As HAProxy's exporter reads it: each `scope` adds something, `scope=` nothing, and without any it is everything; `no-maint`
    /// leaves out the servers in maintenance.
    fn of(query: &str) -> Option<Wanted> {
        let mut wanted: Option<Wanted> = None;
        let mut hidden = Hidden::None;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=').unwrap_or((parameter, "")) {
                ("scope", scope) => wanted.get_or_insert(Wanted::NOTHING).add(scope)?,
                ("no-maint", _) => hidden = Hidden::Maintained,
                // HAProxy passes over what it does not know.
                _ => (),
            }
        }
        Some(Wanted { hidden, ..wanted.unwrap_or(Wanted::ALL) })
    }

    fn add(&mut self, scope: &str) -> Option<()> {
        match scope {
            "" | "sticktable" => (),
            "listener" => self.listeners = true,
            "*" => *self = Wanted::ALL,
            "global" => self.process = true,
            "frontend" => self.frontends = true,
            "backend" => self.backends = true,
            "server" => self.servers = true,
            _ => return None,
        }
        Some(())
    }
}

/// The answer to a scrape.
pub(super) fn answer(facts: &Facts<'_>, query: &str) -> Response {
    match Wanted::of(query) {
        Some(wanted) => Response::ok(KIND, render(facts, &wanted)),
        None => Response::page(Status::BadRequest),
    }
}

fn render(facts: &Facts<'_>, wanted: &Wanted) -> String {
    let filter = Filter { hidden: wanted.hidden, ..Filter::ALL };
    let rows: Vec<Row> = rows(facts, &filter).collect();
    let of = |subject: Subject| rows.iter().filter(move |row| row.subject == subject).collect::<Vec<&Row>>();
    let (frontends, backends, servers) = (of(Subject::Frontend), of(Subject::Backend), of(Subject::Server));
    let mut text = Text::default();
    if wanted.process {
        process::render(facts, &mut text);
    }
    if wanted.frontends {
        families::render(Subject::Frontend, &frontends, &mut text);
    }
    if wanted.listeners {
        families::render(Subject::Listener, &of(Subject::Listener), &mut text);
    }
    if wanted.backends {
        families::render(Subject::Backend, &backends, &mut text);
        states::aggregated(&servers, &mut text);
        histograms::backends(facts.table, &mut text);
    }
    if wanted.servers {
        families::render(Subject::Server, &servers, &mut text);
        histograms::servers(facts.table, &mut text);
    }
    text.into_string()
}

/// What tells a row from the others.
fn labels(row: &Row) -> String {
    let text = |column| row.get(column).map(ToString::to_string).unwrap_or_default();
    let proxy = text::label("proxy", &text(Column::Pxname));
    match row.subject {
        Subject::Frontend | Subject::Backend => proxy,
        Subject::Server => format!("{proxy},{}", text::label("server", &text(Column::Svname))),
        Subject::Listener => format!("{proxy},{}", text::label("listener", &text(Column::Svname))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HAProxy 2.6 reads them.
    #[test]
    fn scopes() {
        assert_eq!(Wanted::of(""), Some(Wanted::ALL));
        assert_eq!(Wanted::of("scope="), Some(Wanted::NOTHING));
        assert_eq!(Wanted::of("scope=*&other"), Some(Wanted::ALL));
        let servers = Wanted { servers: true, hidden: Hidden::Maintained, ..Wanted::NOTHING };
        assert_eq!(Wanted::of("scope=server&no-maint"), Some(servers));
        let both = Wanted { process: true, frontends: true, ..Wanted::NOTHING };
        assert_eq!(Wanted::of("scope=global&scope=frontend"), Some(both));
        assert_eq!(Wanted::of("scope=foo"), None);
    }
}
