//! Responses that rules make (`configuration.txt: http-request return, deny, redirect`).
//!
//! They are composed as text, as a server would send them, and take the way of all responses: what is sent is written from what was
//! read, and rules behind them may edit it.

use std::io::Write;
use std::sync::Arc;

use crate::Table;
use crate::sample::{Facts, Format, Message};

/// What a client is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// The page of this status.
    Page(u16),
    /// A whole response, head and content.
    Text(Vec<u8>),
    /// The same as the operator has it in a file, and the status that is told of it. One without bytes means that the connection ends
    /// without a word.
    Whole(u16, Arc<[u8]>),
    /// The page of 401, which asks for a name and a password in this realm (RFC 7617 §2).
    Challenge(Box<str>),
}

/// What the operator sends in place of the pages of some statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages(Box<[(u16, OwnPage)]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// A whole response (`errorfile, errorloc302`). One without bytes means that the connection ends without a word.
    Whole(Arc<[u8]>),
    /// One that is made anew each time (`http-error`).
    Made(Box<Reply>),
}

impl Pages {
    /// Each status once.
    pub fn new(pages: Vec<(u16, OwnPage)>) -> Pages {
        Pages(pages.into())
    }

    /// The response for a status, if there is an own one.
    pub fn text(&self, status: u16, facts: &Facts<'_>) -> Option<Arc<[u8]>> {
        let (_, page) = self.0.iter().find(|(known, _)| *known == status)?;
        match page {
            OwnPage::Whole(text) => Some(Arc::clone(text)),
            OwnPage::Made(reply) => match reply.words(facts) {
                Words::Text(text) => Some(text.into()),
                Words::Whole(_, text) => Some(text),
                Words::Page(_) | Words::Challenge(_) => None,
            },
        }
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.0.iter().all(|(_, page)| match page {
            OwnPage::Whole(_) => true,
            OwnPage::Made(reply) => reply.fits(table),
        })
    }
}

/// `return`, and `deny` with more than a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content: ReplyContent,
    pub content_type: Option<Box<str>>,
    /// `hdr NAME FORMAT`
    pub fields: Vec<(Box<str>, Format)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyContent {
    /// `default-errorfiles`: the page of the status, as it is.
    Page,
    /// `string`, `file`
    Text(Box<[u8]>),
    /// `lf-string`, `lf-file`
    Format(Format),
    /// `errorfile`, `errorfiles`: a whole response.
    Whole(Arc<[u8]>),
}

/// `redirect …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub kind: RedirectKind,
    pub to: Format,
    pub status: u16,
    pub drops_query: bool,
    pub appends_slash: bool,
    /// Without a location nothing happens.
    pub ignores_empty: bool,
    /// The value of a `Set-Cookie` field.
    pub cookie: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// There, whatever was asked for.
    Location,
    /// The same path behind another prefix.
    Prefix,
    /// The same host and path with another scheme.
    Scheme,
}

impl Reply {
    pub(crate) fn words(&self, facts: &Facts<'_>) -> Words {
        let mut filled = Vec::new();
        let content: &[u8] = match &self.content {
            ReplyContent::Page => return Words::Page(self.status),
            ReplyContent::Whole(text) => return Words::Whole(self.status, Arc::clone(text)),
            ReplyContent::Text(text) => text,
            ReplyContent::Format(format) => {
                format.append(facts, &mut filled);
                &filled
            }
        };
        let mut text = head(self.status);
        for (name, value) in &self.fields {
            append(&mut text, format_args!("{name}: "));
            value.append(facts, &mut text);
            text.extend_from_slice(b"\r\n");
        }
        append(&mut text, format_args!("content-length: {}\r\n", content.len()));
        if let Some(content_type) = &self.content_type {
            append(&mut text, format_args!("content-type: {content_type}\r\n"));
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(content);
        Words::Text(text)
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        let content = match &self.content {
            ReplyContent::Format(format) => format.fits(table),
            ReplyContent::Page | ReplyContent::Text(_) | ReplyContent::Whole(_) => true,
        };
        content && self.fields.iter().all(|(_, value)| value.fits(table))
    }
}

impl Redirect {
    /// `None`: there is nowhere to go, and that is ignored.
    pub(crate) fn words(&self, facts: &Facts<'_>) -> Option<Words> {
        let mut location = Vec::new();
        self.to.append(facts, &mut location);
        match (self.kind, facts.heard.message()) {
            (RedirectKind::Location, _) if self.ignores_empty && location.is_empty() => return None,
            (RedirectKind::Location, _) => (),
            (kind, Some(Message::Request { request, bytes })) => {
                match kind {
                    RedirectKind::Scheme => {
                        location.extend_from_slice(b"://");
                        let host = request.fields().values(bytes, b"host").next();
                        location.extend_from_slice(host.unwrap_or_default());
                    }
                    // One's own root, so that a prefix of nothing can be written.
                    RedirectKind::Prefix if location == b"/" => location.clear(),
                    RedirectKind::Prefix | RedirectKind::Location => (),
                }
                let path = if self.drops_query { request.path(bytes) } else { request.path_and_query(bytes) };
                location.extend_from_slice(if path.is_empty() { b"/" } else { path });
                if self.appends_slash && location.last() != Some(&b'/') {
                    location.push(b'/');
                }
            }
            (RedirectKind::Prefix | RedirectKind::Scheme, _) => {
                unreachable!("rules on responses lead to locations alone")
            }
        }
        let mut text = head(self.status);
        text.extend_from_slice(b"content-length: 0\r\nlocation: ");
        text.extend_from_slice(&location);
        text.extend_from_slice(b"\r\n");
        // RFC 9111 §4.2.2: 301 and 308 may be kept, the others should not be.
        if matches!(self.status, 302 | 303 | 307) {
            text.extend_from_slice(b"cache-control: no-cache\r\n");
        }
        if let Some(cookie) = &self.cookie {
            append(&mut text, format_args!("set-cookie: {cookie}\r\n"));
        }
        text.extend_from_slice(b"\r\n");
        Some(Words::Text(text))
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.to.fits(table)
    }
}

/// A status line. Its reason phrase is the usual one, added when it is written.
fn head(status: u16) -> Vec<u8> {
    let mut text = Vec::new();
    append(&mut text, format_args!("HTTP/1.1 {status} \r\n"));
    text
}

fn append(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes everything");
}
