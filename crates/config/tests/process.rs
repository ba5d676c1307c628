//! The lines of `global` about the process itself. What HAProxy 2.6 says to each wrong one stands beside it.

use config::{CpuMap, Parsed, Source, parse};
use std::time::Duration;

fn read(lines: &str) -> Parsed {
    parse(&[Source::new("g.cfg", format!("global\n{lines}\n"))], &|_: &str| None)
}

#[test]
fn what_the_process_is_told() {
    let parsed = read(
        "chroot /var/lib/x\n user u\n gid 7\n ulimit-n 100\n fd-hard-limit 90\n no strict-limits\n set-dumpable\n\
         hard-stop-after 5s\n grace 500\n node n-1.x_2\n pidfile /run/p\n daemon",
    );
    assert_eq!(parsed.diagnostics, []);
    let global = &parsed.tree.global;
    assert_eq!(global.user.as_ref().map(|user| user.as_str()), Some("u"));
    let numbers = [global.gid, global.ulimit_n, global.fd_hard_limit].map(|number| number.map(|number| number.value));
    assert_eq!(numbers, [Some(7), Some(100), Some(90)]);
    assert!(global.takes_less && global.is_dumpable && global.daemon.is_some());
    let times = [global.hard_stop_after, global.grace].map(|time| time.map(|time| time.value));
    assert_eq!(times, [Some(Duration::from_secs(5)), Some(Duration::from_millis(500))]);
    assert_eq!(global.node.as_ref().map(|node| node.as_str()), Some("n-1.x_2"));
}

#[test]
fn what_was_said_first_stays() {
    for (lines, expected) in [
        ("user a\nuid 12", "user/uid already specified. Continuing."),
        ("gid 4\ngroup b", "group/gid already specified. Continuing."),
        ("pidfile a\npidfile b", "'pidfile' already specified. Continuing."),
        ("chroot a\nchroot b", "'chroot' already specified. Continuing."),
    ] {
        let parsed = read(lines);
        let said: Vec<&str> = parsed.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(said, [expected], "{lines}");
    }
    let global = read("pidfile a\npidfile b").tree.global;
    assert_eq!(global.pidfile.as_ref().map(|path| path.as_str()), Some("a"));
}

#[test]
fn slips() {
    for (line, expected) in [
        ("hard-stop-after", "'hard-stop-after' expects <time> as argument."),
        ("hard-stop-after 1x", "unexpected character 'x' in argument to <hard-stop-after>."),
        ("grace x", "unexpected character 'x' in argument to <grace>."),
        ("ulimit-n", "'ulimit-n' expects an integer argument."),
        ("pidfile", "'pidfile' expects a file name as an argument."),
        ("chroot", "'chroot' expects a directory as an argument."),
        ("user haproxy extra", "'user' cannot handle unexpected argument 'extra'."),
        ("daemon x", "'daemon' cannot handle unexpected argument 'x'."),
        ("set-dumpable x", "'set-dumpable' cannot handle unexpected argument 'x'."),
        ("master-worker foo", "'master-worker' only supports 'no-exit-on-failure' option."),
        ("node a b", "'node' cannot handle unexpected argument 'b'."),
        ("cpu-map foo 0", "cpu-map : 'foo' is not a valid number/range."),
        ("cpu-map 1 foo", "cpu-map : 'foo' is not a CPU range."),
        (
            "cpu-map auto:1/1-4 0-1",
            "cpu-map : PROC/THREAD range and CPU sets must have the same size to be automatically bound",
        ),
    ] {
        let parsed = read(line);
        let said: Vec<&str> = parsed.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(said, [expected], "{line}");
    }
    let bad_node = &read("node foo!").diagnostics[0];
    assert!(bad_node.message.starts_with("'node' requires valid node name - non-empty string"));
}

#[test]
fn cpu_maps() {
    let map = |line: &str| {
        let parsed = read(&format!("cpu-map {line}"));
        assert_eq!(parsed.diagnostics, [], "{line}");
        parsed.tree.global.cpu_maps.into_iter().next().expect("a map")
    };
    let fixed = |threads: &[u16], cpus: &[u16]| CpuMap { is_auto: false, threads: threads.into(), cpus: cpus.into() };
    let all: Vec<u16> = (1..=64).collect();
    assert_eq!(map("1 0-3"), fixed(&all, &[0, 1, 2, 3]));
    assert_eq!(map("all/1-2 0,4-5 9"), fixed(&[1, 2], &[0, 4, 5, 9]));
    assert_eq!(map("1/odd 0").threads[..3], [1, 3, 5]);
    assert_eq!(map("1/63- 0").threads, [63, 64]);
    assert_eq!(map("auto:1/1-2 6-7"), CpuMap { is_auto: true, threads: vec![1, 2], cpus: vec![6, 7] });
    // A CPU for each of two groups, of which there is the first.
    assert_eq!(map("auto:1-2 0-1"), fixed(&all, &[0]));
    assert_eq!(map("2 0-1"), fixed(&[], &[0, 1]));
}
