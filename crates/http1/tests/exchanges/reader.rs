//! Another reader of HTTP, strict and simple, which shares no code with the protocol: what it sees is what a server or a client
//! sees.

/// A request as a server understands it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) content: Vec<u8>,
}

/// What came of reading.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) requests: Vec<Seen>,
    /// The bytes end inside of another request.
    pub(crate) is_inside: bool,
}

/// Reads all requests, or says what a strict server has against them.
pub(crate) fn read(mut bytes: &[u8]) -> Result<Reading, String> {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        match read_one(bytes)? {
            Some((seen, rest)) => {
                requests.push(seen);
                bytes = rest;
            }
            None => return Ok(Reading { requests, is_inside: true }),
        }
    }
    Ok(Reading { requests, is_inside: false })
}

/// Reads the responses to requests of which is known whether they were HEAD. Says how many final ones there are, and whether the
/// bytes end inside of another. What follows the last request's response is an error, unless it lasts until the connection closes.
pub(crate) fn read_responses(mut bytes: &[u8], to_head: &[bool]) -> Result<(usize, bool), String> {
    let mut final_count = 0;
    while !bytes.is_empty() {
        let Some((status, rest)) = read_response(bytes, to_head.get(final_count).copied().unwrap_or_default())? else {
            return Ok((final_count, true));
        };
        final_count += usize::from(status >= 200);
        bytes = rest;
    }
    Ok((final_count, false))
}

fn read_response(bytes: &[u8], is_to_head: bool) -> Result<Option<(u16, &[u8])>, String> {
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
    if is_to_head || status < 200 || status == 204 || status == 304 {
        return Ok(Some((status, rest)));
    }
    let rest = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Some(&rest[rest.len()..]),
        ([length], []) => rest.split_at_checked(parse_length(length)?).map(|(_, rest)| rest),
        ([], [b"chunked"]) if response.version == Some(1) => read_chunks(rest)?.map(|(_, rest)| rest),
        other => return Err(format!("ambiguous framing: {other:?}")),
    };
    Ok(rest.map(|rest| (status, rest)))
}

fn read_one(bytes: &[u8]) -> Result<Option<(Seen, &[u8])>, String> {
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
        ([length], []) => rest.split_at_checked(parse_length(length)?).map(|(content, rest)| (content.to_vec(), rest)),
        ([], [b"chunked"]) if request.version == Some(1) => read_chunks(rest)?,
        other => return Err(format!("ambiguous framing: {other:?}")),
    };
    let hosts = values(request.headers, "host").len();
    if hosts > 1 || hosts == 0 && request.version == Some(1) {
        return Err(format!("{hosts} hosts"));
    }
    Ok(content.map(|(content, rest)| (Seen { line, content }, rest)))
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
