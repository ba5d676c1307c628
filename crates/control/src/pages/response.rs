//! What goes back to a visitor.

use http1::{ConnectionOption, Method, Status};

/// A response, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status line and the fields, each with its line end.
    head: String,
    content: String,
}

impl Response {
    /// A document that nobody keeps.
    pub(super) fn ok(kind: &str, content: String) -> Response {
        Response::new("200 OK", kind, content)
    }

    /// A page of the proxy's own, in HAProxy's words.
    pub(super) fn page(status: Status) -> Response {
        let page = status.page();
        Response { head: page.head.into(), content: page.content.into() }
    }

    /// What was asked for is to be seen elsewhere (RFC 9110 §15.4.4).
    ///
    /// # Panics
    /// As [`with`](Self::with).
    pub(super) fn see_other(location: &str) -> Response {
        Response::new("303 See Other", "text/plain", String::new()).with("location", location)
    }

    /// The same with another status.
    pub(super) fn with_status(mut self, status: Status) -> Response {
        let line = |head: &str| head.find("\r\n").expect("a head begins with a line");
        let (own, others) = (line(&self.head), status.page().head);
        self.head.replace_range(..own, &others[..line(others)]);
        self
    }

    /// Adds a field.
    ///
    /// # Panics
    /// The value would make two lines of one.
    pub(super) fn with(mut self, name: &str, value: &str) -> Response {
        assert!(!value.contains(['\r', '\n', '\0']), "a field is one line");
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// As it is sent, in answer to a request with this method.
    pub(super) fn bytes(&self, method: Method, connection: ConnectionOption) -> Vec<u8> {
        let connection = match connection {
            ConnectionOption::Silent => "\r\n",
            ConnectionOption::Close => "connection: close\r\n\r\n",
            ConnectionOption::KeepAlive => "connection: keep-alive\r\n\r\n",
        };
        // RFC 9110 §9.3.2: the same head without the content.
        let content = if method == Method::Head { "" } else { &self.content };
        [&self.head, connection, content].concat().into_bytes()
    }

    fn new(status: &str, kind: &str, content: String) -> Response {
        let size = content.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {size}\r\ncache-control: no-cache\r\ncontent-type: {kind}\r\n"
        );
        Response { head, content }
    }
}
