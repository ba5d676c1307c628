//! What is checked of servers: where, behind which header, and by which script.

use super::{backend, ms};
use crate::load::tests::table_of;
use proxyline::Version;

/// The PROXY header of the first connection.
fn header_of(script: &check::Script) -> Option<Version> {
    match &script.steps[0].action {
        check::Action::Connect(connect) => connect.proxy,
        other @ (check::Action::Send(_)
        | check::Action::Ask(_)
        | check::Action::CarryOut(_)
        | check::Action::Expect(_)
        | check::Action::ExpectResponse(_)
        | check::Action::HearLine
        | check::Action::HearOut) => panic!("no connection first: {other:?}"),
    }
}

/// `configuration.txt` §5.2: addr, port, check-send-proxy.
#[test]
fn what_a_check_knocks_at() {
    let check = |parameters: &str| {
        let table = table_of(&format!("listen px\n bind :1001\n server s 192.0.2.1:143 {parameters}\n"));
        let server = &backend(&table, "px").servers[0];
        let check = server.settings.check.as_ref().expect("checked");
        (check.place.of(&server.addr).to_string(), header_of(&check.script))
    };
    let own = "192.0.2.1:143".to_owned();
    assert_eq!(check("check"), (own.clone(), None));
    assert_eq!(check("check send-proxy"), (own.clone(), Some(Version::V1)));
    assert_eq!(check("check send-proxy-v2"), (own.clone(), Some(Version::V2)));
    assert_eq!(check("check check-send-proxy"), (own, Some(Version::V1)));
    assert_eq!(check("check port 10143 send-proxy-v2"), ("192.0.2.1:10143".into(), None));
    assert_eq!(check("check addr 192.0.2.9 send-proxy-v2"), ("192.0.2.9:143".into(), None));
    assert_eq!(check("check port 10143 send-proxy-v2 check-send-proxy"), ("192.0.2.1:10143".into(), Some(Version::V2)));
}

/// The script of the only server of a backend with these lines.
fn script_of(lines: &str) -> check::Script {
    let table = table_of(&format!("listen px\n bind :1001\n {lines}\n server s 192.0.2.1:143 check send-proxy-v2\n"));
    backend(&table, "px").servers[0].settings.check.clone().expect("checked").script
}

/// `configuration.txt`: tcp-check connect, send, expect, comment.
#[test]
fn the_lines_of_a_script() {
    let script = script_of(
        "option tcp-check
        timeout check 3s
        tcp-check comment \"the greeting\"
        tcp-check expect rstring \"^[*] OK\" min-recv 4
        tcp-check send \"a LOGOUT\\r\\n\" comment bye
        tcp-check connect port 110 linger
        tcp-check connect default
        tcp-check expect ! binary 2d455252 error-status L7STS",
    );
    assert_eq!(script.timeouts.check, ms(3000));
    let connect = |step: &check::Step| match &step.action {
        check::Action::Connect(connect) => Some((step.number, connect.port, connect.proxy, connect.ending)),
        check::Action::Send(_)
        | check::Action::Ask(_)
        | check::Action::CarryOut(_)
        | check::Action::Expect(_)
        | check::Action::ExpectResponse(_)
        | check::Action::HearLine
        | check::Action::HearOut => None,
    };
    let connects: Vec<_> = script.steps.iter().filter_map(connect).collect();
    assert_eq!(
        connects,
        [
            (0, None, Some(Version::V2), check::Ending::Reset),
            (4, Some(110), None, check::Ending::Orderly),
            (5, None, Some(Version::V2), check::Ending::Reset),
        ]
    );
    assert_eq!(script.steps[1].remark.as_deref(), Some("the greeting"));
    assert!(matches!(&script.steps[2].action, check::Action::Send(bytes) if **bytes == *b"a LOGOUT\r\n"));
    let check::Action::Expect(expect) = &script.steps[5].action else { panic!("{:?}", script.steps[5]) };
    assert!(expect.is_inverse && expect.pattern == check::Pattern::Binary(b"-ERR".to_vec()));
    assert_eq!(expect.on_mismatch, check::Status::Layer7WrongStatus);
}

/// A section's own lines replace those that it inherits; the last check that is named is the one.
#[test]
fn scripts_of_defaults() {
    let defaults = "defaults\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n option tcp-check\n \
                    tcp-check send one\n tcp-check send two\n";
    let table = table_of(&format!(
        "{defaults}backend a\n server s 192.0.2.1:1 check\nbackend b\n tcp-check send three\n server s 192.0.2.1:1 check\n\
         backend c\n option pop3chk\n server s 192.0.2.1:1 check\n"
    ));
    let count =
        |name: &str| backend(&table, name).servers[0].settings.check.as_ref().expect("checked").script.steps.len();
    assert_eq!((count("a"), count("b")), (3, 2), "the first step connects");
    assert_eq!(count("c"), 5, "connect, banner, QUIT, answer, end");
}
