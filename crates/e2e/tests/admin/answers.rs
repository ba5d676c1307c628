//! What the process answers about itself.

use super::Rig;
use e2e::admin::Admin;
use e2e::{Origin, Setup, Subject, process};

e2e::scenarios! {
    shared: [
        answers_of_a_tool,
        what_went_wrong_and_what_went_on,
    ],
    alone: [],
}

fn answers_of_a_tool(subject: Subject) {
    let rig = Rig::start(subject);
    let info = rig.admin.ask("show info");
    for line in ["Name: HAProxy\n", "Nbproc: 1\n", "Process_num: 1\n", "Maxconn: 200\n", "Stopping: 0\n"] {
        assert!(info.contains(line), "{line} in {info}");
    }
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid: ")).expect("a pid");
    assert!(process::is_alive(nix::unistd::Pid::from_raw(pid.parse().expect("a number"))));
    let typed = rig.admin.ask("show info typed");
    assert!(typed.contains("15.Maxconn.1:CLP") && typed.contains(":u32:200\n"), "{typed}");
    let typed = rig.admin.ask("show stat typed");
    assert!(typed.contains("F.2.0.0.pxname.1:KNS"), "{typed}");
    let json = rig.admin.ask("show stat json");
    let first = r#"[[{"objType":"Frontend","proxyId":2,"id":0,"field":{"pos":0,"name":"pxname"},"processNum":1,"tags":{"origin":"Key","nature":"Name","scope":"Service"},"value":{"type":"str","value":"fe"}},"#;
    assert!(json.starts_with(first), "{json}");
    let json = rig.admin.ask("show info json");
    let first = r#"[{"field":{"pos":0,"name":"Name"},"processNum":1,"tags":{"origin":"Product","nature":"Output","scope":"Service"},"value":{"type":"str","value":"HAProxy"}},"#;
    assert!(json.starts_with(first), "{json}");
    let unknown = rig.admin.ask("show servers foo");
    assert!(
        unknown.starts_with(
            "Unknown command, but maybe one of the following ones is a better match:\n  show servers conn"
        )
    );
    assert_eq!(rig.admin.ask("show servers state nowhere"), "Can't find backend.\n\n");
    assert_eq!(rig.admin.ask("show env TIDEGATE_NOT_SET"), "Variable not found\n\n");
    assert_eq!(rig.admin.ask("expert-mode"), "expert-mode is OFF\n\n");
    assert_eq!(rig.admin.ask("set timeout foo"), "'set timeout' only supports 'cli'.\n\n");
    assert_eq!(rig.admin.ask("set timeout cli"), "Expects an integer value.\n\n");
}

/// `show errors`, `show env` and `show activity`: what both subjects say of the same.
fn what_went_wrong_and_what_went_on(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::echo());
    let global = format!("stats socket {} level admin", admin.path().display());
    let setup = Setup::relay(subject, &global, &origin).environment("MAIL_DOMAIN", "example.org");
    let proxy = setup.start();
    let without_date = |answer: &str| match (answer.split_once('['), answer.split_once(']')) {
        (Some((before, _)), Some((_, after))) => format!("{before}DATE{after}"),
        _ => answer.to_owned(),
    };
    for (line, answer) in [
        ("show errors", "Total events captured on DATE : 0\n\n"),
        ("show errors px", "Total events captured on DATE : 0\n\n"),
        ("show errors px request", "Total events captured on DATE : 0\n\n"),
        ("show errors -1", "Total events captured on DATE : 0\n\n"),
        ("show errors nobody", "No such proxy.\n\n"),
        ("show env MAIL_DOMAIN", "MAIL_DOMAIN=example.org\n\n"),
        ("show env NOT_THERE", "Variable not found\n\n"),
    ] {
        assert_eq!(without_date(&admin.ask(line)), answer, "{line}");
    }
    assert!(admin.ask("show env").lines().any(|line| line == "MAIL_DOMAIN=example.org"));
    for _ in 0..3 {
        assert_eq!(proxy.connect("px").ask("hello"), "hello");
    }
    let activity = admin.ask("show activity");
    let number = |name: &str| {
        let line = activity.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|value| value.split(['.', ' ']).next()?.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("{name} in {activity}"))
    };
    assert_eq!(number("thread_id"), 1);
    assert!(number("date_now") > 1_700_000_000 && number("accepted") >= 3 && number("stream_calls") >= 3, "{activity}");
}
