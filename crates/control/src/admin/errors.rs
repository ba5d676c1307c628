//! `show errors`: the last messages that could not be read, with what was there of them.

use super::client::Answer;
use super::commands::Call;
use super::desk::Desk;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use table::{Misread, Named, Table};

/// Of a line of a dump, what HAProxy's line buffer holds.
const LINE_SIZE: usize = 79;

/// What of an exchange is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Both,
    Request,
    Response,
}

/// Whose.
enum Whose {
    All,
    Number(u32),
    Section(String),
}

/// `show errors [<proxy>|<iid>] [request|response]`
pub(super) fn show(desk: &mut Desk<'_>, call: &Call<'_>) -> Answer {
    let table = desk.table;
    let (first, second) = (call.word(0), call.word(1));
    let half = match if matches!(first, "request" | "response") { first } else { second } {
        "request" => Half::Request,
        "response" => Half::Response,
        _ => Half::Both,
    };
    let whose = match (first, first.parse::<i64>()) {
        ("" | "request" | "response", _) | (_, Ok(-1)) => Whose::All,
        (_, Ok(number)) => Whose::Number(u32::try_from(number).unwrap_or(u32::MAX)),
        (name, Err(_)) if table.frontend_named(name).is_none() && table.backend_named(name).is_none() => {
            return "No such proxy.\n".into();
        }
        (name, Err(_)) => Whose::Section(name.to_owned()),
    };
    let now = jiff::Zoned::new(desk.facts().now.wall, jiff::tz::TimeZone::system());
    let count = table.process.misread_count.load(Relaxed);
    let mut text = format!("Total events captured on [{}] : {count}\n", now.strftime(DATE));
    for (misread, is_response) in all(table, half) {
        if whose.is_it(&misread.frontend) || misread.backend.as_ref().is_some_and(|backend| whose.is_it(backend)) {
            push(&mut text, &misread, is_response);
        }
    }
    text.into()
}

const DATE: &str = "%d/%b/%Y:%H:%M:%S.%3f";

impl Whose {
    fn is_it(&self, section: &Named) -> bool {
        match self {
            Whose::All => true,
            Whose::Number(number) => section.number == *number,
            Whose::Section(name) => *section.name == **name,
        }
    }
}

/// In the order of the file; of a section, requests first.
fn all(table: &Table, half: Half) -> impl Iterator<Item = (Arc<Misread>, bool)> {
    table.proxies.iter().flat_map(move |proxy| {
        let request = proxy.frontend.filter(|_| half != Half::Response);
        let request = request.and_then(|id| table.frontend(id).state.last_misread.get());
        let response = proxy.backend.filter(|_| half != Half::Request);
        let response = response.and_then(|id| table.backend(id).state.last_misread.get());
        request.map(|misread| (misread, false)).into_iter().chain(response.map(|misread| (misread, true)))
    })
}

fn push(text: &mut String, misread: &Misread, is_response: bool) {
    let Misread { number, at, frontend, backend, server, client, bytes, why } = misread;
    let shown = |named: Option<&Named>| {
        named.map_or("<NONE> (#-1)".to_owned(), |Named { name, number }| format!("{name} (#{number})"))
    };
    let (front, back) = (shown(Some(frontend)), shown(backend.as_ref()));
    let date = date(*at);
    let client = client.map_or("unix".to_owned(), |client| format!("{}:{}", client.ip(), client.port()));
    let head = match is_response {
        true => format!("[{date}] backend {back}: invalid response\n  frontend {front}"),
        false => format!("[{date}] frontend {front}: invalid request\n  backend {back}"),
    };
    let written = write!(
        text,
        " \n{head}, server {}, event #{number}, src {client}\n  buffer starts at 0 (including 0 out),\n  \
         len {}, error at position {}\n  {why} :\n  \n",
        shown(server.as_ref()),
        bytes.len(),
        why.place(bytes),
    );
    written.expect("memory takes everything");
    dump(text, bytes);
}

fn date(since_1970: Duration) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX));
    let time = time.unwrap_or(jiff::Timestamp::MAX);
    jiff::Zoned::new(time, jiff::tz::TimeZone::system()).strftime(DATE).to_string()
}

/// Line by line; what does not fit into one goes on in another, with a `+` behind its offset.
fn dump(text: &mut String, bytes: &[u8]) {
    let mut at = 0;
    let mut line_start = 0;
    while at < bytes.len() {
        let mut line = format!("  {at:05}{} ", if at == line_start { ' ' } else { '+' });
        while let Some(&byte) = bytes.get(at) {
            let shown = shown(byte);
            if line.len() + shown.len() > LINE_SIZE {
                break;
            }
            line.push_str(&shown);
            at += 1;
            if byte == b'\n' {
                line_start = at;
                break;
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\t' => r"\t".to_owned(),
        b'\n' => r"\n".to_owned(),
        b'\r' => r"\r".to_owned(),
        0x1b => r"\e".to_owned(),
        b'\\' => r"\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 makes of these bytes.
    #[test]
    fn dumps() {
        let mut bytes = b"GET /bad path\x01\xff\\ HTTP/1.1\r\nHost: x\r\nX: \ty\r\n\r\n".to_vec();
        bytes.extend((0..4).flat_map(|_| b'a'..=b'z').chain(b'0'..=b'9'));
        let mut text = String::new();
        dump(&mut text, &bytes);
        let expected = r"  00000  GET /bad path\x01\xFF\\ HTTP/1.1\r\n
  00027  Host: x\r\n
  00036  X: \ty\r\n
  00043  \r\n
  00045  abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr
  00115+ stuvwxyzabcdefghijklmnopqrstuvwxyz0123456789
";
        assert_eq!(text, expected);
    }
}
