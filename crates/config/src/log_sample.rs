//! The `sample RANGES:SIZE` of a `log` line: which lines of how many are sent (configuration.txt §4.2 "log").

use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::value::natural;

/// Of every `size` lines those whose number, from 1, is in a range.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LogSample {
    /// First and last number, inclusive; in file order, none overlapping another.
    pub ranges: Vec<(u32, u32)>,
    /// At least the last number of every range.
    pub size: u32,
}

/// Reads word `at`.
pub(crate) fn read(line: Line<'_>, at: usize) -> Result<LogSample, Diagnostic> {
    sample(line.word(at)).map_err(|message| line.alert(at, format!("log : {message}")))
}

fn sample(word: &str) -> Result<LogSample, String> {
    let (text, size_text) = word.split_once(':').ok_or("Missing sample size")?;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (first, last) =
            range(rest.split(',').next().unwrap_or_default()).ok_or_else(|| format!("wrong sample range '{rest}'"))?;
        if ranges.iter().any(|&(from, to)| first <= to && from <= last) {
            return Err("ranges are overlapping".into());
        }
        ranges.push((first, last));
        rest = rest.split_once(',').map_or("", |(_, rest)| rest);
    }
    let most = ranges.iter().map(|&(_, last)| last).max().ok_or("no sampling ranges given")?;
    let size = natural(size_text).filter(|size| *size > 0);
    let size: u32 = size.ok_or_else(|| format!("wrong sample size '{size_text}' for sample range '{text}'"))?;
    if size < most {
        return Err(format!(
            "sample size {size} should be greater or equal to {most} the maximum of the high ranges limits"
        ));
    }
    Ok(LogSample { ranges, size })
}

/// `N` or `FIRST-LAST`, from 1.
fn range(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| natural(text).filter(|number| *number > 0);
    match text.split_once('-') {
        None => number(text).map(|number| (number, number)),
        Some((first, last)) => number(first).zip(number(last)).filter(|(first, last)| first < last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_sizes() {
        let check = |word: &str, ranges: &[(u32, u32)], size| {
            assert_eq!(sample(word), Ok(LogSample { ranges: ranges.to_vec(), size }), "{word}");
        };
        check("2:3", &[(2, 2)], 3);
        check("1,3-4:5", &[(1, 1), (3, 4)], 5);
        check("3,1:4", &[(3, 3), (1, 1)], 4);
        check("1,:4", &[(1, 1)], 4);
    }

    /// The texts are those of HAProxy 2.6.12.
    #[test]
    fn what_is_no_sample() {
        for (word, message) in [
            ("", "Missing sample size"),
            ("1", "Missing sample size"),
            (":4", "no sampling ranges given"),
            ("0:2", "wrong sample range '0'"),
            ("x:4", "wrong sample range 'x'"),
            ("3-2:4", "wrong sample range '3-2'"),
            ("2-2:4", "wrong sample range '2-2'"),
            ("1,0,3:4", "wrong sample range '0,3'"),
            ("4294967296:4", "wrong sample range '4294967296'"),
            ("1-2,2:4", "ranges are overlapping"),
            ("2,1-3:4", "ranges are overlapping"),
            ("2:1", "sample size 1 should be greater or equal to 2 the maximum of the high ranges limits"),
            ("1:x", "wrong sample size 'x' for sample range '1'"),
            ("1:0", "wrong sample size '0' for sample range '1'"),
        ] {
            assert_eq!(sample(word), Err(message.to_string()), "{word}");
        }
    }
}
