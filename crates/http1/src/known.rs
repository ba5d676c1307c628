//! The field names that have a meaning for whoever relays a message.

/// A name that framing, routing or the connection depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Connection,
    ContentLength,
    Host,
    Http2Settings,
    KeepAlive,
    MaxForwards,
    ProxyConnection,
    Te,
    TransferEncoding,
    Upgrade,
    WebSocketAccept,
    WebSocketKey,
    Other,
}

impl Known {
    /// RFC 9110 §5.1: names are case-insensitive.
    pub(crate) fn of(name: &[u8]) -> Known {
        let is =
            |expected: &str, known| if name.eq_ignore_ascii_case(expected.as_bytes()) { known } else { Known::Other };
        match name {
            [_, _] => is("te", Known::Te),
            [_, _, _, _] => is("host", Known::Host),
            [b'u' | b'U', ..] => is("upgrade", Known::Upgrade),
            [b'c' | b'C', ..] if name.len() == 10 => is("connection", Known::Connection),
            [b'c' | b'C', ..] if name.len() == 14 => is("content-length", Known::ContentLength),
            [b't' | b'T', ..] => is("transfer-encoding", Known::TransferEncoding),
            [b'k' | b'K', ..] => is("keep-alive", Known::KeepAlive),
            [b'p' | b'P', ..] => is("proxy-connection", Known::ProxyConnection),
            [b'm' | b'M', ..] => is("max-forwards", Known::MaxForwards),
            [b'h' | b'H', ..] => is("http2-settings", Known::Http2Settings),
            [b's' | b'S', ..] if name.len() == 17 => is("sec-websocket-key", Known::WebSocketKey),
            [b's' | b'S', ..] if name.len() == 20 => is("sec-websocket-accept", Known::WebSocketAccept),
            _ => Known::Other,
        }
    }

    /// Whether a field of this name belongs to one connection and says nothing to the next (RFC 9110 §7.6.1).
    pub(crate) fn is_of_connection(self) -> bool {
        match self {
            Known::Connection
            | Known::Http2Settings
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Te
            | Known::Upgrade => true,
            Known::ContentLength
            | Known::Host
            | Known::MaxForwards
            | Known::TransferEncoding
            | Known::WebSocketAccept
            | Known::WebSocketKey
            | Known::Other => false,
        }
    }

    /// Whether a field of this name says where the content ends (RFC 9112 §6).
    pub(crate) fn is_framing(self) -> bool {
        matches!(self, Known::ContentLength | Known::TransferEncoding)
    }
}
