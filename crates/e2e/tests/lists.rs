//! Maps and the patterns of ACLs, while the process lives: what operators and rules change is what is asked. The reference runs the
//! same commands.

use std::fs;
use std::path::PathBuf;

use e2e::{Admin, Proxy, Setup, Subject, wait};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [commands, versions, payloads, every_kind_of_pattern, rules_that_change_lists],
    alone: [],
}

struct Rig {
    proxy: Proxy,
    admin: Admin,
    directory: TempDir,
}

impl Rig {
    /// `files` are names and contents; `@name@` is where one is.
    fn new(subject: Subject, files: &[(&str, &str)], rules: &str) -> Rig {
        let (admin, directory) = (Admin::new(), TempDir::new().expect("a temporary directory"));
        let template = format!(
            "
    global
        stats socket @socket@ level admin
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    frontend fe
        bind @fe@
{rules}
"
        );
        let mut setup = Setup::new(subject, &template).with("socket", admin.path().display());
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::write(&path, text).expect("room for a file");
            setup = setup.with(name, path.display());
        }
        Rig { proxy: setup.start(), admin, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The answer to a command, in which `@name@` is a file: without what differs from process to process.
    fn ask(&self, command: &str) -> String {
        let directory = format!("{}/", self.directory.path().display());
        let command = command.replace("@", &directory).replace("^", "@");
        let answer = self.admin.ask(&command).replace(&directory, "");
        let lines = answer.trim_end().lines().filter(|line| !line.contains("'httpclient'"));
        lines.map(masked).collect::<Vec<_>>().join("\n")
    }

    /// What a client is told.
    fn get(&self, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x.y\r\nConnection: close\r\n{fields}\r\n"));
        let answer = String::from_utf8_lossy(&client.to_end().0).into_owned();
        answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.to_owned())
    }

    fn check(&self, commands: &[(&str, &str)]) {
        for (command, expected) in commands {
            assert_eq!(self.ask(command), *expected, "{command}");
        }
    }
}

/// Numbers of entries are addresses in HAProxy; and what the configuration is called is the rig's affair.
fn masked(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => "0x",
        Some(_) | None => word,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let parts: Vec<&str> = text.split('\'').collect();
    let is_name =
        |index: usize| index % 2 == 1 && parts[index - 1].ends_with(" file ") && parts[index].ends_with(".cfg");
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| if is_name(index) { "CFG" } else { part })
        .collect::<Vec<_>>()
        .join("'")
}

const ANSWER: &str = "http-request return status 200 content-type text/plain lf-string";

/// `management.txt` §9.3; all answers are those of HAProxy 2.6.12.
fn commands(subject: Subject) {
    let files = [
        ("nets", "10.0.0.0/8\n192.168.1.1\n"),
        ("paths", "/q\n/r\n"),
        ("more", "# s\n  /s\n"),
        ("map", "/a 1\n/ab two words\n# c\n/a 3\n"),
        ("numbers", "1 5\n2 6\n"),
    ];
    let rules = format!(
        "
        acl bad src -f @nets@
        acl bad src 10.9.0.0/16
        acl listed path -f @paths@ -f @more@
        acl known path -u 77 /z
        acl sized path_len gt 90
        http-request return status 403 if bad
        {ANSWER} listed if listed or known or sized or !METH_GET
        {ANSWER} %[path,map(@map@,none)]:%[path,map_int(@numbers@,0)]"
    );
    let rig = Rig::new(subject, &files, &rules);
    let listed = |name: &str, rest: &str| format!("({name}) pattern loaded from file '{name}' used by {rest}");
    assert_eq!(
        rig.ask("show acl")
            .lines()
            .map(|line| line.split_once(' ').map_or("", |(_, rest)| rest).to_owned())
            .collect::<Vec<_>>(),
        [
            "id (file) description".to_owned(),
            listed("nets", "acl at file 'CFG' line 12. curr_ver=0 next_ver=0 entry_cnt=2"),
            "() acl 'src' file 'CFG' line 12. curr_ver=0 next_ver=0 entry_cnt=0".to_owned(),
            "() acl 'src' file 'CFG' line 13. curr_ver=0 next_ver=0 entry_cnt=1".to_owned(),
            listed("paths", "acl at file 'CFG' line 14. curr_ver=0 next_ver=0 entry_cnt=2"),
            listed("more", "acl at file 'CFG' line 14. curr_ver=0 next_ver=0 entry_cnt=1"),
            "() acl 'path' file 'CFG' line 14. curr_ver=0 next_ver=0 entry_cnt=0".to_owned(),
            "() acl 'path_len' file 'CFG' line 16. curr_ver=0 next_ver=0 entry_cnt=1".to_owned(),
            "() acl 'method' file 'CFG' line 18. curr_ver=0 next_ver=0 entry_cnt=2".to_owned(),
            "() acl 'path' file 'CFG' line 15. curr_ver=0 next_ver=0 entry_cnt=1".to_owned(),
        ]
    );
    let maps = format!(
        "# id (file) description\n8 {}\n9 {}",
        listed("map", "map at file 'CFG' line 19. curr_ver=0 next_ver=0 entry_cnt=3"),
        listed("numbers", "map at file 'CFG' line 19. curr_ver=0 next_ver=0 entry_cnt=2"),
    );
    assert_eq!(rig.ask("show map"), maps);
    assert_eq!(
        [rig.get("/a", ""), rig.get("/q", ""), rig.get("/z", ""), rig.get("/n", "")],
        ["1:0", "listed", "listed", "none:0"]
    );
    rig.check(&[
        ("show map @map", "0x /a 1\n0x /ab two words\n0x /a 3"),
        ("show acl #0", "0x 10.0.0.0/8\n0x 192.168.1.1"),
        ("show acl #77", "0x /z"),
        ("show acl #6", "0x 91:"),
        ("show map #0", "Unknown map identifier. Please use #<id> or <file>."),
        ("show map x", "Unknown map identifier. Please use #<id> or <file>."),
        ("show acl x", "Unknown ACL identifier. Please use #<id> or <file>."),
        ("get map @map /a", r#"type=str, case=sensitive, found=yes, idx=tree, key="/a", value="1", type="str""#),
        ("get map @map zz", "type=str, case=sensitive, found=no"),
        ("get map @numbers 1", r#"type=int, case=sensitive, found=yes, idx=list, key="1", value="5", type="str""#),
        ("get map x /a", "Unknown map identifier. Please use #<id> or <file>."),
        ("get map @map", "Missing map identifier and/or key."),
        ("get acl @nets 10.1.2.3", r#"type=ip, case=sensitive, match=yes, idx=tree, pattern="10.0.0.0/8""#),
        ("get acl @nets 1.1.1.1", "type=ip, case=sensitive, match=no"),
        ("get acl", "Missing ACL identifier and/or key."),
    ]);
    rig.check(&[
        ("add map", "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload"),
        ("add map @map k", "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload"),
        ("add map @map /k v w", ""),
        ("add map @numbers y 6", "'y' is not a number."),
        ("add acl @nets foo", "'foo' is not a valid IPv4 or IPv6 address."),
        ("add acl @nets 1.2.3.4/33", "'1.2.3.4/33' is not a valid IPv4 or IPv6 address."),
        ("add acl @paths", "'add acl' expects two parameters: ACL identifier and pattern."),
        ("add acl @paths /t", ""),
        ("add acl #77 /u", ""),
        ("set map @map /a new one", ""),
        ("show map @map", "0x /a new\n0x /ab two words\n0x /a new\n0x /k v"),
        ("set map @map /none v", "entry not found."),
        ("set map @map #0x12 v", "key or pattern not found."),
        ("set map @map /a", "'set map' expects three parameters: map identifier, key and value."),
    ]);
    assert_eq!(
        [rig.get("/a", ""), rig.get("/t", ""), rig.get("/u", ""), rig.get("/k", "")],
        ["new:0", "listed", "listed", "v:0"]
    );
    rig.check(&[
        ("del map @map /a", ""),
        ("del map @map /a", "Key not found."),
        ("del map @map #zz", "Key not found."),
        ("del map @map", "This command expects two parameters: map identifier and key."),
        ("show map @map", "0x /ab two words\n0x /k v"),
        ("del acl @paths /q", ""),
        ("del acl @paths nope", "Key not found."),
        ("clear acl #77", ""),
        ("clear map", "Missing map identifier."),
        ("clear acl x", "Unknown ACL identifier. Please use #<id> or <file>."),
    ]);
    assert_eq!(
        [rig.get("/a", ""), rig.get("/q", ""), rig.get("/z", ""), rig.get("/r", "")],
        ["none:0", "none:0", "none:0", "listed"]
    );
    // An entry by its number.
    let of_k = rig.admin.ask(&format!("show map {}", rig.path("map").display()));
    let number = of_k.lines().find(|line| line.ends_with(" /k v")).and_then(|line| line.split(' ').next());
    let number = number.expect("it was added");
    assert_eq!(rig.ask(&format!("set map @map #{number} other")), "");
    assert_eq!(rig.get("/k", ""), "other:0");
    assert_eq!(rig.ask(&format!("del map @map #{number}")), "");
    assert_eq!(rig.get("/k", ""), "none:0");
    assert_eq!([rig.ask("clear map @map"), rig.ask("show map @map")], ["", ""]);
}

/// `management.txt: prepare map, commit map`: a whole list is replaced in one moment.
fn versions(subject: Subject) {
    let rules = format!(
        "
        acl listed path -f @paths@
        {ANSWER} listed if listed
        {ANSWER} %[path,map_beg(@map@,none)]"
    );
    let rig = Rig::new(subject, &[("paths", "/q\n"), ("map", "/a 1\n/b 2\n")], &rules);
    rig.check(&[
        ("prepare map @map", "New version created: 1"),
        ("prepare map @map", "New version created: 2"),
        ("prepare acl @map", "Unknown ACL identifier. Please use #<id> or <file>."),
        ("prepare acl @paths", "New version created: 1"),
        ("add map ^2 @map /n x", ""),
        ("add map ^9 @map /o x", "Version number in the future, please use 'prepare map' before."),
        ("add acl ^9 @paths /o", "Version number in the future, please use 'prepare acl' before."),
        ("add acl ^1 @paths /new", ""),
        ("show map ^2 @map", "0x /n x"),
        ("show map ^1 @map", ""),
        ("show map @map", "0x /a 1\n0x /b 2"),
        ("commit map @map", "Missing version number."),
        ("commit map ^9 @map", "Version number out of range."),
        ("commit map ^x @map", "Version number out of range."),
        ("commit map ^5", "Missing map identifier."),
    ]);
    assert_eq!(
        [rig.get("/a/x", ""), rig.get("/n/x", ""), rig.get("/q", ""), rig.get("/new", "")],
        ["1", "none", "listed", "none"]
    );
    rig.check(&[("commit map ^2 @map", ""), ("commit acl ^1 @paths", ""), ("show map @map", "0x /n x")]);
    assert_eq!(
        [rig.get("/a/x", ""), rig.get("/n/x", ""), rig.get("/q", ""), rig.get("/new", "")],
        ["none", "x", "none", "listed"]
    );
    assert!(rig.ask("show map").ends_with("curr_ver=2 next_ver=2 entry_cnt=1"), "{}", rig.ask("show map"));
    rig.check(&[
        ("add map ^1 @map /old x", ""),
        ("show map ^1 @map", "0x /old x"),
        ("clear map ^1 @map", ""),
        ("show map ^1 @map", ""),
        ("clear map ^2 @map", ""),
        ("show map @map", ""),
    ]);
    assert_eq!(rig.get("/n/x", ""), "none");
}

/// Many keys in one command.
fn payloads(subject: Subject) {
    let rules = format!("\n        {ANSWER} %[path,map(@map@,none)]|%[path,map_int(@numbers@,0)]");
    let rig = Rig::new(subject, &[("map", ""), ("numbers", "")], &rules);
    rig.check(&[
        ("add map @map <<\n/k1 v1 v2\n# c\n/k2\tv3\n", ""),
        ("show map @map", "0x /k1 v1 v2\n0x # c\n0x /k2 v3"),
        ("add map @numbers <<\n1 2\nx 3\n4 5\n", "'x' is not a number."),
        ("show map @numbers", "0x 1 2"),
    ]);
    assert_eq!([rig.get("/k1", ""), rig.get("/k2", "")], ["v1 v2|0", "v3|0"]);
}

/// Each way of comparing, asked before and after a change.
fn every_kind_of_pattern(subject: Subject) {
    const KINDS: &[(&str, &str, &str, &str)] = &[
        // What is asked, a pattern of the file, one that is added, and what only that matches.
        ("path -i", "/A", "/Bee", "/bEE"),
        ("path_beg", "/a", "/bee", "/beefy"),
        ("path_beg -i", "/a", "/Bee", "/bEEfy"),
        ("path_end", "x", "bee", "/the/bee"),
        ("path_sub", "x", "bee", "/abeec"),
        ("path_dir", "x", "bee", "/a/bee/c"),
        ("path_dom", "x", "bee", "/a.bee.c"),
        ("path_reg", "^/x", "b[e]+$", "/bee"),
        ("path_reg -i", "^/x", "B[e]+$", "/bEE"),
        ("path_len", "90", "12:14", "/234567890123"),
        ("path -m bin", "2f61", "2f626565", "/bee"),
        ("url_param(i),add(0)", "5", "7:9", "/?i=8"),
        ("hdr_ip(x)", "10.0.0.0/8", "192.0.2.0/24", "/ip"),
    ];
    let mut rules = String::new();
    for (index, (expression, ..)) in KINDS.iter().enumerate() {
        let (fetch, flags) = expression.split_once(' ').unwrap_or((expression, ""));
        rules.push_str(&format!("\n        acl k{index} {fetch} {flags} -f @k{index}@"));
        rules.push_str(&format!("\n        {ANSWER} yes if {{ req.hdr(k) -m str {index} }} k{index}"));
    }
    rules.push_str(&format!("\n        {ANSWER} no"));
    let names: Vec<String> = (0..KINDS.len()).map(|index| format!("k{index}")).collect();
    let texts: Vec<String> = KINDS.iter().map(|(_, pattern, ..)| format!("{pattern}\n")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let rig = Rig::new(subject, &files, &rules);
    for (index, (expression, _, added, path)) in KINDS.iter().enumerate() {
        let asked = || rig.get(path, &format!("K: {index}\r\nX: 192.0.2.7\r\n"));
        assert_eq!(asked(), "no", "{expression}");
        assert_eq!(rig.ask(&format!("add acl @k{index} {added}")), "", "{expression}");
        assert_eq!(asked(), "yes", "{expression} with {added}");
        assert_eq!(rig.ask(&format!("del acl @k{index} {added}")), "", "{expression}");
        assert_eq!(asked(), "no", "{expression} without {added}");
    }
}

/// `configuration.txt: set-map, del-map, add-acl, del-acl`: rules behind one that changes a list see the change.
fn rules_that_change_lists(subject: Subject) {
    let rules = format!(
        "
        acl listed path -f @paths@
        http-request set-map(@map@) %[path] \"%[hdr(v)] x\" if {{ hdr(v) -m found }}
        http-request del-map(@map@) %[hdr(del)] if {{ hdr(del) -m found }}
        http-request add-acl(@paths@) %[hdr(add)] if {{ hdr(add) -m found }}
        http-request del-acl(@paths@) %[hdr(rem)] if {{ hdr(rem) -m found }}
        http-request set-map(@numbers@) %[hdr(i)] %[hdr(n)] if {{ hdr(i) -m found }}
        {ANSWER} listed if listed
        {ANSWER} %[path,map(@map@,none)]|%[hdr(i),map_int_int(@numbers@,7)]"
    );
    let files = [("paths", "/s\n"), ("map", "/a 1\n/a 2\n"), ("numbers", "1 5\n")];
    let rig = Rig::new(subject, &files, &rules);
    for (path, fields, expected) in [
        ("/new", "V: hello\r\n", "hello x|"),
        ("/new", "", "hello x|"),
        ("/a", "V: again\r\n", "again x|"),
        ("/a", "Del: /new\r\n", "again x|"),
        ("/new", "", "none|"),
        ("/zz", "Add: /zz\r\n", "listed"),
        ("/zz", "Add: /zz\r\n", "listed"),
        ("/s", "Rem: /s\r\n", "none|"),
        ("/", "I: 1\r\nN: bad\r\n", "none|5"),
        ("/", "I: x\r\nN: 5\r\n", "none|7"),
        ("/", "I: 77\r\nN: 6\r\n", "none|6"),
    ] {
        assert_eq!(rig.get(path, fields), expected, "{path} {fields}");
    }
    rig.check(&[
        ("show map @map", "0x /a again x\n0x /a again x"),
        ("show acl @paths", "0x /zz"),
        ("show map @numbers", "0x 1 5\n0x 77 6"),
    ]);
}

/// As in HAProxy, where it is another process that reads them.
#[test]
fn a_reload_reads_the_files_again() {
    let rules = format!("\n        {ANSWER} %[path,map(@map@,none)]");
    let rig = Rig::new(Subject::Tidegate, &[("map", "/a 1\n")], &rules);
    assert_eq!(rig.ask("set map @map /a 2"), "");
    assert_eq!(rig.get("/a", ""), "2");
    fs::write(rig.path("map"), "/a 3\n").expect("room for a map");
    rig.proxy.reload();
    wait::until("the map to be read again", wait::SOON, || rig.get("/a", "") == "3");
}
