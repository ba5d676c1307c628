//! What is not served is refused or told to have no effect: nothing is read and ignored.

use super::{back, first_line, front};
use config::{Source, load};

#[test]
fn nothing_is_read_and_ignored() {
    let table = [
        (
            front("http-request set-nice 5 if TRUE"),
            "A parsing [c.cfg:8] : 'http-request set-nice' is not supported by Tidegate yet",
        ),
        (
            front("acl x str(a),digest(blake2s256) 1"),
            "A parsing [c.cfg:8] : 'acl fetch str(a),digest(blake2s256)' is not supported by Tidegate yet",
        ),
        (front("acl x fc_rtt 1"), "A parsing [c.cfg:8] : 'acl fetch fc_rtt' is not supported by Tidegate yet"),
        (front("acl x src -m bin 0a"), "A parsing [c.cfg:8] : 'acl src with -m bin' is not supported by Tidegate yet"),
        (front("use_backend b if HTTP_2.0"), "A parsing [c.cfg:8] : 'acl HTTP_2.0' is not supported by Tidegate yet"),
        (
            front("use_backend b if TRUE or"),
            "A parsing [c.cfg:8] : 'condition without a term' is not supported by Tidegate yet",
        ),
        (back("balance rdp-cookie"), "A parsing [c.cfg:10] : 'balance rdp-cookie' is not supported by Tidegate yet"),
        (back("option transparent"), "A parsing [c.cfg:10] : 'option transparent' is not supported by Tidegate yet"),
        (back("log ring@x local0"), "A parsing [c.cfg:10] : 'log ring@' is not supported by Tidegate yet"),
        (
            front("log-format %{+Z}b"),
            "N parsing [c.cfg:8] : 'log format flag +Z' has no effect in Tidegate: flags are '+' or '-' and one of M, Q, X and E",
        ),
        (back("log stdout profile x local0"), "A parsing [c.cfg:10] : 'log profile' is not supported by Tidegate yet"),
        (
            "global\n tune.buffers.limit 16\n".to_string(),
            "N parsing [c.cfg:2] : 'tune.buffers.limit' has no effect in Tidegate: buffers come from pools that need no tuning",
        ),
        (
            "global\n external-check\n".to_string(),
            "A parsing [c.cfg:2] : 'external-check' is not supported by Tidegate yet",
        ),
        (
            "resolvers r\n nameserver a 1.1.1.1:53\n".to_string(),
            "A parsing [c.cfg:1] : 'resolvers' is not supported by Tidegate yet",
        ),
    ];
    for (text, expected) in table {
        let sources = [Source::new("c.cfg", text)];
        let parsed = load(&sources, &|_: &str| None);
        let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
        assert!(shown.contains(&expected.to_string()), "{expected}\n{shown:#?}");
    }
    // What is only switched off needs no support.
    let parsed =
        load(&[Source::new("c.cfg", back("no option http-server-close\n no option checkcache"))], &|_: &str| None);
    assert_eq!(parsed.diagnostics, []);
}
