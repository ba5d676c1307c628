//! Text in, tree or complaints out. Complaints are HAProxy 2.6.12's where it has one for the case.

use config::{
    Balance, Diagnostic, Expression, Fetch, HashKey, Host, IoEngine, Log, LogAddress, Method, Number, Operand, Parsed,
    Patterns, Predefined, ProxyHeader, Range, Redispatch, ServerOptions, Source, Test, UriExtent, V6, load, parse,
};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const TIMEOUTS: &str = "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 5s\n";

fn read(text: &str) -> Parsed {
    let environment = HashMap::from([("PORT".to_string(), "1143".to_string())]);
    parse(&[Source::new("c.cfg", text)], &environment)
}

/// A frontend with these lines, and a backend `b` with a server `s`.
fn front(lines: &str) -> String {
    format!("{TIMEOUTS}frontend f\n bind :10080\n default_backend b\n {lines}\nbackend b\n server s 127.0.0.1:80\n")
}

/// A backend `b` with a server `s` and these lines, and a frontend for it.
fn back(lines: &str) -> String {
    format!("{TIMEOUTS}frontend f\n bind :10080\n default_backend b\nbackend b\n server s 127.0.0.1:80\n {lines}\n")
}

fn sentences(parsed: &Parsed) -> Vec<String> {
    let sources = [Source::new("c.cfg", "")];
    parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect()
}

fn first_line(diagnostic: &Diagnostic, sources: &[Source]) -> String {
    let level = match diagnostic.level {
        config::Level::Alert => "A",
        config::Level::Warning => "W",
        config::Level::Notice => "N",
        config::Level::Diag => "D",
    };
    format!("{level} {}", diagnostic.sentence(sources).lines().next().unwrap_or_default())
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(sentences(&read(text)), expected, "{text}");
}

#[test]
fn sections_and_inheritance() {
    let parsed = read(
        "defaults mail\n timeout client 1h\n retries 5\n balance leastconn\n\
         defaults short from mail\n timeout client 1m\n\
         defaults\n retries 1\n\
         backend a from mail\nbackend b from short\nbackend c\n",
    );
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let settings: Vec<_> = parsed
        .tree
        .proxies
        .iter()
        .map(|proxy| {
            let settings = &proxy.settings;
            let client = settings.timeouts.client.map(|timeout| timeout.value.as_secs());
            (proxy.name.as_str(), client, settings.retries.map(|retries| retries.value), settings.balance.is_some())
        })
        .collect();
    assert_eq!(
        settings,
        [("a", Some(3600), Some(5), true), ("b", Some(60), Some(5), true), ("c", None, Some(1), false)]
    );
}

#[test]
fn section_headers() {
    let table: &[(&str, &[&str])] = &[
        ("frontend f from A\n", &["A parsing [c.cfg:1] : defaults section 'A' not found for frontend 'f'."]),
        ("defaults B from A\n", &["A parsing [c.cfg:1] : defaults section 'A' not found for defaults 'B'."]),
        (
            "defaults A\ndefaults A\nbackend b from A\n",
            &[
                "A parsing [c.cfg:3] : ambiguous defaults section name 'A' referenced by backend 'b' exists at least at \
               c.cfg:1 and c.cfg:2.",
            ],
        ),
        ("frontend\n", &["A parsing [c.cfg:1] : 'frontend' expects an <id> argument"]),
        ("backend \"a b\"\n", &["A parsing [c.cfg:1] : character ' ' is not permitted in 'backend' name 'a b'."]),
        ("listen l :80\n", &["A parsing [c.cfg:1] : please use the 'bind' keyword for listening addresses."]),
        ("global x\n", &["A parsing [c.cfg:1] : 'global' cannot handle unexpected argument 'x'."]),
        (
            "backend b\nbackend b\n",
            &["A Parsing [c.cfg:2]: backend 'b' has the same name as backend 'b' declared at c.cfg:1."],
        ),
        (
            "no quiet\n",
            &["A parsing [c.cfg:1]: negation/default currently supported only for options, log, busy-polling, \
               set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping."],
        ),
    ];
    for (text, expected) in table {
        let parsed = read(text);
        let alerts: Vec<_> = sentences(&parsed).into_iter().filter(|sentence| sentence.starts_with('A')).collect();
        assert_eq!(alerts, *expected, "{text}");
    }
}

#[test]
fn globals_merge() {
    let parsed =
        read("global\n maxconn 10\n log /dev/log local0\nglobal\n maxconn 20\n nbthread 2\n log stderr user\n");
    assert_eq!(sentences(&parsed), ["W parsing [c.cfg:5] : 'maxconn' already specified. Continuing."]);
    let global = &parsed.tree.global;
    assert_eq!(global.maxconn.map(|value| value.value), Some(10));
    assert_eq!(global.nbthread.map(|value| value.value), Some(2));
    assert_eq!(global.logs.len(), 2);
}

/// A keyword of our own.
#[test]
fn io_engines() {
    let engine = |word: &str| {
        let parsed = load(&[Source::new("c.cfg", format!("global\n tidegate.io-engine {word}\n"))], &|_: &str| None);
        parsed.tree.global.io_engine.map(|engine| engine.value).ok_or_else(|| sentences(&parsed))
    };
    assert_eq!(engine("auto"), Ok(IoEngine::Auto));
    assert_eq!(engine("io_uring"), Ok(IoEngine::IoUring));
    assert_eq!(engine("epoll"), Ok(IoEngine::Epoll));
    for word in ["uring", "", "Epoll"] {
        let expected = format!(
            "A parsing [c.cfg:2] : 'tidegate.io-engine' only supports 'auto', 'io_uring' and 'epoll' (got '{word}')"
        );
        assert_eq!(engine(word), Err(vec![expected]));
    }
    let expected = "A parsing [c.cfg:2] : 'tidegate.io-engine' cannot handle unexpected argument 'auto'.";
    assert_eq!(engine("epoll auto"), Err(vec![expected.to_string()]));
    let expected = "A parsing [c.cfg:2] : unknown keyword 'tidegate.io-engin' in 'global' section; did you mean \
                    'tidegate.io-engine' maybe ?";
    check("global\n tidegate.io-engin epoll\n", &[expected]);
    assert_eq!(read("global\n nbthread 1\n").tree.global.io_engine, None);
}

#[test]
fn listeners_are_needed() {
    let table = [
        ("", false),
        ("global\n maxconn 10\n", false),
        ("backend b\n server s 1.1.1.1:1\n", false),
        ("frontend f\n bind :1\n", true),
        ("frontend f\n bind :1\n disabled\n", false),
        ("defaults\n disabled\nfrontend f\n bind :1\n enabled\n", true),
        ("global\n stats socket /run/x\n", true),
    ];
    for (text, expected) in table {
        assert_eq!(read(text).tree.has_listener(), expected, "{text}");
    }
}

#[test]
fn keywords_in_the_wrong_section() {
    check(
        &back("bind :80"),
        &["W parsing [c.cfg:10] : 'bind' ignored because backend 'b' has no frontend capability."],
    );
    check(
        &front("fullconn 10"),
        &["W parsing [c.cfg:8] : 'fullconn' ignored because frontend 'f' has no backend capability. Maybe you want \
           'maxconn' instead ?"],
    );
    check(&back("maxconn 10"), &[]);
    check(
        &front("timeout server 1s"),
        &["W parsing [c.cfg:8] : 'timeout server' will be ignored because frontend 'f' has no backend capability"],
    );
    check(
        &front("option allbackups"),
        &["W parsing [c.cfg:8] : 'allbackups' ignored because frontend 'f' has no backend capability."],
    );
    check(
        &back("option tcplog"),
        &["W parsing [c.cfg:10] : backend 'b' : 'option tcplog' directive is ignored in backends."],
    );
}

#[test]
fn what_is_missing() {
    check(
        "frontend f\n bind :80\n default_backend b\nbackend b\n server s 127.0.0.1:80\n",
        &["W missing timeouts for frontend 'f'.", "W missing timeouts for backend 'b'."],
    );
    check(&format!("{TIMEOUTS}frontend f\n timeout client 0\n bind :1\n"), &["W missing timeouts for frontend 'f'."]);
    check(
        &format!("{TIMEOUTS}listen l\n server s 127.0.0.1:80\n"),
        &["W proxy 'l' has no 'bind' directive. Please declare it as a backend if this was intended."],
    );
    check(&format!("{TIMEOUTS}listen l\n disabled\n"), &[]);
    check(&front("option tcplog"), &["W log format ignored for frontend 'f' since it has no log address."]);
}

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

/// What HAProxy 2.6 makes of the same lines; each is read with `$PORT` set to 1143 outside of the file.
#[test]
fn variables_that_the_file_sets() {
    let name = |lines: &str| {
        let parsed =
            read(&format!("global\n {lines}\n{TIMEOUTS}listen \"l${{A-no}}\"\n bind :1\n server s :${{PORT-2}}\n"));
        assert_eq!(sentences(&parsed), Vec::<String>::new());
        let proxy = &parsed.tree.proxies[0];
        format!("{} {:?}", proxy.name.as_str(), proxy.servers[0].address.value)
    };
    let expect = |lines: &str, variable: &str, port: u16| {
        let (read, port) = (name(lines), format!("Fixed({port})"));
        assert!(read.starts_with(&format!("l{variable} ")) && read.contains(&port), "{lines}: {read}");
    };
    expect("setenv A x", "x", 1143);
    expect("setenv A x\n setenv A y\n presetenv PORT 3", "y", 1143);
    expect("presetenv A x\n presetenv A y\n setenv PORT 3", "x", 3);
    expect("setenv A x\n unsetenv PORT A", "no", 2);
    expect("setenv A x\n resetenv", "no", 2);
    expect("setenv A x\n resetenv PORT A", "x", 1143);
    expect("setenv A x\n resetenv A\n presetenv PORT 4", "x", 4);
    expect("setenv A x\n setenv B \"${A}y\"\n setenv A \"$B\"", "xy", 1143);
    let table = [
        ("setenv", "'setenv' expects a name and a value."),
        ("setenv N", "'setenv' expects a name and a value."),
        ("presetenv P", "'presetenv' expects a name and a value."),
        ("unsetenv", "'unsetenv' expects at least one variable name."),
        ("setenv A=B c", "'setenv' failed on variable 'A=B' : Invalid argument."),
    ];
    for (line, message) in table {
        check(&format!("global\n {line}\n{}", front("")), &[&format!("A parsing [c.cfg:2]: {message}")]);
    }
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
    check(
        "backend b\n default-server 127.0.0.1:80\n",
        &["A [c.cfg:2] : unknown keyword '127.0.0.1:80'. Hint: no address was expected for this server."],
    );
}

#[test]
fn balance_and_retries() {
    let balance = |word: &str| {
        let parsed = read(&format!("backend b\n mode http\n balance {word}\n"));
        match sentences(&parsed).pop() {
            Some(sentence) => Err(sentence.replace("A parsing [c.cfg:3] : ", "")),
            None => Ok(parsed.tree.proxies[0].settings.balance.clone().map(|balance| balance.value)),
        }
    };
    assert_eq!(balance("roundrobin"), Ok(Some(Balance::RoundRobin)));
    assert_eq!(balance("static-rr"), Ok(Some(Balance::StaticRoundRobin)));
    assert_eq!(balance("leastconn"), Ok(Some(Balance::LeastConn)));
    assert_eq!(balance("first"), Ok(Some(Balance::First)));
    assert_eq!(balance("source"), Ok(Some(Balance::Hash(HashKey::Source))));
    assert_eq!(balance("random"), Ok(Some(Balance::Random { draws: 2 })));
    assert_eq!(balance("random(3)"), Ok(Some(Balance::Random { draws: 3 })));
    assert_eq!(balance(""), Ok(None));
    assert_eq!(balance("random(0)"), Err("balance random : number of draws must be at least 1.".to_string()));
    assert_eq!(balance("random(x)"), Err("balance random : unexpected character 'x' after argument.".to_string()));
    let uri = |extent| Ok(Some(Balance::Hash(HashKey::Uri(extent))));
    assert_eq!(balance("uri"), uri(UriExtent::default()));
    let extent = UriExtent { size_max: 3, depth_max: 2, has_query: true, is_path_only: true };
    assert_eq!(balance("uri len 3 path-only depth 2 whole"), uri(extent));
    assert_eq!(balance("url_param id"), Ok(Some(Balance::Hash(HashKey::Parameter("id".into())))));
    let posted = Ok(Some(Balance::Hash(HashKey::PostedParameter("id".into()))));
    assert_eq!(balance("url_param id check_post"), posted);
    assert_eq!(balance("url_param id check_post 64"), posted);
    let field = |is_domain| Ok(Some(Balance::Hash(HashKey::Field { name: "Host".into(), is_domain })));
    assert_eq!(balance("hdr(Host)"), field(false));
    assert_eq!(balance("hdr(Host) use_domain_only"), field(true));
    let words = "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and \
                 'rdp-cookie(name)' options.";
    for (line, message) in [
        ("uri len 0", "balance uri : 'len' expects a positive integer (got '0')."),
        ("uri whole depth", "balance uri : 'depth' expects a positive integer (got '')."),
        ("uri x", "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got 'x')."),
        ("url_param", "balance url_param requires an URL parameter name."),
        ("url_param a x", "balance url_param only accepts 'check_post' modifier (got 'x')."),
        ("hdr", words),
        ("hdr()", "balance hdr requires an http header field name."),
        ("hdr(x", "balance hdr requires an http header field name."),
        ("hdr(x) y", "balance hdr(x) only accepts 'use_domain_only' modifier (got 'y')."),
        ("hash", "balance hash requires a sample expression."),
        ("hash src x", "balance hash takes no other argument (got 'x')."),
    ] {
        assert_eq!(balance(line).expect_err(line).split(" Hint").next(), Some(message), "{line}");
    }
    assert_eq!(balance("random("), Err("balance random : missing closing parenthesis.".to_string()));

    let redispatch = |line: &str| read(&format!("backend b\n {line}\n")).tree.proxies[0].settings.redispatch;
    assert_eq!(redispatch("option redispatch"), Redispatch::FromLast(1));
    assert_eq!(redispatch("option redispatch 2"), Redispatch::Every(2));
    assert_eq!(redispatch("option redispatch -3"), Redispatch::FromLast(3));
    assert_eq!(redispatch("option redispatch 0"), Redispatch::Off);
    assert_eq!(redispatch("option redispatch\n no option redispatch"), Redispatch::Off);
    assert_eq!(redispatch("default option redispatch"), Redispatch::Off);
}

#[test]
fn log_lines() {
    let parsed =
        read(&front("log global\n log 10.0.0.1:5140 len 200 local3 notice err\n log stdout format local daemon"));
    let logs = &parsed.tree.proxies[0].settings.logs;
    assert!(matches!(logs[0], Log::Global(_)));
    let Log::Target(target) = &logs[1] else { panic!("a target") };
    assert!(matches!(target.address.value, LogAddress::Udp { port: 5140, .. }));
    assert_eq!(
        (target.length_max, target.level_max, target.level_min),
        (200, config::LogLevel::Notice, config::LogLevel::Err)
    );
    assert!(matches!(&logs[2], Log::Target(target) if target.address.value == LogAddress::Stdout));
    assert!(read(&front("log global\n no log")).tree.proxies[0].settings.logs.is_empty());

    let table = [
        ("log", "log : expects <address> and <facility> or global as arguments"),
        ("log 127.0.0.1 xx", "log : unknown log facility 'xx'"),
        ("log 127.0.0.1 local2 foo", "log : unknown optional log level 'foo'"),
        ("log 127.0.0.1 local2 info foo", "log : unknown optional minimum log level 'foo'"),
        ("log 127.0.0.1 local2 info notice extra", "log : cannot handle unexpected argument 'extra'"),
        ("log 127.0.0.1 len 10 local2", "log : invalid log length '10', must be between 80 and 65535"),
        ("log 127.0.0.1 format foo local2", "log : unknown log format 'foo'"),
        ("log 127.0.0.1:x local2", "log : invalid character 'x' in port number 'x' in '127.0.0.1:x'"),
        ("no log global", "log : 'no log' does not expect arguments"),
    ];
    for (line, expected) in table {
        check(&front(line), &[&format!("A parsing [c.cfg:8] : {expected}")]);
    }
}

fn acl(words: &str) -> Result<Test, String> {
    let parsed = read(&front(&format!("acl x {words}")));
    match sentences(&parsed).pop() {
        Some(sentence) => Err(sentence.replace("A parsing [c.cfg:8] : error detected while parsing ACL 'x' : ", "")),
        None => Ok(parsed.tree.proxies[0].acls[0].test.clone()),
    }
}

fn ranges(words: &str) -> Vec<(i64, i64)> {
    match acl(words) {
        Ok(Test::Sample { ref matching, .. }) if let Patterns::Ranges(ranges) = &matching.patterns => {
            ranges.iter().map(|Range { first, last }| (*first, *last)).collect()
        }
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn acls_on_numbers() {
    let (low, high) = (i64::MIN, i64::MAX);
    assert_eq!(ranges("src_port 25"), [(25, 25)]);
    assert_eq!(ranges("src_port eq 1 2 3"), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(ranges("src_port gt 10"), [(11, high)]);
    assert_eq!(ranges("src_port ge 10"), [(10, high)]);
    assert_eq!(ranges("src_port lt 10"), [(low, 9)]);
    assert_eq!(ranges("src_port le 10"), [(low, 10)]);
    assert_eq!(ranges("dst_port 1:2 5"), [(1, 2), (5, 5)]);
    assert_eq!(ranges("dst_port 10:"), [(10, high)]);
    assert_eq!(ranges("dst_port :10"), [(low, 10)]);
    assert_eq!(ranges("dst_port 1 gt 5"), [(1, 1), (6, high)]);
    assert_eq!(ranges("nbsrv(b) lt 2"), [(low, 1)]);
    assert_eq!(ranges("be_conn(b) gt 99999999999"), [(100_000_000_000, high)]);
    assert_eq!(ranges("src_port -- -5"), [(-5, -5)]);
    assert_eq!(ranges("srv_is_up(b/s) 0"), [(0, 0)]);
    assert_eq!(ranges("dst_port --"), []);
    for (words, expect) in [
        ("nbsrv(b) -m bool", Method::Boolean),
        ("srv_is_up(b/s)", Method::Boolean),
        ("always_true", Method::Boolean),
        ("src_port -m found", Method::Found),
    ] {
        let Ok(Test::Sample { matching, .. }) = acl(words) else { panic!("{words} is a test") };
        assert_eq!((matching.method, matching.patterns), (expect, Patterns::None), "{words}");
    }
}

#[test]
fn acls_on_addresses() {
    let networks = |words: &str| match acl(words) {
        Ok(Test::Sample { ref matching, .. }) if let Patterns::Networks(networks) = &matching.patterns => {
            networks.iter().map(|net| format!("{}/{}", net.address, net.prefix)).collect::<Vec<_>>()
        }
        other => panic!("{words}: {other:?}"),
    };
    assert_eq!(networks("src 10.1.2.3/8 ::1"), ["10.0.0.0/8", "::1/128"]);
    assert_eq!(networks("dst -i -n -m ip -- 10.0.0.0/255.0.0.0"), ["10.0.0.0/8"]);
}

#[test]
fn acl_complaints() {
    let table = [
        ("", "missing fetch method in ACL expression ''."),
        ("foo 1", "unknown fetch method 'foo' in ACL expression 'foo'."),
        ("-i src 1.1.1.1", "unknown fetch method '-i' in ACL expression '-i'."),
        ("src foo", "'foo' is not a valid IPv4 or IPv6 address."),
        ("src 1.2.3.4/", "'1.2.3.4/' is not a valid IPv4 or IPv6 address."),
        ("src_port x", "'x' is not a number."),
        ("src_port lt x", "'x' is neither a number nor a supported operator."),
        ("src_port 10:5", "'10:5' is not a valid number range."),
        ("src_port :", "':' is not a valid number range."),
        ("src -m foo 1.1.1.1", "unknown matching method 'foo' when parsing ACL expression."),
        ("src -z 1.1.1.1", "'-z' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'."),
        ("nbsrv(b lt 2", "fetch method 'nbsrv' : expected ')' in ACL expression 'nbsrv(b'."),
        ("nbsrv(b)x lt 2", "missing comma after fetch keyword 'nbsrv' in ACL expression 'nbsrv(b)x'."),
        ("nbsrv(b,c) 1", "fetch method 'nbsrv' : expected ')' before ',c)' in ACL expression 'nbsrv(b,c)'."),
        ("src(b) 1.1.1.1", "fetch method 'src' : expected ')' before 'b)' in ACL expression 'src(b)'."),
        ("src", "W parsing acl keyword 'src' :"),
        (
            "req.payload(0,3) abc",
            "matching method must be specified first (using '-m') when using a sample fetch of this type ('req.payload').",
        ),
        (
            "req.payload(0) -m str abc",
            "fetch method 'req.payload' : missing arguments (got 1/2), type 'integer' expected in ACL expression \
             'req.payload(0)'.",
        ),
        (
            "req.payload -m str abc",
            "fetch method 'req.payload' : expected type 'integer' at position 1, but got nothing in ACL expression \
             'req.payload'.",
        ),
        (
            "req.payload(x,3) -m str abc",
            "fetch method 'req.payload' : failed to parse 'x' as type 'integer' at position 1 in ACL expression \
             'req.payload(x,3)'.",
        ),
        (
            "req.payload(0,3,4) -m str abc",
            "fetch method 'req.payload' : expected ')' before ',4)' in ACL expression 'req.payload(0,3,4)'.",
        ),
        ("req.payload_lv(0,2,+3) -m bin abc", "an even number of hex digit is expected."),
        ("req.payload(0,3) -m bin xyzz", "an hex digit is expected (found 'x')."),
        ("src,foo 1.2.3.4", "unknown converter 'foo' in ACL expression 'src,foo'."),
        (
            "src,lower(3) x",
            "invalid arg 1 in converter 'lower' : expected ')' before '3)' in ACL expression 'src,lower(3)'.",
        ),
        (
            "src,field x",
            "invalid arg 1 in converter 'field' : expected type 'integer' at position 1, but got nothing in ACL \
             expression 'src,field'.",
        ),
        (
            "src,ipmask(33) 1.2.3.4",
            "invalid arg 1 in converter 'ipmask' : failed to parse '33' as type 'IPv4 mask' at position 1 in ACL \
             expression 'src,ipmask(33)'.",
        ),
        (
            "str(a),word(1) 1",
            "invalid arg 2 in converter 'word' : missing arguments (got 1/2), type 'string' expected in ACL expression \
             'str(a),word(1)'.",
        ),
        (
            "str(a),field(0,.) b",
            "invalid args in converter 'field' : Unexpected value 0 for index in ACL expression 'str(a),field(0,.)'.",
        ),
        (
            "str(a),add(x) 1",
            "invalid args in converter 'add' : expects an integer or a variable name in ACL expression 'str(a),add(x)'.",
        ),
        ("req.ssl_ver 3.x", "'3.x' is not a dotted number."),
        ("req.ssl_hello_type x", "'x' is not a number."),
        ("str(a) -m len x", "'x' is not a number."),
        ("req.ssl_sni -m dot x", "unknown matching method 'dot' when parsing ACL expression."),
        ("str(a),lower", "W parsing acl keyword 'str(a),lower' :"),
        ("str(a", "fetch method 'str' : expected ')' in ACL expression 'str(a'."),
    ];
    for (words, expected) in table {
        assert_eq!(acl(words).expect_err(words), expected, "{words}");
    }
}

#[test]
fn acl_references() {
    let table = [
        (
            "nbsrv lt 2",
            "proxy 'f', referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'f', has not backend capability.",
        ),
        ("be_conn(f) 1", "unable to find backend 'f' referenced in arg 1 of ACL keyword 'be_conn' in proxy 'f'."),
        ("fe_conn(b) 1", "unable to find frontend 'b' referenced in arg 1 of ACL keyword 'fe_conn' in proxy 'f'."),
        ("srv_conn 1", "missing server name in arg 1 of ACL keyword 'srv_conn' in proxy 'f'."),
        ("srv_conn(zz/s) 1", "unable to find proxy 'zz' referenced in arg 1 of ACL keyword 'srv_conn' in proxy 'f'."),
        (
            "srv_is_up(b/zz)",
            "unable to find server 'zz' in proxy 'b', referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'f'.",
        ),
        (
            "srv_is_up(s)",
            "unable to find server 's' in proxy 'f', referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'f'.",
        ),
    ];
    for (words, expected) in table {
        check(&front(&format!("acl x {words}")), &[&format!("A parsing [c.cfg:8]: {expected}")]);
        check(&front(&format!("use_backend b if {{ {words} }}")), &[&format!("A parsing [c.cfg:8]: {expected}")]);
    }
    check(&front("acl x fe_conn gt 1\n acl x srv_conn(b/s) gt 1"), &[]);
}

#[test]
fn conditions() {
    let parsed = read(&front(
        "acl near src 10.0.0.0/8\n acl TRUE src 1.1.1.1\n \
         use_backend b if near !FALSE or ! { src_port lt 1024 } || TRUE !!LOCALHOST\n use_backend b unless near\n \
         use_backend b",
    ));
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let [first, second, third] = &parsed.tree.proxies[0].rules[..] else { panic!("three rules") };
    let condition = first.condition.as_ref().expect("it has a condition");
    let is_port = |expression: &Expression| matches!(expression.fetch, Fetch::Number(Number::Port(_)));
    let terms: Vec<Vec<(bool, String)>> = condition
        .any_of
        .iter()
        .map(|terms| {
            let show = |operand: &Operand| match operand {
                Operand::Named(name) => name.clone(),
                Operand::Predefined(predefined) => format!("{predefined:?}"),
                Operand::Anonymous(Test::Sample { expression, .. }) if is_port(expression) => "port".to_string(),
                Operand::Anonymous(_) | Operand::Unserved => "other".to_string(),
            };
            terms.iter().map(|term| (term.is_negated, show(&term.operand))).collect()
        })
        .collect();
    let term = |is_negated: bool, name: &str| (is_negated, name.to_string());
    assert_eq!(
        terms,
        [
            vec![term(false, "near"), term(true, "False")],
            vec![term(true, "port")],
            vec![term(false, "TRUE"), term(false, "Localhost")]
        ],
        "an ACL of one's own goes before a predefined one"
    );
    assert!(second.condition.as_ref().is_some_and(|condition| condition.is_unless));
    assert!(third.condition.is_none());
    assert_eq!(Predefined::True, Predefined::True);

    let table = [
        ("if nosuch", "error detected while parsing switching rule : no such ACL : 'nosuch'."),
        ("if TRUE and TRUE", "error detected while parsing switching rule : no such ACL : 'and'."),
        ("if {src 10.0.0.1}", "error detected while parsing switching rule : no such ACL : '{src'."),
        ("if { }", "error detected while parsing switching rule : missing fetch method in ACL expression ''."),
        ("when TRUE", "unexpected keyword 'when' after switching rule, only 'if' and 'unless' are allowed."),
    ];
    for (words, expected) in table {
        check(&front(&format!("use_backend b {words}")), &[&format!("A parsing [c.cfg:8] : {expected}")]);
    }
}

#[test]
fn conditional_blocks() {
    let text = ".if defined(PORT)\nfrontend a\n .if 0\n bind :1\n .elif 1\n bind :2\n .else\n bind :3\n .endif\n.else\n\
                frontend b\n .if nonsense\n .endif\n.endif\n.notice \"hello\"\n.diag x\n";
    let parsed = read(text);
    assert_eq!(parsed.tree.proxies.len(), 1);
    assert_eq!(parsed.tree.proxies[0].binds[0].span.line, 6);
    let shown: Vec<_> = sentences(&parsed).into_iter().filter(|sentence| !sentence.starts_with('W')).collect();
    assert_eq!(shown, ["N parsing [c.cfg:15]: 'hello'.", "D parsing [c.cfg:16]: 'x'."]);

    let table: &[(&str, &[&str])] = &[
        (".else\n", &["A parsing [c.cfg:1]: lone '.else' with no matching '.if'."]),
        (".endif\n", &["A parsing [c.cfg:1]: lone '.endif' with no matching '.if'."]),
        (".if 1\n.else\n.else\n.endif\n", &["A parsing [c.cfg:3]: '.else' after '.else' is not permitted."]),
        (".if 1\n.else\n.elif 1\n.endif\n", &["A parsing [c.cfg:3]: '.elif' after '.else' is not permitted."]),
        (
            ".if 1\n.else x\n",
            &[
                "A parsing [c.cfg:2]: Unexpected argument 'x' for '.else'.",
                "A parsing [c.cfg:2]: non-terminated '.if' block.",
            ],
        ),
        (".foo x\n", &["A parsing [c.cfg:1]: unknown directive '.foo'."]),
        (".alert \"no\"\n", &["A parsing [c.cfg:1]: 'no'."]),
        (
            ".warning a b\n",
            &["A parsing [c.cfg:1]: Unexpected argument 'b' for '.warning'. Use quotes if the message should contain \
               spaces."],
        ),
        (
            ".if 2x\n.endif\n",
            &["A parsing [c.cfg:1]: unexpected character 'x' at the end of conditional expression '2x' in '.if' at \
               position 2:"],
        ),
    ];
    for (text, expected) in table {
        check(text, expected);
    }
}

/// The whole file is read in spite of errors, and each is told once.
#[test]
fn all_problems_are_reported() {
    let text = "global\n maxcon 1\n nbthread x\ndefaults\n timeout client 1h\n foo\nfrontend f\n bind x\n bind :\n \
                default_backend nosuch\nbackend b\n server s 1.1.1.1:1 chek\n";
    check(
        text,
        &[
            "A parsing [c.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
            "A parsing [c.cfg:3] : 'nbthread' passed a missing or unparsable integer value in 'x'",
            "A parsing [c.cfg:6] : unknown keyword 'foo' in 'defaults' section",
            "A parsing [c.cfg:8] : 'bind' : missing port specification in 'x'",
            "A parsing [c.cfg:9] : 'bind' : missing port specification in ':'",
            "A [c.cfg:12] : 'server b/s' : unknown keyword 'chek'; did you mean 'check' maybe ?",
            "A Proxy 'f': unable to find required default_backend: 'nosuch'.",
        ],
    );
}

#[test]
fn several_files_are_one_configuration() {
    let sources = [
        Source::new("a.cfg", "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 1s\n"),
        Source::new("b.cfg", " bind :1\nfrontend f\n bind :1\n default_backend b\n"),
        Source::from_bytes("c.cfg", b"# caf\xe9\nbackend b\r\n\tserver s 127.0.0.1:25\r\n"),
    ];
    let parsed = parse(&sources, &|_: &str| None);
    let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
    assert_eq!(shown, ["A parsing [b.cfg:1]: unknown keyword 'bind' out of section."]);
    assert_eq!(parsed.tree.proxies.len(), 2);
}

#[test]
fn nothing_is_read_and_ignored() {
    let table = [
        (
            front("http-request set-nice 5 if TRUE"),
            "A parsing [c.cfg:8] : 'http-request set-nice' is not supported by Tidegate yet",
        ),
        (
            front("acl x str(a),digest(md5) 1"),
            "A parsing [c.cfg:8] : 'acl fetch str(a),digest(md5)' is not supported by Tidegate yet",
        ),
        (front("acl x fc_rtt 1"), "A parsing [c.cfg:8] : 'acl fetch fc_rtt' is not supported by Tidegate yet"),
        (front("acl x src -m bin 0a"), "A parsing [c.cfg:8] : 'acl src with -m bin' is not supported by Tidegate yet"),
        (front("use_backend b if HTTP_2.0"), "A parsing [c.cfg:8] : 'acl HTTP_2.0' is not supported by Tidegate yet"),
        (
            front("use_backend b if TRUE or"),
            "A parsing [c.cfg:8] : 'condition without a term' is not supported by Tidegate yet",
        ),
        (back("balance rdp-cookie"), "A parsing [c.cfg:10] : 'balance rdp-cookie' is not supported by Tidegate yet"),
        (
            back("option prefer-last-server"),
            "A parsing [c.cfg:10] : 'option prefer-last-server' is not supported by Tidegate yet",
        ),
        (back("log ring@x local0"), "A parsing [c.cfg:10] : 'log ring@' is not supported by Tidegate yet"),
        (
            front("log-format %{+Z}b"),
            "N parsing [c.cfg:8] : 'log format flag +Z' has no effect in Tidegate: flags are '+' or '-' and one of M, Q, X and E",
        ),
        (back("log stdout profile x local0"), "A parsing [c.cfg:10] : 'log profile' is not supported by Tidegate yet"),
        (
            "global\n tune.buffers.limit 16\n".to_string(),
            "N parsing [c.cfg:2] : 'tune.buffers.limit' has no effect in Tidegate: buffers come from pools that need no tuning",
        ),
        (
            "global\n external-check\n".to_string(),
            "A parsing [c.cfg:2] : 'external-check' is not supported by Tidegate yet",
        ),
        (
            "resolvers r\n nameserver a 1.1.1.1:53\n".to_string(),
            "A parsing [c.cfg:1] : 'resolvers' is not supported by Tidegate yet",
        ),
    ];
    for (text, expected) in table {
        let sources = [Source::new("c.cfg", text)];
        let parsed = load(&sources, &|_: &str| None);
        let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
        assert!(shown.contains(&expected.to_string()), "{expected}\n{shown:#?}");
    }
    // What is only switched off needs no support.
    let parsed =
        load(&[Source::new("c.cfg", back("no option http-server-close\n no option checkcache"))], &|_: &str| None);
    assert_eq!(parsed.diagnostics, []);
}

#[test]
fn mail_advice() {
    let text = "defaults\n timeout client 1m\n timeout server 1h\n timeout connect 5s\n\
                frontend imap\n bind :143\n default_backend dovecot\n\
                backend dovecot\n server a 10.0.0.1:143\n server b 10.0.0.2:143 send-proxy-v2\n";
    let parsed = read(text);
    assert!(!parsed.has_warnings(), "advice keeps nothing from starting under -dW");
    check(
        text,
        &[
            "W parsing [c.cfg:2] : 'timeout client' is too short for IMAP: clients wait in IDLE for up to 29 minutes \
             (RFC 2177), and servers may not log them out before 30 (RFC 3501 §5.4).",
            "N parsing [c.cfg:9] : server 'a' will see every IMAP client as coming from this machine.",
        ],
    );
    let http = "defaults\n timeout client 1h\nlisten l\n mode http\n bind :110\n";
    check(http, &["W parsing [c.cfg:5] : proxy 'l' speaks HTTP on a port of POP3."]);
    let hello = format!("{TIMEOUTS}backend b\n option ssl-hello-chk\n server s 10.0.0.1:9993 check ssl\n");
    check(
        &hello,
        &["W parsing [c.cfg:6] : 'option ssl-hello-chk' marks healthy server 's' down: its hello is sent inside TLS."],
    );
}

#[test]
fn times_may_be_reset() {
    let parsed = read("defaults\n timeout tunnel 1h\nbackend a\n timeout tunnel 0\nbackend b\n");
    let tunnels: Vec<_> =
        parsed.tree.proxies.iter().map(|proxy| proxy.settings.timeouts.tunnel.map(|time| time.value)).collect();
    assert_eq!(tunnels, [None, Some(Duration::from_secs(3600))]);
}

/// Lines made of the language's own words reach every reader.
fn plausible() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "from",
        "f",
        "b",
        "bind",
        "server",
        "acl",
        "option",
        "use_backend",
        "default_backend",
        "if",
        "unless",
        "{",
        "}",
        "!",
        "or",
        "||",
        "src",
        "nbsrv(b)",
        "srv_conn(b/s)",
        "-i",
        "-m",
        "ip",
        "--",
        "-f",
        "gt",
        "10:20",
        ":80",
        "127.0.0.1:80",
        "[::1]:80",
        "/x",
        "fd@3",
        "check",
        "inter",
        "5s",
        "weight",
        "300",
        "timeout",
        "client",
        "log",
        "stdout",
        "local0",
        "len",
        "format",
        "balance",
        "random(2)",
        "no",
        "default",
        "tcplog",
        "redispatch",
        "-1",
        "forwardfor",
        "except",
        "10.0.0.0/8",
        "httpchk",
        "capture",
        "request",
        "header",
        "X",
        "maxconn",
        "nbthread",
        "tidegate.io-engine",
        "stats",
        "socket",
        "level",
        "admin",
        "mode",
        "http",
        ".if",
        ".elif",
        ".else",
        ".endif",
        ".alert",
        "1",
        "defined(X)",
        "(",
        "default-server",
        "hash-type",
        "tcp-check",
        "expect",
        "string",
        "source",
        "usesrc",
        "\"",
        "\"$X\"",
        "\"${X[*]}\"",
        "'",
        "\\",
        "#",
        "\n",
        "\n",
        "\n",
        "\n",
        "é",
        "\u{fffd}",
        "\0",
        "\r",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sources = [Source::from_bytes("any", &bytes)];
        load(&sources, &|_: &str| None).report(1, &sources);
    }

    #[test]
    fn any_words_are_read(text in plausible()) {
        let sources = [Source::new("any", text)];
        let parsed = load(&sources, &|name: &str| (name == "X").then(|| "a b".to_string()));
        let report = parsed.report(1, &sources);
        prop_assert_eq!(parsed.has_alerts(), report.contains("Fatal errors found"));
    }
}
