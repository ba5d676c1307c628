//! CRC32c (Castagnoli), the checksum that PP §2.2.3 takes from RFC 4960 Appendix B.
//!
//! A table of 256 words and a byte at a time: this runs once for a connection, over some fifty bytes.

/// The polynomial 0x1EDC6F41, bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = table();

/// A checksum that is being computed.
pub(crate) struct Crc32c(u32);

impl Crc32c {
    pub(crate) fn new() -> Crc32c {
        Crc32c(!0)
    }

    pub(crate) fn update(self, bytes: &[u8]) -> Crc32c {
        let step = |crc: u32, byte: &u8| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
        Crc32c(bytes.iter().fold(self.0, step))
    }

    pub(crate) fn finish(self) -> u32 {
        !self.0
    }
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut word = index as u32;
        let mut bit = 0;
        while bit < 8 {
            word = if word & 1 == 1 { POLYNOMIAL ^ (word >> 1) } else { word >> 1 };
            bit += 1;
        }
        table[index] = word;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Crc32c;

    /// The examples of RFC 3720 Appendix B.4, and the check value of the CRC catalogues.
    #[test]
    fn published_values() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        let cases: [(&[u8], u32); 5] = [
            (&[0; 32], 0x8A91_36AA),
            (&[0xFF; 32], 0x62A8_AB43),
            (&ascending, 0x46DD_794E),
            (&descending, 0x113F_DB5C),
            (b"123456789", 0xE306_9283),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Crc32c::new().update(bytes).finish(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn pieces_add_up() {
        let whole = Crc32c::new().update(b"123456789").finish();
        assert_eq!(Crc32c::new().update(b"1234").update(b"").update(b"56789").finish(), whole);
    }
}
