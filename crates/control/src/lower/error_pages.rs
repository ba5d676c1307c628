//! What operators send in place of pages: files are read here, and read as the responses that they are.

use super::Lowering;
use config::{ErrorSource, Lead, Proxy, Spanned, Stage};
use http1::{Framing, Limits, Progress, Response};
use std::fs;
use std::sync::Arc;
use table::{Monitor, OwnPage, Pages};

impl<'a> Lowering<'a> {
    pub(super) fn error_pages(&mut self, proxy: &Proxy) -> Pages {
        let mut pages: Vec<(u16, OwnPage)> = Vec::new();
        for page in &proxy.settings.http.pages {
            let text = match &page.source {
                ErrorSource::Reply(reply) => {
                    let made = self.reply(reply, config::Speaker::Client, proxy);
                    pages.retain(|(status, _)| *status != page.status);
                    pages.extend(made.map(|made| (page.status, OwnPage::Made(Box::new(made)))));
                    continue;
                }
                ErrorSource::File(path) => self.error_file(path),
                ErrorSource::Location(code, url) => {
                    let text = format!(
                        "HTTP/1.1 {code} \r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {url}\r\n\r\n"
                    );
                    Some(text.into_bytes().into())
                }
                ErrorSource::Section(name) => {
                    self.error_of_section(name, page.status).and_then(|path| self.error_file(path))
                }
            };
            if let Some(text) = text {
                pages.retain(|(status, _)| *status != page.status);
                pages.push((page.status, OwnPage::Whole(text)));
            }
        }
        Pages::new(pages)
    }

    /// The file that an `http-errors` section has for a status, if any.
    pub(super) fn error_of_section(&self, name: &str, status: u16) -> Option<&'a Spanned<String>> {
        let sections = self.config.http_errors.iter().filter(|errors| *errors.name == *name);
        let mut pages = sections.flat_map(|errors| &errors.pages).filter(|page| page.status == status);
        match &pages.next_back()?.source {
            ErrorSource::File(path) => Some(path),
            ErrorSource::Location(..) | ErrorSource::Section(_) | ErrorSource::Reply(_) => None,
        }
    }

    pub(super) fn monitor(&mut self, proxy: &Proxy, acls: &super::acls::Acls) -> Option<Monitor> {
        let uri = proxy.settings.http.monitor_uri.as_ref()?.as_bytes().into();
        let mut fail = Vec::with_capacity(proxy.monitor_fail.len());
        for condition in &proxy.monitor_fail {
            fail.push(self.condition(condition, proxy, acls));
        }
        Some(Monitor { uri, fail })
    }

    /// A response in a file, with line ends as HTTP has them. `None` if there is none in it; that has been reported.
    pub(super) fn error_file(&mut self, path: &Spanned<String>) -> Option<Arc<[u8]>> {
        let name = &path.value;
        let buffer_size = super::messages(&self.config.global).sent_size_max;
        let message = match fs::read(name) {
            Err(_) => format!("errorfile : error opening file '{name}'."),
            Ok(bytes) if bytes.len() >= buffer_size => {
                format!("errorfile : file '{name}' exceeds the buffer size ({} > {buffer_size}).", bytes.len())
            }
            Ok(bytes) => match response(&bytes) {
                Ok(text) => return Some(text.into()),
                Err(why) => format!("errorfile : '{name}': {why}"),
            },
        };
        // Sections inherit one line of `defaults`; it is blamed once.
        if !self.diagnostics.iter().any(|known| known.span == Some(path.span)) {
            self.alert(Stage::Parsing, Lead::Spaced, path.span, message);
        }
        None
    }
}

/// The response in `bytes`; of an empty file nothing.
fn response(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let text = with_line_ends(bytes);
    let mut response = Response::new(Limits::default());
    let Progress::Complete { head_size } = response.read(&text) else {
        return Err("unable to parse headers".into());
    };
    let content_size = text.len() - head_size;
    match response.framing(http1::Method::Get) {
        Framing::UntilClose => Ok(text),
        Framing::None if content_size == 0 => Ok(text),
        Framing::Length(length) if length == content_size as u64 => Ok(text),
        Framing::Length(length) => {
            Err(format!("payload size does not match the announced content-length ({content_size} != {length})"))
        }
        Framing::None | Framing::Chunked | Framing::Tunnel => Err("unable to parse payload".into()),
    }
}

/// Operators write heads with their editors: a line may end as they do.
fn with_line_ends(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
    }
    text.extend_from_slice(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy 2.6.12's verdicts.
    #[test]
    fn responses_in_files() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let got = response(text.as_bytes()).map(|text| String::from_utf8_lossy(&text).into_owned());
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check("", Ok(""));
        check("HTTP/1.1 404 No\nX-A: b\n\nno\ncr\n", Ok("HTTP/1.1 404 No\r\nX-A: b\r\n\r\nno\ncr\n"));
        check("HTTP/1.0 503 S\r\nContent-Length: 2\r\n\r\nab", Ok("HTTP/1.0 503 S\r\nContent-Length: 2\r\n\r\nab"));
        check(
            "HTTP/1.1 503 S\r\nContent-Length: 2\r\n\r\nabc",
            Err("payload size does not match the announced content-length (3 != 2)"),
        );
        check("garbage", Err("unable to parse headers"));
    }
}
