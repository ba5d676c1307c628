//! Numbers as people read them.

use std::time::Duration;
use table::Distribution;

/// With a separator between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits and a unit of a thousand.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let text = if unit == 0 || value >= 99.95 { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{text} {}", UNITS[unit])
}

/// The two largest units that matter.
pub(super) fn ago(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// To two digits.
pub(super) fn time(time: Duration) -> String {
    let micros = time.as_micros() as f64;
    let (value, unit) = match micros {
        micros if micros < 999.5 => (micros, "µs"),
        micros if micros < 999_500.0 => (micros / 1e3, "ms"),
        micros if micros < 99_500_000.0 => (micros / 1e6, "s"),
        micros if micros < 5_970_000_000.0 => (micros / 60e6, "min"),
        micros if micros < 172_000_000_000.0 => (micros / 3.6e9, "h"),
        micros => (micros / 86.4e9, "d"),
    };
    if value < 9.95 && value > 0.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// The middle and the slowest hundredth.
pub(super) fn percentiles(distribution: &Distribution) -> String {
    match (distribution.permille(500), distribution.permille(990)) {
        (Some(middle), Some(slow)) => format!("{} / {}", time(middle), time(slow)),
        (None, _) | (_, None) => "\u{2013}".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(count), ["0", "999", "1,000", "12,345,678"]);
        let sizes = [0, 999, 1_000, 12_340, 999_960, 340_000_000, u64::MAX];
        assert_eq!(sizes.map(bytes), ["0 B", "999 B", "1.0 kB", "12.3 kB", "1.0 MB", "340 MB", "18.4 EB"]);
    }

    #[test]
    fn times() {
        let micros =
            [0, 312, 1_240, 45_000, 999_700, 1_200_000, 61_000_000, 120_000_000, 7_200_000_000, 345_600_000_000];
        let texts = ["0 µs", "312 µs", "1.2 ms", "45 ms", "1.0 s", "1.2 s", "61 s", "2.0 min", "2.0 h", "4.0 d"];
        assert_eq!(micros.map(|micros| time(Duration::from_micros(micros))), texts);
        let seconds = [7, 61, 3_700, 90_000];
        let texts = ["7 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"];
        assert_eq!(seconds.map(|seconds| ago(Duration::from_secs(seconds))), texts);
    }
}
