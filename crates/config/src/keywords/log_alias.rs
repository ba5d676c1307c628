//! The aliases of log formats, such as `%ci` (configuration.txt §8.2.6).

/// Who can fill an alias.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Filler {
    Any,
    Http,
    /// An exchange of HTTP could, and does not yet.
    HttpLater,
}

use Filler::{Any, Http, HttpLater};

/// Sorted. `%ST` and `%rt` came to be HTTP's with 3.x.
pub(crate) const ALIASES: &[(&str, Filler)] = &[
    ("B", Any),
    ("CC", Http),
    ("CS", Http),
    ("H", Any),
    ("HM", Http),
    ("HP", Http),
    ("HPO", HttpLater),
    ("HQ", Http),
    ("HU", Http),
    ("HV", Http),
    ("ID", Any),
    ("OG", Any),
    ("ST", Http),
    ("T", Any),
    ("TR", Http),
    ("Ta", Http),
    ("Tc", Any),
    ("Td", Any),
    ("Th", Any),
    ("Ti", Http),
    ("Tl", Any),
    ("Tq", Http),
    ("Tr", Http),
    ("Ts", Any),
    ("Tt", Any),
    ("Tu", Any),
    ("Tw", Any),
    ("U", Any),
    ("ac", Any),
    ("b", Any),
    ("bc", Any),
    ("bi", Any),
    ("bp", Any),
    ("bq", Any),
    ("ci", Any),
    ("cp", Any),
    ("f", Any),
    ("fc", Any),
    ("fi", Any),
    ("fp", Any),
    ("ft", Any),
    ("hr", Any),
    ("hrl", Any),
    ("hs", Any),
    ("hsl", Any),
    ("lc", Any),
    ("ms", Any),
    ("o", Any),
    ("pid", Any),
    ("r", Http),
    ("rc", Any),
    ("rt", Http),
    ("s", Any),
    ("sc", Any),
    ("si", Any),
    ("sp", Any),
    ("sq", Any),
    ("sslc", Any),
    ("sslv", Any),
    ("t", Any),
    ("tr", Http),
    ("trg", Http),
    ("trl", Http),
    ("ts", Any),
    ("tsc", Any),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_sorted() {
        assert!(ALIASES.is_sorted_by(|one, next| one.0 < next.0));
    }
}
