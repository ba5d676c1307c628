//! The responses that a proxy makes itself, byte for byte as HAProxy makes them.
//!
//! They come in two shapes. What answers bytes that were no request goes out as it is written in HAProxy's table, and the
//! connection is closed. What answers a request went through the path of all responses: names in lower case, and whether the
//! connection stays is a decision of its own ([`Exchange`](crate::Exchange)).

use crate::Method;
use crate::write::{ConnectionOption, NoRoom, Out};

/// The statuses that have a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Ok,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    ProxyUnauthorized,
    RequestTimeout,
    Gone,
    ContentTooLarge,
    UriTooLong,
    MisdirectedRequest,
    UnprocessableContent,
    TooEarly,
    TooManyRequests,
    FieldsTooLarge,
    InternalError,
    NotImplemented,
    BadGateway,
    Unavailable,
    GatewayTimeout,
}

/// A page, in both shapes.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The status code.
    pub code: u16,
    /// The whole response to bytes that were no request.
    pub to_garbage: &'static str,
    /// The response to a request: everything before the `connection` line …
    pub head: &'static str,
    /// … and the content behind the empty line.
    pub content: &'static str,
    /// The client's connection is closed with it, in either shape.
    pub closes: bool,
}

/// `close` where HAProxy's table has a `Connection` line.
macro_rules! page {
    ($code:literal, $reason:literal, $length:literal, $content:literal $(, $close:literal)?) => {
        Page {
            code: $code,
            to_garbage: concat!(
                "HTTP/1.1 ", $code, " ", $reason, "\r\nContent-length: ", $length, "\r\nCache-Control: no-cache\r\n",
                $("Connection: ", $close, "\r\n",)? "Content-Type: text/html\r\n\r\n<html><body><h1>", $code, " ", $reason,
                "</h1>\n", $content, "\n</body></html>\n",
            ),
            head: concat!(
                "HTTP/1.1 ", $code, " ", $reason, "\r\ncontent-length: ", $length,
                "\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n",
            ),
            closes: !concat!("", $($close)?).is_empty(),
            content: concat!("<html><body><h1>", $code, " ", $reason, "</h1>\n", $content, "\n</body></html>\n"),
        }
    };
}

impl Page {
    /// Writes the response to a request with this method; to HEAD without the content (RFC 9110 §9.3.2). Says how many bytes it
    /// has. [`Exchange::answer`](crate::Exchange::answer) knows both arguments.
    pub fn write(&self, method: Method, connection: ConnectionOption, buffer: &mut [u8]) -> Result<usize, NoRoom> {
        let mut out = Out::new(buffer);
        out.put(self.head.as_bytes())?;
        out.end(connection)?;
        if method != Method::Head {
            out.put(self.content.as_bytes())?;
        }
        Ok(out.size())
    }
}

impl Status {
    /// All of them, by code.
    pub const ALL: [Status; 21] = [
        Status::Ok,
        Status::BadRequest,
        Status::Unauthorized,
        Status::Forbidden,
        Status::NotFound,
        Status::MethodNotAllowed,
        Status::ProxyUnauthorized,
        Status::RequestTimeout,
        Status::Gone,
        Status::ContentTooLarge,
        Status::UriTooLong,
        Status::MisdirectedRequest,
        Status::UnprocessableContent,
        Status::TooEarly,
        Status::TooManyRequests,
        Status::FieldsTooLarge,
        Status::InternalError,
        Status::NotImplemented,
        Status::BadGateway,
        Status::Unavailable,
        Status::GatewayTimeout,
    ];

    /// The page of this status. The texts are HAProxy's, with their oddities.
    #[rustfmt::skip]
    pub fn page(self) -> Page {
        match self {
            Status::Ok => page!(200, "OK", 58, "Service ready."),
            Status::BadRequest => page!(400, "Bad request", 90, "Your browser sent an invalid request.", "close"),
            Status::Unauthorized => page!(401, "Unauthorized", 112, "You need a valid user and password to access this content."),
            Status::Forbidden => page!(403, "Forbidden", 93, "Request forbidden by administrative rules."),
            Status::NotFound => page!(404, "Not Found", 83, "The resource could not be found."),
            Status::MethodNotAllowed => page!(405, "Method Not Allowed", 146, "A request was made of a resource using a request method not supported by that resource"),
            Status::ProxyUnauthorized => page!(407, "Unauthorized", 112, "You need a valid user and password to access this content."),
            Status::RequestTimeout => page!(408, "Request Time-out", 110, "Your browser didn't send a complete request in time.", "close"),
            Status::Gone => page!(410, "Gone", 114, "The resource is no longer available and will not be available again."),
            Status::ContentTooLarge => page!(413, "Payload Too Large", 106, "The request entity exceeds the maximum allowed."),
            Status::UriTooLong => page!(414, "URI Too Long", 110, "The URI provided was too long for the server to process."),
            Status::MisdirectedRequest => page!(421, "Misdirected Request", 104, "Request sent to a non-authoritative server."),
            Status::UnprocessableContent => page!(422, "Unprocessable Content", 116, "The server cannot process the contained instructions."),
            Status::TooEarly => page!(425, "Too Early", 80, "Your browser sent early data."),
            Status::TooManyRequests => page!(429, "Too Many Requests", 117, "You have sent too many requests in a given amount of time."),
            Status::FieldsTooLarge => page!(431, "Request Header Fields Too Large", 106, ">Request Header Fields Too Large."),
            Status::InternalError => page!(500, "Internal Server Error", 97, "An internal server error occurred."),
            Status::NotImplemented => page!(501, "Not Implemented", 136, ".The server does not support the functionality required to fulfill the request."),
            Status::BadGateway => page!(502, "Bad Gateway", 107, "The server returned an invalid or incomplete response."),
            Status::Unavailable => page!(503, "Service Unavailable", 107, "No server is available to handle this request."),
            Status::GatewayTimeout => page!(504, "Gateway Time-out", 92, "The server didn't respond in time."),
        }
    }
}
