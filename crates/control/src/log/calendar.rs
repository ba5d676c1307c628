//! Dates as log lines show them. A second is taken apart once, however many lines are of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds that are remembered: those of the lines that are being written, and of some accepts before them.
const KNOWN_COUNT: usize = 64;

/// The wall clock of one zone.
pub struct Calendar {
    zone: TimeZone,
    /// By the second's remainder.
    known: [Option<Second>; KNOWN_COUNT],
}

/// A point in time, in words of its zone.
#[derive(Clone, Copy, Debug)]
pub struct Date {
    second: Second,
    nanos: u32,
}

#[derive(Clone, Copy, Debug)]
struct Second {
    /// Since 1970 in UTC.
    count: i64,
    year: u16,
    /// From 1.
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    /// East of Greenwich is positive.
    offset_minutes: i32,
}

impl Calendar {
    pub fn new(zone: TimeZone) -> Calendar {
        Calendar { zone, known: [None; KNOWN_COUNT] }
    }

    pub fn date(&mut self, time: Timestamp) -> Date {
        // Before 1970 both parts are negative.
        let (count, nanos) = match (time.as_second(), time.subsec_nanosecond()) {
            (second, nanos @ 0..) => (second, nanos),
            (second, nanos) => (second - 1, nanos + 1_000_000_000),
        };
        let place = count.rem_euclid(KNOWN_COUNT as i64) as usize;
        let second = match self.known[place] {
            Some(second) if second.count == count => second,
            Some(_) | None => *self.known[place].insert(self.take_apart(time, count)),
        };
        Date { second, nanos: nanos.unsigned_abs() }
    }

    fn take_apart(&self, time: Timestamp, count: i64) -> Second {
        let date = time.to_zoned(self.zone.clone());
        Second {
            count,
            year: date.year().unsigned_abs(),
            month: date.month().unsigned_abs(),
            day: date.day().unsigned_abs(),
            hour: date.hour().unsigned_abs(),
            minute: date.minute().unsigned_abs(),
            second: date.second().unsigned_abs(),
            offset_minutes: date.offset().seconds() / 60,
        }
    }
}

impl Date {
    /// Since 1970, in UTC.
    pub fn unix_seconds(&self) -> i64 {
        self.second.count
    }

    pub fn millisecond(&self) -> u32 {
        self.nanos / 1_000_000
    }

    /// `22/Nov/2026:18:13:06.740`.
    pub fn push_accept(&self, out: &mut Vec<u8>) {
        self.push_day_and_time(out);
        out.push(b'.');
        push_padded(self.millisecond(), 3, out);
    }

    /// `22/Nov/2026:18:13:06 +0200`, as the common log format has it.
    pub fn push_common(&self, out: &mut Vec<u8>) {
        self.push_day_and_time(out);
        out.push(b' ');
        self.push_offset("", out);
    }

    /// `Nov  2 18:13:06` (RFC 3164 §4.1.2: the day has a blank in front, no zero).
    pub fn push_syslog(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.month().as_bytes());
        out.push(b' ');
        match self.second.day {
            day @ 0..10 => out.extend_from_slice(&[b' ', b'0' + day]),
            day => push_padded(u32::from(day), 2, out),
        }
        out.push(b' ');
        self.push_time(out);
    }

    /// `2026-11-22T22:37:39.520246+00:00` (RFC 5424 §6.2.3).
    pub fn push_iso(&self, out: &mut Vec<u8>) {
        push_padded(u32::from(self.second.year), 4, out);
        for part in [self.second.month, self.second.day] {
            out.push(b'-');
            push_padded(u32::from(part), 2, out);
        }
        out.push(b'T');
        self.push_time(out);
        out.push(b'.');
        push_padded(self.nanos / 1_000, 6, out);
        self.push_offset(":", out);
    }

    fn push_day_and_time(&self, out: &mut Vec<u8>) {
        push_padded(u32::from(self.second.day), 2, out);
        out.push(b'/');
        out.extend_from_slice(self.month().as_bytes());
        out.push(b'/');
        push_padded(u32::from(self.second.year), 4, out);
        out.push(b':');
        self.push_time(out);
    }

    fn push_time(&self, out: &mut Vec<u8>) {
        push_padded(u32::from(self.second.hour), 2, out);
        for part in [self.second.minute, self.second.second] {
            out.push(b':');
            push_padded(u32::from(part), 2, out);
        }
    }

    /// `+02:00`, with what stands between hours and minutes.
    fn push_offset(&self, between: &str, out: &mut Vec<u8>) {
        let minutes = self.second.offset_minutes;
        out.push(if minutes < 0 { b'-' } else { b'+' });
        push_padded(minutes.unsigned_abs() / 60, 2, out);
        out.extend_from_slice(between.as_bytes());
        push_padded(minutes.unsigned_abs() % 60, 2, out);
    }

    fn month(&self) -> &'static str {
        MONTHS[usize::from(self.second.month) - 1]
    }
}

/// The last `digits` digits of a number, zeros in front.
fn push_padded(number: u32, digits: u32, out: &mut Vec<u8>) {
    for power in (0..digits).rev() {
        out.push(b'0' + (number / 10u32.pow(power) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    /// The forms are those of HAProxy 2.6.12.
    #[test]
    fn forms() {
        let check = |time: &str, zone: TimeZone, expected: [&str; 4]| {
            let date = Calendar::new(zone).date(time.parse().expect("a time"));
            let shown = |push: fn(&Date, &mut Vec<u8>)| {
                let mut out = Vec::new();
                push(&date, &mut out);
                String::from_utf8(out).expect("ASCII")
            };
            let forms = [Date::push_accept, Date::push_common, Date::push_syslog, Date::push_iso];
            assert_eq!(forms.map(shown), expected);
        };
        check(
            "2026-11-22T22:37:39.520246Z",
            TimeZone::UTC,
            [
                "22/Nov/2026:22:37:39.520",
                "22/Nov/2026:22:37:39 +0000",
                "Nov 22 22:37:39",
                "2026-11-22T22:37:39.520246+00:00",
            ],
        );
        check(
            "2026-01-02T00:04:05.007000999Z",
            TimeZone::fixed(tz::Offset::from_seconds(-(3 * 3600 + 1800)).expect("in range")),
            [
                "01/Jan/2026:20:34:05.007",
                "01/Jan/2026:20:34:05 -0330",
                "Jan  1 20:34:05",
                "2026-01-01T20:34:05.007000-03:30",
            ],
        );
    }

    #[test]
    fn seconds_that_share_a_place_are_not_mistaken() {
        let mut calendar = Calendar::new(TimeZone::UTC);
        for second in [0, KNOWN_COUNT as i64, 0, -(KNOWN_COUNT as i64), -1] {
            let time = Timestamp::from_second(second).expect("in range");
            assert_eq!(calendar.date(time).unix_seconds(), second);
        }
        let before = Timestamp::from_millisecond(-250).expect("in range");
        let date = calendar.date(before);
        assert_eq!((date.unix_seconds(), date.millisecond()), (-1, 750));
    }
}
