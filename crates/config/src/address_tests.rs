//! Addresses in, addresses or HAProxy's complaint out.

use super::*;
use proptest::prelude::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "P" => Some("10099".to_string()),
        "name" => Some("7".to_string()),
        _ => None,
    }
}

fn show_host(host: &Host) -> String {
    match host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name { name, family } => format!("{name}/{family:?}"),
    }
}

fn show(result: Result<BindAddress, AddressError>) -> String {
    match result {
        Ok(BindAddress::Tcp { host, first, last }) => format!("{} {first}-{last}", show_host(&host)),
        Ok(BindAddress::Unix(path)) => format!("unix {path}"),
        Ok(BindAddress::Abstract(name)) => format!("abstract {name}"),
        Ok(BindAddress::Inherited(number)) => format!("fd {number}"),
        Err(AddressError::Invalid(message)) => message,
        Err(AddressError::Unserved(what)) => format!("unserved {what}"),
    }
}

/// Forms of configuration.txt §4.2 "bind"; complaints as HAProxy 2.6.12 printed them.
#[test]
fn bind_addresses() {
    let table = [
        (":1110", "0.0.0.0 1110-1110"),
        ("*:443", "0.0.0.0 443-443"),
        (":::81", ":: 81-81"),
        ("[::]:81", ":: 81-81"),
        ("[::1]:81", "::1 81-81"),
        ("::1:80", "::1 80-80"),
        ("[1.2.3.4]:80", "1.2.3.4 80-80"),
        ("10.1.2.3:25", "10.1.2.3 25-25"),
        (":1000-1010", "0.0.0.0 1000-1010"),
        (":00080", "0.0.0.0 80-80"),
        ("ipv4@:80", "0.0.0.0 80-80"),
        ("ipv6@:80", ":: 80-80"),
        ("ipv4@localhost:80", "localhost/V4 80-80"),
        ("mail.example.com:25", "mail.example.com/Any 25-25"),
        ("tcp@:80", "0.0.0.0 80-80"),
        ("stream+ipv6@:80", ":: 80-80"),
        ("/run/a.sock", "unix /run/a.sock"),
        ("unix@a.sock", "unix a.sock"),
        ("uxst@/a", "unix /a"),
        ("abns@a", "abstract a"),
        ("fd@3", "fd 3"),
        ("fd@${name}", "fd 7"),
        ("stream+fd@${name}", "fd 7"),
        ("fd@${NOPE-9}", "fd 9"),
        (":${P}", "0.0.0.0 10099-10099"),
        (":$P", "0.0.0.0 10099-10099"),
        (":${P", "0.0.0.0 10099-10099"),
        (":${NOPE-81}", "0.0.0.0 81-81"),
        ("${NOPE}:80", "0.0.0.0 80-80"),
        ("foo", "missing port specification in 'foo'"),
        ("80", "missing port specification in '80'"),
        (":", "missing port specification in ':'"),
        ("*", "missing port specification in '*'"),
        (":::", "missing port specification in ':::'"),
        ("[::1]", "missing port specification in '[::1]'"),
        ("127.0.0.1:", "missing port specification in '127.0.0.1:'"),
        (":99999", "invalid port '99999'"),
        (":0", "invalid port '0'"),
        (":0-5", "invalid port '0'"),
        (":10-", "invalid port ''"),
        (":1-70000", "invalid port '70000'"),
        (":1010-1000", "invalid port range '1010-1000'"),
        (":x", "invalid character 'x' in port number 'x' in ':x'"),
        (":+5", "port offset not permitted here in ':+5'"),
        (":-10", "port offset not permitted here in ':-10'"),
        ("300.1.1.1:80", "invalid address: '300.1.1.1' in '300.1.1.1:80'"),
        ("::1", "invalid address: ':' in '::1'"),
        ("[::1", "invalid address: '[:' in '[::1'"),
        ("-1:80", "invalid address: '-1' in '-1:80'"),
        ("@1:80", "invalid address: '@1' in '@1:80'"),
        ("foo@:80", "invalid address: 'foo@' in 'foo@:80'"),
        ("1.2.3.4:80:90", "invalid address: '1.2.3.4:80' in '1.2.3.4:80:90'"),
        ("ipv6@127.0.0.1:80", "invalid address: '127.0.0.1' in 'ipv6@127.0.0.1:80'"),
        ("ipv4@[::1]:80", "invalid address: '[::1]' in 'ipv4@[::1]:80'"),
        ("fd@x", "file descriptor 'x' is not a valid integer in 'fd@x'"),
        ("fd@", "file descriptor '' is not a valid integer in 'fd@'"),
        ("fd@-1", "file descriptor '-1' is not a valid integer in 'fd@-1'"),
        ("fd@${nosuch}", "file descriptor '' is not a valid integer in 'fd@${nosuch}'"),
        ("", "'' resolves to an empty address (environment variable missing?)"),
        ("$NOPE", "'$NOPE' resolves to an empty address (environment variable missing?)"),
        ("udp@:80", "dgram-type address not acceptable in 'udp@:80'"),
        ("dgram+ipv4@:80", "dgram-type address not acceptable in 'dgram+ipv4@:80'"),
        ("quic4@:80", "unserved quic4@"),
        ("sockpair@4", "unserved sockpair@"),
        // HAProxy reads the digits and drops the rest; a port with a letter in it is a slip worth stopping at.
        (":80a", "invalid character 'a' in port number '80a' in ':80a'"),
    ];
    for (word, expected) in table {
        assert_eq!(show(bind(word, &environment)), expected, "{word}");
    }
    let long = format!("/{}", "x".repeat(120));
    assert_eq!(show(bind(&long, &environment)), format!("socket path '{long}' too long (max 97)"));
}

#[test]
fn server_addresses() {
    let tcp = |host: &str, port| {
        Ok(ServerAddress::Tcp { host: Host::Ip(host.parse().expect("the table holds addresses")), port })
    };
    let invalid = |message: &str| Err(AddressError::Invalid(message.to_string()));
    let table = [
        ("10.41.1.131:110", tcp("10.41.1.131", ServerPort::Fixed(110))),
        ("10.41.1.131", tcp("10.41.1.131", ServerPort::Offset(0))),
        ("10.41.1.131:0", tcp("10.41.1.131", ServerPort::Offset(0))),
        ("10.41.1.131:+10", tcp("10.41.1.131", ServerPort::Offset(10))),
        ("10.41.1.131:-10", tcp("10.41.1.131", ServerPort::Offset(-10))),
        (":80", tcp("0.0.0.0", ServerPort::Fixed(80))),
        ("/tmp/x", Ok(ServerAddress::Unix("/tmp/x".to_string()))),
        ("abns@x", Ok(ServerAddress::Abstract("x".to_string()))),
        ("fd@3", invalid("a file descriptor is not acceptable here in 'fd@3'")),
        ("127.0.0.1:80-90", invalid("port range not permitted here in '127.0.0.1:80-90'")),
        ("127.0.0.1:99999", invalid("invalid port '99999'")),
        ("127.0.0.1:x", invalid("invalid character 'x' in port number 'x' in '127.0.0.1:x'")),
        ("udp@1.1.1.1:25", invalid("dgram-type address not acceptable in 'udp@1.1.1.1:25'")),
    ];
    for (word, expected) in table {
        assert_eq!(server(word, &environment), expected, "{word}");
    }
}

#[test]
fn log_targets() {
    let udp =
        |ip: &str, port| Ok(LogAddress::Udp { host: Host::Ip(ip.parse().expect("the table holds addresses")), port });
    let table = [
        ("127.0.0.1", udp("127.0.0.1", 514)),
        ("127.0.0.1:5140", udp("127.0.0.1", 5140)),
        ("udp@[::1]:514", udp("::1", 514)),
        ("stdout", Ok(LogAddress::Stdout)),
        ("fd@2", Ok(LogAddress::Stderr)),
        ("fd@5", Ok(LogAddress::Descriptor(5))),
        ("/dev/log", Ok(LogAddress::Unix("/dev/log".to_string()))),
        ("ring@x", Err(AddressError::Unserved("ring@"))),
        ("tcp@127.0.0.1:514", Err(AddressError::Unserved("a stream address for logs"))),
        ("127.0.0.1:5-6", Err(AddressError::Invalid("port range not permitted here in '127.0.0.1:5-6'".to_string()))),
    ];
    for (word, expected) in table {
        assert_eq!(log(word, &environment), expected, "{word}");
    }
}

proptest! {
    #[test]
    fn any_word_is_read_or_refused(word in "[a-z0-9:@$*.{}\\[\\]+,é/-]{0,40}") {
        let _ = (bind(&word, &environment), server(&word, &environment));
        let _ = (log(&word, &environment), check(&word, &environment));
    }
}
