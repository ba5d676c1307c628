//! `.if` and its like.

use super::{check, read, sentences};

#[test]
fn conditional_blocks() {
    let text = ".if defined(PORT)\nfrontend a\n .if 0\n bind :1\n .elif 1\n bind :2\n .else\n bind :3\n .endif\n.else\n\
                frontend b\n .if nonsense\n .endif\n.endif\n.notice \"hello\"\n.diag x\n";
    let parsed = read(text);
    assert_eq!(parsed.tree.proxies.len(), 1);
    assert_eq!(parsed.tree.proxies[0].binds[0].span.line, 6);
    let shown: Vec<_> = sentences(&parsed).into_iter().filter(|sentence| !sentence.starts_with('W')).collect();
    assert_eq!(shown, ["N parsing [c.cfg:15]: 'hello'.", "D parsing [c.cfg:16]: 'x'."]);

    let table: &[(&str, &[&str])] = &[
        (".else\n", &["A parsing [c.cfg:1]: lone '.else' with no matching '.if'."]),
        (".endif\n", &["A parsing [c.cfg:1]: lone '.endif' with no matching '.if'."]),
        (".if 1\n.else\n.else\n.endif\n", &["A parsing [c.cfg:3]: '.else' after '.else' is not permitted."]),
        (".if 1\n.else\n.elif 1\n.endif\n", &["A parsing [c.cfg:3]: '.elif' after '.else' is not permitted."]),
        (
            ".if 1\n.else x\n",
            &[
                "A parsing [c.cfg:2]: Unexpected argument 'x' for '.else'.",
                "A parsing [c.cfg:2]: non-terminated '.if' block.",
            ],
        ),
        (".foo x\n", &["A parsing [c.cfg:1]: unknown directive '.foo'."]),
        (".alert \"no\"\n", &["A parsing [c.cfg:1]: 'no'."]),
        (
            ".warning a b\n",
            &["A parsing [c.cfg:1]: Unexpected argument 'b' for '.warning'. Use quotes if the message should contain \
               spaces."],
        ),
        (
            ".if 2x\n.endif\n",
            &["A parsing [c.cfg:1]: unexpected character 'x' at the end of conditional expression '2x' in '.if' at \
               position 2:"],
        ),
    ];
    for (text, expected) in table {
        check(text, expected);
    }
}
