//! What operators have beyond HAProxy: what is in force and what the files say, what would become of a connection, what reloads
//! changed, servers that are left slowly. And what both take over from the process before: the states of servers, from a file.

use std::fs;
use std::time::{Duration, Instant};

use e2e::admin::Admin;
use e2e::{Client, Origin, Proxy, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        server_states_from_a_file,
        files_of_server_states_that_cannot_be_read,
        messages_that_cannot_be_read,
    ],
    alone: [],
}

const FARM: &str = "
    global
        nbthread @threads@
        stats socket @socket@ level admin
        @global@
    defaults
        mode tcp
        timeout connect 1s
        timeout client 60s
        timeout server 60s
    listen px
        bind @px@
        @rest@
";

fn setup(subject: Subject, admin: &Admin, global: &str, rest: &str) -> Setup {
    let template = FARM.replace("@global@", global).replace("@rest@", rest);
    Setup::new(subject, &template).with("socket", admin.path().display())
}

/// All of them the same one, which answers its checks.
const SERVERS: &str = "load-server-state-from-file global
        default-server inter 60s
        server s1 @s1@ weight 10
        server s2 @s1@ check weight 3 disabled
        server s3 @s1@ check
        server s4 @s1@ check
        server s5 @s1@ weight 5
        server s6 @s1@ check";

/// The fields of a state that a file brings back: name, operational and administrative state, both weights.
fn states(admin: &Admin) -> Vec<String> {
    let answer = admin.ask("show servers state");
    let fields = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        format!("{} {} {} {} {}", fields[3], fields[5], fields[6], fields[7], fields[8])
    };
    answer.lines().skip(2).filter(|line| !line.is_empty()).map(fields).collect()
}

fn server_states_from_a_file(subject: Subject) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("states");
    let global = format!("server-state-file {}", file.display());
    let (first, origin) = (Admin::new(), Origin::named("s1"));
    let proxy = setup(subject, &first, "", SERVERS).with("s1", origin.target()).start();
    for command in [
        "set weight px/s1 7",
        "set server px/s2 state ready",
        "set server px/s3 state drain",
        "set server px/s4 state maint",
        "disable health px/s6",
        "set server px/s6 health down",
    ] {
        first.ask(command);
    }
    let before = states(&first);
    fs::write(&file, first.ask("show servers state")).expect("room for a file");
    drop(proxy);

    let second = Admin::new();
    // Another weight is obeyed.
    let changed = SERVERS.replace("weight 5", "weight 6");
    let _proxy = setup(subject, &second, &global, &changed).with("s1", origin.target()).start();
    let after = states(&second);
    assert_eq!(before[..4], ["s1 2 0 7 10", "s2 2 4 3 3", "s3 2 8 1 1", "s4 0 1 1 1"]);
    assert_eq!(after[..4], before[..4]);
    assert_eq!(after[4..], ["s5 2 0 6 6", "s6 0 0 1 1"]);
    assert!(second.row("px", "s6")["status"].starts_with("DOWN"), "a check alone does not bring it up");
}

fn files_of_server_states_that_cannot_be_read(subject: Subject) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("global"), "1\n# x\n2 px 1 s1 127.0.0.1 9 0 7\n").expect("room for a file");
    fs::write(path("px"), "2\n").expect("room for a file");
    let global = format!("server-state-base {}\n server-state-file global", directory.path().display());
    let admin = Admin::new();
    let rest = "load-server-state-from-file local
        server s1 127.0.0.1:9
        backend other
        load-server-state-from-file global
        server s1 127.0.0.1:9
        backend third
        load-server-state-from-file local
        server-state-file-name none
        server s1 127.0.0.1:9";
    let proxy = setup(subject, &admin, &global, rest).start();
    let told = proxy.stderr();
    for (name, message) in [
        ("global", "config : config: corrupted global server state file '@' at line 3."),
        ("px", "config : Proxy 'px': Can't get version of the server state file '@'."),
        ("none", "config : Proxy 'third': Can't open server state file '@': No such file or directory."),
    ] {
        // HAProxy 2.6 counts lines from behind the version.
        let message = match subject {
            Subject::Haproxy => message.replace("line 3", "line 2"),
            Subject::Tidegate => message.to_owned(),
        };
        let message = message.replace('@', &path(name).display().to_string());
        assert!(told.contains(&message), "{message}: {told}");
    }
    assert_eq!(states(&admin).len(), 3, "it runs all the same");
}

fn relay(admin: &Admin, origin: &Origin, rest: &str) -> Proxy {
    setup(Subject::Tidegate, admin, "", rest).with("s1", origin.target()).reloadable().start()
}

#[test]
fn what_is_in_force() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let mut proxy = relay(&admin, &origin, "server s1 @s1@ weight 7");
    let shown = admin.ask("show config");
    assert!(shown.starts_with("# ") && shown.contains("weight 7"), "{shown}");
    assert_eq!(admin.ask("show config diff"), "\n");
    proxy.rewrite(&FARM.replace("@global@", "").replace("@rest@", "server s1 @s1@ weight 8"));
    let diff = admin.ask("show config diff");
    let lines: Vec<&str> = diff.lines().map(str::trim_end).collect();
    let changed = |sign: char| lines.iter().filter(|line| line.starts_with(sign)).count();
    assert!(changed('-') == 2 && changed('+') == 2 && diff.contains("weight 8"), "{diff}");
    proxy.reload();
    wait::until("the file to be in force", wait::SOON, || admin.ask("show config diff") == "\n");
    assert!(admin.ask("show config").contains("weight 8"));
}

#[test]
fn what_reloads_changed() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let mut proxy = relay(&admin, &origin, "server s1 @s1@");
    assert_eq!(admin.ask("show reloads"), "# time generation took result\n\n");
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    proxy.rewrite(&FARM.replace("@global@", "").replace("@rest@", "server s1 @s1@ weight 9\n server s2 @s1@"));
    proxy.reload();
    wait::until("the reload to be over", wait::SOON, || admin.ask("show reloads").contains(" taken\n"));
    proxy.overwrite("what is this\n");
    proxy.reload();
    wait::until("the second to be over", wait::SOON, || admin.ask("show reloads").contains("refused"));
    let shown = admin.ask("show reloads");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines[2..7],
        [
            "  listeners: 1 kept",
            "  frontends: 1 kept",
            "  backends: 1 kept",
            "  servers: 1 kept, 1 new (px/s2), 1 changed (px/s1)",
            "  sessions: 1 went on",
        ],
        "{shown}"
    );
    assert!(lines[7].ends_with("refused: it has errors"), "{shown}");
    assert_eq!(client.ask("still"), "still");
}

#[test]
fn what_would_become_of_a_connection() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let rest = "tcp-request inspect-delay 1s
        acl tls req.ssl_sni -m end .example
        tcp-request content reject if tls { src 192.0.2.0/24 }
        server s1 @s1@ maxconn 1";
    let proxy = relay(&admin, &origin, rest);
    let dst = proxy.address("px");
    let explain = |words: &str| admin.ask(&format!("explain dst={dst} {words}"));
    let free = explain("src=127.0.0.1");
    assert!(free.contains("frontend: px listens at") && free.contains("server:   s1, "), "{free}");
    let rejected = explain("src=192.0.2.9 sni=mail.example");
    assert!(rejected.contains("tcp-request content: reject, by rule 1 (if tls { })"), "{rejected}");
    let mut held = proxy.connect("px");
    assert_eq!(held.line(), "s1");
    let full = explain("src=127.0.0.1");
    assert!(full.contains("none has a place; it would wait behind 0 others for at most 1000 ms"), "{full}");
    assert_eq!(admin.row("px", "s1")["stot"], "1", "it took nothing");
    assert!(admin.ask("explain src=127.0.0.1").starts_with("usage: explain "));
}

/// Twenty sessions at ten per second: half of them are gone after one second.
#[test]
fn a_server_is_left_slowly() {
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let proxy =
        setup(Subject::Tidegate, &admin, "", "server s1 @s1@").with("s1", origin.target()).with("threads", 4).start();
    let mut clients: Vec<Client> = (0..20).map(|_| proxy.connect("px")).collect();
    clients.iter_mut().for_each(|client| drop(client.line()));
    let begun = Instant::now();
    assert!(admin.ask("set server px/s1 state drain pace slowly").starts_with("'pace' expects"));
    assert_eq!(admin.ask("set server px/s1 state drain pace 10/s"), "\n");
    let on_it = || admin.row("px", "s1")["scur"].parse::<usize>().expect("a number");
    wait::until("half of them to have left", Duration::from_secs(10), || {
        let (left, after) = (on_it(), begun.elapsed());
        assert!(20 - left <= 1 + after.as_millis() as usize / 100, "{left} left after {after:?}");
        left <= 10
    });
    assert_eq!(admin.row("px", "s1")["status"], "DRAIN");
    assert_eq!(admin.ask("set server px/s1 state ready"), "\n");
    let stays = on_it();
    wait::throughout("nobody else to leave", Duration::from_millis(500), || on_it() == stays);
    admin.ask("set server px/s1 state drain pace 50/s");
    wait::until("all to have left", Duration::from_secs(10), || on_it() == 0);
}

/// `management.txt: show errors`: the last of each section, as HAProxy 2.6.12 shows them, but for what it says of its own insides.
fn messages_that_cannot_be_read(subject: Subject) {
    let template = "
    global
        stats socket @socket@ level admin
    frontend fe
        bind @fe@
        default_backend be
    frontend quiet
        bind @quiet@
        default_backend be
    backend be
        server s @s@
";
    let admin = Admin::new();
    let origin = Origin::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nBad Header: x\r\n\r\nabc");
    let setup = Setup::sections(subject, "mode http", template)
        .with("socket", admin.path().display())
        .with("s", origin.target());
    let proxy = setup.start();
    let say = |bytes: &[u8]| {
        let mut client = proxy.connect("fe");
        client.say(bytes);
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    };
    let alphabet = "abcdefghijklmnopqrstuvwxyz";
    let content = format!("{alphabet}{alphabet}{alphabet}{alphabet}0123456789");
    let head = b"GET /bad path\x01\xff\\ HTTP/1.1\r\nHost: x\r\nX: \ty\r\n\r\n";
    assert!(say(&[&head[..], content.as_bytes()].concat()).starts_with("HTTP/1.1 400 "));
    assert!(say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 502 "));
    let request = "[DATE] frontend fe (#2): invalid request
  backend <NONE> (#-1), server <NONE> (#-1), event #0, src CLIENT
  len 159, error at position 9
  00000  GET /bad path\\x01\\xFF\\\\ HTTP/1.1\\r\\n
  00027  Host: x\\r\\n
  00036  X: \\ty\\r\\n
  00043  \\r\\n
  00045  abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr
  00115+ stuvwxyzabcdefghijklmnopqrstuvwxyz0123456789
";
    let response = "[DATE] backend be (#4): invalid response
  frontend fe (#2), server s (#1), event #1, src CLIENT
  len 56, error at position 39
  00000  HTTP/1.1 200 OK\\r\\n
  00017  Content-Length: 3\\r\\n
  00036  Bad Header: x\\r\\n
  00051  \\r\\n
  00053  abc
";
    wait::until("both to be counted", wait::SOON, || {
        admin.row("fe", "FRONTEND")["ereq"] == "1" && admin.row("be", "BACKEND")["eresp"] == "1"
    });
    for (arguments, shown) in [
        ("", &[request, response][..]),
        ("-1 request", &[request]),
        ("fe", &[request, response]),
        ("2 response", &[response]),
        ("be", &[response]),
        ("quiet", &[]),
        ("99", &[]),
    ] {
        let expected = format!("Total events captured on [DATE] : 2\n{}", shown.concat());
        assert_eq!(errors(&admin.ask(&format!("show errors {arguments}"))), expected, "show errors {arguments}");
    }
    assert_eq!(admin.ask("show errors nobody"), "No such proxy.\n\n");
}

/// Without dates, clients' addresses, and what only one of the subjects says.
fn errors(answer: &str) -> String {
    let mut text = String::new();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        let line = match (line.split_once('['), line.split_once(']')) {
            (Some((before, _)), Some((_, behind))) if !line.starts_with("  ") => format!("{before}[DATE]{behind}"),
            (_, _) => line.to_owned(),
        };
        let line = match line.split_once(", src ") {
            Some((before, _)) => format!("{before}, src CLIENT"),
            None => line,
        };
        let line = match (line.find("  len "), line.find(", wraps at "), line.find(", error at ")) {
            (Some(0), Some(wraps), Some(error)) => format!("{}{}", &line[..wraps], &line[error..]),
            (_, _, _) => line,
        };
        let is_dump = line.get(2..7).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if is_dump || !line.starts_with("  ") || line.contains(", src ") || line.contains("error at position") {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}
