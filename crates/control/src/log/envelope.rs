//! What stands in front of a line's text: the header of each syslog format, byte for byte as HAProxy's (`configuration.txt: log`).

use super::calendar::Date;
use std::io::Write;
use table::{Envelope, LogHost, LogLevel, LogTarget};

/// Who speaks.
#[derive(Debug)]
pub struct Speaker {
    pub pid: u32,
    pub hostname: String,
}

/// What is sent, before it is put into an envelope.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub level: LogLevel,
    pub sent_at: Date,
    /// RFC 5424's structured data (`log-format-sd`); empty is none.
    pub structured: &'a [u8],
    pub text: &'a [u8],
}

/// Appends a whole datagram, its newline included, cut at the target's `len`.
pub fn push(target: &LogTarget, speaker: &Speaker, letter: Letter<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    push_header(target, speaker, letter, out);
    out.extend_from_slice(letter.text);
    out.truncate(start + usize::from(target.line_len_max).saturating_sub(1));
    out.push(b'\n');
}

fn push_header(target: &LogTarget, speaker: &Speaker, letter: Letter<'_>, out: &mut Vec<u8>) {
    let level = letter.level as u16;
    let priority = u16::from(target.facility) * 8 + level;
    match target.envelope {
        Envelope::Local | Envelope::Rfc3164 => {
            push_number(priority, out);
            letter.sent_at.push_syslog(out);
            out.push(b' ');
            if target.envelope == Envelope::Rfc3164 {
                out.extend_from_slice(hostname(target, speaker).unwrap_or("localhost").as_bytes());
                out.push(b' ');
            }
            write!(out, "{}[{}]: ", target.tag, speaker.pid).expect("memory takes everything");
        }
        Envelope::Rfc5424 => {
            push_number(priority, out);
            out.extend_from_slice(b"1 ");
            letter.sent_at.push_iso(out);
            let host = hostname(target, speaker).unwrap_or("-");
            write!(out, " {host} {} {} - ", target.tag, speaker.pid).expect("memory takes everything");
            let structured = letter.structured.trim_ascii_end();
            out.extend_from_slice(if structured.is_empty() { b"-" } else { structured });
            out.push(b' ');
        }
        Envelope::Priority => push_number(priority, out),
        Envelope::Short => push_number(level, out),
        Envelope::Timed => {
            push_number(level, out);
            letter.sent_at.push_iso(out);
            out.push(b' ');
        }
        Envelope::Iso => {
            letter.sent_at.push_iso(out);
            out.push(b' ');
        }
        Envelope::Raw => (),
    }
}

/// The priority in angle brackets (RFC 3164 §4.1.1).
fn push_number(number: u16, out: &mut Vec<u8>) {
    write!(out, "<{number}>").expect("memory takes everything");
}

fn hostname<'a>(target: &'a LogTarget, speaker: &'a Speaker) -> Option<&'a str> {
    match &target.host {
        LogHost::Unsent => None,
        LogHost::System => Some(&speaker.hostname),
        LogHost::Named(name) => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Calendar;
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use table::LogSink;

    const TEXT: &str = "127.0.0.1:42004 [22/Nov/2026:22:37:39.216] px px/s1 1/0/303 6 -- 1/1/0/0/0 0/0";

    fn sent(target: &LogTarget, level: LogLevel, time: &str, structured: &str, text: &str) -> String {
        let sent_at = Calendar::new(TimeZone::UTC).date(time.parse::<Timestamp>().expect("a time"));
        let speaker = Speaker { pid: 16669, hostname: "vm".into() };
        let letter = Letter { level, sent_at, structured: structured.as_bytes(), text: text.as_bytes() };
        let mut out = Vec::new();
        push(target, &speaker, letter, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn target(envelope: Envelope, host: LogHost) -> LogTarget {
        LogTarget { envelope, host, facility: 18, ..LogTarget::to(LogSink::Stdout) }
    }

    /// Datagrams that HAProxy 2.6.12 sent, `local2.info`, with the time and the pid of one of them.
    #[test]
    fn headers() {
        let unsent = || LogHost::Unsent;
        let named = || LogHost::Named("my.host".into());
        let cases = [
            (Envelope::Local, unsent(), "<150>Nov 22 22:37:39 haproxy[16669]: "),
            (Envelope::Local, named(), "<150>Nov 22 22:37:39 haproxy[16669]: "),
            (Envelope::Rfc3164, unsent(), "<150>Nov 22 22:37:39 localhost haproxy[16669]: "),
            (Envelope::Rfc3164, named(), "<150>Nov 22 22:37:39 my.host haproxy[16669]: "),
            (Envelope::Rfc3164, LogHost::System, "<150>Nov 22 22:37:39 vm haproxy[16669]: "),
            (Envelope::Rfc5424, unsent(), "<150>1 2026-11-22T22:37:39.520246+00:00 - haproxy 16669 - - "),
            (Envelope::Rfc5424, named(), "<150>1 2026-11-22T22:37:39.520246+00:00 my.host haproxy 16669 - - "),
            (Envelope::Priority, unsent(), "<150>"),
            (Envelope::Short, unsent(), "<6>"),
            (Envelope::Timed, unsent(), "<6>2026-11-22T22:37:39.520246+00:00 "),
            (Envelope::Iso, unsent(), "2026-11-22T22:37:39.520246+00:00 "),
            (Envelope::Raw, unsent(), ""),
        ];
        for (envelope, host, header) in cases {
            let line = sent(&target(envelope, host), LogLevel::Info, "2026-11-22T22:37:39.520246Z", "", TEXT);
            assert_eq!(line, format!("{header}{TEXT}\n"));
        }
    }

    #[test]
    fn structured_data() {
        let line = |structured| {
            let target = target(Envelope::Rfc5424, LogHost::Unsent);
            sent(&target, LogLevel::Info, "2026-11-22T22:38:05.886442Z", structured, "text")
        };
        let header = "<150>1 2026-11-22T22:38:05.886442+00:00 - haproxy 16669 - ";
        let structured = "[exampleSDID@1234 bytes=6 be=\"px\"]";
        assert_eq!(line(structured), format!("{header}{structured} text\n"));
        assert_eq!(line("[a@1] "), format!("{header}[a@1] text\n"));
        assert_eq!(line(" "), format!("{header}- text\n"));
    }

    /// RFC 3164 §4.1: facility * 8 + severity; a day of one digit has a blank in front.
    #[test]
    fn priorities_and_tags() {
        let check = |facility, level, date, expected: &str| {
            let target = LogTarget { facility, tag: "my tag".into(), ..LogTarget::to(LogSink::Stdout) };
            assert_eq!(sent(&target, level, date, "", "text"), expected);
        };
        check(16, LogLevel::Info, "2026-11-22T18:13:06Z", "<134>Nov 22 18:13:06 my tag[16669]: text\n");
        check(18, LogLevel::Alert, "2026-01-02T03:04:05Z", "<145>Jan  2 03:04:05 my tag[16669]: text\n");
        check(0, LogLevel::Emerg, "2026-12-31T23:59:59Z", "<0>Dec 31 23:59:59 my tag[16669]: text\n");
    }

    /// HAProxy with `len 80`, on standard output or in a datagram of 3.4.
    #[test]
    fn long_lines_are_cut() {
        let cut = |envelope, text: &str| {
            let target = LogTarget { line_len_max: 80, ..target(envelope, LogHost::Unsent) };
            sent(&target, LogLevel::Info, "2026-11-22T20:03:46.082011Z", "", text)
        };
        let text = "Connect from 127.0.0.1:43968 to 127.0.0.1:21946 (p5/TCP)";
        let local = "<150>Nov 22 20:03:46 haproxy[16669]: Connect from 127.0.0.1:43968 to 127.0.0.1:\n";
        assert_eq!((cut(Envelope::Local, text), local.len()), (local.to_owned(), 80));
        let modern = "<150>1 2026-11-22T20:03:46.082011+00:00 - haproxy 16669 - - Connect from 127.0.\n";
        assert_eq!((cut(Envelope::Rfc5424, text), modern.len()), (modern.to_owned(), 80));
        assert_eq!(cut(Envelope::Raw, text), format!("{text}\n"));
    }
}
