//! Where records lie in bytes (RFC 8446 §5.1): a type, a version, a length, and so many bytes.

/// Bytes before the content of a record.
pub(crate) const HEADER_SIZE: usize = 5;

/// The first record of `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// So many bytes with its header.
    Whole(usize),
    /// At least so many bytes are missing.
    Partial(usize),
}

pub(crate) fn first(bytes: &[u8]) -> Record {
    let Some(&[_, _, _, high, low]) = bytes.first_chunk::<HEADER_SIZE>() else {
        return Record::Partial(HEADER_SIZE - bytes.len());
    };
    let size = HEADER_SIZE + usize::from(u16::from_be_bytes([high, low]));
    match size.checked_sub(bytes.len()) {
        None | Some(0) => Record::Whole(size),
        Some(missing) => Record::Partial(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table: [(&[u8], Record); 5] = [
            (&[], Record::Partial(5)),
            (&[22, 3, 1, 0], Record::Partial(1)),
            (&[22, 3, 1, 1, 0], Record::Partial(256)),
            (&[23, 3, 3, 0, 1, 9], Record::Whole(6)),
            (&[23, 3, 3, 0, 0, 9], Record::Whole(5)),
        ];
        for (bytes, expected) in table {
            assert_eq!(first(bytes), expected, "{bytes:?}");
        }
    }
}
