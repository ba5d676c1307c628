//! A client that asks one question over HTTP/1, and believes nothing but what it can check.

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

fn unchunked(mut text: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        content.push_str(&rest[..size]);
        text = rest.get(size + 2..).unwrap_or_default();
    }
    content
}
