//! Points in time as texts: from the C library's conversions to those that the table writes with.

use super::parts;
use config::DateUnit;
use jiff::tz::TimeZone;
use table::TimeText;

/// In the zone of this machine as it is now, where the local time is asked for.
pub(super) fn time_text(text: &config::TimeText) -> TimeText {
    let zone = if text.is_local { TimeZone::system() } else { TimeZone::UTC };
    TimeText {
        unit: parts::unit(text.unit),
        offset: text.offset,
        zone,
        format: conversions(&text.format, text.unit, text.is_local).into(),
    }
}

/// What depends on a locale is that of C.
fn conversions(format: &str, unit: DateUnit, is_local: bool) -> String {
    let mut written = String::with_capacity(format.len());
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            written.push(character);
            continue;
        }
        match characters.next() {
            Some('c') => written.push_str("%a %b %e %H:%M:%S %Y"),
            Some('x') => written.push_str("%m/%d/%y"),
            Some('X') => written.push_str("%H:%M:%S"),
            Some('r') => written.push_str("%I:%M:%S %p"),
            // As the C library calls the time of nowhere.
            Some('Z') if !is_local => written.push_str("GMT"),
            Some('N') => written.push_str(match unit {
                DateUnit::Seconds => "%%N",
                DateUnit::Milliseconds => "%3f",
                DateUnit::Microseconds => "%6f",
            }),
            Some(letter) => written.extend(['%', letter]),
            None => written.push('%'),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_otherwise() {
        let shown = |format: &str| conversions(format, DateUnit::Milliseconds, false);
        assert_eq!(shown("%F %N %Z%%N"), "%F %3f GMT%%N");
        assert_eq!(conversions("%Z", DateUnit::Seconds, true), "%Z");
        assert_eq!(conversions("%N", DateUnit::Seconds, true), "%%N");
    }
}
