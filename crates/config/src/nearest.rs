//! "did you mean": the known word nearest to an unknown one.
//!
//! HAProxy puts its guess into the message, so the guess has to be the same one: it compares which letter follows
//! which, rather than counting edits. For names that operators chose (backends, ACLs), where HAProxy guesses nothing,
//! edit distance does.

/// Classes of characters: letters are 1 to 26, signs and the two ends of the word are one class.
const DIGIT: u8 = 27;
const SIGN: u8 = 28;
/// Stands before a class to say that the class occurs at all.
const PRESENT: u8 = 0;

/// A file with more unknown words than this is no configuration, and guessing at each would take seconds.
const GUESSES_MAX: u32 = 100;

/// How differently two words are spelled, by HAProxy's measure; for lists of the nearest ones.
pub fn spelling_distance(one: &str, other: &str) -> usize {
    distance(&traits(one), &traits(other))
}

/// Guesses, a bounded number of times.
pub(crate) struct Guesser {
    left: u32,
}

impl Default for Guesser {
    fn default() -> Guesser {
        Guesser { left: GUESSES_MAX }
    }
}

impl Guesser {
    /// The keyword that HAProxy would suggest for `word`: the one with the fewest differing traits, if these are at
    /// most twice the length of the shorter of the two words. The first of equals wins.
    pub(crate) fn keyword<'a>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        let wanted = traits(word);
        let (distance, best) = candidates
            .into_iter()
            .map(|candidate| (distance(&wanted, &traits(candidate)), candidate))
            .min_by_key(|(distance, _)| *distance)?;
        (distance <= 2 * word.len().min(best.len())).then_some(best)
    }

    /// A name that is spelled nearly like `word`, as a hint.
    pub(crate) fn name<'a>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        candidates
            .into_iter()
            .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
            .filter(|(likeness, _)| *likeness > 0.87)
            .max_by(|left, right| left.0.total_cmp(&right.0))
            .map(|(_, candidate)| format!("did you mean '{candidate}'?"))
    }
}

/// What characterises a word, sorted: each pair of neighbours as often as it occurs, each class of character once.
fn traits(word: &str) -> Vec<(u8, u8)> {
    let mut classes: Vec<u8> = word.bytes().map(class).collect();
    let froms = [SIGN].into_iter().chain(classes.iter().copied());
    let mut traits: Vec<(u8, u8)> = froms.zip(classes.iter().copied().chain([SIGN])).collect();
    classes.sort_unstable();
    classes.dedup();
    traits.extend(classes.into_iter().map(|class| (PRESENT, class)));
    traits.sort_unstable();
    traits
}

fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a' + 1,
        b'A'..=b'Z' => byte - b'A' + 1,
        b'0'..=b'9' => DIGIT,
        _ => SIGN,
    }
}

/// How many traits one word has and the other has not.
fn distance(left: &[(u8, u8)], right: &[(u8, u8)]) -> usize {
    let (mut l, mut r, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        common += usize::from(a == b);
        l += usize::from(a <= b);
        r += usize::from(b <= a);
    }
    left.len() + right.len() - 2 * common
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of words as HAProxy 2.6.12 printed them.
    #[test]
    fn guesses_what_haproxy_guesses() {
        let global = ["ca-base", "maxconn", "maxconnrate", "nbthread", "node", "unix-bind"];
        let table = [
            ("maxcon", Some("maxconn")),
            ("bind", Some("unix-bind")),
            ("balance", Some("ca-base")),
            ("mode", Some("node")),
            ("foo", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(Guesser::default().keyword(word, global), expected, "{word}");
        }
        let mut guesser = Guesser::default();
        assert_eq!(guesser.keyword("foo", ["tfo"]), Some("tfo"));
        assert_eq!(guesser.keyword("traces", ["retries"]), Some("retries"));
        assert_eq!(guesser.keyword("anything", []), None);
    }

    #[test]
    fn guesses_names() {
        let names = ["back_dc_pop3", "back_dc_lmtp"];
        let mut guesser = Guesser::default();
        assert_eq!(guesser.name("bak_dc_pop3", names).as_deref(), Some("did you mean 'back_dc_pop3'?"));
        assert_eq!(guesser.name("web", names), None);
    }

    #[test]
    fn guesses_are_bounded() {
        let mut guesser = Guesser::default();
        let guesses = (0..2 * GUESSES_MAX).filter(|_| guesser.keyword("maxcon", ["maxconn"]).is_some()).count();
        assert_eq!(guesses, GUESSES_MAX as usize);
    }
}
