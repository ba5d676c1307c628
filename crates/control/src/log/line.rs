//! A session's line: the pieces of its format, filled with the facts of its record (`configuration.txt` §8.2.6).
//!
//! Nothing is allocated but what the line itself takes. Texts of others (names, addresses) come from the configuration and the
//! kernel; they are written as they are.

use super::calendar::{Calendar, Date};
use super::exchange;
use super::format::{Clocks, Context};
use driver::Addr;
use session::{Cause, Progress, Record, RecordKind};
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;
use table::{Backend, Captured, Field, Frontend, LogLine, Piece, ServerAddr, Style};

/// Everything that a field may ask for.
pub(super) struct Facts<'a> {
    pub(super) record: &'a Record,
    pub(super) progress: &'a Progress,
    pub(super) context: &'a Context<'a>,
}

/// Appends the line. `sampled` is what the samples in it were when it was due.
pub(super) fn push(
    line: &LogLine,
    sampled: Option<&[Captured]>,
    facts: &Facts<'_>,
    clocks: &mut Clocks,
    out: &mut Vec<u8>,
) {
    let mut may_blank = false;
    let mut sampled = sampled.unwrap_or_default().iter();
    for piece in line.pieces() {
        let before = out.len();
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Blank if may_blank => out.push(b' '),
            Piece::Blank => (),
            Piece::Field(field, style) => facts.push(*field, *style, clocks, out),
            Piece::Sample(_, style) => push_sample(sampled.next().and_then(Option::as_deref), *style, out),
        }
        // An empty field leaves it to the piece before whether a blank may follow.
        if out.len() > before {
            may_blank = *piece != Piece::Blank;
        }
    }
}

impl Facts<'_> {
    fn push(&self, field: Field, style: Style, clocks: &mut Clocks, out: &mut Vec<u8>) {
        let Progress { times, server, bytes_in, bytes_out, retries, is_redispatched, counts, passed, .. } =
            self.progress;
        let record = self.record;
        match field {
            Field::AcceptDate => self.accepted(&mut clocks.local).push_accept(out),
            Field::AcceptDateLocal => self.accepted(&mut clocks.local).push_common(out),
            Field::AcceptDateUtc => self.accepted(&mut clocks.utc).push_common(out),
            Field::AcceptMilliseconds => match self.accepted(&mut clocks.local).millisecond() {
                millis if style.is_hexadecimal => append(out, format_args!("{millis:02X}")),
                millis => append(out, format_args!("{millis:03}")),
            },
            Field::AcceptSeconds => {
                push_number(self.accepted(&mut clocks.local).unix_seconds().unsigned_abs(), style, out);
            }
            Field::Backend => {
                push_text(self.backend().map_or(&self.frontend().name, |backend| &backend.name), style, out)
            }
            Field::BackendConns => append(out, format_args!("{}", counts.backend)),
            Field::BackendQueue => append(out, format_args!("{}", passed.backend)),
            Field::BytesIn => append(out, format_args!("{bytes_in}")),
            Field::BytesOut => self.push_growing(u128::from(*bytes_out), out),
            Field::ClientIp => push_ip(&record.client, style, out),
            Field::ClientPort => push_port(&record.client, record.listener, style, out),
            Field::ConnectTime => push_millis(times.connect, out),
            Field::DataTime => push_millis(times.exchange(), out),
            Field::Frontend => push_text(&self.frontend().name, style, out),
            Field::FrontendConns => append(out, format_args!("{}", counts.frontend)),
            Field::FrontendTransport => self.push_transport(style, out),
            Field::FrontIp => push_ip(&record.destination, style, out),
            Field::FrontPort => push_port(&record.destination, record.listener, style, out),
            Field::HandshakeTime => push_millis(Some(times.handshake), out),
            Field::Hostname => push_text(&self.context.speaker.hostname, style, out),
            Field::LineCount => push_number(self.context.line_count, style, out),
            Field::Occasion => push_text(self.occasion(), style, out),
            Field::ProcessConns => append(out, format_args!("{}", counts.process)),
            Field::ProcessId => push_number(u64::from(self.context.speaker.pid), style, out),
            Field::QueueTime => push_millis(times.queue, out),
            Field::Exchange(field) => exchange::push(self, field, style, clocks, out),
            Field::RequestCaptures => exchange::push_captures(self, |exchange| &exchange.request_captures, style, out),
            Field::RequestCaptureWords => exchange::push_words(self, |exchange| &exchange.request_captures, style, out),
            Field::ResponseCaptureWords => {
                exchange::push_words(self, |exchange| &exchange.response_captures, style, out)
            }
            Field::ResponseCaptures => {
                exchange::push_captures(self, |exchange| &exchange.response_captures, style, out)
            }
            Field::Retries => append(out, format_args!("{}{retries}", if *is_redispatched { "+" } else { "" })),
            Field::Server => push_text(server.as_ref().map_or("<NOSRV>", |server| &server.name), style, out),
            Field::ServerConns => append(out, format_args!("{}", counts.server)),
            Field::ServerIp => self.push_server_ip(style, out),
            Field::ServerQueue => append(out, format_args!("{}", passed.server)),
            Field::ServerPort => self.push_server_port(style, out),
            Field::SourceIp => match &self.progress.source {
                Some(addr) => push_ip(addr, style, out),
                None => push_text("", style, out),
            },
            Field::SourcePort => match &self.progress.source {
                Some(addr) => push_port(addr, 0, style, out),
                None => push_text("", style, out),
            },
            Field::Termination => append(out, format_args!("{}", self.progress.end.termination_code())),
            Field::TerminationCookies => {
                append(out, format_args!("{}", self.progress.end.termination_code()));
                let cookie = self.progress.exchange.as_ref().and_then(|exchange| exchange.cookie);
                out.extend_from_slice(&cookie.unwrap_or(*b"--"));
            }
            Field::TlsCipher => push_text(record.agreed.map_or("", |agreed| agreed.cipher), style, out),
            Field::TlsVersion => push_text(record.agreed.map_or("", |agreed| agreed.version.name()), style, out),
            Field::UniqueId => push_sample(record.unique_id.as_deref(), style, out),
            Field::TotalTime | Field::UserTime => self.push_growing(times.total.as_millis(), out),
        }
    }

    /// A number that is larger in the end, if the line does not wait for it (`option logasap`).
    pub(super) fn push_growing(&self, number: u128, out: &mut Vec<u8>) {
        let plus = if self.frontend().log.options.is_early { "+" } else { "" };
        append(out, format_args!("{plus}{number}"));
    }

    /// `~` behind the name says that the listener wants TLS (`configuration.txt` §8.2.3).
    fn push_transport(&self, style: Style, out: &mut Vec<u8>) {
        let name = &self.frontend().name;
        match self.record.listener().is_some_and(|bind| bind.tls.is_some()) {
            true => push_quoted(&format!("{name}~"), style, out),
            false => push_quoted(name, style, out),
        }
    }

    /// HAProxy 3.x's words for `%OG`.
    fn occasion(&self) -> &'static str {
        match (&self.record.kind, self.progress.end.cause) {
            (RecordKind::Connect, _) => "txn_accept",
            (RecordKind::Connected(_), _) => "txn_connect",
            (RecordKind::Ended(_), Cause::BadHeader(_) | Cause::BadHandshake(_)) => "sess_killed",
            (RecordKind::Ended(_), _) => "txn_close",
        }
    }

    fn push_server_ip(&self, style: Style, out: &mut Vec<u8>) {
        match self.progress.server.as_ref().map(|server| server.address()) {
            Some(ServerAddr::Ip(addr)) => push_ip(&Addr::Ip(addr), style, out),
            Some(ServerAddr::Unix(_) | ServerAddr::Abstract(_)) => push_text("unix", style, out),
            Some(ServerAddr::Nowhere(_)) | None => push_text("", style, out),
        }
    }

    fn push_server_port(&self, style: Style, out: &mut Vec<u8>) {
        match self.progress.server.as_ref().map(|server| server.address()) {
            Some(ServerAddr::Ip(addr)) => push_port(&Addr::Ip(addr), 0, style, out),
            Some(ServerAddr::Unix(_) | ServerAddr::Abstract(_)) => out.push(b'0'),
            Some(ServerAddr::Nowhere(_)) | None => push_text("", style, out),
        }
    }

    fn accepted(&self, calendar: &mut Calendar) -> Date {
        calendar.date(self.context.now.wall_at(self.record.accepted_at))
    }

    fn frontend(&self) -> &Frontend {
        self.record.table.frontend(self.record.frontend)
    }

    fn backend(&self) -> Option<&Backend> {
        self.record.backend.map(|backend| &**self.record.table.backend(backend))
    }
}

pub(super) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes everything");
}

/// A text of the configuration or of ours; `-` where it is empty.
pub(super) fn push_text(text: &str, style: Style, out: &mut Vec<u8>) {
    match text {
        "" if style.is_mandatory && !style.is_quoted => out.push(b'-'),
        text => push_quoted(text, style, out),
    }
}

/// What was sampled. Unlike HAProxy's, a line remains one line whatever a client says: controls become `#XX`.
fn push_sample(text: Option<&[u8]>, style: Style, out: &mut Vec<u8>) {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return push_text("", style, out);
    }
    let quote: &[u8] = if style.is_quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    for &byte in text {
        match byte.is_ascii_control() && byte != b'\t' {
            true => append(out, format_args!("#{byte:02X}")),
            false => push_byte(byte, style, out),
        }
    }
    out.extend_from_slice(quote);
}

fn push_quoted(text: &str, style: Style, out: &mut Vec<u8>) {
    let quote: &[u8] = if style.is_quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    text.bytes().for_each(|byte| push_byte(byte, style, out));
    out.extend_from_slice(quote);
}

fn push_byte(byte: u8, style: Style, out: &mut Vec<u8>) {
    if style.is_escaped && matches!(byte, b'"' | b'\\' | b']') {
        out.push(b'\\');
    }
    out.push(byte);
}

/// A number that `X` makes hexadecimal, with four digits at least.
pub(super) fn push_number(number: u64, style: Style, out: &mut Vec<u8>) {
    match style.is_hexadecimal {
        true => append(out, format_args!("{number:04X}")),
        false => append(out, format_args!("{number}")),
    }
}

/// Whole milliseconds; -1 for a point that was never reached.
pub(super) fn push_millis(duration: Option<Duration>, out: &mut Vec<u8>) {
    match duration {
        Some(duration) => append(out, format_args!("{}", duration.as_millis())),
        None => out.extend_from_slice(b"-1"),
    }
}

fn push_ip(addr: &Addr, style: Style, out: &mut Vec<u8>) {
    let Addr::Ip(addr) = addr else { return push_text("unix", style, out) };
    match (addr.ip(), style.is_hexadecimal) {
        (IpAddr::V4(ip), true) => append(out, format_args!("{:08X}", ip.to_bits())),
        (IpAddr::V6(ip), true) => append(out, format_args!("{:032X}", ip.to_bits())),
        (ip, false) if style.is_quoted => append(out, format_args!("\"{ip}\"")),
        (ip, false) => append(out, format_args!("{ip}")),
    }
}

/// Behind a unix socket stands the number of the listener.
fn push_port(addr: &Addr, listener: u32, style: Style, out: &mut Vec<u8>) {
    match addr {
        Addr::Ip(addr) if style.is_hexadecimal => append(out, format_args!("{:04X}", addr.port())),
        Addr::Ip(addr) => append(out, format_args!("{}", addr.port())),
        Addr::Unix(_) | Addr::Unnamed => append(out, format_args!("{listener}")),
    }
}
