//! Bytes whose position can be told from their value: a lost, doubled or swapped part shows. With a key of its own for each
//! stream, a part of another stream shows as well.

use std::fmt;
use std::io::{self, Write};

/// Bytes that are made and compared at once.
const PART: usize = 64 * 1024;

/// Bytes of the unit that the stream is made of.
const WORD: usize = 8;

/// An endless stream of bytes, known by its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pattern {
    key: u64,
}

impl Pattern {
    /// The stream of `key`. Streams of different keys agree in a byte here and there, by chance.
    pub fn keyed(key: u64) -> Self {
        Self { key: mix(key) }
    }

    /// Fills `bytes` with what stands at `position` and after it.
    pub fn fill(self, position: u64, bytes: &mut [u8]) {
        let offset = usize::try_from(position % WORD as u64).expect("less than a word");
        let (head, rest) = bytes.split_at_mut(bytes.len().min((WORD - offset) % WORD));
        head.copy_from_slice(&self.word(position / WORD as u64)[offset..][..head.len()]);
        let mut index = position.div_ceil(WORD as u64);
        let mut words = rest.chunks_exact_mut(WORD);
        for word in &mut words {
            word.copy_from_slice(&self.word(index));
            index += 1;
        }
        let tail = words.into_remainder();
        tail.copy_from_slice(&self.word(index)[..tail.len()]);
    }

    fn word(self, index: u64) -> [u8; WORD] {
        mix(self.key.wrapping_add(index)).to_le_bytes()
    }
}

/// A bijection under which neighbours have nothing in common: SplitMix64, whose state advances by the first constant.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// `count` bytes at `position` and after it, of the stream without a key.
pub fn part(position: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    Pattern::default().fill(position, &mut bytes);
    bytes
}

/// Writes the first `total` bytes of the stream without a key, in parts.
pub fn pour(into: &mut impl Write, total: u64) -> io::Result<()> {
    let mut position = 0;
    while position < total {
        let count = total.min(position + PART as u64) - position;
        into.write_all(&part(position, usize::try_from(count).expect("a part is small")))?;
        position += count;
    }
    Ok(())
}

/// A byte that is not the one that was sent at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongByte {
    position: u64,
}

impl fmt::Display for WrongByte {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "wrong byte at {}", self.position)
    }
}

/// A reader's side: is lent what arrives and says whether it is what was sent.
#[derive(Debug, Default)]
pub struct Checker {
    pattern: Pattern,
    position: u64,
    expected: Vec<u8>,
}

impl Checker {
    /// One that expects `pattern` from its first byte on.
    pub fn of(pattern: Pattern) -> Self {
        Self { pattern, ..Self::default() }
    }

    /// Takes the next bytes.
    ///
    /// # Panics
    /// When one of them is not the one that was sent at its place.
    pub fn take(&mut self, bytes: &[u8]) {
        self.try_take(bytes).unwrap_or_else(|wrong| panic!("{wrong}"));
    }

    /// As [`Checker::take`], where a wrong byte is an answer. Those before it count.
    pub fn try_take(&mut self, bytes: &[u8]) -> Result<(), WrongByte> {
        for part in bytes.chunks(PART) {
            self.expected.resize(part.len(), 0);
            self.pattern.fill(self.position, &mut self.expected);
            if part != self.expected {
                let right = part.iter().zip(&self.expected).take_while(|(came, sent)| came == sent).count();
                self.position += right as u64;
                return Err(WrongByte { position: self.position });
            }
            self.position += part.len() as u64;
        }
        Ok(())
    }

    /// How many bytes have come, all of them right.
    pub fn count(&self) -> u64 {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_same_however_it_is_cut() {
        let whole = part(0, 100);
        for start in 0..40 {
            for count in [0, 1, 7, 8, 9, 60] {
                assert_eq!(part(start as u64, count), whole[start..start + count], "{count} at {start}");
            }
        }
    }

    #[test]
    fn displaced_and_foreign_parts_show() {
        let sent = part(0, 4096);
        for shift in [1, 8, 1448, 1 << 12, 1 << 16, 1 << 20] {
            assert_ne!(part(shift, 64), sent[..64], "{shift}");
        }
        let mut checker = Checker::of(Pattern::keyed(1));
        let mut bytes = vec![0; 200];
        Pattern::keyed(1).fill(0, &mut bytes);
        Pattern::keyed(2).fill(150, &mut bytes[150..]);
        assert_eq!(checker.try_take(&bytes[..100]), Ok(()));
        let wrong = checker.try_take(&bytes[100..]).expect_err("the end is of another stream");
        assert!((150..160).contains(&wrong.position), "{wrong}");
        assert_eq!(checker.count(), wrong.position);
    }
}
