//! Statistics pages: for people, for tools that read them, and for those who act on them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::http::{Answer, ask, get};
use e2e::ports::Reservation;
use e2e::{Admin, Browser, Client, Subject, needs, process, wait};

use super::{FARM, Rig};

e2e::scenarios! {
    shared: [tools_read_the_page, passwords, the_old_exporter_reads_the_page],
    alone: [],
}

/// A page for everybody, one with a password, one on which something can be done, and one for few proxies.
const PAGES: &str = "
    listen open
        mode http
        bind @open@
        stats enable
        stats uri /stats
        stats refresh 7s
    frontend guarded
        mode http
        bind @guarded@
        stats enable
        stats uri /
        stats realm My\\ \"farm\"
        stats auth op:secret
        stats auth other:
    listen admin
        mode http
        bind @admin@
        stats uri /
        stats admin if LOCALHOST
        stats show-legends
        stats show-node lb1
        stats show-desc A & <B>
    listen scoped
        mode http
        bind @scoped@
        stats uri /
        stats scope be
        stats admin if { src 10.0.0.0/8 }
";

fn with_pages() -> String {
    FARM.replace("@global@", "stats socket @socket@ level admin") + PAGES
}

/// Rows of other pages are not looked at: HAProxy has some of its own for them.
fn farm_rows(csv: &str) -> Vec<String> {
    let rows = e2e::admin::rows(csv);
    let names = rows.iter().map(|row| format!("{}/{} {}", row["pxname"], row["svname"], row["status"]));
    names.filter(|name| ["fe/", "ls/", "be/"].iter().any(|proxy| name.starts_with(proxy))).collect()
}

fn tools_read_the_page(subject: Subject) {
    let admin = Admin::new();
    let template = with_pages().replace("@socket@", &admin.path().display().to_string());
    let rig = Rig::start(subject, &template);
    admin.wait_for("be", "s2", "status", "DOWN");
    let rows =
        ["fe/FRONTEND OPEN", "ls/FRONTEND OPEN", "ls/l1 no check", "ls/BACKEND UP", "be/s1 no check", "be/s2 DOWN"];
    let rest = ["be/s3 MAINT", "be/BACKEND UP"];
    for target in ["/stats;csv", "/stats;csv;norefresh", "/stats?a=b;csv"] {
        let answer = rig.get("open", target);
        assert!(answer.head.contains("content-type: text/plain\r\n"), "{}", answer.head);
        assert!(answer.content.starts_with("# pxname,svname,"), "{}", answer.content);
        assert_eq!(farm_rows(&answer.content), [&rows[..], &rest].concat(), "{target}");
    }
    assert_eq!(farm_rows(&rig.get("open", "/stats;csv;up").content).len(), 6, "down and maintained servers are hidden");
    let json = rig.get("open", "/stats;json");
    assert!(json.head.contains("content-type: application/json"), "{}", json.head);
    let json: serde_json::Value = serde_json::from_str(&json.content).expect("JSON");
    assert_eq!(json[0][0]["value"]["value"], "fe");
    let page = rig.get("open", "/stats");
    assert!(page.head.contains("content-type: text/html"), "{}", page.head);
    assert_eq!(rig.get("open", "/other").status(), "503");
    assert_eq!(farm_rows(&rig.get("scoped", "/;csv").content), [&rows[4..], &rest].concat());
}

fn passwords(subject: Subject) {
    let admin = Admin::new();
    let rig = Rig::start(subject, &with_pages().replace("@socket@", &admin.path().display().to_string()));
    let refused = rig.get("guarded", "/;csv");
    assert_eq!(refused.status(), "401");
    assert!(refused.head.contains("www-authenticate: basic realm=\"my "), "{}", refused.head);
    let address = rig.proxy.address("guarded");
    let with = |credentials: &str| {
        let request =
            format!("GET /;csv HTTP/1.1\r\nHost: x\r\nAuthorization: {credentials}\r\nConnection: close\r\n\r\n");
        ask(address, &request).status().to_owned()
    };
    // op:secret, other:, op:wrong, op:
    assert_eq!(with("Basic b3A6c2VjcmV0"), "200");
    assert_eq!(with("Basic b3RoZXI6"), "200");
    assert_eq!(with("Basic b3A6d3Jvbmc="), "401");
    assert_eq!(with("Basic b3A6"), "401");
    assert_eq!(with("Bearer b3A6c2VjcmV0"), "401");
}

/// The exporter that people ran before HAProxy had one of its own, on the page.
fn the_old_exporter_reads_the_page(subject: Subject) {
    let program = "prometheus-haproxy-exporter";
    if !needs::is_there("the_old_exporter_reads_the_page", program, program) {
        return;
    }
    let admin = Admin::new();
    let rig = Rig::start(subject, &with_pages().replace("@socket@", &admin.path().display().to_string()));
    let port = Reservation::loopback();
    let mut exporter = Command::new(program)
        .arg(format!("--haproxy.scrape-uri=http://op:secret@{}/;csv", rig.proxy.address("guarded")))
        .arg(format!("--web.listen-address={}", port.address()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    let text = wait::within(wait::SOON, || {
        Client::try_to(port.address()).ok()?;
        Some(get(port.address(), "/metrics").content).filter(|text| text.contains("haproxy_up 1"))
    });
    process::end(&mut exporter, wait::SOON);
    let text = text.expect("a scrape");
    for line in ["haproxy_exporter_csv_parse_failures_total 0", "haproxy_server_up{backend=\"be\",server=\"s1\"} 1"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

/// A form, as a browser on the page sends it.
fn post(address: SocketAddr, fields: &str, form: &str) -> Answer {
    let length = form.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         {fields}Content-Length: {length}\r\n\r\n{form}"
    );
    ask(address, &request)
}

#[test]
fn acting_on_a_page_needs_its_secret_and_a_second_word() {
    let admin = Admin::new();
    let template = with_pages().replace("@socket@", &admin.path().display().to_string());
    let rig = Rig::start(Subject::Tidegate, &template);
    let address = rig.proxy.address("admin");
    let status = |server: &str| admin.row("be", server)["status"].clone();
    let page = get(address, "/").content;
    assert!(page.contains("<h1>lb1</h1>") && page.contains("A &amp; &lt;B&gt;"), "names are escaped");
    let token = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let form = format!("token={token}&b=be&s=s1&action=drain");
    // Not without the secret, not from elsewhere, not at once.
    for (fields, form) in [
        ("", "b=be&s=s1&action=drain&confirmed=yes".to_owned()),
        ("Origin: http://evil.example\r\n", format!("{form}&confirmed=yes")),
        ("Sec-Fetch-Site: cross-site\r\n", format!("{form}&confirmed=yes")),
        ("", format!("token={token}&b=be&s=nobody&action=drain&confirmed=yes")),
        ("", format!("token={token}&b=be&s=s1&action=explode&confirmed=yes")),
    ] {
        assert_eq!(post(address, fields, &form).status(), "403", "{fields}{form}");
    }
    let question = post(address, &format!("Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n"), &form);
    assert_eq!(question.status(), "200");
    assert!(question.content.contains("name=\"confirmed\""), "{}", question.content);
    assert_eq!(status("s1"), "no check");
    let done = post(address, "", &format!("{form}&confirmed=yes"));
    assert_eq!(done.status(), "303");
    assert!(done.head.contains("location: /;st=done\r\n"), "{}", done.head);
    assert_eq!(status("s1"), "DRAIN");
    assert!(get(address, "/;st=DONE").content.contains("Done."));
    // An action that a server refuses.
    let refused = post(address, "", &format!("token={token}&b=be&s=s1&action=ehlth&confirmed=yes"));
    assert!(refused.head.contains("location: /;st=errp\r\n"), "{}", refused.head);
    // Where nobody may act, or not from here.
    for listener in ["open", "scoped"] {
        let target = rig.proxy.address(listener);
        let uri = if listener == "open" { "/stats" } else { "/" };
        let form = format!("{form}&confirmed=yes");
        let request = format!(
            "POST {uri} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        assert_eq!(ask(target, &request).status(), "403", "{listener}");
        assert!(!get(target, uri).content.contains("name=\"token\""), "{listener} offers nothing");
    }
}

/// Five hundred servers, one of them down, on a desk and on a phone; filtered, and one of them drained by clicks.
#[test]
fn the_page_in_a_browser() {
    let Some(browser) = Browser::start("the_page_in_a_browser") else { return };
    let admin = Admin::new();
    let servers: String = (1..=500).map(|number| format!("        server mail{number} @s1@ maxconn 100\n")).collect();
    let farm = with_pages().replace("        server s1 @s1@\n", &format!("        server s1 @s1@\n{servers}"));
    let rig = Rig::start(Subject::Tidegate, &farm.replace("@socket@", &admin.path().display().to_string()));
    (0..40).for_each(|_| rig.visit("fe"));
    let url = format!("http://{}/", rig.proxy.address("admin"));
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&pictures).expect("room for pictures");
    for (name, width, height) in [("wide", 1400, 1000), ("narrow", 400, 900)] {
        browser.resize(width, height);
        browser.open(&url);
        let picture = browser.screenshot();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "{name}: {} bytes", picture.len());
        std::fs::write(pictures.join(format!("{name}.png")), picture).expect("room for a picture");
        assert_eq!(browser.ask("document.querySelectorAll('tbody tr').length"), 505, "{name}");
        assert_eq!(browser.ask("document.documentElement.scrollWidth <= innerWidth"), true, "{name} fits");
        let foreign =
            "performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith('data:')).length";
        assert_eq!(browser.ask(foreign), 0, "{name} asks nobody for anything");
    }
    browser.resize(1400, 1000);
    browser.type_into("#filter", "MAIL499");
    assert_eq!(browser.ask("[...document.querySelectorAll('tbody tr')].filter((row) => !row.hidden).length"), 1);
    assert_eq!(browser.ask("document.getElementById('shown').textContent"), "1 of 505 servers");
    browser.click("input[value=mail499]");
    browser.click("section:not([hidden]) option[value=drain]");
    browser.click("section:not([hidden]) .actions button");
    assert_eq!(admin.row("be", "mail499")["status"], "no check", "it asks first");
    std::fs::write(pictures.join("question.png"), browser.screenshot()).expect("room for a picture");
    browser.click("#confirm");
    let note = "document.querySelector('.note')?.textContent ?? ''";
    wait::until("the page that comes back", wait::SOON, || browser.ask(note) == "Done.");
    assert_eq!(admin.row("be", "mail499")["status"], "DRAIN");
}
