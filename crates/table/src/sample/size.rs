//! How many bytes a message has as HAProxy counts them (`%U`, `%B`, `bin`, `bout`): by the size of its own form of a head. That is a start
//! line of 20 bytes and its three words, names and values, and one byte for the end.

use http1::{Body, Fields, Framing, Limits, Method, PartKind, Progress, Request, Response, Trailers};

use super::Message;

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

impl Message<'_> {
    /// What has come of it, as rules have left it (`req.len`).
    pub(super) fn size(self) -> u64 {
        let (head_size, framing, behind) = match self {
            Message::Request { request, bytes } => {
                (request_size(request, bytes), request.framing(), request.behind(bytes))
            }
            Message::Response { response, bytes } => {
                (response_size(response, bytes), response.framing(Method::Get), response.behind(bytes))
            }
        };
        let content_size = match framing {
            Framing::Tunnel => 0,
            Framing::None | Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                content_size(Body::new(framing), behind)
            }
        };
        u64::from(head_size) + content_size
    }
}

/// Octets of content without the framing of chunks, and what follows the last one.
fn content_size(mut body: Body, mut bytes: &[u8]) -> u64 {
    let mut size = 0;
    while let Ok(Some(part)) = body.next(bytes) {
        size += if part.kind == PartKind::Data { part.size as u64 } else { 0 };
        bytes = &bytes[part.size..];
    }
    if !body.awaits_trailers() {
        return size;
    }
    let mut trailers = Trailers::new(Limits::default());
    match trailers.read(bytes) {
        Progress::Complete { .. } => size + u64::from(trailers_size(&trailers, bytes)),
        Progress::Incomplete | Progress::Refused(_) => size,
    }
}

fn head_size(words: usize, fields: &Fields, bytes: &[u8]) -> u32 {
    20 + words as u32 + fields_size(fields, bytes) + 1
}

fn fields_size(fields: &Fields, bytes: &[u8]) -> u32 {
    fields.iter(bytes).map(|(name, value)| (name.len() + value.len()) as u32).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 puts into a variable for `req.len`.
    #[test]
    fn of_a_request() {
        let check = |text: &str, expected: u64| {
            let mut request = Request::new(Limits::default());
            request.read(text.as_bytes());
            let message = Message::Request { request: &request, bytes: text.as_bytes() };
            assert_eq!(message.size(), expected, "{text}");
        };
        check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 38);
        check("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 46);
        let length = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
        check(&format!("{length}01234"), 60);
        check(&format!("{length}0123456789"), 65);
        check(&format!("{length}0123456789GET / HTTP/1.1"), 65);
        let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n"), 74);
        check(&format!("{chunked}5\r\nhello\r\n0\r\n\r\n"), 69);
        check(&format!("{chunked}5\r\nhello\r\n5\r\nhello\r\n0\r\nX-T: abc\r\n\r\n"), 80);
    }
}
