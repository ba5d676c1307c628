//! What a shared cache would keep of responses (RFC 9111 §3), as HAProxy judges it.

use http1::Response;

/// Whether a shared cache could give one client's cookie to another (`configuration.txt: option checkcache`).
pub fn leaks_cookie(response: &Response, bytes: &[u8]) -> bool {
    let fields = response.fields();
    let has = |name: &[u8]| fields.values(bytes, name).next().is_some();
    let is_excepted = |directive: &[u8]| begins(directive, "no-cache=\"set-cookie");
    let mut directives = fields.values(bytes, b"cache-control").flat_map(elements);
    (has(b"set-cookie") || has(b"set-cookie2")) && !directives.any(is_excepted) && is_cacheable(response, bytes)
}

/// Whether a shared cache may keep it, as HAProxy judges: by its status, what it says of caching, and whether it could be found fresh
/// or validated (RFC 9111 §3).
pub(crate) fn is_cacheable(response: &Response, bytes: &[u8]) -> bool {
    let mut is_cacheable = matches!(response.status(), 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
    let fields = response.fields();
    let has = |name: &[u8]| fields.values(bytes, name).next().is_some();
    is_cacheable &= !fields.values(bytes, b"pragma").any(|value| value.eq_ignore_ascii_case(b"no-cache"));
    let mut is_fresh = has(b"expires");
    for directive in fields.values(bytes, b"cache-control").flat_map(elements) {
        let is = |word: &str| directive.eq_ignore_ascii_case(word.as_bytes());
        if is("public") {
            is_cacheable = true;
        } else if ["private", "no-cache", "no-store", "max-age=0", "s-maxage=0"].into_iter().any(is) {
            is_cacheable = false;
        } else if begins(directive, "s-maxage") || begins(directive, "max-age") {
            is_fresh = true;
        }
    }
    is_cacheable && (is_fresh || has(b"etag") || has(b"last-modified"))
}

fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn begins(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 blocked and let through.
    #[test]
    fn cookies_that_caches_might_keep() {
        let check = |status: u16, fields: &str, expected: bool| {
            let bytes = format!("HTTP/1.1 {status} X\r\nSet-Cookie: a=1\r\n{fields}\r\n");
            let mut response = Response::new(http1::Limits::default());
            response.read(bytes.as_bytes());
            assert_eq!(leaks_cookie(&response, bytes.as_bytes()), expected, "{status} {fields}");
        };
        check(200, "", false);
        check(200, "ETag: x\r\n", true);
        check(200, "Cache-Control: max-age=5\r\n", true);
        check(200, "Cache-Control: public\r\n", false);
        check(200, "Cache-Control: private\r\nETag: x\r\n", false);
        check(200, "Cache-Control: no-cache=\"set-cookie\"\r\nETag: x\r\n", false);
        check(200, "Pragma: no-cache\r\nETag: x\r\n", false);
        check(200, "Pragma: no-cache\r\nETag: x\r\nCache-Control: max-age=4\r\n", false);
        check(302, "ETag: x\r\n", false);
        check(302, "Cache-Control: public\r\nETag: x\r\n", true);
        check(200, "Cache-Control: max-age=0,s-maxage=4\r\n", false);
        check(404, "Expires: x\r\n", true);
        check(200, "ETag: x\r\nCache-Control: no-store\r\n", false);
    }
}
