//! The admin socket: what it counts, what it answers, whom it lets do what, and that no client of it harms anybody.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use e2e::admin::{self, Admin, Row};
use e2e::ports::Reservation;
use e2e::{Client, Origin, Proxy, Refusing, Setup, Subject, needs, process, wait};

e2e::scenarios! {
    shared: [
        a_session_is_counted,
        a_refused_session_is_counted,
        most_at_once,
        aborts_are_counted,
        clearing_counters,
        levels,
        lists_prompts_and_payloads,
        answers_of_a_tool,
        filters_of_show_stat,
        no_more_clients_than_allowed,
        a_reload_keeps_socket_and_listeners,
        weights,
        server_states,
        health_by_hand,
        addresses,
        answers_about_servers,
        limits_of_servers,
        sessions_of_a_server_are_ended,
        sessions_are_shown_and_ended,
        what_went_wrong_and_what_went_on,
        listeners_are_counted_one_by_one,
        sockets_of_every_kind,
    ],
    alone: [
        clients_that_misbehave_harm_nobody,
    ],
}

/// A frontend, a server that is there, one that refuses and is checked, one that is disabled.
const FARM: &str = "
    global
        nbthread @threads@
        stats socket @socket@ level admin
        maxconn 200
    defaults
        mode tcp
        timeout connect 1s
        timeout client 10s
        timeout server 10s
    frontend fe
        bind @fe@
        default_backend be
    frontend refused
        bind @refused@
        default_backend dead
    listen ls
        bind @ls@
        balance roundrobin
        server l1 @s1@ weight 10
        server l2 @dead@ backup disabled weight 7
    backend be
        balance roundrobin
        server s1 @s1@
        server s2 @dead@ check inter 200ms fall 1 disabled
    backend dead
        balance roundrobin
        retries 2
        timeout connect 50ms
        server d1 @dead@
";

struct Rig {
    admin: Admin,
    proxy: Proxy,
    origin: Origin,
    _dead: Refusing,
}

impl Rig {
    fn start(subject: Subject) -> Rig {
        Rig::with(subject, FARM)
    }

    fn with(subject: Subject, template: &str) -> Rig {
        let (admin, origin, dead) = (Admin::new(), Origin::echo(), Refusing::new());
        let proxy = Setup::new(subject, template)
            .with("socket", admin.path().display())
            .with("s1", origin.target())
            .with("dead", dead.target())
            .reloadable()
            .start();
        Rig { admin, proxy, origin, _dead: dead }
    }

    /// A client that has said a word, been answered and left.
    fn visit(&self, listener: &str) {
        let mut client = self.proxy.connect(listener);
        client.ask("hello");
        client.finish();
        client.to_end();
    }
}

/// The columns of `row` that are named, as `name=value` in that order.
fn shown(row: &Row, columns: &str) -> String {
    let cell = |name: &str| format!("{name}={}", row.get(name).map_or("", String::as_str));
    columns.split(' ').map(cell).collect::<Vec<_>>().join(" ")
}

fn a_session_is_counted(subject: Subject) {
    let rig = Rig::start(subject);
    rig.visit("fe");
    let server = rig.admin.wait_for("be", "s1", "scur", "0");
    assert_eq!(
        shown(&server, "stot bin bout econ wretr wredis lbtot connect cli_abrt srv_abrt smax weight act bck status"),
        "stot=1 bin=6 bout=6 econ=0 wretr=0 wredis=0 lbtot=1 connect=1 cli_abrt=0 srv_abrt=0 smax=1 weight=1 act=1 bck=0 \
         status=no check"
    );
    let backend = rig.admin.row("be", "BACKEND");
    assert_eq!(
        shown(&backend, "stot bin bout econ lbtot connect slim status weight act bck"),
        "stot=1 bin=6 bout=6 econ=0 lbtot=1 connect=1 slim=20 status=UP weight=1 act=1 bck=0"
    );
    let frontend = rig.admin.wait_for("fe", "FRONTEND", "scur", "0");
    assert_eq!(
        shown(&frontend, "stot bin bout conn_tot smax slim status mode rate_lim dreq"),
        "stot=1 bin=6 bout=6 conn_tot=1 smax=1 slim=200 status=OPEN mode=tcp rate_lim=0 dreq=0"
    );
}

fn a_refused_session_is_counted(subject: Subject) {
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("refused");
    client.say("hello\n");
    client.to_end();
    let server = rig.admin.wait_for("dead", "d1", "scur", "0");
    let columns = "stot bin bout econ wretr wredis lbtot connect ttime";
    assert_eq!(shown(&server, columns), "stot=3 bin=6 bout=0 econ=1 wretr=2 wredis=0 lbtot=1 connect=3 ttime=0");
    let backend = rig.admin.row("dead", "BACKEND");
    assert_eq!(shown(&backend, columns), "stot=1 bin=6 bout=0 econ=1 wretr=2 wredis=0 lbtot=1 connect=3 ttime=0");
}

/// HAProxy waits with that until the connection ends, unless it is told `option contstats`.
#[test]
fn bytes_show_while_a_connection_lasts() {
    let rig = Rig::start(Subject::Tidegate);
    let mut client = rig.proxy.connect("fe");
    client.ask("hello");
    for (proxy, name) in [("fe", "FRONTEND"), ("be", "s1"), ("be", "BACKEND")] {
        let row = rig.admin.wait_for(proxy, name, "bout", "6");
        assert_eq!(shown(&row, "scur stot bin bout"), "scur=1 stot=1 bin=6 bout=6");
    }
}

fn most_at_once(subject: Subject) {
    let rig = Rig::start(subject);
    for _ in 0..4 {
        rig.visit("fe");
        rig.admin.wait_for("fe", "FRONTEND", "scur", "0");
    }
    assert_eq!(shown(&rig.admin.row("fe", "FRONTEND"), "smax stot"), "smax=1 stot=4");
    let mut clients = vec![];
    for _ in 0..3 {
        let mut client = rig.proxy.connect("fe");
        client.ask("hello");
        clients.push(client);
    }
    drop(clients);
    for (proxy, name) in [("fe", "FRONTEND"), ("be", "s1"), ("be", "BACKEND")] {
        let row = rig.admin.wait_for(proxy, name, "scur", "0");
        assert_eq!(shown(&row, "smax stot"), "smax=3 stot=7");
    }
}

fn aborts_are_counted(subject: Subject) {
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("fe");
    client.ask("hello");
    client.reset();
    for name in ["s1", "BACKEND"] {
        let row = rig.admin.wait_for("be", name, "scur", "0");
        assert_eq!(shown(&row, "cli_abrt srv_abrt econ"), "cli_abrt=1 srv_abrt=0 econ=0");
    }
}

fn clearing_counters(subject: Subject) {
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("fe");
    client.ask("hello");
    rig.visit("fe");
    rig.admin.wait_for("fe", "FRONTEND", "scur", "1");
    assert_eq!(rig.admin.ask("clear counters"), "\n");
    assert_eq!(shown(&rig.admin.row("fe", "FRONTEND"), "stot scur"), "stot=2 scur=1");
    assert_eq!(rig.admin.ask("clear counters all"), "\n");
    for (proxy, name) in [("fe", "FRONTEND"), ("be", "BACKEND"), ("be", "s1")] {
        assert_eq!(shown(&rig.admin.row(proxy, name), "stot bin bout scur"), "stot=0 bin=0 bout=0 scur=1");
    }
    rig.visit("fe");
    let row = rig.admin.wait_for("be", "s1", "bout", "6");
    assert_eq!(shown(&row, "stot bin lbtot"), "stot=1 bin=6 lbtot=1");
}

fn levels(subject: Subject) {
    let admin = Admin::new();
    let origin = Origin::echo();
    let template = "
        global
            stats socket @socket@ level admin
            stats socket @operator@
            stats socket @user@ level user mode 600
        defaults
            mode tcp
            timeout connect 1s
            timeout client 1s
            timeout server 1s
        listen px
            bind @px@
            server s1 @s1@
    ";
    let (operator, user) = (admin.path_of("operator"), admin.path_of("user"));
    let _proxy = Setup::new(subject, template)
        .with("socket", admin.path().display())
        .with("operator", operator.display())
        .with("user", user.display())
        .with("s1", origin.target())
        .start();
    const DENIED: &str = "Permission denied\n\n";
    let asked = [
        (&user, "show cli level", "user\n\n"),
        (&user, "show env HOME", DENIED),
        (&user, "clear counters", DENIED),
        (&user, "show errors", DENIED),
        (&user, "operator;show cli level", "Permission denied\n\nuser\n\n"),
        (&operator, "show cli level", "operator\n\n"),
        (&operator, "clear counters", "\n"),
        (&operator, "clear counters all", DENIED),
        (&operator, "user;show env HOME", "\nPermission denied\n\n"),
    ];
    for (path, line, answer) in asked {
        assert_eq!(admin::ask(path, line), answer, "{line}");
    }
    assert_eq!(admin.ask("show cli level;operator;show cli level"), "admin\n\n\noperator\n\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&user).expect("a socket").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let listed = admin.ask("show cli sockets");
    assert!(
        listed.starts_with("# socket lvl processes\n") && listed.contains(&format!("unix@{} user all", user.display()))
    );
}

fn lists_prompts_and_payloads(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("show cli level;show backend"), "admin\n\n# name\nls\nbe\ndead\n\n");
    assert_eq!(rig.admin.ask("show cli level\nshow cli level"), "admin\n\nadmin\n\n");
    assert_eq!(rig.admin.ask("show cli level <<\nwhatever\n"), "admin\n\n");
    let mut stream = rig.admin.connect();
    stream.write_all(b"prompt\n").expect("it listens");
    read_until(&mut stream, "\n> ");
    stream.write_all(b"show cli level\n").expect("it listens");
    assert_eq!(read_until(&mut stream, "\n> "), "admin\n\n> ");
    stream.write_all(b"set timeout cli 5s\n").expect("it listens");
    assert_eq!(read_until(&mut stream, "\n> "), "\n> ");
    stream.write_all(b"quit\n").expect("it listens");
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
}

fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more comes");
        heard.push(byte[0]);
    }
    String::from_utf8(heard).expect("ASCII")
}

fn answers_of_a_tool(subject: Subject) {
    let rig = Rig::start(subject);
    let info = rig.admin.ask("show info");
    for line in ["Name: HAProxy\n", "Nbproc: 1\n", "Process_num: 1\n", "Maxconn: 200\n", "Stopping: 0\n"] {
        assert!(info.contains(line), "{line} in {info}");
    }
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid: ")).expect("a pid");
    assert!(process::is_alive(nix::unistd::Pid::from_raw(pid.parse().expect("a number"))));
    let typed = rig.admin.ask("show info typed");
    assert!(typed.contains("15.Maxconn.1:CLP") && typed.contains(":u32:200\n"), "{typed}");
    let typed = rig.admin.ask("show stat typed");
    assert!(typed.contains("F.2.0.0.pxname.1:KNS"), "{typed}");
    let json = rig.admin.ask("show stat json");
    let first = r#"[[{"objType":"Frontend","proxyId":2,"id":0,"field":{"pos":0,"name":"pxname"},"processNum":1,"tags":{"origin":"Key","nature":"Name","scope":"Service"},"value":{"type":"str","value":"fe"}},"#;
    assert!(json.starts_with(first), "{json}");
    let json = rig.admin.ask("show info json");
    let first = r#"[{"field":{"pos":0,"name":"Name"},"processNum":1,"tags":{"origin":"Product","nature":"Output","scope":"Service"},"value":{"type":"str","value":"HAProxy"}},"#;
    assert!(json.starts_with(first), "{json}");
    let unknown = rig.admin.ask("show servers foo");
    assert!(
        unknown.starts_with(
            "Unknown command, but maybe one of the following ones is a better match:\n  show servers conn"
        )
    );
    assert_eq!(rig.admin.ask("show servers state nowhere"), "Can't find backend.\n\n");
    assert_eq!(rig.admin.ask("show env TIDEGATE_NOT_SET"), "Variable not found\n\n");
    assert_eq!(rig.admin.ask("expert-mode"), "expert-mode is OFF\n\n");
    assert_eq!(rig.admin.ask("set timeout foo"), "'set timeout' only supports 'cli'.\n\n");
    assert_eq!(rig.admin.ask("set timeout cli"), "Expects an integer value.\n\n");
}

fn filters_of_show_stat(subject: Subject) {
    let rig = Rig::start(subject);
    let names = |arguments: &str| {
        let rows = rig.admin.stat(arguments);
        rows.iter().map(|row| format!("{}/{}", row["pxname"], row["svname"])).collect::<Vec<_>>().join(" ")
    };
    let all =
        "fe/FRONTEND refused/FRONTEND ls/FRONTEND ls/l1 ls/l2 ls/BACKEND be/s1 be/s2 be/BACKEND dead/d1 dead/BACKEND";
    assert_eq!(names(""), all);
    assert_eq!(names("-1 -1 -1"), all);
    assert_eq!(names("-1 1 -1"), "fe/FRONTEND refused/FRONTEND ls/FRONTEND");
    assert_eq!(names("4 4 -1"), "ls/l1 ls/l2");
    assert_eq!(names("ls 7 2"), "ls/FRONTEND ls/l2 ls/BACKEND");
    assert_eq!(names("be 6 1"), "be/s1 be/BACKEND");
    assert_eq!(names("no-maint"), all.replace(" ls/l2", "").replace(" be/s2", ""));
    assert_eq!(names("up"), all.replace(" ls/l2", "").replace(" be/s2", ""));
    assert_eq!(rig.admin.ask("show stat nowhere 1 1"), "No such proxy.\n\n");
}

/// HAProxy 2.6 lets a client that has not said anything stay.
#[test]
fn silent_clients_are_sent_away() {
    let rig = Rig::with(Subject::Tidegate, &FARM.replace("maxconn 200", "maxconn 200\nstats timeout 300ms"));
    let mut stream = rig.admin.connect();
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
    let mut stream = rig.admin.connect();
    stream.write_all(b"show inf").expect("it listens");
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
}

fn no_more_clients_than_allowed(subject: Subject) {
    let rig = Rig::with(subject, &FARM.replace("maxconn 200", "maxconn 200\nstats maxconn 2"));
    let mut held: Vec<_> = (0..2).map(|_| rig.admin.connect()).collect();
    for stream in &mut held {
        stream.write_all(b"prompt\n").expect("it listens");
        read_until(stream, "\n> ");
    }
    let mut third = rig.admin.connect();
    third.write_all(b"show cli level\n").expect("the kernel takes it");
    third.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    assert!(third.read(&mut [0]).is_err(), "the third waits");
    held.pop();
    third.set_read_timeout(Some(wait::SOON)).expect("a timeout");
    assert_eq!(admin::read_to_end(&mut third).expect("an answer"), "admin\n\n");
}

fn a_reload_keeps_socket_and_listeners(subject: Subject) {
    let mut rig = Rig::start(subject);
    rig.visit("fe");
    rig.admin.wait_for("fe", "FRONTEND", "stot", "1");
    rig.proxy.rewrite(&FARM.replace("maxconn 200", "maxconn 300"));
    rig.proxy.reload();
    wait::until("the new limit", wait::SOON, || rig.admin.ask("show info").contains("Maxconn: 300\n"));
    if subject == Subject::Tidegate {
        assert_eq!(shown(&rig.admin.row("fe", "FRONTEND"), "stot bin"), "stot=1 bin=6", "counts go on");
    }
    rig.visit("fe");
}

fn weights(subject: Subject) {
    let rig = Rig::start(subject);
    for (line, answer) in [
        ("get weight ls/l1", "10 (initial 10)\n\n"),
        ("set weight ls/l1 50%", "\n"),
        ("get weight ls/l1", "5 (initial 10)\n\n"),
        ("set server ls/l1 weight 256", "\n"),
        ("get weight ls/l1", "256 (initial 10)\n\n"),
        ("set server ls/l1 weight 257", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
        ("set server ls/l1 weight", "Require <weight> or <weight%>.\n\n"),
        ("set weight be/s1 0; get weight be/s1", "\n0 (initial 1)\n\n"),
    ] {
        assert_eq!(rig.admin.ask(line), answer, "{line}");
    }
    assert_eq!(shown(&rig.admin.row("ls", "l1"), "weight uweight"), "weight=256 uweight=256");
    assert_eq!(shown(&rig.admin.row("be", "BACKEND"), "status weight act"), "status=DOWN weight=0 act=0");
    let mut client = rig.proxy.connect("fe");
    assert!(client.try_say("hello\n").and_then(|()| client.try_line()).is_err(), "no server is left");
    rig.admin.ask("set weight be/s1 100%");
    rig.visit("fe");
}

fn server_states(subject: Subject) {
    let rig = Rig::start(subject);
    let status = |proxy: &str, name: &str| rig.admin.row(proxy, name)["status"].clone();
    let mut held = rig.proxy.connect("ls");
    held.ask("hello");
    assert_eq!(rig.admin.ask("set server ls/l1 state drain"), "\n");
    assert_eq!(status("ls", "l1"), "DRAIN");
    assert_eq!(held.ask("still"), "still", "a drained server keeps what it has");
    assert_eq!(rig.admin.ask("disable server ls/l1"), "\n");
    assert_eq!((status("ls", "l1"), status("ls", "BACKEND")), ("MAINT".into(), "DOWN".into()));
    assert_eq!(held.ask("still"), "still");
    let mut client = rig.proxy.connect("ls");
    assert!(client.try_say("hello\n").and_then(|()| client.try_line()).is_err());
    assert_eq!(rig.admin.ask("enable server ls/l1"), "\n");
    assert_eq!((status("ls", "l1"), status("ls", "BACKEND")), ("no check".into(), "UP".into()));
    rig.visit("ls");
    assert_eq!(rig.admin.ask("set server ls/l2 state ready"), "\n");
    assert_eq!(status("ls", "l2"), "no check");
    // The checks of a server begin when it leaves maintenance, and find that nobody is there.
    assert_eq!(rig.admin.ask("set server be/s2 state ready"), "\n");
    let row = rig.admin.wait_for("be", "s2", "status", "DOWN");
    assert_eq!(shown(&row, "check_status last_chk chkdown chkfail check_health"), {
        "check_status=L4CON last_chk=Connection refused chkdown=1 chkfail=1 check_health=0"
    });
    let state = rig.admin.ask("show servers state ls");
    let words: Vec<&str> = state.lines().nth(2).expect("a server").split(' ').collect();
    assert_eq!(words[..4], ["4", "ls", "1", "l1"]);
    assert_eq!(words[5..9], ["2", "0", "10", "10"]);
}

fn health_by_hand(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("set server be/s1 health down"), "\n");
    assert_eq!(shown(&rig.admin.row("be", "s1"), "status"), "status=DOWN");
    assert_eq!(shown(&rig.admin.row("be", "BACKEND"), "status"), "status=DOWN");
    assert_eq!(rig.admin.ask("set server be/s1 health up"), "\n");
    rig.visit("fe");
    assert_eq!(rig.admin.ask("disable health be/s2"), "\n");
    assert_eq!(rig.admin.ask("set server be/s2 state ready"), "\n");
    let answer = "Health check was not configured on this server, cannot enable.\n\n";
    assert_eq!(rig.admin.ask("enable health be/s1"), answer);
    assert_eq!(rig.admin.ask("enable agent be/s1"), "Agent was not configured on this server, cannot enable.\n\n");
}

fn addresses(subject: Subject) {
    let rig = Rig::start(subject);
    let other = Origin::named("other");
    let (from, to) = (rig.origin.address(), other.address());
    let text = format!(
        "no need to change the addr, port changed from '{}' to '{}' by 'stats socket command'\n\n",
        from.port(),
        to.port()
    );
    let mut held = rig.proxy.connect("fe");
    held.ask("hello");
    assert_eq!(rig.admin.ask(&format!("set server be/s1 addr 127.0.0.1 port {}", to.port())), text);
    assert_eq!(rig.proxy.connect("fe").line(), "other");
    assert_eq!(held.ask("still"), "still", "who is there stays there");
    assert_eq!(
        rig.admin.ask("set server be/s1 addr nonsense!"),
        "Invalid addr 'nonsense!' by 'stats socket command'\n\n"
    );
    let same = format!("set server be/s1 addr 127.0.0.1 port {}", to.port());
    let text = "no need to change the addr, no need to change the port by 'stats socket command'\n\n";
    assert_eq!(rig.admin.ask(&same), text);
}

fn limits_of_servers(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("set maxconn server be/s1 1"), "\n");
    let mut first = rig.proxy.connect("fe");
    first.ask("hello");
    let mut second = rig.proxy.connect("fe");
    second.say("hello\n");
    let row = rig.admin.wait_for("be", "BACKEND", "qcur", "1");
    assert_eq!(shown(&row, "qmax scur"), "qmax=1 scur=2");
    assert_eq!(shown(&rig.admin.row("be", "s1"), "scur slim qcur"), "scur=1 slim=1 qcur=0");
    assert_eq!(rig.admin.ask("set maxconn server be/s1 2"), "\n");
    assert_eq!(second.line(), "hello", "who waits is served at once");
}

fn sessions_of_a_server_are_ended(subject: Subject) {
    let rig = Rig::start(subject);
    let (mut meant, mut other) = (rig.proxy.connect("fe"), rig.proxy.connect("ls"));
    meant.ask("hello");
    other.ask("hello");
    assert_eq!(rig.admin.ask("shutdown sessions server be/s1"), "\n");
    assert!(meant.try_line().is_err(), "it was told to end");
    rig.admin.wait_for("be", "s1", "scur", "0");
    assert_eq!(other.ask("still"), "still");
    assert_eq!(rig.admin.ask("shutdown sessions server be/nobody"), "No such server.\n\n");
    rig.visit("fe");
}

fn sessions_are_shown_and_ended(subject: Subject) {
    let rig = Rig::start(subject);
    let (mut meant, mut other) = (rig.proxy.connect("fe"), rig.proxy.connect("fe"));
    meant.ask("hello");
    other.ask("hello");
    let shown = rig.admin.ask("show sess");
    let source = format!(" src={} fe=fe be=be srv=s1 ", meant.address());
    let line = shown.lines().find(|line| line.contains(&source)).unwrap_or_else(|| panic!("{source} in {shown}"));
    assert!(line.contains(": proto=tcpv4 "), "{line}");
    let id = line.split(':').next().expect("an id");
    assert!(rig.admin.ask(&format!("show sess {id}")).starts_with(id));
    assert_eq!(rig.admin.ask(&format!("shutdown session {id}")), "\n");
    assert!(meant.try_line().is_err(), "it was told to end");
    rig.admin.wait_for("be", "s1", "scur", "1");
    assert_eq!(other.ask("still"), "still");
    assert_eq!(rig.admin.ask("show sess 0x1"), "Session not found.\n\n");
    assert_eq!(rig.admin.ask("shutdown session 0x1"), "No such session (use 'show sess').\n\n");
    assert_eq!(rig.admin.ask("shutdown session"), "Session pointer expected (use 'show sess').\n\n");
}

fn answers_about_servers(subject: Subject) {
    let rig = Rig::start(subject);
    for (line, answer) in [
        ("get weight be/nobody", "No such server.\n\n"),
        ("get weight nothing", "Require 'backend/server'.\n\n"),
        ("get weight nothing/s1", "No such backend.\n\n"),
        ("disable server be/nobody", "No such server.\n\n"),
        ("set server be/s1 state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"),
        ("set server be/s1 agent up", "agent checks are not enabled on this server.\n\n"),
    ] {
        assert_eq!(rig.admin.ask(line), answer, "{line}");
    }
    assert!(rig.admin.ask("set server be/s1").starts_with("usage: set server <backend>/<server> addr | agent"));
}

/// `show errors`, `show env` and `show activity`: what both subjects say of the same.
fn what_went_wrong_and_what_went_on(subject: Subject) {
    let (admin, origin) = (Admin::new(), Origin::echo());
    let global = format!("stats socket {} level admin", admin.path().display());
    let setup = Setup::relay(subject, &global, &origin).environment("MAIL_DOMAIN", "example.org");
    let proxy = setup.start();
    let without_date = |answer: &str| match (answer.split_once('['), answer.split_once(']')) {
        (Some((before, _)), Some((_, after))) => format!("{before}DATE{after}"),
        _ => answer.to_owned(),
    };
    for (line, answer) in [
        ("show errors", "Total events captured on DATE : 0\n\n"),
        ("show errors px", "Total events captured on DATE : 0\n\n"),
        ("show errors px request", "Total events captured on DATE : 0\n\n"),
        ("show errors -1", "Total events captured on DATE : 0\n\n"),
        ("show errors nobody", "No such proxy.\n\n"),
        ("show env MAIL_DOMAIN", "MAIL_DOMAIN=example.org\n\n"),
        ("show env NOT_THERE", "Variable not found\n\n"),
    ] {
        assert_eq!(without_date(&admin.ask(line)), answer, "{line}");
    }
    assert!(admin.ask("show env").lines().any(|line| line == "MAIL_DOMAIN=example.org"));
    for _ in 0..3 {
        assert_eq!(proxy.connect("px").ask("hello"), "hello");
    }
    let activity = admin.ask("show activity");
    let number = |name: &str| {
        let line = activity.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|value| value.split(['.', ' ']).next()?.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("{name} in {activity}"))
    };
    assert_eq!(number("thread_id"), 1);
    assert!(number("date_now") > 1_700_000_000 && number("accepted") >= 3 && number("stream_calls") >= 3, "{activity}");
}

/// `configuration.txt: option socket-stats`
fn listeners_are_counted_one_by_one(subject: Subject) {
    let template = "
    global
        nbthread @threads@
        stats socket @socket@ level admin
    defaults
        mode tcp
        timeout connect 1s
        timeout client 10s
        timeout server 10s
    listen px
        option socket-stats
        bind @px@ name first
        bind @other@
        bind @refused@ id 9
        tcp-request connection reject if { dst_port @port@ }
        server s1 @s1@
    listen silent
        bind @silent@
        server s1 @s1@";
    let refused = Reservation::loopback();
    let (admin, origin) = (Admin::new(), Origin::echo());
    let setup = Setup::new(subject, template).with("socket", admin.path().display()).with("s1", origin.target());
    let proxy = setup.with("refused", refused.address()).with("port", refused.address().port()).start();
    let mut held = proxy.connect("px");
    held.ask("hello");
    let mut gone = proxy.connect("other");
    gone.ask("hello");
    gone.finish();
    gone.to_end();
    // It may be gone before it is all there.
    let _ = Client::try_to(refused.address()).and_then(|mut client| client.try_line());
    admin.wait_for("px", "FRONTEND", "scur", "1");
    admin.wait_for("px", "FRONTEND", "dcon", "1");
    let found = admin.stat("-1 8 -1");
    let found: Vec<String> = found.iter().map(|row| shown(row, "svname sid scur stot dcon")).collect();
    let expect = [
        "svname=first sid=1 scur=1 stot=1 dcon=0",
        "svname=sock-2 sid=2 scur=0 stot=1 dcon=0",
        "svname=sock-9 sid=9 scur=0 stot=1 dcon=1",
    ];
    assert_eq!(found, expect);
    assert_eq!(
        shown(&admin.row("px", "sock-2"), "smax bin bout status type"),
        "smax=1 bin=6 bout=6 status=OPEN type=3"
    );
    let typed = admin.ask("show stat typed");
    let of_listeners = typed.lines().filter(|line| line.starts_with("L.") && line.contains(".stot.1:MCP"));
    assert_eq!(of_listeners.count(), 3);
    assert_eq!(admin.stat("-1 8 9").len(), 1);
    assert_eq!(admin.stat("silent -1 -1").len(), 3, "none of its listeners");
    held.finish();
    held.to_end();
    admin.wait_for("px", "first", "scur", "0");
    admin.ask("clear counters all");
    assert_eq!(shown(&admin.row("px", "first"), "scur smax stot bin"), "scur=0 smax=0 stot=0 bin=0");
}

/// `configuration.txt: stats socket`: at a path, at an address, and on a socket that listens already.
fn sockets_of_every_kind(subject: Subject) {
    let (admin, origin, tcp) = (Admin::new(), Origin::echo(), Reservation::loopback());
    let inherited = UnixListener::bind(admin.path_of("inherited")).expect("free");
    // A copy that its programs inherit: what Rust opens is closed at exec.
    let copy = nix::unistd::dup(&inherited).expect("no limit is near");
    let global = "stats socket @socket@ level admin
        stats socket @tcp@ level operator name for-tools
        stats socket @inherited@ level admin";
    let setup = Setup::relay(subject, global, &origin).with("socket", admin.path().display());
    let setup = setup.with("tcp", format!("ipv4@{}", tcp.address()));
    let setup = setup.with("inherited", "\"fd@${ADMIN}\"").environment("ADMIN", &copy.as_raw_fd().to_string());
    let _proxy = setup.start();
    drop((copy, inherited));
    assert_eq!(admin.ask("show cli level"), "admin\n\n");
    let mut client = Client::to(tcp.address());
    client.say("show cli level\n");
    client.finish();
    assert_eq!(client.to_end().0, b"operator\n\n");
    assert_eq!(admin::ask(&admin.path_of("inherited"), "show cli level"), "admin\n\n");
    let sockets = admin.ask("show cli sockets");
    let shown =
        |address: &str, level: &str| sockets.lines().any(|line| line.starts_with(&format!("{address} {level} ")));
    assert!(shown(&format!("ipv4@{}", tcp.address()), "operator"), "{sockets}");
    assert!(shown(&format!("unix@{}", admin.path().display()), "admin"), "{sockets}");
}

fn clients_that_misbehave_harm_nobody(subject: Subject) {
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("fe");
    // One that never reads, one that sends a megabyte without an end, and noise.
    let mut deaf = rig.admin.connect();
    deaf.write_all("show stat;".repeat(200).as_bytes()).expect("it listens");
    deaf.write_all(b"\n").expect("it listens");
    // Whoever does not read what is sent is left alone with it, too.
    let mut endless = rig.admin.connect();
    endless.set_write_timeout(Some(Duration::from_secs(1))).expect("not zero");
    let _ = endless.write_all(&vec![b'x'; 1 << 20]);
    let mut noise = rig.admin.connect();
    let _ = noise.write_all(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    for _ in 0..50 {
        assert_eq!(client.ask("hello"), "hello");
        assert_eq!(rig.admin.ask("show cli level"), "admin\n\n");
    }
    assert!(rig.proxy.resident_kib() < 200 * 1024);
}

/// The same traffic on both: every column that both have says the same, but for times, ages and what a version adds.
#[test]
fn show_stat_column_by_column() {
    if !needs::Subject::Haproxy.is_there("show_stat_column_by_column") {
        return;
    }
    let [haproxy, tidegate] = [Subject::Haproxy, Subject::Tidegate].map(|subject| {
        let counted = FARM.replacen("mode tcp", "mode tcp\n option socket-stats", 1);
        let rig = Rig::with(subject, &counted);
        for listener in ["fe", "ls", "fe"] {
            rig.visit(listener);
        }
        let mut client = rig.proxy.connect("refused");
        client.say("hello\n");
        client.to_end();
        let mut broken = rig.proxy.connect("ls");
        broken.ask("hello");
        broken.reset();
        for name in ["fe", "ls", "refused"] {
            rig.admin.wait_for(name, "FRONTEND", "scur", "0");
        }
        rig.admin.ask("show stat")
    });
    let (haproxy, tidegate) = (full_rows(&haproxy), full_rows(&tidegate));
    assert_eq!(haproxy.len(), tidegate.len());
    let mut differing = Vec::new();
    for (theirs, ours) in haproxy.iter().zip(&tidegate) {
        for (column, value) in theirs.iter().filter(|(column, _)| !VARYING.contains(&column.as_str())) {
            let own = ours.get(column);
            if own != Some(value) {
                differing.push(format!("{}/{} {column}: {value:?}, ours {own:?}", theirs["pxname"], theirs["svname"]));
            }
        }
    }
    assert_eq!(differing, [""; 0]);
}

/// Times and ages; estimates of connection pools; addresses of peers; what depends on where a second begins.
const VARYING: [&str; 19] = [
    "lastchg",
    "downtime",
    "lastsess",
    "qtime",
    "ctime",
    "rtime",
    "ttime",
    "qtime_max",
    "ctime_max",
    "rtime_max",
    "ttime_max",
    "check_duration",
    "addr",
    "rate",
    "rate_max",
    "conn_rate",
    "conn_rate_max",
    "need_conn_est",
    "used_conn_cur",
];

/// With the cells that are empty.
fn full_rows(csv: &str) -> Vec<Row> {
    let mut lines = csv.trim_end().lines();
    let names: Vec<&str> = lines.next().expect("a header").trim_start_matches("# ").split(',').collect();
    let row = |line: &str| -> Row {
        let cells = line.split(',').map(str::to_owned);
        names.iter().map(|name| (*name).to_owned()).zip(cells).filter(|(name, _)| !name.is_empty()).collect()
    };
    lines.map(row).collect()
}

/// HAProxy 3's; 2.6 has neither.
#[test]
fn sessions_are_chosen_and_time_passes() {
    let rig = Rig::start(Subject::Tidegate);
    let (mut front, mut listen) = (rig.proxy.connect("fe"), rig.proxy.connect("ls"));
    front.ask("hello");
    listen.ask("hello");
    let count = |filter: &str| rig.admin.ask(&format!("show sess {filter}")).matches(": proto=tcpv4 ").count();
    for (filter, expect) in [
        ("", 2),
        ("all", 2),
        ("frontend fe", 1),
        ("frontend refused", 0),
        ("backend ls", 1),
        ("server be/s1", 1),
        ("server be/s2", 0),
        ("older 0", 2),
        ("older 1h", 0),
    ] {
        assert_eq!(count(filter), expect, "{filter}");
    }
    assert_eq!(rig.admin.ask("show sess frontend nope"), "No such frontend.\n\n");
    assert!(rig.admin.ask("show sess help").starts_with("Usage: show sess "));
    let begun = std::time::Instant::now();
    assert_eq!(rig.admin.ask("wait 200; show cli level"), "Done.\n\nadmin\n\n");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(rig.admin.ask("wait 1s srv-removable be/s1").starts_with("Conditions are not supported."));
}
