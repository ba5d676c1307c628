//! What servers are told of where a client is.

use super::{Rig, values};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        addresses_for_servers,
    ],
    alone: [],
}

/// `configuration.txt: option originalto`
fn addresses_for_servers(subject: Subject) {
    let backends = [
        ("plain", "server s @s@"),
        ("named", "option originalto header X-Own\n server s @s@"),
        ("except", "option originalto except 127.0.0.0/8\n server s @s@"),
        ("other", "option originalto except 192.0.2.0/24\n server s @s@"),
    ];
    let rig = Rig::new(subject, "option originalto", &backends);
    for (backend, field, expect) in [
        ("plain", "x-original-to", 1),
        ("named", "x-own", 1),
        ("except", "x-original-to", 0),
        ("other", "x-original-to", 1),
    ] {
        let path = format!("/{backend}/");
        rig.ask("GET", &path, "");
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, field), vec!["127.0.0.1"; expect], "{backend}: {head}");
    }
}

/// `configuration.txt: option forwarded`, which Debian's HAProxy does not know yet; RFC 7239.
#[test]
fn forwarded() {
    let backends = [
        ("plain", "option forwarded\n server s @s@"),
        ("all", "option forwarded proto host by by_port for\n server s @s@"),
    ];
    let rig = Rig::new(Subject::Tidegate, "", &backends);
    let by = rig.proxy.address("fe").port();
    let own = "proto=http;for=127.0.0.1";
    for (number, (backend, told, expect)) in [
        ("plain", "", own.to_owned()),
        ("plain", "Forwarded: for=192.0.2.1\r\n", format!("for=192.0.2.1, {own}")),
        ("plain", "Forwarded: for=192.0.2.1\r\nForwarded: for=_x\r\n", format!("for=192.0.2.1|for=_x, {own}")),
        ("plain", "Forwarded: for=192.0.2.1;x=y\r\n", format!("for=192.0.2.1;x=y|{own}")),
        ("all", "", format!("proto=http;host=\"x\";by=\"127.0.0.1:{by}\";for=127.0.0.1")),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}");
        rig.ask("GET", &path, told);
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, "forwarded").join("|"), expect, "{told}");
    }
}
