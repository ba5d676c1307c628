//! Masking what differs between two runs of the same thing, so that lines can be compared.
//!
//! | in the line | masked |
//! |---|---|
//! | `Nov 22 18:02:37`, `[22/Nov/2026:18:02:42.332]` | `DATE`, `[DATE]` |
//! | `2026-11-22T18:02:42.332001+00:00`, `22/Nov/2026:18:02:42` | `DATE` |
//! | `haproxy[13654]:`, `(13654)`, the pid of an RFC 5424 header | `haproxy[PID]:`, `(PID)`, `PID` |
//! | `127.0.0.1:55046`, `[::1]:80`, `::1:44650` | `127.0.0.1:PORT`, `[::1]:PORT`, `::1:PORT` |
//! | `1/0/3001`, `1/-1/2`, `+3` where times are | `T/T/T`, `T/-1/T`, `+T`: -1 says that a phase was not reached, so it stays |
//! | `check duration: 3ms` | `check duration: Tms` |
//!
//! HAProxy 3.x words a refused check `ECONNREFUSED returned by OS (Connection refused)`, 2.6 `Connection refused`: the latter stands
//! for both.

use std::net::IpAddr;

/// The times of a tcplog line, `Tw/Tc/Tt` in milliseconds; -1 where a phase was not reached.
///
/// # Panics
/// When `line` is not such a line.
pub fn tcp_times(line: &str) -> [i64; 3] {
    let mut words = after_accept_date(line).split_ascii_whitespace();
    let word = words.nth(2).unwrap_or_else(|| panic!("not a tcplog line: {line}"));
    let times: Vec<i64> = word.split('/').map(|time| time.trim_start_matches('+').parse().unwrap_or(-2)).collect();
    times.try_into().unwrap_or_else(|_| panic!("not a tcplog line: {line}"))
}

/// What follows the accept date: frontend, backend/server, times, bytes, and so on; empty when there is none.
fn after_accept_date(line: &str) -> &str {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('[') {
        if let Some((inside, after)) = after.split_once(']')
            && is_accept_date(inside)
        {
            return after;
        }
        rest = after;
    }
    ""
}

/// `22/Nov/2026:18:02:42.332`
fn is_accept_date(text: &str) -> bool {
    text.len() == 24 && text.as_bytes()[2] == b'/' && text.as_bytes()[20] == b'.'
}

/// `22/Nov/2026:18:02:42`
fn is_common_date(text: &str) -> bool {
    text.len() == 20 && text.as_bytes()[2] == b'/' && text.as_bytes()[6] == b'/' && text.as_bytes()[17] == b':'
}

/// `2026-11-22T18:02:42.332001+00:00`
fn is_iso_date(text: &str) -> bool {
    text.len() == 32 && text.as_bytes()[10] == b'T' && text.as_bytes()[19] == b'.' && text.as_bytes()[29] == b':'
}

/// Masks a log line or a line of stderr.
pub fn line(line: &str) -> String {
    let line = line.replace("ECONNREFUSED returned by OS (Connection refused)", "Connection refused");
    let (priority, rest) = split_priority(&line);
    let rest = without_syslog_date(rest).map_or_else(|| rest.to_owned(), |rest| format!("DATE {rest}"));
    let is_tcplog = !after_accept_date(&rest).is_empty();
    let mut words: Vec<String> = rest.split(' ').map(|word| masked_word(word, is_tcplog)).collect();
    // RFC 5424 section 6: VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID.
    if let [version, date, _, _, pid, ..] = &mut words[..]
        && version == "1"
        && date == "DATE"
    {
        *pid = "PID".to_owned();
    }
    format!("{priority}{}", words.join(" "))
}

fn masked_word(word: &str, is_tcplog: bool) -> String {
    let bare = word.trim_start_matches(['[', '(']).trim_end_matches([']', ')', ':', '.', ',']);
    let masked = if is_accept_date(bare) || is_common_date(bare) || is_iso_date(bare) {
        "DATE".to_owned()
    } else if let Some(address) = without_port(bare) {
        format!("{address}:PORT")
    } else if let Some((tag, pid)) = bare.rsplit_once('[')
        && is_number(pid)
    {
        format!("{tag}[PID")
    } else if word.starts_with('(') && is_number(bare) {
        "PID".to_owned()
    } else if let Some(number) = bare.strip_suffix("ms")
        && is_number(number)
    {
        "Tms".to_owned()
    } else if is_tcplog && is_times(bare) {
        bare.split('/').map(masked_time).collect::<Vec<_>>().join("/")
    } else {
        return word.to_owned();
    };
    word.replacen(bare, &masked, 1)
}

/// What an httplog line says behind the accept date, its five times masked.
///
/// # Panics
/// When `line` is not such a line.
pub fn http(line: &str) -> String {
    let masked = self::line(line);
    let (_, said) = masked.split_once("[DATE] ").expect("an accept date");
    let mut words: Vec<String> = said.split(' ').map(str::to_owned).collect();
    words[2] = words[2].split('/').map(masked_time).collect::<Vec<_>>().join("/");
    words.join(" ")
}

/// `<150>` and the rest.
fn split_priority(line: &str) -> (&str, &str) {
    let end = if line.starts_with('<') { line.find('>').map_or(0, |at| at + 1) } else { 0 };
    line.split_at(end)
}

/// What follows `Mmm dd hh:mm:ss ` (RFC 3164 section 4.1.2), if the line starts with it.
fn without_syslog_date(line: &str) -> Option<&str> {
    let (date, rest) = line.split_at_checked(16)?;
    let bytes = date.as_bytes();
    (bytes[3] == b' ' && bytes[9] == b':' && bytes[12] == b':' && bytes[15] == b' ').then_some(rest)
}

/// The address of `ADDRESS:PORT`, in brackets or not.
fn without_port(word: &str) -> Option<&str> {
    let (address, port) = word.rsplit_once(':')?;
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    (is_number(port) && bare.parse::<IpAddr>().is_ok()).then_some(address)
}

/// `Tw/Tc/Tt`: three numbers, unlike the five of the connection counts and the two of the queues.
fn is_times(word: &str) -> bool {
    word.split('/').count() == 3 && word.split('/').all(|part| is_number(part.trim_start_matches(['+', '-'])))
}

fn masked_time(time: &str) -> String {
    match time.strip_prefix('+') {
        Some(_) => "+T".to_owned(),
        None if time == "-1" => time.to_owned(),
        None => "T".to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked_and_nothing_else() {
        for (given, expect) in [
            (
                "<150>Nov 22 18:02:42 haproxy[13654]: 127.0.0.1:55062 [22/Nov/2026:18:02:39.126] imap bimap/s1 1/0/3001 6 cD 1/1/0/0/0 0/0",
                "<150>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] imap bimap/s1 T/T/T 6 cD 1/1/0/0/0 0/0",
            ),
            (
                "<150>Nov  2 18:02:42 haproxy[1]: ::1:44650 [02/Nov/2026:18:02:38.164] imap bimap/<NOSRV> -1/-1/0 0 SC 1/1/0/0/+1 0/0",
                "<150>DATE haproxy[PID]: ::1:PORT [DATE] imap bimap/<NOSRV> -1/-1/T 0 SC 1/1/0/0/+1 0/0",
            ),
            (
                "<150>Nov 22 18:02:37 haproxy[13654]: Connect from 127.0.0.1:56148 to 127.0.0.1:18145 (fv1/TCP)",
                "<150>DATE haproxy[PID]: Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (fv1/TCP)",
            ),
            (
                "<150>1 2026-11-22T22:37:39.520246+00:00 - haproxy 16669 - - 127.0.0.1:42004 [22/Nov/2026:22:37:39.216] px px/s1 1/0/303 6 -- 1/1/0/0/0 0/0",
                "<150>1 DATE - haproxy PID - - 127.0.0.1:PORT [DATE] px px/s1 T/T/T 6 -- 1/1/0/0/0 0/0",
            ),
            ("22/Nov/2026:22:37:39 +0000 16669", "DATE +0000 16669"),
            (
                "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"ECONNREFUSED returned by OS (Connection refused)\", check duration: 0ms. 2 active",
                "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: Tms. 2 active",
            ),
            (
                "[ALERT]    (13654) : Binding [ok.cfg:10] for frontend fe: cannot bind socket for [127.0.0.1:21143].",
                "[ALERT]    (PID) : Binding [ok.cfg:10] for frontend fe: cannot bind socket for [127.0.0.1:PORT].",
            ),
        ] {
            assert_eq!(line(given), expect);
        }
    }

    #[test]
    fn the_times_of_a_line_are_read() {
        let line = "<150>Nov 22 18:02:42 haproxy[13654]: 127.0.0.1:55062 [22/Nov/2026:18:02:39.126] imap bimap/s1 1/-1/3001 6 cD 1/1/0/0/0 0/0";
        assert_eq!(tcp_times(line), [1, -1, 3001]);
    }
}
