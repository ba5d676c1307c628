//! Cookies that bring clients back to their server.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Rig, values};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        cookies,
        cookies_with_dates,
        cookies_of_addresses,
        names_of_servers,
        cookies_and_caches,
    ],
    alone: [],
}

/// `configuration.txt: cookie, ignore-persist, force-persist, option persist`, §8.5 for the letters.
fn cookies(subject: Subject) {
    let servers = "server a @s@ cookie ca\n server b @s@ cookie cb weight 0";
    let down = "server a @s@ cookie ca disabled\n server b @s@ cookie cb";
    let dead = "retries 1\n server a @dead@ cookie ca\n server b @s@ cookie cb";
    let backends = [
        ("rewrite", format!("cookie SRV rewrite\n {servers}")),
        ("strict", format!("cookie SRV prefix indirect\n {servers}")),
        ("prefix", format!("cookie SRV prefix\n {servers}")),
        ("post", format!("cookie SRV insert postonly\n {servers}")),
        ("read", format!("cookie SRV\n {servers}")),
        ("ruled", format!("cookie SRV insert indirect\n use-server b unless {{ path_end /free }}\n {servers}")),
        ("ignored", format!("cookie SRV insert indirect\n ignore-persist unless {{ path_end /free }}\n {servers}")),
        ("forced", format!("cookie SRV insert\n force-persist if {{ path_end /force }}\n {down}")),
        ("persist", format!("cookie SRV insert\n option persist\n {down}")),
        ("drained", "cookie SRV insert\n server a @s@ cookie ca weight 0\n server b @s@ cookie cb".to_owned()),
        ("moved", format!("cookie SRV insert\n option redispatch\n {dead}")),
        ("stays", format!("cookie SRV insert\n {dead}")),
        ("kept", format!("cookie SRV insert\n option redispatch\n force-persist if TRUE\n {dead}")),
    ];
    let backends: Vec<_> = backends.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
    let rig = Rig::new(subject, "", &backends);
    for (number, (method, backend, end, brought, seen, given, line)) in [
        ("GET", "rewrite", "x", "", "", "", "a 200 --NN 0"),
        ("GET", "rewrite", "own", "", "", "other=1|SRV=ca; path=/", "a 200 --NR 0"),
        ("GET", "rewrite", "odd", "", "", "SRV=ca ; path=/|SRV=ca", "a 200 --NR 0"),
        ("GET", "rewrite", "own", "SRV=cb", "SRV=cb", "other=1|SRV=cb; path=/", "b 200 --VR 0"),
        ("GET", "rewrite", "own", "SRV=no", "SRV=no", "other=1|SRV=ca; path=/", "a 200 --IR 0"),
        ("GET", "strict", "own", "", "", "other=1|SRV=ca~own; path=/", "a 200 --NR 0"),
        ("GET", "strict", "own", "SRV=cb", "SRV=cb", "other=1", "b 200 --VD 0"),
        ("GET", "prefix", "own", "", "", "other=1|SRV=ca~own; path=/", "a 200 --NR 0"),
        ("GET", "prefix", "x", "x=1; SRV=cb~own; y=2", "x=1; SRV=own; y=2", "", "b 200 --VN 0"),
        ("GET", "prefix", "own", "SRV=cb~own", "SRV=own", "other=1|SRV=cb~own; path=/", "b 200 --VR 0"),
        ("GET", "prefix", "x", "SRV=own", "SRV=own", "", "a 200 --IN 0"),
        ("GET", "prefix", "x", "SRV=cb", "SRV=cb", "", "b 200 --VN 0"),
        ("GET", "prefix", "odd", "", "", "SRV=ca~own ; path=/|SRV=ca~", "a 200 --NR 0"),
        ("GET", "post", "x", "", "", "", "a 200 --NN 0"),
        ("POST", "post", "x", "", "", "SRV=ca; path=/", "a 200 --NI 0"),
        ("GET", "read", "own", "", "", "other=1|SRV=own; path=/", "a 200 ---- 0"),
        ("GET", "read", "own", "SRV=cb", "SRV=cb", "other=1|SRV=own; path=/", "b 200 ---- 0"),
        ("GET", "ruled", "x", "", "", "", "b 200 --NN 0"),
        ("GET", "ruled", "x", "a=1; SRV=ca", "a=1", "", "b 200 --UN 0"),
        ("GET", "ruled", "free", "SRV=ca", "", "", "a 200 --VN 0"),
        ("GET", "ruled", "free", "", "", "SRV=ca; path=/", "a 200 --NI 0"),
        ("GET", "ruled", "own", "", "", "other=1", "b 200 --ND 0"),
        ("GET", "ignored", "x", "SRV=cb", "", "", "a 200 --UN 0"),
        ("GET", "ignored", "x", "", "", "", "a 200 --NN 0"),
        ("GET", "ignored", "free", "SRV=cb", "", "", "b 200 --VN 0"),
        ("GET", "ignored", "own", "SRV=cb", "", "other=1|SRV=own; path=/", "a 200 --UN 0"),
        ("GET", "ignored", "free", "SRV=cb|x", "", "", "b 200 --VN 0"),
        ("GET", "ignored", "free", "SRV=", "", "SRV=ca; path=/", "a 200 --II 0"),
        ("GET", "ignored", "free", "SRV=|x; SRV=cb", "", "", "b 200 --VN 0"),
        ("GET", "forced", "x", "SRV=ca", "SRV=ca", "SRV=cb; path=/", "b 200 --DI 0"),
        ("GET", "forced", "force", "SRV=ca", "SRV=ca", "", "a 200 --DN 0"),
        ("GET", "forced", "force", "", "", "SRV=cb; path=/", "b 200 --NI 0"),
        ("GET", "persist", "x", "SRV=ca", "SRV=ca", "", "a 200 --DN 0"),
        ("GET", "drained", "x", "SRV=ca", "SRV=ca", "", "a 200 --VN 0"),
        ("GET", "moved", "x", "SRV=ca", "SRV=ca", "SRV=cb; path=/", "b 200 --DI +1"),
        ("GET", "stays", "x", "SRV=ca", "", "", "a 503 SCVN 1"),
        ("GET", "kept", "x", "SRV=ca", "", "", "a 503 SCVN 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}/{end}");
        let mut fields = if brought.is_empty() { String::new() } else { format!("Cookie: {brought}\r\n") };
        if method == "POST" {
            fields.push_str("Content-Length: 0\r\n");
        }
        let got = rig.ask(method, &path, &fields);
        assert_eq!(values(&got, "set-cookie").join("|"), given, "{path}, {brought}");
        let head = rig.seen(&path).unwrap_or_default();
        assert_eq!(values(&head, "cookie").join("|"), seen, "{path}, {brought}");
        let told = rig.logs.line_with(&format!("{path} "));
        assert!(told.ends_with(&format!("{path} {backend}/{line}")), "{told}: {line}");
    }
}

/// A date in a cookie: four seconds since 1970, in five digits of base 64.
fn date(seconds: i64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |place: u32| char::from(DIGITS[(seconds / 4 / 64_i64.pow(place) % 64) as usize]);
    [4, 3, 2, 1, 0].map(digit).into_iter().collect()
}

/// `configuration.txt: cookie … maxidle, maxlife`, §8.5 for the letters.
fn cookies_with_dates(subject: Subject) {
    let servers = "server a @s@ cookie ca\n server b @s@ cookie cb weight 0";
    let backends = [
        ("idle", format!("cookie SRV insert maxidle 100\n {servers}")),
        ("life", format!("cookie SRV insert indirect maxlife 1000s\n {servers}")),
        ("both", format!("cookie SRV insert maxidle 100 maxlife 1000\n {servers}")),
        ("none", format!("cookie SRV insert\n {servers}")),
    ];
    let backends: Vec<_> = backends.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
    let rig = Rig::new(subject, "", &backends);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs() as i64;
    // Far enough from every limit for a test that is slow.
    let today: Vec<String> = (-1..30).map(|quarter| date(now + 4 * quarter)).collect();
    for (number, (backend, brought, ages, given, line)) in [
        ("idle", "", &[][..], "ca|now", "a 200 --NI 0"),
        ("idle", "cb", &[], "cb|now", "b 200 --VU 0"),
        ("idle", "cb", &[-40], "cb|now", "b 200 --VU 0"),
        ("idle", "cb", &[3_000], "", "b 200 --VN 0"),
        ("idle", "cb", &[-500], "ca|now", "a 200 --EI 0"),
        ("idle", "cb", &[100_000], "ca|now", "a 200 --EI 0"),
        ("idle", "cb", &[-40, -5_000], "cb|now", "b 200 --VU 0"),
        ("idle", "no", &[-40], "ca|now", "a 200 --II 0"),
        ("life", "", &[], "ca|now|now", "a 200 --NI 0"),
        ("life", "cb", &[-40, -400], "cb|now|first", "b 200 --VU 0"),
        ("life", "cb", &[3_000, -400], "", "b 200 --VN 0"),
        ("life", "cb", &[-40, -2_000], "ca|now|now", "a 200 --OI 0"),
        ("life", "cb", &[], "cb|now|now", "b 200 --VU 0"),
        ("both", "cb", &[-500, -2_000], "ca|now|now", "a 200 --OI 0"),
        ("both", "cb", &[-500, -400], "ca|now|now", "a 200 --EI 0"),
        ("none", "cb", &[-40], "cb", "b 200 --VU 0"),
        ("none", "cb", &[], "", "b 200 --VN 0"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}");
        let dates: Vec<String> = ages.iter().map(|age| date(now + age)).collect();
        let value = [&[brought.to_owned()], &dates[..]].concat().join("|");
        let fields = if brought.is_empty() { String::new() } else { format!("Cookie: SRV={value}\r\n") };
        let got = rig.ask("GET", &path, &fields);
        let shown = |part: &str| match part {
            _ if today.iter().any(|today| today == part) => "now".to_owned(),
            _ if dates.get(1).is_some_and(|first| first == part) => "first".to_owned(),
            _ => part.to_owned(),
        };
        let value = values(&got, "set-cookie").join(",");
        let value = value.strip_prefix("SRV=").and_then(|value| value.strip_suffix("; path=/")).unwrap_or(&value);
        let value = value.split('|').map(shown).collect::<Vec<_>>().join("|");
        assert_eq!(value, given, "{path}, {fields}");
        let told = rig.logs.line_with(&format!("{path} "));
        assert!(told.ends_with(&format!("{path} {backend}/{line}")), "{told}: {line}");
    }
}

/// `configuration.txt: cookie … dynamic, dynamic-cookie-key`
fn cookies_of_addresses(subject: Subject) {
    let backends = [
        ("made", "cookie SRV insert dynamic\n dynamic-cookie-key secret\n server s @s@"),
        ("said", "cookie SRV insert dynamic\n dynamic-cookie-key secret\n server s @s@ cookie own"),
        ("none", "cookie SRV insert dynamic\n server s @s@"),
    ];
    let rig = Rig::new(subject, "", &backends);
    let given = |backend: &str| values(&rig.ask("GET", &format!("/{backend}/1"), ""), "set-cookie").join(",");
    assert_eq!(given("said"), "SRV=own; path=/");
    assert_eq!(given("none"), "SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
    let made = given("made");
    let value = made.strip_prefix("SRV=").and_then(|made| made.strip_suffix("; path=/")).expect("a cookie");
    assert!(value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    let again = rig.ask("GET", "/made/2", &format!("Cookie: SRV={value}\r\n"));
    assert_eq!(values(&again, "set-cookie"), [""; 0]);
    assert!(rig.logs.line_with("/made/2 ").ends_with("/made/2 made/s 200 --VN 0"));
}

/// `configuration.txt: http-send-name-header`
fn names_of_servers(subject: Subject) {
    let backends = [
        ("named", "http-send-name-header X-Own\n server first @s@"),
        ("host", "http-send-name-header Host\n server second @s@"),
        (
            "moved",
            "http-send-name-header X-Own\n option redispatch\n retries 1\n balance first\n server dead @dead@\n server third @s@",
        ),
    ];
    let rig = Rig::new(subject, "", &backends);
    for (backend, field, expect) in
        [("named", "x-own", "first"), ("host", "host", "second"), ("moved", "x-own", "third")]
    {
        let path = format!("/{backend}/");
        assert!(rig.ask("GET", &path, "X-Own: a\r\nX-Own: b\r\n").starts_with("HTTP/1.1 200"), "{path}");
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, field), [expect], "{path}: {head}");
    }
}

/// `configuration.txt: option checkcache`. HAProxy 2.6 blocks such a response as well, with the status that the server has said.
fn cookies_and_caches(subject: Subject) {
    let backends = [("checked", "option checkcache\n server s @s@"), ("open", "server s @s@")];
    let rig = Rig::new(subject, "", &backends);
    for (path, given, told) in
        [("/checked/1", 0, "checked/s ----"), ("/checked/leak", 0, "checked/s PH--"), ("/open/leak", 1, "open/s ----")]
    {
        let got = rig.ask("GET", path, "");
        assert_eq!(values(&got, "set-cookie").len(), given, "{path}: {got}");
        let line = rig.logs.line_with(&format!("{path} "));
        let words: Vec<_> = line.rsplit(' ').collect();
        assert_eq!(format!("{} {}", words[3], words[1]), told, "{line}");
        if subject == Subject::Tidegate && told.ends_with("PH--") {
            assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
        }
    }
}
