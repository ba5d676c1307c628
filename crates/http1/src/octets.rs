//! Octets, and where each of them may stand: in a token, in a request target, in a host (RFC 9110 §5.6.2, RFC 3986).

/// RFC 9110 §5.6.2.
const TOKEN: u8 = 1;
/// What a request target may be made of: visible US-ASCII without `#`, which begins a fragment, and a fragment is never sent
/// (RFC 9112 §3.2).
const TARGET: u8 = 2;
/// RFC 3986 §3.2.2 `reg-name`, without `%`, which is judged with what follows it, and without `,`: a comma makes a list of one host.
const REG_NAME: u8 = 4;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let byte = octet as u8;
        if byte.is_ascii_alphanumeric() || contains(b"!#$%&'*+-.^_`|~", byte) {
            classes[octet] |= TOKEN;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            classes[octet] |= TARGET;
        }
        if byte.is_ascii_alphanumeric() || contains(b"-._~!$&'()*+;=", byte) {
            classes[octet] |= REG_NAME;
        }
        octet += 1;
    }
    classes
}

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut index = 0;
    while index < set.len() {
        if set[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

fn is_in(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

pub(crate) fn is_token_octet(byte: u8) -> bool {
    is_in(byte, TOKEN)
}

/// RFC 9110 §5.6.2: at least one octet.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_in(byte, TOKEN))
}

pub(crate) fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_in(byte, TARGET))
}

/// RFC 3986 §3.2.2: `reg-name`, which includes every IPv4 address. May be empty.
pub(crate) fn is_reg_name(mut bytes: &[u8]) -> bool {
    loop {
        let Some(odd) = bytes.iter().position(|&byte| !is_in(byte, REG_NAME)) else { return true };
        match &bytes[odd..] {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => bytes = rest,
            _ => return false,
        }
    }
}

/// Whether a field value may hold these octets. RFC 9110 §5.5 lets a recipient retain all but CR, LF and NUL.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, bytes).is_none()
}

/// RFC 9110 §5.6.3: `OWS`.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the blanks around it.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = trim_start(bytes);
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Without the blanks before it.
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a list (RFC 9110 §5.6.1), trimmed, empty ones included.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim)
}

/// Where `part`, a slice of `whole`, begins in it.
pub(crate) fn offset_in(part: &[u8], whole: &[u8]) -> usize {
    let offset = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    assert!(offset <= whole.len() && part.len() <= whole.len() - offset, "a part of something else");
    offset
}
