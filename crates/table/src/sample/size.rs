//! How many bytes a message has as HAProxy counts them (`%U`, `%B`, `bin`, `bout`): by the size of its own form of a head. That is a start
//! line of 20 bytes and its three words, names and values, and one byte for the end.

use http1::{Fields, Request, Response, Trailers};

/// Bytes of a request's head.
pub fn request_size(request: &Request, bytes: &[u8]) -> u32 {
    let words = request.method_text(bytes).len() + request.target(bytes).len() + "HTTP/1.1".len();
    head_size(words, request.fields(), bytes)
}

/// The same of a response.
pub fn response_size(response: &Response, bytes: &[u8]) -> u32 {
    let words = "HTTP/1.1".len() + "200".len() + response.reason(bytes).len();
    head_size(words, response.fields(), bytes)
}

/// The same of a trailer section.
pub fn trailers_size(trailers: &Trailers, bytes: &[u8]) -> u32 {
    fields_size(trailers.fields(), bytes) + 1
}

fn head_size(words: usize, fields: &Fields, bytes: &[u8]) -> u32 {
    20 + words as u32 + fields_size(fields, bytes) + 1
}

fn fields_size(fields: &Fields, bytes: &[u8]) -> u32 {
    fields.iter(bytes).map(|(name, value)| (name.len() + value.len()) as u32).sum()
}
