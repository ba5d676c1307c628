//! Clients that come back to their server.

use super::{BACKEND, Rig};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        clients_that_come_back,
    ],
    alone: [],
}

/// `configuration.txt: cookie NAME insert`, `server … cookie`.
fn clients_that_come_back(subject: Subject) {
    let sections = format!(
        "{BACKEND}
    frontend fe
        bind @fe@
        use_backend loud if {{ path_beg /loud }}
        use_backend kept if {{ path_beg /kept }}
        use_backend down if {{ path_beg /down }}
        use_backend bare if {{ path_beg /bare }}
        default_backend ruled
    backend ruled
        cookie SRV insert indirect nocache
        server a @s@ cookie ca
        server b @s@ cookie cb weight 0
    backend loud
        cookie SRV insert httponly secure domain .x.y attr SameSite=None
        server a @s@ cookie ca
    backend kept
        cookie SRV insert indirect preserve
        server a @s@ cookie ca
    backend down
        cookie SRV insert indirect
        server a @s@ cookie ca disabled
        server b @s@ cookie cb
    backend bare
        cookie SRV insert
        server n @s@
"
    );
    let rig = Rig::of(subject, &sections);
    let given = "set-cookie: SRV=ca; path=/\r\n";
    let (usual, other) = ("x-s: a\r\nx-list: ab, cd\r\n", "set-cookie: other=1\r\n");
    let own = "set-cookie: SRV=own; path=/\r\n";
    for (index, (path, cookie, seen, fields, line)) in [
        ("/0", "", "", format!("{usual}{given}"), "ruled/a --NI"),
        ("/1", "SRV=ca", "", usual.into(), "ruled/a --VN"),
        ("/2", "SRV=cb", "", usual.into(), "ruled/b --VN"),
        ("/3", "a=1; SRV=cb; b=2", "a=1; b=2", usual.into(), "ruled/b --VN"),
        ("/4", "SRV=zz; b=2", "b=2", format!("{usual}{given}"), "ruled/a --II"),
        ("/5", "b=2; SRV=cb", "b=2", usual.into(), "ruled/b --VN"),
        ("/6", "SRV=", "", format!("{usual}{given}"), "ruled/a --II"),
        ("/7", "XSRV=cb", "XSRV=cb", format!("{usual}{given}"), "ruled/a --NI"),
        ("/8/own", "SRV=ca", "", other.into(), "ruled/a --VD"),
        ("/9/own", "", "", format!("{other}{given}"), "ruled/a --NI"),
        ("/10/fresh", "", "", format!("cache-control: max-age=9\r\n{given}cache-control: private\r\n"), "ruled/a --NI"),
        ("/11/private", "", "", format!("cache-control: private\r\netag: x\r\n{given}"), "ruled/a --NI"),
        (
            "/loud",
            "",
            "",
            format!("{usual}set-cookie: SRV=ca; path=/; domain=.x.y; HttpOnly; Secure; SameSite=None\r\n"),
            "loud/a --NI",
        ),
        ("/loud/1", "SRV=ca", "SRV=ca", usual.into(), "loud/a --VN"),
        ("/kept/own", "", "", format!("{own}{other}"), "kept/a --NP"),
        ("/kept/1/own", "SRV=ca", "", format!("{own}{other}"), "kept/a --VP"),
        ("/kept/2", "", "", format!("{usual}{given}"), "kept/a --NI"),
        ("/down", "SRV=ca", "", format!("{usual}set-cookie: SRV=cb; path=/\r\n"), "down/b --DI"),
        ("/down/1", "SRV=cb", "", usual.into(), "down/b --VN"),
        (
            "/bare",
            "SRV=x",
            "SRV=x",
            format!("{usual}set-cookie: SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/\r\n"),
            "bare/n --II",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let field = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}: {value}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{}\r\n", field("Cookie", cookie));
        assert_eq!(rig.ask(&request), format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n{fields}\r\nbody"), "{request}");
        let expected = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", field("cookie", seen));
        assert_eq!(String::from_utf8_lossy(&rig.origin.bytes(index, expected.len())), expected);
        let got = rig.line(&format!("\"GET {path} "));
        let words: Vec<&str> = got.split(' ').collect();
        assert_eq!([words[1], words[7]].join(" "), line, "{got}");
    }
}
