//! From files to tables and messages.

use super::*;
use crate::resolve;

/// Names that resolve in tests.
const HOSTS: resolve::Table =
    resolve::Table(&[("mail.example", &["2001:db8::25", "192.0.2.25"]), ("six.example", &["2001:db8::6"])]);

/// Loads a text as if it were the file `t.cfg`.
pub(crate) fn loaded(text: &str) -> Loaded {
    let mut book = StateBook::new(2);
    loaded_with(text, &mut book, 1)
}

pub(crate) fn loaded_with(text: &str, book: &mut StateBook, generation: u64) -> Loaded {
    let sources = vec![Source::new("t.cfg", format!("{}\n", text.trim_end()))];
    let mut hosts = HOSTS;
    let defaults = Defaults { maxconn: 1000, ..Defaults::default() };
    load_sources(sources, book, generation, &defaults, &|_: &str| None, &mut hosts)
}

/// The table of a text that has one.
pub(crate) fn table_of(text: &str) -> Arc<Table> {
    let loaded = loaded(text);
    loaded.table.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

fn printed(loaded: &Loaded) -> String {
    let mut text = Vec::new();
    loaded.print(7, false, &mut text).expect("memory");
    String::from_utf8(text).expect("UTF-8")
}

/// The lines that have HAProxy's form, without the snippets below them.
fn headlines(loaded: &Loaded) -> Vec<String> {
    printed(loaded).lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect()
}

const SOUND: &str = "
defaults
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen px
    bind 127.0.0.1:1001
    server s1 127.0.0.1:9
";

#[test]
fn nothing_is_said_about_a_sound_file() {
    let loaded = loaded(SOUND);
    assert_eq!(printed(&loaded), "");
    assert!(loaded.has_listener && loaded.table.is_some() && !loaded.has_warnings());
    assert_eq!(loaded.nbthread, None);
}

/// First lines and endings as HAProxy 2.6.12 printed them.
#[test]
fn endings() {
    let unknown = loaded(&SOUND.replace("server s1", "maxcon 5\n server s1"));
    assert!(unknown.table.is_none());
    let lines = headlines(&unknown);
    assert!(
        lines[0].starts_with("[ALERT]    (7) : config : parsing [t.cfg:8] : unknown keyword 'maxcon'"),
        "{lines:?}"
    );
    assert_eq!(
        lines[1..],
        [
            "[ALERT]    (7) : config : Error(s) found in configuration file : t.cfg",
            "[ALERT]    (7) : config : Fatal errors found in configuration.",
        ]
    );

    let unresolved = loaded(&SOUND.replace("127.0.0.1:9", "nohost.invalid:25"));
    assert_eq!(
        headlines(&unresolved),
        [
            "[ALERT]    (7) : config : [t.cfg:8] : 'server px/s1' : could not resolve address 'nohost.invalid'.",
            "[ALERT]    (7) : config : Failed to initialize server(s) addr.",
        ]
    );

    let unbindable = loaded(&SOUND.replace("127.0.0.1:1001", "nohost.invalid:2525"));
    assert_eq!(
        headlines(&unbindable),
        [
            "[ALERT]    (7) : config : parsing [t.cfg:7] : 'bind' : invalid address: 'nohost.invalid' in 'nohost.invalid:2525'",
            "[ALERT]    (7) : config : Error(s) found in configuration file : t.cfg",
            "[ALERT]    (7) : config : Fatal errors found in configuration.",
        ]
    );

    let lost_log = loaded(&format!(
        "global\n log nohost.invalid local2\n{SOUND} log global\nlisten py\n log global\n bind :1002\n"
    ));
    assert_eq!(
        headlines(&lost_log).iter().filter(|line| line.contains("nohost")).collect::<Vec<_>>(),
        ["[ALERT]    (7) : config : parsing [t.cfg:2] : log : invalid address: 'nohost.invalid' in 'nohost.invalid'"],
        "once, however many proxies log there"
    );
}

#[test]
fn what_cannot_be_opened() {
    let files = Files { paths: vec!["/nonexistent/x.cfg".into()], ..Files::default() };
    let loaded = load(&files, &mut StateBook::new(1), 1, &Defaults::default());
    assert_eq!(
        printed(&loaded),
        "[ALERT]    (7) : config : Cannot open configuration file/directory /nonexistent/x.cfg : No such file or directory\n"
    );
    assert!(loaded.table.is_none() && !loaded.has_listener);
}

/// `haproxy -f DIR`: files `*.cfg` that are not hidden, in the order of their bytes.
#[test]
fn directories() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["b.cfg", "a.cfg", "B.cfg", ".hidden.cfg", "c.txt", "cfg"] {
        fs::write(directory.path().join(name), "").expect("a file");
    }
    fs::create_dir(directory.path().join("d.cfg")).expect("a directory");
    let files = expand(directory.path()).expect("readable");
    let names: Vec<&str> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert_eq!(names, ["B.cfg", "a.cfg", "b.cfg"]);
    assert!(
        read(&Files { paths: vec![directory.path().to_path_buf()], ..Files::default() }).expect("readable").len() == 3
    );
}

#[test]
fn binds_are_found_again() {
    let loaded = loaded(&SOUND.replace("127.0.0.1:1001", "127.0.0.1:1001,unix@/run/x.sock,[::1]:1002-1003"));
    let place = |addr| loaded.bind_place("px", &addr);
    assert_eq!(place(Addr::Ip(([127, 0, 0, 1], 1001).into())).as_deref(), Some("t.cfg:7"));
    assert_eq!(place(Addr::Ip("[::1]:1003".parse().expect("an address"))).as_deref(), Some("t.cfg:7"));
    assert_eq!(place(Addr::Unix(b"/run/x.sock"[..].into())).as_deref(), Some("t.cfg:7"));
    assert_eq!(place(Addr::Ip(([127, 0, 0, 1], 1004).into())), None);
}

#[test]
fn an_empty_file_has_no_listener() {
    let loaded = loaded("");
    assert!(!loaded.has_listener);
}

/// In HAProxy 2.6's words.
#[test]
fn names_that_may_be_unknown() {
    let said = |parameters: &str| {
        let loaded = loaded(&SOUND.replace("127.0.0.1:9", &format!("nohost.invalid:25 {parameters}")));
        let lines: Vec<String> = headlines(&loaded).iter().map(|line| line.replace("[t.cfg:8] : ", "")).collect();
        (loaded.table.is_some(), lines)
    };
    let warned = |so: &str| {
        let line =
            format!("[WARNING]  (7) : config : 'server px/s1' : could not resolve address 'nohost.invalid', {so}.");
        (true, vec![line])
    };
    assert_eq!(said("init-addr none"), (true, vec![]));
    assert_eq!(said("init-addr 192.0.2.1"), (true, vec![]));
    assert_eq!(said("init-addr libc,none"), warned("disabling server"));
    assert_eq!(said("init-addr last,libc,192.0.2.1"), warned("falling back to configured address"));
    let (is_table, lines) = said("init-addr last");
    assert_eq!((is_table, lines.len()), (false, 2));
    assert_eq!(
        lines[0],
        "[ALERT]    (7) : config : 'server px/s1' : no method found to resolve address 'nohost.invalid'."
    );
}
