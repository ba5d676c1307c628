//! The configurations of Dovecot's HAProxy page: the mail part is served as it stands, the HTTP part is read whole and
//! what is not served yet is refused by name.

use config::{
    Balance, BindAddress, Facility, ForwardFor, Host, IpNet, Log, LogAddress, LogLevel, LogStyle, Mode, Parsed,
    ProxyHeader, Redispatch, Role, ServerAddress, ServerPort, Source, load, parse, unserved,
};
use std::net::Ipv4Addr;
use std::time::Duration;

const MAIL: &str = "
frontend front_dc_pop3
    bind             :1110
    mode             tcp
    default_backend  back_dc_pop3

backend back_dc_pop3
    mode     tcp
    balance  leastconn
    option   allbackups
    server   10.41.1.131 10.41.1.131:110 check inter 5s
    server   10.41.1.116 10.41.1.116:110 check inter 5s

backend back_dc_lmtp
    mode     tcp
    balance  leastconn
    option   allbackups
    server   10.41.1.131 10.41.1.131:24 check inter 5s
    server   10.41.1.116 10.41.1.116:24 check inter 5s
";

const SPROXYD: &str = include_str!("seed/http.cfg");

fn sources(text: &str) -> [Source; 1] {
    [Source::new("haproxy.cfg", text)]
}

fn read(text: &str) -> Parsed {
    parse(&sources(text), &|_: &str| None)
}

fn server(last: u8, port: u16) -> ServerAddress {
    let host = Host::Ip(Ipv4Addr::new(10, 41, 1, last).into());
    ServerAddress::Tcp { host, port: ServerPort::Fixed(port) }
}

#[test]
fn mail_is_served_as_it_stands() {
    let parsed = load(&sources(MAIL), &|_: &str| None);
    assert!(!parsed.has_alerts() && parsed.tree.unserved.is_empty());
    assert!(parsed.has_warnings(), "HAProxy warns of the missing timeouts");

    let expected = "\
[WARNING]  (7) : config : missing timeouts for frontend 'front_dc_pop3'.
   | While not properly invalid, you will certainly encounter various problems
   | with such a configuration. To fix this, please ensure that all following
   | timeouts are set to a non-zero value: 'client', 'connect', 'server'.
 --> haproxy.cfg:2:10
  |
2 | frontend front_dc_pop3
  |          ^^^^^^^^^^^^^
";
    let report = parsed.report(7, &sources(MAIL));
    assert!(report.starts_with(expected), "{report}");

    let [front, pop3, lmtp] = &parsed.tree.proxies[..] else { panic!("three sections") };
    assert_eq!((front.role, front.name.as_str(), front.settings.mode), (Role::Frontend, "front_dc_pop3", Mode::Tcp));
    let any = Host::Ip(Ipv4Addr::UNSPECIFIED.into());
    assert_eq!(front.binds[0].addresses[0].value, BindAddress::Tcp { host: any, first: 1110, last: 1110 });
    assert_eq!(front.settings.default_backend.as_ref().map(|name| name.as_str()), Some("back_dc_pop3"));

    assert_eq!(pop3.settings.balance.as_ref().map(|balance| balance.value.clone()), Some(Balance::LeastConn));
    assert!(pop3.settings.has_all_backups);
    let names: Vec<_> = pop3.servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["10.41.1.131", "10.41.1.116"]);
    assert_eq!(pop3.servers[0].address.value, server(131, 110));
    assert_eq!(lmtp.servers[1].address.value, server(116, 24));
    let options = &pop3.servers[0].options;
    assert!(options.check.is_some());
    assert_eq!(options.inter.map(|inter| inter.value), Some(Duration::from_secs(5)));
}

#[test]
fn the_http_sample_is_read_whole() {
    let parsed = read(SPROXYD);
    assert_eq!(parsed.diagnostics, [], "HAProxy finds nothing wrong with it");

    let global = &parsed.tree.global;
    assert_eq!(global.maxconn.map(|value| value.value), Some(60_000));
    assert_eq!(global.chroot.as_ref().map(|value| value.as_str()), Some("/var/lib/haproxy"));
    assert_eq!(global.pidfile.as_ref().map(|value| value.as_str()), Some("/var/run/haproxy.pid"));
    assert_eq!(global.user.as_ref().map(|value| value.as_str()), Some("haproxy"));
    assert_eq!(global.group.as_ref().map(|value| value.as_str()), Some("haproxy"));
    assert!(global.daemon.is_some());
    assert_eq!(global.stats_sockets[0].addresses[0].value, BindAddress::Unix("/var/lib/haproxy/stats".to_string()));
    let log = &global.logs[0];
    assert_eq!(log.address.value, LogAddress::Udp { host: Host::Ip(Ipv4Addr::LOCALHOST.into()), port: 514 });
    assert_eq!((log.facility, log.level_max, log.length_max), (Facility::Local2, LogLevel::Debug, 1024));

    let [front, back] = &parsed.tree.proxies[..] else { panic!("two sections") };
    let settings = &front.settings;
    assert_eq!((settings.mode, settings.redispatch), (Mode::Http, Redispatch::FromLast(1)));
    assert_eq!(settings.maxconn.map(|value| value.value), Some(5_000));
    assert_eq!(settings.retries.map(|value| value.value), Some(3));
    assert!(matches!(settings.logs[..], [Log::Global(_)]));
    assert_eq!(parsed.tree.logs_of(front).collect::<Vec<_>>(), global.logs.iter().collect::<Vec<_>>());
    assert_eq!(settings.log_style.as_ref().map(|style| &style.value), Some(&LogStyle::Http));
    assert!(settings.log_options.skips_null && settings.http.keeping == config::Keeping::Front);
    let minutes = |timeout: Option<config::Spanned<Duration>>| timeout.map(|timeout| timeout.value.as_secs() / 60);
    let timeouts = &settings.timeouts;
    assert_eq!(
        [timeouts.http_request, timeouts.queue, timeouts.client, timeouts.server, timeouts.http_keep_alive]
            .map(minutes),
        [Some(1), Some(1), Some(1), Some(1), Some(10)]
    );
    let captures: Vec<_> = front
        .captures
        .iter()
        .map(|capture| (capture.header.as_ref().expect("of a field").as_str(), capture.length_max))
        .collect();
    assert_eq!(captures, [("X-Dovecot-Reason", 40), ("X-Dovecot-Username", 40), ("X-Dovecot-Session-Id", 70)]);
    assert_eq!(back.servers[1].options.inter.map(|inter| inter.value), Some(Duration::from_secs(30)));
    assert_eq!(back.settings.check.as_ref().map(|check| &check.value), Some(&config::Check::Http));
}

/// HAProxy: a section that repeats `option forwardfor` loses the `except` of its defaults.
#[test]
fn forwardfor_starts_anew() {
    let parsed = read(SPROXYD);
    let repeated = parsed.tree.proxies[0].settings.http.forward_for.as_ref().map(|option| option.value.clone());
    assert_eq!(repeated, Some(ForwardFor::default()));

    let parsed = read("defaults\n option forwardfor except 127.0.0.0/8\nbackend b\n");
    let inherited = parsed.tree.proxies[0].settings.http.forward_for.as_ref().and_then(|option| option.except);
    assert_eq!(inherited, Some(IpNet { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 }));
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let parsed = read(SPROXYD);
    let found: Vec<_> = unserved(&parsed.tree)
        .iter()
        .map(|diagnostic| diagnostic.sentence(&sources(SPROXYD)).replace("parsing [haproxy.cfg:", "").to_string())
        .collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn tls_forwarding_is_read() {
    let parsed = read("backend b\n    server s1 127.0.0.1:143 send-proxy-v2-ssl\n");
    let header = parsed.tree.proxies[0].servers[0].options.proxy_header;
    assert_eq!(header.map(|header| header.value), Some(ProxyHeader::V2Ssl));
    assert!(parsed.tree.unserved.is_empty());

    let parsed = read("frontend f\n    bind :80\n    acl url_stats path_beg /stats\n");
    assert_eq!(parsed.tree.proxies[0].acls[0].name.as_str(), "url_stats");
    assert!(parsed.tree.unserved.is_empty());
}
