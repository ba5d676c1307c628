//! HTTP/1 as far as peers of a proxy need it: a client that asks one question and believes nothing but what it can check, and heads as
//! they come.

use std::io::{self, Read};
use std::net::SocketAddr;

use crate::client::{Client, End};

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// Status line and fields, in lower case.
    pub head: String,
    /// The content, chunks put together.
    pub content: String,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status line")
    }
}

/// What a GET of `target` answers.
pub fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// The whole response to `request`, which asks for the connection to be closed.
pub fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut client = Client::to(address);
    client.say(request);
    let (bytes, end) = client.to_end();
    assert_eq!(end, End::Fin);
    let text = String::from_utf8(bytes).expect("text");
    let (head, content) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let head = head.to_ascii_lowercase();
    let content = if head.contains("transfer-encoding: chunked") { unchunked(content) } else { content.to_owned() };
    Answer { head, content }
}

/// Receives the head of a message, its empty line included, and nothing behind it. `None`: the stream ended before it was whole.
pub fn head(stream: &mut impl Read) -> io::Result<Option<String>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

fn unchunked(mut text: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        content.push_str(&rest[..size]);
        text = rest.get(size + 2..).unwrap_or_default();
    }
    content
}
