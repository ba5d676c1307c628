//! What is served over HTTP beside the data path: metrics for Prometheus, as HAProxy's exporter has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use e2e::{Client, End, Origin, Proxy, Refusing, Setup, Subject, needs, wait};

e2e::scenarios! {
    shared: [
        metrics_of_a_farm,
        scopes_of_metrics,
        promtool_reads_the_metrics,
    ],
    alone: [],
}

/// A frontend, servers that are up, down, in maintenance, limited and unchecked.
const FARM: &str = "
    global
        nbthread @threads@
        maxconn 200
        @global@
    defaults
        mode tcp
        timeout connect 1s
        timeout client 10s
        timeout server 10s
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
        let setup = Setup::new(subject, template).with("s1", origin.target()).with("dead", dead.target());
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

/// A response.
#[derive(Debug)]
struct Answer {
    head: String,
    content: String,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status line")
    }
}

fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// The whole response to `request`, chunks put together.
fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut client = Client::to(address);
    client.say(request);
    let (bytes, end) = client.to_end();
    assert_eq!(end, End::Fin);
    let text = String::from_utf8(bytes).expect("text");
    let (head, content) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let head = head.to_ascii_lowercase();
    let content = if head.contains("transfer-encoding: chunked") { unchunked(content) } else { content.to_owned() };
    Answer { head, content }
}

fn unchunked(mut text: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        content.push_str(&rest[..size]);
        text = rest.get(size + 2..).unwrap_or_default();
    }
    content
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
        let rig = Rig::start(subject, &with_metrics(subject));
        rig.wait_for("haproxy_server_status{proxy=\"be\",server=\"s2\",state=\"DOWN\"}", "1");
        rig.get("metrics", "/metrics").content
    });
    // What HAProxy tells of proxies in mode http alone is told of its own exporter.
    let is_of_http = |family: &str| family.contains("_http_") || family.contains("_intercepted_");
    let (their_types, our_types) = (types(&theirs), types(&ours));
    let missing: Vec<&&str> = their_types.difference(&our_types).filter(|family| !is_of_http(family)).collect();
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

#[test]
fn a_reload_moves_the_metrics() {
    let template = with_metrics(Subject::Tidegate);
    let mut rig = Rig::start(Subject::Tidegate, &template);
    let before = rig.proxy.address("metrics");
    let mut kept = Client::to(before);
    kept.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(kept.line(), "HTTP/1.1 200 OK");
    rig.proxy.rewrite(&template.replace("@metrics@", "@moved@"));
    rig.proxy.reload();
    let moved = rig.proxy.address("moved");
    wait::until("the new address to be listened on", wait::SOON, || Client::try_to(moved).is_ok());
    assert_eq!(rig.get("moved", "/metrics").status(), "200");
    wait::until("the old address to be given up", wait::SOON, || Client::try_to(before).is_err());
}
