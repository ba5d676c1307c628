//! What is served over HTTP beside the data path: metrics for Prometheus, as HAProxy's exporter has them, and statistics pages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::http::{Answer, ask, get};
use e2e::ports::Reservation;
use e2e::{Admin, Browser, Client, Origin, Proxy, Refusing, Setup, Subject, needs, process, wait};

e2e::scenarios! {
    shared: [
        metrics_of_a_farm,
        scopes_of_metrics,
        promtool_reads_the_metrics,
        tools_read_the_page,
        passwords,
        the_old_exporter_reads_the_page,
    ],
    alone: [],
}

/// A frontend, servers that are up, down, in maintenance, limited and unchecked.
const FARM: &str = "
    global
        maxconn 200
        @global@
    frontend fe
        bind @fe@
        default_backend be
    listen ls
        bind @ls@
        server l1 @s1@ maxconn 10
    backend be
        balance roundrobin
        server s1 @s1@
        server s2 @dead@ check inter 200ms fall 1
        server s3 @s1@ disabled weight 7
    listen web
        mode http
        bind @web@
        server w1 @s1@
";

/// Where each subject says that metrics are served.
fn with_metrics(subject: Subject) -> String {
    match subject {
        Subject::Haproxy => {
            let exporter = "
    frontend exporter
        mode http
        bind @metrics@
        http-request use-service prometheus-exporter if { path /metrics }
";
            FARM.replace("@global@", "") + exporter
        }
        Subject::Tidegate => FARM.replace("@global@", "tidegate.prometheus @metrics@"),
    }
}

struct Rig {
    proxy: Proxy,
    _origin: Origin,
    _dead: Refusing,
}

impl Rig {
    fn start(subject: Subject, template: &str) -> Rig {
        let (origin, dead) = (Origin::echo(), Refusing::new());
        let setup =
            Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).with("dead", dead.target());
        Rig { proxy: setup.start(), _origin: origin, _dead: dead }
    }

    fn visit(&self, listener: &str) {
        let mut client = self.proxy.connect(listener);
        client.ask("hello");
        client.finish();
        client.to_end();
    }

    fn get(&self, listener: &str, target: &str) -> Answer {
        get(self.proxy.address(listener), target)
    }

    /// The samples of a scrape, by name and labels.
    fn samples(&self) -> BTreeMap<String, String> {
        samples(&self.get("metrics", "/metrics").content)
    }

    fn wait_for(&self, sample: &str, value: &str) {
        wait::until(&format!("{sample} to be {value}"), wait::SOON, || {
            self.samples().get(sample).is_some_and(|found| found == value)
        });
    }
}

fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| line.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
    lines.map(|line| sample(line).expect("a name and a value")).collect()
}

/// Names of metrics with their types.
fn types(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect()
}

fn metrics_of_a_farm(subject: Subject) {
    let rig = Rig::start(subject, &with_metrics(subject));
    rig.visit("fe");
    rig.visit("fe");
    rig.visit("ls");
    rig.wait_for("haproxy_server_status{proxy=\"be\",server=\"s2\",state=\"DOWN\"}", "1");
    rig.wait_for("haproxy_frontend_current_sessions{proxy=\"fe\"}", "0");
    let found = rig.samples();
    for (sample, value) in [
        ("haproxy_process_max_connections", "200"),
        ("haproxy_frontend_status{proxy=\"fe\",state=\"UP\"}", "1"),
        ("haproxy_frontend_sessions_total{proxy=\"fe\"}", "2"),
        ("haproxy_frontend_bytes_in_total{proxy=\"ls\"}", "6"),
        ("haproxy_frontend_limit_sessions{proxy=\"fe\"}", "200"),
        ("haproxy_backend_bytes_out_total{proxy=\"be\"}", "12"),
        ("haproxy_backend_limit_sessions{proxy=\"be\"}", "20"),
        ("haproxy_backend_active_servers{proxy=\"be\"}", "1"),
        ("haproxy_backend_status{proxy=\"be\",state=\"DOWN\"}", "0"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"DOWN\"}", "1"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"MAINT\"}", "1"),
        ("haproxy_backend_agg_server_status{proxy=\"be\",state=\"UP\"}", "1"),
        ("haproxy_backend_agg_check_status{proxy=\"be\",state=\"L4CON\"}", "1"),
        ("haproxy_server_sessions_total{proxy=\"be\",server=\"s1\"}", "2"),
        ("haproxy_server_limit_sessions{proxy=\"be\",server=\"s1\"}", "NaN"),
        ("haproxy_server_limit_sessions{proxy=\"ls\",server=\"l1\"}", "10"),
        ("haproxy_server_weight{proxy=\"be\",server=\"s3\"}", "7"),
        ("haproxy_server_status{proxy=\"be\",server=\"s3\",state=\"MAINT\"}", "1"),
        ("haproxy_server_status{proxy=\"be\",server=\"s1\",state=\"UP\"}", "1"),
        ("haproxy_server_check_status{proxy=\"be\",server=\"s2\",state=\"L4CON\"}", "1"),
        ("haproxy_server_check_code{proxy=\"be\",server=\"s2\"}", "0"),
        ("haproxy_server_check_failures_total{proxy=\"be\",server=\"s1\"}", "NaN"),
        ("haproxy_server_queue_time_average_seconds{proxy=\"be\",server=\"s1\"}", "0.000000"),
        ("haproxy_server_last_session_seconds{proxy=\"be\",server=\"s2\"}", "-1"),
        ("haproxy_frontend_http_responses_total{proxy=\"web\",code=\"2xx\"}", "0"),
        ("haproxy_frontend_intercepted_requests_total{proxy=\"web\"}", "0"),
    ] {
        assert_eq!(found.get(sample).map(String::as_str), Some(value), "{sample}");
    }
    assert!(!found.contains_key("haproxy_server_check_code{proxy=\"be\",server=\"s1\"}"), "it is not checked");
}

fn scopes_of_metrics(subject: Subject) {
    let rig = Rig::start(subject, &with_metrics(subject));
    let families = |target: &str| {
        let answer = rig.get("metrics", target);
        assert_eq!(answer.status(), "200", "{target}");
        let family = |name: &String| name.split('_').nth(1).expect("haproxy_FAMILY_NAME").to_owned();
        samples(&answer.content).keys().map(family).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(families("/metrics?scope=global&scope=server"), ["process", "server"]);
    assert_eq!(families("/metrics?scope=frontend"), ["frontend"]);
    assert_eq!(families("/metrics?scope=*&no-maint"), families("/metrics"));
    assert_eq!(rig.get("metrics", "/metrics?scope=nothing").status(), "400");
    let without = rig.get("metrics", "/metrics?scope=server&no-maint").content;
    assert!(without.contains("\"s1\"") && !without.contains("\"s3\""), "{without}");
}

/// HAProxy's own names earn it some advice; ours may earn no other.
fn promtool_reads_the_metrics(subject: Subject) {
    if !needs::is_there("promtool_reads_the_metrics", "prometheus", "promtool") {
        return;
    }
    let rig = Rig::start(subject, &with_metrics(subject));
    rig.visit("fe");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let text = rig.get("metrics", "/metrics").content;
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let advice = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let names: Vec<&str> = advice.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["haproxy_process_failed_resolutions"], "{advice}");
}

/// Every metric of HAProxy is here, of the same type, and told of the same proxies and servers under the same labels.
#[test]
fn the_metrics_are_those_of_haproxy() {
    if !Subject::Haproxy.is_there("the_metrics_are_those_of_haproxy") {
        return;
    }
    let [theirs, ours] = [Subject::Haproxy, Subject::Tidegate].map(|subject| {
        let counted = with_metrics(subject).replace("bind @fe@", "bind @fe@\n option socket-stats");
        let rig = Rig::start(subject, &counted);
        rig.wait_for("haproxy_server_status{proxy=\"be\",server=\"s2\",state=\"DOWN\"}", "1");
        rig.get("metrics", "/metrics").content
    });
    let (their_types, our_types) = (types(&theirs), types(&ours));
    let missing: Vec<&&str> = their_types.difference(&our_types).collect();
    assert_eq!(missing, Vec::<&&str>::new());
    let names = |text: &str| {
        let is_farm = |name: &str| !name.contains("\"exporter\"") && !name.contains("build_info");
        let own = |name: &String| is_farm(name) && !name.starts_with("tidegate_");
        samples(text).into_keys().filter(own).collect::<BTreeSet<String>>()
    };
    let (theirs, ours) = (names(&theirs), names(&ours));
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new(), "HAProxy has more");
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new(), "HAProxy has less");
}

#[test]
fn visitors_that_misbehave_harm_nobody() {
    let rig = Rig::start(Subject::Tidegate, &with_metrics(Subject::Tidegate));
    let address = rig.proxy.address("metrics");
    assert_eq!(rig.get("metrics", "/").status(), "404");
    let refused = ask(address, &format!("POST /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
    assert_eq!(refused.status(), "405");
    assert!(ask(address, "\x16\x03\x01\x00\r\n").head.starts_with("http/1.1 400 "));
    let large = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(ask(address, &large).status(), "413");
    // Half a request, nothing at all, and an answer that nobody takes: others are served meanwhile.
    let mut slow: Vec<Client> = (0..20).map(|_| Client::to(address)).collect();
    slow.iter_mut().step_by(2).for_each(|client| client.say("GET /metrics HTTP/1.1\r\nHo"));
    slow.iter_mut().skip(1).step_by(4).for_each(|client| client.say("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eq!(rig.get("metrics", "/metrics").status(), "200");
    rig.visit("fe");
    // One connection serves several requests.
    let mut client = Client::to(address);
    for _ in 0..3 {
        client.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.line(), "HTTP/1.1 200 OK");
        while !client.line().is_empty() {}
    }
}

/// A second instance is refused, unless it takes over; then the pages are its own, too.
#[test]
fn a_successor_takes_the_pages_over() {
    let template = with_metrics(Subject::Tidegate);
    let mut first = Rig::start(Subject::Tidegate, &template);
    let again = |shared: &[&str]| {
        let setup = Setup::sections(Subject::Tidegate, "mode tcp", &template);
        let setup = setup.with("s1", "127.0.0.1:1").with("dead", "127.0.0.1:1");
        shared.iter().fold(setup, |setup, name| setup.with(name, first.proxy.address(name)))
    };
    let said = again(&["metrics"]).run_to_failure();
    assert!(said.contains("cannot bind socket (Address already in use)"), "{said}");
    let second =
        again(&["fe", "ls", "web", "metrics"]).argument("-sf").argument(&first.proxy.pid().to_string()).start();
    assert_eq!(first.proxy.wait_exit(wait::SOON).code(), Some(0));
    let found = samples(&get(first.proxy.address("metrics"), "/metrics").content);
    assert_eq!(found["haproxy_process_stopping"], "0");
    drop(second);
}

#[test]
fn a_reload_moves_the_metrics() {
    let template = with_metrics(Subject::Tidegate);
    let mut rig = Rig::start(Subject::Tidegate, &template);
    let before = rig.proxy.address("metrics");
    let mut kept = Client::to(before);
    kept.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(kept.line(), "HTTP/1.1 200 OK");
    let text = rig.proxy.template().replace("@metrics@", "@moved@");
    rig.proxy.rewrite(&text);
    rig.proxy.reload();
    let moved = rig.proxy.address("moved");
    wait::until("the new address to be listened on", wait::SOON, || Client::try_to(moved).is_ok());
    assert_eq!(rig.get("moved", "/metrics").status(), "200");
    wait::until("the old address to be given up", wait::SOON, || Client::try_to(before).is_err());
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

#[test]
fn latencies_are_shown() {
    let admin = Admin::new();
    let template = FARM.replace("@global@", "stats socket @socket@\n        tidegate.prometheus @metrics@");
    let rig = Rig::start(Subject::Tidegate, &template.replace("@socket@", &admin.path().display().to_string()));
    (0..3).for_each(|_| rig.visit("fe"));
    admin.wait_for("be", "s1", "scur", "0");
    let shown = admin.ask("show latency be");
    let lines: Vec<Vec<&str>> = shown.trim_end().lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0].join(" "), "# pxname svname part count p50 p90 p99 p99.9 max");
    let of =
        |name: &str, part: &str| lines.iter().find(|line| line[1] == name && line[2] == part).expect("a line").clone();
    for name in ["s1", "BACKEND"] {
        assert_eq!(of(name, "connect")[3], "3");
        let total = of(name, "total");
        let times: Vec<f64> = total[4..].iter().map(|time| time.parse().expect("a time")).collect();
        assert!(times[0] > 0.0 && times.is_sorted(), "{total:?}");
    }
    assert_eq!(of("s2", "total")[3..], ["0", "-", "-", "-", "-", "-"]);
    assert_eq!(admin.ask("show latency be/s1").trim_end().lines().count(), 4);
    assert_eq!(admin.ask("show latency nothing"), "No such backend.\n\n");
    let found = rig.samples();
    let bucket = |le: &str| {
        found[&format!("tidegate_server_total_time_seconds_bucket{{proxy=\"be\",server=\"s1\",le=\"{le}\"}}")].clone()
    };
    assert_eq!([bucket("60"), bucket("+Inf")], ["3", "3"]);
    assert_eq!(found["tidegate_backend_connect_time_seconds_count{proxy=\"be\"}"], "3");
    assert!(!found.contains_key("tidegate_server_total_time_seconds_count{proxy=\"be\",server=\"s2\"}"));
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
