//! What `http-check` sends and expects (CFG 4.2, `option httpchk`, `http-check …`): a request as bytes, a response as a verdict.
//!
//! Responses are read by [`http1`], as strictly as those that are passed on. The first head is judged, whatever it is: a server
//! that answers a check with 100 is asked nothing more.

use std::ops::RangeInclusive;

use http1::{Body, Framing, Limits, Method, PartKind, Progress, Response, Version};

use crate::field::Empty;
use crate::pattern::is_within;
use crate::{FieldPattern, Formula, Formulas, Pattern, Regex, Status, Text};

/// A request of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `OPTIONS` unless said otherwise.
    pub method: String,
    /// `/` unless said otherwise.
    pub uri: Text,
    /// [`Version::Http10`] unless said otherwise.
    pub version: Version,
    /// Names and values, in order.
    pub fields: Vec<(String, Text)>,
    pub body: Text,
}

impl Default for Request {
    fn default() -> Request {
        let method = "OPTIONS".to_string();
        Request { method, uri: "/".into(), version: Version::Http10, fields: Vec::new(), body: "".into() }
    }
}

impl Request {
    /// As HAProxy sends it: names in lower case, the length of a body, and that the connection is not kept.
    ///
    /// What belongs to the connection is decided here: a `content-length` or `transfer-encoding` of the operator's is left out, and
    /// so is a `connection` that says what the version says anyway.
    ///
    /// `heard` is what the server said before. A field of which nothing was made is left out, and blanks in a URI that was made are `%20`:
    /// a request line has three words.
    pub(crate) fn bytes(&self, formulas: &mut dyn Formulas, heard: &[u8]) -> Vec<u8> {
        let version = match self.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        };
        let mut bytes = self.method.as_bytes().to_vec();
        bytes.push(b' ');
        for &byte in &*self.uri.now(formulas, heard) {
            match byte {
                b' ' | b'\t' => bytes.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                byte => bytes.push(byte),
            }
        }
        bytes.extend_from_slice(format!(" {version}\r\n").as_bytes());
        let mut is_connection_said = false;
        for (name, value) in &self.fields {
            let name = name.to_ascii_lowercase();
            let is_made = matches!(value, Text::Made(_));
            let value = value.now(formulas, heard);
            match name.as_str() {
                "content-length" | "transfer-encoding" => continue,
                "connection" => is_connection_said = true,
                _ => {}
            }
            let is_left_out = (is_made && value.is_empty()) || (name == "connection" && self.says_nothing(&value));
            if !is_left_out {
                write_field(&mut bytes, &name, &value);
            }
        }
        let body = self.body.now(formulas, heard);
        if !body.is_empty() {
            write_field(&mut bytes, "content-length", body.len().to_string().as_bytes());
        }
        if self.version == Version::Http11 && !is_connection_said {
            write_field(&mut bytes, "connection", b"close");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }

    /// What decides whether the response has content.
    pub fn answered_as(&self) -> Method {
        match self.method.as_str() {
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }

    /// RFC 9112 §9.3: this `connection` is what holds without it.
    fn says_nothing(&self, connection: &[u8]) -> bool {
        let usual = match self.version {
            Version::Http10 => "close",
            Version::Http11 => "keep-alive",
        };
        connection.eq_ignore_ascii_case(usual.as_bytes())
    }
}

fn write_field(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
    bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
}

/// `http-check expect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectResponse {
    pub wanted: Wanted,
    /// `!`: the response must not be so.
    pub is_inverse: bool,
    /// `min-recv`: how much content must have come before a mismatch is one; `None` waits for all of it.
    pub received_least: Option<usize>,
    /// `ok-status`, told if this is the last step.
    pub on_match: Status,
    /// `error-status`.
    pub on_mismatch: Status,
    /// `tout-status`.
    pub on_timeout: Status,
    /// `on-success`.
    pub praise: Option<Text>,
    /// `on-error`; otherwise the server's own reason, or what is wrong with the content.
    pub blame: Option<Text>,
    /// `status-code`: what is told as the code, once it is clear what came.
    pub code: Option<Formula>,
    /// The method of the request.
    pub method: Method,
}

/// What a response must be like.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// `status`
    Status(Vec<RangeInclusive<u16>>),
    /// `rstatus`: an expression over the three digits.
    StatusRegex(Regex),
    /// `string`, `rstring`: in the content, chunks put together.
    Content(Pattern),
    /// `string-lf`: the same with a text that is made when the response is there.
    ContentMade(Formula),
    /// `hdr`, `fhdr`
    Field(FieldPattern),
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Wanted) -> bool {
        match (self, other) {
            (Wanted::Status(one), Wanted::Status(two)) => one == two,
            (Wanted::StatusRegex(one), Wanted::StatusRegex(two)) => one.as_str() == two.as_str(),
            (Wanted::Content(one), Wanted::Content(two)) => one == two,
            (Wanted::ContentMade(one), Wanted::ContentMade(two)) => one == two,
            (Wanted::Field(one), Wanted::Field(two)) => one == two,
            (
                Wanted::Status(_)
                | Wanted::StatusRegex(_)
                | Wanted::Content(_)
                | Wanted::ContentMade(_)
                | Wanted::Field(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Wanted {}

/// What is to be said of what was received so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not clear yet.
    Open,
    /// As expected.
    Fits {
        code: u16,
    },
    Unfit {
        status: Status,
        code: u16,
        info: Vec<u8>,
    },
}

/// The first response among the bytes.
struct Answer {
    response: Response,
    reason: String,
    content: Vec<u8>,
    /// No more content comes.
    is_whole: bool,
}

impl ExpectResponse {
    /// `http-check expect …` without anything else, of the response to a request with `method`.
    pub fn new(wanted: Wanted, method: Method) -> ExpectResponse {
        let on_mismatch = match wanted {
            Wanted::Status(_) | Wanted::StatusRegex(_) | Wanted::Field(_) => Status::Layer7WrongStatus,
            Wanted::Content(_) | Wanted::ContentMade(_) => Status::Layer7Invalid,
        };
        ExpectResponse {
            wanted,
            is_inverse: false,
            received_least: None,
            on_match: Status::Layer7Passed,
            on_mismatch,
            on_timeout: Status::Layer7TimedOut,
            praise: None,
            blame: None,
            code: None,
            method,
        }
    }

    /// What holds without a word: success or a redirection (CFG 4.2, `option httpchk`).
    pub fn usual(method: Method) -> ExpectResponse {
        ExpectResponse::new(Wanted::Status(vec![200..=399]), method)
    }

    /// Judges what was received; `is_ended`: nothing more comes. `takes_404`: that status is as good as any.
    pub(crate) fn judge(
        &self,
        received: &[u8],
        is_ended: bool,
        takes_404: bool,
        formulas: &mut dyn Formulas,
    ) -> Verdict {
        let answer = match self.read(received, is_ended) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Verdict::Open,
            Err(NotHttp) => {
                let info = self.blame_or("", received, formulas);
                return Verdict::Unfit { status: Status::Layer7Invalid, code: 0, info };
            }
        };
        let code = answer.response.status();
        if takes_404 && code == 404 {
            return Verdict::Fits { code };
        }
        let is_found = match &self.wanted {
            Wanted::Status(ranges) => Ok(ranges.iter().any(|range| range.contains(&code))),
            Wanted::StatusRegex(regex) => Ok(regex.is_match(code.to_string().as_bytes())),
            Wanted::Field(pattern) => pattern.is_in(&answer.response, received, formulas),
            Wanted::Content(_) | Wanted::ContentMade(_) if answer.content.is_empty() && answer.is_whole => {
                let why = "HTTP content check could not find a response body";
                let info = self.blame_or(why, received, formulas);
                return Verdict::Unfit { status: self.on_mismatch, code, info };
            }
            Wanted::Content(pattern) => match self.find(&answer, pattern.size_least(), |text| pattern.is_in(text)) {
                Some(is_found) => Ok(is_found),
                None => return Verdict::Open,
            },
            Wanted::ContentMade(formula) => match formulas.text(*formula, received) {
                made if made.is_empty() => Err(Empty),
                made => match self.find(&answer, made.len(), |text| is_within(&made, text)) {
                    Some(is_found) => Ok(is_found),
                    None => return Verdict::Open,
                },
            },
        };
        let is_found = match is_found {
            Ok(is_found) => is_found,
            Err(Empty) => {
                let info = b"log-format string evaluated to an empty string".to_vec();
                return Verdict::Unfit { status: Status::Layer7Invalid, code, info };
            }
        };
        if is_found != self.is_inverse {
            return Verdict::Fits { code };
        }
        let why = match &self.wanted {
            Wanted::Status(_) | Wanted::StatusRegex(_) | Wanted::Field(_) => answer.reason.as_str(),
            Wanted::Content(_) | Wanted::ContentMade(_) if self.is_inverse => "HTTP check matched unwanted content",
            Wanted::Content(_) | Wanted::ContentMade(_) => "HTTP content check did not match",
        };
        Verdict::Unfit { status: self.on_mismatch, code, info: self.blame_or(why, received, formulas) }
    }

    /// Whether something of at least `size_least` bytes is in the content; `None`: that is not clear yet.
    fn find(&self, answer: &Answer, size_least: usize, is_in: impl FnOnce(&[u8]) -> bool) -> Option<bool> {
        let least = size_least.max(self.received_least.unwrap_or(0)).max(1);
        if answer.content.len() < least && !answer.is_whole {
            return None;
        }
        let is_found = is_in(&answer.content);
        (is_found || answer.is_whole || self.received_least.is_some()).then_some(is_found)
    }

    /// `on-error`, else `why`.
    fn blame_or(&self, why: &str, received: &[u8], formulas: &mut dyn Formulas) -> Vec<u8> {
        match &self.blame {
            Some(blame) => blame.now(formulas, received).into_owned(),
            None => why.as_bytes().to_vec(),
        }
    }

    /// `None`: the head is not complete yet.
    fn read(&self, received: &[u8], is_ended: bool) -> Result<Option<Answer>, NotHttp> {
        let mut response = Response::new(Limits::default());
        let head_size = match response.read(received) {
            Progress::Incomplete if !is_ended => return Ok(None),
            Progress::Incomplete | Progress::Refused(_) => return Err(NotHttp),
            Progress::Complete { head_size } => head_size,
        };
        let framing = match response.framing(self.method) {
            // What comes after it is no longer HTTP, and nothing that a check looks at.
            Framing::Tunnel => Framing::None,
            framing @ (Framing::None | Framing::Length(_) | Framing::Chunked | Framing::UntilClose) => framing,
        };
        let (mut body, mut content, mut rest) = (Body::new(framing), Vec::new(), &received[head_size..]);
        while let Some(part) = body.next(rest).map_err(|_| NotHttp)? {
            let (bytes, behind) = rest.split_at(part.size);
            match part.kind {
                PartKind::Data => content.extend_from_slice(bytes),
                PartKind::Framing | PartKind::Extension => {}
            }
            rest = behind;
        }
        let is_whole = is_ended || body.is_done() || body.awaits_trailers();
        let reason = String::from_utf8_lossy(response.reason_received(received)).into_owned();
        Ok(Some(Answer { response, reason, content, is_whole }))
    }
}

/// What was received is no response.
struct NotHttp;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::NoFormulas;
    use crate::regex;

    fn bytes(request: &Request) -> String {
        String::from_utf8(request.bytes(&mut NoFormulas, b"")).expect("made of text")
    }

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, Text)> {
        fields.iter().map(|(name, value)| (name.to_string(), Text::from(*value))).collect()
    }

    /// The bytes that HAProxy 2.6 sends.
    #[test]
    fn requests() {
        let usual = Request::default();
        let http11 = Request { method: "GET".into(), uri: "/z".into(), version: Version::Http11, ..Request::default() };
        for (request, expected) in [
            (usual.clone(), "OPTIONS / HTTP/1.0\r\n\r\n"),
            (http11.clone(), "GET /z HTTP/1.1\r\nconnection: close\r\n\r\n"),
            (Request { fields: fields(&[("X-Foo", "b")]), ..usual.clone() }, "OPTIONS / HTTP/1.0\r\nx-foo: b\r\n\r\n"),
            (Request { body: "hello".into(), ..usual }, "OPTIONS / HTTP/1.0\r\ncontent-length: 5\r\n\r\nhello"),
            (
                Request {
                    method: "POST".into(),
                    fields: fields(&[("Host", "a.example"), ("X-Foo", "b c")]),
                    body: "hello".into(),
                    ..http11.clone()
                },
                "POST /z HTTP/1.1\r\nhost: a.example\r\nx-foo: b c\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            ),
            (
                Request { fields: fields(&[("connection", "keep-alive"), ("Content-Length", "3")]), ..http11.clone() },
                "GET /z HTTP/1.1\r\n\r\n",
            ),
            (
                Request { fields: fields(&[("connection", "upgrade"), ("upgrade", "raw")]), ..http11 },
                "GET /z HTTP/1.1\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n",
            ),
        ] {
            assert_eq!(bytes(&request), expected);
        }
    }

    fn status(ranges: &[RangeInclusive<u16>]) -> Wanted {
        Wanted::Status(ranges.to_vec())
    }

    fn content(text: &str) -> Wanted {
        Wanted::Content(Pattern::Text(text.as_bytes().to_vec()))
    }

    /// What is said of `received` in the end, and at which prefix that was clear.
    fn judged(expect: &ExpectResponse, received: &str) -> (String, usize) {
        let clear = (1..=received.len()).find(|&size| {
            let verdict = expect.judge(&received.as_bytes()[..size], false, false, &mut NoFormulas);
            verdict != Verdict::Open
        });
        let verdict = match clear {
            Some(size) => expect.judge(&received.as_bytes()[..size], false, false, &mut NoFormulas),
            None => expect.judge(received.as_bytes(), true, false, &mut NoFormulas),
        };
        let said = match verdict {
            Verdict::Open => unreachable!("nothing more comes"),
            Verdict::Fits { code } => format!("{code}"),
            Verdict::Unfit { status, code, info } => {
                format!("{} {code} {}", status.word(), String::from_utf8_lossy(&info))
            }
        };
        (said, clear.unwrap_or(received.len() + 1))
    }

    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";

    /// As HAProxy 2.6 found the same responses.
    #[test]
    fn what_is_said_of_responses() {
        let usual = status(&[200..=399]);
        let regex = |text| regex(text).expect("valid");
        for (wanted, is_inverse, received, expected) in [
            (usual.clone(), false, HELLO, "200"),
            (usual.clone(), false, "HTTP/1.1 302 Moved\r\n\r\n", "302"),
            (usual.clone(), false, "HTTP/1.1 404 Not Found\r\n\r\n", "L7STS 404 Not Found"),
            (usual.clone(), false, "HTTP/1.1 503\r\n\r\n", "L7STS 503 "),
            (usual.clone(), false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "L7STS 100 Continue"),
            (usual.clone(), false, "garbage\r\n\r\n", "L7RSP 0 "),
            (usual.clone(), false, "HTTP/1.1 200 OK\r\nfoo", "L7RSP 0 "),
            (usual.clone(), false, "HTTP/1.1 200 OK\r\nfoo bar: x\r\n\r\n", "L7RSP 0 "),
            (usual, false, "", "L7RSP 0 "),
            (status(&[200..=399]), true, HELLO, "L7STS 200 OK"),
            (status(&[500..=500, 200..=204]), false, HELLO, "200"),
            (Wanted::StatusRegex(regex("^3")), false, HELLO, "L7STS 200 OK"),
            (Wanted::StatusRegex(regex("^2..$")), false, HELLO, "200"),
            (content("hello"), false, HELLO, "200"),
            (content("hello"), false, CHUNKED, "200"),
            (content("world"), false, HELLO, "L7RSP 200 HTTP content check did not match"),
            (content("hello"), true, HELLO, "L7RSP 200 HTTP check matched unwanted content"),
            (content("world"), true, HELLO, "200"),
            (
                content("hello"),
                false,
                "HTTP/1.1 204 No Content\r\n\r\n",
                "L7RSP 204 HTTP content check could not find a response body",
            ),
            (Wanted::Content(Pattern::Regex(regex("^w"))), false, HELLO, "L7RSP 200 HTTP content check did not match"),
        ] {
            let expect = ExpectResponse { is_inverse, ..ExpectResponse::new(wanted, Method::Other) };
            assert_eq!(judged(&expect, received).0, expected, "{expect:?} {received}");
        }
    }

    #[test]
    fn nothing_is_said_too_early_or_too_late() {
        let head = HELLO.len() - 5;
        for (wanted, received, clear) in [
            (status(&[200..=399]), HELLO, head),
            (content("hel"), HELLO, head + 3),
            (content("world"), HELLO, head + 5),
            (content("hello"), CHUNKED, CHUNKED.len() - 7),
            // The end of such a content is that of the connection.
            (content("world"), "HTTP/1.0 200 OK\r\n\r\nhello", 25),
        ] {
            let expect = ExpectResponse::new(wanted, Method::Other);
            assert_eq!(judged(&expect, received).1, clear, "{expect:?} {received}");
        }
        let least = ExpectResponse { received_least: Some(4), ..ExpectResponse::new(content("w"), Method::Other) };
        assert_eq!(judged(&least, HELLO).1, head + 4);
    }

    /// RFC 9110 §9.3.2: what a response to HEAD announces does not come.
    #[test]
    fn a_response_to_head_has_no_content() {
        let expect = ExpectResponse::new(content("hello"), Method::Head);
        let (said, clear) = judged(&expect, HELLO);
        assert_eq!(
            (said.as_str(), clear),
            ("L7RSP 200 HTTP content check could not find a response body", HELLO.len() - 5)
        );
    }
}
