//! Clients that do not bring their request to its end.

use super::Rig;
use e2e::client::End;
use e2e::{Origin, Subject};

e2e::scenarios! {
    shared: [
        clients_that_rules_wait_for,
    ],
    alone: [],
}

/// What is left unsaid is not a matter of the rules: until there is a head none of them runs, and the times of clients are those of a section
/// without rules.
fn clients_that_rules_wait_for(subject: Subject) {
    let origin = Origin::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let rules = "
        tcp-request inspect-delay 6s
        tcp-request content accept if { path /accepted }
        tcp-request content reject if { path /rejected }
        default_backend be";
    let sections = format!(
        "
    frontend client
        bind @client@
        timeout client 300ms
{rules}
    frontend request
        bind @request@
        timeout http-request 300ms
{rules}
    frontend short
        bind @short@
        timeout client 300ms
        tcp-request inspect-delay 100ms
        tcp-request content reject
    frontend null
        bind @null@
        option dontlognull
        timeout client 300ms
{rules}
    frontend probes
        bind @probes@
        option http-ignore-probes
        timeout client 300ms
{rules}
    backend be
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections, &origin);
    let late = ("HTTP/1.1 408 Request Time-out\r\n", "408 cR--");
    let cut = ("HTTP/1.1 400 Bad request\r\n", "400 CR--");
    let mut lines = 0;
    for (listener, said, is_ended, (answer, outcome), is_logged) in [
        ("client", "", false, late, true),
        ("client", "GET /accepted HTT", false, late, true),
        ("client", "", true, cut, true),
        ("client", "GET /accepted HTT", true, cut, true),
        ("request", "", false, late, true),
        ("request", "GET /rejected HTT", false, late, true),
        ("short", "", false, late, true),
        ("short", "GET / HTT", false, late, true),
        ("null", "", false, late, false),
        ("null", "GET / HTT", false, late, true),
        ("probes", "", false, ("", ""), false),
        ("probes", "GET / HTT", false, late, true),
    ] {
        let what = format!("{listener}, '{said}'");
        let mut client = rig.proxy.connect(listener);
        client.say(said);
        if is_ended {
            client.finish();
        }
        let (text, end) = client.to_end();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.starts_with(answer) && text.is_empty() == answer.is_empty(), "{what}: {text}");
        assert_eq!(end, End::Fin, "{what}");
        let counted = if answer.is_empty() { "1 0 0 0 0" } else { "1 1 1 0 1" };
        rig.assert_counted(&[(listener, "FRONTEND")], "stot req_tot hrsp_4xx hrsp_other ereq", counted, &what);
        rig.assert_counted(&[("be", "BACKEND")], "stot req_tot cli_abrt", "0 0 0", &what);
        if is_logged {
            lines += 1;
            let line = rig.logs.lines_with("BADREQ", lines).swap_remove(lines - 1);
            let words: Vec<&str> = line.split_once("] ").expect("a date").1.split(' ').collect();
            assert_eq!((words[0], words[1]), (listener, format!("{listener}/<NOSRV>").as_str()), "{what}");
            assert_eq!(format!("{} {}", words[3], words[7]), outcome, "{what}");
        }
        rig.admin.ask("clear counters all");
    }
    assert_eq!(rig.logs.lines().len(), lines, "{:#?}", rig.logs.lines());
    assert_eq!(origin.seen().len(), 0);
}
