//! `log` and the forms of its lines.

use super::{check, front, read};
use config::{Log, LogAddress};

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
