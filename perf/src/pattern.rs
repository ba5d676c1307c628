//! The bytes that every generator and origin sends: whoever receives them knows what must stand at any position.

use std::sync::LazyLock;

/// After how many bytes the stream repeats: a prime, so that a lost or doubled block of any usual size shifts what follows.
const PERIOD: usize = 65_521;

/// The most bytes that [`Pattern::stream`] gives at once; one send of a bulk flow.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Messages begin at multiples of this, where the first byte is [`ECHO`].
const STRIDE: usize = 256;

/// First byte of a connection that wants its own bytes back.
pub(crate) const ECHO: u8 = b'E';
/// First byte of a connection that wants the stream for as long as it lives.
pub(crate) const SOURCE: u8 = b'S';
/// First byte of a connection that sends the stream for as long as it lives.
pub(crate) const SINK: u8 = b'K';
/// First byte of a connection that does both at once.
pub(crate) const DUPLEX: u8 = b'D';

/// The one pattern of a process; all processes have the same.
pub(crate) static PATTERN: LazyLock<Pattern> = LazyLock::new(Pattern::new);

/// A repeated pseudo-random block, small enough to stay in the second-level cache of the core that sends it.
pub(crate) struct Pattern {
    bytes: Box<[u8]>,
}

impl Pattern {
    fn new() -> Self {
        let mut state = 0x7469_6465_6761_7465_u64;
        let mut block: Vec<u8> = (0..PERIOD).map(|_| next_byte(&mut state)).collect();
        block.iter_mut().step_by(STRIDE).for_each(|byte| *byte = ECHO);
        Pattern { bytes: block.iter().copied().cycle().take(PERIOD + CHUNK).collect() }
    }

    /// Up to [`CHUNK`] bytes of the stream from `position` on.
    pub(crate) fn stream(&self, position: u64) -> &[u8] {
        let offset = (position % PERIOD as u64) as usize;
        &self.bytes[offset..offset + CHUNK]
    }

    /// Message `sequence` of connection `slot`: `size` bytes, at most [`CHUNK`], the first of which is [`ECHO`].
    pub(crate) fn message(&self, slot: usize, sequence: u64, size: usize) -> &[u8] {
        let stride = (slot as u64).wrapping_mul(31).wrapping_add(sequence) % (PERIOD / STRIDE) as u64;
        &self.bytes[stride as usize * STRIDE..][..size]
    }
}

/// xorshift64*: the top byte of each state.
fn next_byte(state: &mut u64) -> u8 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_has_no_seam() {
        for position in [0, 1, PERIOD as u64 - 1, PERIOD as u64, 10 * PERIOD as u64 + 17] {
            let chunk = PATTERN.stream(position);
            assert_eq!(chunk.len(), CHUNK);
            assert_eq!(chunk[1..100], PATTERN.stream(position + 1)[..99]);
        }
    }

    #[test]
    fn a_lost_block_shows() {
        for block in [1_u64, 1448, 4096, 16_384, 65_536, 262_144, 1 << 20] {
            assert_ne!(PATTERN.stream(1000)[..64], PATTERN.stream(1000 + block)[..64], "{block}");
        }
    }

    #[test]
    fn messages_ask_for_an_echo_and_differ() {
        for sequence in 0..1000 {
            assert_eq!(PATTERN.message(7, sequence, 200)[0], ECHO);
            assert_ne!(PATTERN.message(7, sequence, 200), PATTERN.message(7, sequence + 1, 200));
            assert_ne!(PATTERN.message(7, sequence, 200), PATTERN.message(8, sequence, 200));
        }
    }
}
