//! Another reader of HTTP, strict and simple, which shares no code with the protocol: what it sees is what a server or a client
//! sees.

/// A request as a server understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method and its target.
    pub line: String,
    pub content: Vec<u8>,
    /// Of the whole message.
    pub size: usize,
}

/// A response as a client understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub status: u16,
    /// Names in lower case, in their order.
    pub fields: Vec<(String, Vec<u8>)>,
    pub content: Vec<u8>,
    /// Only the end of the connection says where its content ends: it may not have come whole.
    pub lasts_until_close: bool,
    /// Of the whole message, as far as it is known.
    pub size: usize,
}

/// What came of reading.
#[derive(Debug)]
pub struct Reading {
    pub requests: Vec<Seen>,
    /// The bytes end inside of another request.
    pub is_inside: bool,
}

impl Got {
    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Reads all requests, or says what a strict server has against them.
pub fn read(mut bytes: &[u8]) -> Result<Reading, String> {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        match first_request(bytes)? {
            Some(seen) => {
                bytes = &bytes[seen.size..];
                requests.push(seen);
            }
            None => return Ok(Reading { requests, is_inside: true }),
        }
    }
    Ok(Reading { requests, is_inside: false })
}

/// Reads the responses to requests of which is known whether they were HEAD. Says how many final ones there are, and whether the
/// bytes end inside of another. What follows the last request's response is an error, unless it lasts until the connection closes.
pub fn read_responses(mut bytes: &[u8], to_head: &[bool]) -> Result<(usize, bool), String> {
    let mut final_count = 0;
    while !bytes.is_empty() {
        let Some(got) = first_response(bytes, to_head.get(final_count).copied().unwrap_or_default())? else {
            return Ok((final_count, true));
        };
        final_count += usize::from(got.status >= 200);
        bytes = &bytes[got.size..];
    }
    Ok((final_count, false))
}

/// The response that bytes begin with; `None`: it has not come whole.
pub fn first_response(bytes: &[u8], is_to_head: bool) -> Result<Option<Got>, String> {
    let printable = printable(bytes);
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let head_size = match response.parse(&printable).map_err(|error| format!("{error}: {}", bytes.escape_ascii()))? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    check_lines(&bytes[..head_size])?;
    let (status, rest) = (response.code.unwrap_or_default(), &bytes[head_size..]);
    let lengths = values(response.headers, "content-length");
    let codings = values(response.headers, "transfer-encoding");
    let is_empty = is_to_head || status < 200 || status == 204 || status == 304;
    let lasts_until_close = !is_empty && lengths.is_empty() && codings.is_empty();
    let content = match (lengths.as_slice(), codings.as_slice()) {
        _ if is_empty => Some((Vec::new(), rest)),
        ([], []) => Some((rest.to_vec(), &rest[rest.len()..])),
        ([length], []) => with_length(rest, length)?,
        ([], [b"chunked"]) if response.version == Some(1) => read_chunks(rest)?,
        other => return Err(format!("ambiguous framing: {other:?}")),
    };
    let fields = response.headers.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec())).collect();
    Ok(content.map(|(content, behind)| Got {
        status,
        fields,
        content,
        lasts_until_close,
        size: bytes.len() - behind.len(),
    }))
}

/// The request that bytes begin with; `None`: it has not come whole.
pub fn first_request(bytes: &[u8]) -> Result<Option<Seen>, String> {
    let printable = printable(bytes);
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut headers);
    let head_size = match request.parse(&printable).map_err(|error| format!("{error}: {}", bytes.escape_ascii()))? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    check_lines(&bytes[..head_size])?;
    let line = format!("{} {}", request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let rest = &bytes[head_size..];
    let content = match (
        values(request.headers, "content-length").as_slice(),
        values(request.headers, "transfer-encoding").as_slice(),
    ) {
        ([], []) => Some((Vec::new(), rest)),
        ([length], []) => with_length(rest, length)?,
        ([], [b"chunked"]) if request.version == Some(1) => read_chunks(rest)?,
        other => return Err(format!("ambiguous framing: {other:?}")),
    };
    let hosts = values(request.headers, "host").len();
    if hosts > 1 || hosts == 0 && request.version == Some(1) {
        return Err(format!("{hosts} hosts"));
    }
    Ok(content.map(|(content, behind)| Seen { line, content, size: bytes.len() - behind.len() }))
}

/// RFC 9110 §5.5 lets controls pass, which this parser does not.
fn printable(bytes: &[u8]) -> Vec<u8> {
    let is_control = |byte: u8| byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\r' | b'\n');
    bytes.iter().map(|&byte| if is_control(byte) { b'x' } else { byte }).collect()
}

fn values<'a>(headers: &[httparse::Header<'a>], name: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value).collect()
}

fn parse_length(digits: &[u8]) -> Result<usize, String> {
    let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    length.ok_or_else(|| format!("no length: {}", digits.escape_ascii()))
}

/// Content, and what is behind it; nothing where the bytes end inside of it.
type Content<'a> = Option<(Vec<u8>, &'a [u8])>;

fn with_length<'a>(bytes: &'a [u8], length: &[u8]) -> Result<Content<'a>, String> {
    Ok(bytes.split_at_checked(parse_length(length)?).map(|(content, behind)| (content.to_vec(), behind)))
}

fn read_chunks(mut bytes: &[u8]) -> Result<Content<'_>, String> {
    let mut content = Vec::new();
    loop {
        let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let digits = std::str::from_utf8(&bytes[..end]).map_err(|_| "a chunk size")?;
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!("a chunk size: {digits}"));
        }
        let size = usize::from_str_radix(digits, 16).map_err(|_| "a chunk size")?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return read_trailers(bytes).map(|rest| rest.map(|rest| (content, rest)));
        }
        let Some((chunk, rest)) = bytes.split_at_checked(size) else { return Ok(None) };
        content.extend_from_slice(chunk);
        match rest {
            [b'\r', b'\n', rest @ ..] => bytes = rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err("a chunk's end".into()),
        }
    }
}

fn read_trailers(mut bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    let start = bytes;
    loop {
        let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        bytes = &bytes[end + 2..];
        if end == 0 {
            check_lines(&start[..start.len() - bytes.len()])?;
            return Ok(Some(bytes));
        }
    }
}

/// Every LF follows a CR, every CR is followed by an LF, nothing is folded, no NUL.
fn check_lines(head: &[u8]) -> Result<(), String> {
    let is_wrong = |pair: &[u8]| match pair {
        [before, b'\n'] => *before != b'\r',
        [b'\r', after] => *after != b'\n',
        [b'\n', after] => matches!(after, b' ' | b'\t'),
        _ => pair.contains(&0),
    };
    match head.windows(2).position(is_wrong) {
        Some(at) => Err(format!("a line end at {at} of {}", head.escape_ascii())),
        None => Ok(()),
    }
}
