//! Statistics pages beside servers.

use super::Rig;
use e2e::Subject;

e2e::scenarios! {
    shared: [
        pages_beside_servers,
    ],
    alone: [],
}

/// `configuration.txt: stats uri, auth, realm, scope, admin, http-request`, in sections that have something else to do as well.
fn pages_beside_servers(subject: Subject) {
    let backends = [
        ("shown", "stats uri /shown/stats\n stats auth op:secret\n stats realm Farm\n stats scope .\n server s @s@"),
        (
            "ruled",
            "stats uri /ruled/stats\n stats http-request deny if { req.hdr(x-no) 1 }\n \
             stats http-request auth realm Other if { req.hdr(x-who) 1 }\n stats admin if { req.hdr(x-act) 1 }\n server s @s@",
        ),
    ];
    let rig = Rig::new(subject, "stats uri /own", &backends);
    let known = "Authorization: Basic b3A6c2VjcmV0\r\n";
    for (method, path, fields, status, part, told) in [
        ("GET", "/own;csv;1", "", 200, "# pxname,svname,", "fe/<STATS> LR--"),
        ("HEAD", "/own;csv;2", "", 200, "", "fe/<STATS> LR--"),
        ("GET", "/shown/3", "", 200, "", "shown/s ----"),
        ("PUT", "/shown/stats;4", "Content-Length: 0\r\n", 200, "", "shown/s ----"),
        ("GET", "/shown/stats;5", "", 401, "\nwww-authenticate: Basic realm=\"Farm\"\r\n", "shown/<STATS> LR--"),
        ("GET", "/shown/stats;csv;6", known, 200, "\nshown,BACKEND,", "shown/<STATS> LR--"),
        ("GET", "/ruled/stats;7", "X-No: 1\r\n", 403, "", "ruled/<STATS> PR--"),
        (
            "GET",
            "/ruled/stats;8",
            "X-Who: 1\r\n",
            401,
            "\nwww-authenticate: Basic realm=\"Other\"\r\n",
            "ruled/<STATS> LR--",
        ),
        ("GET", "/ruled/stats;csv;9", "", 200, "\nshown,BACKEND,", "ruled/<STATS> LR--"),
    ] {
        let got = rig.ask(method, path, fields);
        let (head, content) = got.split_once("\r\n\r\n").expect("a response");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
        assert!(head.contains(part) || content.contains(part), "{path}: {got}");
        let shows_all = !path.starts_with("/shown") || !content.contains("\nruled,");
        assert!(shows_all, "only its own: {content}");
        let line = rig.logs.line_with(&format!("{path} "));
        let words: Vec<_> = line.rsplit(' ').collect();
        // HAProxy says 400 where the page's rules answer.
        assert_eq!(format!("{} {}", words[3], words[1]), told, "{line}");
    }
    rig.admin.wait_for("fe", "FRONTEND", "req_tot", "9");
    let fe = rig.admin.row("fe", "FRONTEND");
    assert_eq!((&*fe["intercepted"], &*fe["dreq"], &*fe["hrsp_2xx"], &*fe["hrsp_4xx"]), ("2", "1", "6", "3"), "{fe:?}");
    for (backend, expect) in [("shown", ["4", "4", "3", "1", "2", "0"]), ("ruled", ["3", "3", "1", "2", "0", "1"])] {
        let row = rig.admin.row(backend, "BACKEND");
        let found = ["stot", "req_tot", "hrsp_2xx", "hrsp_4xx", "lbtot", "dreq"].map(|column| &*row[column]);
        assert_eq!(found, expect, "{backend}: {row:?}");
    }
}

/// Whoever `stats admin` holds for is offered to act, and nobody else: the page is Tidegate's own.
#[test]
fn acting_on_a_page_beside_servers() {
    let rig =
        Rig::new(Subject::Tidegate, "stats uri /own\n stats admin if { req.hdr(x-act) 1 }", &[("be", "server s @s@")]);
    for (fields, expect) in [("", false), ("X-Act: 1\r\n", true), ("X-Act: 2\r\n", false)] {
        let page = rig.ask("GET", "/own", fields);
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert_eq!(page.contains("name=\"token\""), expect, "{fields}");
    }
}
