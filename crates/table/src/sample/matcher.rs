//! What a value is compared with (`configuration.txt` §7.1).

use super::{TextPatterns, Value};
use crate::IpSet;

/// A method and its patterns.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// `found`: any value.
    Found,
    /// `bool`: any number but zero.
    True,
    /// `ip`
    Nets(IpSet),
    /// `int`, and dotted versions.
    Numbers(Vec<NumberRange>),
    /// `len`
    Lengths(Vec<NumberRange>),
    Text(TextPatterns),
}

/// Numbers from `least` to `most`, both included; `None` is without bound (`5`, `1:10`, `gt 3`, `:8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    pub least: Option<i64>,
    pub most: Option<i64>,
}

impl Matcher {
    pub fn matches(&self, value: Value<'_>) -> bool {
        let any = |ranges: &[NumberRange], number: i64| ranges.iter().any(|range| range.contains(number));
        match self {
            Matcher::Found => true,
            Matcher::True => value.to_int().is_some_and(|number| number != 0),
            Matcher::Nets(nets) => value.to_addr().is_some_and(|addr| nets.contains(addr)),
            Matcher::Numbers(ranges) => value.to_int().is_some_and(|number| any(ranges, number)),
            Matcher::Lengths(ranges) => any(ranges, value.into_bytes().len() as i64),
            Matcher::Text(patterns) => patterns.matches(&value.into_bytes()),
        }
    }
}

impl NumberRange {
    /// Exactly `number` (`eq`, and a number without an operator).
    pub fn exactly(number: i64) -> NumberRange {
        NumberRange { least: Some(number), most: Some(number) }
    }

    pub(crate) fn contains(self, number: i64) -> bool {
        self.least.is_none_or(|least| least <= number) && self.most.is_none_or(|most| number <= most)
    }
}
