//! How much of everything there may be. What exceeds a limit is refused; nothing here ever allocates beyond it.

/// The limits that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a received head or trailer section, empty lines before it included: `tune.bufsize` less `tune.maxrewrite`.
    pub received_size_max: usize,
    /// Bytes of a head as it is sent on, edits included: `tune.bufsize`.
    pub sent_size_max: usize,
    /// Field lines of a head or trailer section: `tune.http.maxhdr` less one, because HAProxy counts the first line too. What edits add does
    /// not count.
    pub field_count_max: usize,
}

impl Default for Limits {
    /// HAProxy's: `tune.bufsize 16384`, `tune.maxrewrite 1024`, `tune.http.maxhdr 101`.
    fn default() -> Limits {
        Limits::new(16_384, 1_024, 101)
    }
}

impl Limits {
    /// `tune.bufsize`, `tune.maxrewrite` (of which no more than half a buffer counts), `tune.http.maxhdr`.
    pub fn new(buffer_size: usize, rewrite_size: usize, line_count_max: usize) -> Limits {
        Limits {
            received_size_max: buffer_size - rewrite_size.min(buffer_size / 2),
            sent_size_max: buffer_size,
            field_count_max: line_count_max.saturating_sub(1),
        }
    }

    /// As far as buffers of this size go.
    pub fn within(self, buffer_size: usize) -> Limits {
        if self.sent_size_max <= buffer_size {
            return self;
        }
        let received_size_max = self.received_size_max.min(buffer_size - buffer_size / 16);
        Limits { received_size_max, sent_size_max: buffer_size, ..self }
    }
}

/// Names in the `Connection` fields of one message. Each of them is looked for among all fields.
pub const CONNECTION_OPTION_COUNT_MAX: usize = 32;

/// Bytes of a field name; HAProxy's limit.
pub const FIELD_NAME_SIZE_MAX: usize = 255;

/// Bytes of the line before a chunk: its size, extensions, CR LF (RFC 9112 §7.1.1: "ought to limit the total length of chunk
/// extensions").
pub const CHUNK_LINE_SIZE_MAX: usize = 1_024;

/// The largest chunk. 2^52 − 1: no reader that keeps sizes in a floating-point number rounds it (HAProxy's limit too).
pub const CHUNK_SIZE_MAX: u64 = (1 << 52) - 1;

/// The largest `Content-Length`: a signed number of 64 bits holds it, in whatever language the next reader is written.
pub const CONTENT_LENGTH_MAX: u64 = i64::MAX as u64;
