//! Points in time as texts (`configuration.txt` §7.3.1: `utime`, `ltime`, `http_date` and their kin).

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::DateUnit;

/// How a number is written that counts from 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeText {
    pub unit: DateUnit,
    /// So many units later.
    pub offset: i64,
    pub zone: TimeZone,
    /// Conversions of `strtime`.
    pub format: Box<str>,
}

impl TimeText {
    /// `None` for a time that no calendar reaches, and for an empty text.
    pub(super) fn of(&self, count: i64) -> Option<Vec<u8>> {
        let count = count.checked_add(self.offset)?;
        let time = match self.unit {
            DateUnit::Seconds => Timestamp::from_second(count),
            DateUnit::Milliseconds => Timestamp::from_millisecond(count),
            DateUnit::Microseconds => Timestamp::from_microsecond(count),
        };
        let text = strtime::format(&*self.format, &time.ok()?.to_zoned(self.zone.clone())).ok()?;
        (!text.is_empty()).then(|| text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_offsets() {
        let text = |unit, offset, format: &str, count| {
            let made = TimeText { unit, offset, zone: TimeZone::UTC, format: format.into() };
            made.of(count).map(|text| String::from_utf8(text).expect("a date"))
        };
        let shown = |text: &str| Some(text.to_owned());
        assert_eq!(text(DateUnit::Seconds, 10, "%F %T", 1_700_000_000), shown("2023-11-14 22:13:30"));
        assert_eq!(text(DateUnit::Milliseconds, 10, "%S.%3f", 1_700_000_000_123), shown("20.133"));
        assert_eq!(text(DateUnit::Microseconds, 0, "%S.%6f", 1_700_000_000_000_456), shown("20.000456"));
        assert_eq!(text(DateUnit::Seconds, 0, "", 0), None);
        assert_eq!(text(DateUnit::Seconds, 1, "%F", i64::MAX), None);
        assert_eq!(text(DateUnit::Seconds, 0, "%F", i64::MAX), None);
    }
}
