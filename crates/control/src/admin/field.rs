//! Values with what the typed and the JSON output say about them (`management.txt` §9.2).

use std::fmt;

/// Origin, nature, scope and persistence, a letter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tags(pub(crate) &'static str);

impl Tags {
    pub(crate) fn origin(self) -> &'static str {
        match self.letter(0) {
            b'M' => "Metric",
            b'S' => "Status",
            b'K' => "Key",
            b'C' => "Config",
            b'P' => "Product",
            letter => unreachable!("no origin {letter}"),
        }
    }

    pub(crate) fn nature(self) -> &'static str {
        match self.letter(1) {
            b'G' => "Gauge",
            b'L' => "Limit",
            b'm' => "Min",
            b'M' => "Max",
            b'R' => "Rate",
            b'C' => "Counter",
            b'D' => "Duration",
            b'A' => "Age",
            b'T' => "Time",
            b'N' => "Name",
            b'O' => "Output",
            b'a' => "Avg",
            letter => unreachable!("no nature {letter}"),
        }
    }

    pub(crate) fn scope(self) -> &'static str {
        match self.letter(2) {
            b'C' => "Cluster",
            b'P' => "Process",
            b'S' => "Service",
            b's' => "System",
            letter => unreachable!("no scope {letter}"),
        }
    }

    fn letter(self, index: usize) -> u8 {
        self.0.as_bytes()[index]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    U32(u32),
    U64(u64),
    S32(i32),
    Text(String),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A count in a column of 32 bits.
    pub(crate) fn u32(value: impl TryInto<u32>) -> Value {
        Value::U32(value.try_into().unwrap_or(u32::MAX))
    }

    /// HAProxy's word for the type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::U32(_) => "u32",
            Value::U64(_) => "u64",
            Value::S32(_) => "s32",
            Value::Text(_) => "str",
        }
    }

    /// As JSON has it.
    pub(crate) fn json(&self) -> String {
        match self {
            Value::Text(text) => quoted(text),
            Value::U32(_) | Value::U64(_) | Value::S32(_) => self.to_string(),
        }
    }

    /// As a cell of a CSV line (RFC 4180 §2): quoted where it must be.
    pub(crate) fn csv(&self) -> String {
        match self {
            Value::Text(text) if text.contains(['"', ',', '\r', '\n']) => format!("\"{}\"", text.replace('"', "\"\"")),
            Value::Text(_) | Value::U32(_) | Value::U64(_) | Value::S32(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::U32(value) => value.fmt(f),
            Value::U64(value) => value.fmt(f),
            Value::S32(value) => value.fmt(f),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// A JSON string (RFC 8259 §7).
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if u32::from(control) < 0x20 => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// What JSON says of a field beside its name: HAProxy's words and order.
pub(crate) fn json_tail(tags: Tags, value: &Value) -> String {
    format!(
        "\"processNum\":1,\"tags\":{{\"origin\":\"{}\",\"nature\":\"{}\",\"scope\":\"{}\"}},\
         \"value\":{{\"type\":\"{}\",\"value\":{}}}",
        tags.origin(),
        tags.nature(),
        tags.scope(),
        value.kind(),
        value.json()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"b\\c\nd\u{1}é"), "\"a\\\"b\\\\c\\nd\\u0001é\"");
        assert_eq!(Value::text("General socket error, \"x\"").csv(), "\"General socket error, \"\"x\"\"\"");
        assert_eq!(Value::text("no check").csv(), "no check");
    }

    /// The first field of `show stat json` of HAProxy 2.6.
    #[test]
    fn a_field_in_json() {
        assert_eq!(
            json_tail(Tags("KNSV"), &Value::text("fe")),
            r#""processNum":1,"tags":{"origin":"Key","nature":"Name","scope":"Service"},"value":{"type":"str","value":"fe"}"#
        );
    }
}
