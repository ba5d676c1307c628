//! What stands behind `bind` and `server`, and what sections say of all of them.

use super::{TIMEOUTS, check, front, read, sentences};
use config::{Host, ProxyHeader, ServerOptions, V6};
use std::time::Duration;

#[test]
fn bind_parameters() {
    let parsed = read(&front("bind [::1]:10443,/run/x name tls backlog 100 v6only accept-proxy"));
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let bind = &parsed.tree.proxies[0].binds[1];
    assert_eq!((bind.addresses.len(), bind.v6, bind.accept_proxy.is_some()), (2, V6::Only, true));
    assert_eq!(bind.backlog.map(|backlog| backlog.value), Some(100));
    assert_eq!(bind.name.as_ref().map(|name| name.as_str()), Some("tls"));

    let parsed = read(&front("bind :\"$PORT\"\n bind :${PORT}\n bind :${NOPE-99} shards by-thread"));
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    assert_eq!(parsed.tree.proxies[0].binds[1].addresses, {
        let mut again = parsed.tree.proxies[0].binds[2].addresses.clone();
        again[0].span = parsed.tree.proxies[0].binds[1].addresses[0].span;
        again
    });
    check(
        &front("bind :1 backlog"),
        &["A parsing [c.cfg:8] : 'bind :1' in section 'frontend' : 'backlog' : missing value"],
    );
    check(
        &front("bind"),
        &["A parsing [c.cfg:8] : 'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments."],
    );
}

/// HAProxy 2.6's words; that the kernel refuses a value is a WARNING of ours (`tcp(7)`).
#[test]
fn bind_parameters_of_tcp() {
    let parsed = read(&front("bind :1 mss 1400 tcp-ut 5s defer-accept tfo\n bind :2 tcp-ut 0"));
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let binds = &parsed.tree.proxies[0].binds;
    assert_eq!((binds[1].segment_size, binds[1].user_timeout), (Some(1400), Some(Duration::from_secs(5))));
    assert!(binds[1].defers_accept && binds[1].opens_fast && binds[2].user_timeout.is_none());
    let table = [
        ("mss", "A", "'mss' : missing MSS value"),
        ("mss 0", "A", "'mss' : expects an MSS with and absolute value between 1 and 65535"),
        ("mss 70000", "A", "'mss' : expects an MSS with and absolute value between 1 and 65535"),
        ("mss x", "A", "'mss' : expects an MSS with and absolute value between 1 and 65535"),
        ("mss 50", "W", "'mss' : the kernel takes 88 to 32767, so this has no effect."),
        ("mss -1400", "W", "'mss' : the kernel takes 88 to 32767, so this has no effect."),
        ("tcp-ut", "A", "'tcp-ut' : missing TCP User Timeout value"),
        ("tcp-ut x", "A", "'tcp-ut' : expects a positive delay in milliseconds"),
        (
            "tcp-ut 99999999999",
            "A",
            "timer overflow in argument '99999999999' to 'tcp-ut' (maximum value is 2147483647 ms or ~24.8 days)",
        ),
    ];
    for (parameter, level, message) in table {
        let expected = format!("{level} parsing [c.cfg:8] : 'bind :1' in section 'frontend' : {message}");
        check(&front(&format!("bind :1 {parameter}")), &[&expected]);
    }
}

/// Times without a unit count seconds, and no part of a second is lost (HAProxy 2.6).
#[test]
fn keepalive() {
    let keepalive = |lines: &str| {
        let parsed = read(&front(lines));
        assert_eq!(sentences(&parsed), Vec::<String>::new());
        parsed.tree.proxies[0].settings.client_keepalive
    };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let read = keepalive("option clitcpka\n clitcpka-cnt 5\n clitcpka-idle 10\n clitcpka-intvl 1500ms");
    assert_eq!((read.is_on, read.count, read.idle, read.interval), (true, Some(5), seconds(10), seconds(2)));
    let read = keepalive("option tcpka\n no option clitcpka\n clitcpka-cnt 0\n clitcpka-idle 0");
    assert_eq!((read.is_on, read.count, read.idle), (false, None, None));
    let table = [
        ("clitcpka-cnt", "A", " : 'clitcpka-cnt' expects an integer value"),
        ("clitcpka-cnt x", "A", " : 'clitcpka-cnt' : unexpected character 'x' in integer value 'x'"),
        ("clitcpka-cnt 128", "W", " : 'clitcpka-cnt' : the kernel takes 1 to 127, so this has no effect."),
        ("clitcpka-idle", "A", " : 'clitcpka-idle' expects an integer value"),
        ("clitcpka-idle 5x", "A", " : unexpected character 'x' in argument to <clitcpka-idle>."),
        ("clitcpka-idle 1d", "W", " : 'clitcpka-idle' : the kernel takes 1 to 32767 seconds, so this has no effect."),
        (
            "clitcpka-intvl 99999999999",
            "A",
            " : timer overflow in argument '99999999999' to 'clitcpka-intvl' (maximum value is 2147483647 ms or ~24.8 \
             days)",
        ),
        ("option clitcpka x", "A", " : 'option clitcpka' cannot handle unexpected argument 'x'."),
        ("no option tcpka", "A", ": negation/default is not supported for option 'tcpka'."),
    ];
    for (line, level, message) in table {
        check(&front(line), &[&format!("{level} parsing [c.cfg:8]{message}")]);
    }
}

fn options(parameters: &str) -> Result<ServerOptions, String> {
    let parsed = read(&format!("{TIMEOUTS}backend b\n server s 127.0.0.1:80 {parameters}\n"));
    match sentences(&parsed).into_iter().next() {
        Some(sentence) => Err(sentence.replace("A [c.cfg:6] : 'server b/s' : ", "")),
        None => Ok(parsed.tree.proxies[0].servers[0].options.clone()),
    }
}

#[test]
fn server_parameters() {
    let read = options(
        "check inter 5s fastinter 500 downinter 1m rise 4 fall 5 port 81 addr 10.0.0.9 weight 256 backup disabled \
         send-proxy-v2 check-send-proxy",
    )
    .expect("all of these are served");
    assert!(read.check.is_some() && read.check_send_proxy.is_some() && read.is_backup && read.is_disabled);
    let times = [read.inter, read.fastinter, read.downinter].map(|time| time.map(|time| time.value.as_millis()));
    assert_eq!(times, [Some(5_000), Some(500), Some(60_000)]);
    assert_eq!([read.rise, read.fall].map(|count| count.map(|count| count.value)), [Some(4), Some(5)]);
    assert_eq!(read.check_port.map(|port| port.value), Some(81));
    assert_eq!(read.weight.map(|weight| weight.value), Some(256));
    assert_eq!(read.proxy_header.map(|header| header.value), Some(ProxyHeader::V2));
    assert!(matches!(read.check_address.as_deref(), Some(Host::Ip(ip)) if ip.to_string() == "10.0.0.9"));

    let read = options("check backup send-proxy disabled no-check no-backup no-send-proxy enabled").expect("served");
    assert_eq!(read, ServerOptions::default());
    let read = options("addr 10.0.0.9:81").expect("an address with a port sets both");
    assert_eq!(read.check_port.map(|port| port.value), Some(81));

    let table = [
        ("tcp-ut", "'tcp-ut' : missing TCP User Timeout value."),
        ("tcp-ut x", "'tcp-ut' : expects a positive delay in milliseconds."),
        ("weight 257", "weight of server s is not within 0 and 256 (257).."),
        ("check inter", "'inter' expects a delay as argument.."),
        ("check inter 0", "invalid value 0 for argument 'inter' of server s.."),
        (
            "check inter 100d",
            "timer overflow in argument <100d> to <inter> of server s, maximum value is 2147483647 ms (~24.8 days)..",
        ),
        ("check rise 0", "'rise' has to be > 0.."),
        ("check fall x", "'fall' has to be > 0.."),
        ("pool-low-conn -1", "'pool-low-conn' must be >= 0."),
        ("pool-max-conn -2", "'pool-max-conn' must be >= -1."),
        ("addr", "'addr' expects <ipv4|ipv6> as argument.."),
        ("addr nosuch.invalid", "'addr' : invalid address: 'nosuch.invalid' in 'nosuch.invalid'."),
        ("no-disabled", "unknown keyword 'no-disabled'; did you mean 'disabled' maybe ?"),
        ("send-proxy-v3", "unknown keyword 'send-proxy-v3'; did you mean 'send-proxy-v2' maybe ?"),
        ("addr 1.1.1.1 extra", "unknown keyword 'extra'."),
    ];
    for (parameters, expected) in table {
        assert_eq!(options(parameters).expect_err(parameters), expected, "{parameters}");
    }
}

#[test]
fn default_server_adds_up() {
    let parsed = read(
        "backend b\n default-server check inter 5s\n default-server weight 10\n server x 1.1.1.1:1\n \
         default-server no-check\n server y 1.1.1.1:1 weight 5\n",
    );
    let servers = &parsed.tree.proxies[0].servers;
    let shown: Vec<_> = servers
        .iter()
        .map(|server| (server.options.check.is_some(), server.options.weight.map(|weight| weight.value)))
        .collect();
    assert_eq!(shown, [(true, Some(10)), (false, Some(5))]);
    let methods = "supported methods are 'libc', 'last', 'none'";
    check(
        "backend b\n server a h:1 init-addr libc,foo\n server b h:1 init-addr 192.0.2.1,192.0.2.2\n default-server init-addr h\n \
         server c h:1 init-addr last,libc,2001:db8::1\n",
        &[
            &format!("A [c.cfg:2] : 'server b/a' : 'init-addr' : unknown init-addr method 'foo', {methods}.."),
            "A [c.cfg:3] : 'server b/b' : 'init-addr' : initial address already specified, cannot add '192.0.2.2'..",
            &format!("A [c.cfg:4] : 'init-addr' : unknown init-addr method 'h', {methods}.."),
        ],
    );
    check(
        "backend b\n default-server 127.0.0.1:80\n",
        &["A [c.cfg:2] : unknown keyword '127.0.0.1:80'. Hint: no address was expected for this server."],
    );
}
