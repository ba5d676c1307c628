//! Bytes whose position can be told from their value: a lost, doubled or swapped part shows.

use std::io::{self, Write};

/// The byte at `position`. Neighbouring blocks of any power of two differ.
pub fn byte_at(position: u64) -> u8 {
    let mixed = position.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed.to_be_bytes()[1]
}

/// The bytes at `position` and after it.
pub fn part(position: u64, count: usize) -> Vec<u8> {
    (position..).take(count).map(byte_at).collect()
}

/// Writes the first `total` bytes in parts.
pub fn pour(into: &mut impl Write, total: u64) -> io::Result<()> {
    const PART: u64 = 64 * 1024;
    let mut position = 0;
    while position < total {
        let count = PART.min(total - position);
        into.write_all(&part(position, usize::try_from(count).expect("a part is small")))?;
        position += count;
    }
    Ok(())
}

/// A reader's side: is lent what arrives and asserts that it is what was poured.
#[derive(Debug, Default)]
pub struct Checker {
    position: u64,
}

impl Checker {
    /// Takes the next bytes.
    ///
    /// # Panics
    /// When one of them is not the one that was sent at its place.
    pub fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, byte_at(self.position), "wrong byte at {}", self.position);
            self.position += 1;
        }
    }

    /// How many bytes have come, all of them right.
    pub fn count(&self) -> u64 {
        self.position
    }
}
