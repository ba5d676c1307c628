//! The table of `show stat`: whom it names, and every column of it.

use super::Rig;
use e2e::admin::Row;
use e2e::{Subject, needs};

e2e::scenarios! {
    shared: [
        filters_of_show_stat,
    ],
    alone: [],
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

/// The same traffic on both: every column that both have says the same, but for times, ages and what a version adds.
#[test]
fn show_stat_column_by_column() {
    if !needs::Subject::Haproxy.is_there("show_stat_column_by_column") {
        return;
    }
    let [haproxy, tidegate] = [Subject::Haproxy, Subject::Tidegate].map(|subject| {
        let rig = Rig::with(subject, "", "option socket-stats");
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
