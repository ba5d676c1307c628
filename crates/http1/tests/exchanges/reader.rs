//! Another reader of HTTP, strict and simple, which shares no code with the protocol: what it sees is what a server sees.

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

fn read_one(bytes: &[u8]) -> Result<Option<(Seen, &[u8])>, String> {
    // RFC 9110 §5.5 lets controls pass, which this parser does not.
    let is_control = |byte: u8| byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\r' | b'\n');
    let printable: Vec<u8> = bytes.iter().map(|&byte| if is_control(byte) { b'x' } else { byte }).collect();
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut headers);
    let head_size = match request.parse(&printable).map_err(|error| format!("{error}: {}", bytes.escape_ascii()))? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    check_lines(&bytes[..head_size])?;
    let line = format!("{} {}", request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let values = |name: &str| -> Vec<&[u8]> {
        request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
            .collect()
    };
    let rest = &bytes[head_size..];
    let content = match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
        ([], []) => Some((Vec::new(), rest)),
        ([length], []) => {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse::<u64>().ok());
            let length = usize::try_from(length.ok_or("no number")?).map_err(|_| "too long")?;
            rest.split_at_checked(length).map(|(content, rest)| (content.to_vec(), rest))
        }
        ([], [b"chunked"]) if request.version == Some(1) => read_chunks(rest)?,
        other => return Err(format!("ambiguous framing: {other:?}")),
    };
    let hosts = values("host").len();
    if hosts > 1 || hosts == 0 && request.version == Some(1) {
        return Err(format!("{hosts} hosts"));
    }
    Ok(content.map(|(content, rest)| (Seen { line, content }, rest)))
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
