//! The section `global`, and the variables that it sets.

use super::{TIMEOUTS, check, front, read, sentences};
use config::{IoEngine, Source, load};

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
