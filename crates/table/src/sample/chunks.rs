//! Octets as numbers: `be2dec`, `le2dec`, `be2hex`.

/// How octets are taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    pub separator: Box<[u8]>,
    /// So many octets each; 0: all of them.
    pub size: usize,
    /// What is left at the end and is shorter is left out.
    pub drops_rest: bool,
}

impl Chunks {
    /// Unsigned numbers in network order. Of chunks longer than 8 octets the last 8 count.
    pub(super) fn numbers(&self, octets: &[u8]) -> Vec<u8> {
        let number = |chunk: &[u8]| chunk.iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
        self.joined(octets, |chunk| number(chunk).to_string().into_bytes())
    }

    /// The same, the first octet being the least.
    pub(super) fn numbers_from_least(&self, octets: &[u8]) -> Vec<u8> {
        let number = |chunk: &[u8]| chunk.iter().rev().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
        self.joined(octets, |chunk| number(chunk).to_string().into_bytes())
    }

    pub(super) fn digits(&self, octets: &[u8]) -> Vec<u8> {
        self.joined(octets, super::coding::hex)
    }

    fn joined(&self, octets: &[u8], shown: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let size = if self.size == 0 { octets.len().max(1) } else { self.size };
        let chunks = octets.chunks(size).filter(|chunk| !self.drops_rest || chunk.len() == size);
        chunks.map(shown).collect::<Vec<_>>().join(&*self.separator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 makes of `bin(…)`.
    #[test]
    fn joins() {
        let chunks =
            |separator: &str, size, drops_rest| Chunks { separator: separator.as_bytes().into(), size, drops_rest };
        let octets = [1, 2, 3, 4, 5];
        assert_eq!(chunks(":", 2, false).numbers(&octets), b"258:772:5");
        assert_eq!(chunks(":", 2, true).numbers(&octets), b"258:772");
        assert_eq!(chunks("", 8, false).numbers(&[0xff; 8]), b"18446744073709551615");
        assert_eq!(chunks(":", 2, false).numbers_from_least(&octets), b"513:1027:5");
        assert_eq!(chunks("", 0, false).digits(&octets), b"0102030405");
        assert_eq!(chunks(".", 2, false).digits(&octets), b"0102.0304.05");
        assert_eq!(chunks(".", 2, true).digits(&octets), b"0102.0304");
    }
}
