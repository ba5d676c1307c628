//! Where listeners are, whose their paths are, where connections to servers come from, and what numbers all of them have.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use e2e::{Admin, Client, Origin, Proxy, Setup, Subject, process, wait};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [
        connections_come_from_where_the_file_says,
        a_source_that_is_not_ours_reaches_nobody,
        paths_belong_to_whom_the_file_says,
        numbers_are_those_of_the_file,
        servers_by_a_template,
        servers_whose_names_are_unknown,
        servers_that_were_somewhere_before,
        an_inherited_listener_serves,
    ],
    alone: [],
}

const HEAD: &str = "
    global
        nbthread @threads@
        @global@
    defaults
        mode tcp
        timeout connect 2s
        timeout client 30s
        timeout server 30s
";

fn setup(subject: Subject, global: &str, lines: &str) -> Setup {
    Setup::new(subject, &format!("{}\n{lines}", HEAD.replace("@global@", global)))
}

/// `configuration.txt: source`, of a section and of a server; checks take the same way.
fn connections_come_from_where_the_file_says(subject: Subject) {
    let lines = "
    listen px
        bind @px@
        source 127.0.0.7
        server s1 @s1@
    listen other
        bind @other@
        source 127.0.0.7
        server s2 @s2@ source 127.0.0.8 check inter 100ms
    listen plain
        bind @plain@
        source 0.0.0.0
        server s3 @s3@";
    let origins = [Origin::named("s1"), Origin::named("s2"), Origin::named("s3")];
    let mut setup = setup(subject, "", lines);
    for (origin, name) in origins.iter().zip(["s1", "s2", "s3"]) {
        setup = setup.with(name, origin.target());
    }
    let proxy = setup.start();
    for (name, server) in [("px", "s1"), ("other", "s2"), ("plain", "s3")] {
        assert_eq!(proxy.connect(name).line(), server);
    }
    let expect = ["127.0.0.7", "127.0.0.8", "127.0.0.1"];
    for (origin, expect) in origins.iter().zip(expect) {
        origin.seen_when(0, "a connection", |seen| seen.from.is_some());
        for seen in origin.seen() {
            assert_eq!(seen.from.map(|from| from.ip()), expect.parse().ok(), "a client or a check");
        }
    }
}

/// A documentation address (RFC 5737) that no machine has.
fn a_source_that_is_not_ours_reaches_nobody(subject: Subject) {
    let origin = Origin::named("s1");
    let lines = "listen px\n bind @px@\n retries 0\n source 192.0.2.1\n server s1 @s1@";
    let proxy = setup(subject, "", lines).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    client.say("hello\n");
    assert_eq!(client.to_end().0, b"");
    assert!(origin.seen().is_empty());
}

/// The first line that a server says behind a path.
fn line_at(path: &Path) -> String {
    let stream = wait::value("the unix socket", wait::SOON, || UnixStream::connect(path).ok());
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a server that speaks first");
    line.trim_end().to_owned()
}

/// `configuration.txt: unix-bind`, and what a line says itself. Whom this process may give its files to is itself, or anybody.
fn paths_belong_to_whom_the_file_says(subject: Subject) {
    let directory = TempDir::new().expect("a temporary directory");
    let own = std::fs::metadata(directory.path()).expect("it is there");
    let gid = if own.uid() == 0 { 12 } else { own.gid() };
    let global = format!("unix-bind prefix {}/p mode 640 gid {gid}", directory.path().display());
    let lines = "listen px\n bind unix@at@one,unix@at@two mode 602\n bind unix@at@three uid @uid@\n server s1 @s1@";
    let origin = Origin::named("s1");
    let setup = setup(subject, &global, lines).with("at", "@").with("uid", own.uid()).with("s1", origin.target());
    let _proxy = setup.start();
    for (name, mode) in [("pone", 0o602), ("ptwo", 0o602), ("pthree", 0o640)] {
        let path = directory.path().join(name);
        assert_eq!(line_at(&path), "s1");
        let found = std::fs::metadata(&path).expect("it is there");
        assert_eq!((found.permissions().mode() & 0o7777, found.gid(), found.uid()), (mode, gid, own.uid()), "{name}");
    }
}

/// `name iid sid` of every row.
fn numbers(admin: &Admin, arguments: &str) -> Vec<String> {
    let number = |row: &e2e::Row, column: &str| row.get(column).cloned().unwrap_or_default();
    let shown = |row: &e2e::Row| format!("{} {} {}", row["svname"], number(row, "iid"), number(row, "sid"));
    admin.stat(arguments).iter().map(shown).collect()
}

/// `configuration.txt: id`. What has none takes the next number that is free.
fn numbers_are_those_of_the_file(subject: Subject) {
    let lines = "
    listen a
        id 3
        bind @a@
        server s1 @s1@
        server s2 @s1@ id 5
        server s3 @s1@
        server s4 @s1@ id 3
        server s5 @s1@
    listen b
        bind @b@ id 4
        server t1 @s1@
    listen c
        id 2
        bind @c@
    listen d
        bind @d@";
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let global = format!("stats socket {}", admin.path().display());
    let _proxy = setup(subject, &global, lines).with("s1", origin.target()).start();
    let a = ["FRONTEND 3 0", "s1 3 1", "s2 3 5", "s3 3 4", "s4 3 3", "s5 3 6", "BACKEND 3 0"];
    let others =
        ["FRONTEND 4 0", "t1 4 1", "BACKEND 4 0", "FRONTEND 2 0", "BACKEND 2 0", "FRONTEND 6 0", "BACKEND 6 0"];
    assert_eq!(numbers(&admin, ""), [&a[..], &others[..]].concat());
    assert_eq!(numbers(&admin, "3 4 4"), ["s3 3 4"]);
    let states = admin.ask("show servers state a");
    let forced = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        [fields[0], fields[2], fields[15], fields[16]].join(" ")
    };
    let forced: Vec<String> = states.lines().skip(2).filter(|line| !line.is_empty()).map(forced).collect();
    assert_eq!(forced, ["3 1 1 0", "3 5 1 1", "3 4 1 0", "3 3 1 1", "3 6 1 0"]);
}

/// `configuration.txt: server-template`
fn servers_by_a_template(subject: Subject) {
    let lines = "
    listen px
        bind @px@
        balance roundrobin
        default-server maxconn 7
        server-template mail 3-4 @s1@ weight 3
        server-template u 2 @s1@ id 9";
    let (admin, origin) = (Admin::new(), Origin::named("s1"));
    let global = format!("stats socket {}", admin.path().display());
    let proxy = setup(subject, &global, lines).with("s1", origin.target()).start();
    assert_eq!(numbers(&admin, "-1 4 -1"), ["mail3 2 1", "mail4 2 2", "u1 2 9", "u2 2 4"]);
    let row = admin.row("px", "mail4");
    assert_eq!((row["weight"].as_str(), row["slim"].as_str()), ("3", "7"));
    (0..8).for_each(|_| assert_eq!(proxy.connect("px").line(), "s1"));
    for (name, picked) in [("mail3", "3"), ("mail4", "3"), ("u1", "1"), ("u2", "1")] {
        assert_eq!(admin.wait_for("px", name, "lbtot", picked)["svname"], name);
    }
}

/// `fd@${name}`: a socket that listens before the subject is there.
fn inherited(subject: Subject, listener: &TcpListener, origin: &Origin) -> Proxy {
    // A copy that its programs inherit: what Rust opens is closed at exec.
    let copy = nix::unistd::dup(listener).expect("no limit is near");
    let setup = setup(subject, "", "listen px\n bind @px@\n server s1 @s1@").with("s1", origin.target());
    let proxy = setup.with("px", "\"fd@${PX}\"").environment("PX", &copy.as_raw_fd().to_string()).start();
    drop(copy);
    proxy
}

fn an_inherited_listener_serves(subject: Subject) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, origin) = (listener.local_addr().expect("bound"), Origin::named("s1"));
    let _proxy = inherited(subject, &listener, &origin);
    drop(listener);
    (0..20).for_each(|_| assert_eq!(Client::to(address).line(), "s1"));
}

/// How often each shard's file table has the socket of this name.
fn copies(proxy: &Proxy, name: &str) -> Vec<usize> {
    let files = process::open_files(proxy.pid());
    let shards = files.iter().filter(|files| files.thread.starts_with("tidegate/"));
    shards.map(|files| files.files.iter().filter(|(_, file)| file == name).count()).collect()
}

/// The kernel shows in whose file tables a socket is.
#[test]
fn every_shard_accepts_from_an_inherited_listener() {
    let _turn = e2e::run::turn(e2e::run::Machine::Shared);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let origin = Origin::named("s1");
    let socket = std::fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).expect("open");
    let proxy = inherited(Subject::Tidegate, &listener, &origin);
    let socket = socket.to_str().expect("plain");
    // What it was given, and the copy that it listens with.
    wait::until("both shards to listen", wait::SOON, || copies(&proxy, socket) == [2, 2]);
    let clients: Vec<Client> = (0..20).map(|_| Client::to(listener.local_addr().expect("bound"))).collect();
    clients.into_iter().for_each(|mut client| assert_eq!(client.line(), "s1"));
}

/// A path cannot be bound twice, so the shards share the one socket.
#[test]
fn every_shard_accepts_from_a_path() {
    let _turn = e2e::run::turn(e2e::run::Machine::Shared);
    let (directory, origin) = (TempDir::new().expect("a temporary directory"), Origin::named("s1"));
    let path = directory.path().join("px");
    let setup = setup(Subject::Tidegate, "", "listen px\n bind @px@\n server s1 @s1@").with("s1", origin.target());
    let proxy = setup.with("px", path.display()).with("threads", 4).start();
    assert_eq!(line_at(&path), "s1");
    let name = path.to_str().expect("plain");
    let table = std::fs::read_to_string("/proc/net/unix").expect("proc is mounted");
    // proc(5): the inode stands before the path.
    let listening = table.lines().find(|line| line.ends_with(name) && line.contains(" 00010000 "));
    let inode = listening.and_then(|line| line.split_ascii_whitespace().nth(6)).expect("it listens");
    assert_eq!(copies(&proxy, &format!("socket:[{inode}]")), [1; 4]);
    proxy.reload();
    assert_eq!(line_at(&path), "s1");
}

/// A label of 64 characters: the system's resolver knows at once that nobody has such a name (RFC 1035 §2.3.4).
fn nobody() -> String {
    "x".repeat(64)
}

/// Name, status and address of the servers of `px`.
fn places(admin: &Admin) -> Vec<String> {
    let rows = admin.stat("").into_iter().filter(|row| row["pxname"] == "px" && row["svname"].starts_with('s'));
    let addr = |row: &e2e::Row| row.get("addr").cloned().unwrap_or_default();
    rows.map(|row| format!("{} {} {}", row["svname"], row["status"], addr(&row))).collect()
}

/// `configuration.txt: init-addr`; the states are those of HAProxy 2.6.
fn servers_whose_names_are_unknown(subject: Subject) {
    let lines = "
    listen px
        bind @px@
        server s1 @nobody@:25 init-addr none
        server s2 @nobody@:25 check inter 60s init-addr last,libc,none
        server s3 @nobody@:25 init-addr libc,192.0.2.3
        server s4 @nobody@:25 init-addr 192.0.2.4
        server s5 127.0.0.1:25 init-addr none
        server s6 localhost:25 init-addr none
        server s7 localhost:25 init-addr libc,none
        server s8 @nobody@:25 disabled init-addr none
        server s9 @nobody@:25 track s2 init-addr none
    listen py
        bind @py@
        default-server init-addr last,none
        server s @nobody@:25";
    let admin = Admin::new();
    let global = format!("stats socket {} level admin", admin.path().display());
    let proxy = setup(subject, &global, lines).with("nobody", nobody()).start();
    let expect = [
        "s1 MAINT (resolution) ",
        "s2 MAINT (resolution) ",
        "s3 no check 192.0.2.3:25",
        "s4 no check 192.0.2.4:25",
        "s5 no check 127.0.0.1:25",
        "s6 MAINT (resolution) ",
        "s7 no check 127.0.0.1:25",
        "s8 MAINT (resolution) ",
        "s9 MAINT (resolution) ",
    ];
    assert_eq!(places(&admin), expect);
    let state = |name: &str| {
        let answer = admin.ask("show servers state px");
        let found =
            answer.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words.get(3) == Some(&name));
        found.map(|words| [4, 5, 6, 18].map(|index| words[index].to_owned())).expect("a server")
    };
    // Address, operational and administrative state, port.
    assert_eq!(state("s1"), ["-", "0", "32", "25"]);
    assert_eq!(state("s8"), ["-", "0", "37", "25"]);
    assert_eq!(state("s9"), ["-", "0", "34", "25"]);
    // Wishes do not give it an address.
    assert_eq!(admin.ask("set server px/s1 state ready"), "\n");
    assert_eq!(state("s1"), ["-", "0", "32", "25"]);
    let mut client = proxy.connect("py");
    client.say("hello\n");
    assert_eq!(client.to_end().0, b"", "there is no server");
}

/// `configuration.txt: init-addr`, `last`: the address in a file of server states.
fn servers_that_were_somewhere_before(subject: Subject) {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("states");
    let state = |number: u32, addr: &str| {
        format!("2 px {number} s{number} {addr} 2 0 1 1 9 1 0 2 0 0 0 0 {} 25 - 0 0 - - 0\n", nobody())
    };
    let states: String =
        [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "192.0.2.3"), (4, "-"), (5, "192.0.2.5"), (6, "192.0.2.6")]
            .map(|(number, addr)| state(number, addr))
            .concat();
    std::fs::write(&file, format!("1\n# be_id be_name srv_id srv_name srv_addr\n{states}")).expect("room");
    let lines = "
    listen px
        id 2
        bind @px@
        load-server-state-from-file global
        server s1 @nobody@:25 init-addr last,none
        server s2 @nobody@:25
        server s3 @nobody@:25 init-addr none,last
        server s4 @nobody@:25 init-addr last,192.0.2.44
        server s5 @nobody@:25 init-addr libc,last,none
        server s6 127.0.0.1:25";
    let admin = Admin::new();
    let global = format!("stats socket {} level admin\nserver-state-file {}", admin.path().display(), file.display());
    let _proxy = setup(subject, &global, lines).with("nobody", nobody()).start();
    let expect = [
        "s1 no check 192.0.2.1:25",
        "s2 no check 192.0.2.2:25",
        "s3 MAINT (resolution) ",
        "s4 no check 192.0.2.44:25",
        "s5 no check 192.0.2.5:25",
        "s6 no check 127.0.0.1:25",
    ];
    assert_eq!(places(&admin), expect);
}

/// HAProxy 2.6 lets a server without an address out of maintenance and refuses the address.
#[test]
fn a_server_is_told_where_it_is() {
    let lines = "
    listen px
        bind @px@
        server s1 @nobody@:25 init-addr none
        server s2 @nobody@:25 init-addr none";
    let (admin, origin) = (Admin::new(), Origin::named("origin"));
    let global = format!("stats socket {} level admin", admin.path().display());
    let proxy = setup(Subject::Tidegate, &global, lines).with("nobody", nobody()).start();
    let (ip, port) = (origin.address().ip(), origin.address().port());
    let answer = admin.ask(&format!("set server px/s1 addr {ip} port {port}"));
    assert_eq!(
        answer,
        format!("IP changed from '(none)' to '{ip}', port changed from '25' to '{port}' by 'stats socket command'\n\n")
    );
    assert_eq!(places(&admin), [format!("s1 no check {ip}:{port}"), "s2 MAINT (resolution) ".to_owned()]);
    assert_eq!(proxy.connect("px").line(), "origin");
    assert_eq!(admin.ask("set server px/s1 state maint"), "\n");
    assert_eq!(places(&admin)[0], format!("s1 MAINT {ip}:{port}"));
    assert_eq!(admin.ask("set server px/s2 addr 192.0.2.2"), {
        "IP changed from '(none)' to '192.0.2.2' by 'stats socket command'\n\n"
    });
    assert_eq!(places(&admin)[1], "s2 no check 192.0.2.2:25");
    assert_eq!(admin.ask("set server px/s1 state ready; disable server px/s2"), "\n\n");
    assert_eq!(proxy.connect("px").line(), "origin");
}
