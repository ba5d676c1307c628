//! Dates in cookies (`configuration.txt: cookie … maxidle, maxlife`).
//!
//! ```text
//!   SRV=a|X8p3Q|X8p2B        the server's value, when the client was seen last, when it was given this cookie first
//! ```
//!
//! A date counts four seconds since 1970, in five digits of base 64 (RFC 4648 §4), the most significant one first.

use crate::Brought;

/// How old a cookie may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgeLimits {
    /// Seconds without a request.
    pub idle: Option<u32>,
    /// Seconds since it was given first.
    pub life: Option<u32>,
}

/// What a client's cookie says, in seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dates {
    last: Option<i64>,
    first: Option<i64>,
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const DAY: i64 = 86_400;

impl Dates {
    /// Takes over what stands behind a server's value. What is no date says nothing.
    pub(crate) fn read(&mut self, value: &[u8]) {
        let mut behind = value.split(|&byte| byte == b'|').skip(1);
        self.last = behind.next().and_then(date).or(self.last);
        self.first = behind.next().and_then(date).or(self.first);
    }
}

impl AgeLimits {
    /// What makes a cookie with these dates one that does not count, whose dates are forgotten then. A date that is more than a day ahead is
    /// believed as little as one that is too old.
    pub(crate) fn objection(self, dates: &mut Dates, now: i64) -> Option<Brought> {
        let is_beyond = |limit: Option<u32>, date: Option<i64>| {
            limit.zip(date).is_some_and(|(limit, date)| now - date > limit.into() || date - now > DAY)
        };
        let objection = match (is_beyond(self.life, dates.first), is_beyond(self.idle, dates.last)) {
            (true, _) => Some(Brought::Old),
            (false, true) => Some(Brought::Expired),
            (false, false) => None,
        };
        if objection.is_some() {
            *dates = Dates::default();
        }
        objection
    }

    /// Whether a client that brought these is to be given others.
    pub(crate) fn is_refresh_due(self, dates: Dates, now: i64) -> bool {
        let is_seen = self.idle.is_some() || dates.last.is_some();
        is_seen && dates.last.is_none_or(|last| last < now) || self.life.is_some() != dates.first.is_some()
    }

    /// Writes the dates of a client that is seen now.
    pub(crate) fn append(self, dates: Dates, now: i64, to: &mut String) {
        if self.idle.is_none() && self.life.is_none() {
            return;
        }
        let today = (now + 3) >> 2;
        push(today, to);
        if self.life.is_some() {
            push(dates.first.map_or(today, |first| first >> 2), to);
        }
    }
}

fn push(date: i64, to: &mut String) {
    to.push('|');
    to.extend([24, 18, 12, 6, 0].map(|shift| char::from(DIGITS[(date >> shift & 63) as usize])));
}

/// The first five digits; 0 is no date.
fn date(digits: &[u8]) -> Option<i64> {
    let value = |digit: &u8| DIGITS.iter().position(|known| known == digit).map(|value| value as i64);
    let digits = digits.first_chunk::<5>()?;
    let count = digits.iter().try_fold(0, |count, digit| Some(count << 6 | value(digit)?))?;
    (count > 0).then_some(count << 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_435_200;

    fn text(limits: AgeLimits, dates: Dates) -> String {
        let mut text = String::new();
        limits.append(dates, NOW, &mut text);
        text
    }

    fn read(value: &str) -> Dates {
        let mut dates = Dates::default();
        dates.read(value.as_bytes());
        dates
    }

    /// A quarter of [`NOW`] is 448,858,800, whose digits are 26, 48, 16, 42 and 48.
    #[test]
    fn dates_are_written_as_they_are_read() {
        let both = AgeLimits { idle: Some(10), life: Some(20) };
        assert_eq!(text(AgeLimits::default(), Dates::default()), "");
        assert_eq!(text(AgeLimits { life: None, ..both }, Dates::default()), "|awQqw");
        assert_eq!(text(both, Dates { last: None, first: Some(NOW - 400) }), "|awQqw|awQpM");
        assert_eq!(read("a|awQqw|awQpM"), Dates { last: Some(NOW), first: Some(NOW - 400) });
        assert_eq!(read("a|awQqwtail"), Dates { last: Some(NOW), first: None });
        for nothing in ["a", "a|", "a|awQq", "a|awQ-w", "a|AAAAA", "a||x"] {
            assert_eq!(read(nothing), Dates::default(), "{nothing}");
        }
    }

    #[test]
    fn limits_of_age() {
        let limits = AgeLimits { idle: Some(100), life: Some(1_000) };
        let check = |last: i64, first: i64, expected: Option<Brought>| {
            let mut dates = Dates { last: Some(NOW - last), first: Some(NOW - first) };
            assert_eq!(limits.objection(&mut dates, NOW), expected, "{last}, {first}");
            assert_eq!(dates == Dates::default(), expected.is_some());
        };
        check(100, 1_000, None);
        check(101, 1_000, Some(Brought::Expired));
        check(100, 1_001, Some(Brought::Old));
        check(101, 1_001, Some(Brought::Old));
        check(-DAY, 1_000, None);
        check(-DAY - 1, 1_000, Some(Brought::Expired));
        check(0, -DAY - 1, Some(Brought::Old));
    }
}
