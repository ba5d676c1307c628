//! Points in time as texts: `utime`, `ltime`, `http_date` and their kin (configuration.txt §7.3.1).

use crate::session_part::DateUnit;

/// How a number is written that counts from 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeText {
    pub unit: DateUnit,
    /// So many units later.
    pub offset: i64,
    /// In the zone of this machine; else in UTC.
    pub is_local: bool,
    /// `strftime(3)`, in the C locale; `%N` is the part of a second, in as many digits as the unit has.
    pub format: String,
}

/// What the C library knows, and `%N`.
const CONVERSIONS: &str = "aAbBcCdDeFgGhHIjklmMnNpPrRsStTuUVwWxXyYzZ%";

impl TimeText {
    /// In which unit a converter counts: `ms_utime`.
    pub(crate) fn unit_of(converter: &str) -> DateUnit {
        match converter.split_once('_') {
            Some(("ms", _)) => DateUnit::Milliseconds,
            Some(("us", _)) => DateUnit::Microseconds,
            Some(_) | None => DateUnit::Seconds,
        }
    }

    /// Whether all conversions of the format are known here. Widths, flags and modifiers are not.
    pub(crate) fn is_served(&self) -> bool {
        let mut characters = self.format.chars();
        while let Some(character) = characters.next() {
            if character == '%' && !characters.next().is_some_and(|letter| CONVERSIONS.contains(letter)) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions() {
        let is_served = |format: &str| {
            TimeText { unit: DateUnit::Seconds, offset: 0, is_local: false, format: format.into() }.is_served()
        };
        for (format, expected) in [
            ("%d/%b/%Y:%H:%M:%S %z", true),
            ("100%%", true),
            ("%Q", false),
            ("%-d", false),
            ("%Ey", false),
            ("%", false),
        ] {
            assert_eq!(is_served(format), expected, "{format}");
        }
        assert_eq!(TimeText::unit_of("us_ltime"), DateUnit::Microseconds);
        assert_eq!(TimeText::unit_of("ltime"), DateUnit::Seconds);
    }
}
