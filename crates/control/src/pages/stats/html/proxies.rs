//! A section for each proxy: what its clients do, what its servers do, and the servers.

use super::super::form::ACTIONS;
use super::super::view::View;
use super::frame::Frame;
use super::server::{self, Actions};
use super::{Text, words};
use crate::admin::Facts;
use crate::admin::latency::Part;
use crate::admin::stat::{Column, Filter, Row, Subject, number, rows};
use crate::trends::Trends;
use table::{Backend, Proxy};

/// Columns of servers, with whether they are text.
const COLUMNS: [(&str, bool); 10] = [
    ("Server", true),
    ("State", true),
    ("Sessions", false),
    ("Sessions per second", true),
    ("Queue", false),
    ("Connect p50 / p99", false),
    ("Session p50 / p99", false),
    ("Bytes in / out", false),
    ("Errors", false),
    ("Weight", false),
];

pub(super) fn render(
    facts: &Facts<'_>,
    trends: &Trends,
    frame: &Frame<'_>,
    view: &View<'_>,
    may_act: bool,
    text: &mut Text,
) {
    for proxy in &facts.table.proxies {
        let filter = Filter { proxy: Some(proxy.number.value), ..view.filter.clone() };
        let rows: Vec<Row> = rows(facts, &filter).collect();
        let Some(name) = rows.first().and_then(|row| row.get(Column::Pxname)).map(ToString::to_string) else {
            continue;
        };
        if frame.site.shows_proxy(&name) {
            let actions = may_act && rows.iter().any(|row| row.subject == Subject::Server);
            section(facts, trends, frame, &Section { proxy, name: &name, rows: &rows, actions }, text);
        }
    }
}

/// One proxy, as it is shown.
struct Section<'a> {
    proxy: &'a Proxy,
    name: &'a str,
    rows: &'a [Row],
    /// Whether something may be done to its servers.
    actions: bool,
}

fn section(facts: &Facts<'_>, trends: &Trends, frame: &Frame<'_>, section: &Section<'_>, text: &mut Text) {
    let Section { proxy, name, rows, actions } = section;
    let of = |subject: Subject| rows.iter().find(move |row| row.subject == subject);
    let (front, back) = (of(Subject::Frontend), of(Subject::Backend));
    text.put("<section class=\"proxy\" data-text=\"").say(name.to_lowercase()).put("\"><header><h2>").say(name);
    for row in [front, back].into_iter().flatten() {
        text.put(" ").state(&row.text_of(Column::Status));
    }
    let kind =
        [Column::Mode, Column::Algo].map(|column| back.or(front).map(|row| row.text_of(column)).unwrap_or_default());
    text.put(" <span class=\"kind\">").say(kind.join(" ").trim_end()).put("</span></h2></header>");
    if let Some(row) = front {
        clients(row, text);
    }
    if let (Some(row), Some(id)) = (back, proxy.backend) {
        servers(row, facts.table.backend(id), text);
        table(facts, trends, frame, section, text, *actions);
    }
    text.put("</section>");
}

fn clients(row: &Row, text: &mut Text) {
    text.put("<div class=\"facts\"><h3>Clients</h3><dl>");
    sessions(row, text);
    let most = format!("most {}", words::count(number(row, Column::RateMax)));
    text.fact("Per second", words::count(number(row, Column::Rate)), most);
    traffic(row, text);
    let denied = [Column::Dreq, Column::Dresp, Column::Dcon, Column::Dses].map(|column| number(row, column));
    text.fact("Denied", words::count(denied.iter().sum()), "");
    text.put("</dl></div>");
}

fn servers(row: &Row, backend: &Backend, text: &mut Text) {
    text.put("<div class=\"facts\"><h3>Servers</h3><dl>");
    let usable = number(row, Column::Act) + number(row, Column::Bck);
    text.fact("Usable", words::count(usable), format!("of {}", backend.servers.len()));
    sessions(row, text);
    let most = format!("most {}", words::count(number(row, Column::Qmax)));
    text.fact("Queue", words::count(number(row, Column::Qcur)), most);
    let tally = &backend.state.tally;
    text.fact("Connect p50 / p99", words::percentiles(&Part::Connect.of(tally)), "");
    text.fact("Session p50 / p99", words::percentiles(&Part::Total.of(tally)), "");
    traffic(row, text);
    text.fact("Errors", words::count(server::errors(row)), server::repeated(row));
    text.put("</dl></div>");
}

fn sessions(row: &Row, text: &mut Text) {
    let limit = row.get(Column::Slim).filter(|_| row.subject == Subject::Frontend);
    let limit = limit.map_or(String::new(), |_| format!("of {}, ", words::count(number(row, Column::Slim))));
    let aside = format!("{limit}most {}", words::count(number(row, Column::Smax)));
    text.fact("Sessions", words::count(number(row, Column::Scur)), aside);
}

fn traffic(row: &Row, text: &mut Text) {
    let [bytes_in, bytes_out] = [Column::Bin, Column::Bout].map(|column| words::bytes(number(row, column)));
    text.fact("In / out", format!("{bytes_in} / {bytes_out}"), "");
}

fn table(
    facts: &Facts<'_>,
    trends: &Trends,
    frame: &Frame<'_>,
    section: &Section<'_>,
    text: &mut Text,
    has_actions: bool,
) {
    let mut rows = section.rows.iter().filter(|row| row.subject == Subject::Server).peekable();
    if rows.peek().is_none() {
        return;
    }
    if has_actions {
        text.put("<form method=\"post\" action=\"").say(&frame.site.uri).put("\">");
        for (name, value) in [("token", frame.secret.as_str()), ("b", section.name)] {
            text.put("<input type=\"hidden\" name=\"").put(name).put("\" value=\"").say(value).put("\">");
        }
    }
    text.put("<div class=\"scroll\"><table><caption class=\"hidden\">Servers of ").say(section.name);
    text.put("</caption><thead><tr>");
    if has_actions {
        text.put("<th scope=\"col\"><span class=\"hidden\">Choose</span></th>");
    }
    for (name, is_text) in COLUMNS {
        text.put(if is_text { "<th scope=\"col\" class=\"text\">" } else { "<th scope=\"col\">" })
            .say(name)
            .put("</th>");
    }
    text.put("</tr></thead><tbody>");
    let actions = if has_actions { Actions::Offered } else { Actions::None };
    for row in rows {
        let backend = facts.table.backend(section.proxy.backend.expect("servers have a backend"));
        // Servers are numbered from 1 in the order of the file.
        let known = &backend.servers[row.sid as usize - 1];
        server::row(facts, trends, row, known, actions, text);
    }
    text.put("</tbody></table></div>");
    if has_actions {
        text.put("<div class=\"actions\"><label>With the chosen servers <select name=\"action\">");
        text.put("<option value=\"\">choose an action</option>");
        for action in ACTIONS {
            text.put("<option value=\"").put(action.word).put("\">").say(action.text).put("</option>");
        }
        text.put("</select></label> <button>Go on</button><span>You will be asked before anything happens.</span></div></form>");
    }
}
