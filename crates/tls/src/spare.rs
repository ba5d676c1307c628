//! One piece of memory of each thread for a record that comes in parts. Bulk brings hardly any other, and memory that was just used is
//! still in the caches, while a fresh piece of this size is not.

use std::cell::Cell;

/// From this size on it is worth keeping; smaller pieces come from memory that is in use all the time.
const SIZE_LEAST: usize = 4096;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// `begun`, with room for so many bytes more.
pub(crate) fn copy(begun: &[u8], missing: usize) -> Vec<u8> {
    let size = begun.len() + missing;
    let mut bytes = if size < SIZE_LEAST { Vec::new() } else { SPARE.take() };
    bytes.reserve(size);
    bytes.extend_from_slice(begun);
    bytes
}

/// Nobody needs it any more.
pub(crate) fn give_back(mut bytes: Vec<u8>) {
    if bytes.capacity() >= SIZE_LEAST {
        bytes.clear();
        SPARE.set(bytes);
    }
}
