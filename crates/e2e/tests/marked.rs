//! What happens to sessions when their server goes down or comes back: they stay, unless the configuration ends them.

use e2e::client::End;
use e2e::{Client, LogServer, Origin, Proxy, Setup, Subject, mask};

e2e::scenarios! {
    shared: [
        sessions_of_a_server_that_goes_down_end_if_they_shall,
        sessions_on_backups_end_when_an_active_server_is_back,
    ],
    alone: [],
}

/// A listener `px` whose sessions may rest for long; `rest` has its servers.
fn setup(subject: Subject, logs: &LogServer, rest: &str) -> Setup {
    let defaults = "mode tcp\n option tcplog\n timeout client 60s\n timeout server 60s";
    Setup::logged(subject, defaults, &format!("listen px\n bind @px@\n {rest}")).with("log", logs.target())
}

/// So many clients, each of which has heard who serves it.
fn clients(proxy: &Proxy, count: usize) -> Vec<(String, Client)> {
    let connect = |_| {
        let mut client = proxy.connect("px");
        (client.line(), client)
    };
    (0..count).map(connect).collect()
}

fn sessions_of_a_server_that_goes_down_end_if_they_shall(subject: Subject) {
    let (logs, mut one, mut two) = (LogServer::udp(), Origin::named("s1"), Origin::named("s2"));
    let rest = "balance roundrobin
            default-server check inter 100ms
            server s1 @s1@ on-marked-down shutdown-sessions
            server s2 @s2@";
    let proxy = setup(subject, &logs, rest).with("s1", one.target()).with("s2", two.target()).start();
    let held = clients(&proxy, 20);
    one.stop_listening();
    two.stop_listening();
    let (mut on_one, on_two): (Vec<_>, Vec<_>) = held.into_iter().partition(|(name, _)| name == "s1");
    assert_eq!((on_one.len(), on_two.len()), (10, 10));
    for (_, client) in &mut on_one {
        assert_eq!(client.to_end(), (vec![], End::Fin));
    }
    let ends = logs.lines_with(" px px/s1 ", 10);
    for line in ends {
        let line = mask::line(&line);
        assert!(line.contains("[DATE] px px/s1 T/T/T 3 D- "), "{line}");
    }
    let down = logs.masked("Server px/s1 is DOWN");
    assert!(down.contains(" 10 sessions active, 0 requeued, "), "{down}");
    logs.line_with("Server px/s2 is DOWN");
    for (_, mut client) in on_two {
        assert_eq!(client.ask("still here"), "still here");
    }
}

fn sessions_on_backups_end_when_an_active_server_is_back(subject: Subject) {
    let (logs, backup) = (LogServer::udp(), Origin::named("b1"));
    let address = Origin::named("s1").address();
    let rest = "default-server check inter 100ms on-marked-up shutdown-backup-sessions
            server s1 @s1@
            server b1 @b1@ backup";
    let proxy = setup(subject, &logs, rest).with("s1", address).with("b1", backup.target()).start();
    logs.line_with("Server px/s1 is DOWN");
    let held = clients(&proxy, 10);
    let _one = Origin::named_at("s1", address);
    for (name, mut client) in held {
        assert_eq!((name.as_str(), client.to_end()), ("b1", (vec![], End::Fin)));
    }
    for line in logs.lines_with(" px px/b1 ", 10) {
        let line = mask::line(&line);
        assert!(line.contains("[DATE] px px/b1 T/T/T 3 U- "), "{line}");
    }
    assert_eq!(clients(&proxy, 1)[0].0, "s1");
}
