//! Heads of HTTP/1: read, made ready to be sent on, written; and chunks.

use http1::{
    Body, ConnectionOption, Exchange, Framing, Limits, PartKind, Persistence, Policy, Progress, Request, Response,
};

/// What a browser asks for: 10 fields.
const REQUEST: &[u8] = b"GET /objects/2026/11/3f8a1c/mailbox-0042.m?part=7&size=full HTTP/1.1\r\n\
    Host: objects.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef\r\n\
    X-Dovecot-Username: u@example.org\r\n\
    If-None-Match: \"5f3a\"\r\n\
    Cache-Control: max-age=0\r\n\r\n";

/// What an object store answers.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sun, 22 Nov 2026 22:00:00 GMT\r\n\
    Server: sproxyd\r\n\
    Content-Type: application/octet-stream\r\n\
    Content-Length: 1024\r\n\
    Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    ETag: \"5f3a\"\r\n\r\n";

/// What a session keeps from request to request.
pub struct Heads {
    request: Request,
    response: Response,
    buffer: Vec<u8>,
    chunks: Vec<u8>,
}

impl Default for Heads {
    fn default() -> Heads {
        let limits = Limits::default();
        let chunk = [b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat();
        Heads {
            request: Request::new(limits),
            response: Response::new(limits),
            buffer: vec![0; 16_384],
            chunks: [chunk.repeat(15).as_slice(), b"0\r\n"].concat(),
        }
    }
}

impl Heads {
    /// Reads a request; its size in bytes.
    pub fn read_request(&mut self) -> usize {
        self.request.clear();
        assert_eq!(self.request.read(REQUEST), Progress::Complete { head_size: REQUEST.len() });
        REQUEST.len()
    }

    /// Writes the request that was read.
    pub fn write_request(&mut self) -> usize {
        self.request.write(REQUEST, ConnectionOption::Silent, &mut self.buffer).expect("room")
    }

    /// Everything that one request and its response need.
    pub fn exchange(&mut self) -> usize {
        let read = self.read_request();
        let policy = Policy { front: Persistence::Keep, back: Persistence::Keep };
        let mut exchange = Exchange::begin(&self.request, policy);
        self.request.fields_mut().add(b"x-forwarded-for", b"192.0.2.1").expect("room");
        let sent = self.request.write(REQUEST, exchange.request_option(), &mut self.buffer).expect("room");
        self.response.clear();
        assert_eq!(self.response.read(RESPONSE), Progress::Complete { head_size: RESPONSE.len() });
        exchange.on_response(&mut self.response).expect("a response");
        let replied = self.response.write(RESPONSE, ConnectionOption::Silent, &mut self.buffer).expect("room");
        exchange.on_response_end();
        assert!(exchange.after().is_some());
        read + sent + replied
    }

    /// Walks 15 chunks of 1 KiB; the octets of content.
    pub fn walk_chunks(&self) -> usize {
        let mut body = Body::new(Framing::Chunked);
        let (mut at, mut content) = (0, 0);
        while let Some(part) = body.next(&self.chunks[at..]).expect("valid chunks") {
            at += part.size;
            content += if part.kind == PartKind::Data { part.size } else { 0 };
        }
        content
    }

    /// Bytes of the request.
    pub fn request_size(&self) -> u64 {
        REQUEST.len() as u64
    }

    /// Bytes of the chunks.
    pub fn chunks_size(&self) -> u64 {
        self.chunks.len() as u64
    }
}
