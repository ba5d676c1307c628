//! Names of fields that operators write.

/// Why [fields of the connection](is_of_connection) are refused.
pub(crate) const WHY: &str = "this field belongs to the connection or says where a content ends; 'option httpclose' and its kin \
                              decide about connections";

/// # Errors
/// It is no name, as half a sentence.
pub(crate) fn must_be_one(name: &str) -> Result<(), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match name.bytes().all(is_token) {
        true => Ok(()),
        false => Err(format!("'{name}' is not the name of a field (RFC 9110 §5.1)")),
    }
}

/// Whether messages are framed by it, or connections kept.
pub(crate) fn is_of_connection(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "connection",
        "content-length",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}
