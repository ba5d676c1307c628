//! A row for each server.

use super::{Text, words};
use crate::admin::Facts;
use crate::admin::latency::Part;
use crate::admin::stat::{Column, Row, number};
use crate::trends::{POINTS_MOST, Trend, Trends};
use std::fmt::Write;
use table::Server;

/// Whether the row can be chosen for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actions {
    Offered,
    None,
}

pub(super) fn row(facts: &Facts<'_>, trends: &Trends, row: &Row, server: &Server, actions: Actions, text: &mut Text) {
    let [name, address, status] = [Column::Svname, Column::Addr, Column::Status].map(|column| row.text_of(column));
    let state = if server.state.is_up() && server.state.is_usable() { "up" } else { "not" };
    let searched = format!("{} {name} {address} {status}", row.text_of(Column::Pxname)).to_lowercase();
    text.put("<tr data-text=\"").say(searched).put("\" data-state=\"").put(state).put("\">");
    if actions == Actions::Offered {
        text.put("<td class=\"pick\"><input type=\"checkbox\" name=\"s\" value=\"").say(&name);
        text.put("\" aria-label=\"Choose ").say(&name).put("\"></td>");
    }
    text.put("<th scope=\"row\">").say(&name).put("<small>").say(address).put("</small></th>");
    cell(text, true, "State").state(&status).put("<small>").say(standing(facts, row, server)).put("</small></td>");
    sessions(row, text);
    cell(text, true, "Sessions per second");
    if let Some(trend) = trends.of(server) {
        spark(trend, text);
    }
    let most = words::count(number(row, Column::RateMax));
    text.put("<small>now ").say(words::count(number(row, Column::Rate))).put(", most ").say(most).put("</small></td>");
    cell(text, false, "Queue").say(words::count(number(row, Column::Qcur)));
    text.put("<small>most ").say(words::count(number(row, Column::Qmax))).put("</small></td>");
    for (label, part) in [("Connect p50 / p99", Part::Connect), ("Session p50 / p99", Part::Total)] {
        cell(text, false, label).say(words::percentiles(&part.of(&server.state.tally))).put("</td>");
    }
    let [bytes_in, bytes_out] = [Column::Bin, Column::Bout].map(|column| words::bytes(number(row, column)));
    cell(text, false, "Bytes in / out").say(format!("{bytes_in} / {bytes_out}")).put("</td>");
    let errors = errors(row);
    cell(text, false, "Errors");
    text.put(if errors > 0 { "<span class=\"errors\">" } else { "<span>" }).say(words::count(errors)).put("</span>");
    text.put("<small>").say(repeated(row)).put("</small></td>");
    cell(text, false, "Weight").say(number(row, Column::Weight)).put("<small>");
    text.put(if server.settings.backup { "backup" } else { "active" }).put("</small></td></tr>");
}

/// Sessions that failed on the servers' side.
pub(super) fn errors(row: &Row) -> u64 {
    number(row, Column::Econ) + number(row, Column::Eresp)
}

pub(super) fn repeated(row: &Row) -> String {
    let (retries, moved) = (number(row, Column::Wretr), number(row, Column::Wredis));
    format!("{} repeated, {} moved", words::count(retries), words::count(moved))
}

/// On a phone a row is a list, and each cell says what it is.
fn cell<'a>(text: &'a mut Text, is_text: bool, label: &str) -> &'a mut Text {
    text.put(if is_text { "<td class=\"text\" data-label=\"" } else { "<td data-label=\"" }).put(label).put("\">")
}

/// What its checks say, and since when it is so.
fn standing(facts: &Facts<'_>, row: &Row, server: &Server) -> String {
    let since = facts.ledger.server(server).map(|entry| words::ago(entry.age(facts.now.instant)));
    let since = since.map_or(String::new(), |since| format!("for {since}"));
    match row.get(Column::CheckStatus) {
        Some(check) => {
            format!("{check} in {} ms, {since}", number(row, Column::CheckDuration))
        }
        None => since,
    }
}

fn sessions(row: &Row, text: &mut Text) {
    let (current, limit) = (number(row, Column::Scur), number(row, Column::Slim));
    cell(text, false, "Sessions")
        .say(words::count(current))
        .put("<small>most ")
        .say(words::count(number(row, Column::Smax)));
    if limit > 0 {
        text.put(", limit ").say(words::count(limit)).put("</small><span class=\"load\"><i style=\"width:");
        text.say((current * 100 / limit).min(100)).put("%\"></i></span></td>");
    } else {
        text.put("</small></td>");
    }
}

/// A curve of what the last minutes were like, as high as its highest point.
fn spark(trend: &Trend, text: &mut Text) {
    let most = trend.points().max().unwrap_or(0);
    // The last point is at the right, however many there are.
    let start = POINTS_MOST - trend.points().count();
    let mut line = String::new();
    for (x, point) in (start..).zip(trend.points()) {
        let y = 18.0 - 16.0 * f64::from(point) / f64::from(most.max(1));
        // A string takes this.
        let _ = write!(line, "{}{x},{y:.0}", if x == start { 'M' } else { 'L' });
    }
    text.put(
        "<svg class=\"spark\" viewBox=\"0 0 59 18\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"at most ",
    );
    text.say(Trend::per_second(most)).put(" sessions per second over the last minutes\"><path class=\"area\" d=\"");
    text.put(&line).put("L59,18L").say(start).put(",18Z\"/><path d=\"").put(&line).put("\"/></svg>");
}
