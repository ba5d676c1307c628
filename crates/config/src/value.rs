//! Numbers, times and sizes as HAProxy writes them (configuration.txt §2.4, "Time format" and §2.5, "Size format").

use std::time::Duration;

/// The longest time: a signed 32-bit number of milliseconds, about 24.8 days.
pub(crate) const TIME_MAX_MS: u64 = i32::MAX as u64;

/// Why a word is not a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeError {
    /// A character that is no digit and no unit, or an empty word.
    Unexpected(char),
    /// Above 2,147,483,647 ms.
    Overflow,
}

/// Reads a time: whole milliseconds, or a number and one of `us ms s m h d`.
///
/// Microseconds are rounded up to the next millisecond, so that a short time never becomes "no limit".
pub fn time(word: &str) -> Result<Duration, TimeError> {
    let milliseconds = microseconds(word, 1_000)?.div_ceil(1_000);
    if milliseconds > TIME_MAX_MS.into() {
        return Err(TimeError::Overflow);
    }
    Ok(Duration::from_millis(milliseconds as u64))
}

/// As [`time`], of a number of seconds: a signed one of 32 bits, about 68 years. What is less than a second is rounded up to one.
pub(crate) fn seconds(word: &str) -> Result<u32, TimeError> {
    let seconds = microseconds(word, 1_000_000)?.div_ceil(1_000_000);
    if seconds > i32::MAX as u128 { Err(TimeError::Overflow) } else { Ok(seconds as u32) }
}

/// What a word says; `unit` is that of a number without one.
fn microseconds(word: &str, unit: u128) -> Result<u128, TimeError> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, said) = word.split_at(digits);
    if number.is_empty() {
        return Err(unexpected(said));
    }
    let number: u64 = number.parse().map_err(|_| TimeError::Overflow)?;
    let unit = match said {
        "" => unit,
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => {
            let known = ["us", "ms", "s", "m", "h", "d"].into_iter().find_map(|known| said.strip_prefix(known));
            return Err(unexpected(known.unwrap_or(said)));
        }
    };
    Ok(u128::from(number) * unit)
}

/// As [`time`], of a number without a unit that counts seconds.
pub(crate) fn time_of_seconds(word: &str) -> Result<Duration, TimeError> {
    let is_plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { time(&format!("{word}s")) } else { time(word) }
}

/// The argument of `tcp-ut` (configuration.txt §5.1, §5.2); `None`: as the system has it. `Err`: what HAProxy says.
pub(crate) fn user_timeout(word: &str) -> Result<Option<Duration>, String> {
    match time(word) {
        _ if word.is_empty() => Err("'tcp-ut' : missing TCP User Timeout value".to_string()),
        Ok(time) => Ok(Some(time).filter(|time| !time.is_zero())),
        Err(TimeError::Overflow) => Err(format!(
            "timer overflow in argument '{word}' to 'tcp-ut' (maximum value is {TIME_MAX_MS} ms or ~24.8 days)"
        )),
        Err(TimeError::Unexpected(_)) => Err("'tcp-ut' : expects a positive delay in milliseconds".to_string()),
    }
}

fn unexpected(rest: &str) -> TimeError {
    TimeError::Unexpected(rest.chars().next().unwrap_or(' '))
}

/// Reads a size in bytes: a number and optionally `k`, `m` or `g` (powers of 1,024). `None` when it is not one.
pub fn size(word: &str) -> Option<u64> {
    let (number, shift) = match word.as_bytes().last()? {
        b'k' | b'K' => (&word[..word.len() - 1], 10),
        b'm' | b'M' => (&word[..word.len() - 1], 20),
        b'g' | b'G' => (&word[..word.len() - 1], 30),
        _ => (word, 0),
    };
    natural::<u64>(number)?.checked_mul(1 << shift)
}

/// A number of decimal digits and nothing else: no sign, no blank, no fraction.
pub(crate) fn natural<T: std::str::FromStr>(word: &str) -> Option<T> {
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units and limits of configuration.txt §2.4; texts of overflow and bad units are tested where they are printed.
    #[test]
    fn times() {
        let table = [
            ("0", Ok(0)),
            ("250", Ok(250)),
            ("1us", Ok(1)),
            ("1001us", Ok(2)),
            ("7ms", Ok(7)),
            ("5s", Ok(5_000)),
            ("1m", Ok(60_000)),
            ("10h", Ok(36_000_000)),
            ("24d", Ok(2_073_600_000)),
            ("2147483647", Ok(2_147_483_647)),
            ("2147483648", Err(TimeError::Overflow)),
            ("25d", Err(TimeError::Overflow)),
            ("99999999999999999999", Err(TimeError::Overflow)),
            ("18446744073709551615d", Err(TimeError::Overflow)),
            ("x", Err(TimeError::Unexpected('x'))),
            ("1x", Err(TimeError::Unexpected('x'))),
            ("1sx", Err(TimeError::Unexpected('x'))),
            ("1ms1", Err(TimeError::Unexpected('1'))),
            ("1u", Err(TimeError::Unexpected('u'))),
            ("1M", Err(TimeError::Unexpected('M'))),
            ("-1", Err(TimeError::Unexpected('-'))),
            ("1.5s", Err(TimeError::Unexpected('.'))),
            ("1 s", Err(TimeError::Unexpected(' '))),
            ("", Err(TimeError::Unexpected(' '))),
            ("1é", Err(TimeError::Unexpected('é'))),
        ];
        for (word, expected) in table {
            assert_eq!(time(word), expected.map(Duration::from_millis), "{word}");
        }
    }

    /// Those of `cookie`: HAProxy 2.6 takes and refuses the same.
    #[test]
    fn times_in_seconds() {
        let table = [
            ("5", Ok(5)),
            ("500us", Ok(1)),
            ("1001ms", Ok(2)),
            ("30d", Ok(2_592_000)),
            ("2147483647", Ok(2_147_483_647)),
            ("2147483648", Err(TimeError::Overflow)),
            ("30000d", Err(TimeError::Overflow)),
            ("5x", Err(TimeError::Unexpected('x'))),
        ];
        for (word, expected) in table {
            assert_eq!(seconds(word), expected, "{word}");
        }
    }

    #[test]
    fn sizes() {
        let table = [
            ("16384", Some(16_384)),
            ("16k", Some(16_384)),
            ("1M", Some(1 << 20)),
            ("2g", Some(2 << 30)),
            ("", None),
            ("k", None),
            ("-1k", None),
            ("1kb", None),
            ("99999999999999999999", None),
            ("18446744073709551615g", None),
            ("1é", None),
        ];
        for (word, expected) in table {
            assert_eq!(size(word), expected, "{word}");
        }
    }
}
