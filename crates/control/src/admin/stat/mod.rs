//! `show stat`: what there is to tell of every frontend, backend and server, and its three forms.
//!
//! ```text
//!   Facts ──rows──▶ Row, Row, … ──render──▶ CSV, typed, JSON
//!                    └ a value for each Column that applies
//! ```
//!
//! Rows know nothing of their form, so a page or an exporter reads the same ones.

mod columns;
mod render;
mod rows;
pub(crate) mod weights;

pub(crate) use columns::{COLUMNS, Column};
pub(crate) use render::{Form, render};
pub(crate) use rows::{Filter, Hidden, rows};

use super::field::Value;

/// What a row tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Frontend,
    Backend,
    Server,
    /// Of a frontend that counts them one by one.
    Listener,
}

impl Subject {
    /// The number of the column `type`.
    fn number(self) -> u32 {
        match self {
            Subject::Frontend => 0,
            Subject::Backend => 1,
            Subject::Server => 2,
            Subject::Listener => 3,
        }
    }
}

/// One frontend, backend, server or listener.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) subject: Subject,
    /// Number of the proxy, and of the server or the listener within it.
    pub(crate) iid: u32,
    pub(crate) sid: u32,
    /// By [`Column`]; `None` where the column does not apply.
    values: Vec<Option<Value>>,
}

impl Row {
    fn new(subject: Subject, iid: u32, sid: u32) -> Row {
        let mut row = Row { subject, iid, sid, values: vec![None; COLUMNS.len()] };
        row.u32(Column::Pid, 1_u32);
        row.u32(Column::Iid, iid);
        row.u32(Column::Sid, sid);
        row.u32(Column::Type, subject.number());
        row
    }

    /// `None` where the column does not apply.
    pub(crate) fn get(&self, column: Column) -> Option<&Value> {
        self.values[column as usize].as_ref()
    }

    /// As text; empty where the column does not apply.
    pub(crate) fn text_of(&self, column: Column) -> String {
        self.get(column).map(ToString::to_string).unwrap_or_default()
    }

    /// Values in the order of the columns.
    fn values(&self) -> impl Iterator<Item = (usize, Option<&Value>)> {
        self.values.iter().map(Option::as_ref).enumerate()
    }

    fn set(&mut self, column: Column, value: Value) {
        self.values[column as usize] = Some(value);
    }

    fn text(&mut self, column: Column, text: impl Into<String>) {
        self.set(column, Value::text(text));
    }

    fn u32(&mut self, column: Column, value: impl TryInto<u32>) {
        self.set(column, Value::u32(value));
    }

    fn u64(&mut self, column: Column, value: u64) {
        self.set(column, Value::U64(value));
    }
}

/// A count; 0 where the column does not apply, or is none.
pub(crate) fn number(row: &Row, column: Column) -> u64 {
    match row.get(column) {
        Some(Value::U32(value)) => (*value).into(),
        Some(Value::U64(value)) => *value,
        Some(Value::S32(value)) => u64::try_from(*value).unwrap_or(0),
        Some(Value::Text(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests;
