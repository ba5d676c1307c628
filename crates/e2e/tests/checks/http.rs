//! Checks that speak HTTP: what they ask, what they find, and what they say of it.

use super::*;

/// `configuration.txt`: option httpchk, http-check.
pub(super) fn what_http_checks_find(subject: Subject) {
    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const RICH: &str =
        "HTTP/1.1 200 OK\r\nX-List: one, two\r\nX-List: three\r\nX-Code: 81\r\nContent-Length: 5\r\n\r\nhello";
    let [hello, missing, busy, bare] = [
        HELLO,
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 \"Busy\" <now>\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503\r\n\r\n",
    ]
    .map(responding);
    let rich = responding(RICH);
    let [garbage, half, bad, empty] =
        ["* OK imap\r\n\r\n", "HTTP/1.1 200 OK\r\nfoo", "HTTP/1.1 200 OK\r\nfoo bar: x\r\n\r\n", ""].map(responding);
    let (bodiless, mute) = (responding("HTTP/1.1 204 No Content\r\n\r\n"), Origin::mute());
    assert_found(
        subject,
        &[
            ("option httpchk", &missing, "Layer7 wrong status, code: 404, info: \"Not Found\""),
            ("option httpchk", &busy, "Layer7 wrong status, code: 503, info: \"<22>Busy<22> <3C>now<3E>\""),
            ("option httpchk", &bare, "Layer7 wrong status, code: 503"),
            ("option httpchk", &garbage, "Layer7 invalid response"),
            ("option httpchk", &half, "Layer7 invalid response"),
            ("option httpchk", &bad, "Layer7 invalid response"),
            ("option httpchk", &empty, "Layer7 invalid response"),
            ("option httpchk", &mute, "Layer7 timeout"),
            ("option httpchk; http-check expect string x tout-status L6TOUT", &mute, "Layer6 timeout"),
            (
                "option httpchk; http-check expect ! status 200-299",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK\"",
            ),
            (
                "option httpchk; http-check expect rstatus ^3 comment \"moved only\"",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK comment: moved only\"",
            ),
            (
                "option httpchk; http-check expect string world",
                &hello,
                "Layer7 invalid response, info: \"HTTP content check did not match\"",
            ),
            (
                "option httpchk; http-check expect ! rstring ^hel comment body",
                &hello,
                "Layer7 invalid response, info: \"HTTP check matched unwanted content comment: body\"",
            ),
            (
                "option httpchk; http-check expect string world",
                &bodiless,
                "Layer7 invalid response, info: \"HTTP content check could not find a response body\"",
            ),
            (
                "option httpchk; http-check expect status 200; http-check expect string world error-status L7STS on-error no",
                &hello,
                "Layer7 wrong status, code: 200, info: \"no\"",
            ),
            (
                "option httpchk; http-check connect; http-check send meth GET uri /a; http-check expect status 200; \
                 http-check connect linger; http-check send uri /b; http-check expect status 201 comment second",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK comment: second\"",
            ),
            ("option httpchk; http-check disable-on-404", &bare, "Layer7 wrong status, code: 503"),
            (
                "option httpchk; http-check expect ! hdr name X-LIST comment list",
                &rich,
                "Layer7 wrong status, code: 200, info: \"OK comment: list\"",
            ),
            (
                "option httpchk; http-check expect fhdr name x-list value two",
                &rich,
                "Layer7 wrong status, code: 200, info: \"OK\"",
            ),
            (
                "option httpchk; http-check expect hdr name -m sub lis value -m sub HRE",
                &rich,
                "Layer7 wrong status, code: 200, info: \"OK\"",
            ),
            (
                "option httpchk; http-check expect hdr name -m reg ^none$ error-status L7RSP on-error \"%[status]%% %[res.hdr(x-list)] \
                 %[res.body] %[srv_name] %[be_name]\" comment there",
                &rich,
                "Layer7 invalid response, info: \"200% three hello s b20 comment: there\"",
            ),
            (
                "option httpchk; http-check expect status 201 status-code res.hdr(x-code) on-error \"a  b\"",
                &rich,
                "Layer7 wrong status, code: 81, info: \"a  b\"",
            ),
            (
                "option httpchk; http-check expect hdr name-lf %[var(check.none)] on-error no comment name",
                &rich,
                "Layer7 invalid response, info: \"log-format string evaluated to an empty string comment: name\"",
            ),
            (
                "option httpchk; http-check expect hdr name x-list value-lf %[var(check.none)]",
                &rich,
                "Layer7 invalid response, info: \"log-format string evaluated to an empty string\"",
            ),
            (
                "option httpchk; http-check set-var-fmt(check.word) %[str(wor)]ld; \
                 http-check expect string-lf %[var(check.word)]",
                &hello,
                "Layer7 invalid response, info: \"HTTP content check did not match\"",
            ),
            (
                "option httpchk; http-check set-var(check.word) str(x); http-check unset-var(check.word); \
                 http-check expect string-lf %[var(check.word)] comment gone",
                &hello,
                "Layer7 invalid response, info: \"log-format string evaluated to an empty string comment: gone\"",
            ),
            (
                "option httpchk; http-check expect string world on-error \"%[status] %[res.body]\"",
                &bodiless,
                "Layer7 invalid response, info: \"204 \"",
            ),
        ],
    );
}

/// The requests, to the byte.
pub(super) fn what_http_checks_ask(subject: Subject) {
    let cases = [
        ("option httpchk", "OPTIONS / HTTP/1.0\r\n\r\n"),
        ("option httpchk /status", "OPTIONS /status HTTP/1.0\r\n\r\n"),
        ("option httpchk GET /status", "GET /status HTTP/1.0\r\n\r\n"),
        ("option httpchk HEAD / HTTP/1.1", "HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (
            "option httpchk GET / HTTP/1.1\\r\\nHost:\\ www.example",
            "GET / HTTP/1.1\r\nhost: www.example\r\nconnection: close\r\n\r\n",
        ),
        (
            "option httpchk; http-check send meth POST uri /x ver HTTP/1.1 hdr Host a.example hdr X-Foo \"b c\" body hello",
            "POST /x HTTP/1.1\r\nhost: a.example\r\nx-foo: b c\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        ),
        (
            "http-check send hdr X-Foo b body yy; option httpchk GET /z",
            "GET /z HTTP/1.0\r\nx-foo: b\r\ncontent-length: 2\r\n\r\nyy",
        ),
        (
            "option httpchk; http-check connect; http-check send uri /a; http-check expect status 200",
            "OPTIONS /a HTTP/1.0\r\n\r\n",
        ),
        ("option httpchk GET /z HTTP/1.1; http-check send hdr connection keep-alive", "GET /z HTTP/1.1\r\n\r\n"),
        (
            "option httpchk; http-check set-var(check.a) str(hey); http-check set-var-fmt(check.b) <%[var(check.a)]>%%; \
             http-check send uri-lf /%[be_name]/%[srv_name] hdr A %[var(check.b)] hdr B %[var(check.none)] \
             hdr C \"x  %[src]y\" body-lf %[var(check.a)]",
            "OPTIONS /b9/s HTTP/1.0\r\na: <hey>%\r\nc: x  y\r\ncontent-length: 3\r\n\r\nhey",
        ),
        (
            "option httpchk; http-check send meth POST hdr A b body c; http-check send-state",
            "POST / HTTP/1.0\r\na: b\r\nx-haproxy-server-state: UP; address=127.0.0.1; port=PORT; name=b10/s; node=here; \
             weight=1/1; scur=0/0; qcur=0\r\ncontent-length: 1\r\n\r\nc",
        ),
    ];
    // The check ends the connection; a server that ended it first might find it gone.
    let hearing = || {
        Origin::serve(|mut client| {
            while !line(&mut client)?.is_empty() {}
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            client.read_to_end();
            Ok(())
        })
    };
    let origins = cases.map(|_| hearing());
    let backend = |(number, (lines, _)): (usize, &(&str, &str))| {
        format!("backend b{number}\n {}\n server s @s{number}@ check inter 200ms\n", lines.replace(';', "\n"))
    };
    // A section's own line of either kind ends what it inherits of both.
    let inherited = "
        defaults
            mode tcp
            log global
            timeout connect 1s
            timeout server 60s
            option httpchk GET /inherited
            http-check send hdr X-Inherited yes
        backend all\n server s @all@ check inter 200ms
        backend none\n http-check send hdr X-Own yes\n server s @none@ check inter 200ms";
    let (all, none) = (hearing(), hearing());
    let backends: String = cases.iter().enumerate().map(backend).chain([inherited.to_string()]).collect();
    let names: Vec<String> = (0..cases.len()).map(|number| format!("s{number}")).collect();
    let servers = names.iter().map(String::as_str).zip(&origins).chain([("all", &all), ("none", &none)]);
    let servers: Vec<(&str, String)> = servers.map(|(name, origin)| (name, origin.target())).collect();
    let logs = LogServer::udp();
    let _proxy = started(subject, &logs, &backends, &servers);
    let expected = cases.iter().map(|(_, expected)| *expected).zip(&origins).chain([
        ("GET /inherited HTTP/1.0\r\nx-inherited: yes\r\n\r\n", &all),
        ("OPTIONS / HTTP/1.0\r\nx-own: yes\r\n\r\n", &none),
    ]);
    for (expected, origin) in expected {
        let expected = expected.replace("PORT", origin.target().rsplit(':').next().unwrap_or_default());
        let seen = origin.bytes(1, expected.len());
        assert_eq!(seen.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }
    assert!(!logs.lines().iter().any(|line| line.contains("is DOWN")), "{:?}", logs.lines());
}

/// `configuration.txt`: http-check expect … on-success, status-code, ok-status; http-check set-var.
pub(super) fn what_is_said_of_success(subject: Subject) {
    let origin = responding("HTTP/1.1 200 OK\r\nX-List: one, two\r\nX-Code: 81\r\nContent-Length: 5\r\n\r\nhello");
    let cases = [
        (
            "http-check expect hdr name x-list value two on-success \"%[status] %[res.hdr(x-code)]\" comment not",
            "succeeded, reason: Layer7 check passed, code: 200, info: \"200 81\"",
        ),
        (
            "http-check expect fhdr name -m end -list value -m beg one,",
            "succeeded, reason: Layer7 check passed, code: 200",
        ),
        (
            "http-check expect string hello status-code res.hdr(x-code) on-success a%[srv_name]",
            "succeeded, reason: Layer7 check passed, code: 81, info: \"as\"",
        ),
        (
            "http-check set-var(check.w) str(hell); http-check expect string-lf %[var(check.w)]",
            "succeeded, reason: Layer7 check passed, code: 200",
        ),
        (
            "http-check expect status 200; http-check set-var(check.h) res.hdr(x-code); \
          http-check expect status 200 on-success %[var(check.h)]",
            "succeeded, reason: Layer7 check passed, code: 200, info: \"81\"",
        ),
        (
            "http-check expect status 200; http-check unset-var(check.h)",
            "succeeded, reason: Layer7 check passed, code: 0",
        ),
        (
            "http-check expect status 200 ok-status L7OKC",
            "conditionally succeeded, reason: Layer7 check conditionally passed, code: 200",
        ),
    ];
    let backend = |(number, (lines, _)): (usize, &(&str, &str))| {
        format!(
            "backend b{number}\n option log-health-checks\n option httpchk\n {}\n server s @s@ check inter 200ms\n",
            lines.replace(';', "\n")
        )
    };
    let backends: String = cases.iter().enumerate().map(backend).collect();
    let logs = LogServer::udp();
    let _proxy = started(subject, &logs, &backends, &[("s", origin.target())]);
    for (number, (lines, expected)) in cases.iter().enumerate() {
        let said = logs.masked(&format!("Health check for server b{number}/s"));
        let expected = format!(
            "<149>DATE haproxy[PID]: Health check for server b{number}/s {expected}, check duration: Tms, status: 3/3 UP."
        );
        assert_eq!(said, expected, "{lines}");
    }
}

/// `configuration.txt`: http-check disable-on-404.
pub(super) fn a_server_that_wants_nobody_new(subject: Subject) {
    let (logs, admin, status) = (LogServer::udp(), Admin::new(), Arc::new(Mutex::new("200 OK")));
    let origin = Origin::serve({
        let status = Arc::clone(&status);
        move |mut client| {
            while !line(&mut client)?.is_empty() {}
            let status = *status.lock().expect("no panic under the lock");
            client.write_all(format!("HTTP/1.0 {status}\r\n\r\n").as_bytes())?;
            client.finish()
        }
    });
    let backend = "global\n stats socket @socket@ level admin
        backend px\n option httpchk\n http-check disable-on-404\n server s1 @s1@ check inter 100ms";
    let setup = setup(subject, &logs, backend).with("s1", origin.target());
    let _proxy = setup.with("socket", admin.path().display()).start();
    let say = |text| *status.lock().expect("no panic under the lock") = text;
    admin.wait_for("px", "s1", "check_health", "4");
    say("404 Not Here");
    assert_eq!(
        logs.masked("Server px/s1 is stopping"),
        "<149>DATE haproxy[PID]: Server px/s1 is stopping, reason: Layer7 check conditionally passed, code: 404, \
         check duration: Tms. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    logs.masked("backend px has no server available!");
    let row = admin.wait_for("px", "s1", "status", "NOLB");
    let columns = ["check_code", "check_desc", "check_health", "chkfail", "chkdown"].map(|column| row[column].as_str());
    assert_eq!(columns, ["404", "Layer7 check conditionally passed", "4", "0", "0"]);
    assert!(row["check_status"].ends_with("L7OKC"), "{row:?}");
    assert_eq!(admin.row("px", "BACKEND")["status"], "DOWN");
    assert_eq!(servers_state(&admin, "px"), ["3 0", "16 4 4 6"]);
    say("200 OK");
    assert_eq!(
        logs.masked("Server px/s1 is UP"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP, reason: Layer7 check passed, code: 200, check duration: Tms. \
         1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    // Who is down asks for nothing.
    say("503 Busy");
    logs.masked("Server px/s1 is DOWN");
    say("404 Not Here");
    let row = admin.wait_for("px", "s1", "last_chk", "Not Here");
    assert_eq!((row["status"].as_str(), row["chkfail"].as_str(), row["chkdown"].as_str()), ("DOWN", "3", "1"));
    assert_eq!(servers_state(&admin, "px"), ["0 0", "17 2 0 6"]);
}

/// `configuration.txt`: observe layer7, error-limit, on-error. Somebody else is asked how the servers are.
pub(super) fn what_responses_say_of_health(subject: Subject) {
    let (well, mute) = (Origin::mute(), Origin::mute());
    let [broken, able, unread, garbage, gone] = [
        "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 501 Not Known\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        "* OK imap\r\n\r\n",
        "",
    ]
    .map(responding);
    let cases = [
        ("broken", &broken, Some("Wrong http response")),
        ("able", &able, None),
        ("unread", &unread, Some("Invalid http response (headers)")),
        ("garbage", &garbage, Some("Invalid http response (headers)")),
        ("gone", &gone, Some("Close from server (http)")),
        ("mute", &mute, Some("Read timeout (http)")),
    ];
    let listen = |(name, ..): &(&str, &Origin, Option<&str>)| {
        format!(
            "listen {name}
                mode http
                bind @{name}@
                timeout server 200ms
                server s1 @s_{name}@ check port @well@ inter 60s observe layer7 error-limit 2 on-error mark-down\n"
        )
    };
    let listens: String = cases.iter().map(listen).collect();
    let (logs, admin) = (LogServer::udp(), Admin::new());
    let sections = format!("global\n max-spread-checks 10ms\n stats socket @socket@ level admin\n{listens}");
    let mut setup = setup(subject, &logs, &sections).with("socket", admin.path().display());
    setup = setup.with("well", well.target().rsplit(':').next().unwrap_or_default());
    for (name, origin, _) in &cases {
        setup = setup.with(&format!("s_{name}"), origin.target());
    }
    let proxy = setup.start();
    for (name, _, trouble) in &cases {
        admin.wait_for(name, "s1", "check_health", "4");
        for asked in 0..2 {
            assert_eq!(admin.row(name, "s1")["hanafail"], "0", "{name} after {asked}");
            let mut client = proxy.connect(name);
            client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            client.to_end();
        }
        let Some(trouble) = trouble else {
            let row = admin.row(name, "s1");
            assert_eq!((row["hanafail"].as_str(), row["status"].as_str()), ("0", "UP"), "{name}");
            continue;
        };
        let row = admin.wait_for(name, "s1", "hanafail", "1");
        assert_eq!((row["status"].as_str(), row["check_status"].as_str()), ("DOWN", "HANA"), "{name}");
        let line = logs.masked(&format!("Server {name}/s1 is DOWN"));
        let expected = format!(
            "<145>DATE haproxy[PID]: Server {name}/s1 is DOWN, reason: Health analyze, info: \"Detected 2 consecutive errors, \
             last one was: {trouble}\". 0 active and 0 backup servers left. "
        );
        assert!(line.starts_with(&expected), "{line}");
    }
}
