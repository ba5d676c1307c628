//! What is counted of sessions, servers and listeners, and when it begins anew.

use super::{Rig, shown};
use e2e::admin::Admin;
use e2e::ports::Reservation;
use e2e::{Client, Origin, Setup, Subject};

e2e::scenarios! {
    shared: [
        a_session_is_counted,
        a_refused_session_is_counted,
        most_at_once,
        aborts_are_counted,
        clearing_counters,
        listeners_are_counted_one_by_one,
    ],
    alone: [],
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

/// `configuration.txt: option socket-stats`
fn listeners_are_counted_one_by_one(subject: Subject) {
    let sections = "
    global
        stats socket @socket@ level admin
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
    let setup = Setup::sections(subject, "mode tcp", sections).with("socket", admin.path().display());
    let setup = setup.with("s1", origin.target());
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
