//! The forms of rows, in HAProxy's words.

use super::*;

fn row() -> Row {
    let mut row = Row::new(Subject::Server, 3, 1);
    row.text(Column::Pxname, "be");
    row.text(Column::Svname, "s,1");
    row.u64(Column::Stot, 7);
    row
}

/// The line that HAProxy 3.4.0 prints.
#[test]
fn the_header() {
    let text = render(std::iter::empty(), Form::Csv);
    assert_eq!(text, include_str!("header-3.4.csv"));
}

#[test]
fn a_cell_for_each_column() {
    let text = render([row()].into_iter(), Form::Csv);
    let (header, line) = text.trim_end().split_once('\n').expect("two lines");
    assert!(line.starts_with("be,\"s,1\",,,,,,7,"), "{line}");
    assert_eq!(line.replace("s,1", "s1").matches(',').count(), header.matches(',').count());
    assert!(line.contains(",-,,"), "protocols stand behind a column of their own");
}

/// As in HAProxy 3.4's `show stat typed`.
#[test]
fn typed() {
    let text = render([row()].into_iter(), Form::Typed { is_described: false });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "S.3.1.0.pxname.1:KNSV:str:be",
            "S.3.1.1.svname.1:KNSV:str:s,1",
            "S.3.1.7.stot.1:MCPP:u64:7",
            "S.3.1.26.pid.1:KGPV:u32:1",
            "S.3.1.27.iid.1:KGSV:u32:3",
            "S.3.1.28.sid.1:KGSV:u32:1",
            "S.3.1.32.type.1:CGSV:u32:2",
        ]
    );
    assert_eq!(row().get(Column::Stot), Some(&Value::U64(7)));
}

/// HAProxy 3.4 counts of a backend what it states of a server.
#[test]
fn tags_differ_by_row() {
    for (subject, expected) in [(Subject::Server, ":SGPV:"), (Subject::Backend, ":MGPV:")] {
        let mut row = Row::new(subject, 3, 0);
        row.u32(Column::Act, 1_u32);
        let text = render([row].into_iter(), Form::Typed { is_described: false });
        assert!(text.contains(&format!(".19.act.1{expected}u32:1")), "{text}");
    }
}
