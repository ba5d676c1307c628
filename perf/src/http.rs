//! As much of HTTP/1.1 as generators and origins speak: a head, a content of known length, one message at a time.
//!
//! A content is the pattern from its first byte on. `GET /x/49/SIZE` asks for so many bytes of it, `PUT /x/49/SIZE` brings them; the
//! number in the middle is what a set of rules may look at.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::TcpStream,
};

use crate::{
    pattern::{CHUNK, PATTERN},
    stream::{Drained, Scratch, Sink},
};

/// First bytes of a connection that speaks HTTP.
pub(crate) const METHODS: [u8; 2] = [b'G', b'P'];
/// Rules that a request meets before the one that is for it, and that one.
pub(crate) const RULES: usize = 50;

const HEAD_MAX: usize = 4096;

/// A message on its way out.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    head: Vec<u8>,
    head_sent: usize,
    content_sent: u64,
    content_size: u64,
}

impl Outgoing {
    /// A request. `is_last`: the connection ends with its response.
    pub(crate) fn request(method: &str, size: u64, is_last: bool) -> Self {
        let last = if is_last { "Connection: close\r\n" } else { "" };
        let (length, content_size) = match method {
            "PUT" => (format!("Content-Length: {size}\r\n"), size),
            _ => (String::new(), 0),
        };
        let head = format!(
            "{method} /x/{}/{size} HTTP/1.1\r\nHost: rig.example.org\r\nUser-Agent: perf\r\nAccept: */*\r\n{length}{last}\r\n",
            RULES - 1
        );
        Outgoing { head: head.into_bytes(), content_size, ..Outgoing::default() }
    }

    /// What answers `message`.
    pub(crate) fn response(message: &Message) -> Self {
        let content_size = if message.is_get { message.named_size } else { 0 };
        let last = if message.is_last { "Connection: close\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {content_size}\r\n{last}\r\n"
        );
        Outgoing { head: head.into_bytes(), content_size, ..Outgoing::default() }
    }

    /// The same message once more.
    pub(crate) fn begin_again(&mut self) {
        (self.head_sent, self.content_sent) = (0, 0);
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.head_sent == 0
    }

    /// Sends what the socket takes. `true`: all of it is sent.
    pub(crate) fn pump(&mut self, mut socket: &TcpStream) -> io::Result<bool> {
        while self.head_sent < self.head.len() || self.content_sent < self.content_size {
            let head = &self.head[self.head_sent..];
            let count = (self.content_size - self.content_sent).min(CHUNK as u64) as usize;
            let content = &PATTERN.stream(self.content_sent)[..count];
            match socket.write_vectored(&[IoSlice::new(head), IoSlice::new(content)]) {
                Ok(sent) => {
                    let of_head = sent.min(head.len());
                    self.head_sent += of_head;
                    self.content_sent += (sent - of_head) as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// What a head says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) is_get: bool,
    pub(crate) is_ok: bool,
    pub(crate) is_last: bool,
    /// Of its content.
    pub(crate) size: u64,
    /// The last word of its path.
    named_size: u64,
}

/// What has come of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Pending,
    /// All of it.
    Whole(Message),
    Ended,
    Corrupt,
}

/// A message on its way in.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    head: Vec<u8>,
    message: Option<Message>,
    received: u64,
    sink: Sink,
}

impl Incoming {
    /// Takes what waits in the socket.
    pub(crate) fn read(&mut self, mut socket: &TcpStream, scratch: &mut Scratch) -> Arrival {
        if self.message.is_some() {
            return match self.sink.drain(socket, scratch) {
                Drained::Bytes(count) => self.on_content(count),
                Drained::Ended => Arrival::Ended,
                Drained::Corrupt => Arrival::Corrupt,
            };
        }
        match socket.read(&mut scratch.0[..CHUNK]) {
            Ok(0) => Arrival::Ended,
            Ok(count) => self.take(&scratch.0[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Arrival::Pending,
            Err(_) => Arrival::Ended,
        }
    }

    /// Takes bytes that were already received, a head among them or a part of one.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Arrival {
        self.head.extend_from_slice(bytes);
        let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if self.head.len() > HEAD_MAX { Arrival::Corrupt } else { Arrival::Pending };
        };
        let Some(message) = Message::parse(&self.head[..end]) else { return Arrival::Corrupt };
        let content = &self.head[end + 4..];
        if !self.sink.take(content) {
            return Arrival::Corrupt;
        }
        let count = content.len() as u64;
        self.message = Some(message);
        self.on_content(count)
    }

    fn on_content(&mut self, count: u64) -> Arrival {
        self.received += count;
        let message = self.message.expect("its content comes behind its head");
        if self.received < message.size {
            return Arrival::Pending;
        }
        let is_all = self.received == message.size;
        self.head.clear();
        (self.message, self.received, self.sink) = (None, 0, Sink::default());
        if is_all { Arrival::Whole(message) } else { Arrival::Corrupt }
    }
}

impl Message {
    /// `None`: these two would not say that.
    fn parse(head: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (first, second) = (words.next()?, words.next()?);
        let named_size = second.rsplit('/').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut message = Message { is_get: first == "GET", is_ok: second == "200", named_size, ..Message::default() };
        for line in lines {
            let (name, value) = line.split_once(": ")?;
            if name.eq_ignore_ascii_case("content-length") {
                message.size = value.parse().ok()?;
            } else if name.eq_ignore_ascii_case("connection") {
                message.is_last = value.eq_ignore_ascii_case("close");
            }
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_come_in_pieces() {
        let mut incoming = Incoming::default();
        let request = Outgoing::request("PUT", 300, true).head;
        let all = [&request[..], &PATTERN.stream(0)[..300]].concat();
        for _ in 0..2 {
            assert_eq!(incoming.take(&all[..20]), Arrival::Pending);
            let Arrival::Whole(message) = incoming.take(&all[20..]) else { panic!("all of it has come") };
            assert_eq!((message.size, message.is_get, message.is_last), (300, false, true));
        }
        assert_eq!(incoming.take(&[&all[..], b"x"].concat()), Arrival::Corrupt);
    }

    #[test]
    fn a_get_is_answered_with_what_it_names() {
        let mut incoming = Incoming::default();
        let Arrival::Whole(message) = incoming.take(&Outgoing::request("GET", 1024, false).head) else {
            panic!("it has no content")
        };
        let response = Outgoing::response(&message);
        assert_eq!((response.content_size, message.is_last), (1024, false));
        assert_eq!(Incoming::default().take(&response.head), Arrival::Pending);
    }
}
