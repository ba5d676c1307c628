//! A reserved range of memory: pages that cost nothing until they are touched.

use std::io;
use std::ptr::NonNull;

pub(crate) struct Region {
    start: NonNull<u8>,
    size: usize,
}

impl Region {
    /// Reserves `size` zeroed bytes. Address space only: memory follows with the first touch of each page.
    #[cfg(not(miri))]
    pub(crate) fn reserve(size: usize) -> io::Result<Region> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range was mapped just now; the advice changes how it is backed, not what it holds.
        // Huge pages would make one touched buffer cost two megabytes. A kernel without them refuses, which is as good.
        unsafe { libc::madvise(start, size, libc::MADV_NOHUGEPAGE) };
        let start = NonNull::new(start.cast()).expect("a mapping never starts at zero");
        Ok(Region { start, size })
    }

    #[cfg(miri)]
    pub(crate) fn reserve(size: usize) -> io::Result<Region> {
        let start = Box::leak(vec![0u8; size].into_boxed_slice());
        Ok(Region { start: NonNull::from(start).cast(), size })
    }

    /// The address of `offset`. The caller may use `len` bytes from there.
    pub(crate) fn at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(offset + len <= self.size, "{offset}+{len} lies outside the region");
        // SAFETY: the assertion above keeps the result inside the one mapping.
        unsafe { self.start.as_ptr().add(offset) }
    }

    /// Gives the whole pages in this range back to the system. They read as zeroes when they are next touched.
    /// Only a caller that holds the exclusive right to the range may call this: `Pool` does so for free chunks.
    pub(crate) fn forget(&self, offset: usize, len: usize) {
        const PAGE: usize = 4096;
        let first = (self.at(offset, len) as usize).next_multiple_of(PAGE);
        let end = (self.at(offset, len) as usize + len) / PAGE * PAGE;
        if cfg!(miri) || first >= end {
            return;
        }
        // SAFETY: the range lies inside the mapping, and nobody holds a reference to a free chunk.
        unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_DONTNEED) };
    }
}

impl Drop for Region {
    #[cfg(not(miri))]
    fn drop(&mut self) {
        // SAFETY: `Shared` drops its region after the last lease, so no pointer into the mapping is used again.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
    }

    #[cfg(miri)]
    fn drop(&mut self) {
        let whole = std::ptr::slice_from_raw_parts_mut(self.start.as_ptr(), self.size);
        // SAFETY: `start` and `size` came from `Box::leak` in `reserve`, and no lease is left.
        drop(unsafe { Box::from_raw(whole) });
    }
}
