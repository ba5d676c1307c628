//! Configuration in, facts of the table out. What HAProxy does where nothing is said stands in its manual, §4.2 and §5.2.

mod checks;

use crate::load::tests::{loaded, loaded_with, table_of};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{
    Backend, Balance, BindAddr, Facts, Frontend, LogFormat, LogLevel, LogLine, LogSink, ProxyHeader, Redispatch,
    ServerAddr, Splice, StateBook, Table, route,
};

fn frontend<'t>(table: &'t Table, name: &str) -> &'t Frontend {
    table.frontend(table.frontend_named(name).expect("a frontend"))
}

fn backend<'t>(table: &'t Table, name: &str) -> &'t Backend {
    table.backend(table.backend_named(name).expect("a backend"))
}

fn ms(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn silence_means_haproxys_defaults() {
    let table = table_of("listen px\n bind :1001\n server s 192.0.2.1:143\n");
    let (front, back) = (frontend(&table, "px"), backend(&table, "px"));
    assert_eq!(table.global.maxconn, 1000);
    assert_eq!((front.timeouts.client, front.timeouts.client_fin), (None, None));
    assert_eq!(front.log.format, LogFormat::Connect);
    assert!(front.log.targets.is_empty() && back.log_targets.is_empty());
    assert_eq!(front.binds[0].backlog, 1000);
    assert_eq!((back.balance, back.retries, back.redispatch), (Balance::Random { draws: 2 }, 3, None));
    assert!(!back.all_backups);
    let server = &back.servers[0];
    assert_eq!(server.addr, ServerAddr::Ip("192.0.2.1:143".parse().expect("an address")));
    assert_eq!(server.settings, table::ServerSettings::default());
    assert_eq!(front.default_backend, table.backend_named("px"), "a listen section is its own backend");
}

#[test]
fn sections_inherit_from_the_defaults_above_them() {
    let table = table_of(
        "global
            maxconn 77
        defaults
            timeout connect 1s
            timeout client 2s
            timeout server 3s
            timeout check 4s
            timeout tunnel 5s
            timeout client-fin 6s
            timeout server-fin 7s
            option tcplog
            option redispatch
            option allbackups
            retries 5
            balance leastconn
            default-server inter 500ms fall 7
        frontend fe
            bind :1001
            default_backend be
        backend be
            server a 192.0.2.1:1 check
            server b 192.0.2.2:1 check rise 9 inter 1s
        defaults
            timeout connect 10s
            timeout client 0
            timeout server 10s
        listen other
            bind :1002
            option redispatch 3
            retries 0
            balance roundrobin
            server c 192.0.2.3:1
        ",
    );
    assert_eq!(table.global.maxconn, 77);
    let (front, back) = (frontend(&table, "fe"), backend(&table, "be"));
    assert_eq!((front.timeouts.client, front.timeouts.client_fin), (ms(2000), ms(6000)));
    assert_eq!(front.log.format, LogFormat::Line(LogLine::tcplog()));
    assert_eq!(front.default_backend, table.backend_named("be"));
    let timeouts = back.timeouts;
    assert_eq!((timeouts.connect, timeouts.server, timeouts.check), (ms(1000), ms(3000), ms(4000)));
    assert_eq!((timeouts.tunnel, timeouts.server_fin), (ms(5000), ms(7000)));
    assert_eq!((back.retries, back.balance, back.all_backups), (5, Balance::LeastConn, true));
    assert_eq!(back.redispatch, Some(Redispatch::Last(1)));
    let checks: Vec<_> = back.servers.iter().map(|server| server.settings.check.clone().expect("checked")).collect();
    let facts = |index: usize| {
        let check: &table::CheckSettings = &checks[index];
        (check.inter.as_millis(), check.fastinter.as_millis(), check.downinter.as_millis(), check.rise, check.fall)
    };
    assert_eq!(facts(0), (500, 500, 500, 2, 7));
    assert_eq!(facts(1), (1000, 1000, 1000, 9, 7));

    let (front, back) = (frontend(&table, "other"), backend(&table, "other"));
    assert_eq!(front.timeouts.client, None, "0 is no limit");
    assert_eq!(front.log.format, LogFormat::Connect);
    assert_eq!((back.retries, back.balance, back.redispatch), (0, Balance::RoundRobin, Some(Redispatch::Every(3))));
}

#[test]
fn every_address_of_a_bind_line_is_a_listener() {
    let table = table_of(
        "frontend fe
            bind :1110,[::1]:1143 backlog 5 name mail
            bind unix@/run/x.sock accept-proxy
            bind abns@x
            bind fd@7
            bind :::81 v4v6
            bind :::82 v6only
            bind 192.0.2.1:2000-2002
            bind mail.example:25
            backlog 99
            default_backend be
        backend be
            server s six.example:1
        ",
    );
    let binds = &frontend(&table, "fe").binds;
    let ip = |text: &str| BindAddr::Ip(text.parse().expect("an address"));
    let addrs: Vec<_> = binds.iter().map(|bind| bind.addr.clone()).collect();
    let expected = [
        ip("0.0.0.0:1110"),
        ip("[::1]:1143"),
        BindAddr::Unix(b"/run/x.sock"[..].into()),
        BindAddr::Abstract(b"x"[..].into()),
        BindAddr::Inherited(7),
        ip("[::]:81"),
        ip("[::]:82"),
        ip("192.0.2.1:2000"),
        ip("192.0.2.1:2001"),
        ip("192.0.2.1:2002"),
        ip("192.0.2.25:25"),
    ];
    assert_eq!(addrs, expected);
    assert_eq!((binds[0].backlog, binds[0].name.as_deref()), (5, Some("mail")));
    assert_eq!((binds[1].backlog, binds[1].name.as_deref()), (5, Some("mail")));
    assert_eq!((binds[2].backlog, binds[2].accept_proxy, binds[3].accept_proxy), (99, true, false));
    assert_eq!((binds[4].v6_only, binds[5].v6_only, binds[6].v6_only), (None, Some(false), Some(true)));
    assert!(binds.iter().zip(0..).all(|(bind, index)| bind.id == table::BindId(index)));
    let server = &backend(&table, "be").servers[0];
    assert_eq!(server.addr, ServerAddr::Ip("[2001:db8::6]:1".parse().expect("an address")));
}

#[test]
fn servers() {
    let table = table_of(
        "listen px
            bind :1001
            server a 192.0.2.1:1 weight 0 backup
            server b unix@/run/b.sock disabled send-proxy
            server c abns@c weight 256
        ",
    );
    let [a, b, c] = &backend(&table, "px").servers[..] else { panic!("three servers") };
    assert_eq!((a.settings.weight, a.settings.backup), (0, true));
    assert_eq!(b.addr, ServerAddr::Unix(b"/run/b.sock"[..].into()));
    assert!(b.settings.disabled);
    assert_eq!(b.settings.proxy_header, Some(ProxyHeader::V1));
    assert_eq!((c.addr.clone(), c.settings.weight), (ServerAddr::Abstract(b"c"[..].into()), 256));
}

#[test]
fn log_targets_are_shared() {
    let table = table_of(
        "global
            log 127.0.0.1 local2
            log /dev/log len 80 mail notice err
        defaults
            log global
        listen one
            bind :1001
        listen two
            log mail.example:1514 daemon info
            log stdout local0
            bind :1002
        listen three
            no log
            bind :1003
        ",
    );
    assert_eq!(table.log_targets.len(), 4);
    assert_eq!(frontend(&table, "one").log.targets, [0, 1]);
    assert_eq!(frontend(&table, "two").log.targets, [0, 1, 2, 3]);
    assert_eq!(backend(&table, "two").log_targets, [0, 1, 2, 3]);
    assert!(frontend(&table, "three").log.targets.is_empty());
    let [udp, unix, named, stdout] = &table.log_targets[..] else { panic!("four targets") };
    assert_eq!((&udp.sink, udp.facility), (&LogSink::Udp("127.0.0.1:514".parse().expect("an address")), 18));
    assert_eq!((udp.level_max, udp.level_min, udp.line_len_max), (LogLevel::Debug, LogLevel::Emerg, 1024));
    assert_eq!(unix.sink, LogSink::Unix(std::path::Path::new("/dev/log").into()));
    assert_eq!((unix.facility, unix.level_max, unix.level_min), (2, LogLevel::Notice, LogLevel::Err));
    assert_eq!(unix.line_len_max, 80);
    assert_eq!(named.sink, LogSink::Udp("192.0.2.25:1514".parse().expect("an address")));
    assert_eq!((&stdout.sink, stdout.facility), (&LogSink::Stdout, 16));
}

/// Where a connection from `src` to port `dst` goes.
fn routed(table: &Arc<Table>, src: &str, dst: u16) -> String {
    let src: SocketAddr = src.parse().expect("an address");
    let id = table.frontend_named("fe").expect("a frontend");
    let facts = Facts::new(table, id, Some(src), Some(([192, 0, 2, 80], dst).into()));
    let backend = route(frontend(table, "fe"), || facts);
    backend.map_or("none".into(), |backend| table.backend(backend).name.to_string())
}

const ROUTES: &str = "
    frontend fe
        bind :1001
        acl inside src 10.0.0.0/8
        acl inside src 192.0.2.0/24
        acl high src_port ge 40000
        use_backend pop if { dst_port 110 1110 } !inside
        use_backend busy if inside high or LOCALHOST
        use_backend few if { nbsrv(pop) lt 2 } inside
        use_backend idle unless inside
        use_backend gone if TRUE
        default_backend rest
    backend pop
        server s1 192.0.2.1:110
        server s2 192.0.2.2:110
    backend busy
    backend few
    backend idle
    backend gone
        disabled
        server s1 192.0.2.1:110
    backend rest
";

#[test]
fn conditions() {
    let table = table_of(ROUTES);
    table.take_over();
    assert_eq!(routed(&table, "198.51.100.1:1024", 110), "pop");
    assert_eq!(routed(&table, "198.51.100.1:1024", 1110), "pop");
    assert_eq!(routed(&table, "198.51.100.1:1024", 143), "idle");
    assert_eq!(routed(&table, "10.1.1.1:40000", 110), "busy", "the first rule holds for others only");
    assert_eq!(routed(&table, "127.0.0.1:1024", 143), "busy");
    assert_eq!(routed(&table, "192.0.2.9:1024", 143), "rest", "a disabled backend takes nothing");
    let pop = backend(&table, "pop");
    pop.state.set_health(&pop.servers[0], table::Health::Down);
    assert_eq!(routed(&table, "192.0.2.9:1024", 143), "few");
}

#[test]
fn counts_of_servers_and_of_what_is_disabled() {
    let table = table_of(
        "frontend fe
            bind :1001
            use_backend up if { srv_is_up(be/s2) } { srv_conn(be/s1) lt 1 }
            use_backend gone-is-0 if { nbsrv(gone) 0 } { be_conn(gone) 0 } { fe_conn(off) 0 } { srv_is_up(gone/s) 0 }
        backend be
            server s1 192.0.2.1:1
            server s2 192.0.2.1:1
        backend up
        backend gone-is-0
        backend gone
            disabled
            server s 192.0.2.1:1
        frontend off
            disabled
            bind :1002
        ",
    );
    table.take_over();
    assert_eq!(routed(&table, "192.0.2.9:1", 1), "up");
    let be = backend(&table, "be");
    be.state.set_health(&be.servers[1], table::Health::Down);
    assert_eq!(routed(&table, "192.0.2.9:1", 1), "gone-is-0");
    assert_eq!((table.frontend_named("off"), table.backend_named("gone")), (None, None));
}

#[test]
fn states_go_on_by_name() {
    let mut book = StateBook::new(2);
    let text = "listen px\n bind :1001\n server s 192.0.2.1:1\n";
    let before = loaded_with(text, &mut book, 1).table.expect("no errors");
    let after = loaded_with(&text.replace("192.0.2.1", "192.0.2.2"), &mut book, 2).table.expect("no errors");
    assert_eq!((before.generation, after.generation), (1, 2));
    let state = |table: &Table| Arc::clone(&backend(table, "px").servers[0].state);
    assert!(Arc::ptr_eq(&state(&before), &state(&after)));
}

#[test]
fn every_host_without_an_address_is_reported() {
    let loaded =
        loaded("listen px\n bind no.invalid:1,nor.invalid:2\n server a not.invalid:1\n server b never.invalid:1\n");
    let named = |host: &str| loaded.diagnostics.iter().any(|diagnostic| diagnostic.message.contains(host));
    assert!(["no.invalid", "nor.invalid", "not.invalid", "never.invalid"].into_iter().all(named));
    assert!(loaded.table.is_none());
}

/// A farm as large as they come: no lookup may take longer the more servers there are. The bound is a hundred times what it
/// takes, so that a busy machine does not fail it; a quadratic lookup does.
#[test]
fn a_hundred_thousand_servers() {
    let mut text = String::from("defaults\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n");
    for backend in 0..1_000 {
        text += &format!("backend be{backend}\n log 127.0.0.1:{} local0\n", 1000 + backend);
        for server in 0..100 {
            text += &format!(" server s{server} 192.0.2.1:{} check\n", 1 + server);
        }
    }
    text += "frontend fe\n bind :1001\n default_backend be7\n";
    let begun = Instant::now();
    let table = table_of(&text);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(table.backends.len(), 1_000);
    assert_eq!(table.log_targets.len(), 1_000);
}

#[test]
fn splicing_is_on_until_the_file_says_otherwise() {
    let of = |options: &str| {
        let text = format!("listen px\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n{options}");
        let table = table_of(&text);
        frontend(&table, "px").splice
    };
    let directions = |request, response| Splice { request, response };
    assert_eq!(of(""), Splice::ALWAYS);
    assert_eq!(of(" no option splice-auto\n"), Splice::NEVER);
    assert_eq!(of(" no option splice-request\n"), directions(false, true));
    assert_eq!(of(" no option splice-auto\n option splice-response\n"), directions(false, true));
    assert_eq!(of("global\n nosplice\n"), Splice::NEVER);
}

#[test]
fn files_of_patterns_are_looked_up_with_the_lines() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a line");
        path.display().to_string()
    };
    let (nets, names) = (file("nets", "# ours\n10.0.0.0/8\n\n192.0.2.0/24\n"), file("names", "front\nfe\n"));
    let text = |nets: &str| {
        format!(
            "frontend fe
                bind :1001
                acl inside src 127.0.0.0/8
                acl inside src -f {nets} 198.51.100.0/24
                use_backend be if inside {{ fe_name -f {names} }}
            backend be
            "
        )
    };
    let table = table_of(&text(&nets));
    for (src, expect) in [
        ("127.0.0.1:1", "be"),
        ("10.1.1.1:1", "be"),
        ("192.0.2.9:1", "be"),
        ("198.51.100.1:1", "be"),
        ("203.0.113.1:1", "none"),
    ] {
        assert_eq!(routed(&table, src, 1), expect, "{src}");
    }
    let condition = frontend(&table, "fe").rules[0].condition.as_ref().expect("it has one");
    assert_eq!(condition.alternatives[0][0].acl.tests.len(), 1, "lines and files are one test");
    for (nets, expect) in [
        (format!("opt@{nets}"), "be"),
        ("opt@/nonexistent".to_owned(), "none"),
        ("virt@nets".to_owned(), "none"),
        (format!("file@{nets}"), "be"),
    ] {
        assert_eq!(routed(&table_of(&text(&nets)), "192.0.2.9:1", 1), expect, "{nets}");
    }

    let bad = file("bad", "10.0.0.0/8\nfoo\n");
    for (nets, expect) in [
        (bad.clone(), format!("'foo' is not a valid IPv4 or IPv6 address at line 2 of file '{bad}'.")),
        ("/nonexistent".to_owned(), "failed to open pattern file </nonexistent>.".to_owned()),
    ] {
        let loaded = loaded(&text(&nets));
        let messages: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| &*diagnostic.message).collect();
        let expect = format!("error detected while parsing ACL 'inside' : {expect}");
        assert!(loaded.table.is_none() && messages.contains(&&*expect), "{messages:?}");
    }
}

#[test]
fn limits_of_servers_and_what_makes_a_backend_full() {
    let table = table_of(
        "frontend fe
            bind :1001
            maxconn 500
            use_backend be if TRUE
            default_backend be
        backend be
            server a 192.0.2.1:143 maxconn 20 minconn 5 maxqueue 7
            server b 192.0.2.1:143 minconn 5
            server c 192.0.2.1:143 maxconn 3 minconn 9
            server d 192.0.2.1:143
        backend said
            fullconn 33
        listen px
            bind :1002
        ",
    );
    let limits = |name: &str| {
        let server = backend(&table, "be").servers.iter().find(|server| &*server.name == name).expect("above");
        (server.settings.maxconn.map(|most| most.get()), server.settings.minconn)
    };
    assert_eq!(limits("a"), (Some(20), 5));
    assert_eq!(backend(&table, "be").servers[0].settings.maxqueue.map(|most| most.get()), Some(7));
    assert_eq!(limits("b"), (Some(5), 0), "minconn alone is the limit");
    assert_eq!(limits("c"), (Some(9), 0), "and so is one above maxconn");
    assert_eq!(limits("d"), (None, 0));
    assert_eq!(frontend(&table, "fe").maxconn.map(|most| most.get()), Some(500));
    assert_eq!(backend(&table, "be").limits.fullconn, 50, "a tenth of its only frontend");
    assert_eq!(backend(&table, "said").limits.fullconn, 33);
    assert_eq!(backend(&table, "px").limits.fullconn, 100, "a tenth of the process");
}

/// Recorded from HAProxy 2.6.12.
#[test]
fn cookies_of_addresses() {
    let table = table_of(
        "backend a\n mode http\n cookie SRV insert dynamic\n dynamic-cookie-key secret\n server s 127.0.0.1:9598\n server t 127.0.0.1:9598 cookie own\n\
         backend b\n mode http\n cookie SRV insert dynamic\n dynamic-cookie-key \"a key that is longer than thirty-two bytes\"\n server s [::1]:9597\n\
         backend c\n mode http\n cookie SRV insert dynamic\n server s 127.0.0.1:9598\n",
    );
    let cookies = |name: &str| -> Vec<Option<String>> {
        let servers = backend(&table, name).servers.iter();
        servers.map(|server| server.settings.cookie.as_deref().map(str::to_owned)).collect()
    };
    assert_eq!(cookies("a"), [Some("77396dc085705e81".to_owned()), Some("own".to_owned())]);
    assert_eq!(cookies("b"), [Some("f58ca2d4205d96d4".to_owned())]);
    assert_eq!(cookies("c"), [None]);
}
