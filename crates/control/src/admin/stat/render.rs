//! The forms of `show stat`: CSV, typed, JSON.

use super::{COLUMNS, Column, Row, Subject};
use crate::admin::field::{json_tail, quoted};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    /// `desc`: with the meaning of each column.
    Typed {
        is_described: bool,
    },
    Json,
}

/// All rows in one form, with what goes around them.
pub(crate) fn render(rows: impl Iterator<Item = Row>, form: Form) -> String {
    let mut out = String::new();
    match form {
        Form::Csv => {
            header(&mut out);
            rows.for_each(|row| csv(&row, &mut out));
        }
        Form::Typed { is_described } => rows.for_each(|row| typed(&row, is_described, &mut out)),
        Form::Json => {
            out.push('[');
            for (index, row) in rows.enumerate() {
                out.push_str(if index == 0 { "[" } else { ",[" });
                json(&row, &mut out);
                out.push(']');
            }
            out.push_str("]\n");
        }
    }
    out
}

fn header(out: &mut String) {
    out.push_str("# ");
    for (index, column) in COLUMNS.iter().enumerate() {
        push(out, column.name);
        separate(index, out);
    }
    out.push('\n');
}

fn csv(row: &Row, out: &mut String) {
    for (index, value) in row.values() {
        push(out, &value.map(|value| value.csv()).unwrap_or_default());
        separate(index, out);
    }
    out.push('\n');
}

fn push(out: &mut String, cell: &str) {
    out.push_str(cell);
    out.push(',');
}

/// Between the columns of proxies and those of protocols there is one that says nothing.
fn separate(index: usize, out: &mut String) {
    if index == Column::LAST_OF_PROXIES as usize {
        push(out, "-");
    }
}

fn typed(row: &Row, is_described: bool, out: &mut String) {
    for (index, value) in row.values() {
        let Some(value) = value else { continue };
        let (definition, tags) = (&COLUMNS[index], tags(row, index));
        let (letter, iid, sid) = (letter(row.subject), row.iid, row.sid);
        // A string takes this.
        let _ = write!(out, "{letter}.{iid}.{sid}.{index}.{}.1:{}:{}:{value}", definition.name, tags.0, value.kind());
        if is_described {
            let _ = write!(out, ":\"{}\"", definition.doc);
        }
        out.push('\n');
    }
}

fn json(row: &Row, out: &mut String) {
    let mut separator = "";
    for (index, value) in row.values() {
        let Some(value) = value else { continue };
        let _ = write!(
            out,
            "{separator}{{\"objType\":\"{}\",\"proxyId\":{},\"id\":{},\"field\":{{\"pos\":{index},\"name\":{}}},{}}}",
            word(row.subject),
            row.iid,
            row.sid,
            quoted(COLUMNS[index].name),
            json_tail(tags(row, index), value)
        );
        separator = ",";
    }
}

fn tags(row: &Row, index: usize) -> crate::admin::field::Tags {
    COLUMNS[index].tags_of(row.subject == Subject::Backend)
}

fn letter(subject: Subject) -> char {
    match subject {
        Subject::Frontend => 'F',
        Subject::Backend => 'B',
        Subject::Server => 'S',
        Subject::Listener => 'L',
    }
}

fn word(subject: Subject) -> &'static str {
    match subject {
        Subject::Frontend => "Frontend",
        Subject::Backend => "Backend",
        Subject::Server => "Server",
        Subject::Listener => "Listener",
    }
}
